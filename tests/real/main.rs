//! The client against Postfix and Dovecot, started as temporary instances on loopback with their
//! own configuration, queue and mailboxes. What was delivered is read back byte for byte.

mod dovecot;
mod instance;
mod lmtp;
mod postfix;
mod program;
mod smtp;

#[path = "../support/mod.rs"]
mod support;
#[path = "../tree/mod.rs"]
mod tree;

use std::time::Duration;

use smtpclient::client::{Body, Mail, Protocol, TimeoutPolicy, Transaction};
use smtpclient::error::Result;
use support::Client;

fn client(protocol: Protocol) -> Client {
    let mut client = Client::new(protocol).unwrap();
    client.set_timeout(TimeoutPolicy::After(Duration::from_secs(60)));
    client.set_local_hostname("client.example").unwrap();
    client
}

fn mail<'a>(to: &'a [&'a str], message: &'static [u8], options: &'a [&'a str]) -> Mail<'a> {
    Mail {
        from: Some("sender@example.org"),
        to: Some(to),
        message,
        mail_options: options,
        rcpt_options: &[],
    }
}

fn send(client: &mut Client, to: &[&str], message: &'static [u8], options: &[&str]) -> Result<()> {
    client.sendmail(&mail(to, message, options))
}

fn transaction(from: &str, to: &[&str], text: String) -> Box<Transaction> {
    let mut transaction = Box::new(Transaction::new());
    transaction.set_sender(from).unwrap();
    for address in to {
        transaction.add_recipient(address, &[]).unwrap();
    }
    transaction.set_body(Body::Owned(text.into_bytes()));
    transaction
}

/// Every way of sending: chunking, and pipelining.
const WAYS: [(bool, bool); 4] = [(true, true), (false, true), (true, false), (false, false)];

/// Messages that servers and clients get wrong, each beginning with a header to find it by.
fn awkward() -> Vec<&'static [u8]> {
    let any: Vec<u8> = (1..=255).filter(|byte| !b"\r\n".contains(byte)).collect();
    let large = "0123456789 some text\r\n.a dot\r\n".repeat(35_000);
    let messages: [&[&[u8]]; 13] = [
        &[b"Mark: dots\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\n"],
        &[b"Mark: dot first\r\n\r\n.\r\n"],
        &[b"Mark: dot last\r\n\r\nx\r\n."],
        &[b"Mark: open end\r\n\r\nno line end"],
        &[b"Mark: ends in CR\r\n\r\nx\r"],
        &[b"Mark: bare LF\n\nline\n.\nline\n"],
        &[b"Mark: bare CR\r\n\r\none\rtwo\r.\rthree\r\n"],
        &[b"Mark: smuggled\r\n\r\n\n.\r\nMAIL FROM:<x@y.example>\r\r\n.\r\r\n.\nQUIT\n"],
        &[b"Mark: 8 bit\r\n\r\n\xc3\xa9\xf0\x9f\x98\x80 \xe9\xff\r\n"],
        &[b"Mark: any byte\r\n\r\n", &any, b"\r\n"],
        &[b"Mark: no body\r\n\r\n"],
        &[b"Mark: long\r\n\r\n", &[b'x'; 998], b"\r\n.", &[b'y'; 997], b"\r\n"],
        &[b"Mark: large\r\n\r\n", large.as_bytes()],
    ];
    messages.iter().map(|parts| &*Box::leak(parts.concat().into_boxed_slice())).collect()
}

/// A message as a maildir keeps it: lines end in LF.
fn stored(message: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut bytes = message.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\r' && bytes.peek() == Some(&b'\n') {
            continue;
        }
        text.push(if byte == b'\r' { b'\n' } else { byte });
    }
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    text
}

/// The first line, by which a message is found again.
fn mark(message: &[u8]) -> &[u8] {
    let end = message.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap();
    &message[..end]
}

/// Sends every awkward message to that mailbox and compares what was delivered.
fn awkward_messages(client: &mut Client, server: &instance::Instance, mailbox: &str) {
    let to = format!("{mailbox}@example.test");
    for message in awkward() {
        send(client, &[&to], message, &[]).unwrap();
    }
    for message in awkward() {
        let content = server.delivered(mailbox, mark(message));
        assert!(
            content == stored(message),
            "{}: {} bytes became {}, from byte {} on",
            String::from_utf8_lossy(mark(message)),
            message.len(),
            content.len(),
            content.iter().zip(stored(message)).take_while(|(a, b)| **a == *b).count()
        );
    }
    send(client, &[&to], b"", &[]).unwrap();
    let empty = server.found(mailbox, |content| !content.starts_with(b"Mark"));
    assert_eq!(empty.expect("the empty message"), b"\n");
}
