//! The loops that touch every byte, alone and in memory: message data on its way out, attachments
//! before that, and replies on their way in. `benches/run.sh` runs it; `--help` tells more.

mod attachment;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use smtpclient::wire::{LineEncoder, ReplyParser, Surveyor};

/// Fits a second-level cache, as what is encoded at a time does.
const SIZE: usize = 256 * 1024;

const ROOM: usize = 64 * 1024;

/// What lines a message consists of.
const SHAPES: [(&str, &str); 5] = [
    ("CRLF", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
    ("LF", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"),
    ("dots", ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
    ("a dot a line", ".\r\n"),
    ("empty lines, LF", "\n"),
];

fn shapes() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().map(|(name, _)| *name)
}

fn message(shape: &str) -> Vec<u8> {
    let (_, line) = SHAPES.iter().find(|(name, _)| *name == shape).expect("one of SHAPES");
    line.bytes().cycle().take(SIZE).collect()
}

#[divan::bench(args = shapes())]
fn survey(bencher: Bencher, shape: &str) {
    let message = message(shape);
    bencher.counter(BytesCount::of_slice(&message)).bench_local(|| {
        let mut surveyor = Surveyor::new();
        surveyor.push(black_box(&message));
        surveyor.finish()
    });
}

fn encode(bencher: Bencher, shape: &str, stuff: bool) {
    let message = message(shape);
    let mut out = Vec::with_capacity(ROOM + 64);
    bencher.counter(BytesCount::of_slice(&message)).bench_local(|| {
        let mut encoder = LineEncoder::new(stuff);
        let mut rest = black_box(&message[..]);
        while !rest.is_empty() {
            out.clear();
            rest = &rest[encoder.push(rest, &mut out, ROOM)..];
            black_box(&out);
        }
    });
}

#[divan::bench(args = shapes())]
fn encode_for_data(bencher: Bencher, shape: &str) {
    encode(bencher, shape, true);
}

#[divan::bench(args = shapes())]
fn encode_for_bdat(bencher: Bencher, shape: &str) {
    encode(bencher, shape, false);
}

/// Name and text of a reply.
const REPLIES: [(&str, &str); 3] = [
    ("short", "250 ok\r\n"),
    ("usual", "250 2.1.5 <somebody@example.org>... recipient ok\r\n"),
    ("EHLO", "250-mail.example.org\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250 CHUNKING\r\n"),
];

#[divan::bench(args = REPLIES.iter().map(|(name, _)| *name))]
fn replies(bencher: Bencher, name: &str) {
    const COUNT: usize = 1000;
    let (_, reply) = REPLIES.iter().find(|(other, _)| *other == name).expect("one of REPLIES");
    let input = reply.repeat(COUNT).into_bytes();
    bencher.counter(ItemsCount::new(COUNT)).bench_local(|| {
        let mut parser = ReplyParser::new();
        let mut rest = black_box(&input[..]);
        let mut codes = 0_u64;
        while !rest.is_empty() {
            let fed = parser.feed(rest).expect("a reply");
            codes += u64::from(parser.code()) + parser.text().len() as u64;
            rest = &rest[fed.consumed..];
        }
        codes
    });
}

fn main() {
    divan::main();
}
