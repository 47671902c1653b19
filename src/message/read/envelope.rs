//! The envelope of a message as `send_message` would send it, for who wants to see it before.

use super::submission;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::Path;

/// Sender and recipients, checked: each can stand in MAIL or RCPT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    sender: Path,
    recipients: Vec<Path>,
    needs_utf8: bool,
}

impl Envelope {
    /// Of `message`, with what is given in place of what its header says.
    pub fn read(message: &[u8], from: Option<&str>, to: Option<&[&str]>) -> Result<Self> {
        let parts = submission(message, from, to)?;
        let sender = Path::parse(&parts.from)?;
        if parts.to.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, "there is no recipient"));
        }
        let recipients = parts.to.iter().map(|to| Path::parse(to)).collect::<Result<Vec<_>>>()?;
        let no_labels = |path: &Path| !path.is_ascii() && path.with_ascii_domain().is_none();
        let needs_utf8 =
            parts.header_utf8 || no_labels(&sender) || recipients.iter().any(no_labels);
        Ok(Envelope { sender, recipients, needs_utf8 })
    }

    /// Of a message that is being built.
    pub fn new(sender: Path, recipients: Vec<Path>, needs_utf8: bool) -> Self {
        Envelope { sender, recipients, needs_utf8 }
    }

    /// Without angle brackets; `""` for the null path.
    pub fn sender(&self) -> &str {
        self.sender.as_str()
    }

    /// Each as [`sender`](Self::sender).
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        self.recipients.iter().map(Path::as_str)
    }

    /// Only a server that offers SMTPUTF8 (RFC 6531) can take the message.
    pub fn needs_utf8(&self) -> bool {
        self.needs_utf8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the envelope or the header needs SMTPUTF8, and whether A-labels cannot help.
    #[test]
    fn who_needs_smtputf8() {
        // Message, sender, recipients; needs_utf8, header_utf8, what the envelope alone says.
        type Case<'a> = (&'a str, Option<&'a str>, Option<&'a [&'a str]>, [bool; 3]);
        let cases: &[Case] = &[
            ("From: a@b\nTo: c@d\n\n\u{e9}", None, None, [false, false, false]),
            // A display name or comment, in the header or in the argument, is no address.
            ("From: J\u{e9} <a@b>\nTo: c@d (\u{e9})\n", None, None, [false, false, false]),
            (
                "Subject: \u{e9}\n\n",
                Some("J\u{e9} <a@b>"),
                Some(&["c@d (\u{e9})"]),
                [false, false, false],
            ),
            ("From: a@b\nTo: \"\u{e9}@x\" <c@d>\n", None, None, [false, false, false]),
            // The envelope alone: its domains may go out as A-labels, its local parts may not.
            ("X: y\n\n", Some("a@b\u{fc}.example"), Some(&["c@d"]), [true, false, false]),
            ("X: y\n\n", Some("a@b"), Some(&["c@d", "\u{e9}@b"]), [true, false, true]),
            ("From: a@b\nTo: c@d\nBcc: e@b\u{fc}.example\n", None, None, [true, false, false]),
            ("From: a@b\nTo: c@d\nBcc: \u{e9}@b\n", None, None, [true, false, true]),
            // The header is what it is, whatever the envelope says.
            ("From: a@b\nTo: c@b\u{fc}.example\n", None, None, [true, true, true]),
            ("From: a@b\u{fc}.example\n\n", Some("a@b"), Some(&["c@d"]), [true, true, true]),
            ("From: a@b\nTo: c@d\nReply-To: \u{e9}@b\n", None, None, [true, true, true]),
            ("From: a@b\nTo: c@d\nResent-Cc:\n J <\u{e9}@b>\n", None, None, [true, true, true]),
            ("From: a@b\nTo: c@d\nresent-reply-to: \u{e9}@b\n", None, None, [true, true, true]),
            ("From: a@b\nTo: c@d\n\nTo: \u{e9}@b\n", None, None, [false, false, false]),
        ];
        for (message, from, to, [needs, header, envelope]) in cases {
            let parts = submission(message.as_bytes(), *from, *to).unwrap();
            assert_eq!((parts.needs_utf8, parts.header_utf8), (*needs, *header), "{message:?}");
            let read = Envelope::read(message.as_bytes(), *from, *to).unwrap();
            assert_eq!(read.needs_utf8(), *envelope, "{message:?}");
        }
        // Latin-1 is no UTF-8, and SMTPUTF8 would not make it so.
        let latin1 = b"From: a@b\nTo: c@d\nReply-To: \xe9@b\n\n";
        assert!(!submission(latin1, None, None).unwrap().needs_utf8);
    }

    #[test]
    fn envelopes_are_checked_address_by_address() {
        let message = b"From: Joe <a@b>\nTo: \"x y\"@d, (c) e@f, e@f\nBcc: g@h\n\nbody";
        let read = Envelope::read(message, None, None).unwrap();
        let to: Vec<_> = read.recipients().collect();
        assert_eq!((read.sender(), to), ("a@b", vec!["\"x y\"@d", "e@f", "e@f", "g@h"]));
        let read = Envelope::read(message, Some(""), Some(&["Name <c@d>"])).unwrap();
        assert_eq!((read.sender(), read.recipients().collect()), ("", vec!["c@d"]));
        type Case<'a> = (&'a [u8], Option<&'a str>, Option<&'a [&'a str]>, &'a str);
        let cases: &[Case] = &[
            (message, None, Some(&[]), "there is no recipient"),
            (b"From: a@b\nTo: x:;\n", None, None, "there is no recipient"),
            (message, Some(" "), None, "the address   holds no address"),
            (message, None, Some(&["a@b,c@d"]), "as between two addresses"),
            (b"From: a@b\nTo: c d@e\n", None, None, "holds a space"),
            (b"To: c@d\n", None, None, "the message has no From or Sender"),
        ];
        for (message, from, to, words) in cases {
            let error = Envelope::read(message, *from, *to).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(words), "{error}");
        }
    }
}
