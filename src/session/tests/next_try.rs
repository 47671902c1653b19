//! How far a transaction came, and who remains to be tried again.

use super::*;

const RCPTMAX: &str = "250-host\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=1\r\n";

/// A message that can be read from its beginning any number of times.
struct Numbers {
    length: usize,
    at: usize,
    again: bool,
}

impl Numbers {
    fn body(length: usize, again: bool) -> Body {
        Body::Reader(Box::new(Numbers { length, at: 0, again }), Some(length as u64))
    }

    fn text(length: usize) -> Vec<u8> {
        (0..length)
            .map(|at| if at % 50 == 49 { b'\n' } else { b'a' + (at / 50 % 26) as u8 })
            .collect()
    }
}

impl BodyReader for Numbers {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        let text = Numbers::text(self.length);
        let count = buffer.len().min(self.length - self.at).min(10_000);
        buffer[..count].copy_from_slice(&text[self.at..self.at + count]);
        self.at += count;
        Ok(Some(count))
    }

    fn again(&self) -> Option<Box<dyn BodyReader>> {
        self.again.then(|| Box::new(Numbers { at: 0, ..*self }) as Box<dyn BodyReader>)
    }
}

/// Sends one transaction and gives it back.
fn sent(session: &mut Session, peer: &mut Peer, transaction: Box<Transaction>) -> Box<Transaction> {
    submit(session, transaction);
    run(session, peer, 64);
    session.finished().expect("its end")
}

fn addresses(transaction: &Transaction) -> Vec<&str> {
    (0..transaction.recipient_count())
        .map(|index| transaction.recipient_address(index).unwrap())
        .collect()
}

#[test]
fn how_far_it_came_by_what_was_refused() {
    let large = "x".repeat(100_000);
    for ehlo in [PLAIN, PIPELINING, FULL] {
        for (rule, reply, body, reached) in [
            ("MAIL", "550 no", "hi", Reached::Sender),
            ("RCPT", "550 no", "hi", Reached::Recipients),
            ("FINAL", "550 no", "hi", Reached::Done),
            ("FINAL", "250 ok", "hi", Reached::Done),
            ("FINAL", "451 no", large.as_str(), Reached::Done),
            ("FINAL", "250 ok", large.as_str(), Reached::Done),
        ] {
            let mut peer = Peer::new(ehlo).rule(rule, &format!("{reply}\r\n"));
            let mut session = connected(Protocol::Smtp, &mut peer, 64);
            let mut transaction = mail(&["a@x"], body);
            assert_eq!(transaction.phase(), Reached::None);
            transaction = sent(&mut session, &mut peer, transaction);
            assert_eq!(transaction.phase(), reached, "{ehlo:?} {rule} {reply}");
            // Sending it again begins anew.
            let mut peer = Peer::new(ehlo).rule("MAIL", "421 bye\r\n");
            let mut session = connected(Protocol::Smtp, &mut peer, 64);
            transaction = sent(&mut session, &mut peer, transaction);
            assert_eq!(transaction.phase(), Reached::Sender);
            transaction.clear();
            assert_eq!(transaction.phase(), Reached::None);
        }
    }
    let mut peer = Peer::new(PIPELINING).rule("DATA", "451 no\r\n");
    let mut session = connected(Protocol::Smtp, &mut peer, 64);
    let transaction = sent(&mut session, &mut peer, mail(&["a@x"], &large));
    assert_eq!(transaction.phase(), Reached::Data);
}

/// The connection is lost behind each reply in turn.
#[test]
fn how_far_it_came_by_what_was_answered() {
    let expected = [Reached::Sender, Reached::Recipients, Reached::Data, Reached::Message];
    for (answered, reached) in expected.into_iter().enumerate() {
        let mut peer = Peer::new(PLAIN);
        let mut session = connected(Protocol::Smtp, &mut peer, 64);
        submit(&mut session, mail(&["a@x", "b@x"], "hello"));
        for step in 0..=answered + usize::from(answered > 1) {
            session.poll_transmit();
            let bytes = session.output().concat();
            let replies = peer.take(&bytes);
            session.sent(bytes.len());
            if step < answered + usize::from(answered > 1) {
                session.handle_input(&replies);
            }
        }
        session.handle_eof(None);
        let transaction = session.finished().unwrap();
        assert_eq!(transaction.phase(), reached, "after {answered} replies: {:?}", peer.log);
        let status = if reached == Reached::Message { Unknown } else { NotTried };
        assert_eq!(transaction.recipient_status(0), Some(status));
        assert_eq!(transaction.is_temporary(0), Some(status == NotTried));
        assert_eq!(transaction.is_temporary(2), None);
    }
    // Nothing had gone out.
    let mut session = connected(Protocol::Smtp, &mut Peer::new(PLAIN), 64);
    submit(&mut session, mail(&["a@x"], "hello"));
    session.poll_transmit();
    session.handle_eof(None);
    assert_eq!(session.finished().unwrap().phase(), Reached::None);
    // What is not fit to be sent.
    let mut peer = Peer::new("250-host\r\n250 SIZE 3\r\n");
    let mut session = connected(Protocol::Smtp, &mut peer, 64);
    let transaction = sent(&mut session, &mut peer, mail(&["a@x"], "hello"));
    assert_eq!(transaction.phase(), Reached::None);
    assert_eq!(transaction.is_temporary(0), Some(false));
}

#[test]
fn lmtp_is_done_when_all_have_answered() {
    let mut peer = Peer::new(PIPELINING).lmtp();
    let mut session = connected(Protocol::Lmtp, &mut peer, 64);
    submit(&mut session, mail(&["a@x", "b@x"], "hello"));
    for _ in 0..2 {
        session.poll_transmit();
        let bytes = session.output().concat();
        let replies = peer.take(&bytes);
        session.sent(bytes.len());
        let replies = String::from_utf8(replies).unwrap();
        let (first, _) = replies.split_once("queued\r\n").unwrap_or((&replies, ""));
        session.handle_input(first.as_bytes());
        if first.len() < replies.len() {
            session.handle_input(b"queued\r\n");
        }
    }
    session.handle_eof(None);
    let mut transaction = session.finished().unwrap();
    assert_eq!(transaction.phase(), Reached::Message, "{:?}", peer.log);
    assert_eq!(seen(&transaction).1, [(Accepted, 250), (Unknown, 250)]);
    assert!(transaction.remaining(false).is_none());
    assert_eq!(addresses(&transaction.remaining(true).unwrap()), ["b@x"]);
    let mut peer = Peer::new(PIPELINING).lmtp();
    let mut session = connected(Protocol::Lmtp, &mut peer, 64);
    let transaction = sent(&mut session, &mut peer, mail(&["a@x", "b@x"], "hello"));
    assert_eq!(transaction.phase(), Reached::Done);
}

#[test]
fn who_was_refused_for_now() {
    for (reply, temporary) in [
        ("450 4.2.1 greylisted", true),
        ("451 later", true),
        ("550 5.1.1 unknown", false),
        ("552 too many", true),
        ("552 5.2.2 full", false),
        ("552 5.5.3 too many", true),
        ("550 5.7.1 denied", false),
        ("421 bye", true),
    ] {
        let mut peer = Peer::new(PLAIN).rule("RCPT TO:<b@x>", &format!("{reply}\r\n"));
        let mut session = connected(Protocol::Smtp, &mut peer, 64);
        let transaction = sent(&mut session, &mut peer, mail(&["a@x", "b@x"], "hi"));
        assert_eq!(transaction.is_temporary(1), Some(temporary), "{reply}");
    }
    // To the message itself 552 is about its size, or the mailbox.
    for (reply, temporary) in [("552 too large", false), ("452 full", true), ("554 no", false)] {
        let mut peer = Peer::new(PLAIN).rule("FINAL", &format!("{reply}\r\n"));
        let mut session = connected(Protocol::Smtp, &mut peer, 64);
        let transaction = sent(&mut session, &mut peer, mail(&["a@x"], "hi"));
        assert_eq!(transaction.is_temporary(0), Some(temporary), "{reply}");
    }
    // To RCPT it is not, whatever becomes of the message then.
    let mut peer =
        Peer::new(PLAIN).rule("RCPT TO:<b@x>", "552 many\r\n").rule("FINAL", "554 no\r\n");
    let mut session = connected(Protocol::Smtp, &mut peer, 64);
    let transaction = sent(&mut session, &mut peer, mail(&["a@x", "b@x"], "hi"));
    assert_eq!(transaction.status_kind(), Some(ErrorKind::Data));
    assert_eq!(transaction.is_temporary(0), Some(false));
    assert_eq!(transaction.is_temporary(1), Some(true));
    // By LMTP it is one recipient's reply to the message, though others are content.
    let mut peer = Peer::new(PLAIN).lmtp().once("FINAL", "552 full\r\n");
    let mut session = connected(Protocol::Lmtp, &mut peer, 64);
    let transaction = sent(&mut session, &mut peer, mail(&["a@x", "b@x"], "hi"));
    assert_eq!(seen(&transaction).1, [(Refused, 552), (Accepted, 250)]);
    assert_eq!(transaction.is_temporary(0), Some(false));
    // Of a refused sender nobody was tried.
    for (reply, temporary) in [("451 later", true), ("550 5.1.8 no", false)] {
        let mut peer = Peer::new(PLAIN).rule("MAIL", &format!("{reply}\r\n"));
        let mut session = connected(Protocol::Smtp, &mut peer, 64);
        let mut transaction = sent(&mut session, &mut peer, mail(&["a@x"], "hi"));
        assert_eq!(transaction.is_temporary(0), Some(temporary), "{reply}");
        assert!(transaction.remaining(false).is_some());
    }
}

#[test]
fn those_who_remain_get_the_same_message() {
    let text = Numbers::text(200_000);
    let bodies: [(&str, fn() -> Body); 5] = [
        ("owned", || Body::Owned(Numbers::text(200_000))),
        ("borrowed", || Body::Borrowed(Numbers::text(200_000).leak())),
        ("parts", || Body::Parts(Numbers::text(200_000), b"")),
        ("reader", || Numbers::body(200_000, true)),
        ("small reader", || Numbers::body(1_000, false)),
    ];
    for ehlo in [PIPELINING, FULL] {
        for (name, body) in bodies {
            let mut peer = Peer::new(ehlo)
                .once("RCPT TO:<b@x>", "450 later\r\n")
                .rule("RCPT TO:<c@x>", "550 no\r\n");
            let mut session = connected(Protocol::Smtp, &mut peer, 4096);
            let mut first = mail(&[], "");
            for to in ["a@x", "Bob <b@x>", "c@x"] {
                first.add_recipient(to, &["X-OPT=1"]).unwrap();
            }
            first.add_mail_option("X-MAIL=2").unwrap();
            first.set_body(body());
            first = sent(&mut session, &mut peer, first);
            assert_eq!(first.status_kind(), None, "{name}: {}", first.error_message());
            let next = Box::new(first.remaining(false).expect(name));
            assert_eq!((addresses(&next), next.sender()), (vec!["Bob <b@x>"], "from@example.org"));
            assert_eq!(next.phase(), Reached::None);
            let mut next = sent(&mut session, &mut peer, next);
            assert_eq!(seen(&next), (None, vec![(Accepted, 250)]), "{name}");
            assert!(next.remaining(true).is_none());
            // The first is what it was.
            assert_eq!(first.recipient_status(0), Some(Accepted));
            let bodies: Vec<String> =
                peer.log.iter().filter(|one| one.starts_with('<')).cloned().collect();
            let whole: String = bodies.concat().replace("><", "");
            let expected = if name == "small reader" { &text[..1_000] } else { &text[..] };
            let expected = String::from_utf8(expected.to_vec()).unwrap().replace('\n', "\r\n");
            assert_eq!(whole.matches(&expected).count(), 2, "{name}");
            assert!(peer.log.iter().filter(|one| one.contains("X-MAIL=2")).count() == 2);
            assert!(
                peer.log.iter().filter(|one| one.contains("RCPT TO:<b@x> X-OPT=1")).count() == 2
            );
        }
    }
}

/// A reader that cannot be read again must be set again: an empty mail goes to nobody.
#[test]
fn without_its_message_nothing_is_sent() {
    let mut peer = Peer::new(PIPELINING).once("RCPT TO:<b@x>", "450 later\r\n");
    let mut session = connected(Protocol::Smtp, &mut peer, 4096);
    let mut first = mail(&["a@x", "b@x"], "");
    first.set_body(Numbers::body(200_000, false));
    first = sent(&mut session, &mut peer, first);
    let next = Box::new(first.remaining(false).unwrap());
    let mut next = sent(&mut session, &mut peer, next);
    assert_eq!(next.status_kind(), Some(ErrorKind::Misuse), "{}", next.error_message());
    assert_eq!(peer.log.iter().filter(|one| one.starts_with("MAIL")).count(), 1);
    next.set_body(Numbers::body(200_000, false));
    let next = sent(&mut session, &mut peer, next);
    assert_eq!(seen(&next).1, [(Accepted, 250)]);
    // One that was never sent shares nothing that can be read once.
    let mut unsent = mail(&["a@x"], "");
    unsent.set_body(Numbers::body(10, false));
    let next = sent(&mut session, &mut peer, Box::new(unsent.remaining(false).unwrap()));
    assert_eq!(next.status_kind(), Some(ErrorKind::Misuse));
}

#[test]
fn what_can_be_read_again_is() {
    for ehlo in [RCPTMAX, "250-host\r\n250-CHUNKING\r\n250 LIMITS RCPTMAX=1\r\n"] {
        let mut peer = Peer::new(ehlo);
        let mut session = connected(Protocol::Smtp, &mut peer, 4096);
        let mut transaction = mail(&["a@x", "b@x", "c@x"], "");
        transaction.set_body(Numbers::body(150_000, true));
        // Twice: the same transaction, and in three shares each time.
        for round in 1..=2 {
            transaction = sent(&mut session, &mut peer, transaction);
            assert_eq!(seen(&transaction), (None, vec![(Accepted, 250); 3]), "{round}");
            let bodies: String =
                peer.log.iter().filter(|one| one.starts_with('<')).cloned().collect();
            let expected = String::from_utf8(Numbers::text(150_000)).unwrap().replace('\n', "\r\n");
            assert_eq!(bodies.replace("><", "").matches(&expected).count(), 3 * round);
        }
        let mut once = mail(&["a@x", "b@x"], "");
        once.set_body(Numbers::body(150_000, false));
        let once = sent(&mut session, &mut peer, once);
        assert_eq!(once.status_kind(), Some(ErrorKind::NotSupported));
    }
}

/// A clean reader's message goes out as it is, and is the same as one that passes the encoder.
#[test]
fn what_is_clean_needs_no_encoding() {
    struct Lines(Numbers, bool, Option<usize>);
    impl BodyReader for Lines {
        fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
            if self.2.is_some_and(|fails| self.0.at >= fails) {
                return Err(Error::new(ErrorKind::Cancelled, "no more"));
            }
            self.0.read(buffer)
        }
        fn is_clean(&self) -> bool {
            self.1
        }
    }
    let text = "a line of text.\r\n".repeat(40_000);
    struct Text(Vec<u8>, usize, bool);
    impl BodyReader for Text {
        fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
            let count = buffer.len().min(self.0.len() - self.1).min(70_001);
            buffer[..count].copy_from_slice(&self.0[self.1..self.1 + count]);
            self.1 += count;
            Ok(Some(count))
        }
        fn is_clean(&self) -> bool {
            self.2
        }
    }
    for ehlo in [PLAIN, PIPELINING, FULL] {
        for size in [10, 65_535, 65_536, 65_537, 65_536 + 128 * 1024, 600_000] {
            for known in [true, false] {
                let mut seen_by_server = Vec::new();
                for clean in [true, false] {
                    let size = size / 17 * 17;
                    let mut peer = Peer::new(ehlo);
                    let mut session = connected(Protocol::Smtp, &mut peer, 4096);
                    let mut transaction = mail(&["a@x"], "");
                    let reader = Text(text.as_bytes()[..size].to_vec(), 0, clean);
                    transaction
                        .set_body(Body::Reader(Box::new(reader), known.then_some(size as u64)));
                    let transaction = sent(&mut session, &mut peer, transaction);
                    assert_eq!(transaction.status_kind(), None, "{}", transaction.error_message());
                    let bodies = peer.log.iter().filter(|one| one.starts_with('<'));
                    seen_by_server.push(bodies.cloned().collect::<String>().replace("><", ""));
                }
                assert!(seen_by_server[0] == seen_by_server[1], "{ehlo:?} {size} {known}");
            }
        }
        // It fails in the midst, or is not what was announced: nothing is delivered.
        let cut = 65_536 + 128 * 1024;
        for (fails, announced) in
            [(Some(300_000), 400_000), (None, 399_999), (None, 400_001), (None, cut)]
        {
            let mut peer = Peer::new(ehlo);
            let mut session = connected(Protocol::Smtp, &mut peer, 4096);
            let mut transaction = mail(&["a@x"], "");
            let reader = Lines(Numbers { length: 400_000, at: 0, again: false }, true, fails);
            transaction.set_body(Body::Reader(Box::new(reader), Some(announced)));
            submit(&mut session, transaction);
            run(&mut session, &mut peer, 64);
            if session.ended().is_none() {
                session.handle_eof(None);
            }
            let transaction = session.finished().unwrap();
            assert!(transaction.status_kind().is_some(), "{ehlo:?} {fails:?} {announced}");
            assert_eq!(peer.finals, 0, "{ehlo:?} {fails:?} {announced}");
        }
    }
}

/// What a reader gave before it broke its promise is nobody's message.
#[test]
fn a_message_cut_short_is_not_shared() {
    for (again, kind) in [(false, ErrorKind::Misuse), (true, ErrorKind::InvalidArgument)] {
        let mut peer = Peer::new(FULL);
        let mut session = connected(Protocol::Smtp, &mut peer, 64);
        let mut transaction = mail(&["a@x"], "");
        transaction
            .set_body(Body::Reader(Box::new(Numbers { length: 100, at: 0, again }), Some(200)));
        transaction = sent(&mut session, &mut peer, transaction);
        assert_eq!(transaction.status_kind(), Some(ErrorKind::InvalidArgument));
        let next = Box::new(transaction.remaining(false).unwrap());
        let next = sent(&mut session, &mut peer, next);
        assert_eq!(next.status_kind(), Some(kind));
        assert_eq!(sent(&mut session, &mut peer, transaction).status_kind(), Some(kind));
        assert!(!peer.log.iter().any(|line| line.starts_with("MAIL")), "{:?}", peer.log);
    }
}
