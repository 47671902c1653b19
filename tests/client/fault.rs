//! Servers that break the protocol, hang up, or lie.

use smtpclient::client::{Body, RecipientStatus, Transaction};

use super::*;
use crate::support::Script;

fn greeted(extensions: &str) -> Script {
    Script::new().reply("220 x").expect("EHLO").reply(&format!("250-x\n{extensions}250 HELP"))
}

#[test]
fn what_is_no_reply() {
    let long = |length: usize| [b"250 ", &vec![b'x'; length - 4][..], b"\r\n"].concat();
    let cases: Vec<(Vec<u8>, Option<ErrorKind>)> = vec![
        (b"250 ok\n".to_vec(), None),
        (b"250\r\n".to_vec(), None),
        (b"250 \xff\xfe\r\n".to_vec(), None),
        (long(8192), None),
        (long(8193), Some(ErrorKind::Protocol)),
        (b"250-a\r\n".repeat(1001), Some(ErrorKind::Protocol)),
        (b"250-a\r\n251 b\r\n".to_vec(), Some(ErrorKind::Protocol)),
        (b"250 nul\0here\r\n".to_vec(), Some(ErrorKind::Protocol)),
        (b"666 beast\r\n".to_vec(), Some(ErrorKind::Protocol)),
        (b"garbage\r\n".to_vec(), Some(ErrorKind::Protocol)),
        (b"250 que".to_vec(), Some(ErrorKind::Disconnected)),
        (b"250-a\r\n".to_vec(), Some(ErrorKind::Disconnected)),
        (b"".to_vec(), Some(ErrorKind::Disconnected)),
    ];
    for (bytes, expected) in cases {
        for piece in [1, 1000] {
            let script =
                greeted("").expect("NOOP").pace(piece, Duration::ZERO).send(&bytes).close();
            let server = Server::script(script);
            let mut client = connected(&server);
            client.ehlo(None).unwrap();
            let result = client.noop();
            assert_eq!(
                result.as_ref().err().map(|e| e.kind()),
                expected,
                "{:.30}",
                String::from_utf8_lossy(&bytes)
            );
            assert_eq!(client.is_connected(), expected.is_none());
        }
    }
}

#[test]
fn endless_replies_are_cut() {
    for bytes in ["250-and so on\r\n", "250", "x"] {
        let server = Server::script(greeted("").expect("NOOP").endless(bytes));
        let mut client = connected(&server);
        client.ehlo(None).unwrap();
        kind(client.noop(), ErrorKind::Protocol, "");
    }
}

#[test]
fn last_words_are_kept() {
    let server = Server::script(greeted("").expect("NOOP").reply("421 4.3.2 going down").close());
    let mut client = connected(&server);
    client.ehlo(None).unwrap();
    assert_eq!(client.noop().unwrap(), 421);
    assert!(!client.is_connected());
    kind(client.noop(), ErrorKind::Disconnected, "");

    // Said while nobody was asking.
    let server =
        Server::script(greeted("").expect("NOOP").send("250 n\r\n421 4.4.2 idle\r\n").close());
    let mut client = connected(&server);
    client.ehlo(None).unwrap();
    client.noop().unwrap();
    assert_eq!(client.noop().unwrap(), 421);
    assert_eq!(client.reply().text(), "4.4.2 idle");
    assert!(!client.is_connected());
    let server = Server::script(greeted("").expect("NOOP").send("250 n\r\n250 extra\r\n"));
    let mut client = connected(&server);
    client.ehlo(None).unwrap();
    client.noop().unwrap();
    kind(client.noop(), ErrorKind::Protocol, "250 extra");
}

/// A reply that stands in the socket before its command goes out is no answer to it, whatever it
/// says; only the 421 of a server that gave up waiting is.
#[test]
fn a_reply_before_its_command() {
    type Call = fn(&mut Client) -> Result<u16>;
    let noop: Call = Client::noop;
    let mail: Call = |client| send(client, &["a@x"], b"hi").map(|()| 250);
    let login: Call = |client| client.login("a", "b").map(|()| 235);
    let starttls: Call = |client| client.starttls().map(|()| 220);
    let quit: Call = Client::quit;
    let cases: [(&str, Call, std::result::Result<u16, ErrorKind>); 9] = [
        ("250 early\r\n", noop, Err(ErrorKind::Protocol)),
        ("25", noop, Err(ErrorKind::Protocol)),
        ("250 a\r\n250 b\r\n250 c\r\n", mail, Err(ErrorKind::Protocol)),
        ("235 early\r\n", login, Err(ErrorKind::Protocol)),
        ("220 early\r\n", starttls, Err(ErrorKind::Protocol)),
        ("250 early\r\n", quit, Err(ErrorKind::Protocol)),
        ("421 idle\r\n", noop, Ok(421)),
        ("421 idle\r\n", quit, Ok(421)),
        ("421 idle\r\n", mail, Err(ErrorKind::SenderRefused)),
    ];
    for (early, call, expected) in cases {
        let offers = "250-PIPELINING\n250-CHUNKING\n250-AUTH PLAIN\n250-STARTTLS\n";
        let pause = Duration::from_millis(30);
        let server = Server::script(greeted(offers).pause(pause).send(early).expect_end());
        let mut client = connected(&server);
        client.ehlo(None).unwrap();
        std::thread::sleep(4 * pause);
        let result = call(&mut client).map_err(|error| error.kind());
        assert_eq!(result, expected, "{early:?}");
        assert!(!client.is_connected());
        let received = server.finish_unchecked().connections[0].received.clone();
        assert_eq!(received, b"EHLO client.example\r\n", "nothing more was sent");
    }
}

/// A hang-up, a reset or a 421 at every point of a transaction.
#[test]
fn losses_in_a_transaction() {
    let steps = ["MAIL", "RCPT", "DATA"];
    for (index, point) in steps.iter().enumerate() {
        for (what, words) in [("close", ""), ("reset", ""), ("421", "421 4.3.2 bye")] {
            let replies = ["250 m", "250 r"];
            let script = (0..index)
                .fold(greeted(""), |s, i| s.expect(steps[i]).reply(replies[i]))
                .expect(point);
            let script = match what {
                "close" => script.close(),
                "reset" => script.reset(),
                _ => script.reply("421 4.3.2 bye").expect_end(),
            };
            let server = Server::script(script);
            let mut client = connected(&server);
            let error = send(&mut client, &["a@x"], b"hi").expect_err("lost");
            let expected = match (what, *point) {
                ("421", "MAIL") => ErrorKind::SenderRefused,
                ("421", "RCPT") => ErrorKind::RecipientsRefused,
                ("421", _) => ErrorKind::Data,
                _ => ErrorKind::Disconnected,
            };
            assert_eq!(error.kind(), expected, "{what} at {point}: {error}");
            assert!(error.message().contains(words), "{error}");
            assert!(!client.is_connected());
            assert_eq!(
                server.finish_unchecked().connections[0]
                    .verbs()
                    .iter()
                    .filter(|v| *v == "RSET")
                    .count(),
                0
            );
        }
    }
}

#[test]
fn losses_after_the_end_of_data() {
    let upto = || {
        greeted("")
            .expect("MAIL")
            .reply("250 m")
            .expect("RCPT")
            .reply("250 r")
            .expect("DATA")
            .reply("354 go")
            .body()
    };
    for (script, expected) in [
        (upto().close(), ErrorKind::OutcomeUnknown),
        (upto().reset(), ErrorKind::OutcomeUnknown),
        (upto().send("250 o").close(), ErrorKind::OutcomeUnknown),
        (upto().reply("421 4.3.2 bye").expect_end(), ErrorKind::Data),
        (upto().reply("garbage"), ErrorKind::OutcomeUnknown),
    ] {
        let server = Server::script(script);
        let mut client = connected(&server);
        let mut transaction = Transaction::new();
        transaction.set_sender("a@b").unwrap();
        transaction.add_recipient("c@d", &[]).unwrap();
        transaction.set_body(Body::Owned(b"hi".to_vec()));
        let (transaction, result) = client.send(Box::new(transaction));
        assert_eq!(result.unwrap_err().kind(), expected);
        let status = transaction.recipient_status(0).unwrap();
        let known = expected == ErrorKind::Data;
        assert_eq!(status, if known { RecipientStatus::Refused } else { RecipientStatus::Unknown });
    }
}

#[test]
fn a_refusal_while_the_body_goes_out() {
    let large: &'static [u8] =
        Box::leak(b"0123456789abcdef\r\n".repeat(2 << 20).into_boxed_slice());
    let upto = || {
        greeted("")
            .expect("MAIL")
            .reply("250 m")
            .expect("RCPT")
            .reply("250 r")
            .expect("DATA")
            .reply("354 go")
    };
    for script in [
        upto().read_bytes(1000).reply("552 5.3.4 too much").freeze(),
        upto().read_bytes(1000).reply("552 5.3.4 too much").close(),
    ] {
        let server = Server::builder().script(script).small_buffers().start();
        let mut client = connected(&server);
        let error = send(&mut client, &["a@x"], large).expect_err("refused");
        assert!(error.message().contains("552 5.3.4 too much"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Data);
        assert!(!client.is_connected());
    }
}

#[test]
fn a_server_that_lies_about_pipelining() {
    // It drops what follows MAIL in the flight.
    let server = Server::script(greeted("250-PIPELINING\n").expect("MAIL").reply("250 m").mute());
    let mut client = connected(&server);
    client.set_timeout(TimeoutPolicy::After(Duration::from_millis(300)));
    kind(send(&mut client, &["a@x"], b"hi"), ErrorKind::Timeout, "RCPT TO:<a@x>: the time limit");
}

/// The server does not read until its own replies are read.
#[test]
fn full_buffers_do_not_deadlock() {
    let engine = Engine::new().answer("NOOP", 0, "250 x").discard();
    let server = Server::builder().engine(engine).small_buffers().start();
    let mut client = connected(&server);
    let mut batch: Vec<Box<Transaction>> = (0..300)
        .map(|_| {
            let mut transaction = Transaction::new();
            transaction.set_sender("a@b").unwrap();
            for n in 0..20 {
                transaction.add_recipient(&format!("user{n}@example.org"), &[]).unwrap();
            }
            transaction.set_body(Body::Owned(vec![b'x'; 100]));
            Box::new(transaction)
        })
        .collect();
    client.send_batch(&mut batch).unwrap();
    assert!(batch.iter().all(|transaction| transaction.status_kind().is_none()));
}
