//! Message data on its way to the wire: line ends become CRLF (RFC 5321 section 2.3.8), lines
//! that begin with a dot get another (section 4.5.2). Streaming and independent of how the
//! message is cut; what needs no change is copied in runs.

use memchr::memchr2;

use super::words;

/// A bare CR and a bare LF are line ends as well: passed on as they are, another server might
/// take them for one, and a dot behind them for the end of the message.
#[derive(Clone, Debug)]
pub struct LineEncoder {
    stuff: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has come yet.
    Start,
    LineStart,
    Middle,
    /// A CR came, and what follows decides whether it is bare.
    Cr,
}

impl LineEncoder {
    /// With `stuff` for DATA, without for BDAT.
    pub fn new(stuff: bool) -> Self {
        LineEncoder { stuff, state: State::Start }
    }

    /// Appends at most `room` bytes (8 or more) to `out`; gives how many bytes of the input that
    /// took.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> usize {
        // Worst case: every byte becomes two, plus what the state before adds.
        let input = &input[..input.len().min(room.saturating_sub(4) / 2)];
        let Some(&first) = input.first() else { return 0 };
        out.reserve(input.len() + input.len() / 8 + 8);
        let mut at = 0;
        if self.state == State::Cr {
            out.extend_from_slice(b"\r\n");
            self.state = State::LineStart;
            at = usize::from(first == b'\n');
        }
        let at_start = matches!(self.state, State::Start | State::LineStart);
        if self.stuff && at_start && input.get(at) == Some(&b'.') {
            out.push(b'.');
        }
        self.lines(input, at, out);
        input.len()
    }

    /// From `from` on; a dot there has been dealt with.
    fn lines(&mut self, input: &[u8], mut from: usize, out: &mut Vec<u8>) {
        let mut at = from;
        let mut short = 0;
        if at < input.len() {
            self.state = State::Middle;
        }
        while let Some(found) = memchr2(b'\r', b'\n', &input[at..]) {
            let end = at + found;
            let good = input[end] == b'\r' && input.get(end + 1) == Some(&b'\n');
            if input[end] == b'\r' && end + 1 == input.len() {
                out.extend_from_slice(&input[from..end]);
                self.state = State::Cr;
                return;
            }
            at = if good { end + 2 } else { end + 1 };
            if !good {
                out.extend_from_slice(&input[from..end]);
                out.extend_from_slice(b"\r\n");
                from = at;
            }
            short = if found < SHORT { short + 1 } else { 0 };
            if short >= IN_A_ROW && input.len() - at >= 8 {
                out.extend_from_slice(&input[from..at]);
                at += self.short_lines(input, at, out);
                from = at;
            }
            let ends_line = input[at - 1] == b'\n' || at == end + 1;
            if self.stuff && ends_line && input.get(at) == Some(&b'.') {
                out.extend_from_slice(&input[from..at]);
                out.push(b'.');
                from = at;
            }
            let ends_all = ends_line && at == input.len();
            self.state = if ends_all { State::LineStart } else { State::Middle };
        }
        out.extend_from_slice(&input[from..]);
    }

    /// Takes a stretch of short lines from `at` on, where a line begins; gives its length.
    fn short_lines(&self, input: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
        let stretch = &input[at..input.len().min(at + STRETCH)];
        let begins = out.len();
        out.resize(begins + 2 * stretch.len() + words::SLACK, 0);
        let (taken, written) = words::encode(stretch, &mut out[begins..], self.stuff);
        out.truncate(begins + written);
        taken
    }

    /// Appends what the end of the message needs: its last CRLF, and with stuffing the lone dot.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.state != State::LineStart {
            out.extend_from_slice(b"\r\n");
        }
        if self.stuff {
            out.extend_from_slice(b".\r\n");
        }
        self.state = State::Start;
    }
}

/// A line is short below this, and so many of them in a row are worth another way.
const SHORT: usize = 16;
const IN_A_ROW: u32 = 4;

/// Bytes dealt with in that way before lines are measured again.
const STRETCH: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(stuff: bool, input: &[u8], pieces: &[usize], room: usize) -> Vec<u8> {
        let mut encoder = LineEncoder::new(stuff);
        let mut out = Vec::new();
        let mut pieces = pieces.iter().cycle();
        let mut rest = input;
        while !rest.is_empty() {
            let (mut piece, tail) = rest.split_at((*pieces.next().unwrap()).min(rest.len()));
            rest = tail;
            while !piece.is_empty() {
                let before = out.len();
                let taken = encoder.push(piece, &mut out, room);
                assert!(taken > 0 && out.len() - before <= room);
                piece = &piece[taken..];
            }
        }
        encoder.finish(&mut out);
        out
    }

    /// The same, line by line and slowly.
    fn reference(stuff: bool, input: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(input).replace("\r\n", "\n").replace('\r', "\n");
        let body = text.strip_suffix('\n').unwrap_or(&text);
        let mut out = String::new();
        for line in body.split('\n') {
            if stuff && line.starts_with('.') {
                out.push('.');
            }
            out.push_str(line);
            out.push_str("\r\n");
        }
        if stuff {
            out.push_str(".\r\n");
        }
        out.into_bytes()
    }

    #[test]
    fn table() {
        let cases: &[(&[u8], &[u8])] = &[
            (b"", b"\r\n.\r\n"),
            (b"a", b"a\r\n.\r\n"),
            (b"a\r\n", b"a\r\n.\r\n"),
            (b".", b"..\r\n.\r\n"),
            (b".\r\n", b"..\r\n.\r\n"),
            (b"\n.\n", b"\r\n..\r\n.\r\n"),
            (b"x\n.\r\ny", b"x\r\n..\r\ny\r\n.\r\n"),
            (b"x\r.\ry", b"x\r\n..\r\ny\r\n.\r\n"),
            (b"a\r\n\r\n.b", b"a\r\n\r\n..b\r\n.\r\n"),
            (b"\r\r\n", b"\r\n\r\n.\r\n"),
            (b"a\r", b"a\r\n.\r\n"),
        ];
        for (input, expected) in cases {
            assert_eq!(encode(true, input, &[1], 8), *expected, "{input:?}");
            assert_eq!(encode(true, input, &[999], 4096), *expected, "{input:?}");
        }
    }

    proptest! {
        #[test]
        fn no_cut_changes_the_result(
            input in prop::collection::vec(prop::sample::select(&b"ab.\r\n"[..]), 0..3000),
            pieces in prop::collection::vec(prop_oneof![1..20usize, 1..2500usize], 1..8),
            room in prop_oneof![8..300usize, 8..6000usize],
            stuff: bool,
        ) {
            prop_assert_eq!(encode(stuff, &input, &pieces, room), reference(stuff, &input));
        }
    }
}
