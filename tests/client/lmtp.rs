//! LMTP (RFC 2033) over TCP and Unix sockets.

use super::*;
use crate::support::Script;

#[test]
fn one_verdict_per_recipient() {
    for without in [&[][..], &["CHUNKING"], &["CHUNKING", "PIPELINING"]] {
        for unix in [false, true] {
            let engine = without.iter().fold(Engine::lmtp(), |engine, name| engine.without(name));
            let engine = engine
                .refuse("b@x.example", "550 5.1.1 no b")
                .final_reply("c@x.example", "452 4.2.2 full");
            let builder = Server::builder().engine(engine);
            let server = if unix { builder.unix().start() } else { builder.start() };
            let mut client = client(Protocol::Lmtp);
            client.connect(&server.address(), 0).unwrap();
            send(&mut client, &["a@x.example", "b@x.example", "c@x.example"], b"hello\n").unwrap();
            let refused: Vec<_> =
                client.refused().iter().map(|r| (r.address.as_str(), r.code)).collect();
            assert_eq!(refused, [("b@x.example", 550), ("c@x.example", 452)]);
            send(&mut client, &["a@x.example"], b"again\n").unwrap();
            kind(send(&mut client, &["c@x.example"], b"full\n"), ErrorKind::Data, "452 4.2.2 full");
            assert_eq!(client.quit().unwrap(), 221);
            assert_eq!(server.finish().lines()[0], "LHLO client.example");
        }
    }
}

#[test]
fn a_refused_lhlo_is_an_error() {
    let server =
        Server::script(Script::new().reply("220 x").expect("LHLO").reply("550 no").expect_end());
    let mut client = client(Protocol::Lmtp);
    client.connect(&server.address(), 0).unwrap();
    kind(client.ehlo_or_helo_if_needed(), ErrorKind::Helo, "LHLO: 550 no");
    kind(client.helo(None), ErrorKind::Misuse, "LHLO");
}

/// The farewell of an idle server is no reply too many.
#[test]
fn a_farewell_after_a_mail() {
    let mail = Script::new().reply("220 x").expect("LHLO").reply("250 x").expect("MAIL");
    let mail = mail.reply("250 m").expect("RCPT").reply("250 a").expect("DATA").reply("354 go");
    let pause = std::time::Duration::from_millis(30);
    for script in [
        mail.clone().body().send("250 a\r\n421 4.4.2 idle\r\n").close(),
        mail.body().reply("250 a").pause(pause).reply("421 4.4.2 idle").close(),
    ] {
        let server = Server::script(script);
        let mut client = client(Protocol::Lmtp);
        client.connect(&server.address(), 0).unwrap();
        send(&mut client, &["a@x"], b"hi").unwrap();
        std::thread::sleep(4 * pause);
        assert_eq!(client.noop().unwrap(), 421);
        server.finish_unchecked();
    }
}

#[test]
fn missing_and_extra_replies() {
    let mail = || {
        Script::new()
            .reply("220 x")
            .expect("LHLO")
            .reply("250 x")
            .expect("MAIL")
            .reply("250 m")
            .expect("RCPT")
            .reply("250 a")
            .expect("RCPT")
            .reply("250 b")
            .expect("DATA")
            .reply("354 go")
            .body()
    };
    let cases = [
        (mail().reply("250 a").close(), ErrorKind::OutcomeUnknown),
        (mail().send("250 a\r\n250 b\r\n250 c\r\n"), ErrorKind::Protocol),
        (mail().reply("421 4.3.2 closing").close(), ErrorKind::OutcomeUnknown),
    ];
    for (script, expected) in cases {
        let server = Server::script(script);
        let mut client = client(Protocol::Lmtp);
        client.connect(&server.address(), 0).unwrap();
        let error = send(&mut client, &["a@x", "b@x"], b"hi").expect_err("an error");
        assert_eq!(error.kind(), expected, "{error}");
        assert!(!client.is_connected());
    }
}
