//! Base64 in lines for MIME: ours beside what else could do it, in bytes of input. Each writes the
//! same, by the whole block that is then laid out in lines, or line by line.

use base64::engine::general_purpose::PAD;
use base64::engine::{GeneralPurpose, Simd};
use base64_simd::AsOut as _;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use smtpclient::message::build::base64::{LINE, LINE_BYTES, encode_lines, encoded_len};

/// With what is made of it, this fits a second-level cache.
const SIZE: usize = 2048 * LINE_BYTES;

/// Characters of a line without CRLF.
const TEXT: usize = 76;

/// As many lines as ours takes at a time.
const BLOCK: usize = 32;

fn measure(bencher: Bencher, encode: impl Fn(&[u8], &mut [u8])) {
    let input: Vec<u8> =
        (0..SIZE as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut expected = vec![0; encoded_len(SIZE as u64) as usize];
    let mut out = expected.clone();
    encode_lines(&input, &mut expected);
    encode(&input, &mut out);
    assert!(out == expected || out[..SIZE] == input);
    bencher
        .counter(BytesCount::of_slice(&input))
        .bench_local(|| encode(black_box(&input), black_box(&mut out)));
}

fn by_block(input: &[u8], out: &mut [u8], encode: impl Fn(&[u8], &mut [u8])) {
    let mut block = [0; BLOCK * TEXT];
    for (input, out) in input.chunks(BLOCK * LINE_BYTES).zip(out.chunks_mut(BLOCK * LINE)) {
        let block = &mut block[..input.len() / LINE_BYTES * TEXT];
        encode(input, block);
        for (text, line) in block.chunks_exact(TEXT).zip(out.chunks_exact_mut(LINE)) {
            line[..64].copy_from_slice(&text[..64]);
            line[64..TEXT].copy_from_slice(&text[64..]);
            line[TEXT..].copy_from_slice(b"\r\n");
        }
    }
}

fn by_line(input: &[u8], out: &mut [u8], encode: impl Fn(&[u8], &mut [u8])) {
    for (input, line) in input.chunks_exact(LINE_BYTES).zip(out.chunks_exact_mut(LINE)) {
        let (text, end) = line.split_at_mut(TEXT);
        encode(input, text);
        end.copy_from_slice(b"\r\n");
    }
}

fn by_engine(engine: &impl base64::Engine) -> impl Fn(&[u8], &mut [u8]) {
    |input, out| {
        engine.encode_slice(input, out).expect("room");
    }
}

fn portable() -> GeneralPurpose {
    GeneralPurpose::new(&base64::alphabet::STANDARD, PAD)
}

fn base64_simd(input: &[u8], out: &mut [u8]) {
    let _ = base64_simd::STANDARD.encode(input, out.as_out());
}

#[divan::bench]
fn ours(bencher: Bencher) {
    measure(bencher, |input, out| {
        encode_lines(input, out);
    });
}

#[divan::bench]
fn memcpy(bencher: Bencher) {
    measure(bencher, |input, out| out[..input.len()].copy_from_slice(input));
}

#[divan::bench]
fn base64_portable_by_block(bencher: Bencher) {
    let engine = portable();
    measure(bencher, |input, out| by_block(input, out, by_engine(&engine)));
}

#[divan::bench]
fn base64_portable_by_line(bencher: Bencher) {
    let engine = portable();
    measure(bencher, |input, out| by_line(input, out, by_engine(&engine)));
}

#[divan::bench]
fn base64_simd_engine_by_block(bencher: Bencher) {
    let engine = Simd::standard(PAD);
    measure(bencher, |input, out| by_block(input, out, by_engine(&engine)));
}

#[divan::bench]
fn base64_simd_engine_by_line(bencher: Bencher) {
    let engine = Simd::standard(PAD);
    measure(bencher, |input, out| by_line(input, out, by_engine(&engine)));
}

#[divan::bench]
fn base64_simd_crate_by_block(bencher: Bencher) {
    measure(bencher, |input, out| by_block(input, out, base64_simd));
}

#[divan::bench]
fn base64_simd_crate_by_line(bencher: Bencher) {
    measure(bencher, |input, out| by_line(input, out, base64_simd));
}
