//! The bytes of a built message, one after another: a fixed buffer serves an attachment of any size.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

use super::base64::{self, LINE, LINE_BYTES};
use super::content::Content;
use super::layout::{Built, Piece};

/// A reading of a message. Its attachments are read as it goes.
pub struct Stream {
    built: Arc<Built>,
    piece: usize,
    /// How far into the piece: bytes of it that are out, or, of an attachment, were read.
    at: u64,
    /// What was read of an attachment; of that, `taken..ready` is to be encoded: whole lines of
    /// base64, but for the last.
    raw: Vec<u8>,
    filled: usize,
    ready: usize,
    taken: usize,
    begun: bool,
    ended: bool,
    /// An encoded line that did not fit, and how much of it is out.
    line: [u8; LINE],
    line_end: usize,
    line_out: usize,
}

impl Stream {
    /// Nothing is read yet. An error if an attachment can be read once, and was.
    pub fn new(built: &Arc<Built>) -> Result<Stream> {
        for piece in &built.pieces {
            if let Piece::Base64(content, name) = piece {
                content.check().map_err(|error| error.in_context(name))?;
            }
        }
        Ok(Stream {
            built: Arc::clone(built),
            piece: 0,
            at: 0,
            raw: Vec::new(),
            filled: 0,
            ready: 0,
            taken: 0,
            begun: false,
            ended: false,
            line: [0; LINE],
            line_end: 0,
            line_out: 0,
        })
    }

    pub fn built(&self) -> &Arc<Built> {
        &self.built
    }

    /// Fills `buffer` with the next bytes; 0 is the end of the message, `None` that there is
    /// nothing now.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        let built = Arc::clone(&self.built);
        let mut filled = 0;
        while filled < buffer.len() {
            let Some(piece) = built.pieces.get(self.piece) else { break };
            let room = &mut buffer[filled..];
            let count = match piece {
                Piece::Bytes(bytes) => Some(self.copy(bytes, room)),
                Piece::Exact(content) => Some(self.copy(content.bytes().unwrap_or_default(), room)),
                Piece::Base64(content, name) => {
                    self.encode(&**content, room).map_err(|error| error.in_context(name))?
                }
            };
            match count {
                Some(0) => self.next_piece(),
                Some(count) => filled += count,
                None if filled > 0 => break,
                None => return Ok(None),
            }
        }
        Ok(Some(filled))
    }

    /// What to wait for behind a `None`.
    pub fn descriptor(&self) -> Option<i32> {
        match self.built.pieces.get(self.piece)? {
            Piece::Base64(content, _) => content.descriptor(),
            _ => None,
        }
    }

    fn next_piece(&mut self) {
        self.piece += 1;
        self.at = 0;
        self.filled = 0;
        self.ready = 0;
        self.taken = 0;
        self.begun = false;
        self.ended = false;
    }

    fn copy(&mut self, bytes: &[u8], room: &mut [u8]) -> usize {
        let rest = &bytes[self.at as usize..];
        let count = rest.len().min(room.len());
        room[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        count
    }

    /// Encodes the next lines; 0 at the end of the attachment.
    fn encode(&mut self, content: &dyn Content, room: &mut [u8]) -> Result<Option<usize>> {
        if self.line_out < self.line_end {
            return Ok(Some(self.rest_of_line(room)));
        }
        if let Some(bytes) = content.bytes() {
            let (taken, written) = self.lines(&bytes[self.at as usize..], room);
            self.at += taken as u64;
            return Ok(Some(written));
        }
        if self.taken == self.ready && !self.refill(content)? {
            return Ok(None);
        }
        let raw = std::mem::take(&mut self.raw);
        let (taken, written) = self.lines(&raw[self.taken..self.ready], room);
        self.raw = raw;
        self.taken += taken;
        Ok(Some(written))
    }

    /// As many lines as there is room for, or the beginning of one. Gives how many bytes that took,
    /// and how many it wrote.
    fn lines(&mut self, bytes: &[u8], room: &mut [u8]) -> (usize, usize) {
        if bytes.is_empty() {
            return (0, 0);
        }
        let fit = room.len() / LINE;
        if fit == 0 {
            let taken = bytes.len().min(LINE_BYTES);
            self.line_end = base64::encode_lines(&bytes[..taken], &mut self.line);
            self.line_out = 0;
            return (taken, self.rest_of_line(room));
        }
        let taken = bytes.len().min(fit * LINE_BYTES);
        (taken, base64::encode_lines(&bytes[..taken], room))
    }

    fn rest_of_line(&mut self, room: &mut [u8]) -> usize {
        let rest = &self.line[self.line_out..self.line_end];
        let count = rest.len().min(room.len());
        room[..count].copy_from_slice(&rest[..count]);
        self.line_out += count;
        count
    }

    /// Reads whole lines, or all that is left; false if the attachment has nothing now.
    fn refill(&mut self, content: &dyn Content) -> Result<bool> {
        if !self.begun {
            content.begin()?;
            self.begun = true;
            self.raw.resize(READ, 0);
        }
        if self.ready > 0 {
            self.filled = 0;
            self.ready = 0;
            self.taken = 0;
        }
        while self.filled < READ && !self.ended {
            let read = content.read(self.at, &mut self.raw[self.filled..])?;
            let Some(count) = read else { return Ok(false) };
            self.filled += count;
            self.at += count as u64;
            self.ended = count == 0;
            self.check_size(content)?;
        }
        self.ready = self.filled;
        Ok(true)
    }

    /// What was promised is what the server was told: less or more would be another message.
    fn check_size(&self, content: &dyn Content) -> Result<()> {
        match content.size() {
            Some(size) if self.at > size || (self.ended && self.at < size) => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("it gave {} bytes where {size} were announced", self.at),
            )),
            _ => Ok(()),
        }
    }
}

/// How much of an attachment is read at a time: whole lines.
const READ: usize = 1024 * LINE_BYTES;
