//! Any bytes as a server, in any cut: no panic, every transaction comes back once and in its order,
//! and every operation is answered once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpclient::session::{Body, Channel, Event, Protocol, Session, Transaction};

/// The sizes of the messages that are sent, one transaction each.
const SIZES: [usize; 3] = [5, 70_000, 1];

fuzz_target!(|input: (bool, u8, &[u8])| {
    let (lmtp, split, bytes) = input;
    let mut session = Session::new(if lmtp { Protocol::Lmtp } else { Protocol::Smtp });
    session.opened(Channel { encrypted: false, loopback: true });
    let (mut answers, mut submitted, mut completed) = (0, 0, 0);
    // The greeting's answer is owed, and then that to EHLO.
    let mut owed = 1;
    for piece in bytes.chunks(usize::from(split) + 1) {
        let length = session.poll_transmit().concat().len();
        session.sent(length);
        session.handle_input(piece);
        take_events(&mut session, &mut answers, &mut completed);
        if session.ended().is_some() {
            break;
        }
        if answers == 1 && owed == 1 {
            owed += usize::from(session.greet("fuzz.example").is_ok());
        } else if answers == 2 && submitted == 0 {
            for size in SIZES {
                // One that is refused at once comes back all the same.
                let _ = session.submit(transaction(submitted, size));
                submitted += 1;
            }
        }
    }
    session.handle_eof(None);
    take_events(&mut session, &mut answers, &mut completed);
    assert_eq!(answers, owed);
    assert_eq!(completed, submitted);
});

fn take_events(session: &mut Session, answers: &mut usize, completed: &mut usize) {
    while let Some(event) = session.poll_event() {
        match event {
            Event::Answered(_) => *answers += 1,
            Event::Completed(transaction) => {
                assert_eq!(transaction.token(), *completed);
                *completed += 1;
            }
        }
    }
}

fn transaction(number: usize, size: usize) -> Box<Transaction> {
    let mut transaction = Box::new(Transaction::new());
    transaction.set_sender("a@b").unwrap();
    transaction.add_recipient("c@d", &[]).unwrap();
    transaction.add_recipient("e@f", &[]).unwrap();
    transaction.set_body(Body::Owned(vec![b'.'; size]));
    transaction.set_token(number);
    transaction
}
