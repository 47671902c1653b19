//! The parts of a message and how they nest: chosen by what there is (RFC 2046 section 5.1, RFC
//! 2387). What comes out are the message's bytes in pieces, of which only attachments are still to
//! be read and encoded.
//!
//! ```text
//! mixed ─┬─ alternative ─┬─ text/plain
//!        │               └─ related ─┬─ text/html
//!        │                           └─ inline ...
//!        └─ attachment ...
//! ```
//!
//! A multipart that would have one part is that part; but readers look for attachments in mixed
//! alone.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::Result;
use crate::message::Envelope;
use crate::wire::Surveyor;

use super::choice::{self, Encoding};
use super::fields::hex;
use super::media::Media;
use super::{Attachment, Content, Message, base64, check, header, params, quoted_printable};

/// A message that will not change any more.
pub struct Built {
    pub(super) pieces: Vec<Piece>,
    envelope: Envelope,
    size: Option<u64>,
    dot_lines: bool,
    eight_bit: bool,
}

/// Some bytes of a message.
pub(super) enum Piece {
    Bytes(Vec<u8>),
    /// Goes out as it is; it is in memory.
    Exact(Arc<dyn Content>),
    /// Goes out as lines of base64. The name is for errors.
    Base64(Arc<dyn Content>, String),
}

impl Built {
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// In bytes; `None` if a part's size is not known before it is read.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// A line begins with a dot.
    pub fn has_dot_lines(&self) -> bool {
        self.dot_lines
    }

    pub fn is_eight_bit(&self) -> bool {
        self.eight_bit
    }
}

pub(super) fn build(message: &Message, random: &[u8; 32]) -> Result<Built> {
    let utf8 = message.fields.needs_utf8();
    let mut writer = Writer { pieces: Vec::new(), open: Vec::new(), boundary: String::new() };
    let root = root(message, utf8);
    writer.boundary = boundary(&root, random);
    message.fields.write(&mut writer.open, utf8);
    writer.open.extend_from_slice(b"MIME-Version: 1.0\r\n");
    writer.part(&root, 0)?;
    if !writer.open.ends_with(b"\r\n") {
        writer.open.extend_from_slice(b"\r\n");
    }
    writer.close();
    let pieces = writer.pieces;
    let (dot_lines, eight_bit) = survey(&pieces);
    let envelope = message.fields.envelope()?;
    Ok(Built { size: size(&pieces), pieces, envelope, dot_lines, eight_bit })
}

/// A part with all that is in it.
enum Part<'a> {
    Text {
        media: &'static str,
        flowed: bool,
        bytes: Vec<u8>,
        encoding: Encoding,
    },
    File(&'a Attachment),
    Multi {
        subtype: &'static str,
        /// RFC 2387 section 3.1: the type of the first part.
        root: Option<&'static str>,
        parts: Vec<Part<'a>>,
    },
}

fn root(message: &Message, utf8: bool) -> Part<'_> {
    let text =
        message.text.as_ref().map(|text| Part::text("text/plain", text, message.flowed, utf8));
    let html = message.html.as_ref().map(|html| Part::text("text/html", html, false, utf8));
    // Without an HTML text there is nothing to show them in: they are attachments like others.
    let (shown, attached): (Vec<_>, Vec<_>) = message
        .attachments
        .iter()
        .partition(|file| message.html.is_some() && file.content_id.is_some());
    let related = html.map(|html| {
        let parts = std::iter::once(html).chain(shown.into_iter().map(Part::File)).collect();
        Part::of("related", Some("text/html"), parts)
    });
    let body: Vec<_> = text.into_iter().chain(related).collect();
    let body = match body.is_empty() {
        // Files alone need no text beside them.
        true if !attached.is_empty() => None,
        true => Some(Part::text("text/plain", "", false, utf8)),
        false => Some(Part::of("alternative", None, body)),
    };
    match body {
        Some(body) if attached.is_empty() => body,
        body => {
            let parts = body.into_iter().chain(attached.into_iter().map(Part::File)).collect();
            Part::Multi { subtype: "mixed", root: None, parts }
        }
    }
}

impl<'a> Part<'a> {
    fn of(subtype: &'static str, root: Option<&'static str>, mut parts: Vec<Part<'a>>) -> Self {
        match (parts.len(), parts.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                parts.extend(last);
                Part::Multi { subtype, root, parts }
            }
        }
    }

    fn text(media: &'static str, text: &str, flowed: bool, utf8: bool) -> Self {
        let text = with_crlf(text);
        let encoding = choice::for_text(&text, utf8);
        let mut bytes = Vec::new();
        match encoding {
            Encoding::SevenBit | Encoding::EightBit => bytes = text.into_owned().into_bytes(),
            Encoding::QuotedPrintable => {
                quoted_printable::encode(&text, &mut bytes);
                if !text.ends_with("\r\n") {
                    // The end of its last line, which the text has not.
                    bytes.truncate(bytes.len() - 2);
                }
            }
            Encoding::Base64 => base64::encode(text.as_bytes(), &mut bytes),
        }
        Part::Text { media, flowed, bytes, encoding }
    }

    fn boundary_free(&self, token: &[u8]) -> bool {
        let lacks = |bytes: &[u8]| {
            // So every boundary has it.
            !memchr::memchr_iter(b'_', bytes).any(|at| bytes[at + 1..].starts_with(token))
        };
        match self {
            Part::Text { bytes, .. } => lacks(bytes),
            Part::File(file) => !file.is_exact() || file.content.bytes().is_none_or(lacks),
            Part::Multi { parts, .. } => parts.iter().all(|part| part.boundary_free(token)),
        }
    }
}

impl Attachment {
    /// It needs no encoding to arrive byte for byte.
    fn is_exact(&self) -> bool {
        let fits = self.media.is_message() || self.media.is_text();
        fits && self.content.bytes().is_some_and(choice::is_exact_seven_bit)
    }

    fn name(&self) -> String {
        match &self.file_name {
            Some(name) => format!("the attachment {}", check::shown(name)),
            None => "an attachment without a name".to_owned(),
        }
    }
}

/// What every boundary ends with: it is nowhere in what goes out as it is. (`=_` is in no base64
/// and no quoted-printable text, RFC 2045 section 6.7.)
fn boundary(root: &Part<'_>, random: &[u8; 32]) -> String {
    let mut bits = [0; 12];
    bits.copy_from_slice(&random[..12]);
    loop {
        let token = hex(&bits);
        if root.boundary_free(token.as_bytes()) {
            return token;
        }
        // A message has fewer bytes than there are tokens.
        for byte in &mut bits {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }
}

struct Writer {
    pieces: Vec<Piece>,
    /// What is being written.
    open: Vec<u8>,
    boundary: String,
}

impl Writer {
    fn part(&mut self, part: &Part<'_>, depth: usize) -> Result<()> {
        match part {
            Part::Text { media, flowed, bytes, encoding } => {
                let mut params = vec![("charset", "utf-8")];
                if *flowed {
                    params.push(("format", "flowed"));
                }
                params::with_params(&mut self.open, "Content-Type", media, &params);
                self.encoding(*encoding);
                self.open.extend_from_slice(b"\r\n");
                self.open.extend_from_slice(bytes);
                Ok(())
            }
            Part::File(file) => self.file(file),
            Part::Multi { subtype, root, parts } => {
                // Told apart at their first letters, so that none begins another.
                let boundary = format!("=_{depth}_{}", self.boundary);
                let mut params = vec![("boundary", boundary.as_str())];
                params.extend(root.map(|root| ("type", root)));
                let media = format!("multipart/{subtype}");
                params::with_params(&mut self.open, "Content-Type", &media, &params);
                for part in parts {
                    self.open.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
                    self.part(part, depth + 1)?;
                }
                self.open.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
                Ok(())
            }
        }
    }

    fn file(&mut self, file: &Attachment) -> Result<()> {
        self.file_type(file);
        let shown = file.content_id.is_some();
        let disposition = if shown { "inline" } else { "attachment" };
        let params: Vec<_> =
            file.file_name.iter().map(|name| ("filename", name.as_str())).collect();
        params::with_params(&mut self.open, "Content-Disposition", disposition, &params);
        if let Some(id) = &file.content_id {
            header::structured(&mut self.open, "Content-ID", &format!("<{id}>"));
        }
        let exact = file.is_exact();
        self.encoding(if exact { Encoding::SevenBit } else { Encoding::Base64 });
        self.open.extend_from_slice(b"\r\n");
        self.close();
        let content = Arc::clone(&file.content);
        self.pieces.push(match exact {
            true => Piece::Exact(content),
            false => Piece::Base64(content, file.name()),
        });
        Ok(())
    }

    /// The name stands here too, in ASCII, for readers that know no RFC 2231.
    fn file_type(&mut self, file: &Attachment) {
        let Media { essence, params: given } = &file.media;
        let name = file.file_name.as_deref().map(params::plain_fallback);
        let mut all: Vec<_> =
            given.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if let Some(name) = name.as_deref().filter(|_| !file.media.has_param("name")) {
            all.push(("name", name));
        }
        let is_utf8 = || {
            let text = file.content.bytes().map(std::str::from_utf8);
            matches!(text, Some(Ok(text)) if !text.is_ascii())
        };
        if file.media.is_text() && !file.media.has_param("charset") && is_utf8() {
            all.push(("charset", "utf-8"));
        }
        params::with_params(&mut self.open, "Content-Type", essence, &all);
    }

    fn encoding(&mut self, encoding: Encoding) {
        header::structured(&mut self.open, "Content-Transfer-Encoding", encoding.name());
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.pieces.push(Piece::Bytes(std::mem::take(&mut self.open)));
        }
    }
}

/// Text whose lines all end with CRLF.
fn with_crlf(text: &str) -> Cow<'_, str> {
    let mut surveyor = Surveyor::new();
    surveyor.push(text.as_bytes());
    if surveyor.finish().line_ends_ok {
        return Cow::Borrowed(text);
    }
    let mut lines = String::with_capacity(text.len() + text.len() / 16);
    let mut rest = text;
    while let Some(end) = memchr::memchr2(b'\r', b'\n', rest.as_bytes()) {
        lines.push_str(&rest[..end]);
        lines.push_str("\r\n");
        let length = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[end + length..];
    }
    lines.push_str(rest);
    Cow::Owned(lines)
}

fn size(pieces: &[Piece]) -> Option<u64> {
    pieces.iter().try_fold(0_u64, |sum, piece| {
        let size = match piece {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Exact(content) => content.size()?,
            Piece::Base64(content, _) => base64::encoded_len(content.size()?),
        };
        Some(sum.saturating_add(size))
    })
}

/// Whether a line begins with a dot, and whether anything is not ASCII.
fn survey(pieces: &[Piece]) -> (bool, bool) {
    let mut surveyor = Surveyor::new();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => surveyor.push(bytes),
            Piece::Exact(content) => surveyor.push(content.bytes().unwrap_or_default()),
            // Lines without a dot.
            Piece::Base64(..) => surveyor.push(b"\r\n"),
        }
    }
    let survey = surveyor.finish();
    debug_assert!(survey.line_ends_ok && survey.ends_with_crlf);
    (survey.dot_lines, survey.eight_bit)
}
