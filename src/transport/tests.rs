//! Sockets against a peer in this process.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use super::*;
use crate::error::{Detail, ErrorKind};

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(5))
}

fn connect(host: &str, port: u16, deadline: Option<Instant>) -> Result<Transport> {
    tcp(&Target { host, port, addresses: &[], source: None }, deadline)
}

fn tcp(target: &Target<'_>, deadline: Option<Instant>) -> Result<Transport> {
    drive(deadline, &Cancel::new()?, async |limit| Transport::tcp(target, limit).await)
}

fn unix(path: &str, deadline: Option<Instant>, cancel: &Cancel) -> Result<Transport> {
    drive(deadline, cancel, async |limit| Transport::unix(path, limit).await)
}

/// Runs what waits to its end.
pub(super) fn drive<T>(
    deadline: Option<Instant>,
    cancel: &Cancel,
    operation: impl AsyncFnOnce(Limit<'_>) -> T,
) -> T {
    let mut park = Park::default();
    park.join(&mut Park::default());
    block_on(&park, cancel, operation(Limit { deadline, park: &park }))
}

/// A wait on a connection.
pub(super) fn wait(
    transport: &Transport,
    what: Wait,
    deadline: Option<Instant>,
    cancel: &Cancel,
) -> Result<Ready> {
    drive(deadline, cancel, async |limit| match transport.ask(what, limit) {
        true => limit.park.answer().await,
        false => Ok(Ready { index: 0, readable: true, writable: true }),
    })
}

fn pair() -> (Transport, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Transport::from_fd(OwnedFd::from(ours)).unwrap(), theirs)
}

#[test]
fn hosts_and_ports() {
    let good = [
        ("host", 0, "host", 0),
        ("host", 25, "host", 25),
        ("host:2525", 0, "host", 2525),
        ("192.0.2.1:25", 0, "192.0.2.1", 25),
        ("::1", 0, "::1", 0),
        ("::1", 25, "::1", 25),
        ("[::1]", 0, "::1", 0),
        ("[::1]:2525", 0, "::1", 2525),
        ("[fe80::1%lo]:25", 0, "fe80::1%lo", 25),
    ];
    for (host, port, name, number) in good {
        assert_eq!(split_host_port(host, port).unwrap(), (name.to_owned(), number), "{host}");
    }
    for host in [
        "",
        "host:",
        "host:x",
        "host:0",
        "host:65536",
        "host:-1",
        "host:+1",
        "[::1",
        "[::1]x",
        "[::1]:",
        ":25",
        ".",
        "%lo",
        ".%lo",
        "[%lo]:25",
    ] {
        let error = split_host_port(host, 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{host}");
    }
}

#[test]
fn a_name_with_two_addresses_and_one_listener() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let transport = connect("localhost", listener.local_addr().unwrap().port(), soon()).unwrap();
    assert!(transport.peer_is_loopback());
    assert_eq!(transport.local_literal(), "[127.0.0.1]");
}

#[test]
fn failures_name_the_address_and_the_reason() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let Err(error) = connect("127.0.0.1", port, soon()) else { panic!("nobody listens") };
    assert_eq!((error.kind(), error.os_code()), (ErrorKind::Io, libc::ECONNREFUSED));
    assert!(error.message().contains(&format!("127.0.0.1:{port}")), "{error}");
    // No network is needed to know that there is no such name.
    let Err(error) = connect("-name.invalid", 25, soon()) else { panic!("no such name") };
    assert_eq!(error.kind(), ErrorKind::Resolve);
    let cancel = Cancel::new().unwrap();
    for (path, kind) in [
        ("/nonexistent/socket", ErrorKind::Io),
        (&*format!("/{}", "x".repeat(200)), ErrorKind::InvalidArgument),
        ("/tmp/a\0b", ErrorKind::InvalidArgument),
    ] {
        let Err(error) = unix(path, soon(), &cancel) else { panic!("no such socket") };
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[test]
fn a_full_backlog_ends_at_the_deadline() {
    let folder = std::env::temp_dir().join(format!("smtpclient-backlog-{}", std::process::id()));
    let _ = std::fs::remove_file(&folder);
    let listener = UnixListener::bind(&folder).unwrap();
    let path = folder.to_str().unwrap();
    let cancel = Cancel::new().unwrap();
    let mut open = Vec::new();
    let error = loop {
        let deadline = Some(Instant::now() + Duration::from_millis(100));
        match unix(path, deadline, &cancel) {
            Ok(transport) => open.push(transport),
            Err(error) => break error,
        }
        assert!(open.len() < 10_000, "the backlog never fills");
    };
    assert_eq!((error.kind(), error.detail()), (ErrorKind::Timeout, Detail::Connecting));
    let other = cancel.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        other.cancel();
    });
    let Err(error) = unix(path, soon(), &cancel) else { panic!("the backlog is full") };
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    thread.join().unwrap();
    drop(listener);
    std::fs::remove_file(&folder).unwrap();
}

#[test]
fn waits_end_at_the_deadline_and_at_a_cancel() {
    let (transport, _theirs) = pair();
    let cancel = Cancel::new().unwrap();
    let start = Instant::now();
    let deadline = Some(start + Duration::from_millis(50));
    let error = wait(&transport, Wait { write: false, also: None }, deadline, &cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(start.elapsed() >= Duration::from_millis(50));
    let other = cancel.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        other.cancel();
    });
    let error = wait(&transport, Wait { write: false, also: None }, soon(), &cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    thread.join().unwrap();
    cancel.clear();
    let ready = wait(&transport, Wait { write: true, also: None }, soon(), &cancel).unwrap();
    assert_eq!((ready.readable, ready.writable), (false, true));
}

#[test]
fn behind_the_deadline_only_what_has_arrived_counts() {
    let (mut transport, mut theirs) = pair();
    let cancel = Cancel::new().unwrap();
    let past = Some(Instant::now());
    let error = wait(&transport, Wait { write: true, also: None }, past, &cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    theirs.write_all(b"250 late\r\n").unwrap();
    assert!(wait(&transport, Wait { write: true, also: None }, past, &cancel).unwrap().readable);
    assert_eq!(transport.read(&mut [0; 64]).unwrap(), Io::Done(10));
    assert_eq!(
        wait(&transport, Wait { write: true, also: None }, past, &cancel).unwrap_err().kind(),
        ErrorKind::Timeout
    );
}

/// A wake descriptor may be readable from the wait before.
#[test]
fn a_wake_up_without_a_cancel_is_no_busy_loop() {
    let (transport, _theirs) = pair();
    let cancel = Cancel::new().unwrap();
    let end = Instant::now() + Duration::from_millis(50);
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            while Instant::now() < end {
                cancel.cancel();
                cancel.clear();
            }
        });
        // Whether a cancel is seen or taken back in time is chance; the wait must end.
        wait(&transport, Wait::default(), Some(end), &cancel).unwrap_err()
    });
    assert!([ErrorKind::Timeout, ErrorKind::Cancelled].contains(&error.kind()), "{error}");
    cancel.clear();
    let start = Instant::now();
    let deadline = Some(start + Duration::from_millis(50));
    let error = wait(&transport, Wait::default(), deadline, &cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(start.elapsed() >= Duration::from_millis(50));
    cancel.cancel();
    for _ in 0..2 {
        let error = wait(&transport, Wait::default(), None, &cancel).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}

#[test]
fn both_parts_go_out_in_order_and_a_lost_peer_is_an_error() {
    let (mut transport, mut theirs) = pair();
    assert_eq!(transport.write([b"", b""]).unwrap(), Io::Done(0));
    assert_eq!(transport.write([b"", b"o"]).unwrap(), Io::Done(1));
    assert_eq!(transport.write([b"ne", b"two"]).unwrap(), Io::Done(5));
    let mut got = [0; 6];
    theirs.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"onetwo");
    assert_eq!(transport.read(&mut got).unwrap(), Io::Blocked);
    theirs.write_all(b"hi").unwrap();
    assert_eq!(transport.read(&mut got).unwrap(), Io::Done(2));
    drop(theirs);
    assert_eq!(transport.read(&mut got).unwrap(), Io::Done(0));
    // Rust's test harness ignores SIGPIPE; tests/c has the same with the default disposition.
    let error = transport.write([b"three", b""]).unwrap_err();
    assert_eq!((error.kind(), error.os_code()), (ErrorKind::Disconnected, libc::EPIPE));
}

#[test]
fn only_connected_stream_sockets_are_adopted() {
    let datagram = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let file = std::fs::File::open("/dev/null").unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for fd in [OwnedFd::from(datagram), OwnedFd::from(file), OwnedFd::from(listener)] {
        let Err(error) = Transport::from_fd(fd) else { panic!("no connected stream") };
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn a_source_address_is_bound() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = |source| Target { host: "127.0.0.1", port, addresses: &[], source };
    let transport = tcp(&target(Some(("127.0.0.5", 0))), soon()).unwrap();
    assert_eq!(transport.local_literal(), "[127.0.0.5]");
    for any in ["", "0.0.0.0"] {
        let transport = tcp(&target(Some((any, 0))), soon()).unwrap();
        assert_eq!(transport.local_literal(), "[127.0.0.1]");
    }
    let Err(error) = tcp(&target(Some(("not-an-address", 0))), soon()) else {
        panic!("no address")
    };
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}
