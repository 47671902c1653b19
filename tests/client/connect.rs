//! Connecting, greeting, quitting, and starting anew.

use super::*;
use crate::support::{Script, closed_port};

#[test]
fn greetings() {
    let cases: &[(&str, Option<ErrorKind>, &str)] = &[
        ("220 ready", None, ""),
        ("220-two\n220 lines", None, ""),
        ("554 5.7.1 go away", Some(ErrorKind::Connect), "554 5.7.1 go away"),
        ("421 busy", Some(ErrorKind::Connect), "421 busy"),
        ("250 odd", Some(ErrorKind::Connect), "250 odd"),
        ("HTTP/1.1 400 Bad Request", Some(ErrorKind::Protocol), "HTTP/1.1"),
    ];
    for (greeting, expected, words) in cases {
        let bytes = greeting.replace('\n', "\r\n") + "\r\n";
        let server = Server::script(Script::new().send(bytes.as_bytes()).expect_end());
        let mut client = client(Protocol::Smtp);
        let result = client.connect(&server.address(), 0);
        match expected {
            None => result.unwrap(),
            Some(expected) => {
                kind(result, *expected, words);
                assert!(!client.is_connected());
            }
        }
        client.close();
    }
}

#[test]
fn nobody_there() {
    let mut client = client(Protocol::Smtp);
    let port = closed_port();
    kind(client.connect("127.0.0.1", port), ErrorKind::Io, "Connection refused");
    kind(client.noop(), ErrorKind::Disconnected, "connect");
    kind(client.connect("127.0.0.1:99999", 0), ErrorKind::InvalidArgument, "65535");
    kind(client.connect("a\r\nb", 25), ErrorKind::InvalidArgument, "carriage return");
    kind(client.quit(), ErrorKind::Disconnected, "");
}

#[test]
fn one_handle_many_connections() {
    let server = engine();
    let mut client = connected(&server);
    send(&mut client, &["a@example.org"], b"one").unwrap();
    assert!(client.does_esmtp() && client.has_extension("size"));
    assert_eq!(client.quit().unwrap(), 221);
    assert!(!client.is_connected() && !client.does_esmtp() && !client.has_extension("size"));
    assert_eq!(client.ehlo_response(), None);
    client.connect(&server.address(), 0).unwrap();
    // Connecting while connected closes the old connection first.
    client.connect(&server.address(), 0).unwrap();
    send(&mut client, &["a@example.org"], b"two").unwrap();
    client.close();
    client.close();
    assert_eq!(server.finish().messages().len(), 2);
}

#[test]
fn unix_sockets_and_ipv6() {
    for server in [
        Server::builder().engine(Engine::new()).unix().start(),
        Server::builder().engine(Engine::new()).ipv6().start(),
    ] {
        let mut client = connected(&server);
        send(&mut client, &["a@example.org"], b"hello").unwrap();
        assert_eq!(client.quit().unwrap(), 221);
        assert_eq!(server.finish().messages()[0].content, b"hello\r\n");
    }
}

#[test]
fn sockets_of_the_callers_own() {
    let server = engine();
    let socket = std::net::TcpStream::connect(server.address()).unwrap();
    let mut client = client(Protocol::Smtp);
    client.connect_fd(socket.into(), None).unwrap();
    send(&mut client, &["a@example.org"], b"hello").unwrap();
    client.quit().unwrap();
    assert_eq!(server.finish().messages().len(), 1);
}

#[test]
fn quit_ends_closed_whatever_comes() {
    for (script, expected) in [
        (Script::new().reply("220 x").expect("QUIT").reply("221 bye"), Ok(221)),
        (Script::new().reply("220 x").expect("QUIT").close(), Ok(0)),
        (Script::new().reply("220 x").expect("QUIT").reset(), Ok(0)),
        (Script::new().reply("220 x").expect("QUIT").reply("500 what"), Ok(500)),
        (Script::new().reply("220 x").expect("QUIT").send("22").close(), Ok(0)),
    ] {
        let server = Server::script(script);
        let mut client = connected(&server);
        let result = client.quit().map_err(|error| error.kind());
        assert_eq!(result, expected);
        assert!(!client.is_connected());
    }
}

/// For users of Rust no call forgets a cancel by itself: who cancels between two calls means it.
#[test]
fn a_cancel_stays_until_it_is_cleared() {
    let server = engine();
    let mut client = client(Protocol::Smtp);
    let cancel = client.canceller();
    cancel.cancel();
    kind(client.connect(&server.address(), 0), ErrorKind::Cancelled, "");
    kind(client.connect(&server.address(), 0), ErrorKind::Cancelled, "");
    cancel.clear();
    client.connect(&server.address(), 0).unwrap();
    assert_eq!(client.noop().unwrap(), 250);
    cancel.cancel();
    kind(client.noop(), ErrorKind::Cancelled, "");
    assert!(!client.is_connected());
}

#[test]
fn the_name_for_ehlo() {
    let server = engine();
    let mut client = Client::new(Protocol::Smtp).unwrap();
    client.connect(&server.address(), 0).unwrap();
    client.ehlo(Some("given.example")).unwrap();
    client.ehlo(None).unwrap();
    for bad in ["a\r\nRSET", "", "two words", "\u{e9}.example"] {
        assert!(client.ehlo(Some(bad)).is_err(), "{bad:?}");
        assert!(client.set_local_hostname(bad).is_err(), "{bad:?}");
    }
    client.quit().unwrap();
    let lines = server.finish().lines();
    assert_eq!(lines[0], "EHLO given.example");
    // This machine's own name, or else the literal of the connection.
    let name = lines[1].strip_prefix("EHLO ").unwrap();
    assert!(name == "[127.0.0.1]" || name.contains('.'), "{name}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn helo_where_ehlo_is_refused() {
    let server = Server::engine(Engine::without_ehlo());
    let mut client = connected(&server);
    client.ehlo_or_helo_if_needed().unwrap();
    assert!(!client.does_esmtp() && client.helo_response().is_some());
    send_with(&mut client, &["a@example.org"], b"x", &["BODY=8BITMIME"], &["NOTIFY=NEVER"])
        .unwrap();
    for option in ["SMTPUTF8", "REQUIRETLS", "BODY=BINARYMIME"] {
        let result = send_with(&mut client, &["a@example.org"], b"x", &[option], &[]);
        kind(result, ErrorKind::NotSupported, option);
    }
    client.quit().unwrap();
    let lines = server.finish().lines();
    assert_eq!(lines[1], "HELO client.example");
    assert_eq!(lines[2..4], ["MAIL FROM:<from@example.org>", "RCPT TO:<a@example.org>"]);

    let refusing =
        Script::new().reply("220 x").any_line().reply("502 no").any_line().reply("550 no");
    let server = Server::script(refusing);
    kind(connected(&server).ehlo_or_helo_if_needed(), ErrorKind::Helo, "550 no");
}

#[test]
fn the_audit_may_forbid() {
    use smtpclient::client::Audit;
    struct Rule(&'static [u8]);
    impl Audit for Rule {
        fn connect(&mut self, host: &str, port: u16) -> bool {
            host == "127.0.0.1" && port > 0
        }
        fn send(&mut self, bytes: &[u8]) -> bool {
            !bytes.starts_with(self.0)
        }
    }
    let server = engine();
    let mut client = client(Protocol::Smtp);
    client.set_audit(Some(Box::new(Rule(b"NOOP"))));
    kind(client.connect("localhost", 1), ErrorKind::Forbidden, "localhost");
    client.connect(&server.address(), 0).unwrap();
    client.ehlo(None).unwrap();
    kind(client.noop(), ErrorKind::Forbidden, "audit");
    // Nothing of it was sent, so the connection is as it was.
    assert_eq!(client.rset().unwrap(), 250);
    client.set_audit(Some(Box::new(Rule(b"MAIL"))));
    kind(send(&mut client, &["a@example.org"], b"x"), ErrorKind::Forbidden, "audit");
    client.set_audit(None);
    send(&mut client, &["a@example.org"], b"x").unwrap();
    client.quit().unwrap();
    assert_eq!(server.finish().messages().len(), 1);
}
