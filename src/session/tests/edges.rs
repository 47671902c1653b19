//! What may not be taken back, what may not be left over, and where one thing ends in the midst
//! of another.

use std::sync::{Arc, Mutex};

use super::truth::{done, forbidden, lmtp_ready, ready, transmit};
use super::*;

const CHUNKED: &str = "250-host\r\n250-PIPELINING\r\n250 CHUNKING\r\n";

/// The server waits for the rest of what it was promised: it must get that, or the connection's end.
#[test]
fn what_the_server_waits_for_is_not_taken_back() {
    // The line end that a chunk's message lacks.
    let mut session = ready(CHUNKED);
    submit(&mut session, mail(&["a@x"], &"x".repeat(100_000)));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n250 r\r\n");
    let chunk = session.poll_transmit().concat().len();
    session.sent(chunk);
    assert_eq!(session.poll_transmit().concat(), b"\r\n");
    session.forbid(forbidden());
    assert!(session.ended().is_some(), "the chunk's end");

    // The dot that ends a message to nobody.
    let mut session = ready(PIPELINING);
    submit(&mut session, mail(&["a@x"], "hello"));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n550 r\r\n354 go\r\n");
    assert_eq!(session.poll_transmit().concat(), b".\r\n");
    session.forbid(forbidden());
    assert!(session.ended().is_some(), "the lone dot");

    // The response to a challenge: the next command would be taken for it.
    let mut session = ready("250-host\r\n250 AUTH LOGIN\r\n");
    session.authenticate(vec![mechanism("LOGIN", "anna", "top-secret")]).unwrap();
    transmit(&mut session);
    session.handle_input(b"334 VXNlcm5hbWU6\r\n");
    assert!(!session.poll_transmit().concat().is_empty());
    session.forbid(forbidden());
    assert!(session.ended().is_some(), "the response");
    assert_eq!(session.take_result().unwrap_err().kind(), ErrorKind::Forbidden);
}

/// A chunk that is refused is still sent to its end.
#[test]
fn a_refused_chunk_keeps_its_line_end() {
    let mut session = ready(CHUNKED);
    submit(&mut session, mail(&["a@x"], &"x".repeat(1_500_000)));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n250 r\r\n");
    for _ in 0..2 {
        let chunk = session.poll_transmit().concat();
        assert!(chunk.starts_with(b"BDAT "));
        session.sent(chunk.len());
    }
    session.handle_input(b"452 no room\r\n");
    assert!(transmit(&mut session).starts_with("\r\n"));
    session.handle_input(b"503 failed before\r\n");
    assert_eq!(transmit(&mut session), "RSET\r\n");
    session.handle_input(b"250 ok\r\n");
    assert_eq!(done(&mut session), [(Some(ErrorKind::Data), vec![(Refused, 452)])]);
}

/// A server that refuses RSET still holds what the caller opened: it gets no dot.
#[test]
fn no_lone_dot_behind_an_envelope_opened_by_hand() {
    let mut session = ready(PIPELINING);
    session.mail("a@b", &[]).unwrap();
    transmit(&mut session);
    session.handle_input(b"250 m\r\n");
    submit(&mut session, mail(&["a@x"], "hello"));
    transmit(&mut session);
    session.handle_input(b"500 what\r\n503 nested\r\n250 r\r\n354 go\r\n");
    assert_eq!(transmit(&mut session), "");
    assert_eq!(session.ended().unwrap().kind(), ErrorKind::Protocol);
}

#[test]
fn a_binary_message_put_back_goes_by_bdat() {
    let mut session = ready("250-host\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 BINARYMIME\r\n");
    submit(&mut session, mail(&["a@x"], "one"));
    let mut binary = mail(&["b@x"], "a\nb");
    binary.add_mail_option("BODY=BINARYMIME").unwrap();
    submit(&mut session, binary);
    transmit(&mut session);
    session.options.chunking = false;
    session.handle_input(b"250 m\r\n250 r\r\n250 a\r\n");
    session.handle_input(b"503 rset\r\n503 mail\r\n503 rcpt\r\n503 bdat\r\n");
    let sent = transmit(&mut session);
    assert!(sent.contains("BODY=BINARYMIME") && sent.contains("BDAT 3 LAST\r\na\nb"), "{sent}");
}

/// What the server said of the first attempt is not what decided the second.
#[test]
fn a_transaction_put_back_forgets_the_reply() {
    for answered in [true, false] {
        let mut session = ready(PIPELINING);
        for to in ["a@x", "b@x"] {
            submit(&mut session, mail(&[to], to));
        }
        transmit(&mut session);
        session.handle_input(b"250 m\r\n250 r\r\n354 go\r\n");
        transmit(&mut session);
        session.handle_input(b"250 a\r\n503 rset\r\n503 mail\r\n");
        if answered {
            session.handle_input(b"503 rcpt\r\n503 data\r\n");
        }
        session.handle_eof(None);
        assert_eq!(session.finished().unwrap().status_kind(), None);
        let second = session.finished().unwrap();
        assert_eq!(seen(&second), (Some(ErrorKind::Disconnected), vec![(NotTried, 0)]));
        assert_eq!((second.reply_code(), second.recipient_text(0)), (0, &b""[..]));
    }
}

#[test]
fn exim_is_still_exim_under_tls() {
    let mut peer = Peer::new(FULL);
    peer.greeting = "220 host ESMTP Exim 4.96\r\n";
    let mut session = connected(Protocol::Smtp, &mut peer, 4096);
    session.secured(Channel { encrypted: true, loopback: true });
    session.greet("client.example").unwrap();
    run(&mut session, &mut peer, 4096);
    session.take_result().unwrap();
    for _ in 0..40 {
        submit(&mut session, mail(&["good@x"], "hi"));
    }
    assert_eq!(transmit(&mut session).matches("MAIL").count(), 8);
}

/// Where raw bytes stood once is nothing to go back to.
#[test]
fn forbidden_mail_leaves_raw_bytes_as_they_are() {
    let mut session = ready(PLAIN);
    session.raw(b"NO").unwrap();
    transmit(&mut session);
    session.raw(b"OP\r\n").unwrap();
    transmit(&mut session);
    session.collect().unwrap();
    session.handle_input(b"250 n\r\n");
    session.take_result().unwrap();
    submit(&mut session, mail(&["a@x"], "hello"));
    session.poll_transmit();
    session.forbid(forbidden());
    session.command("NOOP", "").unwrap();

    // A message of the caller's own that has ended.
    let mut session = ready(PLAIN);
    session.command("DATA", "").unwrap();
    transmit(&mut session);
    session.handle_input(b"354 go\r\n");
    session.raw(b"text\r\n.\r\n").unwrap();
    transmit(&mut session);
    session.collect().unwrap();
    session.handle_input(b"250 n\r\n");
    submit(&mut session, mail(&["a@x"], "hello"));
    session.poll_transmit();
    session.forbid(forbidden());
    assert!(session.ended().is_none());
}

#[test]
fn a_mail_that_was_taken_back_does_not_count() {
    let mut session = ready("250-host\r\n250 LIMITS MAILMAX=1\r\n");
    session.mail("a@b", &[]).unwrap();
    session.poll_transmit();
    session.forbid(forbidden());
    submit(&mut session, mail(&["a@x"], "hello"));
    session.poll_transmit();
    session.forbid(forbidden());
    assert_eq!(done(&mut session)[0].0, Some(ErrorKind::Forbidden));
    session.mail("a@b", &[]).unwrap();
}

/// By hand too an option is not for a server that does not know it.
#[test]
fn options_by_hand_are_those_of_a_transaction() {
    for (ehlo, sent) in
        [(PLAIN, "MAIL FROM:<a@b>\r\n"), ("250-host\r\n250 SIZE\r\n", "MAIL FROM:<a@b> SIZE=5\r\n")]
    {
        let mut session = ready(ehlo);
        session.mail("a@b", &["SIZE=5", "BODY=8BITMIME"]).unwrap();
        assert_eq!(transmit(&mut session), sent);
    }
}

#[test]
fn smtputf8_by_hand_ends_with_its_transaction() {
    let mut session = ready("250-host\r\n250 SMTPUTF8\r\n");
    session.mail("a@b", &["SMTPUTF8"]).unwrap();
    transmit(&mut session);
    session.handle_input(b"250 m\r\n");
    session.data(b"hello").unwrap();
    for reply in ["354 go\r\n", "250 taken\r\n"] {
        transmit(&mut session);
        session.handle_input(reply.as_bytes());
    }
    let error = session.command("RCPT", "TO:<bücher@x>").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

fn logged_in() -> Session {
    let mut session = ready("250-host\r\n250 AUTH PLAIN\r\n");
    session.authenticate(vec![mechanism("PLAIN", "anna", "top-secret")]).unwrap();
    transmit(&mut session);
    session
}

#[test]
fn an_echo_that_nobody_asked_for_is_not_told() {
    let mut session = logged_in();
    session.handle_input(b"235 ok\r\n250 top-secret\r\n");
    session.take_result().unwrap();
    let error = session.command("NOOP", "").unwrap_err();
    assert!(!error.message().contains("top-secret"), "{error}");
}

/// Why the client gave up is told, though the server hangs up without a word.
#[test]
fn a_cancelled_login_tells_why_behind_a_loss() {
    let late = || Error::new(ErrorKind::Timeout, "the time is up");
    let by_hand = || Error::new(ErrorKind::Cancelled, "cancelled");
    let cases: [(&dyn Fn(&mut Session), ErrorKind, &str); 3] = [
        (&|session| session.handle_eof(None), ErrorKind::Authentication, "closed"),
        (&|session| session.lost(late()), ErrorKind::Authentication, "the time is up"),
        // Whoever gives up himself is told that.
        (&|session| session.lost(by_hand()), ErrorKind::Cancelled, ""),
    ];
    for (end, kind, words) in cases {
        let mut session = ready("250-host\r\n250 AUTH CRAM-MD5\r\n");
        session.authenticate(vec![mechanism("CRAM-MD5", "anna", "secret")]).unwrap();
        transmit(&mut session);
        session.handle_input(b"334 no base64!\r\n");
        transmit(&mut session);
        end(&mut session);
        let error = session.take_result().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(words), "{error}");
        assert_eq!(error.message().contains("not base64"), kind != ErrorKind::Cancelled, "{error}");
    }
}

#[derive(Clone, Default)]
struct Transcript(Arc<Mutex<Vec<u8>>>);

impl DebugSink for Transcript {
    fn trace(&mut self, _: Direction, bytes: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(bytes);
    }
}

/// A login in one piece, as no server wants it and some clients send it.
#[test]
fn credentials_by_hand_are_masked_before_the_challenge_came() {
    for raw in [true, false] {
        let mut session = ready(PLAIN);
        let sink = Transcript::default();
        session.trace().set_sink(Some(Box::new(sink.clone())));
        session.trace().set_on(true);
        if raw {
            session.raw(b"AUTH LOGIN\r\nYW5uYQ==\r\ndG9wLXNlY3JldA==\r\n").unwrap();
        } else {
            session.put("AUTH", "LOGIN").unwrap();
            session.put("YW5uYQ==", "").unwrap();
            session.put("dG9wLXNlY3JldA==", "").unwrap();
        }
        transmit(&mut session);
        let seen = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert!(!seen.contains("YW5u") && !seen.contains("dG9w"), "{raw}: {seen}");
    }
}

/// LMTP answers each recipient of a message that the caller sends by himself.
#[test]
fn raw_lmtp_messages_are_answered_per_recipient() {
    for bdat in [false, true] {
        let mut session = lmtp_ready(PLAIN);
        session.mail("a@b", &[]).unwrap();
        transmit(&mut session);
        session.handle_input(b"250 m\r\n");
        for to in ["c@d", "e@f"] {
            session.rcpt(to, &[]).unwrap();
            transmit(&mut session);
            session.handle_input(b"250 r\r\n");
        }
        if bdat {
            session.raw(b"BDAT 4 LAST\r\nab\r\n").unwrap();
        } else {
            session.command("DATA", "").unwrap();
            transmit(&mut session);
            session.handle_input(b"354 go\r\n");
            session.raw(b"text\r\n.\r\n").unwrap();
        }
        transmit(&mut session);
        session.collect().unwrap();
        session.handle_input(b"250 c\r\n");
        assert_eq!(session.command("NOOP", "").unwrap_err().kind(), ErrorKind::Misuse);
        session.collect().unwrap();
        session.handle_input(b"250 e\r\n");
        session.command("NOOP", "").unwrap();
    }
}

/// A chunk may be announced by one call and follow by another.
#[test]
fn a_chunk_announced_by_putcmd_is_followed_by_its_octets() {
    let mut session = ready(PLAIN);
    session.put("BDAT", "7 LAST").unwrap();
    session.raw(b"ab\r\ncd\n").unwrap();
    transmit(&mut session);
    session.collect().unwrap();
    session.handle_input(b"250 taken\r\n");
    session.take_result().unwrap();
    session.command("NOOP", "").unwrap();
}

/// Each recipient's reply costs no more than is kept of it.
#[test]
fn long_lmtp_replies_cost_what_is_kept_of_them() {
    let mut session = lmtp_ready(FULL);
    let to: Vec<String> = (0..100).map(|n| format!("r{n}@x")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    submit(&mut session, mail(&to, "hello"));
    transmit(&mut session);
    session.handle_input("250 ok\r\n".repeat(101).as_bytes());
    let line = |more: char| format!("250{more}{}\r\n", "x".repeat(7000));
    let reply = line('-').repeat(8) + &line(' ');
    (0..100).for_each(|_| session.handle_input(reply.as_bytes()));
    let one = session.finished().unwrap();
    assert!(one.text_bytes() < 101 * 4096 + 10_000, "{}", one.text_bytes());
}

/// A farewell that comes before RCPT or DATA goes out refuses nobody.
#[test]
fn a_farewell_refuses_nobody_who_was_not_offered() {
    let cases = [
        (&["250 m\r\n421 bye\r\n"][..], (NotTried, 0)),
        (&["250 m\r\n", "250 r\r\n421 bye\r\n"], (NotTried, 250)),
    ];
    for (replies, recipient) in cases {
        let mut session = ready(PLAIN);
        submit(&mut session, mail(&["a@x"], "hello"));
        for reply in replies {
            transmit(&mut session);
            session.handle_input(reply.as_bytes());
        }
        assert_eq!(transmit(&mut session), "");
        let one = session.finished().unwrap();
        assert_eq!(seen(&one), (Some(ErrorKind::Disconnected), vec![recipient]));
        assert_eq!((one.reply_code(), session.reply().code()), (421, 421));
    }
}

/// It has the data and wants more: whether the message is taken nobody knows.
#[test]
fn an_intermediate_reply_to_the_end_of_data_decides_nothing() {
    for (ehlo, replies) in [
        (CHUNKED, &["250 m\r\n250 r\r\n354 more\r\n"][..]),
        (PLAIN, &["250 m\r\n", "250 r\r\n", "354 go\r\n", "354 more\r\n"]),
    ] {
        let mut session = ready(ehlo);
        submit(&mut session, mail(&["a@x"], "hello"));
        for reply in replies {
            transmit(&mut session);
            session.handle_input(reply.as_bytes());
        }
        assert!(session.ended().is_some());
        assert_eq!(done(&mut session), [(Some(ErrorKind::OutcomeUnknown), vec![(Unknown, 250)])]);
    }
}

/// A server that gave up waiting says so however its words are cut.
#[test]
fn a_farewell_in_pieces_is_one() {
    for piece in ["421", "421 idle for", "421-idle\r\n421 too l"] {
        let mut session = ready(PLAIN);
        session.handle_input(piece.as_bytes());
        let error = session.command("NOOP", "").unwrap_err();
        assert_eq!((error.kind(), error.reply_code()), (ErrorKind::Disconnected, 421), "{piece}");
    }
}

/// MAIL is MAIL, whichever call sends it.
#[test]
fn mail_by_docmd_counts_and_opens_utf8() {
    let mut session = ready("250-host\r\n250-SMTPUTF8\r\n250 LIMITS MAILMAX=1\r\n");
    session.command("MAIL", "FROM:<b\u{fc}cher@x> SMTPUTF8").unwrap();
    transmit(&mut session);
    session.handle_input(b"250 m\r\n");
    session.rcpt("b\u{fc}cher@x", &[]).unwrap();
    transmit(&mut session);
    session.handle_input(b"250 r\r\n");
    let error = session.command("MAIL FROM:<a@b>", "").unwrap_err();
    assert!(error.message().contains("MAILMAX"), "{error}");
}

#[test]
fn a_refused_option_is_told_with_its_command() {
    let mut session = ready(PLAIN);
    let error = session.rcpt("a@b", &["NOTIFY=NEVER"]).unwrap_err();
    assert!(error.message().starts_with("RCPT: "), "{error}");
    let mut transaction = mail(&[], "hello");
    transaction.add_recipient("a@x", &["NOTIFY=NEVER"]).unwrap();
    submit(&mut session, transaction);
    session.poll_transmit();
    let message = session.finished().unwrap().error_message().to_owned();
    assert!(message.starts_with("RCPT: "), "{message}");
}

/// A mechanism of the caller's own: it sends a secret, and quotes what the server says.
struct Quoting;

impl sasl::Mechanism for Quoting {
    fn name(&self) -> &str {
        "QUOTING"
    }

    fn initial(&self) -> bool {
        true
    }

    fn is_plaintext(&self) -> bool {
        false
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Option<sasl::Secret>> {
        match challenge {
            None => Ok(Some(sasl::Secret::from(&b"top-secret"[..]))),
            Some(words) => {
                let text = format!("what is {}?", String::from_utf8_lossy(words));
                Err(Error::new(ErrorKind::Authentication, text))
            }
        }
    }
}

#[test]
fn what_a_mechanism_quotes_has_no_secret_in_it() {
    let mut session = ready("250-host\r\n250 AUTH QUOTING\r\n");
    session.authenticate(vec![Box::new(Quoting)]).unwrap();
    transmit(&mut session);
    let challenge = sasl::encode(b"top-secret");
    session.handle_input(&[b"334 ", challenge.as_bytes(), b"\r\n"].concat());
    transmit(&mut session);
    session.handle_input(b"501 cancelled\r\n");
    let error = session.take_result().unwrap_err();
    assert!(!error.message().contains("top-secret"), "{error}");
    assert!(error.message().contains("what is ***?"), "{error}");
}

/// What the server must not say to DATA, told with the command once.
#[test]
fn a_reply_to_data_is_told_at_its_place() {
    let cases = [
        (ready(PIPELINING), "250 m\r\n250 r\r\n250 what\r\n", "250 what is neither"),
        (lmtp_ready(PIPELINING), "250 m\r\n550 r\r\n354 go\r\n", "the LMTP server answered"),
    ];
    for (mut session, replies, words) in cases {
        submit(&mut session, mail(&["a@x"], "hello"));
        transmit(&mut session);
        session.handle_input(replies.as_bytes());
        let message = session.ended().unwrap().message();
        assert!(message.starts_with(&format!("DATA: {words}")), "{message}");
    }
}
