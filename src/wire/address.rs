//! Paths (RFC 5321 section 4.1.2): what may stand between `<` and `>` in MAIL and RCPT.
//!
//! [`Path::parse`] understands what smtplib's `quoteaddr` does, and refuses whatever would say
//! something else to the server than one address. Nothing is repaired: comments and blanks may
//! stand before and behind an address (RFC 5322 section 3.4), where leaving them out changes
//! nothing, and nowhere in it.

use smallvec::SmallVec;

use crate::error::{Error, ErrorKind, Result, printable};

/// Longest path in bytes. RFC 5321 section 4.5.3.1.3 asks servers for 256; UTF-8 and
/// generous servers take more, a path beyond this is a mistake or an attack.
pub const MAX_PATH: usize = 1000;

/// A reverse-path or forward-path that is safe to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// UTF-8. Most addresses are short, and there are many of them: these need no block of their own.
    text: SmallVec<[u8; 32]>,
    /// Where the `@` before the domain stands.
    at: Option<usize>,
    ascii: bool,
}

impl Path {
    /// The null reverse-path.
    pub fn null() -> Self {
        Path { text: SmallVec::new(), at: None, ascii: true }
    }

    /// Of `a@b`, `<a@b>`, `Name <a@b>` or `a@b (Name)`; what is no address at all, like
    /// `postmaster`, is taken as it is. The null path is `""` or `"<>"` and nothing else: a
    /// sender that was left blank by mistake must not become it.
    pub fn parse(input: &str) -> Result<Self> {
        if let Some(at) = plain(input) {
            return Ok(Path {
                text: SmallVec::from_slice(input.as_bytes()),
                at: Some(at),
                ascii: true,
            });
        }
        if matches!(input, "" | "<>") {
            return Ok(Path::null());
        }
        check_controls(input)?;
        let address = match angle_part(input)? {
            Some(inside) => inside.trim_matches(' '),
            None => bare_part(input)?,
        };
        if address.is_empty() {
            return Err(invalid(
                input,
                "holds no address; \"\" and \"<>\" alone are the null path",
            ));
        }
        if address.len() > MAX_PATH {
            return Err(invalid(input, &format!("is longer than {MAX_PATH} bytes")));
        }
        let at = check_specials(address).map_err(|what| invalid(input, &what))?;
        Ok(Path { text: SmallVec::from_slice(address.as_bytes()), at, ascii: address.is_ascii() })
    }

    /// The path without its angle brackets.
    pub fn as_str(&self) -> &str {
        // It was text when it came, so that nothing is ever defaulted.
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// The same for what writes it, with no look at its encoding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    pub fn is_null(&self) -> bool {
        self.text.is_empty()
    }

    pub fn is_ascii(&self) -> bool {
        self.ascii
    }

    pub fn local_part(&self) -> &str {
        &self.as_str()[..self.at.unwrap_or(self.text.len())]
    }

    /// `""` if there is none.
    pub fn domain(&self) -> &str {
        self.at.map_or("", |at| &self.as_str()[at + 1..])
    }

    /// The same mailbox with its domain as A-labels (RFC 5890), if that makes it ASCII. The local
    /// part stays what it is, byte for byte.
    pub fn with_ascii_domain(&self) -> Option<Path> {
        let at = self.at.filter(|_| self.local_part().is_ascii())?;
        let domain = a_labels(self.domain())?;
        // The mapping makes `>` of a full-width one: only letters, digits, hyphens and dots (and
        // the underscore of real hosts) are known to mean in a path what they mean in a name.
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let fits = !domain.is_empty() && domain.bytes().all(is_name);
        let text = format!("{}{domain}", &self.as_str()[..=at]);
        (fits && text.len() <= MAX_PATH).then(|| Path {
            text: SmallVec::from_slice(text.as_bytes()),
            at: Some(at),
            ascii: true,
        })
    }
}

#[cfg(feature = "idna")]
fn a_labels(domain: &str) -> Option<String> {
    idna::domain_to_ascii(domain).ok()
}

/// Without the tables of IDNA, a domain that is not ASCII has no other form.
#[cfg(not(feature = "idna"))]
fn a_labels(domain: &str) -> Option<String> {
    domain.is_ascii().then(|| domain.to_ascii_lowercase())
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

/// What stands between the angle brackets, if there are any: behind a name with its comments, and
/// before comments alone.
fn angle_part(input: &str) -> Result<Option<&str>> {
    let mut quotes = Quotes::default();
    let mut rest = input;
    while let Some(character) = rest.chars().next() {
        let offset = input.len() - rest.len();
        let behind = &rest[character.len_utf8()..];
        if quotes.takes(character) {
            rest = behind;
            continue;
        }
        match character {
            '(' => rest = behind_comment(input, rest)?,
            '<' => return inside_brackets(input, behind).map(Some),
            '>' | ',' | ';' => return Err(invalid(input, &misplaced(character, offset))),
            _ => rest = behind,
        }
    }
    if quotes.inside { Err(invalid(input, NO_QUOTE_END)) } else { Ok(None) }
}

/// What stands before the `>`, with nothing but blanks and comments behind it.
fn inside_brackets<'a>(input: &str, text: &'a str) -> Result<&'a str> {
    let mut quotes = Quotes::default();
    let end = text
        .char_indices()
        .find(|(_, character)| !quotes.takes(*character) && matches!(character, '<' | '>'));
    match end {
        Some((end, '>')) => {
            let rest = behind_comments(input, &text[end + 1..])?;
            match rest.chars().next() {
                None => Ok(&text[..end]),
                Some(character) => {
                    Err(invalid(input, &misplaced(character, input.len() - rest.len())))
                }
            }
        }
        Some((offset, character)) => {
            let offset = input.len() - text.len() + offset;
            Err(invalid(input, &misplaced(character, offset)))
        }
        None if quotes.inside => Err(invalid(input, NO_QUOTE_END)),
        None => Err(invalid(input, "has < without >")),
    }
}

/// An address without brackets, without the blanks and comments on either side.
fn bare_part(input: &str) -> Result<&str> {
    let text = behind_comments(input, input)?;
    let mut quotes = Quotes::default();
    let end = text
        .char_indices()
        .find(|(_, character)| !quotes.takes(*character) && matches!(character, ' ' | '('))
        .map_or(text.len(), |(end, _)| end);
    let rest = behind_comments(input, &text[end..])?;
    if rest.is_empty() {
        return Ok(&text[..end]);
    }
    let offset = input.len() - text.len() + end;
    let separator = if text[end..].starts_with('(') { "a comment" } else { "a space" };
    Err(invalid(input, &format!("holds {separator} at offset {offset}")))
}

/// Skips blanks and RFC 5322 comments.
fn behind_comments<'a>(input: &str, mut rest: &'a str) -> Result<&'a str> {
    loop {
        rest = rest.trim_start_matches(' ');
        if !rest.starts_with('(') {
            return Ok(rest);
        }
        rest = behind_comment(input, rest)?;
    }
}

/// What follows the comment that opens `rest`; nesting is counted, not recursed into.
fn behind_comment<'a>(input: &str, rest: &'a str) -> Result<&'a str> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (offset, character) in rest.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' if depth == 1 => return Ok(&rest[offset + 1..]),
            ')' => depth -= 1,
            _ => {}
        }
    }
    Err(invalid(input, "has a comment without its end"))
}

const NO_QUOTE_END: &str = "has a quoted string without its end";

/// What is wrong with a character that stands for itself, outside of quotes.
fn misplaced(character: char, offset: usize) -> String {
    match character {
        ',' | ';' => format!(
            "has {character} at offset {offset}, as between two addresses: give one at a time, \
             and put a name that holds it in quotes"
        ),
        _ => format!("holds {} at offset {offset}", show(character)),
    }
}

/// Where the `@` stands. A quoted string is a whole word of the local part; outside of it `<`,
/// `>` and space would end the path and begin something else, a comma, a semicolon or another
/// `@` (a source route has them too: RFC 5321 appendix C) would make two addresses of one, and a
/// parenthesis opens what a path cannot have.
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
                '<' | '>' | ' ' | ',' | ';' | '(' | ')' => {
                    return Err(misplaced(character, offset));
                }
                '@' if at.is_some() => return Err(format!("has a second @ at offset {offset}")),
                '@' => at = Some(offset),
                _ => {}
            }
        }
        previous = character;
    }
    if quotes.inside { Err(NO_QUOTE_END.to_owned()) } else { Ok(at) }
}

fn show(character: char) -> String {
    match character {
        '\r' => "carriage return".to_owned(),
        '\n' => "line feed".to_owned(),
        '\0' => "NUL".to_owned(),
        ' ' => "a space".to_owned(),
        graphic if graphic.is_ascii_graphic() => graphic.to_string(),
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
mod tests;
