//! Where the message in transmission stands, and how its bytes are had: spans of what is in
//! memory, or what the encoder makes of it and of what a reader gives.

use crate::error::Result;
use crate::wire::LineEncoder;

use super::output::Span;
use super::transaction::{Body, Transaction};

/// How much is read from a reader at a time.
const READ: usize = 64 * 1024;

/// Room the encoder needs to make progress.
pub(super) const LEAST_ROOM: usize = 64;

/// Where the message in transmission stands.
#[derive(Default)]
pub(super) struct Cursor {
    pub part: usize,
    pub offset: usize,
    /// Goes out as it is.
    pub verbatim: bool,
    /// The caller's bytes are the octets on the wire, whatever they are (RFC 3030 BINARYMIME).
    pub binary: bool,
    pub encoder: Option<LineEncoder>,
    /// Bytes read and not yet encoded.
    pub read: Vec<u8>,
    pub taken: usize,
    pub ended: bool,
    pub total: u64,
}

impl Cursor {
    /// The next span of a message in memory, of at most `most` bytes.
    pub fn next_span(&mut self, parts: [&[u8]; 2], most: usize) -> Option<Span> {
        while self.part < 2 && self.offset == parts[self.part].len() {
            self.part += 1;
            self.offset = 0;
        }
        let rest = parts.get(self.part)?.len() - self.offset;
        let span = Span { part: self.part, from: self.offset, to: self.offset + rest.min(most) };
        self.offset = span.to;
        Some(span)
    }

    pub fn is_at_end(&self, parts: [&[u8]; 2]) -> bool {
        let rest: usize = parts.iter().skip(self.part).map(|part| part.len()).sum();
        rest == self.offset
    }

    /// Encodes up to `room` bytes into `buffer`; true when the message has ended.
    pub fn encode(
        &mut self,
        transaction: &mut Transaction,
        buffer: &mut Vec<u8>,
        room: usize,
    ) -> Result<bool> {
        let limit = buffer.len() + room;
        let Some(mut encoder) = self.encoder.take() else { return Ok(true) };
        while limit.saturating_sub(buffer.len()) >= LEAST_ROOM {
            let room = limit - buffer.len();
            let parts = transaction.parts();
            if self.next_span(parts, 0).is_some() {
                let rest = &parts[self.part][self.offset..];
                let count = self.put(&mut encoder, rest, buffer, room);
                self.offset += count;
            } else if self.taken < self.read.len() {
                let read = std::mem::take(&mut self.read);
                let count = self.put(&mut encoder, &read[self.taken..], buffer, room);
                self.taken += count;
                self.read = read;
            } else if transaction.streams() && !self.ended {
                self.refill(transaction)?;
            } else {
                if transaction.streams() {
                    transaction.check_size(self.total + transaction.head.len() as u64)?;
                }
                if !self.binary {
                    encoder.finish(buffer);
                }
                return Ok(true);
            }
        }
        self.encoder = Some(encoder);
        Ok(false)
    }

    fn put(
        &self,
        encoder: &mut LineEncoder,
        bytes: &[u8],
        buffer: &mut Vec<u8>,
        room: usize,
    ) -> usize {
        if self.binary {
            let count = bytes.len().min(room);
            buffer.extend_from_slice(&bytes[..count]);
            return count;
        }
        encoder.push(bytes, buffer, room)
    }

    fn refill(&mut self, transaction: &mut Transaction) -> Result<()> {
        let Body::Reader(reader, _) = &mut transaction.body else { return Ok(()) };
        transaction.spent = true;
        self.taken = 0;
        self.read.resize(READ, 0);
        let count = reader.read(&mut self.read);
        self.read.truncate(*count.as_ref().unwrap_or(&0));
        let count = count?;
        self.ended = count == 0;
        self.total += count as u64;
        Ok(())
    }
}
