//! What must be known of a message before MAIL goes out, in one pass at memory speed.
//!
//! Eight bytes at a time; only where a control character is among them are lines looked for. A pair
//! of bytes is out of order exactly where "a carriage return before" and "a line feed here" differ,
//! and each such place costs one byte more when line ends are normalised.

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
        let mut bits = 0;
        let mut from = self.pairs(part, 0);
        while let Some(at) = next_control(part, from, &mut bits) {
            // Where line ends are thick, looking for each costs more than comparing all.
            let thick = at - from < 16;
            let from_here = if thick { self.words(part, at, &mut bits) } else { at };
            from = self.pairs(part, from_here);
        }
        self.high |= bits & HIGH != 0;
        self.bytes += part.len() as u64;
        self.last = match part {
            [.., a, b] => [*a, *b],
            [only] => [self.last[1], *only],
            [] => self.last,
        };
    }

    /// The byte before that place, of the last part where it is the first.
    fn before(&self, part: &[u8], at: usize) -> u8 {
        if at == 0 { self.last[1] } else { part[at - 1] }
    }

    /// Compares bytes with those before them, from `at` to the first that is no control character;
    /// where that stands.
    fn pairs(&mut self, part: &[u8], mut at: usize) -> usize {
        let mut before = self.before(part, at);
        while let Some(&here) = part.get(at) {
            self.odd += u64::from((before == b'\r') != (here == b'\n'));
            self.dots |= here == b'.' && matches!(before, b'\r' | b'\n');
            if here >= CONTROLS {
                break;
            }
            before = here;
            at += 1;
        }
        at
    }

    /// The same for the next 64 bytes, whatever they are; what follows them.
    fn words(&mut self, part: &[u8], mut at: usize, bits: &mut u64) -> usize {
        let mut before = self.before(part, at);
        let words = part[at..].chunks_exact(size_of::<u64>()).take(8);
        for word in words.filter_map(|word| word.try_into().ok()) {
            let here = u64::from_le_bytes(word);
            let behind = here << 8 | u64::from(before);
            let cr = equal(behind, b'\r');
            self.odd += ((cr ^ equal(here, b'\n')) >> 7).wrapping_mul(LOW) >> 56;
            self.dots |= equal(here, b'.') & (cr | equal(behind, b'\n')) != 0;
            *bits |= here;
            before = word[7];
            at += word.len();
        }
        at
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

/// Every byte's lowest bit, and its highest.
const LOW: u64 = u64::MAX / 0xff;
const HIGH: u64 = LOW << 7;

/// The highest bit of each byte that is `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    let differs = word ^ (LOW * u64::from(byte));
    !(((differs & !HIGH) + !HIGH) | differs) & HIGH
}

/// Bytes below this are control characters, CR and LF among them.
const CONTROLS: u8 = 16;

/// Where the next control character stands, but for those of a line end that is CRLF and has no dot
/// behind it. The bits of what was looked at are added to `bits`.
#[inline(never)]
fn next_control(part: &[u8], from: usize, bits: &mut u64) -> Option<usize> {
    let mut rest = part.get(from..)?;
    let mut seen = *bits;
    while let Some((word, behind)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        seen |= word;
        // Of the bits that are left, the lowest is the first control character's.
        let controls = word.wrapping_sub(LOW * u64::from(CONTROLS)) & !word & HIGH;
        if controls == 0 {
            rest = behind;
            continue;
        }
        let at = controls.trailing_zeros() as usize / 8;
        match rest[at..] {
            [b'\r', b'\n', next, ..] if next != b'.' => rest = &rest[at + 2..],
            _ => {
                *bits = seen;
                return Some(part.len() - rest.len() + at);
            }
        }
    }
    let place = rest.iter().position(|byte| {
        seen |= u64::from(*byte);
        *byte < CONTROLS
    });
    *bits = seen;
    Some(part.len() - rest.len() + place?)
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

    const PIECES: &[&[u8]] =
        &[b"a", b"bb", b".", b"\r\n", b"\r", b"\n", b"\t", b"\xff", b"a line of usual length"];

    proptest! {
        #[test]
        fn counts_what_the_encoder_writes(
            pieces in prop::collection::vec(prop::sample::select(PIECES), 0..8_000),
            cut in 0..20_000usize,
        ) {
            let message = pieces.concat();
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
