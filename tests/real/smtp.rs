//! Mail to Postfix in every way that it takes it.

use smtpclient::client::{Body, RecipientStatus, TlsPolicy, Transaction};
use smtpclient::error::ErrorKind;

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
    limits_and_refusals(&server);
    messages(&server);
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
        server.instance.delivered("mail/alice", mark);
    }
}

fn logins(server: &postfix::Postfix) {
    let mut client = connected(server);
    client.ehlo(None).unwrap();
    let offered = client.extension_params("AUTH").unwrap().to_owned();
    for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5"] {
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
}

fn limits_and_refusals(server: &postfix::Postfix) {
    let mut client = connected(server);
    let large: &'static [u8] = Box::leak(vec![b'x'; postfix::SIZE_LIMIT + 1].into());
    let error = send(&mut client, &["alice@example.test"], large, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SenderRefused, "{error}");
    // The server's own refusal of a SIZE, which Postfix keeps until RSET.
    let error = send(&mut client, &["alice@example.test"], b"x", &["SIZE=99999999"]).unwrap_err();
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
    server.instance.delivered("mail/alice", b"Mark: one of two");
    server.instance.delivered("mail/joerg", b"Mark: utf8");
}

fn messages(server: &postfix::Postfix) {
    for (chunking, mailbox) in [(true, "carol"), (false, "dave")] {
        let mut client = connected(server);
        client.set_chunking(chunking);
        let to = format!("{mailbox}@example.test");
        for message in awkward() {
            send(&mut client, &[&to], message, &[]).unwrap();
        }
        assert_eq!(client.quit().unwrap(), 221);
        for message in awkward() {
            let content = server.instance.delivered(&format!("mail/{mailbox}"), mark(message));
            assert!(
                content == stored(message),
                "{chunking} {}",
                String::from_utf8_lossy(mark(message))
            );
        }
    }
}

/// Refusals in the middle of what is in flight leave the rest as it should be.
fn batches(server: &postfix::Postfix) {
    for (chunking, pipelining) in [(true, true), (false, true), (false, false)] {
        let mut client = connected(server);
        client.set_chunking(chunking);
        client.set_pipelining(pipelining);
        let kinds = [
            ("sender@example.org", "alice@example.test", None),
            ("sender@example.org", "nobody@example.test", Some(ErrorKind::RecipientsRefused)),
            ("sender@example.org", "alice@example.test", None),
            ("refused@example.org", "alice@example.test", Some(ErrorKind::RecipientsRefused)),
            ("sender@example.org", "alice@example.test", None),
        ];
        let mut batch: Vec<_> = kinds
            .iter()
            .cycle()
            .take(25)
            .enumerate()
            .map(|(n, (from, to, _))| {
                let mut transaction = Transaction::new();
                transaction.set_sender(from).unwrap();
                transaction.add_recipient(to, &[]).unwrap();
                let text = format!("Mark: batch {chunking} {pipelining} {n}\r\n\r\nbody {n}\r\n");
                transaction.set_body(Body::Owned(text.into_bytes()));
                Box::new(transaction)
            })
            .collect();
        client.send_batch(&mut batch).unwrap_err();
        for (n, transaction) in batch.iter().enumerate() {
            let (.., expected) = kinds[n % kinds.len()];
            assert_eq!(
                transaction.status_kind(),
                expected,
                "{chunking} {pipelining} {n}: {}",
                transaction.error_message()
            );
            if expected.is_none() {
                assert_eq!(transaction.recipient_status(0), Some(RecipientStatus::Accepted));
                let mark = format!("Mark: batch {chunking} {pipelining} {n}");
                let content = server.instance.delivered("mail/alice", mark.as_bytes());
                assert_eq!(content, format!("{mark}\n\nbody {n}\n").as_bytes());
            }
        }
        assert_eq!(client.quit().unwrap(), 221);
    }
}
