//! Base64 as MIME writes it (RFC 2045 6.8): lines of 76 characters, each ended by CRLF, the last
//! one too; of nothing it makes nothing.
//!
//! Content goes straight into the caller's buffer, a block of whole lines at a time.

use base64::Engine as _;
use base64::engine::general_purpose::PAD;

/// Bytes of content in a whole line.
pub const LINE_BYTES: usize = 57;

/// What a whole line takes, with its CRLF.
pub const LINE: usize = TEXT + CRLF.len();

/// What [`encode_lines`] writes for that many bytes; `u64::MAX` where that is more.
pub const fn encoded_len(length: u64) -> u64 {
    let whole = (length / LINE_BYTES as u64).saturating_mul(LINE as u64);
    match length % LINE_BYTES as u64 {
        0 => whole,
        rest => whole.saturating_add(rest.div_ceil(3) * 4 + CRLF.len() as u64),
    }
}

/// Writes `input` to the beginning of `out`, and tells how much that is: [`encoded_len`], which
/// `out` must have room for. Only at the end of the content may `input` be other than a multiple
/// of [`LINE_BYTES`].
pub fn encode_lines(input: &[u8], out: &mut [u8]) -> usize {
    let engine = engine();
    // The crate's fast loop takes no less than two lines, so that a block is encoded in one piece
    // and then laid out; it lies in the first-level cache.
    let mut block = [0; BLOCK_LINES * TEXT];
    let mut written = 0;
    for input in input.chunks(BLOCK_LINES * LINE_BYTES) {
        // Never fails: the block has room for so many lines.
        let length = engine.encode_slice(input, &mut block).unwrap_or(0);
        let mut lines = block[..length].chunks_exact(TEXT);
        for text in &mut lines {
            let line = &mut out[written..written + LINE];
            // Two copies that are a few instructions each; of 76 bytes, it would be a call.
            line[..64].copy_from_slice(&text[..64]);
            line[64..TEXT].copy_from_slice(&text[64..]);
            line[TEXT..].copy_from_slice(CRLF);
            written += LINE;
        }
        let last = lines.remainder();
        if !last.is_empty() {
            let line = &mut out[written..written + last.len() + CRLF.len()];
            line[..last.len()].copy_from_slice(last);
            line[last.len()..].copy_from_slice(CRLF);
            written += line.len();
        }
    }
    written
}

/// Appends the lines of a whole content.
pub fn encode(input: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    // What is in memory has a length that is far from the limit.
    out.resize(start + encoded_len(input.len() as u64) as usize, 0);
    encode_lines(input, &mut out[start..]);
}

/// By AVX2 or NEON where the machine has it. It is made anew each time, which costs as much as ten
/// lines, and needs no lock that a fork could leave closed.
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
fn engine() -> base64::engine::Simd {
    base64::engine::Simd::standard(PAD)
}

#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))))]
fn engine() -> base64::engine::GeneralPurpose {
    base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, PAD)
}

/// Characters of a whole line.
const TEXT: usize = 76;

const CRLF: &[u8; 2] = b"\r\n";

/// Measured (`benches/micro`): with fewer, the ends of blocks tell; with more, nothing is gained.
const BLOCK_LINES: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(input: &[u8]) -> Vec<u8> {
        let mut out = vec![0; encoded_len(input.len() as u64) as usize];
        let written = encode_lines(input, &mut out);
        assert_eq!(written, out.len(), "of {} bytes", input.len());
        out
    }

    /// Every bit different from its neighbours' in some line.
    fn content(length: usize) -> Vec<u8> {
        (0..length as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    /// RFC 4648's definition, bit by bit, laid out by characters.
    fn reference(input: &[u8]) -> Vec<u8> {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = Vec::new();
        for group in input.chunks(3) {
            let bits = group.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
            let bits = bits << (8 * (3 - group.len()));
            for at in 0..4 {
                let value = (bits >> (18 - 6 * at)) & 63;
                text.push(if at > group.len() { b'=' } else { ALPHABET[value as usize] });
            }
        }
        text.chunks(76).flat_map(|line| [line, b"\r\n"].concat()).collect()
    }

    #[test]
    fn known_texts() {
        // RFC 4648 section 10.
        for (input, expected) in [
            ("", ""),
            ("f", "Zg==\r\n"),
            ("fo", "Zm8=\r\n"),
            ("foo", "Zm9v\r\n"),
            ("foob", "Zm9vYg==\r\n"),
            ("fooba", "Zm9vYmE=\r\n"),
            ("foobar", "Zm9vYmFy\r\n"),
        ] {
            assert_eq!(encoded(input.as_bytes()), expected.as_bytes(), "{input}");
        }
        assert_eq!(encoded(&[0xfb, 0xff, 0xfe]), b"+//+\r\n");
        assert_eq!(encoded(&[0; 58]), [&[b'A'; 76][..], b"\r\nAA==\r\n"].concat());
    }

    #[test]
    fn every_length() {
        let input = content(3 * BLOCK_LINES * LINE_BYTES);
        let near_blocks = (1..3).flat_map(|block| {
            let edge = block * BLOCK_LINES * LINE_BYTES;
            edge - 2 * LINE_BYTES..edge + 2 * LINE_BYTES
        });
        for length in (0..6 * LINE_BYTES).chain(near_blocks).chain([input.len()]) {
            assert!(encoded(&input[..length]) == reference(&input[..length]), "{length} bytes");
        }
    }

    #[test]
    fn lengths() {
        for (length, expected) in [
            (0, 0),
            (1, 6),
            (3, 6),
            (4, 10),
            (56, 78),
            (57, 78),
            (58, 84),
            (114, 156),
            (1 << 32, 5_877_323_672),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(encoded_len(length), expected, "{length}");
        }
    }

    #[test]
    fn blocks_of_whole_lines() {
        let input = content(4 * LINE_BYTES + 5);
        let expected = encoded(&input);
        for cut in (0..input.len()).step_by(LINE_BYTES) {
            assert!([encoded(&input[..cut]), encoded(&input[cut..])].concat() == expected);
        }
    }

    #[test]
    fn what_lies_behind_is_left_alone() {
        let mut out = [b'!'; 100];
        assert_eq!(encode_lines(&[0; 57], &mut out), 78);
        assert!(out[78..].iter().all(|&byte| byte == b'!'));
    }

    proptest! {
        #[test]
        fn decodes_to_what_it_was(input in prop::collection::vec(any::<u8>(), 0..5000)) {
            let text = encoded(&input);
            let decoded = mail_parser::decoders::base64::base64_decode(&text);
            prop_assert!(decoded.as_deref() == Some(&input[..]));
            prop_assert!(text == reference(&input));
        }
    }
}
