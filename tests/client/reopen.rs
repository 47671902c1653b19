//! Opening what may be open: nothing is sent where the connection is there, and a new one is made
//! where it is not, or is another's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use smtpclient::client::{Body, Completion, Security, Transaction};

use super::*;
use crate::support::{Kind, Script, ServerTls};

/// Opens a connection whose other end is the test's: greeted, and silent since.
fn open_by_hand(client: &mut Client, listener: &TcpListener) -> TcpStream {
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let mut stream = accept(listener);
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            stream.write_all(b"220 x\r\n").unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            assert_eq!(line, "EHLO client.example\r\n");
            stream.write_all(b"250 x\r\n").unwrap();
            stream
        });
        client.open().unwrap();
        server.join().unwrap()
    })
}

/// Waits until what a server did has come to the client's end.
fn await_end(client: &Client, sign: i16) {
    let fd = client.fd().unwrap();
    let mut entry = libc::pollfd { fd, events: sign, revents: 0 };
    // SAFETY: one entry, which lives for the call.
    let count = unsafe { libc::poll(&raw mut entry, 1, 10_000) };
    assert_eq!(count, 1, "nothing has come");
}

/// A connection, unless none comes.
fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let start = Instant::now();
    loop {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).unwrap();
            return stream;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "no connection is made");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn opened(server: &Server) -> Client {
    let mut client = client(Protocol::Smtp);
    client.set_tls(trusting());
    client.set_host("localhost", server.port()).unwrap();
    client.open().unwrap();
    client
}

/// What the server did meanwhile is noticed, and it sees not a byte of the client's.
#[test]
fn an_end_that_came_while_idle_is_noticed() {
    type Deed = fn(&mut TcpStream);
    let (input, end) = (libc::POLLIN, libc::POLLRDHUP);
    let deeds: [(&str, i16, Deed); 5] = [
        ("421", input, |stream| stream.write_all(b"421 4.3.2 bye\r\n").unwrap()),
        ("421 in two pieces", input, |stream| {
            stream.write_all(b"421-4.3.2 shutting\r\n").unwrap();
            stream.write_all(b"421 4.3.2 down\r\n").unwrap();
        }),
        ("a reply to nothing", input, |stream| stream.write_all(b"250 ok\r\n").unwrap()),
        ("the end", end, |stream| stream.shutdown(std::net::Shutdown::Write).unwrap()),
        ("421 and the end", end, |stream| {
            stream.write_all(b"421 4.3.2 bye\r\n").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
        }),
    ];
    for (what, sign, deed) in deeds {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = client(Protocol::Smtp);
        client.set_host("127.0.0.1", listener.local_addr().unwrap().port()).unwrap();
        let mut first = open_by_hand(&mut client, &listener);
        client.open().unwrap();
        deed(&mut first);
        await_end(&client, sign);
        let second = open_by_hand(&mut client, &listener);
        assert!(client.is_connected(), "{what}");
        let mut rest = Vec::new();
        assert_eq!(first.read_to_end(&mut rest).unwrap(), 0, "{what}: {rest:?}");
        drop(second);
    }
}

#[test]
fn an_end_under_tls_is_noticed() {
    for tls in [ServerTls::new(Kind::Valid).tls12(), ServerTls::new(Kind::Valid).tls13()] {
        let ended = Script::new().reply("220 x").expect("EHLO").reply("250 x").cut();
        let server =
            Server::builder().implicit_tls(tls).script(ended).engine(Engine::new()).start();
        let mut client = client(Protocol::Smtps);
        client.set_tls(trusting());
        client.set_host("localhost", server.port()).unwrap();
        client.open().unwrap();
        await_end(&client, libc::POLLRDHUP);
        client.open().unwrap();
        send(&mut client, &["a@x.example"], b"hello").unwrap();
        client.quit().unwrap();
        assert_eq!(server.finish().connections.len(), 2);
    }
}

#[test]
fn an_open_connection_costs_nothing() {
    for security in [Security::Auto, Security::StartTls] {
        // Tickets that come behind the handshake are no reply.
        let tls = ServerTls::new(Kind::Valid).tls13().tickets(8);
        let server = Server::builder().tls(tls).engine(Engine::new()).start();
        let mut client = client(Protocol::Smtp);
        client.set_tls(trusting());
        client.set_host("localhost", server.port()).unwrap();
        client.set_security(security).unwrap();
        for _ in 0..1000 {
            client.open().unwrap();
        }
        let sent = server.record().lines().len();
        assert_eq!(sent, if security == Security::Auto { 1 } else { 3 });
        send(&mut client, &["a@x.example"], b"hello").unwrap();
        client.open().unwrap();
        client.quit().unwrap();
        client.open().unwrap();
        assert_eq!(server.finish().connections.len(), 2);
    }
}

#[test]
fn what_was_set_since_takes_a_new_connection() {
    type Change = fn(&mut Client, &Server);
    let changes: [(&str, usize, Change); 9] = [
        ("nothing", 1, |_, _| {}),
        ("the time limit", 1, |client, _| client.set_timeout(TimeoutPolicy::Never)),
        ("the host", 2, |client, server| client.set_host("127.0.0.1", server.port()).unwrap()),
        ("the same host", 2, |client, server| {
            client.set_host("localhost", server.port()).unwrap();
        }),
        ("the addresses", 2, |client, _| client.set_addresses(&["127.0.0.1"]).unwrap()),
        ("the credentials", 2, |client, _| {
            client.set_credentials(Some("me"), Some("x")).unwrap();
        }),
        ("the security", 2, |client, _| client.set_security(Security::StartTls).unwrap()),
        ("all of it", 2, |client, server| {
            client.set_url(&format!("smtp://localhost:{}", server.port())).unwrap();
        }),
        ("a bad URL", 1, |client, _| assert!(client.set_url("smtp://").is_err())),
    ];
    for (what, expected, change) in changes {
        let server = Server::engine(Engine::new().user("me", "x"));
        let mut client = opened(&server);
        change(&mut client, &server);
        client.open().unwrap();
        client.open().unwrap();
        let record = server.record();
        assert_eq!(record.connections.len(), expected, "{what}");
        let last = &record.connections[expected - 1];
        assert_eq!(last.login.is_some(), what == "the credentials", "{what}");
        assert_eq!(client.is_encrypted(), what == "the security", "{what}");
    }
}

/// The connection is another server's, though nothing was set since.
#[test]
fn a_connection_made_by_hand_is_not_the_one_that_was_set() {
    let (server, other) = (engine(), engine());
    let mut client = opened(&server);
    client.connect(&other.address(), 0).unwrap();
    client.open().unwrap();
    send(&mut client, &["a@x.example"], b"one").unwrap();
    let socket = TcpStream::connect(other.address()).unwrap();
    client.connect_fd(socket.into(), None).unwrap();
    client.open().unwrap();
    send(&mut client, &["a@x.example"], b"two").unwrap();
    let socket = TcpStream::connect(other.address()).unwrap();
    client.adopt_fd(socket.into(), None).unwrap();
    client.open().unwrap();
    // One that failed is none, and leaves what was set.
    assert!(client.connect("127.0.0.1:1", 0).is_err());
    client.open().unwrap();
    client.quit().unwrap();
    assert_eq!(server.finish().connections.len(), 5);
    assert!(other.finish().messages().is_empty());
}

#[derive(Clone, Default)]
struct Done(Arc<Mutex<Vec<Box<Transaction>>>>);

impl Completion for Done {
    fn completed(&mut self, transaction: Box<Transaction>) {
        // A client is dropped behind a failed assertion too.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(transaction);
    }
}

/// Where no server was set, any connection will do while it lives.
#[test]
fn a_connection_made_by_hand_will_do_where_none_was_set() {
    let server = engine();
    let mut client = client(Protocol::Smtp);
    kind(client.open(), ErrorKind::Misuse, "no server was set");
    client.connect(&server.address(), 0).unwrap();
    client.open().unwrap();
    client.quit().unwrap();
    kind(client.open(), ErrorKind::Misuse, "no server was set");
    assert_eq!(server.finish().connections.len(), 1);
}

fn transaction() -> Box<Transaction> {
    let mut transaction = Transaction::new();
    transaction.set_sender("from@x.example").unwrap();
    transaction.add_recipient("to@x.example", &[]).unwrap();
    transaction.set_body(Body::Owned(b"hello".to_vec()));
    Box::new(transaction)
}

fn submit(client: &mut Client, count: usize) {
    for _ in 0..count {
        client.submit(transaction()).unwrap();
    }
}

#[test]
fn a_stream_in_flight_goes_on() {
    let server = engine();
    let mut client = opened(&server);
    let done = Done::default();
    client.set_completion(Some(Box::new(done.clone())));
    for _ in 0..20 {
        submit(&mut client, 10);
        client.open().unwrap();
    }
    client.flush().unwrap();
    let all = done.0.lock().unwrap();
    assert_eq!(all.len(), 200);
    assert!(all.iter().all(|one| one.status_kind().is_none()));
    let record = server.finish();
    assert_eq!((record.connections.len(), record.messages().len()), (1, 200));
}

/// Each comes back with its own truth, as behind any other call that closes.
#[test]
fn a_stream_in_flight_to_another_server_ends() {
    let (server, other) = (engine(), engine());
    let mut client = opened(&server);
    let done = Done::default();
    client.set_completion(Some(Box::new(done.clone())));
    submit(&mut client, 50);
    client.set_host("localhost", other.port()).unwrap();
    client.open().unwrap();
    assert_eq!(done.0.lock().unwrap().len(), 50);
    let delivered = server.finish().messages().iter().filter(|one| one.is_accepted()).count();
    let all = done.0.lock().unwrap();
    let count =
        |kind: Option<ErrorKind>| all.iter().filter(|one| one.status_kind() == kind).count();
    let (told, unknown) = (count(None), count(Some(ErrorKind::OutcomeUnknown)));
    assert!(told <= delivered && delivered <= told + unknown, "{told} {delivered} {unknown}");
    assert!(other.finish().messages().is_empty());
}

/// It comes back before the new connection is made, which is not its own.
#[test]
fn a_stream_whose_server_has_gone_ends() {
    let greeted = Script::new().reply("220 x").expect("EHLO").reply("250 x");
    let gone = greeted.expect("MAIL").pause(Duration::from_millis(200)).cut();
    let server = Server::builder().script(gone).engine(Engine::new()).start();
    let mut client = opened(&server);
    let done = Done::default();
    client.set_completion(Some(Box::new(done.clone())));
    client.submit(transaction()).unwrap();
    await_end(&client, libc::POLLRDHUP);
    client.open().unwrap();
    let all = done.0.lock().unwrap();
    let kinds: Vec<_> = all.iter().map(|one| one.status_kind()).collect();
    assert_eq!(kinds, [Some(ErrorKind::Disconnected)]);
    assert!(client.is_connected());
    client.close();
    let record = server.finish();
    assert_eq!((record.connections.len(), record.messages().len()), (2, 0));
}

/// What is owed stays the caller's to fetch, and in the way of everything else.
#[test]
fn replies_that_are_owed_stay_where_they_are() {
    let server = engine();
    let mut client = opened(&server);
    client.putcmd("RSET", None).unwrap();
    client.putcmd("NOOP", None).unwrap();
    client.open().unwrap();
    kind(client.noop(), ErrorKind::Misuse, "");
    assert_eq!(client.getreply().unwrap(), 250);
    client.open().unwrap();
    assert_eq!(client.getreply().unwrap(), 250);
    assert_eq!(client.noop().unwrap(), 250);
    // They go with a connection to what is not set any more.
    client.putcmd("NOOP", None).unwrap();
    client.set_host("127.0.0.1", server.port()).unwrap();
    client.open().unwrap();
    assert_eq!(client.noop().unwrap(), 250);
    assert_eq!(server.finish().connections.len(), 2);
}

/// What failed is tried again, each time from the beginning.
#[test]
fn after_an_error_the_next_call_tries_again() {
    let refused = || Script::new().reply("421 4.3.2 too busy");
    let server =
        Server::builder().script(refused()).script(refused()).engine(Engine::new()).start();
    let mut client = client(Protocol::Smtp);
    client.set_host("127.0.0.1", server.port()).unwrap();
    let start = Instant::now();
    for _ in 0..2 {
        kind(client.open(), ErrorKind::Connect, "too busy");
    }
    client.open().unwrap();
    assert!(start.elapsed() < Duration::from_secs(10), "nothing waits between");
    assert_eq!(server.record().connections.len(), 3);
}
