//! The server's two messages (RFC 5802 section 7), read strictly: whatever is not as it must be is
//! an error that says so, before anything is computed from it.

use crate::error::{Error, ErrorKind, Result, printable};
use crate::sasl::{Secret, decode};

/// RFC 5802 section 5.1 and RFC 7677 section 4: less makes it cheap to guess the password from what a
/// listener, or the server itself, has seen.
pub(super) const LEAST_ITERATIONS: u32 = 4096;

/// A server may make the client compute; not for longer than a second or so.
pub(super) const MOST_ITERATIONS: u32 = 1_000_000;

/// Bytes of a server's message: enough for any nonce and salt in use.
const MOST_BYTES: usize = 4096;

/// How much of a server's value an error shows.
const SHOWN_VALUE: usize = 64;

/// server-first-message.
pub(super) struct First<'a> {
    /// The client's and the server's together.
    pub nonce: &'a str,
    pub salt: Secret,
    pub iterations: u32,
}

/// server-final-message.
pub(super) enum Final<'a> {
    /// The verifier, before base64.
    Signature(Secret),
    /// server-error-value.
    Refusal(&'a str),
}

/// Reads server-first-message. The inner error is that of a server that refuses already here (e=).
pub(super) fn first<'a>(
    bytes: &'a [u8],
    own_nonce: &str,
) -> Result<std::result::Result<First<'a>, &'a str>> {
    let attributes = attributes("first", bytes)?;
    if let [('e', why), ..] = attributes[..] {
        return Ok(Err(why));
    }
    // The mandatory extension is named first, and everything behind it may mean anything else.
    if attributes.iter().any(|(name, _)| *name == 'm') {
        return Err(broken("the server demands an extension (m=), and none is known".to_owned()));
    }
    let mut values = attributes.iter();
    let mut next = |wanted: char, what: &str| match values.next() {
        Some((name, value)) if *name == wanted => Ok(*value),
        other => Err(broken(format!(
            "the server's first message has {} where {what} ({wanted}=) belongs",
            other.map_or("nothing".to_owned(), |(name, _)| format!("{name}=")),
        ))),
    };
    let nonce = next('r', "the nonce")?;
    let salt = next('s', "the salt")?;
    let iterations = next('i', "the iteration count")?;
    check_nonce(nonce, own_nonce)?;
    let iterations = count(iterations)?;
    if salt.is_empty() {
        return Err(broken("the server's salt is empty".to_owned()));
    }
    let salt = decode(salt.as_bytes())
        .map_err(|_| broken(format!("the server's salt is not base64: {}", shown(salt))))?;
    Ok(Ok(First { nonce, salt, iterations }))
}

/// Reads server-final-message.
pub(super) fn last(bytes: &[u8]) -> Result<Final<'_>> {
    match attributes("final", bytes)?[..] {
        [('v', signature), ..] => match decode(signature.as_bytes()) {
            Ok(signature) => Ok(Final::Signature(signature)),
            Err(_) => Err(broken("the server's signature (v=) is not base64".to_owned())),
        },
        [('e', why), ..] => Ok(Final::Refusal(why)),
        [(name, _), ..] => Err(broken(format!(
            "the server's final message has {name}= where its signature (v=) belongs"
        ))),
        [] => Err(broken("the server's final message is empty".to_owned())),
    }
}

/// `name=value`, separated by commas, no name twice.
fn attributes<'a>(which: &str, bytes: &'a [u8]) -> Result<Vec<(char, &'a str)>> {
    if bytes.len() > MOST_BYTES {
        return Err(broken(format!(
            "the server's {which} message has {} bytes, more than {MOST_BYTES}",
            bytes.len()
        )));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| broken(format!("the server's {which} message is not UTF-8")))?;
    let mut found: Vec<(char, &str)> = Vec::new();
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let Some((name, value)) = attribute(part) else {
            return Err(broken(format!(
                "the server's {which} message has \"{}\" where a letter, \"=\" and a value belong",
                shown(part)
            )));
        };
        if found.iter().any(|(known, _)| *known == name) {
            return Err(broken(format!("the server's {which} message has {name}= twice")));
        }
        found.push((name, value));
    }
    Ok(found)
}

fn attribute(part: &str) -> Option<(char, &str)> {
    let (name, value) = part.split_once('=')?;
    let mut letters = name.chars();
    let letter = letters.next().filter(char::is_ascii_alphabetic)?;
    (letters.next().is_none() && !value.contains('\0')).then_some((letter, value))
}

fn check_nonce(nonce: &str, own: &str) -> Result<()> {
    // printable: %x21-2B / %x2D-7E; the comma is no part of a value.
    if !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(broken(format!(
            "the server's nonce has a character that may not stand in one: {}",
            shown(nonce)
        )));
    }
    match nonce.strip_prefix(own) {
        None => Err(broken("the server's nonce does not begin with the client's".to_owned())),
        Some("") => Err(broken("the server's nonce adds nothing to the client's".to_owned())),
        Some(_) => Ok(()),
    }
}

/// posit-number.
fn count(text: &str) -> Result<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || text.is_empty() || text.starts_with('0') {
        return Err(broken(format!(
            "the server's iteration count is no positive number: \"{}\"",
            shown(text)
        )));
    }
    // What does not even fit is too many.
    match text.parse().unwrap_or(u32::MAX) {
        count if count < LEAST_ITERATIONS => Err(broken(format!(
            "the server asks for {count} iterations, less than {LEAST_ITERATIONS}"
        ))),
        count if count > MOST_ITERATIONS => Err(broken(format!(
            "the server asks for {} iterations, more than {MOST_ITERATIONS}",
            shown(text)
        ))),
        count => Ok(count),
    }
}

/// A value of the server's, as an error shows it.
pub(super) fn shown(value: &str) -> String {
    printable(value.as_bytes(), SHOWN_VALUE)
}

pub(super) fn broken(text: String) -> Error {
    Error::new(ErrorKind::Authentication, text)
}
