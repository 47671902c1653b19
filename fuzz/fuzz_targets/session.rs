//! Any bytes as a server, in any cut: no panic, every transaction comes back once and in its order,
//! and an operation under way is answered.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpclient::session::{Body, Channel, Event, Protocol, Session, Transaction};

/// How many transactions are sent, and the size of each one's body.
const SIZES: [usize; 3] = [5, 70_000, 1];

fuzz_target!(|input: (bool, u8, &[u8])| {
    let (lmtp, split, bytes) = input;
    let mut session = Session::new(if lmtp { Protocol::Lmtp } else { Protocol::Smtp });
    session.opened(Channel { encrypted: false, loopback: true });
    let (mut submitted, mut completed, mut is_greeting, mut answers) = (0, 0, false, 0);
    for piece in bytes.chunks(usize::from(split) + 1) {
        let length = session.poll_transmit().concat().len();
        session.sent(length);
        session.handle_input(piece);
        while let Some(event) = session.poll_event() {
            match event {
                Event::Completed(transaction) => {
                    completed += 1;
                    assert_eq!(size_of_body(&transaction), completed);
                }
                Event::Answered(_) => answers += 1,
            }
        }
        if session.ended().is_some() {
            break;
        }
        // The greeting's answer, then EHLO's.
        if answers == 1 && !is_greeting {
            is_greeting = session.greet("fuzz.example").is_ok();
        } else if answers == 2 && submitted == 0 {
            for size in SIZES {
                // What is refused at once comes back as an event all the same.
                let _ = session.submit(transaction(size));
                submitted += 1;
            }
        }
    }
    session.handle_eof(None);
});
