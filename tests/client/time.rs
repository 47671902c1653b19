//! Deadlines and cancelling, in every phase.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Instant;

use smtpclient::client::{Body, Transaction};
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

/// How long the server of a stream thinks about each message, how many there are, and the limit:
/// enough for each, too little for all.
const THINKS: Duration = Duration::from_millis(250);
const STREAM: usize = 8;
const EACH: Duration = Duration::from_millis(1500);

/// Answers each command as it comes, and each message when it has thought; gives how many it took.
fn thinking_server() -> (SocketAddr, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        stream.write_all(b"220 x\r\n").unwrap();
        let (mut line, mut taken) = (String::new(), 0);
        while lines.read_line(&mut line).is_ok_and(|count| count > 0) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let reply = match words[0] {
                "EHLO" => "250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
                "BDAT" => {
                    let mut body = vec![0; words[1].parse().unwrap()];
                    lines.read_exact(&mut body).unwrap();
                    std::thread::sleep(THINKS);
                    taken += 1;
                    "250 taken\r\n"
                }
                _ => "250 ok\r\n",
            };
            if stream.write_all(reply.as_bytes()).is_err() {
                break;
            }
            line.clear();
        }
        taken
    });
    (address, server)
}

fn transaction() -> Box<Transaction> {
    let mut transaction = Transaction::new();
    transaction.set_sender("from@x.example").unwrap();
    transaction.add_recipient("to@x.example", &[]).unwrap();
    transaction.set_body(Body::Borrowed(b"hello"));
    Box::new(transaction)
}

#[test]
fn the_limit_of_a_stream_is_each_transactions_whoever_waits() {
    type Call = fn(&mut Client) -> bool;
    let calls: [(&str, Call); 5] = [
        ("flush", |client| client.flush().is_ok()),
        ("noop", |client| client.noop().is_ok()),
        ("quit", |client| client.quit().is_ok()),
        ("sendmail", |client| send(client, &["last@x.example"], b"last").is_ok()),
        ("ehlo", |client| client.ehlo(None).is_ok()),
    ];
    std::thread::scope(|scope| {
        for (name, call) in calls {
            scope.spawn(move || {
                let (address, server) = thinking_server();
                let mut client = client(Protocol::Smtp);
                client.connect(&address.to_string(), 0).unwrap();
                client.set_timeout(TimeoutPolicy::After(EACH));
                for _ in 0..STREAM {
                    client.submit(transaction()).unwrap();
                }
                assert!(call(&mut client), "{name}");
                client.close();
                let taken = server.join().unwrap();
                assert_eq!(taken, STREAM + usize::from(name == "sendmail"), "{name}");
            });
        }
    });
}

#[test]
fn a_greeting_that_never_comes_is_told_apart() {
    for (script, expected) in [
        (Script::new().mute(), Detail::Greeting),
        (Script::new().reply("220 x").expect("NOOP").mute(), Detail::None),
    ] {
        let server = Server::script(script);
        let mut client = client(Protocol::Smtp);
        client.set_timeout(TimeoutPolicy::After(Duration::from_millis(200)));
        let called = client.connect(&server.address(), 0).and_then(|()| client.noop());
        let error = called.unwrap_err();
        assert_eq!((error.kind(), error.detail()), (ErrorKind::Timeout, expected));
    }
}

/// The limit is the call's, however many pieces the bytes are written in.
#[test]
fn raw_bytes_have_one_limit() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut client = client(Protocol::Smtp);
    client.adopt_fd(ours.into(), None).unwrap();
    client.set_timeout(TimeoutPolicy::After(Duration::from_millis(400)));
    let server = std::thread::spawn(move || {
        let mut piece = vec![0; 256 * 1024];
        while theirs.read_exact(&mut piece).is_ok() {
            std::thread::sleep(Duration::from_millis(150));
        }
    });
    kind(client.send_raw(&vec![b'x'; 4 * 1024 * 1024]), ErrorKind::Timeout, "time limit");
    assert!(!client.is_connected());
    server.join().unwrap();
}
