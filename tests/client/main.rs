//! The client against scripted and strict servers, one module a subject. tests/client_stepped.rs
//! and tests/client_random.rs are the same in an event loop.

mod auth;
mod codes;
mod command;
mod connect;
mod elsewhere;
mod fault;
mod lmtp;
mod mail;
mod oauth;
mod open;
mod probe;
mod reopen;
mod time;
mod tls;

#[path = "../support/mod.rs"]
pub mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use smtpclient::client::{DebugSink, Direction, Mail, Protocol, TimeoutPolicy, TlsPolicy};
use smtpclient::error::{ErrorKind, Result};
use support::{Client, Engine, Server, authority};

/// A client that gives up before a test runner does.
fn client(protocol: Protocol) -> Client {
    let mut client = Client::new(protocol).unwrap();
    client.set_timeout(TimeoutPolicy::After(Duration::from_secs(20)));
    client.set_local_hostname("client.example").unwrap();
    client
}

fn connected(server: &Server) -> Client {
    let mut client = client(Protocol::Smtp);
    client.connect(&server.address(), 0).unwrap();
    client
}

/// What a client shows of its connections.
#[derive(Clone, Default)]
struct Transcript(Arc<Mutex<Vec<u8>>>);

impl DebugSink for Transcript {
    fn trace(&mut self, _: Direction, bytes: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(bytes);
    }
}

/// Trusts the tests' authority alone.
fn trusting() -> TlsPolicy {
    let mut policy = TlsPolicy::default();
    policy.set_system_roots(false);
    policy.add_ca_pem(authority().pem.as_bytes()).unwrap();
    policy
}

fn send(client: &mut Client, to: &[&str], message: &'static [u8]) -> Result<()> {
    send_with(client, to, message, &[], &[])
}

fn send_with(
    client: &mut Client,
    to: &[&str],
    message: &'static [u8],
    mail_options: &[&str],
    rcpt_options: &[&str],
) -> Result<()> {
    let from = Some("from@example.org");
    client.sendmail(&Mail { from, to: Some(to), message, mail_options, rcpt_options })
}

/// The class of the error, and its message for a failed assertion.
#[track_caller]
fn kind<T: std::fmt::Debug>(result: Result<T>, expected: ErrorKind, words: &str) {
    let error = result.expect_err("the call must fail");
    assert_eq!(error.kind(), expected, "{error}");
    assert!(error.message().contains(words), "{error}\nlacks: {words}");
}

fn engine() -> Server {
    Server::engine(Engine::new())
}
