//! Probing with credentials: by password, and by a source's token.

use std::any::Any;

use smtpclient::client::{TokenOwner, TokenRequest, TokenSource};
use smtpclient::error::Error;

use super::*;
use crate::support::Proof;

#[test]
fn logins_that_are_refused() {
    let cases: [(Engine, ErrorKind, &[Mistake]); 9] = [
        (users().user("me@x", "other"), ErrorKind::Authentication, &[Mistake::Password]),
        (
            users().answer("AUTH", 0, "534 5.7.9 Application-specific password required"),
            ErrorKind::Authentication,
            &[Mistake::AppPassword],
        ),
        (
            users().answer("AUTH", 0, "535 5.7.139 SmtpClientAuthentication is disabled"),
            ErrorKind::Authentication,
            &[Mistake::OAuth],
        ),
        (
            users().answer("AUTH", 0, "550 5.7.30 Basic authentication is not supported"),
            ErrorKind::Authentication,
            &[Mistake::OAuth],
        ),
        (
            users().mechanisms("SCRAM-SHA-256 PLAIN").proof(Proof::Wrong),
            ErrorKind::Authentication,
            &[Mistake::Impostor],
        ),
        (
            users().mechanisms("SCRAM-SHA-256 PLAIN").proof(Proof::Missing),
            ErrorKind::Authentication,
            &[Mistake::Impostor],
        ),
        (users().mechanisms("XOAUTH2 OAUTHBEARER"), ErrorKind::NoMechanism, &[Mistake::OAuth]),
        (users().without("AUTH"), ErrorKind::NotSupported, &[Mistake::NoLogin]),
        (
            users().answer("AUTH", 0, "454 4.7.0 s3cr3t-4711 not now"),
            ErrorKind::Authentication,
            &[Mistake::Later],
        ),
    ];
    for (engine, kind, expected) in cases {
        let server = Server::engine(engine);
        let password = if expected == [Mistake::Password] { "wrong" } else { PASSWORD };
        let mut client = client_of("smtp+starttls://localhost:PORT", &server, Some(password));
        let (report, record) = probed(&mut client, server);
        finds(&report, kind, expected);
        assert_eq!(report.phase, Phase::Login);
        assert_eq!(report.text(Fact::Login), report.text(Fact::Error));
        let verbs = record.connections[0].verbs();
        match expected {
            [Mistake::Impostor] => {
                assert_eq!(verbs.iter().filter(|verb| *verb == "AUTH").count(), 1)
            }
            _ => assert_eq!(verbs.last().unwrap(), "QUIT"),
        }
    }
}

#[test]
fn a_login_that_is_for_encrypted_connections() {
    let server = Server::engine(users().auth_needs_tls());
    let mut client = client_of("smtp://localhost:PORT", &server, Some(PASSWORD));
    let (report, _) = probed(&mut client, server);
    finds(&report, ErrorKind::NotSupported, &[Mistake::LoginNeedsTls]);
}

/// Has that token, or none, or is late.
struct Owner(Option<&'static str>, Duration);

impl TokenOwner for Owner {
    fn ask(&self, request: TokenRequest) -> Result<Box<dyn Any + Send>> {
        let (token, delay) = (self.0, self.1);
        let answer = move || {
            thread::sleep(delay);
            let none = || Error::new(ErrorKind::Authentication, "no network");
            let _ = request.answer(token.map(|token| (token.into(), None)).ok_or_else(none));
        };
        thread::spawn(answer);
        Ok(Box::new(()))
    }
}

#[test]
fn logins_by_a_source() {
    let (now, late) = (Duration::ZERO, Duration::from_millis(1500));
    let engine = || Engine::new().user("me@x", "ya29.right").mechanisms("PLAIN XOAUTH2");
    let disabled = "535 5.7.139 SmtpClientAuthentication is disabled for the Tenant";
    let cases: [(Engine, Owner, ErrorKind, Mistake); 5] = [
        (engine(), Owner(None, now), ErrorKind::Authentication, Mistake::NoToken),
        (engine(), Owner(Some("ya29.right"), late), ErrorKind::Timeout, Mistake::NoToken),
        (engine(), Owner(Some("ya29.wrong"), now), ErrorKind::Authentication, Mistake::Token),
        (
            engine().answer("AUTH", 0, disabled),
            Owner(Some("ya29.right"), now),
            ErrorKind::Authentication,
            Mistake::NoLogin,
        ),
        (
            engine().mechanisms("PLAIN"),
            Owner(Some("ya29.right"), now),
            ErrorKind::NoMechanism,
            Mistake::Mechanism,
        ),
    ];
    for (engine, owner, kind, expected) in cases {
        let server = Server::engine(engine);
        let mut client = client_of("smtp+starttls://localhost:PORT", &server, None);
        if owner.1 > now {
            client.set_timeout(TimeoutPolicy::After(late / 2));
        }
        client.set_token_source(Some("me@x"), Some(TokenSource::new(Box::new(owner)))).unwrap();
        let (report, _) = probed(&mut client, server);
        finds(&report, kind, &[expected]);
        assert!(report.by_token && report.phase == Phase::Login);
    }
}
