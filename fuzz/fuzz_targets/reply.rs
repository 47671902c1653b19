//! Any bytes as replies: the same result however they are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpclient::wire::ReplyParser;

fn parse(input: &[u8], split: usize) -> (Vec<(u16, Vec<u8>)>, bool) {
    let mut parser = ReplyParser::new();
    let mut replies = Vec::new();
    for mut piece in input.chunks(split) {
        while !piece.is_empty() {
            let Ok(fed) = parser.feed(piece) else { return (replies, true) };
            piece = &piece[fed.consumed..];
            if fed.complete {
                replies.push((parser.code(), parser.text().to_vec()));
            }
        }
    }
    (replies, false)
}

fuzz_target!(|input: &[u8]| {
    let whole = parse(input, usize::MAX);
    for split in [1, 2, 7] {
        assert_eq!(parse(input, split), whole);
    }
});
