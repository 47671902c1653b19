//! Any bytes as a server, in any cut: no panic, and every transaction comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpclient::session::{Body, Channel, Protocol, Session, Transaction};

fuzz_target!(|input: (bool, u8, &[u8])| {
    let (lmtp, split, bytes) = input;
    let mut session = Session::new(if lmtp { Protocol::Lmtp } else { Protocol::Smtp });
    session.opened(Channel { encrypted: false, loopback: true });
    let mut submitted = 0;
    for piece in bytes.chunks(usize::from(split) + 1) {
        session.pump();
        let length = session.output().concat().len();
        session.sent(length);
        let _ = session.input(piece);
        if session.ended().is_none() && session.take_result().is_ok() && submitted == 0 {
            let _ = session.greet("fuzz.example");
            for body in [&b"small"[..], &[b'x'; 70_000], b".\n"] {
                let mut transaction = Transaction::new();
                transaction.set_sender("a@b").unwrap();
                transaction.add_recipient("c@d", &[]).unwrap();
                transaction.add_recipient("e@f", &[]).unwrap();
                transaction.set_body(Body::Owned(body.to_vec()));
                session.submit(Box::new(transaction));
                submitted += 1;
            }
        }
    }
    session.eof(None);
    assert_eq!(std::iter::from_fn(|| session.finished()).count(), submitted);
});
