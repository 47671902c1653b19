//! Any bytes as a message: no bare line end, no dot unstuffed, the size as surveyed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpclient::wire::{LineEncoder, Surveyor};

fuzz_target!(|input: (usize, &[u8])| {
    let (cut, message) = input;
    let (head, tail) = message.split_at(cut % (message.len() + 1));
    for stuff in [false, true] {
        let mut encoder = LineEncoder::new(stuff);
        let mut out = Vec::new();
        for part in [head, tail] {
            let mut rest = part;
            while !rest.is_empty() {
                rest = &rest[encoder.push(rest, &mut out, 64)..];
            }
        }
        encoder.finish(&mut out);
        let odd = out.windows(2).any(|pair| (pair[0] == b'\r') != (pair[1] == b'\n'));
        assert!(!odd && out[0] != b'\n' && out.ends_with(b"\r\n"));
        if stuff {
            let end = out.windows(5).position(|part| part == b"\r\n.\r\n").unwrap_or(0);
            assert_eq!(end + 5, out.len().max(5));
        } else {
            let mut surveyor = Surveyor::new();
            surveyor.push(head);
            surveyor.push(tail);
            assert_eq!(surveyor.finish().octets, out.len() as u64);
        }
    }
});
