//! The mailboxes of an address field: as a program gives them, one by one, or as a header has them.

use crate::error::{Result, SHOWN_TEXT, printable};
use crate::message::read;
use crate::wire::Path;

use super::check::{self, invalid};

/// A mailbox (RFC 5322 section 3.4). Its address can stand in MAIL or RCPT as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub name: Option<Name>,
    pub path: Path,
}

/// A display name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// What a reader is to see.
    Text(String),
    /// A phrase with encoded words, as another header had it.
    Encoded(String),
}

/// One entry of an address list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Mailbox(Mailbox),
    Group(Name, Vec<Mailbox>),
}

impl Entry {
    pub fn mailboxes(&self) -> &[Mailbox] {
        match self {
            Entry::Mailbox(one) => std::slice::from_ref(one),
            Entry::Group(_, members) => members,
        }
    }
}

/// The mailboxes of a list, those of its groups too.
pub fn mailboxes(list: &[Entry]) -> impl Iterator<Item = &Mailbox> {
    list.iter().flat_map(Entry::mailboxes)
}

/// Reads what a program gives: a name and one address, or, without a name, a list as it stands in
/// a header, with names and groups. At least one address or group is in it.
pub fn read(field: &str, name: Option<&str>, address: &str) -> Result<Vec<Entry>> {
    check::text(field, address, MOST_LIST)?;
    match name {
        Some(name) => {
            check::text("the name", name, MOST_NAME)?;
            let name = (!name.is_empty()).then(|| Name::Text(name.to_owned()));
            Ok(vec![Entry::Mailbox(Mailbox { name, path: path(field, address)? })])
        }
        None => list(field, address),
    }
}

fn list(field: &str, line: &str) -> Result<Vec<Entry>> {
    let mut list = Vec::new();
    let mut open = false;
    for entry in read::entries(line.as_bytes()) {
        match entry {
            read::Entry::Group { name } => {
                let name = phrase(&line[name])?;
                let name = name.ok_or_else(|| invalid(format!("{field}: a group has no name")))?;
                list.push(Entry::Group(name, Vec::new()));
                open = true;
            }
            read::Entry::EndOfGroup => open = false,
            read::Entry::Mailbox { name, address } => {
                // The text was UTF-8, and is cut at characters of ASCII alone.
                let address = String::from_utf8_lossy(&address);
                let mailbox = Mailbox { name: phrase(&line[name])?, path: path(field, &address)? };
                match list.last_mut() {
                    Some(Entry::Group(_, members)) if open => members.push(mailbox),
                    _ => list.push(Entry::Mailbox(mailbox)),
                }
            }
        }
    }
    if list.is_empty() {
        return Err(invalid(format!("{field}: {} holds no address", shown(line))));
    }
    Ok(list)
}

/// An address fit for the header and the envelope. A domain that is not ASCII is written as
/// A-labels (RFC 5890), which every server takes, unless the local part needs SMTPUTF8 anyway.
fn path(field: &str, address: &str) -> Result<Path> {
    let path = Path::parse(address).map_err(|error| error.in_context(field))?;
    if path.is_null() {
        return Err(invalid(format!("{field}: the address is empty")));
    }
    if path.as_bytes().len() > MOST_ADDRESS {
        return Err(invalid(format!("{field}: an address is longer than {MOST_ADDRESS} bytes")));
    }
    Ok(path.with_ascii_domain().unwrap_or(path))
}

/// What a phrase says (RFC 5322 section 3.2.5), without its quotes and comments.
fn phrase(raw: &str) -> Result<Option<Name>> {
    let raw = raw.trim_matches(BLANKS);
    let is_encoded = raw.contains("=?")
        && raw.bytes().all(|byte| matches!(byte, b' ' | b'!' | b'#'..=b'\'' | b'*'..=b'~'));
    let most = if is_encoded { GROWTH * MOST_NAME } else { MOST_NAME };
    if raw.len() > most {
        return Err(invalid(format!("the name {} is longer than {most} bytes", shown(raw))));
    }
    if is_encoded {
        return Ok(Some(Name::Encoded(raw.to_owned())));
    }
    let (mut text, mut quoted, mut depth) = (String::new(), false, 0_usize);
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if quoted || depth > 0 => {
                let escaped = characters.next();
                text.extend(escaped.filter(|_| depth == 0));
            }
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            // Blanks between words are one.
            ' ' | '\t' if !quoted && (text.is_empty() || text.ends_with(' ')) => {}
            '\t' if !quoted => text.push(' '),
            _ => text.push(character),
        }
    }
    if text.ends_with(' ') && !raw.ends_with('"') {
        text.pop();
    }
    Ok((!text.is_empty()).then_some(Name::Text(text)))
}

fn shown(text: &str) -> String {
    printable(text.as_bytes(), SHOWN_TEXT)
}

const BLANKS: [char; 2] = [' ', '\t'];

/// A name is longer than any real one, and still fits a line of 998 (RFC 5322 section 2.1.1) with
/// its address.
pub(super) const MOST_NAME: usize = 500;

/// What encoded words make of a name.
const GROWTH: usize = 4;

/// The address and its field's name fit a line of 998; RFC 5321 section 4.5.3.1.3 asks servers for
/// 256.
const MOST_ADDRESS: usize = 900;

/// As much as a header may hold that is read: see `MAX_HEADER_SECTION` there.
const MOST_LIST: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> Option<Name> {
        Some(Name::Text(name.to_owned()))
    }

    #[test]
    fn names_of_a_list() {
        let cases: &[(&str, Option<Name>)] = &[
            ("a@b.example", None),
            ("<a@b.example>", None),
            ("Joe Doe <a@b.example>", text("Joe Doe")),
            ("  Joe \t  Doe<a@b.example>", text("Joe Doe")),
            ("\"Doe, Joe\" <a@b.example>", text("Doe, Joe")),
            ("\"a \\\"b\\\" c\\\\\" <a@b.example>", text("a \"b\" c\\")),
            ("\" two  blanks \" <a@b.example>", text(" two  blanks ")),
            ("Joe (the one) Doe <a@b.example>", text("Joe Doe")),
            ("J\u{f6}rg <a@b.example>", text("J\u{f6}rg")),
            ("x@y <a@b.example>", text("x@y")),
            ("\"\" <a@b.example>", None),
            (
                "=?utf-8?Q?J=C3=B6rg,_?= =?utf-8?q?x?= <a@b.example>",
                Some(Name::Encoded("=?utf-8?Q?J=C3=B6rg,_?= =?utf-8?q?x?=".to_owned())),
            ),
            ("\"=?utf-8?q?x?=\" <a@b.example>", text("=?utf-8?q?x?=")),
        ];
        for (line, name) in cases {
            let list = read("To", None, line).unwrap();
            let [Entry::Mailbox(one)] = &list[..] else { panic!("{line}: {list:?}") };
            assert_eq!((&one.name, one.path.as_str()), (name, "a@b.example"), "{line}");
        }
    }

    #[test]
    fn groups_stay_groups() {
        let list =
            read("To", None, "One <a@b>, Team: c@d, \"E, F\" <e@f>;, Nobody:;, g@h").unwrap();
        let addresses: Vec<_> = mailboxes(&list).map(|one| one.path.as_str()).collect();
        assert_eq!(addresses, ["a@b", "c@d", "e@f", "g@h"]);
        let shape: Vec<_> = list
            .iter()
            .map(|entry| match entry {
                Entry::Mailbox(_) => ("", 1),
                Entry::Group(Name::Text(name), members) => (name.as_str(), members.len()),
                Entry::Group(..) => panic!("{entry:?}"),
            })
            .collect();
        assert_eq!(shape, [("", 1), ("Team", 2), ("Nobody", 0), ("", 1)]);
    }

    #[test]
    fn a_name_is_taken_as_it_is() {
        for name in ["Doe, Joe", "=?utf-8?q?x?=", "  ", "\"", "J\u{f6}rg \u{1f600}", "<x@y>"] {
            let list = read("To", Some(name), "a@b").unwrap();
            let [Entry::Mailbox(one)] = &list[..] else { panic!("{list:?}") };
            assert_eq!(one.name, text(name));
        }
        assert_eq!(
            read("To", Some(""), "a@b").unwrap(),
            [Entry::Mailbox(Mailbox { name: None, path: Path::parse("a@b").unwrap() })]
        );
    }

    #[test]
    fn domains_become_ascii_where_that_is_enough() {
        for (address, expected) in [
            ("a@b\u{fc}cher.example", "a@xn--bcher-kva.example"),
            ("\u{e9}@b\u{fc}cher.example", "\u{e9}@b\u{fc}cher.example"),
        ] {
            for name in [None, Some("")] {
                let list = read("To", name, address).unwrap();
                let only = mailboxes(&list).next().unwrap();
                assert_eq!(only.path.as_str(), expected);
            }
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = "n".repeat(MOST_NAME + 1);
        let long_in_list = format!("{long} <a@b>");
        let cases: &[(Option<&str>, &str, &str)] = &[
            (None, "", "holds no address"),
            (None, " , ", "holds no address"),
            (None, "a@b\r\nBcc: c@d", "control character"),
            (Some("x\ny"), "a@b", "control character"),
            (Some("x\u{85}y"), "a@b", "control character"),
            (Some("x"), "", "is empty"),
            (Some("x"), "a@b, c@d", "To: "),
            (Some("x"), "Team: a@b;", "To: "),
            (Some(&long), "a@b", "longer than 500 bytes"),
            (None, &long_in_list, "longer than 500 bytes"),
            (None, "x y@b", "To: "),
            (None, ":;", "a group has no name"),
        ];
        for (name, address, words) in cases {
            let error = read("To", *name, address).unwrap_err();
            assert!(error.message().contains(words), "{address}: {error}");
        }
    }
}
