//! What must be known of a message before MAIL goes out, in one pass at memory speed.
//!
//! Every byte is compared together with the one before it, in fixed lanes without branches, so
//! that the compiler makes SIMD of it: a byte pair is out of order exactly where "a carriage
//! return before" and "a line feed here" differ, and each such place costs one byte more when
//! line ends are normalised.

/// A message as it will be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Octets after normalising, with the final CRLF, before dot-stuffing; 2 if it is empty.
    pub octets: u64,
    /// No bare CR and no bare LF.
    pub line_ends_ok: bool,
    pub ends_with_crlf: bool,
    /// Some line begins with a dot.
    pub dot_lines: bool,
    /// Some byte is not ASCII.
    pub eight_bit: bool,
}

/// Surveys a message part by part.
#[derive(Clone, Debug)]
pub struct Surveyor {
    bytes: u64,
    /// Places where a line end is not CRLF.
    odd: u64,
    dots: bool,
    high: bool,
    last: [u8; 2],
}

/// Bytes compared at a time.
const LANES: usize = 16;

/// Blocks of lanes after which their counters, a byte each, are emptied; one less than they hold,
/// for the tail.
const BLOCKS: usize = 254;

impl Default for Surveyor {
    fn default() -> Self {
        Surveyor::new()
    }
}

impl Surveyor {
    pub fn new() -> Self {
        // The start of a message is the start of a line.
        Surveyor { bytes: 0, odd: 0, dots: false, high: false, last: [0, b'\n'] }
    }

    pub fn push(&mut self, part: &[u8]) {
        let Some((&first, rest)) = part.split_first() else { return };
        self.pair(self.last[1], first);
        self.high |= first >= 0x80;
        for (before, here) in part.chunks(LANES * BLOCKS).zip(rest.chunks(LANES * BLOCKS)) {
            self.stretch(&before[..here.len()], here);
        }
        self.bytes += part.len() as u64;
        self.last = match part {
            [.., a, b] => [*a, *b],
            _ => [self.last[1], first],
        };
    }

    fn pair(&mut self, before: u8, here: u8) {
        self.odd += u64::from((before == b'\r') != (here == b'\n'));
        self.dots |= here == b'.' && (before == b'\n' || before == b'\r');
    }

    /// `here[i]` follows `before[i]`.
    fn stretch(&mut self, before: &[u8], here: &[u8]) {
        let mut lanes = Lanes::default();
        let (mut before, mut here) = (before, here);
        while let (Some((a, before_left)), Some((b, here_left))) =
            (before.split_first_chunk(), here.split_first_chunk())
        {
            lanes.compare(a, b);
            (before, here) = (before_left, here_left);
        }
        // A pair of zeros says nothing.
        lanes.compare(&padded(before), &padded(here));
        if joined(&lanes.odd) != 0 {
            self.odd += lanes.odd.iter().map(|count| u64::from(*count)).sum::<u64>();
        }
        self.dots |= joined(&lanes.dots) != 0;
        self.high |= joined(&lanes.high) & 0x8080_8080_8080_8080 != 0;
    }

    pub fn finish(self) -> Survey {
        // The line feed that stands for the start of the message made an odd pair of a first
        // byte that is a line feed; nothing to undo, for that one is bare indeed.
        let open_cr = self.bytes > 0 && self.last[1] == b'\r';
        let odd = self.odd + u64::from(open_cr);
        let ends_with_crlf = self.bytes > 1 && self.last == *b"\r\n";
        let ends_line = self.bytes > 0 && matches!(self.last[1], b'\r' | b'\n');
        Survey {
            octets: self.bytes + odd + if ends_line { 0 } else { 2 },
            line_ends_ok: odd == 0,
            ends_with_crlf,
            dot_lines: self.dots,
            eight_bit: self.high,
        }
    }
}

/// What is found in a stretch, lane by lane.
#[derive(Default)]
struct Lanes {
    odd: [u8; LANES],
    dots: [u8; LANES],
    high: [u8; LANES],
}

impl Lanes {
    fn compare(&mut self, before: &[u8; LANES], here: &[u8; LANES]) {
        let mask = |equal| if equal { 0xff } else { 0 };
        for i in 0..LANES {
            let cr: u8 = mask(before[i] == b'\r');
            self.odd[i] = self.odd[i].wrapping_sub(cr ^ mask(here[i] == b'\n'));
            self.dots[i] |= mask(here[i] == b'.') & (cr | mask(before[i] == b'\n'));
            self.high[i] |= here[i];
        }
    }
}

fn padded(tail: &[u8]) -> [u8; LANES] {
    let mut block = [0; LANES];
    block[..tail.len()].copy_from_slice(tail);
    block
}

/// All lanes' bits in eight.
fn joined(lanes: &[u8; LANES]) -> u64 {
    let all = u128::from_ne_bytes(*lanes);
    (all | all >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::LineEncoder;
    use super::*;

    fn survey(parts: &[&[u8]]) -> Survey {
        let mut surveyor = Surveyor::new();
        parts.iter().for_each(|part| surveyor.push(part));
        surveyor.finish()
    }

    #[test]
    fn table() {
        // (message, octets, line ends, final CRLF, dots, 8 bit)
        let cases: &[(&[u8], u64, bool, bool, bool, bool)] = &[
            (b"", 2, true, false, false, false),
            (b"a", 3, true, false, false, false),
            (b"a\r\n", 3, true, true, false, false),
            (b"a\n", 3, false, false, false, false),
            (b"a\r", 3, false, false, false, false),
            (b"\n", 2, false, false, false, false),
            (b"\r\n", 2, true, true, false, false),
            (b"\r\r\n", 4, false, true, false, false),
            (b"\n\r", 4, false, false, false, false),
            (b".", 3, true, false, true, false),
            (b"a\r\n.", 6, true, false, true, false),
            (b"a\r.", 6, false, false, true, false),
            (b"a.b\r\n", 5, true, true, false, false),
            (b"\xc3\xa9\r\n", 4, true, true, false, true),
        ];
        for (message, octets, ends, crlf, dots, high) in cases {
            let expected = Survey {
                octets: *octets,
                line_ends_ok: *ends,
                ends_with_crlf: *crlf,
                dot_lines: *dots,
                eight_bit: *high,
            };
            for split in 0..=message.len() {
                let parts = message.split_at(split);
                assert_eq!(survey(&[parts.0, parts.1]), expected, "{message:?} {split}");
            }
        }
    }

    proptest! {
        #[test]
        fn counts_what_the_encoder_writes(
            message in prop::collection::vec(prop::sample::select(&b"ab.\r\n\xff"[..]), 0..40_000),
            cut in 0..40_000usize,
        ) {
            let (head, tail) = message.split_at(cut.min(message.len()));
            let seen = survey(&[head, tail]);
            let mut plain = Vec::new();
            let mut encoder = LineEncoder::new(false);
            assert_eq!(encoder.push(&message, &mut plain, 2 * message.len() + 64), message.len());
            encoder.finish(&mut plain);
            prop_assert_eq!(seen.octets, plain.len() as u64);
            let mut with_end = message.clone();
            if !seen.ends_with_crlf {
                with_end.extend_from_slice(b"\r\n");
            }
            prop_assert_eq!(seen.line_ends_ok, with_end == plain);
            prop_assert_eq!(seen.eight_bit, !message.is_ascii());
            let dots = plain.starts_with(b".") || plain.windows(3).any(|w| w == b"\r\n.");
            prop_assert_eq!(seen.dot_lines, dots);
        }
    }
}
