//! Message data with short lines, eight bytes at a time: where a line is a few bytes long, to
//! search for its end costs more than to look at every byte of it.

/// Whether a CR or an LF stood before a word, as a bit of its first byte.
struct Before {
    cr: u64,
    lf: u64,
}

const HIGH: u64 = 0x8080_8080_8080_8080;
const FIRST: u64 = 0x80;

/// How much longer the output must be than twice the input: words are written whole.
pub(super) const SLACK: usize = WINDOW;

/// What is put last begins 16 bytes after the first at most: eight bytes and nine inserted.
const MOST: usize = 31;
const WINDOW: usize = MOST + 9;

/// Encodes the whole words of `input`, where a line begins, into `out`. Gives how much it took
/// and how much it wrote; a CR at the end is left, for what follows decides about it.
pub(super) fn encode(input: &[u8], out: &mut [u8], stuff: bool) -> (usize, usize) {
    let mut before = Before { cr: 0, lf: FIRST };
    let (mut taken, mut at) = (0, 0);
    for word in input.chunks_exact(8) {
        let word = number(word);
        let cr = equal(word, b'\r');
        let lf = equal(word, b'\n');
        let after_cr = cr << 8 | before.cr;
        let after_lf = lf << 8 | before.lf;
        let bare_cr = after_cr & !lf;
        let bare_lf = lf & !after_cr;
        let dots = if stuff { equal(word, b'.') & (after_cr | after_lf) } else { 0 };
        before = Before { cr: cr >> 56, lf: lf >> 56 };
        let Some(window) = out[at..].first_chunk_mut::<WINDOW>() else { break };
        let mut places = bare_cr | bare_lf | dots;
        let mut written = 0;
        let mut done = 0;
        while places != 0 {
            let place = places & places.wrapping_neg();
            let index = place.trailing_zeros() / 8;
            put(window, written, word >> (8 * done));
            written += (index - done) as usize;
            done = index;
            if (bare_lf | bare_cr) & place != 0 {
                window[written & MOST] = if bare_lf & place != 0 { b'\r' } else { b'\n' };
                written += 1;
            }
            window[written & MOST] = b'.';
            written += usize::from(dots & place != 0);
            places ^= place;
        }
        put(window, written, word >> (8 * done));
        taken += 8;
        at += written + (8 - done) as usize;
    }
    let open = usize::from(before.cr == FIRST);
    (taken - open, at - open)
}

/// The highest bit of each byte of the word that is `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    let other = word ^ (u64::from(byte) * 0x0101_0101_0101_0101);
    !(((other & !HIGH) + !HIGH) | other | !HIGH)
}

fn number(word: &[u8]) -> u64 {
    // `chunks_exact` gives no other length.
    u64::from_le_bytes(word.try_into().expect("a word has eight bytes"))
}

/// With `MOST`, which `at` never passes, the compiler sees that it is inside.
fn put(window: &mut [u8; WINDOW], at: usize, word: u64) {
    let at = at & MOST;
    window[at..at + 8].copy_from_slice(&word.to_le_bytes());
}
