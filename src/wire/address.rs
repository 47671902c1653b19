//! Paths (RFC 5321 section 4.1.2): what may stand between `<` and `>` in MAIL and RCPT.
//!
//! [`Path::parse`] understands what smtplib's `quoteaddr` does, and refuses whatever would say
//! something else to the server than an address. Nothing is repaired.

use crate::error::{Error, ErrorKind, Result, printable};

/// Longest path in bytes. RFC 5321 section 4.5.3.1.3 asks servers for 256; UTF-8 and
/// generous servers take more, a path beyond this is a mistake or an attack.
pub const MAX_PATH: usize = 1000;

/// A reverse-path or forward-path that is safe to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: String,
    /// Where the `@` before the domain stands.
    at: Option<usize>,
    ascii: bool,
}

impl Path {
    /// The null reverse-path.
    pub fn null() -> Self {
        Path { text: String::new(), at: None, ascii: true }
    }

    /// Of `a@b`, `<a@b>`, `Name <a@b>` or `a@b (Name)`; what is no address at all, like
    /// `postmaster`, is taken as it is.
    pub fn parse(input: &str) -> Result<Self> {
        if let Some(at) = plain(input) {
            return Ok(Path { text: input.to_owned(), at: Some(at), ascii: true });
        }
        check_controls(input)?;
        let address = match angle_part(input)? {
            Some(inside) => inside.to_owned(),
            None => without_comments(input)?,
        };
        let address = address.trim_matches(' ');
        if address.is_empty() {
            return Ok(Path::null());
        }
        if address.len() > MAX_PATH {
            return Err(invalid(input, &format!("is longer than {MAX_PATH} bytes")));
        }
        let at = check_specials(address).map_err(|what| invalid(input, &what))?;
        Ok(Path { text: address.to_owned(), at, ascii: address.is_ascii() })
    }

    /// The path without its angle brackets.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_null(&self) -> bool {
        self.text.is_empty()
    }

    pub fn is_ascii(&self) -> bool {
        self.ascii
    }

    pub fn local_part(&self) -> &str {
        &self.text[..self.at.unwrap_or(self.text.len())]
    }

    /// `""` if there is none.
    pub fn domain(&self) -> &str {
        self.at.map_or("", |at| &self.text[at + 1..])
    }

    /// The same mailbox with its domain as A-labels (RFC 5890), if that makes it ASCII.
    pub fn with_ascii_domain(&self) -> Option<Path> {
        let at = self.at.filter(|_| self.local_part().is_ascii())?;
        let domain = idna::domain_to_ascii(self.domain()).ok().filter(|d| !d.is_empty())?;
        let path = Path::parse(&format!("{}@{domain}", &self.text[..at])).ok()?;
        path.ascii.then_some(path)
    }
}

/// Where the `@` stands in an address of the usual kind, which needs no closer look.
fn plain(input: &str) -> Option<usize> {
    const USUAL: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        table[b'.' as usize] = true;
        table[b'-' as usize] = true;
        table[b'_' as usize] = true;
        table[b'+' as usize] = true;
        table[b'=' as usize] = true;
        table
    };
    let at = memchr::memchr(b'@', input.as_bytes())?;
    let (local, domain) = (&input.as_bytes()[..at], &input.as_bytes()[at + 1..]);
    let usual = |part: &[u8]| !part.is_empty() && part.iter().all(|byte| USUAL[usize::from(*byte)]);
    (input.len() <= MAX_PATH && usual(local) && usual(domain)).then_some(at)
}

/// Walks a string and tells what is inside a quoted string (RFC 5322 section 3.2.4).
#[derive(Default)]
struct Quotes {
    inside: bool,
    escaped: bool,
}

impl Quotes {
    /// Whether `character` belongs to a quoted string, its quotes included.
    fn takes(&mut self, character: char) -> bool {
        if self.escaped {
            self.escaped = false;
            return true;
        }
        match character {
            '\\' if self.inside => {
                self.escaped = true;
                true
            }
            '"' => {
                self.inside = !self.inside;
                true
            }
            _ => self.inside,
        }
    }
}

fn check_controls(input: &str) -> Result<()> {
    match input.char_indices().find(|(_, character)| character.is_control()) {
        None => Ok(()),
        Some((offset, character)) => Err(invalid(
            input,
            &format!("holds the control character {} at offset {offset}", show(character)),
        )),
    }
}

/// What stands between the angle brackets, if there are any.
fn angle_part(input: &str) -> Result<Option<&str>> {
    let mut quotes = Quotes::default();
    let mut open = None;
    for (offset, character) in input.char_indices() {
        if quotes.takes(character) {
            continue;
        }
        match (character, open) {
            ('<', None) => open = Some(offset + 1),
            ('>', Some(start)) if input[offset + 1..].trim_matches(' ').is_empty() => {
                return Ok(Some(&input[start..offset]));
            }
            ('<' | '>', _) => {
                return Err(invalid(input, &format!("holds {character} at offset {offset}")));
            }
            _ => {}
        }
    }
    if quotes.inside {
        return Err(invalid(input, "has a quoted string without its end"));
    }
    match open {
        None => Ok(None),
        Some(_) => Err(invalid(input, "has < without >")),
    }
}

/// The input without RFC 5322 comments; nesting is counted, not recursed into.
fn without_comments(input: &str) -> Result<String> {
    let mut quotes = Quotes::default();
    let mut depth = 0_usize;
    let mut escaped = false;
    let mut address = String::with_capacity(input.len());
    for character in input.chars() {
        if depth == 0 && quotes.takes(character) {
            address.push(character);
            continue;
        }
        match character {
            _ if escaped => escaped = false,
            '\\' if depth > 0 => escaped = true,
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            _ => address.push(character),
        }
    }
    if depth > 0 { Err(invalid(input, "has a comment without its end")) } else { Ok(address) }
}

/// Where the `@` stands. A quoted string is a whole word of the local part; outside of it, `<`,
/// `>` and space would end the path and begin something else.
fn check_specials(address: &str) -> std::result::Result<Option<usize>, String> {
    let mut quotes = Quotes::default();
    let mut at = None;
    let mut previous = '.';
    let mut closed = false;
    for (offset, character) in address.char_indices() {
        let was_inside = quotes.inside;
        let quoted = quotes.takes(character);
        let opens = quoted && !was_inside;
        if opens && (previous != '.' || at.is_some()) {
            return Err(format!("holds a quote in the middle of a word at offset {offset}"));
        }
        if closed && !matches!(character, '.' | '@') {
            return Err(format!("goes on behind a quoted string at offset {offset}"));
        }
        closed = quoted && was_inside && !quotes.inside;
        if !quoted {
            match character {
                '<' | '>' | ' ' => {
                    return Err(format!("holds {} at offset {offset}", show(character)));
                }
                '@' => at = Some(offset),
                _ => {}
            }
        }
        previous = character;
    }
    if quotes.inside { Err("has a quoted string without its end".to_owned()) } else { Ok(at) }
}

fn show(character: char) -> String {
    match character {
        '\r' => "carriage return".to_owned(),
        '\n' => "line feed".to_owned(),
        '\0' => "NUL".to_owned(),
        ' ' => "a space".to_owned(),
        '<' | '>' => character.to_string(),
        other => format!("U+{:04X}", other as u32),
    }
}

fn invalid(input: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("the address {} {what}", printable(input.as_bytes(), 256)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoteaddr() {
        let cases = [
            ("", ""),
            ("<>", ""),
            (" <> ", ""),
            ("a@b", "a@b"),
            ("<a@b>", "a@b"),
            (" a@b ", "a@b"),
            ("Name <a@b>", "a@b"),
            ("\"Last, First <x>\" <a@b>", "a@b"),
            ("a@b (Name (nested) \\) here)", "a@b"),
            ("John", "John"),
            ("<postmaster>", "postmaster"),
            ("\"john doe\"@b", "\"john doe\"@b"),
            ("\"a<b>c\"@d", "\"a<b>c\"@d"),
            ("\"a\\\"b\"@d", "\"a\\\"b\"@d"),
            ("\"a@b\"@c", "\"a@b\"@c"),
            ("a@[IPv6:::1]", "a@[IPv6:::1]"),
            ("user+tag@b", "user+tag@b"),
            ("\u{e9}@b", "\u{e9}@b"),
        ];
        for (input, expected) in cases {
            assert_eq!(Path::parse(input).unwrap().as_str(), expected, "{input}");
        }
    }

    #[test]
    fn what_is_refused() {
        let cases = [
            "a\r\nRSET@b",
            "a@b\n",
            "a@b\r",
            "a\0@b",
            "\"a\r\nRSET\"@b",
            "\"a\0\"@b",
            "a\tb@c",
            "a\u{7f}@b",
            "a\u{85}@b",
            "a@b> NOTIFY=NEVER <c@d",
            "a@b>",
            "<a@b",
            "<<a@b>>",
            "<a@b> x",
            "a b@c",
            "<a@b SIZE=1>",
            "\"a@b",
            "a\" x \"@b",
            "\"a\"b@c",
            "a@\"b c\"",
            "a@b (open",
        ];
        for input in cases {
            let error = Path::parse(input).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{input:?}");
            assert!(!error.message().contains(['\r', '\n', '\0']), "{input:?}");
        }
        assert!(Path::parse(&"x".repeat(MAX_PATH + 1)).is_err());
    }

    #[test]
    fn parts_and_a_labels() {
        let cases = [
            ("a@b", "a", "b", Some("a@b")),
            ("\"a@b\"@c", "\"a@b\"", "c", Some("\"a@b\"@c")),
            ("John", "John", "", None),
            ("a@b\u{fc}cher.example", "a", "b\u{fc}cher.example", Some("a@xn--bcher-kva.example")),
            ("\u{e9}@b.example", "\u{e9}", "b.example", None),
        ];
        for (input, local, domain, ascii) in cases {
            let path = Path::parse(input).unwrap();
            assert_eq!((path.local_part(), path.domain()), (local, domain));
            assert_eq!(path.with_ascii_domain().as_ref().map(Path::as_str), ascii, "{input}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_accepted_cannot_leave_its_brackets(input in "[a-c@<>() \"\\\\.\r\n\u{e9}]{0,12}") {
            if let Ok(path) = Path::parse(&input) {
                let mut quotes = Quotes::default();
                for character in path.as_str().chars() {
                    proptest::prop_assert!(!character.is_control());
                    let quoted = quotes.takes(character);
                    proptest::prop_assert!(quoted || !matches!(character, '<' | '>' | ' '));
                }
                proptest::prop_assert!(!quotes.inside);
            }
        }
    }
}
