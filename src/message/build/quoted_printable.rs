//! Quoted-printable of a text (RFC 2045 6.7): lines of at most 76 characters, all ended by CRLF,
//! that no gateway has reason to touch.
//!
//! CRLF, LF and CR in the text are all line ends; none of them is ever encoded.

use super::lines::lines;

/// Appends `text`. What it appends ends with CRLF, unless it is nothing.
pub fn encode(text: &str, out: &mut Vec<u8>) {
    walk(text, out);
}

/// What [`encode`] would append, without doing it.
pub fn encoded_len(text: &str) -> u64 {
    let mut length = 0;
    walk(text, &mut length);
    length
}

trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// How much was put.
impl Sink for u64 {
    fn put(&mut self, bytes: &[u8]) {
        *self += bytes.len() as u64;
    }
}

fn walk(text: &str, sink: &mut impl Sink) {
    for line in lines(text) {
        walk_line(line, sink);
        sink.put(b"\r\n");
    }
}

fn walk_line(line: &str, sink: &mut impl Sink) {
    let bytes = line.as_bytes();
    // White space at the end of a line is for transports to remove (rule 3).
    let is_plain = |at: usize| match bytes[at] {
        b' ' | b'\t' => at + 1 < bytes.len(),
        b'=' => false,
        byte => byte.is_ascii_graphic(),
    };
    let mut at = 0;
    let mut column = 0;
    while at < bytes.len() {
        if column == 0 && is_touched(&bytes[at..]) {
            escape(&bytes[at..=at], sink);
            at += 1;
            column = ESCAPED;
        }
        let start = at;
        while at < bytes.len() && column < BEFORE_BREAK && is_plain(at) {
            at += 1;
            column += 1;
        }
        sink.put(&bytes[start..at]);
        // One that is not plain, or no longer surely fits. It stays in one piece: whoever decodes
        // line by line sees no halves.
        let Some(character) = line[at..].chars().next() else { return };
        let plain = is_plain(at);
        let end = at + character.len_utf8();
        let width = if plain { 1 } else { ESCAPED * (end - at) };
        let most = if end == bytes.len() { WIDTH } else { BEFORE_BREAK };
        if column + width > most {
            sink.put(b"=\r\n");
            column = 0;
            continue;
        }
        if plain {
            sink.put(&bytes[at..end]);
        } else {
            escape(&bytes[at..end], sink);
        }
        column += width;
        at = end;
    }
}

/// Whether a line that begins so is changed on some ways: a dot is doubled for SMTP and not always
/// undone, "From " gets a ">" in mailboxes (RFC 2049 3).
fn is_touched(line: &[u8]) -> bool {
    line[0] == b'.' || line.starts_with(b"From ")
}

fn escape(bytes: &[u8], sink: &mut impl Sink) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        sink.put(&[b'=', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// Characters of a line (rule 5).
const WIDTH: usize = 76;

/// Those that leave room for the "=" of a soft line break.
const BEFORE_BREAK: usize = WIDTH - 1;

const ESCAPED: usize = "=XX".len();

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(text: &str) -> String {
        let mut out = b"before".to_vec();
        encode(text, &mut out);
        assert_eq!(encoded_len(text), out.len() as u64 - 6, "{text:?}");
        String::from_utf8(out).expect("ASCII").strip_prefix("before").expect("kept").to_owned()
    }

    /// RFC 2045 6.7 read strictly, which Python's quopri agrees with.
    fn decoded(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        for line in text.strip_suffix("\r\n").map(|text| text.split("\r\n")).into_iter().flatten() {
            let (line, end) = line.strip_suffix('=').map_or((line, "\r\n"), |line| (line, ""));
            let mut parts = line.split('=');
            out.extend(parts.next().unwrap_or_default().bytes());
            for part in parts {
                out.push(u8::from_str_radix(&part[..2], 16).expect("two digits"));
                out.extend(part[2..].bytes());
            }
            out.extend(end.bytes());
        }
        out
    }

    fn canonical(text: &str) -> String {
        lines(text).map(|line| format!("{line}\r\n")).collect()
    }

    fn check(text: &str) {
        let encoded = encoded(text);
        assert_eq!(decoded(&encoded), canonical(text).as_bytes(), "{text:?}: {encoded:?}");
        let theirs = mail_parser::decoders::quoted_printable::quoted_printable_decode;
        // It drops the CR of a line end.
        let theirs = theirs(encoded.as_bytes());
        let bare = |text: &[u8]| text.iter().copied().filter(|&b| b != b'\r').collect::<Vec<_>>();
        assert_eq!(theirs.map(|text| bare(&text)), Some(bare(canonical(text).as_bytes())));
        for line in encoded.split_terminator("\r\n") {
            assert!(line.len() <= 76, "{line:?}");
            let plain = |c: char| c.is_ascii_graphic() || c == ' ' || c == '\t';
            assert!(line.chars().all(plain), "{line:?}");
            assert!(!line.ends_with([' ', '\t']), "{line:?}");
            assert!(!line.starts_with('.') && !line.starts_with("From "), "{line:?}");
            let whole = line.strip_suffix('=').unwrap_or(line);
            let bytes = decoded(&format!("{whole}\r\n"));
            assert!(std::str::from_utf8(&bytes).is_ok(), "half a character: {line:?}");
        }
        assert!(encoded.is_empty() || encoded.ends_with("\r\n") && !encoded.ends_with("=\r\n"));
    }

    #[test]
    fn texts() {
        for (text, expected) in [
            ("", ""),
            ("a", "a\r\n"),
            ("a\nb\rc\r\n\r\n", "a\r\nb\r\nc\r\n\r\n"),
            ("1 = 1", "1 =3D 1\r\n"),
            ("Gr\u{fc}\u{df}e", "Gr=C3=BC=C3=9Fe\r\n"),
            ("\u{1f600}", "=F0=9F=98=80\r\n"),
            ("a \nb\t\n \n  ", "a=20\r\nb=09\r\n=20\r\n =20\r\n"),
            ("a b\tc", "a b\tc\r\n"),
            (".\n..\na.", "=2E\r\n=2E.\r\na.\r\n"),
            ("From me\nFrom\nfrom me\n>From me", "=46rom me\r\nFrom\r\nfrom me\r\n>From me\r\n"),
            ("\0\u{1b}\u{7f}\u{b}", "=00=1B=7F=0B\r\n"),
        ] {
            assert_eq!(encoded(text), expected, "{text:?}");
            check(text);
        }
    }

    #[test]
    fn soft_breaks() {
        for (before, rest, expected) in [
            (75, "b", "b\r\n"),
            (75, "bc", "=\r\nbc\r\n"),
            (75, "b\n", "b\r\n"),
            (73, "=", "=3D\r\n"),
            (73, "=b", "=\r\n=3Db\r\n"),
            (72, "=b", "=3Db\r\n"),
            (74, "=", "=\r\n=3D\r\n"),
            (70, "\u{e9}", "=C3=A9\r\n"),
            (70, "\u{e9}b", "=\r\n=C3=A9b\r\n"),
            (71, "\u{e9}", "=\r\n=C3=A9\r\n"),
            (64, "\u{1f600}", "=F0=9F=98=80\r\n"),
            (65, "\u{1f600}", "=\r\n=F0=9F=98=80\r\n"),
            (74, " ", "=\r\n=20\r\n"),
            (73, " ", "=20\r\n"),
            (74, " b", " b\r\n"),
            (75, ".b", "=\r\n=2Eb\r\n"),
            (75, "From b", "=\r\n=46rom b\r\n"),
            (75, "From", "=\r\nFrom\r\n"),
        ] {
            let text = "a".repeat(before) + rest;
            check(&text);
            assert_eq!(encoded(&text), "a".repeat(before) + expected, "{before} and {rest:?}");
        }
        let long = encoded(&"x".repeat(200));
        let lengths: Vec<_> = long.split_terminator("\r\n").map(str::len).collect();
        assert_eq!(lengths, [76, 76, 50]);
        for text in ["\u{1f600}".repeat(40), ".".repeat(300), "From ".repeat(80), " ".repeat(200)] {
            check(&text);
        }
    }

    proptest! {
        #[test]
        fn decodes_to_what_it_was(
            text in prop_oneof![
                any::<String>(),
                "[a-c.=F\u{e9}\u{1f600} \t]{0,300}(From |\r\n|\n|\r|[ .=]){0,5}[a-z\u{20ac}]{0,160}",
                "(a{60,78}|From |[.= \t\r\n\u{e9}]){0,40}",
            ]
        ) {
            check(&text);
        }
    }
}
