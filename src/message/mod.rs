//! What `send_message` reads from an RFC 5322 message: the envelope in its header fields, and the
//! header section without the fields that must not leave.
//!
//! It never re-serialises: apart from what is removed, every byte is the caller's.

mod headers;

use crate::error::{Error, ErrorKind, Result};

/// A message taken apart for submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The reverse-path.
    pub from: String,
    /// The forward-paths, in order; an address that is named twice is here twice.
    pub to: Vec<String>,
    /// The header section with its blank line, without Bcc, Resent-Bcc and a leading mbox line.
    pub head: Vec<u8>,
    /// Where the rest begins: `message[body_offset..]`.
    pub body_offset: usize,
    /// Whether one of the addresses is not ASCII, so that RFC 6531 (SMTPUTF8) is needed.
    pub needs_utf8: bool,
}

pub fn submission(message: &[u8], from: Option<&str>, to: Option<&[&str]>) -> Result<Submission> {
    let _ = (message, from, to);
    Err(Error::new(ErrorKind::Internal, "being written"))
}
