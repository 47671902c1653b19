//! Which Content-Transfer-Encoding a content takes (RFC 2045 6): none where it can travel as it
//! is, else quoted-printable unless base64 is much shorter.

use memchr::{memchr, memchr2_iter};

use super::lines::lines;
use super::{base64, quoted_printable};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    SevenBit,
    EightBit,
    QuotedPrintable,
    Base64,
}

impl Encoding {
    /// As the header field names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::EightBit => "8bit",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }
}

/// For `text`, whose line ends, CRLF, LF or CR, all become CRLF whatever the encoding; before
/// base64, and not after (RFC 2045 6.8). With `utf8` the mail goes by SMTPUTF8, and only to servers
/// that have 8BITMIME (RFC 6531 3.1): then 8bit will do for what is not ASCII.
pub fn for_text(text: &str, utf8: bool) -> Encoding {
    let mut travels = utf8 || text.is_ascii();
    let mut length = 0;
    for line in lines(text) {
        travels = travels && line.len() <= LINE_LIMIT && !line.bytes().any(is_troublesome);
        length += line.len() as u64 + 2;
    }
    if travels {
        return if text.is_ascii() { Encoding::SevenBit } else { Encoding::EightBit };
    }
    // The one that can be read as it is, unless the other is much shorter.
    match quoted_printable::encoded_len(text) <= base64::encoded_len(length) / 4 * 5 {
        true => Encoding::QuotedPrintable,
        false => Encoding::Base64,
    }
}

/// Whether `bytes` are 7bit data to the letter (RFC 2045 2.7): they arrive as they are, also by a
/// server that has no extension. The last line may be without its end.
pub fn is_exact_seven_bit(bytes: &[u8]) -> bool {
    if !bytes.is_ascii() || memchr(0, bytes).is_some() {
        return false;
    }
    let mut start = 0;
    for end in memchr2_iter(b'\r', b'\n', bytes) {
        match bytes[end] {
            b'\r' if bytes.get(end + 1) != Some(&b'\n') || end - start > LINE_LIMIT => {
                return false;
            }
            b'\r' => start = end + 2,
            // Its CR came before it and moved the start behind both.
            _ if start != end + 1 => return false,
            _ => {}
        }
    }
    bytes.len() - start <= LINE_LIMIT
}

/// NUL may stand in no mail (RFC 5322 4); other control characters may, but some servers take them
/// out or refuse them, and a terminal obeys them. Tab and form feed are text.
fn is_troublesome(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t' && byte != b'\x0c'
}

/// Octets of a line without its CRLF (RFC 5322 2.1.1).
const LINE_LIMIT: usize = 998;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts() {
        use Encoding::{Base64, EightBit, QuotedPrintable, SevenBit};

        let line = "a".repeat(998);
        let long = format!("{line}b");
        let greek = "\u{3b1}".repeat(499);
        for (text, expected, with_utf8) in [
            ("", SevenBit, SevenBit),
            ("hello\n", SevenBit, SevenBit),
            ("a\rb\nc\r\nd", SevenBit, SevenBit),
            ("a\tb\u{c}", SevenBit, SevenBit),
            (&line, SevenBit, SevenBit),
            (&format!("{line}\r\n{line}\n{line}\r{line}"), SevenBit, SevenBit),
            (&long, QuotedPrintable, QuotedPrintable),
            (&format!("a\n{long}\n"), QuotedPrintable, QuotedPrintable),
            ("a\0", QuotedPrintable, QuotedPrintable),
            ("a long enough line\u{1b}[31m", QuotedPrintable, QuotedPrintable),
            ("a\u{7f} long enough line", QuotedPrintable, QuotedPrintable),
            ("Viele Gr\u{fc}\u{df}e aus M\u{fc}nchen", QuotedPrintable, EightBit),
            ("\u{e9}", QuotedPrintable, EightBit),
            ("\u{3b1}\u{3b2}\u{3b3}\u{3b4}", Base64, EightBit),
            (&greek, Base64, EightBit),
            (&format!("{greek}\u{3b1}"), Base64, Base64),
            ("\u{3b1}\u{3b2}\u{3b3}\u{3b4}\0", Base64, Base64),
        ] {
            assert_eq!(for_text(text, false), expected, "{text:?}");
            assert_eq!(for_text(text, true), with_utf8, "{text:?} by SMTPUTF8");
        }
    }

    #[test]
    fn names() {
        let of = |text, utf8| for_text(text, utf8).name();
        assert_eq!(of("a", false), "7bit");
        assert_eq!(of("\u{e9}", true), "8bit");
        assert_eq!(of("caf\u{e9}", false), "quoted-printable");
        assert_eq!(of("\u{3b1}\u{3b2}\u{3b3}\u{3b4}", false), "base64");
    }

    #[test]
    fn exact_seven_bit() {
        let line = "a".repeat(998);
        for (text, expected) in [
            ("", true),
            ("a", true),
            ("a\r\n", true),
            ("\r\n\r\n", true),
            ("a\r\nb", true),
            ("\u{1b}\u{7f}\t", true),
            (&line, true),
            (&format!("{line}\r\n{line}\r\n"), true),
            (&format!("{line}b"), false),
            (&format!("{line}b\r\n"), false),
            (&format!("a\r\n{line}b\r\na"), false),
            (&format!("a\r\n{line}b"), false),
            ("\n", false),
            ("\r", false),
            ("a\nb\r\n", false),
            ("a\r\n\n", false),
            ("a\r\r\n", false),
            ("\n\r", false),
            ("a\r", false),
            ("a\0", false),
            ("\u{e9}", false),
        ] {
            assert_eq!(is_exact_seven_bit(text.as_bytes()), expected, "{text:?}");
        }
        assert!(!is_exact_seven_bit(b"\x80"));
    }

    proptest! {
        #[test]
        fn exact_is_what_the_definition_says(text in "(\r\n|\r|\n|a|a{990,998}|\u{e9}){0,6}") {
            let bare = text.replace("\r\n", "");
            let lines_fit = text.split("\r\n").all(|line| line.len() <= 998);
            let expected = text.is_ascii() && lines_fit && !bare.contains(['\r', '\n']);
            prop_assert_eq!(is_exact_seven_bit(text.as_bytes()), expected);
        }

        #[test]
        fn the_readable_one_unless_it_is_much_longer(text in "[a-z\u{3b1}\u{20ac}=\n ]{0,300}") {
            let canonical: String = lines(&text).map(|line| format!("{line}\r\n")).collect();
            let (printable, base64) =
                (quoted_printable::encoded_len(&text), base64::encoded_len(canonical.len() as u64));
            match for_text(&text, false) {
                Encoding::SevenBit => prop_assert!(text.is_ascii()),
                Encoding::EightBit => prop_assert!(false),
                Encoding::QuotedPrintable => prop_assert!(printable <= base64 / 4 * 5),
                Encoding::Base64 => prop_assert!(printable > base64 / 4 * 5),
            }
        }
    }
}
