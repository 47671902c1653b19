//! Where the message in transmission stands, and how its bytes are had: spans of what is in
//! memory, or what the encoder makes of it and of what a reader gives.

use crate::error::Result;
use crate::wire::LineEncoder;

use super::source::Body;
use super::transaction::Transaction;
use crate::session::output::Span;

/// How much is read from a reader at a time.
const READ: usize = 64 * 1024;

/// Room the encoder needs to make progress.
pub(super) const LEAST_ROOM: usize = 64;

/// How far [`Cursor::encode`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Progress {
    /// The buffer is full.
    Full,
    /// The reader has nothing now, and may have more later.
    Starved,
    /// The message has ended.
    Ended,
}

/// Where the message in transmission stands.
#[derive(Default)]
pub(super) struct Cursor {
    pub part: usize,
    pub offset: usize,
    /// Goes out as it is.
    pub verbatim: bool,
    /// A clean reader's bytes go out as they are, from the transaction's own memory.
    pub ahead: bool,
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

    /// The last span is out, and the line end that the message lacks, which belongs to its chunk,
    /// is not.
    pub fn owes_line_end(&self) -> bool {
        self.verbatim && self.ended
    }

    pub fn is_at_end(&self, parts: [&[u8]; 2]) -> bool {
        let rest: usize = parts.iter().skip(self.part).map(|part| part.len()).sum();
        rest == self.offset
    }

    /// The next of a clean reader's bytes, as a span of the transaction's head: first what was
    /// read to look at it.
    pub fn next_ahead(&mut self, transaction: &mut Transaction) -> Result<Progress> {
        let is_read = self.total == 0 && !transaction.head.is_empty() && !transaction.spent;
        let progress = if is_read { Progress::Full } else { transaction.read_ahead()? };
        self.total += transaction.head.len() as u64;
        match progress {
            Progress::Ended => transaction.check_size(self.total)?,
            _ if transaction.size() == Some(self.total) => {
                // Known now, the end needs no chunk of its own.
                self.ended = transaction.has_ended(self.total)?;
            }
            _ => {}
        }
        Ok(progress)
    }

    /// Encodes up to `room` bytes into `buffer`.
    pub fn encode(
        &mut self,
        transaction: &mut Transaction,
        buffer: &mut Vec<u8>,
        room: usize,
    ) -> Result<Progress> {
        let limit = buffer.len() + room;
        let Some(mut encoder) = self.encoder.take() else { return Ok(Progress::Ended) };
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
                if !self.refill(transaction)? {
                    self.encoder = Some(encoder);
                    return Ok(Progress::Starved);
                }
            } else {
                if transaction.streams() {
                    transaction.check_size(self.total + transaction.head.len() as u64)?;
                }
                if !self.binary {
                    encoder.finish(buffer);
                }
                return Ok(Progress::Ended);
            }
        }
        self.encoder = Some(encoder);
        Ok(Progress::Full)
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

    /// False if the reader has nothing now.
    fn refill(&mut self, transaction: &mut Transaction) -> Result<bool> {
        let Body::Reader(reader, _) = &mut transaction.body else { return Ok(true) };
        transaction.spent = true;
        self.taken = 0;
        self.read.resize(READ, 0);
        let read = reader.read(&mut self.read);
        self.read.truncate(read.as_ref().ok().and_then(|count| *count).unwrap_or(0));
        let Some(count) = read? else { return Ok(false) };
        self.ended = count == 0;
        self.total += count as u64;
        Ok(true)
    }
}
