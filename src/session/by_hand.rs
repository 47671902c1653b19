//! What the caller sends by himself: `putcmd` and raw bytes, whose replies he collects, and a
//! transaction opened by MAIL and RCPT of his own.
//!
//! Raw bytes are followed as far as is needed to count the replies that they call forth: a line
//! is a command, except behind 354 (up to the lone dot) and behind `BDAT n` (for n octets).

use std::collections::VecDeque;

/// A transaction opened by hand (RFC 5321 section 3.3).
#[derive(Default)]
pub(super) struct BareTransaction {
    /// MAIL was accepted: the server holds it until the data, RSET or another hello.
    pub open: bool,
    /// SMTPUTF8 was given to MAIL: arguments may hold UTF-8 from here on.
    pub utf8: bool,
    /// RCPT commands accepted; LMTP answers each after the data.
    pub accepted: u32,
}

/// What is left of a chunk (RFC 3030 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chunk {
    left: u64,
    last: bool,
}

/// Where raw bytes stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Commands,
    /// Behind 354.
    Data,
    /// In a chunk.
    Chunk(Chunk),
}

#[derive(Default)]
pub(super) struct ByHand {
    pub transaction: BareTransaction,
    /// Where each command ends whose reply the caller has not collected.
    owed: VecDeque<u64>,
    mode: Mode,
    /// The beginning of the present line.
    line: Vec<u8>,
    in_line: bool,
    /// As it was before the last piece, to which a piece that is forbidden goes back.
    before: (usize, Mode, bool),
}

/// As much of a line as tells a lone dot and `BDAT n` from others.
const TELLING: usize = 32;

impl ByHand {
    /// A command was put that ends at `end`.
    pub fn put(&mut self, verb: &str, args: &str, end: u64) {
        self.mark();
        match Chunk::announced(verb.split_ascii_whitespace().chain(args.split_ascii_whitespace())) {
            Some(chunk) => self.mode = Mode::Chunk(chunk),
            None => self.owed.push_back(end),
        }
        // Who knows what it was: a transaction may be open now.
        self.transaction.open = true;
    }

    /// Raw bytes were written from `start` of the stream on. A message has as many replies as
    /// `finals` says.
    pub fn raw(&mut self, bytes: &[u8], start: u64, finals: usize) {
        self.mark();
        self.transaction.open = true;
        let mut at = 0;
        while at < bytes.len() {
            if let Mode::Chunk(Chunk { left, last }) = self.mode {
                let count = left.min((bytes.len() - at) as u64);
                at += count as usize;
                self.mode = Mode::Chunk(Chunk { left: left - count, last });
                if count == left {
                    self.mode = Mode::Commands;
                    self.owe(start + at as u64, if last { finals } else { 1 });
                }
                continue;
            }
            let rest = &bytes[at..];
            let end = memchr::memchr(b'\n', rest);
            let piece = &rest[..end.unwrap_or(rest.len())];
            let room = TELLING - self.line.len().min(TELLING);
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            at += piece.len() + usize::from(end.is_some());
            self.in_line = end.is_none();
            if end.is_some() {
                self.end_line(start + at as u64, finals);
            }
        }
    }

    fn owe(&mut self, end: u64, count: usize) {
        self.owed.extend(std::iter::repeat_n(end, count));
    }

    fn end_line(&mut self, end: u64, finals: usize) {
        let line = self.line.trim_ascii_end().to_vec();
        self.line.clear();
        match self.mode {
            Mode::Data if line == b"." => {
                self.mode = Mode::Commands;
                self.owe(end, finals);
            }
            Mode::Data => {}
            _ => {
                let text = String::from_utf8_lossy(&line);
                match Chunk::announced(text.split_ascii_whitespace()) {
                    Some(chunk) => self.mode = Mode::Chunk(chunk),
                    None => self.owed.push_back(end),
                }
            }
        }
    }

    /// The caller read a reply to something of his own.
    pub fn collected(&mut self, code: u16) {
        if code == 354 {
            self.mode = Mode::Data;
        }
    }

    /// The end of the oldest command whose reply is owed, which is owed no longer.
    pub fn take_owed(&mut self) -> Option<u64> {
        self.owed.pop_front()
    }

    pub fn owed(&self) -> usize {
        self.owed.len()
    }

    pub fn oldest_owed(&self) -> Option<u64> {
        self.owed.front().copied()
    }

    /// The server takes what comes for a message.
    pub fn awaits_data(&self) -> bool {
        self.mode != Mode::Commands
    }

    /// Part of a message of the caller's own went out.
    pub fn is_amid_data(&self) -> bool {
        self.before.1 != Mode::Commands
    }

    pub fn in_line(&self) -> bool {
        self.in_line
    }

    /// What is sent from here on may be taken back.
    pub fn mark(&mut self) {
        self.before = (self.owed.len(), self.mode, self.in_line);
    }

    /// The last piece did not go out.
    pub fn retract(&mut self) {
        self.owed.truncate(self.before.0);
        self.mode = self.before.1;
        self.in_line = self.before.2;
        self.line.clear();
    }
}

impl Chunk {
    /// Of `BDAT size [LAST]`; none if no octet follows the command.
    fn announced<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Self> {
        words.next().filter(|verb| verb.eq_ignore_ascii_case("BDAT"))?;
        let left = words.next()?.parse().ok().filter(|size| *size > 0)?;
        let last = words.next().is_some_and(|word| word.eq_ignore_ascii_case("LAST"));
        Some(Chunk { left, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_that_raw_bytes_call_forth() {
        // (what was sent, in pieces; replies owed; behind it: amid data, amid a line)
        let cases: &[(&[&str], usize, bool, bool)] = &[
            (&["NOOP\r\n"], 1, false, false),
            (&["NOOP\nVRFY a\r\n"], 2, false, false),
            (&["NO", "OP", "\r\n"], 1, false, false),
            (&["NOOP\r\nRS"], 1, false, true),
            (&["BDAT 5\r\nab\ncd", "NOOP\r\n"], 2, false, false),
            (&["BDAT 5 LAST\r\nab"], 0, true, false),
            (&["bdat 0 LAST\r\n"], 1, false, false),
        ];
        for (pieces, owed, data, line) in cases {
            let mut by_hand = ByHand::default();
            let mut at = 0;
            for piece in *pieces {
                by_hand.raw(piece.as_bytes(), at, 1);
                at += piece.len() as u64;
            }
            let found = (by_hand.owed(), by_hand.awaits_data(), by_hand.in_line());
            assert_eq!(found, (*owed, *data, *line), "{pieces:?}");
        }
    }

    #[test]
    fn a_message_behind_354_has_the_replies_of_its_end() {
        let mut by_hand = ByHand::default();
        by_hand.raw(b"DATA\r\n", 0, 1);
        assert_eq!(by_hand.take_owed(), Some(6));
        by_hand.collected(354);
        by_hand.raw(b"Subject: x\r\n\r\n..\r\nMAIL\r\n.", 6, 2);
        assert!(by_hand.awaits_data() && by_hand.owed() == 0);
        by_hand.raw(b"\r\n", 31, 2);
        assert!(!by_hand.awaits_data());
        assert_eq!((by_hand.owed(), by_hand.oldest_owed()), (2, Some(33)));
    }

    #[test]
    fn what_was_forbidden_is_owed_nothing() {
        let mut by_hand = ByHand::default();
        by_hand.put("NOOP", "", 6);
        by_hand.raw(b"NOOP\r\nNO", 6, 1);
        by_hand.retract();
        assert_eq!((by_hand.owed(), by_hand.in_line()), (1, false));
    }
}
