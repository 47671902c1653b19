//! The client against Postfix and Dovecot, started as temporary instances on loopback with their
//! own configuration, queue and mailboxes. What was delivered is read back byte for byte.

mod dovecot;
mod instance;
mod lmtp;
mod postfix;
mod smtp;

#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use smtpclient::client::{Client, Mail, Protocol, TimeoutPolicy};
use smtpclient::error::Result;

fn client(protocol: Protocol) -> Client {
    let mut client = Client::new(protocol).unwrap();
    client.set_timeout(TimeoutPolicy::After(Duration::from_secs(30)));
    client.set_local_hostname("client.example").unwrap();
    client
}

fn send(client: &mut Client, to: &[&str], message: &'static [u8], options: &[&str]) -> Result<()> {
    client.sendmail(&Mail {
        from: Some("sender@example.org"),
        to: Some(to),
        message,
        mail_options: options,
        rcpt_options: &[],
    })
}

/// Messages that servers and clients get wrong, each beginning with a header to find it by.
fn awkward() -> Vec<&'static [u8]> {
    let long = format!("Mark: long\r\n\r\n{}\r\n", "x".repeat(998));
    let large =
        format!("Mark: large\r\n\r\n{}", "0123456789 some text\r\n.a dot\r\n".repeat(35_000));
    let texts = [
        "Mark: dots\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\n",
        "Mark: open end\r\n\r\nno line end",
        "Mark: bare LF\n\nline\n.\nline\n",
        "Mark: bare CR\r\n\r\none\rtwo\r.\rthree\r\n",
        "Mark: 8 bit\r\n\r\n\u{e9}\u{1f600} \u{f6}\r\n",
        "Mark: no body\r\n\r\n",
        &long,
        &large,
    ];
    texts.iter().map(|text| &*Box::leak(text.as_bytes().to_vec().into_boxed_slice())).collect()
}

/// A message as a maildir keeps it.
fn stored(message: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if text.ends_with('\n') { text.into_bytes() } else { (text + "\n").into_bytes() }
}

/// The first line, by which a message is found again.
fn mark(message: &[u8]) -> &[u8] {
    let end = message.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap();
    &message[..end]
}
