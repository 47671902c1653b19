//! STARTTLS and TLS from the first byte, and every certificate that must be refused.

use smtpclient::client::{TlsVersion, Verify};

use super::*;
use crate::support::{Kind, Script, ServerTls, client_identity};

fn server(tls: ServerTls, implicit: bool) -> Server {
    let builder = Server::builder().engine(Engine::new().user("alice", "x"));
    if implicit { builder.implicit_tls(tls).start() } else { builder.tls(tls).start() }
}

/// Connects to `host` with TLS of either kind.
fn secure(server: &Server, policy: TlsPolicy, host: &str, implicit: bool) -> Result<Client> {
    let mut client = client(if implicit { Protocol::Smtps } else { Protocol::Smtp });
    client.set_tls(policy);
    client.connect(host, server.port())?;
    if !implicit {
        client.starttls()?;
    }
    Ok(client)
}

#[test]
fn certificates() {
    let cases: &[(Kind, &str, Option<&str>)] = &[
        (Kind::Valid, "localhost", None),
        (Kind::Valid, "127.0.0.1", None),
        (Kind::Intermediate, "localhost", None),
        (Kind::IpSan, "127.0.0.1", None),
        (Kind::IpSan, "localhost", Some("host name")),
        (Kind::NameSan, "localhost", None),
        (Kind::NameSan, "127.0.0.1", Some("host")),
        (Kind::Expired, "localhost", Some("expired")),
        (Kind::NotYetValid, "localhost", Some("not yet valid")),
        (Kind::SelfSigned, "localhost", Some("self-signed")),
        (Kind::OtherHost, "localhost", Some("host")),
        (Kind::UnknownCa, "localhost", Some("issuer")),
        (Kind::NoSan, "localhost", Some("subject alternative name")),
        (Kind::ClientPurpose, "localhost", Some("purpose")),
    ];
    for (certificate, host, fault) in cases {
        for implicit in [false, true] {
            let server = server(ServerTls::new(*certificate), implicit);
            let result = secure(&server, trusting(), host, implicit);
            match (result, fault) {
                (Ok(mut client), None) => {
                    assert!(client.is_encrypted() && client.peer_certificate().is_some());
                    send(&mut client, &["a@x.example"], b"secret\r\n").unwrap();
                    client.login("alice", "x").unwrap();
                    assert_eq!(client.quit().unwrap(), 221);
                    assert!(server.finish().messages()[0].encrypted);
                }
                (Err(error), Some(words)) => {
                    assert_eq!(error.kind(), ErrorKind::Tls, "{certificate:?}: {error}");
                    assert!(error.message().contains(words), "{certificate:?}: {error}");
                    assert!(!error.message().contains(".c:"), "{error}");
                }
                (result, _) => panic!(
                    "{certificate:?} {host}: {:?}",
                    result.map(|_| ()).map_err(|e| e.to_string())
                ),
            }
        }
    }
}

#[test]
fn weaker_verification_by_name() {
    let server = server(ServerTls::new(Kind::OtherHost), true);
    let mut policy = trusting();
    policy.set_server_name("other.example").unwrap();
    secure(&server, policy, "localhost", true).unwrap();
    let mut policy = trusting();
    policy.set_verify(Verify::Certificate);
    secure(&server, policy, "localhost", true).unwrap();
    let server = self::server(ServerTls::new(Kind::SelfSigned), false);
    let mut policy = trusting();
    policy.set_verify(Verify::None);
    secure(&server, policy, "localhost", false).unwrap();
}

#[test]
fn versions() {
    let cases = [
        (ServerTls::new(Kind::Valid).tls12(), None, None, true),
        (ServerTls::new(Kind::Valid).tls13(), None, None, true),
        (ServerTls::new(Kind::Valid).old(), None, None, false),
        (ServerTls::new(Kind::Valid).tls12(), Some(TlsVersion::Tls13), None, false),
        (ServerTls::new(Kind::Valid).tls13(), None, Some(TlsVersion::Tls12), false),
    ];
    for (tls, least, most, works) in cases {
        let server = server(tls, true);
        let mut policy = trusting();
        least.into_iter().for_each(|version| policy.set_min_version(version));
        most.into_iter().for_each(|version| policy.set_max_version(version));
        match secure(&server, policy, "localhost", true) {
            Ok(_) => assert!(works),
            Err(error) => assert!(!works && error.kind() == ErrorKind::Tls, "{error}"),
        }
    }
}

#[test]
fn client_certificates() {
    let identity = client_identity();
    let folder = support::TempDir::new("client-certificates");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let certificate = file("client.pem", &identity.certificate_pem);
    for key in [&identity.key_pkcs8, &identity.key_traditional] {
        let server = server(ServerTls::new(Kind::Valid).require_client(), true);
        let mut policy = trusting();
        policy.set_client_certificate(&certificate, Some(&file("key.pem", key))).unwrap();
        let mut client = secure(&server, policy, "localhost", true).unwrap();
        assert_eq!(client.quit().unwrap(), 221);
    }
    // The server says so only after the handshake (TLS 1.3).
    for tls in [ServerTls::new(Kind::Valid).tls13(), ServerTls::new(Kind::Valid).tls12()] {
        let server = server(tls.require_client(), true);
        let error = secure(&server, trusting(), "localhost", true).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    }
    let mut policy = trusting();
    for (certificate, key) in [
        ("/nonexistent", None),
        (certificate.as_str(), None),
        (certificate.as_str(), Some("/dev/null")),
    ] {
        kind(policy.set_client_certificate(certificate, key), ErrorKind::InvalidArgument, "");
    }
    kind(policy.add_ca_pem(b"no certificate"), ErrorKind::InvalidArgument, "PEM");
    kind(policy.set_client_pkcs12(b"junk", ""), ErrorKind::InvalidArgument, "PKCS#12");
}

#[test]
fn starttls_refused_or_missing() {
    let server = Server::engine(Engine::basic());
    kind(connected(&server).starttls(), ErrorKind::NotSupported, "does not offer");
    for (reply, expected) in [
        ("454 4.7.0 not now", ErrorKind::Response),
        ("250 what?", ErrorKind::Response),
        ("421 4.3.2 bye", ErrorKind::Response),
    ] {
        let script = Script::new()
            .reply("220 x")
            .expect("EHLO")
            .reply("250-x\n250 STARTTLS")
            .expect("STARTTLS")
            .reply(reply);
        let server = Server::script(script);
        let mut client = connected(&server);
        kind(client.starttls(), expected, reply);
        assert!(!client.is_encrypted());
        assert_eq!(client.is_connected(), !reply.starts_with("421"));
    }
    let server = self::server(ServerTls::new(Kind::Valid), false);
    let mut client = secure(&server, trusting(), "localhost", false).unwrap();
    assert!(!client.does_esmtp(), "what EHLO said before TLS does not count");
    kind(client.starttls(), ErrorKind::Misuse, "already");
}

#[test]
fn bytes_behind_the_reply_are_an_injection() {
    for injected in ["220 go\r\n250 injected\r\n", "220 go\r\n\r\n", "220 go\r\n2", "220 go\r\nx"] {
        let script = Script::new()
            .reply("220 x")
            .expect("EHLO")
            .reply("250-x\n250 STARTTLS")
            .expect("STARTTLS")
            .send(injected);
        let server = Server::script(script);
        let mut client = connected(&server);
        client.set_tls(trusting());
        kind(client.starttls(), ErrorKind::Protocol, "injected");
        assert!(!client.is_connected());
    }
}

#[test]
fn a_handshake_that_fails_or_never_ends() {
    let upto = || {
        Script::new()
            .reply("220 x")
            .expect("EHLO")
            .reply("250-x\n250 STARTTLS")
            .expect("STARTTLS")
            .reply("220 go")
    };
    for (script, expected) in [
        (upto().read_bytes(10).close(), ErrorKind::Tls),
        (upto().read_bytes(10).send("this is not TLS\r\n").close(), ErrorKind::Tls),
        (upto().mute(), ErrorKind::Timeout),
    ] {
        let server = Server::script(script);
        let mut client = connected(&server);
        client.set_timeout(TimeoutPolicy::After(Duration::from_millis(1500)));
        let error = client.starttls().unwrap_err();
        assert_eq!(error.kind(), expected, "{error}");
        assert!(!client.is_connected());
    }
}

#[test]
fn large_messages_and_batches_under_tls() {
    let large: &'static [u8] =
        Box::leak(b"0123456789abcdef\r\n".repeat(1 << 18).into_boxed_slice());
    for tickets in [0, 2, 8] {
        let server = server(ServerTls::new(Kind::Valid).tickets(tickets), true);
        let mut client = secure(&server, trusting(), "localhost", true).unwrap();
        for _ in 0..3 {
            send(&mut client, &["a@x.example"], large).unwrap();
            send(&mut client, &["a@x.example"], b"small").unwrap();
        }
        client.set_chunking(false);
        send(&mut client, &["a@x.example"], large).unwrap();
        assert_eq!(client.quit().unwrap(), 221);
        let messages = server.finish().messages();
        assert_eq!(messages.len(), 7);
        assert!(messages[6].content == large);
    }
}
