//! Opening in one call: what goes over the wire under each security, what fails, and where.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use smtpclient::client::{Audit, DebugSink, Direction, Security};

use super::*;
use crate::support::{Kind, Script, ServerTls, closed_port};

/// Stands in no error and no transcript, in this or any other spelling.
const PASSWORD: &str = "s3cr3t-4711";

/// The same in base64, behind the NUL of PLAIN.
const ENCODED: &str = "czNjcjN0LTQ3MT";

/// One who has set the URL, in which `PORT` is the server's, and the password if it names a user.
fn client_of(url: &str, server: &Server) -> Client {
    let mut client = client(Protocol::Smtp);
    client.set_tls(trusting());
    client.set_url(&url.replace("PORT", &server.port().to_string())).unwrap();
    client
}

fn users() -> Engine {
    Engine::new().user("me@x", PASSWORD).mechanisms("PLAIN")
}

fn tls() -> ServerTls {
    ServerTls::new(Kind::Valid)
}

/// Keeps a transcript.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    fn by(client: &mut Client) -> Seen {
        let seen = Seen::default();
        client.set_debug_sink(Some(Box::new(seen.clone())));
        seen
    }

    #[track_caller]
    fn shows_no_secret(&self, also: &str) {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned() + also;
        assert!(!text.contains(PASSWORD) && !text.contains(ENCODED), "{text}");
    }
}

impl DebugSink for Seen {
    fn trace(&mut self, _: Direction, bytes: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(bytes);
    }
}

/// A scheme, its server, the same set apart, whether it is encrypted, and the verbs before AUTH.
struct Way {
    scheme: &'static str,
    protocol: Protocol,
    security: Security,
    start: fn() -> Server,
    encrypted: bool,
    verbs: &'static [&'static str],
}

fn ways() -> [Way; 5] {
    [
        Way {
            scheme: "smtp",
            protocol: Protocol::Smtp,
            security: Security::Auto,
            start: || Server::engine(users()),
            encrypted: false,
            verbs: &["EHLO"],
        },
        Way {
            scheme: "smtp+starttls",
            protocol: Protocol::Smtp,
            security: Security::StartTls,
            start: || Server::engine(users()),
            encrypted: true,
            verbs: &["EHLO", "STARTTLS", "EHLO"],
        },
        Way {
            scheme: "smtps",
            protocol: Protocol::Smtp,
            security: Security::Tls,
            start: || Server::builder().implicit_tls(tls()).engine(users()).start(),
            encrypted: true,
            verbs: &["EHLO"],
        },
        Way {
            scheme: "lmtp",
            protocol: Protocol::Lmtp,
            security: Security::Auto,
            start: || Server::builder().engine(users().into_lmtp()).start(),
            encrypted: false,
            verbs: &["LHLO"],
        },
        Way {
            scheme: "lmtp+unix",
            protocol: Protocol::Lmtp,
            security: Security::Auto,
            start: || Server::builder().unix().engine(users().into_lmtp()).start(),
            encrypted: false,
            verbs: &["LHLO"],
        },
    ]
}

#[test]
fn every_scheme_and_the_same_apart() {
    for way in ways() {
        for (by_url, logs_in) in [(true, false), (true, true), (false, false), (false, true)] {
            let what = format!("{}, by URL: {by_url}, logs in: {logs_in}", way.scheme);
            let server = (way.start)();
            let (is_path, port) = (server.port() == 0, server.port());
            let mut client = client(if by_url { Protocol::Smtp } else { way.protocol });
            client.set_tls(trusting());
            let seen = Seen::by(&mut client);
            match (by_url, is_path) {
                (true, true) => {
                    client.set_url(&format!("{}://{}", way.scheme, server.host())).unwrap();
                }
                (true, false) => {
                    let who = if logs_in { "me%40x:s3cr3t%2D4711@" } else { "" };
                    client.set_url(&format!("{}://{who}localhost:{port}", way.scheme)).unwrap();
                }
                (false, true) => client.set_host(&server.host(), 0).unwrap(),
                (false, false) => client.set_host("localhost", port).unwrap(),
            }
            if !by_url {
                client.set_security(way.security).unwrap();
            }
            if logs_in && (is_path || !by_url) {
                client.set_credentials(Some("me@x"), Some(PASSWORD)).unwrap();
            }
            client.open().unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(client.is_encrypted(), way.encrypted, "{what}");
            send(&mut client, &["a@x.example"], b"hello").unwrap();
            client.quit().unwrap();
            let connection = server.finish().connections.swap_remove(0);
            let mut verbs = way.verbs.to_vec();
            verbs.extend(logs_in.then_some("AUTH"));
            assert_eq!(connection.verbs()[..verbs.len()], verbs, "{what}");
            assert_eq!(connection.verbs()[verbs.len()], "MAIL", "{what}");
            assert_eq!(connection.login.is_some(), logs_in, "{what}");
            assert_eq!(connection.messages[0].encrypted, way.encrypted, "{what}");
            seen.shows_no_secret("");
        }
    }
}

#[test]
fn a_client_made_for_smtps_needs_no_more() {
    let server = (ways()[2].start)();
    let mut client = client(Protocol::Smtps);
    client.set_tls(trusting());
    client.set_host("localhost", server.port()).unwrap();
    kind(client.set_security(Security::StartTls), ErrorKind::InvalidArgument, "SMTPS");
    client.open().unwrap();
    assert!(client.is_encrypted());
    assert_eq!(server.record().lines(), ["EHLO client.example"]);
}

/// Up to the reply to EHLO, byte for byte.
fn greeted_by(reply: &str) -> Script {
    Script::new().reply("220 x").expect_bytes("EHLO client.example\r\n").reply(reply)
}

fn offering(line: &str) -> Script {
    greeted_by(&format!("250-x\n250-AUTH PLAIN\n250 {line}"))
}

fn starting() -> Script {
    offering("STARTTLS").expect_bytes("STARTTLS\r\n")
}

/// The handshake fails if anything but STARTTLS went before it.
#[test]
fn nothing_but_ehlo_and_starttls_goes_in_clear() {
    let server =
        Server::script(starting().reply("220 go").start_tls().serve(users().without("STARTTLS")));
    let mut client = client_of("smtp+starttls://me%40x@localhost:PORT", &server);
    client.set_credentials(Some("me@x"), Some(PASSWORD)).unwrap();
    client.open().unwrap();
    assert!(client.is_encrypted() && !client.has_extension("STARTTLS"));
    client.close();
    let connection = server.finish().connections.swap_remove(0);
    assert_eq!(connection.login.as_deref(), Some("me@x"));
}

#[test]
fn starttls_that_does_not_come_about() {
    let both = &[Security::StartTls, Security::Opportunistic][..];
    let needed = &both[..1];
    let broken = "this is no TLS\r\n";
    let cases = [
        (needed, offering("SIZE"), ErrorKind::NotSupported, "STARTTLS"),
        (needed, greeted_by("502 no"), ErrorKind::Helo, "EHLO: 502 no"),
        (both, greeted_by("421 4.3.2 bye"), ErrorKind::Helo, "EHLO: 421 4.3.2 bye"),
        (both, starting().reply("454 4.7.0 not now"), ErrorKind::Response, "STARTTLS: "),
        (both, starting().reply("250 what?"), ErrorKind::Response, "250 what?"),
        (both, starting().reply("421 4.3.2 bye"), ErrorKind::Response, "421 4.3.2 bye"),
        (both, starting().send("220 go\r\n250-x\r\n250 AUTH"), ErrorKind::Protocol, "injected"),
        (both, starting().send("220 go\r\n2"), ErrorKind::Protocol, "injected"),
        (
            both,
            starting().reply("220 go").read_bytes(10).send(broken).half_close(),
            ErrorKind::Tls,
            "TLS",
        ),
        (both, starting().reply("220 go").read_bytes(10).cut(), ErrorKind::Tls, "TLS"),
    ];
    for (securities, script, expected, words) in cases {
        for security in securities {
            // What comes behind is an alert at most, and none of it in clear.
            let script = if expected == ErrorKind::Tls {
                script.clone()
            } else {
                script.clone().expect_end()
            };
            let server = Server::script(script);
            let mut client = client_of("smtp://localhost:PORT", &server);
            client.set_security(*security).unwrap();
            client.set_credentials(Some("me@x"), Some(PASSWORD)).unwrap();
            let seen = Seen::by(&mut client);
            let result = client.open();
            seen.shows_no_secret(&format!("{result:?}"));
            kind(result, expected, words);
            assert!(!client.is_connected() && !client.is_encrypted(), "{words}");
            let record = server.finish();
            assert_eq!(record.connections.len(), 1, "{words}");
            let sent = String::from_utf8_lossy(&record.connections[0].received).into_owned();
            assert!(!sent.contains("AUTH") && !sent.contains("HELO"), "{sent}");
        }
    }
}

#[test]
fn opportunistic_takes_what_is_offered() {
    for offered in [true, false] {
        let engine = if offered { users() } else { users().without("STARTTLS") };
        let server = Server::engine(engine);
        let mut client = client_of("smtp://localhost:PORT", &server);
        client.set_security(Security::Opportunistic).unwrap();
        client.open().unwrap();
        assert_eq!(client.is_encrypted(), offered);
        let verbs: &[&str] = if offered { &["EHLO", "STARTTLS", "EHLO"] } else { &["EHLO"] };
        client.close();
        assert_eq!(server.finish().connections[0].verbs(), verbs);
    }
}

/// The host is whom the certificate must be for, wherever the connection goes.
#[test]
fn given_addresses_leave_the_name() {
    for (certificate, host, fault) in [
        (Kind::OtherHost, "other.example", None),
        (Kind::Valid, "other.example", Some("host")),
        (Kind::Valid, "localhost", None),
        (Kind::UnknownCa, "localhost", Some("issuer")),
    ] {
        for implicit in [false, true] {
            let builder = Server::builder().engine(users());
            let own = ServerTls::new(certificate);
            let server =
                if implicit { builder.implicit_tls(own) } else { builder.tls(own) }.start();
            let scheme = if implicit { "smtps" } else { "smtp+starttls" };
            let mut client = client_of(&format!("{scheme}://{host}:PORT"), &server);
            // Port 1 of the first is closed to all: its port is the host's.
            client.set_addresses(&["::1", "127.0.0.1"]).unwrap();
            client.set_credentials(Some("me@x"), Some(PASSWORD)).unwrap();
            match fault {
                None => client.open().unwrap(),
                Some(words) => kind(client.open(), ErrorKind::Tls, words),
            }
            assert_eq!(client.is_connected(), fault.is_none());
            client.close();
            let connection = server.finish_unchecked().connections.swap_remove(0);
            assert_eq!(connection.login.is_none(), fault.is_some());
            let name = connection.tls.and_then(|facts| facts.server_name);
            assert!(fault.is_some() || name.as_deref() == Some(host), "{name:?}");
        }
    }
}

#[test]
fn a_login_that_fails_leaves_no_connection() {
    let bad = "another-s3cr3t-4711";
    for (engine, password, expected, words) in [
        (users(), bad, ErrorKind::Authentication, "535"),
        (users().without("AUTH"), PASSWORD, ErrorKind::NotSupported, "AUTH"),
        (users().mechanisms("GSSAPI"), PASSWORD, ErrorKind::NoMechanism, "GSSAPI"),
        (
            users().answer("AUTH", 1, "535 5.7.8 \0me@x\0s3cr3t-4711 is wrong"),
            PASSWORD,
            ErrorKind::Protocol,
            "AUTH",
        ),
        (
            users().answer("AUTH", 1, "535 5.7.8 s3cr3t-4711 is wrong"),
            PASSWORD,
            ErrorKind::Authentication,
            "is wrong",
        ),
    ] {
        let server = Server::engine(engine);
        let mut client = client_of("smtp+starttls://localhost:PORT", &server);
        client.set_credentials(Some("me@x"), Some(password)).unwrap();
        let seen = Seen::by(&mut client);
        let result = client.open();
        seen.shows_no_secret(&format!("{result:?}"));
        kind(result, expected, words);
        assert!(!client.is_connected());
        assert_eq!(server.finish_unchecked().connections.len(), 1);
    }
}

#[test]
fn what_was_not_set_is_told_before_anything_is_done() {
    let server = Server::engine(users());
    let mut client = client(Protocol::Smtp);
    client.set_credentials(Some("me@x"), Some(PASSWORD)).unwrap();
    kind(client.open(), ErrorKind::Misuse, "smtp_client_set_url()");
    let mut client = client_of("smtp://me%40x@localhost:PORT", &server);
    kind(client.open(), ErrorKind::Misuse, "smtp_client_set_credentials()");
    client.set_credentials(Some("me"), Some("a\0b")).unwrap();
    kind(client.open(), ErrorKind::InvalidArgument, "NUL");
    assert_eq!(server.record().connections.len(), 0);
    client.set_credentials(None, None).unwrap();
    client.open().unwrap();
    assert_eq!(server.record().lines(), ["EHLO client.example"]);
}

/// An Audit that forbids what begins so; "connect" is that.
struct Forbids(&'static str);

impl Audit for Forbids {
    fn connect(&mut self, host: &str, _: u16) -> bool {
        assert_eq!(host, "localhost");
        self.0 != "connect"
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        !bytes.starts_with(self.0.as_bytes())
    }
}

#[test]
fn the_audit_may_forbid_each_step() {
    for (forbidden, sent) in [
        ("connect", &[][..]),
        ("EHLO", &[]),
        ("STARTTLS", &["EHLO"]),
        ("AUTH", &["EHLO", "STARTTLS", "EHLO"]),
    ] {
        let server = Server::engine(users());
        let mut client = client_of("smtp+starttls://localhost:PORT", &server);
        client.set_credentials(Some("me@x"), Some(PASSWORD)).unwrap();
        client.set_audit(Some(Box::new(Forbids(forbidden))));
        kind(client.open(), ErrorKind::Forbidden, "audit");
        assert!(!client.is_connected(), "{forbidden}");
        let record = server.finish();
        let verbs: Vec<_> = record.connections.iter().flat_map(|one| one.verbs()).collect();
        assert_eq!(verbs, sent, "{forbidden}");
        assert_eq!(record.connections.is_empty(), forbidden == "connect");
    }
}

/// Where it stuck, told by the error.
#[test]
fn the_error_names_the_phase() {
    let secured = || starting().reply("220 go").start_tls();
    let cases = [
        (Script::new().mute(), "greeting"),
        (Script::new().reply("220 x").mute(), "EHLO"),
        (starting().mute(), "STARTTLS"),
        (starting().reply("220 go").mute(), "TLS handshake"),
        (secured().expect("EHLO").mute(), "EHLO"),
        (secured().expect("EHLO").reply("250-x\n250 AUTH PLAIN").expect("AUTH").mute(), "AUTH"),
    ];
    std::thread::scope(|scope| {
        for (script, words) in cases {
            scope.spawn(move || {
                let server = Server::script(script);
                let mut client = client_of("smtp+starttls://localhost:PORT", &server);
                client.set_credentials(Some("me@x"), Some(PASSWORD)).unwrap();
                client.set_timeout(TimeoutPolicy::After(Duration::from_secs(2)));
                kind(client.open(), ErrorKind::Timeout, words);
                assert!(!client.is_connected(), "{words}");
                server.finish_unchecked();
            });
        }
    });
    let mut client = client(Protocol::Smtp);
    client.set_host("127.0.0.1", closed_port()).unwrap();
    kind(client.open(), ErrorKind::Io, "cannot connect to 127.0.0.1");
    client.set_host("name.invalid", 0).unwrap();
    let error = client.open().unwrap_err();
    assert!(error.message().starts_with("cannot resolve name.invalid"), "{error}");
}

/// How long the server takes to each reply.
const SLOW: Duration = Duration::from_millis(120);

fn slow() -> Script {
    Script::new()
        .pause(SLOW)
        .reply("220 x")
        .expect("EHLO")
        .pause(SLOW)
        .reply("250-x\n250 AUTH PLAIN")
        .expect("AUTH")
        .pause(SLOW)
        .reply("235 welcome")
}

#[test]
fn one_limit_for_all_phases_together() {
    let whole = |milliseconds| TimeoutPolicy::After(Duration::from_millis(milliseconds));
    for (limit, is_enough) in [
        (whole(300), false),
        (whole(20_000), true),
        (TimeoutPolicy::Rfc, true),
        (TimeoutPolicy::Never, true),
    ] {
        let server = Server::script(slow().mute());
        let mut client = client_of("smtp://localhost:PORT", &server);
        client.set_addresses(&["127.0.0.1"]).unwrap();
        client.set_credentials(Some("me@x"), Some(PASSWORD)).unwrap();
        client.set_timeout(limit);
        let start = Instant::now();
        let result = client.open();
        assert!(start.elapsed() >= Duration::from_millis(300));
        if is_enough {
            result.unwrap();
            // The limit was that of opening, and the next call has its own.
            client.set_timeout(whole(300));
            kind(client.noop(), ErrorKind::Timeout, "");
            continue;
        }
        kind(result, ErrorKind::Timeout, "");
        assert!(start.elapsed() < Duration::from_secs(3));
        assert!(!client.is_connected());
        // The limit has passed for that call alone.
        kind(client.noop(), ErrorKind::Disconnected, "");
        server.finish_unchecked();
    }
}
