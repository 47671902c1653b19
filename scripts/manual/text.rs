//! The markup of a comment: what is prose in it, and what a name, a code or a reference.

use std::collections::BTreeMap;

use crate::header::{Header, Kind};

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Prose(&'a str),
    /// What stood in backquotes.
    Code(&'a str),
    Parameter(&'a str),
    Function(&'a str),
    Constant(&'a str),
    Type(&'a str),
    /// A page of the manual, ours or another's, and its section.
    Page(&'a str, &'a str),
    /// As written, and the number, and the section that may be named.
    Rfc(&'a str, &'a str, &'a str),
}

/// Every name that the header declares.
pub struct Names(BTreeMap<String, Kind>);

impl Names {
    pub fn of(header: &Header) -> Self {
        let items = header.items.iter().map(|item| (item.name.clone(), item.kind));
        Names(items.collect())
    }

    fn piece<'a>(&self, name: &'a str) -> Option<Piece<'a>> {
        Some(match self.0.get(name) {
            Some(Kind::Function) => Piece::Function(name),
            Some(Kind::Constant) => Piece::Constant(name),
            Some(Kind::Callback | Kind::Type) => Piece::Type(name),
            None if name == "NULL" => Piece::Constant(name),
            None => return None,
        })
    }

    /// Takes a text apart; `parameters` are those of the function that it is about.
    pub fn pieces<'a>(&self, text: &'a str, parameters: &[&str]) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        let (mut from, mut at) = (0, 0);
        while let Some(next) = text[at..].chars().next() {
            let found = match next {
                '`' => quoted(&text[at..], parameters),
                _ if is_word(next) => self.named(&text[at..], parameters),
                _ => Found { piece: None, length: next.len_utf8() },
            };
            if let Some(piece) = found.piece {
                if from < at {
                    pieces.push(Piece::Prose(&text[from..at]));
                }
                pieces.push(piece);
                from = at + found.length;
            }
            at += found.length;
        }
        if from < text.len() {
            pieces.push(Piece::Prose(&text[from..]));
        }
        pieces
    }

    /// What begins with a word.
    fn named<'a>(&self, text: &'a str, parameters: &[&str]) -> Found<'a> {
        if let Some(found) = reference(text).or_else(|| rfc(text)) {
            return found;
        }
        let word = &text[..end(text, is_word)];
        // A word with an underscore is none of prose: a parameter needs no backquotes then.
        let is_parameter = word.contains('_') && parameters.contains(&word);
        let piece = self.piece(word).or(is_parameter.then_some(Piece::Parameter(word)));
        let is_function = matches!(piece, Some(Piece::Function(_)));
        let call = if is_function && text[word.len()..].starts_with("()") { 2 } else { 0 };
        Found { piece, length: word.len() + call }
    }
}

struct Found<'a> {
    piece: Option<Piece<'a>>,
    length: usize,
}

fn quoted<'a>(text: &'a str, parameters: &[&str]) -> Found<'a> {
    let Some((code, _)) = text[1..].split_once('`') else {
        return Found { piece: None, length: 1 };
    };
    let is_parameter = parameters.contains(&code);
    let piece = if is_parameter { Piece::Parameter(code) } else { Piece::Code(code) };
    Found { piece: Some(piece), length: code.len() + 2 }
}

/// Such as `dup(2)` or `smtpclient-errors(3)`.
fn reference(text: &str) -> Option<Found<'_>> {
    let name = &text[..end(text, |c| is_word(c) || c == '-')];
    let section = text[name.len()..].strip_prefix('(')?.split_once(')')?.0;
    let is_section = section.len() == 1 && section.chars().all(|c| c.is_ascii_digit());
    let piece = is_section.then_some(Piece::Page(name, section))?;
    Some(Found { piece: Some(piece), length: name.len() + section.len() + 2 })
}

/// Such as `RFC 5321` or `RFC 5321 section 4.1`.
fn rfc(text: &str) -> Option<Found<'_>> {
    let behind = text.strip_prefix("RFC ")?;
    let number = &behind[..end(behind, |c| c.is_ascii_digit())];
    let section = behind[number.len()..].strip_prefix(" section ").map_or("", |behind| {
        behind[..end(behind, |c| c.is_ascii_digit() || c == '.')].trim_end_matches('.')
    });
    let between = if section.is_empty() { 0 } else { " section ".len() };
    let length = "RFC ".len() + number.len() + between + section.len();
    Some(Found { piece: Some(Piece::Rfc(&text[..length], number, section)), length })
}

fn end(text: &str, inside: impl Fn(char) -> bool) -> usize {
    text.find(|c| !inside(c)).unwrap_or(text.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The sentences of a text: each ends with a full stop, which a space and a new beginning follow.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let (mut from, mut quoted) = (0, false);
    for (at, c) in text.char_indices() {
        quoted ^= c == '`';
        if c == ' ' && !quoted && ends(&text[from..at]) && begins(&text[at + 1..]) {
            sentences.push(&text[from..at]);
            from = at + 1;
        }
    }
    sentences.push(&text[from..]);
    sentences
}

fn ends(text: &str) -> bool {
    let text = text.trim_end_matches([')', '"']);
    text.ends_with('.') && !text.ends_with("e.g.") && !text.ends_with("i.e.")
}

/// A capital, a quote or a name of ours; or a class of replies, such as 4yz.
fn begins(text: &str) -> bool {
    let first = text.trim_start_matches(['(', '"', '`']);
    first.len() < text.len()
        || first.starts_with(char::is_uppercase)
        || first.starts_with("smtp")
        || first.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "/**\n * A.\n */\nSMTP_API int smtp_a(int b);\n\
        /**\n * B.\n */\n#define SMTP_B (-1)\n/* What holds for every function:\n *\n * X. Y.\n */";

    #[test]
    fn pieces() {
        use Piece::*;
        let names = Names::of(&Header::parse(HEADER));
        for (text, expected) in [
            ("plain", vec![Prose("plain")]),
            ("see smtp_a().", vec![Prose("see "), Function("smtp_a"), Prose(".")]),
            ("smtp_ab() smtp_a", vec![Prose("smtp_ab() "), Function("smtp_a")]),
            ("(SMTP_B)", vec![Prose("("), Constant("SMTP_B"), Prose(")")]),
            ("`b` or `x y`", vec![Parameter("b"), Prose(" or "), Code("x y")]),
            ("a ` alone", vec![Prose("a ` alone")]),
            ("b is c_d", vec![Prose("b is "), Parameter("c_d")]),
            ("as dup(2)", vec![Prose("as "), Page("dup", "2")]),
            ("p-q(3), f(x)", vec![Page("p-q", "3"), Prose(", f(x)")]),
            (
                "RFC 5321 section 4.2. X",
                vec![Rfc("RFC 5321 section 4.2", "5321", "4.2"), Prose(". X")],
            ),
            ("RFC 7;", vec![Rfc("RFC 7", "7", ""), Prose(";")]),
        ] {
            assert_eq!(names.pieces(text, &["b", "c_d"]), expected, "{text}");
        }
    }

    #[test]
    fn where_sentences_end() {
        for (text, count) in [
            ("One. Two.", 2),
            ("One (or so.) Two.", 2),
            ("One, e.g. Two.", 1),
            ("One.two. `Three`.", 2),
            ("As `a. B`. 4yz: later. smtp_a() too.", 3),
            ("One... more.", 1),
        ] {
            assert_eq!(sentences(text).len(), count, "{text}");
        }
    }
}
