//! Finds the header section of a message and, in it, the fields that name an envelope
//! (RFC 5322 sections 2.2 and 3.6). It looks at names and line ends only, never at values.
//!
//! Lines end with CRLF, a bare CR or a bare LF in any mixture, because all three become line ends
//! on the wire: a Bcc behind a bare CR would be a field of its own there. For the same reason the
//! section goes up to the first empty line, and a line that is no field does not end it: a Bcc
//! behind such a line would be in plain sight.

use std::ops::Range;

use memchr::memchr2;

use crate::error::{Error, ErrorKind, Result};

/// The header section of a message.
pub(super) struct Section<'a> {
    /// Where it begins: behind the mbox line, if there is one.
    pub start: usize,
    /// Where the body begins: behind the empty line.
    pub end: usize,
    /// The fields that [`Name`] knows, in their order.
    pub fields: Vec<Field<'a>>,
}

/// A field with all its continuation lines.
pub(super) struct Field<'a> {
    pub name: Name,
    /// Everything behind the colon, line ends and all.
    pub value: &'a [u8],
    /// The whole of its lines in the message.
    pub lines: Range<usize>,
}

/// The fields that name mailboxes, and the one that says which of them serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    From,
    Sender,
    ReplyTo,
    To,
    Cc,
    Bcc,
    ResentDate,
    ResentFrom,
    ResentSender,
    ResentReplyTo,
    ResentTo,
    ResentCc,
    ResentBcc,
}

impl Name {
    pub fn as_str(self) -> &'static str {
        match self {
            Name::From => "From",
            Name::Sender => "Sender",
            Name::ReplyTo => "Reply-To",
            Name::To => "To",
            Name::Cc => "Cc",
            Name::Bcc => "Bcc",
            Name::ResentDate => "Resent-Date",
            Name::ResentFrom => "Resent-From",
            Name::ResentSender => "Resent-Sender",
            Name::ResentReplyTo => "Resent-Reply-To",
            Name::ResentTo => "Resent-To",
            Name::ResentCc => "Resent-Cc",
            Name::ResentBcc => "Resent-Bcc",
        }
    }

    /// Bcc and Resent-Bcc are for the envelope alone (RFC 5322 section 3.6.3).
    pub fn is_hidden(self) -> bool {
        matches!(self, Name::Bcc | Name::ResentBcc)
    }

    fn parse(name: &[u8]) -> Option<Name> {
        KNOWN.into_iter().find(|known| known.as_str().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// Reads the header section of `message`.
pub(super) fn scan(message: &[u8]) -> Result<Section<'_>> {
    let start = match field_name(message) {
        // An mbox separator ("From joe Mon Jan  5 ..."); "From: " is a field.
        None if message.starts_with(b"From ") => line_end(message, 0).1,
        _ => 0,
    };
    let mut fields: Vec<Field> = Vec::new();
    // Where the value of the field that is being read starts; continuation lines belong to it.
    let mut open: Option<(Name, Range<usize>)> = None;
    let mut at = start;
    while at < message.len() {
        let (text_end, next) = line_end(message, at);
        if text_end > MAX_HEADER_SECTION {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("the message's header section is longer than {MAX_HEADER_SECTION} bytes"),
            ));
        }
        // RFC 5322 section 2.2.3. A line of nothing but blanks continues a field, too.
        let continues = matches!(message[at], b' ' | b'\t');
        if !continues {
            close(message, &mut fields, open.take(), at);
        }
        if text_end == at {
            return Ok(Section { start, end: next, fields });
        }
        if !continues {
            if let Some((name, length)) = field_name(&message[at..]) {
                open = Name::parse(name).map(|name| (name, at..at + length));
            }
        }
        at = next;
    }
    close(message, &mut fields, open.take(), at);
    Ok(Section { start, end: at, fields })
}

/// Ends the field whose name and colon stand at the range of `open`.
fn close<'a>(
    message: &'a [u8],
    fields: &mut Vec<Field<'a>>,
    open: Option<(Name, Range<usize>)>,
    end: usize,
) {
    if let Some((name, label)) = open {
        fields.push(Field { name, value: &message[label.end..end], lines: label.start..end });
    }
}

/// The name at the start of `text`, and the length of name and colon. Blanks before the colon are
/// obsolete but read (RFC 5322 section 4.5), and so is a fold among them: unfolded, it is a blank.
fn field_name(text: &[u8]) -> Option<(&[u8], usize)> {
    let length = text.iter().position(|byte| !matches!(byte, b'!'..=b'9' | b';'..=b'~'))?;
    let mut at = length;
    loop {
        match text.get(at)? {
            b' ' | b'\t' => at += 1,
            b'\r' | b'\n' => {
                at = line_end(text, at).1;
                if !matches!(text.get(at)?, b' ' | b'\t') {
                    return None;
                }
            }
            b':' if length > 0 => return Some((&text[..length], at + 1)),
            _ => return None,
        }
    }
}

/// Where the text of the line at `at` ends, and where the next line begins.
fn line_end(message: &[u8], at: usize) -> (usize, usize) {
    match memchr2(b'\r', b'\n', &message[at..]) {
        None => (message.len(), message.len()),
        Some(length) => {
            let end = at + length;
            let crlf = message[end..].starts_with(b"\r\n");
            (end, end + if crlf { 2 } else { 1 })
        }
    }
}

/// A hundred thousand recipients fit. It bounds the time and memory that a message without any
/// empty line, most likely no message at all, may cost.
pub(super) const MAX_HEADER_SECTION: usize = 4 * 1024 * 1024;

const KNOWN: [Name; 13] = [
    Name::From,
    Name::Sender,
    Name::ReplyTo,
    Name::To,
    Name::Cc,
    Name::Bcc,
    Name::ResentDate,
    Name::ResentFrom,
    Name::ResentSender,
    Name::ResentReplyTo,
    Name::ResentTo,
    Name::ResentCc,
    Name::ResentBcc,
];
