//! Bytes on their way out: encoded ones in a bounded buffer, then, without a copy, a span lent
//! by the message in transmission.

use zeroize::Zeroize;

use crate::error::Result;
use crate::wire::command;

use super::mail::Progress;

/// How much is encoded ahead of the socket; bounds the memory a message of any size costs.
pub(super) const HIGH_WATER: usize = 256 * 1024;

/// Room for `BDAT `, twenty digits, ` LAST` and CRLF.
const CHUNK_HEADER: usize = 32;

/// A span of the message in transmission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub part: usize,
    pub from: usize,
    pub to: usize,
}

#[derive(Default)]
pub(super) struct Output {
    buffer: Vec<u8>,
    start: usize,
    lent: Span,
    sent: u64,
    /// Of `sent`, what is not in the system's hands yet (ciphertext that waits in the process).
    unhanded: u64,
    /// Where what is pending began when nothing was.
    burst: u64,
    /// The buffer holds a credential: it is wiped once it is sent.
    secret: bool,
    /// The header of a chunk, while it is put in its place.
    header: Vec<u8>,
}

impl Output {
    /// The buffer to append encoded bytes to. Never while a span is lent.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        debug_assert!(!self.is_lending());
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
            self.burst = self.sent;
        } else if self.start >= HIGH_WATER {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        &mut self.buffer
    }

    /// Appends the end of what went out before: the server waits for it, so that it cannot be
    /// taken back by itself.
    pub fn complete(&mut self, bytes: &[u8]) {
        let burst = self.burst;
        self.buffer().extend_from_slice(bytes);
        self.burst = burst;
    }

    /// Appends a line with a credential in it. The buffer is wiped once it is sent, and has room
    /// for the line before: one that grows would leave a copy behind.
    pub fn secret_line(&mut self, line: &[u8]) {
        let buffer = self.buffer();
        buffer.reserve(line.len());
        buffer.extend_from_slice(line);
        self.secret = true;
    }

    /// Appends one BDAT chunk whose length is known only once `encode` has run. The header is put
    /// in front without moving the data. Nothing is appended where nothing was to be had.
    pub fn chunk(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<Progress>,
    ) -> Result<(Progress, bool)> {
        let buffer = self.buffer();
        let base = buffer.len();
        buffer.resize(base + CHUNK_HEADER, 0);
        let progress = match encode(buffer) {
            Ok(progress) => progress,
            Err(error) => {
                buffer.truncate(base);
                return Err(error);
            }
        };
        let length = buffer.len() - base - CHUNK_HEADER;
        if length == 0 && progress != Progress::Ended {
            buffer.truncate(base);
            return Ok((progress, false));
        }
        self.header.clear();
        command::bdat(&mut self.header, length as u64, progress == Progress::Ended);
        let gap = CHUNK_HEADER - self.header.len();
        let start = self.start;
        self.buffer.copy_within(start..base, start + gap);
        self.buffer[base + gap..base + CHUNK_HEADER].copy_from_slice(&self.header);
        self.start += gap;
        Ok((progress, true))
    }

    /// Lends a span of the message: it goes out after all that is encoded.
    pub fn lend(&mut self, span: Span) {
        debug_assert!(!self.is_lending());
        self.lent = span;
    }

    pub fn encoded(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    pub fn lent(&self) -> Span {
        self.lent
    }

    pub fn is_lending(&self) -> bool {
        self.lent.from < self.lent.to
    }

    pub fn len(&self) -> usize {
        self.buffer.len() - self.start + (self.lent.to - self.lent.from)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// No more may be encoded before some of it is sent.
    pub fn is_full(&self) -> bool {
        self.is_lending() || self.buffer.len() - self.start >= HIGH_WATER
    }

    /// Room below the high-water mark.
    pub fn room(&self) -> usize {
        HIGH_WATER.saturating_sub(self.buffer.len() - self.start)
    }

    pub fn sent(&mut self, count: usize) {
        let encoded = count.min(self.buffer.len() - self.start);
        self.start += encoded;
        self.lent.from += count - encoded;
        self.sent += count as u64;
        if self.secret && self.start == self.buffer.len() {
            self.wipe();
        }
    }

    fn wipe(&mut self) {
        self.buffer.zeroize();
        self.start = 0;
        self.secret = false;
    }

    pub fn total_sent(&self) -> u64 {
        self.sent
    }

    pub fn set_unhanded(&mut self, count: u64) {
        self.unhanded = count;
    }

    /// How much of the stream is in the system's hands, and so may reach the server.
    pub fn handed(&self) -> u64 {
        self.sent - self.unhanded.min(self.sent)
    }

    pub fn burst(&self) -> u64 {
        self.burst
    }

    /// Where the next encoded byte will stand in the stream.
    pub fn end(&self) -> u64 {
        self.sent + self.len() as u64
    }

    /// Drops what was not sent, and the buffer's memory with it.
    pub fn clear(&mut self) {
        if self.secret {
            self.wipe();
        }
        *self = Output {
            sent: self.sent,
            unhanded: self.unhanded,
            burst: self.sent,
            ..Output::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_follows_what_is_pending() {
        for already_sent in [0, 3, 6] {
            let mut output = Output::default();
            output.buffer().extend_from_slice(b"NOOP\r\n");
            output.sent(already_sent);
            let chunk = output.chunk(|buffer| {
                buffer.extend_from_slice(b"hello");
                Ok(Progress::Ended)
            });
            assert_eq!(chunk.unwrap(), (Progress::Ended, true));
            let expected = [&b"NOOP\r\n"[already_sent..], b"BDAT 5 LAST\r\nhello"].concat();
            assert_eq!(output.encoded(), expected);
            assert_eq!(output.end(), (already_sent + expected.len()) as u64);
        }
    }

    #[test]
    fn a_lent_span_is_sent_after_the_encoded_bytes() {
        let mut output = Output::default();
        output.buffer().extend_from_slice(b"abc");
        output.lend(Span { part: 0, from: 10, to: 20 });
        assert_eq!((output.len(), output.is_full()), (13, true));
        output.sent(5);
        assert_eq!(output.lent(), Span { part: 0, from: 12, to: 20 });
        output.sent(8);
        assert!(output.is_empty() && !output.is_full());
        assert_eq!(output.total_sent(), 13);
    }
}
