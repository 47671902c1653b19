//! Probing: each classic mistake with its advice and the facts that show it, what goes over the wire
//! meanwhile, and what does not.

mod logins;

use std::thread;
use std::time::Instant;

use smtpclient::client::{Audit, Fact, IS_TLS_FULL, Mistake, OtherWay, Phase, Report, advice};

use super::*;
use crate::support::{Kind, Record, Script, ServerTls, closed_port};

const PASSWORD: &str = "s3cr3t-4711";

fn users() -> Engine {
    Engine::new().user("me@x", PASSWORD).mechanisms("PLAIN")
}

/// One who has set the URL, in which `PORT` is the server's.
fn client_of(url: &str, server: &Server, password: Option<&str>) -> Client {
    let mut client = client(Protocol::Smtp);
    client.set_tls(trusting());
    client.set_url(&url.replace("PORT", &server.port().to_string())).unwrap();
    client.set_credentials(password.map(|_| "me@x"), password).unwrap();
    client
}

/// The report, and what the server has seen, of which some is always the same.
fn probed(client: &mut Client, server: Server) -> (Box<Report>, Record) {
    let report = client.probe().unwrap();
    assert!(!client.is_connected() && !client.is_encrypted());
    let record = server.finish_unchecked();
    let needs_tls = report.text(Fact::Security).unwrap() == "STARTTLS";
    for connection in &record.connections {
        let verbs = connection.verbs();
        assert!(!verbs.iter().any(|verb| verb == "MAIL" || verb == "HELO"), "{verbs:?}");
        let clear = ["EHLO", "STARTTLS", "QUIT"];
        let is_clear = |verb: &String| clear.contains(&verb.as_str());
        if needs_tls && connection.tls.is_none() {
            assert!(verbs.iter().all(is_clear), "{verbs:?}");
        }
        if report.is_distrusted() {
            assert_eq!(connection.login, None);
            assert!(!verbs.iter().any(|verb| verb == "AUTH"), "{verbs:?}");
        }
    }
    shows_no_secret(&report);
    (report, record)
}

fn shows_no_secret(report: &Report) {
    let text = format!("{report:?} {:?}", advice(report));
    assert!(!text.contains(PASSWORD) && !text.contains("czNjcjN0"), "{text}");
}

fn mistakes(report: &Report) -> Vec<Mistake> {
    advice(report).into_iter().map(|one| one.mistake).collect()
}

#[track_caller]
fn finds(report: &Report, kind: ErrorKind, expected: &[Mistake]) {
    assert_eq!(report.outcome(), Err(kind), "{report:?}");
    assert_eq!(mistakes(report), expected, "{report:?}");
}

fn fact(report: &Report, fact: Fact) -> String {
    report.text(fact).unwrap_or_default().into_owned()
}

#[test]
fn a_server_that_is_well() {
    let cases: [(&str, fn() -> Server, &str, &[&str]); 4] = [
        ("smtp", || Server::engine(users()), "none", &["EHLO", "AUTH", "QUIT"]),
        (
            "smtp+starttls",
            || Server::engine(users()),
            "STARTTLS",
            &["EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"],
        ),
        (
            "smtps",
            || {
                let tls = ServerTls::new(Kind::Valid);
                Server::builder().implicit_tls(tls).engine(users()).start()
            },
            "TLS from the first byte",
            &["EHLO", "AUTH", "QUIT"],
        ),
        (
            "lmtp",
            || {
                let tls = ServerTls::new(Kind::Valid);
                Server::builder().tls(tls).engine(users().into_lmtp()).start()
            },
            "none",
            &["LHLO", "AUTH", "QUIT"],
        ),
    ];
    for (scheme, start, security, verbs) in cases {
        for password in [None, Some(PASSWORD)] {
            let server = start();
            let place = format!("localhost:{}", server.port());
            let mut client = client_of(&format!("{scheme}://localhost:PORT"), &server, password);
            let (report, record) = probed(&mut client, server);
            assert_eq!(report.outcome(), Ok(()), "{scheme}: {report:?}");
            assert_eq!((report.phase, mistakes(&report)), (Phase::Done, Vec::new()), "{scheme}");
            assert_eq!(fact(&report, Fact::Host), place);
            assert_eq!(fact(&report, Fact::Security), security);
            assert!(fact(&report, Fact::Greeting).starts_with("220 loopback.test"), "{report:?}");
            assert_eq!(fact(&report, Fact::AuthMechanisms), "PLAIN");
            let login = password.map(|_| "accepted (235)");
            assert_eq!(report.text(Fact::Login).as_deref(), login);
            assert_eq!(report.text(Fact::Error), None);
            let is_secure = security != "none";
            let has = |fact| report.text(fact).is_some();
            assert_eq!(has(Fact::EhloTls), is_secure);
            assert_eq!(has(Fact::EhloClear), scheme != "smtps");
            for one in [Fact::TlsVersion, Fact::TlsCipher, Fact::CertificateIssuer] {
                assert_eq!(has(one), is_secure && IS_TLS_FULL, "{scheme}");
            }
            assert_eq!(report.tls.days_left.is_some(), is_secure && IS_TLS_FULL);
            assert!(report.addresses.iter().any(|one| one.error.is_none()));
            let mut expected = verbs.to_vec();
            expected.retain(|verb| *verb != "AUTH" || password.is_some());
            assert_eq!(record.connections.len(), 1);
            assert_eq!(record.connections[0].verbs(), expected);
            assert_eq!(record.connections[0].login.is_some(), password.is_some());
        }
    }
}

#[test]
fn a_unix_socket_too() {
    let server = Server::builder().unix().engine(users().into_lmtp()).start();
    let path = server.host();
    let mut client = client_of(&format!("lmtp+unix://{path}"), &server, None);
    let (report, record) = probed(&mut client, server);
    assert_eq!((report.outcome(), fact(&report, Fact::Host)), (Ok(()), path.clone()));
    assert_eq!(report.addresses[0].text, path);
    assert_eq!(record.connections[0].verbs(), ["LHLO", "QUIT"]);
    // Nobody is there any more.
    let report = client.probe().unwrap();
    assert!(report.outcome().is_err() && report.addresses[0].error.is_some());
}

/// Both connections at the same time, that they need not wait for each other.
#[test]
fn a_port_that_speaks_tls_first_is_known_though_it_is_silent() {
    for scheme in ["smtp", "smtp+starttls"] {
        let tls = ServerTls::new(Kind::OtherHost);
        let server = Server::builder().implicit_tls(tls).engine(users()).start();
        let url = format!("{scheme}://localhost:PORT");
        let mut client = client_of(&url, &server, Some(PASSWORD));
        client.set_timeout(TimeoutPolicy::After(Duration::from_secs(2)));
        let (report, record) = probed(&mut client, server);
        finds(&report, ErrorKind::Timeout, &[Mistake::TlsFirst]);
        assert!(advice(&report)[0].text.contains("smtps://"));
        assert_eq!(report.other_way, Some(OtherWay::Tls));
        assert_eq!(report.text(Fact::Greeting), None);
        if IS_TLS_FULL {
            assert_eq!(fact(&report, Fact::CertificateNames), "other.example");
        }
        assert_eq!(record.lines(), [""; 0], "to nobody who was not verified a word is said");
    }
}

#[test]
fn a_port_that_speaks_tls_first_and_hangs_up() {
    let server = Server::builder()
        .tls(ServerTls::new(Kind::Valid))
        .script(Script::new().close())
        .script(Script::new().start_tls().expect_end())
        .start();
    let mut client = client_of("smtp+starttls://localhost:PORT", &server, None);
    let (report, _) = probed(&mut client, server);
    finds(&report, ErrorKind::Disconnected, &[Mistake::TlsFirst]);
}

#[test]
fn a_port_that_speaks_in_clear_first() {
    let server = Server::engine(users());
    let mut client = client_of("smtps://localhost:PORT", &server, Some(PASSWORD));
    let (report, record) = probed(&mut client, server);
    finds(&report, ErrorKind::Tls, &[Mistake::ClearFirst]);
    assert!(advice(&report)[0].text.contains("smtp+starttls://"));
    assert_eq!(fact(&report, Fact::Greeting), "220 loopback.test ESMTP ready");
    assert_eq!(record.connections.len(), 2);
    assert_eq!(record.connections[1].received, b"");
}

/// It is looked into, and then waited for.
#[test]
fn a_server_that_is_slow_is_not_taken_for_another() {
    let slow = Script::new().pause(Duration::from_millis(2600)).reply("220 x");
    let slow = slow.expect("EHLO").reply("250 x").expect("QUIT").reply("221 x");
    let server = Server::builder().script(slow).script(Script::new().read_bytes(1).cut()).start();
    let mut client = client_of("smtp://localhost:PORT", &server, None);
    client.set_timeout(TimeoutPolicy::After(Duration::from_secs(4)));
    let (report, _) = probed(&mut client, server);
    assert_eq!((report.outcome(), mistakes(&report)), (Ok(()), Vec::new()));
}

#[test]
fn servers_that_say_nothing_end_with_the_time() {
    let mute = || Script::new().mute();
    let hello = Script::new().reply("220 x").expect("EHLO").mute();
    for (url, script) in [("smtp", mute()), ("smtps", mute()), ("smtp", hello)] {
        let server = Server::builder().script(script).script(mute()).script(mute()).start();
        let mut client = client_of(&format!("{url}://localhost:PORT"), &server, None);
        client.set_timeout(TimeoutPolicy::After(Duration::from_millis(800)));
        let begun = Instant::now();
        let (report, _) = probed(&mut client, server);
        finds(&report, ErrorKind::Timeout, &[Mistake::Silent]);
        assert!(begun.elapsed() < Duration::from_secs(3), "{url}");
    }
}

#[test]
fn starttls_that_is_not_offered() {
    for scheme in ["smtp+starttls", "smtp"] {
        let server = Server::engine(users().without("STARTTLS"));
        let mut client = client_of(&format!("{scheme}://localhost:PORT"), &server, None);
        let (report, record) = probed(&mut client, server);
        if scheme == "smtp" {
            assert_eq!(report.outcome(), Ok(()));
            continue;
        }
        finds(&report, ErrorKind::NotSupported, &[Mistake::NoStartTls]);
        assert!(report.text(Fact::EhloClear).is_some() && report.text(Fact::EhloTls).is_none());
        assert_eq!(record.connections[0].verbs(), ["EHLO", "QUIT"]);
    }
}

#[test]
fn certificates_that_are_not_accepted() {
    let cases = [
        (Kind::OtherHost, Mistake::CertificateName, "other.example"),
        (Kind::NoSan, Mistake::CertificateName, "issued anew"),
        (Kind::Expired, Mistake::CertificateExpired, "2021-01-01"),
        (Kind::NotYetValid, Mistake::CertificateNotYetValid, "2100-01-01"),
        (Kind::SelfSigned, Mistake::CertificateIssuer, "smtp_tls_set_ca_file()"),
        (Kind::UnknownCa, Mistake::CertificateIssuer, "Nobody's Root"),
        (Kind::ClientPurpose, Mistake::Certificate, "purpose"),
    ];
    for (kind, mistake, words) in cases {
        for implicit in [false, true] {
            let builder = Server::builder().engine(users());
            let tls = ServerTls::new(kind);
            let server =
                if implicit { builder.implicit_tls(tls) } else { builder.tls(tls) }.start();
            let scheme = if implicit { "smtps" } else { "smtp+starttls" };
            let url = format!("{scheme}://localhost:PORT");
            let mut client = client_of(&url, &server, Some(PASSWORD));
            let (report, record) = probed(&mut client, server);
            finds(&report, ErrorKind::Tls, &[mistake]);
            let text = &advice(&report)[0].text;
            assert!(!IS_TLS_FULL || text.contains(words), "{kind:?}: {text}");
            assert_eq!(report.text(Fact::CertificateIssuer).is_some(), IS_TLS_FULL, "{kind:?}");
            assert!(report.text(Fact::EhloTls).is_none(), "nothing is believed of it");
            assert_eq!(record.connections.len(), 2, "{kind:?}");
            let verbs: &[&str] = if implicit { &[] } else { &["EHLO", "STARTTLS"] };
            assert_eq!(record.connections[1].verbs(), verbs, "{kind:?}");
        }
    }
}

/// The name that was to be in it is said, whatever the host's.
#[test]
fn a_certificate_that_is_not_for_the_name_that_was_set() {
    let server = Server::builder().implicit_tls(ServerTls::new(Kind::Valid)).engine(users());
    let server = server.start();
    let mut client = client_of("smtps://localhost:PORT", &server, None);
    let mut policy = trusting();
    policy.set_server_name("set.example").unwrap();
    client.set_tls(policy);
    let (report, _) = probed(&mut client, server);
    finds(&report, ErrorKind::Tls, &[Mistake::CertificateName]);
    let text = &advice(&report)[0].text;
    assert!(!IS_TLS_FULL || text.contains("is not for set.example but for localhost"), "{text}");
}

/// The same where the client would show a certificate of its own: not to a stranger.
#[test]
fn a_stranger_sees_no_certificate_of_ours() {
    let own = crate::support::client_identity();
    let directory = crate::support::TempDir::new("probe");
    let file = directory.join("own.pem");
    std::fs::write(&file, own.certificate_pem + &own.key_pkcs8).unwrap();
    let mut policy = trusting();
    policy.set_client_certificate(&file, None).unwrap();
    let tls = ServerTls::new(Kind::OtherHost).require_client().tls12();
    let server = Server::builder().implicit_tls(tls).engine(users()).start();
    let mut client = client_of("smtps://localhost:PORT", &server, None);
    client.set_tls(policy);
    let (report, record) = probed(&mut client, server);
    finds(&report, ErrorKind::Tls, &[Mistake::CertificateName]);
    let shown = record.connections.iter().filter_map(|one| one.tls.as_ref());
    assert!(shown.filter(|tls| tls.client_certificate.is_some()).count() == 0);
}

#[test]
fn servers_that_turn_us_away() {
    for (script, kind, expected) in [
        (Script::new().reply("554 5.7.1 go away"), ErrorKind::Connect, Mistake::Unwanted),
        (Script::new().reply("421 4.3.2 too busy"), ErrorKind::Connect, Mistake::Later),
        (Script::new().reply("SSH-2.0-x"), ErrorKind::Protocol, Mistake::NotSmtp),
    ] {
        let server = Server::builder().script(script).engine(Engine::new()).start();
        let mut client = client_of("smtp://localhost:PORT", &server, None);
        let (report, _) = probed(&mut client, server);
        finds(&report, kind, &[expected]);
    }
}

#[test]
fn hosts_that_are_not_there() {
    let mut client = client(Protocol::Smtp);
    client.set_host("127.0.0.1", closed_port()).unwrap();
    let report = client.probe().unwrap();
    finds(&report, ErrorKind::Io, &[Mistake::Refused]);
    let error = report.addresses[0].error.as_ref().unwrap();
    assert_eq!((report.addresses.len(), error.os_code()), (1, libc::ECONNREFUSED));
    client.set_host("name.invalid", 0).unwrap();
    let report = client.probe().unwrap();
    let found = mistakes(&report);
    assert!(found == [Mistake::Name] || found == [Mistake::NameService], "{report:?}");
    assert!(report.addresses.is_empty());
}

/// The dialogue goes on with the first that works.
#[test]
fn every_address_is_tried() {
    let server = Server::engine(users());
    let mut client = client_of("smtp://mail.example.org:PORT", &server, None);
    client.set_addresses(&["::1", "127.0.0.1", "127.0.0.2"]).unwrap();
    let (report, record) = probed(&mut client, server);
    let tried: Vec<(&str, bool)> =
        report.addresses.iter().map(|one| (one.text.as_str(), one.error.is_none())).collect();
    assert_eq!(tried, [("::1", false), ("127.0.0.1", true), ("127.0.0.2", false)]);
    assert_eq!((report.chosen, report.outcome()), (1, Ok(())));
    assert_eq!(record.connections.len(), 1);
}

#[test]
fn what_the_caller_got_wrong_is_no_report() {
    let server = Server::engine(users());
    let mut client = client(Protocol::Smtp);
    kind(client.probe(), ErrorKind::Misuse, "smtp_client_set_url()");
    let mut client = client_of("smtp://localhost:PORT", &server, None);
    client.set_credentials(Some("me"), None).unwrap();
    kind(client.probe(), ErrorKind::Misuse, "smtp_client_set_credentials()");
    assert!(client.take_report().is_none());
    assert_eq!(server.record().connections.len(), 0);
}

struct Forbids(&'static str);

impl Audit for Forbids {
    fn connect(&mut self, _: &str, _: u16) -> bool {
        self.0 != "connect"
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        !bytes.starts_with(self.0.as_bytes())
    }
}

#[test]
fn the_audit_is_asked_as_ever() {
    for forbidden in ["connect", "EHLO", "AUTH"] {
        let server = Server::engine(users());
        let mut client = client_of("smtp://localhost:PORT", &server, Some(PASSWORD));
        client.set_audit(Some(Box::new(Forbids(forbidden))));
        kind(client.probe(), ErrorKind::Forbidden, "audit");
        assert!(!client.is_connected() && client.take_report().is_none());
        assert_eq!(server.record().connections.is_empty(), forbidden == "connect");
    }
}

#[test]
fn a_cancel_ends_it_in_every_phase() {
    let mute = || Script::new().mute();
    let greeted = || Script::new().reply("220 x").expect("EHLO");
    for (url, script) in [
        ("smtp", mute()),
        ("smtps", mute()),
        ("smtp", greeted().mute()),
        ("smtp", greeted().reply("250 x").expect("QUIT").mute()),
    ] {
        let server = Server::builder().script(script).script(mute()).start();
        let mut client = client_of(&format!("{url}://localhost:PORT"), &server, None);
        let cancel = client.canceller();
        let thread = thread::spawn(move || {
            thread::sleep(Duration::from_millis(150));
            cancel.cancel();
        });
        let begun = Instant::now();
        kind(client.probe(), ErrorKind::Cancelled, "");
        assert!(begun.elapsed() < Duration::from_secs(3));
        assert!(!client.is_connected() && client.take_report().is_none());
        thread.join().unwrap();
    }
}

/// And is another's than that of opening.
#[test]
fn a_connection_that_is_open_is_left() {
    let server = Server::engine(users());
    let mut client = client_of("smtp://localhost:PORT", &server, None);
    client.open().unwrap();
    client.probe().unwrap();
    assert!(!client.is_connected());
    client.open().unwrap();
    client.quit().unwrap();
    assert_eq!(server.finish().connections.len(), 3);
}
