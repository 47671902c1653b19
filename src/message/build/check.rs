//! What an argument of a message must not hold: refused before anything is built, so that no value
//! can become a field, a part or a line of its own.

use crate::error::{Error, ErrorKind, Result, SHOWN_TEXT, printable};

pub(super) fn shown(text: &str) -> String {
    printable(text.as_bytes(), SHOWN_TEXT)
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// One line of text, of at most `most` bytes. Control characters but for the tab are refused: CR
/// and LF begin other lines, NUL cannot stand in a message (RFC 5322 section 3.2.3), and the rest
/// serves only to deceive.
pub(super) fn text(what: &str, text: &str, most: usize) -> Result<()> {
    if text.len() > most {
        return Err(invalid(format!("{what} is longer than {most} bytes")));
    }
    match text.char_indices().find(|(_, c)| c.is_control() && *c != '\t') {
        None => Ok(()),
        Some((offset, character)) => Err(invalid(format!(
            "{what} holds the control character {} at offset {offset}",
            printable(character.to_string().as_bytes(), SHOWN_TEXT)
        ))),
    }
}

/// A field's name (RFC 5322 section 2.2).
pub(super) fn field_name(name: &str) -> Result<()> {
    if name.len() > MOST_FIELD_NAME {
        return Err(invalid(format!(
            "the name of a header field is longer than {MOST_FIELD_NAME} bytes"
        )));
    }
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
        let shown = printable(name.as_bytes(), SHOWN_TEXT);
        return Err(invalid(format!(
            "\"{shown}\" is no name of a header field: ASCII without blanks and colons"
        )));
    }
    Ok(())
}

/// What stands between the brackets of a Message-ID or Content-ID.
pub(super) fn message_id(what: &str, id: &str) -> Result<()> {
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"' | b'\\');
    if id.is_empty() || id.len() > MOST_ID || !id.bytes().all(fits) {
        let shown = printable(id.as_bytes(), SHOWN_TEXT);
        return Err(invalid(format!(
            "{what} {shown} must be 1 to {MOST_ID} characters of ASCII without blanks, quotes and \
             brackets"
        )));
    }
    Ok(())
}

/// Text of a message: any lines, of any length.
pub(super) fn body(what: &str, text: &str) -> Result<()> {
    match memchr::memchr(0, text.as_bytes()) {
        None => Ok(()),
        Some(offset) => Err(invalid(format!("{what} holds a NUL at offset {offset}"))),
    }
}

/// A name and its colon leave room in a line of 76.
const MOST_FIELD_NAME: usize = 70;

const MOST_ID: usize = 900;

/// Longer than any value in use; a References field (RFC 5322 section 3.6.4) of a thread with
/// hundreds of mails fits.
pub(super) const MOST_VALUE: usize = 64 * 1024;
