//! sendmail, send_message, transactions, batches and streams.

use std::sync::{Arc, Mutex};

use smtpclient::client::{Body, BodyReader, Completion, Progress, RecipientStatus, Transaction};
use smtpclient::error::Error;

use super::*;
use crate::support::Script;

/// The modes a server may allow.
const MODES: [&[&str]; 4] = [&[], &["CHUNKING"], &["PIPELINING"], &["CHUNKING", "PIPELINING"]];

fn without(names: &[&str]) -> Engine {
    names.iter().fold(Engine::new(), |engine, name| engine.without(name))
}

fn transaction(to: &[&str], body: Body) -> Box<Transaction> {
    let mut transaction = Transaction::new();
    transaction.set_sender("from@example.org").unwrap();
    for address in to {
        transaction.add_recipient(address, &[]).unwrap();
    }
    transaction.set_body(body);
    Box::new(transaction)
}

#[test]
fn awkward_messages_arrive_as_they_must() {
    let long = Box::leak(format!("{}\r\n", "x".repeat(998)).into_boxed_str());
    let large: &'static str =
        Box::leak("0123456789 abcdefgh\n.dot\r\n".repeat(20_000).into_boxed_str());
    let clean: &'static str = Box::leak("0123456789 abcdefgh\r\n".repeat(20_000).into_boxed_str());
    let open: &'static str = Box::leak(format!("{clean}no end of line").into_boxed_str());
    let cases = [
        "",
        "x",
        "x\r\n",
        "x\n",
        "x\r",
        ".",
        ".\r\n",
        "..\r\n",
        "a\r\n.\r\nb\r\n",
        "a\n.\nb",
        "a\r.\rb",
        "\r\n\r\n.",
        "\u{e9}\u{1f600}\r\n",
        "nul \0 stays\r\n",
        long,
        large,
        clean,
        open,
    ];
    for names in MODES {
        let server = Server::engine(without(names));
        let mut client = connected(&server);
        for message in cases {
            send(&mut client, &["a@example.org"], message.as_bytes()).unwrap();
        }
        client.quit().unwrap();
        let record = server.finish();
        for (message, seen) in cases.iter().zip(record.messages()) {
            let lines = message.replace("\r\n", "\n").replace('\r', "\n");
            let lines = lines.strip_suffix('\n').unwrap_or(&lines).replace('\n', "\r\n") + "\r\n";
            assert_eq!(seen.content, lines.as_bytes(), "{names:?} {:.20?}", message);
            let size = format!("SIZE={}", lines.len());
            assert!(seen.mail_params.contains(&size), "{:?} lacks {size}", seen.mail_params);
            let eight_bit = seen.mail_params.contains(&"BODY=8BITMIME".to_owned());
            assert_eq!(eight_bit, !message.is_ascii());
        }
    }
}

#[test]
fn some_and_all_refused() {
    for names in MODES {
        let engine = without(names)
            .refuse("bad@x.example", "550 5.1.1 unknown")
            .refuse_sender("bad@from.example", "553 5.1.8 no");
        let server = Server::engine(engine);
        let mut client = connected(&server);
        send(&mut client, &["a@x.example", "bad@x.example", "bad@x.example"], b"hi").unwrap();
        assert_eq!(client.refused().len(), 2);
        let refused = &client.refused()[0];
        assert_eq!((refused.address.as_str(), refused.code), ("bad@x.example", 550));
        assert_eq!((refused.text.as_str(), refused.enhanced.as_str()), ("5.1.1 unknown", "5.1.1"));
        kind(
            send(&mut client, &["bad@x.example"], b"hi"),
            ErrorKind::RecipientsRefused,
            "550 5.1.1 unknown",
        );
        assert_eq!(client.refused().len(), 1);
        let mail = Mail {
            from: Some("bad@from.example"),
            to: Some(&["a@x.example"]),
            message: b"hi",
            mail_options: &[],
            rcpt_options: &[],
        };
        kind(client.sendmail(&mail), ErrorKind::SenderRefused, "553 5.1.8 no");
        assert_eq!(client.refused()[0].address, "bad@from.example");
        send(&mut client, &["a@x.example"], b"still here").unwrap();
        assert!(client.refused().is_empty());
        client.quit().unwrap();
        let record = server.finish();
        assert_eq!(record.messages().iter().filter(|m| m.is_accepted()).count(), 2, "{names:?}");
        assert!(record.connections[0].verbs().contains(&"RSET".to_owned()));
    }
}

/// What the server says behind a refusal is only its echo; the reply one reads is the refusal.
#[test]
fn the_reply_after_a_failed_send_is_the_one_that_decided() {
    let refusing = |offers: &str| {
        Script::new()
            .reply("220 x")
            .expect("EHLO ")
            .reply(&format!("250-x\r\n250 {offers}"))
            .expect("MAIL ")
            .reply("250 m")
            .expect("RCPT ")
            .reply("450 4.7.1 greylisted")
    };
    let cases = [
        refusing("PIPELINING").expect("DATA").reply("554 no valid").expect("RSET").reply("250 r"),
        refusing("PIPELINING").expect("DATA").reply("354 go").expect(".").reply("250 eh"),
        refusing("X").expect("RSET").reply("250 r"),
    ];
    for script in cases {
        let server = Server::script(script);
        let mut client = connected(&server);
        let mut batch = vec![transaction(&["a@x.example"], Body::Owned(b"hi".to_vec()))];
        kind(client.send_batch(&mut batch), ErrorKind::RecipientsRefused, "450 4.7.1");
        assert_eq!((client.reply().code(), batch[0].reply_code()), (450, 450));
        client.close();
        server.finish_unchecked();
    }
}

#[test]
fn arguments_are_checked_first() {
    let server = engine();
    let mut client = connected(&server);
    kind(send(&mut client, &[], b"x"), ErrorKind::InvalidArgument, "no recipient");
    kind(send(&mut client, &["\u{e9}@x"], b"x"), ErrorKind::InvalidArgument, "SMTPUTF8");
    for to in [" ", "(c)", "a@x,b@x", "<a@x>, <b@x>", "<a(b)@b\u{fc}.example>"] {
        kind(send(&mut client, &["a@x", to], b"x"), ErrorKind::InvalidArgument, to);
    }
    kind(send_with(&mut client, &["a@x"], b"x", &["a b"], &[]), ErrorKind::InvalidArgument, "a b");
    for (mail, rcpt) in [(&["ENVID=\u{fc}"][..], &[][..]), (&[], &["ORCPT=rfc822;\u{fc}"])] {
        let sent = send_with(&mut client, &["a@x"], b"x", mail, rcpt);
        kind(sent, ErrorKind::InvalidArgument, "is not ASCII");
    }
    kind(client.mail("a@x", &["X=\u{fc}"]), ErrorKind::InvalidArgument, "is not ASCII");
    kind(client.rcpt("a@x", &["X=\u{fc}"]), ErrorKind::InvalidArgument, "is not ASCII");
    send_with(&mut client, &["\u{e9}@x.example"], b"x", &["SMTPUTF8"], &[]).unwrap();
    // A domain alone can be written in ASCII.
    send(&mut client, &["a@b\u{fc}cher.example"], b"x").unwrap();
    client.quit().unwrap();
    let messages = server.finish().messages();
    assert_eq!(messages[0].addresses(), ["\u{e9}@x.example"]);
    assert_eq!(messages[1].addresses(), ["a@xn--bcher-kva.example"]);
}

#[test]
fn the_servers_size_limit() {
    let server = Server::engine(Engine::new().size(100));
    let mut client = connected(&server);
    kind(send(&mut client, &["a@x.example"], &[b'x'; 99]), ErrorKind::SenderRefused, "SIZE");
    send(&mut client, &["a@x.example"], &[b'x'; 98]).unwrap();
    client.quit().unwrap();
    assert_eq!(
        server.finish().connections[0].verbs().iter().filter(|verb| *verb == "MAIL").count(),
        1
    );
}

#[test]
fn messages_with_their_own_envelope() {
    let message = "From: J\u{f6}rg <joerg@example.org>\r\nTo: a@x.example, group: b@x.example;\r\n\
        BCC: hidden@x.example,\r\n more@x.example\r\nSubject: hi\r\n\r\nBcc: in the body stays\r\n";
    for names in MODES {
        let server = Server::engine(without(names));
        let mut client = connected(&server);
        let mail = Mail {
            from: None,
            to: None,
            message: message.as_bytes(),
            mail_options: &[],
            rcpt_options: &[],
        };
        client.send_message(&mail).unwrap();
        client.quit().unwrap();
        let messages = server.finish().messages();
        assert_eq!(messages[0].sender, "joerg@example.org");
        let mut addresses = messages[0].addresses();
        addresses.sort_unstable();
        assert_eq!(addresses, ["a@x.example", "b@x.example", "hidden@x.example", "more@x.example"]);
        let expected = message.replace("BCC: hidden@x.example,\r\n more@x.example\r\n", "");
        assert_eq!(messages[0].content, expected.as_bytes());
    }
    let international = "From: a@x.example\r\nTo: \u{e9}@x.example\r\n\r\nhi\r\n".as_bytes();
    let mail =
        Mail { from: None, to: None, message: international, mail_options: &[], rcpt_options: &[] };
    let cases: [(&[&str], &[&str]); 4] = [
        // The true size stands before them, and no other.
        (&["SIZE=1"], &["SMTPUTF8", "BODY=8BITMIME"]),
        (&[], &["SMTPUTF8", "BODY=8BITMIME"]),
        (&["BODY=BINARYMIME"], &["BODY=BINARYMIME", "SMTPUTF8"]),
        (&["smtputf8", "BODY=8BITMIME"], &["smtputf8", "BODY=8BITMIME"]),
    ];
    for (mail_options, expected) in cases {
        let server = engine();
        let mut client = connected(&server);
        client.send_message(&Mail { mail_options, ..mail }).unwrap();
        client.quit().unwrap();
        let params = server.finish().messages()[0].mail_params.clone();
        assert_eq!(params[1..], *expected, "behind SIZE= in {params:?}");
    }
    let server = Server::engine(without(&["SMTPUTF8"]));
    let mut client = connected(&server);
    kind(client.send_message(&mail), ErrorKind::NotSupported, "SMTPUTF8");
    let last = client.last_mail().unwrap();
    assert_eq!(last.recipient_status(0), Some(RecipientStatus::NotTried));
}

#[test]
fn flights_are_as_few_as_the_server_lets() {
    let small: &'static [u8] = b"Subject: x\r\n\r\nhello\r\n";
    let large: &'static [u8] = Box::leak(b"0123456789abcdef\r\n".repeat(8192).into_boxed_slice());
    for (names, message, flights) in [
        (&[][..], small, 1),
        (&[], large, 2),
        (&["CHUNKING"], small, 2),
        (&["CHUNKING", "PIPELINING"], small, 5),
    ] {
        let server =
            Server::builder().engine(without(names)).settle(Duration::from_millis(30)).start();
        let mut client = connected(&server);
        client.ehlo(None).unwrap();
        let before = server.record().flights();
        send(&mut client, &["a@x.example", "b@x.example"], message).unwrap();
        assert_eq!(server.record().flights() - before, flights, "{names:?} {}", message.len());
        client.close();
    }
    let server = Server::builder().engine(Engine::new()).settle(Duration::from_millis(30)).start();
    let mut client = connected(&server);
    client.ehlo(None).unwrap();
    let before = server.record().flights();
    let to: Vec<String> = (0..1000).map(|n| format!("user{n}@x.example")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    send(&mut client, &to, small).unwrap();
    assert!(server.record().flights() - before <= 3);
    client.close();
}

#[test]
fn batches_keep_their_order_and_their_outcomes() {
    for names in MODES {
        let server = Server::engine(without(names).refuse("bad@x.example", "550 no"));
        let mut client = connected(&server);
        let mut batch: Vec<_> = (0..200)
            .map(|n| {
                let to: &[&str] =
                    if n % 7 == 3 { &["bad@x.example"] } else { &["a@x.example", "bad@x.example"] };
                transaction(to, Body::Owned(format!("message {n}\r\n").into_bytes()))
            })
            .collect();
        kind(client.send_batch(&mut batch), ErrorKind::RecipientsRefused, "550 no");
        for (n, transaction) in batch.iter().enumerate() {
            let expected = (n % 7 == 3).then_some(ErrorKind::RecipientsRefused);
            assert_eq!(transaction.status_kind(), expected, "{names:?} {n}");
            let last = transaction.recipient_count() - 1;
            assert_eq!(transaction.recipient_status(last), Some(RecipientStatus::Refused));
        }
        // What has been sent can be sent again.
        let mut again = vec![batch.swap_remove(0)];
        client.send_batch(&mut again).unwrap();
        client.quit().unwrap();
        let messages = server.finish().messages();
        assert_eq!(messages.iter().filter(|m| m.is_accepted()).count(), 200 - 29 + 1, "{names:?}");
    }
}

#[derive(Clone, Default)]
struct Done(Arc<Mutex<Vec<Box<Transaction>>>>);

impl Completion for Done {
    fn completed(&mut self, transaction: Box<Transaction>) {
        self.0.lock().unwrap().push(transaction);
    }
}

#[test]
fn a_stream_of_transactions_completes() {
    for names in MODES {
        let server = Server::engine(without(names).discard());
        let mut client = connected(&server);
        let done = Done::default();
        client.set_completion(Some(Box::new(done.clone())));
        for n in 0..500 {
            let body = Body::Owned(vec![b'x'; 100 + n * 37 % 5000]);
            client.submit(transaction(&["a@x.example"], body)).unwrap();
        }
        // Any other call settles what is under way first.
        assert_eq!(client.noop().unwrap(), 250);
        assert_eq!(done.0.lock().unwrap().len(), 500);
        client.submit(transaction(&["a@x.example"], Body::Owned(b"last".to_vec()))).unwrap();
        client.flush().unwrap();
        assert!(
            done.0.lock().unwrap().iter().all(|transaction| transaction.status_kind().is_none())
        );
        client.submit(transaction(&["a@x.example"], Body::Owned(b"lost".to_vec()))).unwrap();
        client.close();
        assert_eq!(done.0.lock().unwrap().len(), 502);
        kind(
            client.submit(transaction(&["a@x.example"], Body::Empty)),
            ErrorKind::Disconnected,
            "connect",
        );
        assert_eq!(done.0.lock().unwrap().len(), 503);
    }
}

struct Source {
    left: usize,
    fails: bool,
}

impl BodyReader for Source {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        if self.left == 0 && self.fails {
            return Err(Error::new(ErrorKind::Io, "the disk broke"));
        }
        let count = self.left.min(buffer.len()).min(10_000);
        buffer[..count].fill(b'x');
        self.left -= count;
        Ok(Some(count))
    }
}

#[test]
fn messages_from_a_reader() {
    for names in MODES {
        let server = Server::engine(without(names));
        let mut client = connected(&server);
        for size in [0, 1, 65_535, 65_536, 65_537, 1_000_000] {
            for known in [Some(size as u64), None] {
                let body = Body::Reader(Box::new(Source { left: size, fails: false }), known);
                let (sent, result) = client.send(transaction(&["a@x.example"], body));
                result.unwrap();
                assert_eq!(sent.recipient_status(0), Some(RecipientStatus::Accepted));
                let message = server.record().messages().pop().unwrap();
                assert_eq!(message.content.len(), size + 2, "{names:?}");
            }
        }
        client.quit().unwrap();
    }
}

#[test]
fn a_failing_reader_delivers_nothing() {
    for names in MODES {
        for (size, known) in
            [(10, None), (500_000, None), (500_000, Some(400_000)), (500_000, Some(600_000))]
        {
            let server = Server::engine(without(names));
            let mut client = connected(&server);
            let body = Body::Reader(Box::new(Source { left: size, fails: known.is_none() }), known);
            let (sent, result) = client.send(transaction(&["a@x.example"], body));
            let expected = if known.is_none() { ErrorKind::Io } else { ErrorKind::InvalidArgument };
            assert_eq!(result.unwrap_err().kind(), expected);
            assert_eq!(sent.recipient_status(0), Some(RecipientStatus::NotTried));
            // Read bytes are gone: it cannot be sent again as it is.
            let (_, again) = client.send(sent);
            let error = again.unwrap_err();
            let kinds = [
                ErrorKind::Misuse,
                ErrorKind::Disconnected,
                ErrorKind::InvalidArgument,
                ErrorKind::Io,
            ];
            assert!(kinds.contains(&error.kind()), "{error}");
            client.close();
            assert_eq!(server.finish_unchecked().messages().len(), 0, "{names:?} {size} {known:?}");
        }
    }
}

#[test]
fn progress_is_told() {
    #[derive(Clone, Default)]
    struct Meter(Arc<Mutex<Vec<(u64, Option<u64>)>>>);
    impl Progress for Meter {
        fn sent(&mut self, sent: u64, total: Option<u64>) {
            self.0.lock().unwrap().push((sent, total));
        }
    }
    let large: &'static [u8] =
        Box::leak(b"0123456789abcdef\r\n".repeat(100_000).into_boxed_slice());
    for names in MODES {
        let server = Server::engine(without(names).discard());
        let mut client = connected(&server);
        let meter = Meter::default();
        client.set_progress(Some(Box::new(meter.clone())));
        send(&mut client, &["a@x.example"], large).unwrap();
        let told = meter.0.lock().unwrap();
        assert!(told.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{told:?}");
        let (sent, total) = *told.last().unwrap();
        assert!(
            sent >= large.len() as u64 && total.is_some_and(|total| total >= large.len() as u64),
            "{sent} {total:?}"
        );
    }
}
