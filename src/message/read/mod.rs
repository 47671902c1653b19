//! What `send_message` reads from an RFC 5322 message: the envelope in its header fields, and the
//! header section without the fields that must not leave.
//!
//! It never re-serialises: apart from what is removed, every byte is the caller's. It never judges
//! an address either: what it finds goes to the envelope parser as the header gives it.

mod addresses;
mod envelope;
mod headers;

pub use addresses::{Entry, entries};
pub use envelope::Envelope;

use crate::error::{Error, ErrorKind, Result, SHOWN_TEXT, printable};
use crate::wire::Path;
use headers::{Field, Name, Section};

/// A message taken apart for submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The reverse-path.
    pub from: String,
    /// The forward-paths: those of To, then Bcc, then Cc, which is smtplib's order. An address
    /// that is named twice is here twice.
    pub to: Vec<String>,
    /// The header section with its blank line, without Bcc, Resent-Bcc and a leading mbox line.
    pub head: Vec<u8>,
    /// Where the rest begins: `message[body_offset..]`.
    pub body_offset: usize,
    /// Whether an address, of the envelope or of the header that is sent, is not ASCII: the mail
    /// needs SMTPUTF8 (RFC 6531) unless [`header_utf8`](Self::header_utf8) is false and the
    /// envelope can do with A-labels.
    pub needs_utf8: bool,
    /// Whether an address in the header that is sent holds UTF-8. Then nothing but SMTPUTF8
    /// will do: A-labels in the envelope change nothing about the header.
    pub header_utf8: bool,
}

/// Takes `message` apart. An envelope address that is not given comes from the header fields: the
/// Resent- fields if there is a Resent-Date, else the original ones (RFC 5322 section 3.6.6).
/// Address fields that hold no address, such as an empty group, give an empty list.
pub fn submission(message: &[u8], from: Option<&str>, to: Option<&[&str]>) -> Result<Submission> {
    let section = headers::scan(message)?;
    let resent = match section.fields.iter().filter(|field| field.name == Name::ResentDate).count()
    {
        0 => false,
        1 => true,
        // The blocks stand in no reliable order: which one is the last cannot be told.
        _ => return Err(unusable("the message has more than one Resent-Date field")),
    };
    let from = match from {
        Some(from) => from.to_owned(),
        None => sender(&section, resent)?,
    };
    let to = match to {
        Some(to) => to.iter().map(|&address| address.to_owned()).collect(),
        None => recipients(&section, resent)?,
    };
    let header_utf8 = section.fields.iter().any(names_utf8);
    Ok(Submission {
        needs_utf8: header_utf8 || is_utf8(&from) || to.iter().any(|address| is_utf8(address)),
        header_utf8,
        from,
        to,
        head: head(message, &section),
        body_offset: section.end,
    })
}

/// Sender goes before From, because From may name several authors (RFC 5322 section 3.6.2).
fn sender(section: &Section, resent: bool) -> Result<String> {
    let (names, shown) = if resent {
        ([Name::ResentSender, Name::ResentFrom], "Resent-From or Resent-Sender")
    } else {
        ([Name::Sender, Name::From], "From or Sender")
    };
    let mut present = false;
    for name in names {
        for field in section.fields.iter().filter(|field| field.name == name) {
            present = true;
            if let Some(first) = addresses::addresses(field.value).into_iter().next() {
                return text(field, first);
            }
        }
    }
    let what = if present { "has no address in" } else { "has no" };
    Err(unusable(format!("the message {what} {shown}, and no sender was given")))
}

fn recipients(section: &Section, resent: bool) -> Result<Vec<String>> {
    let (names, shown) = if resent {
        ([Name::ResentTo, Name::ResentBcc, Name::ResentCc], "Resent-To, Resent-Cc or Resent-Bcc")
    } else {
        ([Name::To, Name::Bcc, Name::Cc], "To, Cc or Bcc")
    };
    if !section.fields.iter().any(|field| names.contains(&field.name)) {
        return Err(unusable(format!("the message has no {shown}, and no recipient was given")));
    }
    let mut recipients = Vec::new();
    for name in names {
        for field in section.fields.iter().filter(|field| field.name == name) {
            for address in addresses::addresses(field.value) {
                recipients.push(text(field, address)?);
            }
        }
    }
    Ok(recipients)
}

/// An address as text. Other bytes than UTF-8 are refused: with a replacement character in it the
/// mail would go to another mailbox.
fn text(field: &Field, address: Vec<u8>) -> Result<String> {
    String::from_utf8(address).map_err(|error| {
        let shown = printable(error.as_bytes(), SHOWN_TEXT);
        unusable(format!("address {shown} in {} is not UTF-8", field.name.as_str()))
    })
}

/// Whether the field is sent with an address in UTF-8. A display name or comment in UTF-8 is no
/// address, and what is no UTF-8 at all SMTPUTF8 would not help.
fn names_utf8(field: &Field) -> bool {
    !field.name.is_hidden()
        && field.name != Name::ResentDate
        && !field.value.is_ascii()
        && addresses::addresses(field.value)
            .iter()
            .any(|address| !address.is_ascii() && std::str::from_utf8(address).is_ok())
}

/// Whether the address itself is not ASCII, whatever name or comment stands beside it. One that
/// cannot be used is told of by whoever uses it.
fn is_utf8(address: &str) -> bool {
    !address.is_ascii() && Path::parse(address).is_ok_and(|path| !path.is_ascii())
}

fn head(message: &[u8], section: &Section) -> Vec<u8> {
    let mut head = Vec::with_capacity(section.end - section.start);
    let mut kept = section.start;
    for field in &section.fields {
        if field.name.is_hidden() {
            head.extend_from_slice(&message[kept..field.lines.start]);
            kept = field.lines.end;
        }
    }
    let rest = &message[kept..section.end];
    if head.ends_with(b"\r") && rest.starts_with(b"\n") {
        // A bare CR before a removed field and the LF of the empty line would be one line end.
        head.push(b'\n');
    }
    head.extend_from_slice(rest);
    head
}

fn unusable(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests;
