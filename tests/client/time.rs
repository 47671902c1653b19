//! Deadlines and cancelling, in every phase.

use std::time::Instant;

use smtpclient::error::Detail;

use super::*;
use crate::support::Script;

fn greeted() -> Script {
    Script::new().reply("220 x").expect("EHLO").reply("250 x")
}

/// Scripts that leave the client waiting, and what it waits in.
fn waits() -> Vec<(&'static str, Script, ErrorKind)> {
    let rest = Duration::from_millis(20);
    vec![
        ("greeting", Script::new().mute(), ErrorKind::Timeout),
        (
            "greeting, a byte at a time",
            Script::new().pace(1, rest).endless("220-still here\r\n"),
            ErrorKind::Timeout,
        ),
        ("EHLO", Script::new().reply("220 x").expect("EHLO").mute(), ErrorKind::Timeout),
        ("MAIL", greeted().expect("MAIL").mute(), ErrorKind::Timeout),
        (
            "RCPT, half a reply",
            greeted().expect("MAIL").reply("250 m").expect("RCPT").send("250 o").mute(),
            ErrorKind::Timeout,
        ),
        (
            "DATA",
            greeted()
                .expect("MAIL")
                .reply("250 m")
                .expect("RCPT")
                .reply("250 r")
                .expect("DATA")
                .mute(),
            ErrorKind::Timeout,
        ),
        (
            "the body",
            greeted()
                .expect("MAIL")
                .reply("250 m")
                .expect("RCPT")
                .reply("250 r")
                .expect("DATA")
                .reply("354 go")
                .freeze(),
            ErrorKind::Timeout,
        ),
        (
            "the final reply",
            greeted()
                .expect("MAIL")
                .reply("250 m")
                .expect("RCPT")
                .reply("250 r")
                .expect("DATA")
                .reply("354 go")
                .read_bytes(64)
                .mute(),
            ErrorKind::OutcomeUnknown,
        ),
    ]
}

/// What the error names as the place where it happened.
fn place(phase: &str) -> &str {
    match phase {
        "MAIL" => "MAIL FROM:<from@example.org>: ",
        "RCPT, half a reply" => "RCPT TO:<",
        // Before its message goes out, time passes in looking at all of it.
        "the body" => ": ",
        "the final reply" => "end of data: ",
        _ => phase.split(',').next().unwrap_or(phase),
    }
}

fn attempt(client: &mut Client, server: &Server, large: bool) -> smtpclient::error::Result<()> {
    client.connect(&server.address(), 0)?;
    let message: &'static [u8] = if large { Box::leak(vec![b'x'; 32 << 20].into()) } else { b"hi" };
    send(client, &["a@example.org"], message)
}

#[test]
fn every_phase_ends_at_the_deadline() {
    for (phase, script, expected) in waits() {
        let server = Server::builder().script(script).small_buffers().start();
        let mut client = client(Protocol::Smtp);
        client.set_timeout(TimeoutPolicy::After(Duration::from_millis(300)));
        let start = Instant::now();
        let error = attempt(&mut client, &server, phase == "the body").expect_err(phase);
        assert_eq!(error.kind(), expected, "{phase}: {error}");
        assert!(start.elapsed() < Duration::from_secs(10), "{phase} took {:?}", start.elapsed());
        assert!(!client.is_connected(), "{phase}");
        server.finish_unchecked();
    }
}

#[test]
fn every_phase_can_be_cancelled() {
    for (phase, script, _) in waits() {
        let server = Server::builder().script(script).small_buffers().start();
        let mut client = client(Protocol::Smtp);
        let cancel = client.canceller();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(150));
            cancel.cancel();
        });
        let start = Instant::now();
        let error = attempt(&mut client, &server, phase == "the body").expect_err(phase);
        thread.join().unwrap();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{phase}: {error}");
        let open = error.message().contains("may have been delivered");
        assert_eq!(open, phase == "the final reply", "{phase}: {error}");
        assert!(error.message().contains(place(phase)), "{phase}: {error}");
        drop(client);
        server.finish_unchecked();
        assert!(start.elapsed() < Duration::from_secs(10), "{phase} took {:?}", start.elapsed());
    }
}

/// Under SMTPS there is no connection before the handshake; STARTTLS has one.
#[test]
fn a_handshake_that_hangs_is_still_connecting_where_it_comes_first() {
    let offers = Script::new().reply("220 x").expect("EHLO").reply("250-x").reply("250 STARTTLS");
    let cases = [
        (Protocol::Smtps, Script::new().mute(), Detail::Connecting),
        (Protocol::Smtp, offers.expect("STARTTLS").reply("220 go").mute(), Detail::None),
    ];
    for (protocol, script, detail) in cases {
        let server = Server::script(script);
        let mut client = client(protocol);
        client.set_tls(trusting());
        client.set_timeout(TimeoutPolicy::After(Duration::from_millis(500)));
        let error = client
            .connect(&server.address(), 0)
            .and_then(|()| client.starttls())
            .expect_err("the handshake cannot end");
        assert_eq!((error.kind(), error.detail()), (ErrorKind::Timeout, detail), "{error}");
        assert!(!client.is_connected());
        server.finish_unchecked();
    }
}

#[test]
fn quit_does_not_wait_long() {
    let server = Server::script(Script::new().reply("220 x").expect("QUIT").mute());
    let mut client = client(Protocol::Smtp);
    client.set_timeout(TimeoutPolicy::Never);
    client.connect(&server.address(), 0).unwrap();
    let start = Instant::now();
    kind(client.quit(), ErrorKind::Timeout, "time limit");
    assert!(start.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_slow_server_within_the_limit_is_no_error() {
    let server = Server::engine(Engine::new().pace(3, Duration::from_millis(1)));
    let mut client = connected(&server);
    send(&mut client, &["a@example.org"], b"hello").unwrap();
    assert_eq!(client.quit().unwrap(), 221);
}
