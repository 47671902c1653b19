//! Login: mechanisms in order, challenges, refusals, and the guard over passwords in clear.

use smtpclient::client::{Mechanism, Secret};

use super::*;
use crate::support::Script;

const EHLO: &str = "250-x\r\n250 AUTH PLAIN LOGIN CRAM-MD5 X-OWN";

fn offering(line: &str) -> Script {
    Script::new().reply("220 x").expect("EHLO").reply(line)
}

#[test]
fn login_with_each_mechanism() {
    for mechanisms in ["PLAIN", "LOGIN", "CRAM-MD5", "PLAIN LOGIN CRAM-MD5"] {
        for initial in [true, false] {
            let server =
                Server::engine(Engine::new().user("alice", "p\u{e4}ss").mechanisms(mechanisms));
            let mut client = connected(&server);
            client.set_initial_response(initial);
            client.login("alice", "p\u{e4}ss").unwrap();
            assert_eq!(client.reply().code(), 235);
            client.quit().unwrap();
            let record = server.finish();
            assert_eq!(record.connections[0].login.as_deref(), Some("alice"), "{mechanisms}");
        }
    }
}

#[test]
fn wrong_password_after_every_mechanism() {
    let server =
        Server::engine(Engine::new().user("alice", "right").mechanisms("CRAM-MD5 PLAIN LOGIN"));
    let mut client = connected(&server);
    kind(client.login("alice", "wrong"), ErrorKind::Authentication, "AUTH LOGIN: 535");
    // The connection goes on.
    client.login("alice", "right").unwrap();
    client.quit().unwrap();
    let lines = server.finish().lines();
    let tried: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("AUTH ")).collect();
    assert!(tried[0].starts_with("CRAM-MD5") && tried[1].starts_with("PLAIN"), "{tried:?}");
    assert!(tried[2].starts_with("LOGIN") && tried[3].starts_with("CRAM-MD5"), "{tried:?}");
}

#[test]
fn what_cannot_be_done() {
    let server = Server::engine(Engine::basic());
    kind(connected(&server).login("a", "b"), ErrorKind::NotSupported, "does not offer");
    let server = Server::script(offering("250-x\r\n250 AUTH GSSAPI"));
    let mut client = connected(&server);
    kind(client.login("a", "b"), ErrorKind::NoMechanism, "GSSAPI");
    kind(client.set_auth_mechanisms("GSSAPI"), ErrorKind::NotSupported, "CRAM-MD5");
    kind(client.auth_builtin("PLAIN", "a", "b"), ErrorKind::NoMechanism, "GSSAPI");
    kind(client.auth_builtin("GSSAPI", "a", "b"), ErrorKind::NotSupported, "");
}

/// A server that refuses and hangs up has refused: the caller must not try for ever.
#[test]
fn a_refusal_before_the_end_of_the_connection_is_reported() {
    let script = offering("250-x\r\n250 AUTH CRAM-MD5 PLAIN")
        .expect("AUTH CRAM-MD5")
        .reply("535 5.7.8 wrong password")
        .close();
    let server = Server::script(script);
    let mut client = connected(&server);
    kind(client.login("a", "b"), ErrorKind::Authentication, "535 5.7.8 wrong password; then");
    assert!(!client.is_connected());
    server.finish_unchecked();
}

#[test]
fn mechanisms_may_be_narrowed_and_ordered() {
    let server =
        Server::engine(Engine::new().user("alice", "x").mechanisms("CRAM-MD5 PLAIN LOGIN"));
    let mut client = connected(&server);
    client.set_auth_mechanisms("login plain").unwrap();
    client.login("alice", "x").unwrap();
    client.quit().unwrap();
    assert!(server.finish().lines()[1].starts_with("AUTH LOGIN "));
}

#[test]
fn replies_to_auth() {
    let cases: &[(&str, Option<ErrorKind>)] = &[
        ("235 2.7.0 ok", None),
        ("503 5.5.1 already", None),
        ("535 5.7.8 no", Some(ErrorKind::Authentication)),
        ("454 4.7.0 later", Some(ErrorKind::Authentication)),
        ("421 4.3.2 bye", Some(ErrorKind::Authentication)),
        ("250 odd", Some(ErrorKind::Authentication)),
    ];
    for (reply, expected) in cases {
        let server = Server::script(
            offering("250-x\r\n250 AUTH PLAIN").expect("AUTH PLAIN AGEAYg==").reply(reply),
        );
        let mut client = connected(&server);
        let result = client.login("a", "b");
        assert_eq!(result.as_ref().err().map(|error| error.kind()), *expected, "{reply}");
        assert_eq!(client.is_connected(), !reply.starts_with("421"));
    }
}

#[test]
fn a_long_credential_follows_the_334() {
    let token: &'static str = Box::leak("t".repeat(2000).into_boxed_str());
    let server = Server::engine(Engine::new().user("alice", token).mechanisms("PLAIN"));
    let mut client = connected(&server);
    client.login("alice", token).unwrap();
    client.quit().unwrap();
    assert_eq!(server.finish().lines()[1], "AUTH PLAIN");
}

#[test]
fn challenges_that_cannot_be_answered_are_cancelled() {
    let endless = (0..40)
        .fold(offering("250-x\r\n250 AUTH LOGIN").expect("AUTH LOGIN "), |s, _| {
            s.reply("334 VXNlcg==").any_line()
        });
    let server = Server::script(endless);
    kind(connected(&server).login("a", "b"), ErrorKind::Authentication, "challenges");
    server.finish_unchecked();

    let script = offering("250-x\r\n250 AUTH CRAM-MD5 PLAIN")
        .expect("AUTH CRAM-MD5")
        .reply("334 not base64!")
        .expect("*")
        .reply("501 cancelled")
        .expect("NOOP")
        .reply("250 n");
    let server = Server::script(script);
    let mut client = connected(&server);
    // A weaker mechanism would be no answer: the server refused nothing.
    kind(client.login("a", "b"), ErrorKind::Authentication, "base64");
    assert_eq!(client.noop().unwrap(), 250);
}

struct Own(Vec<Result<Option<&'static str>>>);

impl Mechanism for Own {
    fn name(&self) -> &str {
        "X-OWN"
    }
    fn is_plaintext(&self) -> bool {
        true
    }
    fn step(&mut self, _: Option<&[u8]>) -> Result<Option<Secret>> {
        let next = self.0.remove(0)?;
        Ok(next.map(|text| Secret::from(text.as_bytes().to_vec())))
    }
}

#[test]
fn auth_objects() {
    let cancel =
        || Err(smtpclient::error::Error::new(ErrorKind::Authentication, "changed my mind"));
    let cases: Vec<(Own, Script, Option<&str>)> = vec![
        (Own(vec![Ok(Some("hi"))]), offering(EHLO).expect("AUTH X-OWN aGk=").reply("235 ok"), None),
        (Own(vec![Ok(Some(""))]), offering(EHLO).expect("AUTH X-OWN =").reply("235 ok"), None),
        (
            Own(vec![Ok(None), Ok(Some("later"))]),
            offering(EHLO).expect("AUTH X-OWN").reply("334 ").expect("bGF0ZXI=").reply("235 ok"),
            None,
        ),
        (
            Own(vec![Ok(None), Ok(None)]),
            offering(EHLO).expect("AUTH X-OWN").reply("334 ").expect("").reply("235 ok"),
            None,
        ),
        (
            Own(vec![Ok(None), cancel()]),
            offering(EHLO).expect("AUTH X-OWN").reply("334 ").expect("*").reply("501 as you like"),
            Some("changed my mind"),
        ),
        (Own(vec![cancel()]), offering(EHLO), Some("changed my mind")),
    ];
    for (own, script, expected) in cases {
        let server = Server::script(script);
        let mut client = connected(&server);
        match (client.auth(Box::new(own)), expected) {
            (Ok(()), None) => {}
            (Err(error), Some(words)) => assert!(error.message().contains(words), "{error}"),
            (result, _) => panic!("{result:?} but expected {expected:?}"),
        }
        assert!(client.is_connected());
    }
}

#[test]
fn an_echoed_credential_is_hidden() {
    let server = Server::script(
        offering("250-x\r\n250 AUTH PLAIN")
            .expect("AUTH PLAIN")
            .reply("535 bad line: AUTH PLAIN AGFsaWNlAHNlc2FtZQ=="),
    );
    let error = connected(&server).login("alice", "sesame").unwrap_err();
    assert!(error.message().contains("***") && !error.message().contains("AGFsaWNl"), "{error}");
}
