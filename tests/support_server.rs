//! The test servers themselves, tried with nothing but sockets: a test that passes because its
//! server is lenient proves nothing.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use support::*;

/// A client that writes all it has and reads until the server closes.
fn talk(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect((server.host().as_str(), server.port())).unwrap();
    exchange(&mut stream, bytes)
}

fn exchange(stream: &mut (impl Read + Write), bytes: &[u8]) -> String {
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The codes of the replies, one per reply.
fn codes(answer: &str) -> Vec<&str> {
    answer
        .lines()
        .filter(|line| line.as_bytes().get(3) == Some(&b' '))
        .map(|line| &line[..3])
        .collect()
}

const MAIL: &[u8] = b"EHLO c.example\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n\
    RCPT TO:<x@b.example>\r\nDATA\r\n..a\r\n.b.\r\n\r\n.\r\nQUIT\r\n";

#[test]
fn takes_a_message_and_notes_what_was_wrong_with_the_client() {
    let server = Server::engine(Engine::new().refuse("x@b.example", "550 5.1.1 no"));
    let answer = talk(&server, MAIL);
    assert_eq!(codes(&answer), ["220", "250", "250", "250", "550", "354", "250", "221"]);
    let record = server.finish_unchecked();
    let message = &record.messages()[0];
    assert_eq!(message.sender, "a@a.example");
    assert_eq!(message.addresses(), ["b@b.example"]);
    assert_eq!(message.refused[0].0, "x@b.example");
    assert_eq!(message.content, b".a\r\nb.\r\n\r\n");
    assert_eq!(message.wire, b"..a\r\n.b.\r\n\r\n.\r\n");
    assert!(message.is_accepted());
    assert_eq!(record.connections[0].verbs(), ["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "QUIT"]);
    assert_eq!(record.connections[0].ended, Some(End::Closed));
    let faults = record.faults().join("\n");
    assert!(faults.contains("behind EHLO") && faults.contains("behind DATA"), "{faults}");
}

#[test]
fn dots_and_line_ends_are_read_strictly_at_every_split() {
    // Only CRLF "." CRLF ends a message, and only a line that CRLF precedes begins one.
    let body: &[u8] = b".\n..\r.\r\n...\r\n..\n.\r\n. \r\n\r\n.\r\n";
    let wanted: &[u8] = b"\n..\r.\r\n..\r\n.\n.\r\n \r\n\r\n";
    for piece in 1..body.len() {
        let server = Server::script(Script::new().body().close());
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        for bytes in body.chunks(piece) {
            stream.write_all(bytes).unwrap();
        }
        drop(stream);
        let record = server.finish();
        assert_eq!(record.messages()[0].content, wanted, "{piece}");
        assert_eq!(record.messages()[0].wire, body, "{piece}");
    }
}

#[test]
fn chunks_and_lmtp_replies() {
    let engine = Engine::lmtp().final_reply("c@c.example", "452 4.2.2 full");
    let server = Server::engine(engine);
    let answer = talk(
        &server,
        b"LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@b.example>\r\nRCPT TO:<c@c.example>\r\n\
          BDAT 3\r\na\r\nBDAT 2 LAST\r\n\r\nMAIL FROM:<>\r\nBDAT 4 LAST\r\nQUITQUIT\r\n",
    );
    let wanted = ["220", "250", "250", "250", "250", "250", "250", "452", "250", "503", "221"];
    assert_eq!(codes(&answer), wanted);
    let message = &server.finish_unchecked().messages()[0];
    assert_eq!((message.content.as_slice(), message.chunks), (b"a\r\n\r\n".as_slice(), 2));
}

#[test]
fn refuses_what_was_not_offered_and_what_is_out_of_order() {
    let cases: &[(&str, &str)] = &[
        ("MAIL FROM:<a@b>", "503"),
        ("EHLO c\r\nMAIL FROM:<a@b> SIZE=1", "555"),
        ("EHLO c\r\nMAIL FROM:<a@b> BODY=8BITMIME", "555"),
        ("EHLO c\r\nMAIL FROM:<ä@b>", "553"),
        ("EHLO c\r\nMAIL FROM:a@b", "501"),
        ("EHLO c\r\nMAIL FROM: <a@b>", "501"),
        ("EHLO c\r\nMAIL FROM:<a@b", "501"),
        ("EHLO c\r\nMAIL FROM:<a@b> X Y= Z", "501"),
        ("EHLO c\r\nMAIL FROM:<\"a > b\"@b>", "250"),
        ("EHLO c\r\nMAIL FROM:<>\r\nMAIL FROM:<>", "503"),
        ("EHLO c\r\nRCPT TO:<a@b>", "503"),
        ("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b> NOTIFY=NEVER", "555"),
        ("EHLO c\r\nMAIL FROM:<>\r\nDATA", "554"),
        ("EHLO c\r\nAUTH PLAIN AA==", "503"),
        ("EHLO c\r\nSTARTTLS", "503"),
        ("EHLO", "501"),
        ("LHLO c", "500"),
        ("NONSENSE", "500"),
    ];
    for (commands, wanted) in cases {
        let server = Server::builder().engine(Engine::basic()).start();
        let answer = talk(&server, format!("{commands}\r\nQUIT\r\n").as_bytes());
        let codes = codes(&answer);
        assert_eq!(codes[codes.len() - 2], *wanted, "{commands}: {answer}");
    }
}

#[test]
fn logs_users_in() {
    let cases: &[(&str, &str)] = &[
        ("AUTH PLAIN AHUAcA==\r\n", "235"),
        ("AUTH PLAIN\r\nAHUAcA==\r\n", "235"),
        ("AUTH PLAIN AHUAcQ==\r\n", "535"),
        ("AUTH LOGIN\r\ndQ==\r\ncA==\r\n", "235"),
        ("AUTH LOGIN dQ==\r\ncA==\r\n", "235"),
        ("AUTH LOGIN\r\n*\r\n", "501"),
        ("AUTH CRAM-MD5\r\ndSAwMDAw\r\n", "535"),
        // HMAC-MD5 with the key "p", worked out by Python's hmac.
        ("AUTH CRAM-MD5\r\ndSA2YTgzNDJkMTQ4Njg4Njc1MWIxYmY4YzBkYjlhNzEyMw==\r\n", "235"),
        ("AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHABAQ==\r\n", "235"),
        ("AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHEBAQ==\r\n\r\n", "535"),
        ("AUTH NTLM\r\n", "504"),
        ("AUTH PLAIN !\r\n", "501"),
    ];
    for (commands, wanted) in cases {
        let server = Server::engine(Engine::new().user("u", "p"));
        let answer = talk(&server, format!("EHLO c\r\n{commands}QUIT\r\n").as_bytes());
        let codes = codes(&answer);
        assert_eq!(codes[codes.len() - 2], *wanted, "{commands}: {answer}");
    }
}

#[test]
fn unix_sockets_and_both_kinds_of_tls() {
    let server = Server::builder().unix().engine(Engine::new()).start();
    let mut stream = UnixStream::connect(server.host()).unwrap();
    assert!(exchange(&mut stream, MAIL).ends_with("221 2.0.0 bye\r\n"));
    assert_eq!(server.finish_unchecked().messages().len(), 1);

    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let connector = connector.build();
    for kind in Kind::NAMES.iter().map(|(_, kind)| *kind) {
        let server =
            Server::builder().implicit_tls(ServerTls::new(kind)).engine(Engine::new()).start();
        let stream = TcpStream::connect(server.address()).unwrap();
        let mut stream = connector.connect("localhost", stream).unwrap();
        assert!(exchange(&mut stream, MAIL).ends_with("221 2.0.0 bye\r\n"), "{kind:?}");
        let record = server.finish_unchecked();
        let facts = record.connections[0].tls.as_ref().unwrap();
        assert_eq!(facts.server_name.as_deref(), Some("localhost"));
        assert!(record.messages()[0].encrypted);
    }

    let server = Server::engine(Engine::new());
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let mut byte = [0];
    stream.write_all(b"EHLO c\r\nSTARTTLS\r\n").unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"go ahead\r\n") {
        stream.read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
    let mut stream = connector.connect("localhost", stream).unwrap();
    assert!(exchange(&mut stream, MAIL).ends_with("221 2.0.0 bye\r\n"));
    drop(server);
}

#[test]
fn counts_flights_and_finishes_with_clients_still_there() {
    let server = Server::builder().engine(Engine::new()).settle(Duration::from_millis(30)).start();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let mut seen = [0; 4096];
    for flight in ["EHLO c\r\n", "NOOP\r\n", "RSET\r\n"] {
        assert!(stream.read(&mut seen).unwrap() > 0);
        for piece in flight.as_bytes().chunks(3) {
            stream.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(3));
        }
    }
    server.wait_for(|record| record.lines().len() == 3);
    let begun = Instant::now();
    let record = server.finish();
    assert_eq!(record.flights(), 3);
    assert_eq!(record.connections[0].ended, Some(End::Stopped));
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn misbehaves_by_name() {
    let cases: &[(&str, &str)] = &[
        ("421-at-rcpt-2", "421 4.3.2"),
        ("mixed-codes-at-mail", "250-one\r\n550 two"),
        ("bad-greeting", "this is no SMTP"),
        ("no-lf-at-mail", "250 que"),
        ("close-after-data", "354 go ahead\r\n"),
        ("nul-at-rcpt", "250 a\0b"),
        ("two-replies-at-noop", "250 "),
    ];
    for (mode, wanted) in cases {
        let engine = modes::apply(Engine::new(), mode, Duration::ZERO).unwrap();
        let answer = talk(&Server::engine(engine), MAIL);
        assert!(answer.contains(wanted), "{mode}: {answer}");
    }
    assert!(modes::apply(Engine::new(), "nonsense", Duration::ZERO).is_err());
    assert!(modes::apply(Engine::new(), "nonsense-at-mail", Duration::ZERO).is_err());
}

#[test]
fn a_script_that_is_not_followed_is_a_failure() {
    let script = || Script::new().reply("220 hi").expect("EHLO c").reply("250 hi").expect("QUIT");
    let server = Server::script(script());
    talk(&server, b"ehlo c\r\nNOOP\r\n");
    let failures = server.finish_unchecked().failures();
    assert_eq!(failures, ["step 4: expected \"QUIT\", got \"NOOP\""]);

    let server = Server::script(script());
    drop(TcpStream::connect(server.address()).unwrap());
    assert_eq!(server.finish_unchecked().failures().len(), 1);
}
