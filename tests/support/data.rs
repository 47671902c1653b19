//! The receiving side of DATA and BDAT: bytes as they came, and the message in them.

use super::conn::{Conn, Flow};
use super::record::{FNV_START, Message, fnv};

/// A message's bytes while they arrive.
#[derive(Default)]
pub(super) struct Body {
    /// Keep no bytes, only their number and hash.
    pub discard: bool,
    wire: Vec<u8>,
    content: Vec<u8>,
    size: u64,
    hash: Option<u64>,
    pub chunks: usize,
    pub eight_bit: bool,
    /// A CR or LF that stands alone came (RFC 5321 2.3.8).
    pub bare: bool,
    before: u8,
    last: u8,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    LineStart,
    Dot,
    DotCr,
    Text,
}

impl Body {
    pub fn new(discard: bool) -> Body {
        Body { discard, ..Body::default() }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Ends with CRLF.
    pub fn ends_whole(&self) -> bool {
        (self.before, self.last) == (b'\r', b'\n')
    }

    /// Reads up to and with `<CRLF>.<CRLF>`, taking the stuffing out (RFC 5321 4.5.2).
    pub fn read_dotted(&mut self, conn: &mut Conn) -> Flow<()> {
        let mut at = At::LineStart;
        loop {
            if conn.buffered().is_empty() {
                conn.fill()?;
            }
            let (used, ended) = self.take_dotted(conn.buffered(), &mut at);
            conn.consume(used);
            if ended {
                return Ok(());
            }
        }
    }

    fn take_dotted(&mut self, input: &[u8], at: &mut At) -> (usize, bool) {
        let mut used = 0;
        while used < input.len() {
            let byte = input[used];
            match (*at, byte) {
                (At::LineStart, b'.') => *at = At::Dot,
                (At::Dot, b'\r') => *at = At::DotCr,
                (At::DotCr, b'\n') => {
                    self.keep_wire(&input[..=used]);
                    return (used + 1, true);
                }
                _ => {
                    if *at == At::DotCr {
                        self.add(b"\r");
                    }
                    // To the end of the line in one go.
                    let rest = &input[used..];
                    let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
                    let line = &rest[..length];
                    let before = if length > 1 { line[length - 2] } else { self.last };
                    self.add(line);
                    // After a bare LF no line begins: a dot there is a dot.
                    let whole = line.ends_with(b"\n") && before == b'\r';
                    *at = if whole { At::LineStart } else { At::Text };
                    used += length;
                    continue;
                }
            }
            used += 1;
        }
        self.keep_wire(input);
        (used, false)
    }

    /// Reads a chunk of `length` bytes (RFC 3030).
    pub fn read_chunk(&mut self, conn: &mut Conn, length: u64) -> Flow<()> {
        let mut left = length;
        while left > 0 {
            if conn.buffered().is_empty() {
                conn.fill()?;
            }
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(conn.buffered().len());
            let bytes = conn.buffered()[..count].to_vec();
            conn.consume(count);
            self.keep_wire(&bytes);
            self.add(&bytes);
            left -= count as u64;
        }
        self.chunks += 1;
        Ok(())
    }

    fn keep_wire(&mut self, bytes: &[u8]) {
        if !self.discard {
            self.wire.extend_from_slice(bytes);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.bare |= (self.last == b'\r') != (*byte == b'\n');
            self.eight_bit |= *byte >= 0x80;
            (self.before, self.last) = (self.last, *byte);
        }
        self.size += bytes.len() as u64;
        self.hash = Some(fnv(self.hash.unwrap_or(FNV_START), bytes));
        if !self.discard {
            self.content.extend_from_slice(bytes);
        }
    }

    /// Puts what arrived into the message.
    pub fn finish(self, message: &mut Message) {
        message.wire = self.wire;
        message.content = self.content;
        message.size = self.size;
        message.hash = self.hash.unwrap_or(FNV_START);
        message.chunks = self.chunks;
    }
}
