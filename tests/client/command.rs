//! Single commands, and what may not stand in them.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use smtpclient::client::{Audit, DebugSink, Direction, Transaction};

use super::*;
use crate::support::Script;

#[test]
fn each_command_as_it_is_sent() {
    let script = Script::new()
        .reply("220 x")
        .expect("EHLO client.example")
        .reply("250-x\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250-DSN\r\n250 SIZE 10")
        .expect("NOOP")
        .reply("250 n")
        .expect("HELP")
        .reply("214-one\r\n214 two")
        .expect("HELP MAIL")
        .reply("214 mail")
        .expect("VRFY a@b")
        .reply("252 maybe")
        .expect("EXPN list")
        .reply("550 5.1.1 no")
        .expect("MAIL FROM:<a@b> BODY=8BITMIME")
        .reply("250 m")
        .expect("RCPT TO:<c@d> NOTIFY=NEVER")
        .reply("251 f")
        .expect("DATA")
        .reply("354 go")
        .body()
        .reply("554 5.6.0 no")
        .expect("RSET")
        .reply("250 r")
        .expect("XCMD one two")
        .reply("559 x")
        .expect("VRFY \u{e9}@b SMTPUTF8")
        .reply("252 u");
    let server = Server::script(script);
    let mut client = connected(&server);
    assert_eq!(client.ehlo(None).unwrap(), 250);
    assert_eq!(client.noop().unwrap(), 250);
    assert_eq!(client.help(None).unwrap(), 214);
    assert_eq!(client.reply().text(), "one\ntwo");
    assert_eq!(client.help(Some("MAIL")).unwrap(), 214);
    assert_eq!(client.verify("Name <a@b>").unwrap(), 252);
    assert_eq!(client.expn("list").unwrap(), 550);
    assert_eq!(client.reply().enhanced().unwrap().to_string(), "5.1.1");
    assert_eq!(client.mail("<a@b>", &["BODY=8BITMIME"]).unwrap(), 250);
    assert_eq!(client.rcpt("c@d", &["NOTIFY=NEVER"]).unwrap(), 251);
    assert_eq!(client.data(b".x\n").unwrap(), 554);
    assert_eq!(client.rset().unwrap(), 250);
    kind(client.docmd("X", Some("a\nb")), ErrorKind::InvalidArgument, "line feed");
    kind(client.docmd("XCMD", Some("\u{e9}")), ErrorKind::InvalidArgument, "SMTPUTF8");
    kind(client.docmd("", None), ErrorKind::InvalidArgument, "empty");
    assert_eq!(client.docmd("XCMD", Some("one two")).map_err(|e| e.kind()), Ok(559));
    assert_eq!(client.verify("\u{e9}@b").unwrap(), 252);
    client.close();
    assert!(server.finish_unchecked().connections[0].received.ends_with("SMTPUTF8\r\n".as_bytes()));
}

/// Where UTF-8 may not be sent, a domain goes out as A-labels, in every command.
#[test]
fn domains_without_smtputf8() {
    let script = Script::new()
        .reply("220 x")
        .expect("EHLO client.example")
        .reply("250 x")
        .expect("VRFY a@xn--tda.x")
        .reply("252 v")
        .expect("MAIL FROM:<a@xn--tda.x>")
        .reply("250 m");
    let server = Server::script(script);
    let mut client = connected(&server);
    client.ehlo(None).unwrap();
    assert_eq!(client.verify("a@\u{fc}.x").unwrap(), 252);
    kind(client.verify("\u{fc}@a.x"), ErrorKind::NotSupported, "SMTPUTF8");
    assert_eq!(client.mail("a@\u{fc}.x", &[]).unwrap(), 250);
    client.close();
    server.finish_unchecked();
}

#[test]
fn data_refused() {
    let server = Server::script(
        Script::new()
            .reply("220 x")
            .expect("DATA")
            .reply("503 need RCPT")
            .expect("NOOP")
            .reply("250 n"),
    );
    let mut client = connected(&server);
    kind(client.data(b"x"), ErrorKind::Data, "503 need RCPT");
    assert_eq!(client.noop().unwrap(), 250);
}

#[test]
fn replies_one_collects_oneself() {
    let server = engine();
    let mut client = connected(&server);
    client.putcmd("NOOP", None).unwrap();
    client.putcmd("VRFY", Some("a@b")).unwrap();
    kind(client.noop(), ErrorKind::Misuse, "getreply");
    assert_eq!(client.getreply().unwrap(), 250);
    assert_eq!(client.getreply().unwrap() / 100, 2);
    assert_eq!(client.noop().unwrap(), 250);
    client.send_raw(b"NOOP\r\n").unwrap();
    assert_eq!(client.getreply().unwrap(), 250);
    client.putcmd("NOOP", None).unwrap();
    assert_eq!(client.quit().unwrap(), 221);
}

#[test]
fn injection_is_refused_before_a_byte_is_sent() {
    let server = engine();
    let mut client = connected(&server);
    client.ehlo(None).unwrap();
    for poison in ["\r", "\n", "\r\nRSET", "\0", "\u{1b}", "\u{85}"] {
        let text = format!("a{poison}b");
        let address = format!("\"{text}\"@x");
        assert!(client.noop().is_ok());
        for result in [
            client.mail(&address, &[]),
            client.rcpt(&address, &[]),
            client.mail("a@b", &[&text]),
            client.mail("a@b", &[&format!("X={text}")]),
            client.rcpt("a@b", &[&text]),
            client.verify(&text),
            client.expn(&text),
            client.help(Some(&text)),
            client.docmd(&text, None),
            client.docmd("NOOP", Some(&text)),
            client.helo(Some(&text)),
            client.ehlo(Some(&text)),
            client.putcmd(&text, None).map(|()| 0),
            client.putcmd("NOOP", Some(&text)).map(|()| 0),
            client.set_local_hostname(&text).map(|()| 0),
            client.set_source_address(Some(&text), 0).map(|()| 0),
            client.set_auth_mechanisms(&text).map(|()| 0),
            send(&mut client, &[&address], b"x").map(|()| 0),
            send_with(&mut client, &["a@b"], b"x", &[&text], &[]).map(|()| 0),
            send_with(&mut client, &["a@b"], b"x", &[], &[&text]).map(|()| 0),
        ] {
            let error = result.expect_err("injected");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{poison:?}: {error}");
        }
    }
    let error = client.rcpt("a@b> NOTIFY=NEVER <c@d", &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    client.quit().unwrap();
    let verbs = server.finish().connections[0].verbs();
    assert!(
        verbs.iter().all(|verb| ["EHLO", "NOOP", "QUIT"].contains(&verb.as_str())),
        "{verbs:?}"
    );
}

/// Nor does an error, which names the command it was in the midst of.
#[test]
fn errors_hide_credentials() {
    let greeted = || Script::new().reply("220 x").expect("EHLO").reply("250-x\n250 AUTH LOGIN");
    let cases: [(Script, &str); 2] = [
        (greeted().expect("AUTH PLAIN c2VjcmV0").close(), "AUTH PLAIN c2VjcmV0"),
        (greeted().expect("AUTH LOGIN").reply("334 x").expect("c2VjcmV0").close(), "c2VjcmV0"),
    ];
    for (script, line) in cases {
        let server = Server::script(script);
        let mut client = connected(&server);
        client.ehlo(None).unwrap();
        if line == "c2VjcmV0" {
            assert_eq!(client.docmd("AUTH LOGIN", None).unwrap(), 334);
        }
        let error = client.docmd(line, None).unwrap_err();
        assert!(error.message().starts_with("AUTH: "), "{error}");
        assert!(!error.message().contains("c2Vj"), "{error}");
        server.finish_unchecked();
    }
}

#[test]
fn the_transcript_hides_credentials() {
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);
    impl DebugSink for Kept {
        fn trace(&mut self, direction: Direction, bytes: &[u8]) {
            let mut kept = self.0.lock().unwrap();
            kept.push(match direction {
                Direction::Sent => b'>',
                Direction::Received => b'<',
                Direction::Info => b'#',
            });
            kept.extend_from_slice(bytes);
        }
    }
    // Lines of the caller's own, however he cuts them.
    let own: [(&str, fn(&mut Client)); 5] = [
        ("AUTH PLAIN ***\r\n", |c| drop(c.docmd("AUTH", Some("PLAIN c2VjcmV0")))),
        ("auth  plain ***\r\n", |c| drop(c.docmd("auth  plain c2VjcmV0", None))),
        ("AUTH LOGIN\r\n", |c| {
            assert_eq!(c.docmd("AUTH LOGIN", None).unwrap(), 334);
            drop(c.docmd("c2VjcmV0", None));
        }),
        ("AUTH PLAIN ***\r\n", |c| drop(c.send_raw(b"AUTH PLAIN c2VjcmV0\r\n"))),
        ("AUTH PLAIN ***\r\n", |c| {
            c.send_raw(b"NOOP\r\nAUTH PLAIN c2Vj").unwrap();
            drop(c.send_raw(b"cmV0\r\n"));
        }),
    ];
    for (shown, call) in own {
        let server = Server::engine(Engine::new().user("alice", "sesame-open"));
        let kept = Kept::default();
        let mut client = connected(&server);
        client.ehlo(None).unwrap();
        client.set_debug_sink(Some(Box::new(kept.clone())));
        call(&mut client);
        client.close();
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains(shown), "no {shown:?} in {text}");
        assert!(!text.contains("c2Vj") && !text.contains("cmV0"), "{text}");
        server.finish_unchecked();
    }
    for (mechanism, shown) in [
        ("PLAIN", ">AUTH PLAIN ***\r\n"),
        ("LOGIN", ">AUTH LOGIN ***\r\n"),
        ("CRAM-MD5", ">AUTH CRAM-MD5\r\n"),
    ] {
        for secrets in [false, true] {
            let server = Server::engine(Engine::new().user("alice", "sesame-open"));
            let kept = Kept::default();
            let mut client = client(Protocol::Smtp);
            client.set_debug_sink(Some(Box::new(kept.clone())));
            client.set_debug_secrets(secrets);
            client.connect(&server.address(), 0).unwrap();
            client.auth_builtin(mechanism, "alice", "sesame-open").unwrap();
            client.docmd("NOOP", Some("visible")).unwrap();
            let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            let encoded = ["AGFsaWNlAHNlc2FtZS1vcGVu", "c2VzYW1lLW9wZW4", "YWxpY2U"];
            let leaks = encoded.iter().any(|secret| text.contains(secret));
            assert_eq!(leaks || mechanism == "CRAM-MD5" && secrets, secrets, "{text}");
            assert!(secrets || text.contains(shown), "{text}");
            assert!(text.contains("visible") && text.contains("<235 "), "{text}");
        }
    }
}

/// A result that nobody took is not the next call's.
#[test]
fn a_result_left_over_is_not_the_next_calls() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut client = client(Protocol::Smtp);
    client.adopt_fd(ours.into(), None).unwrap();
    client.putcmd("NOOP", None).unwrap();
    theirs.write_all(b"250 n\r\n").unwrap();
    assert_eq!(client.getreply().unwrap(), 250);

    let server = engine();
    let mut client = connected(&server);
    client.ehlo_or_helo_if_needed().unwrap();
    client.set_audit(Some(Box::new(NoMail)));
    let mut transaction = Transaction::new();
    transaction.set_sender("a@b").unwrap();
    transaction.add_recipient("c@d", &[]).unwrap();
    client.submit(Box::new(transaction)).unwrap();
    client.putcmd("NOOP", None).unwrap();
    assert_eq!(client.getreply().unwrap(), 250);
}

struct NoMail;

impl Audit for NoMail {
    fn connect(&mut self, _: &str, _: u16) -> bool {
        true
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        !bytes.starts_with(b"MAIL")
    }
}

/// Whichever call finds it closes the connection.
#[test]
fn a_reply_too_many_closes_the_connection() {
    for raw in [false, true] {
        let script = Script::new().reply("220 x").expect("NOOP").send("250 n\r\n250 forged\r\n");
        let server = Server::script(script.expect_end());
        let mut client = connected(&server);
        assert_eq!(client.noop().unwrap(), 250);
        let found = if raw { client.send_raw(b"NOOP\r\n") } else { client.putcmd("NOOP", None) };
        kind(found, ErrorKind::Protocol, "forged");
        assert!(!client.is_connected());
        server.finish();
    }
}
