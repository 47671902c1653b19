//! Mail to Postfix in every way that it takes it.

use std::sync::{Arc, Mutex};

use smtpclient::client::{
    Body, BodyReader, DebugSink, Direction, RecipientStatus, TlsPolicy, Transaction,
};
use smtpclient::error::{Detail, ErrorKind};

use super::*;
use crate::support::authority;

fn trusting() -> TlsPolicy {
    let mut policy = TlsPolicy::default();
    policy.set_system_roots(false);
    policy.add_ca_pem(authority().pem.as_bytes()).unwrap();
    policy
}

fn connected(server: &postfix::Postfix) -> Client {
    let mut client = client(Protocol::Smtp);
    client.connect("127.0.0.1", server.smtp).unwrap();
    client
}

#[test]
fn postfix() {
    let server = postfix::start();
    plain_and_encrypted(&server);
    logins(&server);
    tokens(&server);
    limits_and_refusals(&server);
    messages(&server);
    extensions(&server);
    batches(&server);
}

fn plain_and_encrypted(server: &postfix::Postfix) {
    let mut client = client(Protocol::Smtp);
    client.set_tls(trusting());
    client.connect("localhost", server.smtp).unwrap();
    client.starttls().unwrap();
    assert!(!client.does_esmtp());
    send(&mut client, &["alice@example.test"], b"Mark: starttls\r\n\r\nx\r\n", &[]).unwrap();
    assert_eq!(client.quit().unwrap(), 221);
    let mut client = self::client(Protocol::Smtps);
    client.set_tls(trusting());
    client.connect("localhost", server.smtps).unwrap();
    send(&mut client, &["alice@example.test"], b"Mark: smtps\r\n\r\nx\r\n", &[]).unwrap();
    assert_eq!(client.quit().unwrap(), 221);
    let mut client = self::client(Protocol::Smtps);
    let error = client.connect("localhost", server.smtps).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    for mark in [&b"Mark: starttls"[..], b"Mark: smtps"] {
        server.instance.delivered("alice", mark);
    }
}

fn logins(server: &postfix::Postfix) {
    let mut client = connected(server);
    client.ehlo(None).unwrap();
    let offered = client.extension_params("AUTH").unwrap().to_owned();
    for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"] {
        assert!(offered.contains(mechanism), "{offered}");
        let mut client = connected(server);
        client.auth_builtin(mechanism, "alice", "secret").unwrap();
        let mut client = connected(server);
        client.set_auth_mechanisms(mechanism).unwrap();
        let error = client.login("alice", "wrong").unwrap_err();
        assert_eq!((error.kind(), error.reply_code()), (ErrorKind::Authentication, 535), "{error}");
        client.login("alice", "secret").unwrap();
        assert_eq!(client.quit().unwrap(), 221);
    }
    let mut client = connected(server);
    let transcript = Transcript::default();
    client.set_debug_sink(Some(Box::new(transcript.clone())));
    client.set_debug_level(1);
    client.login("alice", "secret").unwrap();
    assert_eq!(client.quit().unwrap(), 221);
    let sent = String::from_utf8(transcript.0.lock().unwrap().clone()).unwrap();
    assert!(sent.contains("AUTH SCRAM-SHA-256 "), "{sent}");
}

/// Tokens that Dovecot checks; and what it says of those that are none, which Postfix hands on.
fn tokens(server: &postfix::Postfix) {
    if !server.sasl.takes_tokens {
        eprintln!("LEFT OUT: tokens: this Dovecot is configured in another language");
        return;
    }
    let good = dovecot::token("alice", 600);
    for mechanism in ["OAUTHBEARER", "XOAUTH2"] {
        let mut client = connected(server);
        client.set_auth_mechanisms(mechanism).unwrap();
        client.login_by_token("alice", &good).unwrap();
        assert_eq!(client.quit().unwrap(), 221);
        for bad in [dovecot::token("alice", -5), dovecot::token("dave", 600), "ya29.x".to_owned()] {
            let mut client = connected(server);
            client.set_auth_mechanisms(mechanism).unwrap();
            let error = client.login_by_token("alice", &bad).unwrap_err();
            assert!(error.message().contains("the token was refused (status "), "{error}");
            assert_eq!((error.kind(), error.reply_code()), (ErrorKind::Authentication, 535));
            assert_eq!(error.detail(), Detail::Token);
            client.login_by_token("alice", &good).unwrap();
            assert_eq!(client.quit().unwrap(), 221);
        }
    }
}

fn limits_and_refusals(server: &postfix::Postfix) {
    let mut client = connected(server);
    let large: &'static [u8] = Box::leak(vec![b'x'; postfix::SIZE_LIMIT + 1].into());
    let error = send(&mut client, &["alice@example.test"], large, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SenderRefused, "{error}");
    // The server's own refusal of a SIZE, which Postfix keeps until RSET.
    // A caller may announce a size that we do not know.
    let mut transaction = Box::new(Transaction::new());
    transaction.set_sender("bob@example.test").unwrap();
    transaction.add_recipient("alice@example.test", &[]).unwrap();
    transaction.add_mail_option("SIZE=99999999").unwrap();
    transaction.set_body(Body::Reader(Box::new(Endless(0)), None));
    let error = client.send(transaction).1.unwrap_err();
    assert_eq!((error.kind(), error.reply_code()), (ErrorKind::SenderRefused, 552), "{error}");
    send(
        &mut client,
        &["nobody@example.test", "alice@example.test"],
        b"Mark: one of two\r\n\r\n",
        &[],
    )
    .unwrap();
    assert_eq!(client.refused().len(), 1);
    assert_eq!(client.refused()[0].enhanced, "5.1.1");
    let error = send(&mut client, &["nobody@example.test"], b"x", &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecipientsRefused);
    send(&mut client, &["j\u{f6}rg@example.test"], b"Mark: utf8\r\n\r\n", &["SMTPUTF8"]).unwrap();
    assert_eq!(client.quit().unwrap(), 221);
    server.instance.delivered("alice", b"Mark: one of two");
    server.instance.delivered("joerg", b"Mark: utf8");
}

fn messages(server: &postfix::Postfix) {
    for ((chunking, pipelining), mailbox) in
        WAYS.into_iter().zip(["carol", "dave", "erin", "frank"])
    {
        let mut client = connected(server);
        client.set_chunking(chunking);
        client.set_pipelining(pipelining);
        awkward_messages(&mut client, &server.instance, mailbox);
        assert_eq!(client.quit().unwrap(), 221);
    }
}

/// The whole transcript.
#[derive(Clone, Default)]
struct Transcript(Arc<Mutex<Vec<u8>>>);

impl DebugSink for Transcript {
    fn trace(&mut self, direction: Direction, bytes: &[u8]) {
        if direction == Direction::Sent {
            self.0.lock().unwrap().extend_from_slice(bytes);
        }
    }
}

/// What Postfix offers is used: one flight of MAIL, RCPT and BDAT, parameters of SMTPUTF8.
fn extensions(server: &postfix::Postfix) {
    for (chunking, verb) in [(true, "BDAT "), (false, "DATA\r\n")] {
        let transcript = Transcript::default();
        let mut client = connected(server);
        client.set_chunking(chunking);
        client.set_debug_sink(Some(Box::new(transcript.clone())));
        client.set_debug_level(1);
        client.ehlo(None).unwrap();
        for name in ["PIPELINING", "SIZE", "STARTTLS", "8BITMIME", "SMTPUTF8", "CHUNKING"] {
            assert!(client.has_extension(name), "{name}");
        }
        let message = "From: J\u{f6}rg <j\u{f6}rg@example.test>\r\nTo: alice@example.test\r\n\
                       Bcc: carol@example.test,\r\n dave@example.test\r\n\
                       Subject: gr\u{fc}n\r\n\r\n.x\r\n";
        let mail = Mail { from: None, to: None, ..mail(&[], message.as_bytes(), &[]) };
        client.send_message(&mail).unwrap();
        assert_eq!(client.quit().unwrap(), 221);
        let sent = String::from_utf8(transcript.0.lock().unwrap().clone()).unwrap();
        let mail = "MAIL FROM:<j\u{f6}rg@example.test> SIZE=";
        for part in [mail, " SMTPUTF8", " BODY=8BITMIME", verb] {
            assert!(sent.contains(part), "{part}: {sent}");
        }
        let expected = message
            .replace("Bcc: carol@example.test,\r\n dave@example.test\r\n", "")
            .replace("\r\n", "\n");
        for mailbox in ["alice", "carol", "dave"] {
            let content = server.instance.found(mailbox, |content| content.starts_with(b"From: J"));
            assert_eq!(content.expect("the message"), expected.as_bytes());
            std::fs::remove_dir_all(server.instance.home.path().join("mail").join(mailbox))
                .unwrap();
        }
    }
}

/// Refusals in the middle of what is in flight leave the rest as it should be.
fn batches(server: &postfix::Postfix) {
    // Postfix answers a refused sender at RCPT, unless it is told to be hasty.
    let ports =
        [(server.smtp, ErrorKind::RecipientsRefused), (server.hasty, ErrorKind::SenderRefused)];
    for (port, sender_refused) in ports {
        for (chunking, pipelining) in WAYS {
            let mut client = client(Protocol::Smtp);
            client.connect("127.0.0.1", port).unwrap();
            client.set_chunking(chunking);
            client.set_pipelining(pipelining);
            let kinds: [(&str, &[&str], _); 6] = [
                ("sender", &["alice@example.test"], None),
                ("sender", &["nobody@example.test"], Some(ErrorKind::RecipientsRefused)),
                ("sender", &["nobody@example.test", "alice@example.test"], None),
                ("refused", &["alice@example.test"], Some(sender_refused)),
                ("sender", &["alice@example.test"], None),
                ("large", &["alice@example.test"], Some(ErrorKind::Data)),
            ];
            let mut batch: Vec<_> = (0..24)
                .map(|n| {
                    let (kind, to, _) = kinds[n % kinds.len()];
                    let number = if kind == "sender" { n.to_string() } else { String::new() };
                    let from = format!("{kind}{number}@example.org");
                    let text =
                        format!("Mark: {chunking} {pipelining} {port} {n}\r\n\r\n.body {n}\r\n");
                    let mut transaction = transaction(&from, to, text);
                    if kind == "large" {
                        transaction.set_body(Body::Reader(Box::new(Endless(0)), None));
                    }
                    transaction
                })
                .collect();
            client.send_batch(&mut batch).unwrap_err();
            for (n, transaction) in batch.iter().enumerate() {
                let (_, to, expected) = kinds[n % kinds.len()];
                let label = format!("{chunking} {pipelining} {port} {n}");
                assert_eq!(
                    transaction.status_kind(),
                    expected,
                    "{label}: {}",
                    transaction.error_message()
                );
                if expected == Some(ErrorKind::Data) {
                    assert_eq!(transaction.reply_code(), 552, "{label}");
                }
                if expected.is_some() {
                    continue;
                }
                let last = transaction.recipient_status(to.len() - 1);
                assert_eq!(last, Some(RecipientStatus::Accepted), "{label}");
                let mark = format!("Mark: {label}");
                let content = server.instance.delivered("alice", mark.as_bytes());
                assert_eq!(content, format!("{mark}\n\n.body {n}\n").as_bytes());
                server.instance.assert_once("alice", &mark, &format!("sender{n}@example.org"));
            }
            assert_eq!(client.quit().unwrap(), 221);
        }
    }
}

/// A message of unknown size, above what Postfix takes.
struct Endless(usize);

impl BodyReader for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        let count = buffer.len().min(postfix::SIZE_LIMIT * 3 / 2 - self.0);
        for (at, byte) in buffer[..count].iter_mut().enumerate() {
            *byte = match (self.0 + at) % 72 {
                70 => b'\r',
                71 => b'\n',
                _ => b'x',
            };
        }
        self.0 += count;
        Ok(Some(count))
    }
}
