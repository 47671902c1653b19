//! TLS against a server in this process, certificates made on the spot.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ::openssl::pkey::PKey;
use ::openssl::ssl::{Ssl, SslContext, SslMethod, SslStream, SslVerifyMode, SslVersion};
use ::openssl::x509::X509;

use super::super::tests::{drive, wait};
use super::super::{Cancel, Transport};
use super::*;
use crate::error::{Detail, ErrorKind, Flaw};

#[path = "../../../tests/support/certs.rs"]
#[allow(dead_code)]
pub(super) mod certs;

use certs::{ClientIdentity, Kind, authority, client_identity, server_identity};

pub(super) fn server_context(kind: Kind, version: SslVersion) -> ::openssl::ssl::SslContextBuilder {
    let identity = server_identity(kind);
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    builder.set_min_proto_version(Some(version)).unwrap();
    builder.set_max_proto_version(Some(version)).unwrap();
    let chain = X509::stack_from_pem(identity.chain_pem.as_bytes()).unwrap();
    builder.set_certificate(&chain[0]).unwrap();
    let key = PKey::private_key_from_pem(identity.key_pem.as_bytes()).unwrap();
    builder.set_private_key(&key).unwrap();
    builder
}

/// A server on the other end of a socket pair: `with` has the stream once TLS stands.
pub(super) fn serve<T: Send + 'static>(
    context: SslContext,
    with: impl FnOnce(SslStream<UnixStream>) -> T + Send + 'static,
) -> (Transport, JoinHandle<std::result::Result<T, String>>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let thread = std::thread::spawn(move || {
        let mut stream = SslStream::new(Ssl::new(&context).unwrap(), theirs).unwrap();
        stream.accept().map_err(|error| error.to_string())?;
        Ok(with(stream))
    });
    (Transport::from_fd(OwnedFd::from(ours)).unwrap(), thread)
}

pub(super) fn trusting() -> TlsPolicy {
    let mut policy = TlsPolicy::default();
    policy.set_system_roots(false);
    policy.add_ca_pem(authority().pem.as_bytes()).unwrap();
    policy
}

pub(super) fn secure(
    transport: Transport,
    policy: &TlsPolicy,
    host: &str,
    milliseconds: u64,
) -> Result<Transport> {
    let cancel = Cancel::new()?;
    let deadline = Some(Instant::now() + Duration::from_millis(milliseconds));
    drive(deadline, &cancel, async |limit| {
        transport.start_tls(policy, Peer { host, port: 25 }, limit).await
    })
}

/// Waits until something is there to read, and reads.
pub(super) fn read(transport: &mut Transport, buffer: &mut [u8]) -> Result<Io> {
    let cancel = Cancel::new()?;
    let deadline = Some(Instant::now() + Duration::from_secs(5));
    if !transport.has_buffered() {
        wait(transport, Wait { write: false, also: None }, deadline, &cancel)?;
    }
    transport.read(buffer)
}

pub(super) const VERSIONS: [SslVersion; 2] = [SslVersion::TLS1_2, SslVersion::TLS1_3];

#[test]
fn the_server_hears_why_its_certificate_is_refused() {
    for version in VERSIONS {
        for (kind, alert, flaw) in [
            (Kind::UnknownCa, "unknown ca", Flaw::Issuer),
            (Kind::Expired, "expired", Flaw::Expired),
        ] {
            let (transport, server) = serve(server_context(kind, version).build(), |mut stream| {
                stream.read(&mut [0; 1]).map_err(|error| error.to_string())
            });
            let error = secure(transport, &trusting(), "localhost", 5000).map(drop).unwrap_err();
            let class = (error.kind(), error.detail());
            assert_eq!(class, (ErrorKind::Tls, Detail::Certificate(flaw)), "{error}");
            let heard = server.join().unwrap().and_then(|later| later).unwrap_err();
            assert!(heard.contains(alert), "{heard}");
        }
    }
}

#[test]
fn a_certificate_is_for_other_kinds_of_names() {
    let context = server_context(Kind::IpSan, SslVersion::TLS1_3).build();
    let (transport, _server) = serve(context, drop);
    let error = secure(transport, &trusting(), "localhost", 5000).map(drop).unwrap_err();
    assert!(error.message().contains("(127.0.0.1, ::1)"), "{error}");
    assert_eq!(error.detail(), Detail::Certificate(Flaw::Name));
    let context = server_context(Kind::NoSan, SslVersion::TLS1_3).build();
    let (transport, _server) = serve(context, drop);
    let error = secure(transport, &trusting(), "localhost", 5000).map(drop).unwrap_err();
    assert!(error.message().ends_with("has no subject alternative name"), "{error}");
    assert_eq!(error.detail(), Detail::Certificate(Flaw::NoName));
}

#[test]
fn names_as_they_are_sent_and_verified() {
    for (host, sent) in [
        ("localhost", Some("localhost")),
        ("localhost.", Some("localhost")),
        ("127.0.0.1", None),
        ("::1", None),
        ("::1%lo", None),
    ] {
        let context = server_context(Kind::Valid, SslVersion::TLS1_3).build();
        let (transport, server) = serve(context, |stream| {
            stream.ssl().servername(::openssl::ssl::NameType::HOST_NAME).map(str::to_owned)
        });
        secure(transport, &trusting(), host, 5000).unwrap();
        assert_eq!(server.join().unwrap().unwrap().as_deref(), sent, "{host}");
    }
    let mut policy = trusting();
    for host in ["", ".", "%lo", ".example.org", "m\u{fc}ller.example"] {
        let (transport, _theirs) = impostor(drop);
        let error = secure(transport, &policy, host, 5000).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{host:?}: {error}");
    }
    for name in ["", ".", "%lo", "a b", "a\0b", "m\u{fc}ller.example", &"x".repeat(256)] {
        let error = policy.set_server_name(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{name}");
    }
}

/// What the client's loop does, the message offered in ever different cuts.
#[test]
fn both_directions_at_once_in_any_cut() {
    const SIZE: usize = 3 << 20;
    for version in VERSIONS {
        let context = server_context(Kind::Valid, version).build();
        let (transport, server) = serve(context, |mut stream| {
            let mut buffer = [0; 5000];
            let mut left = SIZE;
            while left > 0 {
                let count = stream.read(&mut buffer).unwrap();
                stream.write_all(&buffer[..count]).unwrap();
                left -= count;
            }
        });
        let mut transport = secure(transport, &trusting(), "localhost", 5000).unwrap();
        let message: Vec<u8> = (0..SIZE).map(|at| (at % 251) as u8).collect();
        let (mut echo, mut sent, mut turns) = (Vec::new(), 0, 0_usize);
        let mut buffer = vec![0; 40_000];
        let cancel = Cancel::new().unwrap();
        let deadline = Some(Instant::now() + Duration::from_secs(60));
        while echo.len() < SIZE {
            turns += 1;
            let offered = &message[sent..(sent + turns * 7919 % 300_000).min(SIZE)];
            let (one, two) = offered.split_at(offered.len() * (turns % 5) / 5);
            if let Io::Done(count) = transport.write([one, two]).unwrap() {
                sent += count;
            }
            if !transport.has_buffered() {
                let write = sent < SIZE || transport.flush_pending();
                let what = Wait { write, also: None };
                if !wait(&transport, what, deadline, &cancel).unwrap().readable {
                    continue;
                }
            }
            if let Io::Done(count) = transport.read(&mut buffer).unwrap() {
                assert!(count > 0);
                echo.extend_from_slice(&buffer[..count]);
            }
        }
        assert!(echo == message);
        assert!(turns < 50_000, "{turns} turns: the loop spins");
        server.join().unwrap().unwrap();
    }
}

#[test]
fn a_peer_that_does_not_read_blocks_the_writer() {
    let context = server_context(Kind::Valid, SslVersion::TLS1_3).build();
    let (transport, server) = serve(context, |stream| stream);
    let mut transport = secure(transport, &trusting(), "localhost", 5000).unwrap();
    let stream = server.join().unwrap().unwrap();
    let block = vec![b'x'; 1 << 20];
    let mut taken = 0;
    while let Io::Done(count) = transport.write([&block, &block]).unwrap() {
        taken += count;
        assert!(taken < 16 << 20, "it takes without end");
    }
    assert!(transport.flush_pending());
    assert_eq!(transport.write([b"", b""]).unwrap(), Io::Blocked);
    let super::super::Stream::Tls(socket) = &transport.stream else { panic!("no TLS") };
    assert!(socket.engine.ciphertext().backlog() < 256 * 1024);
    drop(stream);
    let error = transport.write([b"x", b""]).unwrap_err();
    assert_eq!((error.kind(), error.os_code()), (ErrorKind::Disconnected, libc::EPIPE));
}

#[test]
fn session_tickets_are_no_data() {
    let mut context = server_context(Kind::Valid, SslVersion::TLS1_3);
    context.set_num_tickets(8).unwrap();
    let (go, told) = std::sync::mpsc::channel::<()>();
    let (transport, server) = serve(context.build(), move |mut stream| {
        told.recv().unwrap();
        stream.write_all(b"hi").unwrap();
    });
    let mut transport = secure(transport, &trusting(), "localhost", 5000).unwrap();
    let mut buffer = [0; 64];
    for _ in 0..8 {
        if !transport.has_buffered() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(transport.read(&mut buffer).unwrap(), Io::Blocked);
        assert!(!transport.has_buffered());
    }
    go.send(()).unwrap();
    assert_eq!(read(&mut transport, &mut buffer).unwrap(), Io::Done(2));
    server.join().unwrap().unwrap();
}

#[test]
fn a_drop_says_nothing_and_a_shutdown_says_goodbye() {
    for (goodbye, in_child, is_heard) in
        [(false, false, false), (true, false, true), (false, true, false)]
    {
        let context = server_context(Kind::Valid, SslVersion::TLS1_3).build();
        let (transport, server) =
            serve(context, |mut stream| stream.ssl_read(&mut [0; 8]).map_err(|error| error.code()));
        let mut transport = secure(transport, &trusting(), "localhost", 5000).unwrap();
        if goodbye {
            transport.shutdown();
        }
        if in_child {
            let super::super::Stream::Tls(socket) = &mut transport.stream else { panic!("no TLS") };
            socket.process += 1;
        }
        drop(transport);
        let heard = server.join().unwrap().unwrap().unwrap_err();
        assert_eq!(heard == ::openssl::ssl::ErrorCode::ZERO_RETURN, is_heard, "{heard:?}");
    }
}

#[test]
fn an_end_with_or_without_goodbye_is_the_end() {
    for goodbye in [false, true] {
        let context = server_context(Kind::Valid, SslVersion::TLS1_3).build();
        let (transport, server) = serve(context, move |mut stream| {
            stream.write_all(b"bye").unwrap();
            if goodbye {
                let _ = stream.shutdown();
            }
        });
        let mut transport = secure(transport, &trusting(), "localhost", 5000).unwrap();
        server.join().unwrap().unwrap();
        let mut buffer = [0; 64];
        let mut got = Vec::new();
        loop {
            match read(&mut transport, &mut buffer).unwrap() {
                Io::Done(0) => break,
                Io::Done(count) => got.extend_from_slice(&buffer[..count]),
                Io::Blocked => {}
            }
        }
        assert_eq!(got, b"bye");
        assert_eq!(transport.read(&mut buffer).unwrap(), Io::Done(0));
    }
}

/// Codes of what the host's thread has in OpenSSL's queue, which stays as it is.
fn host_errors() -> Vec<(std::ffi::c_ulong, Option<String>)> {
    let queue = ::openssl::error::ErrorStack::get();
    queue.put();
    let show = |error: &::openssl::error::Error| (error.code(), error.data().map(str::to_owned));
    queue.errors().iter().map(show).collect()
}

#[test]
fn errors_that_the_host_left_on_the_thread_are_not_ours_and_stay() {
    let context = server_context(Kind::Valid, SslVersion::TLS1_3).build();
    let (transport, server) = serve(context, |mut stream| {
        let mut buffer = [0; 5];
        stream.read_exact(&mut buffer).unwrap();
        buffer
    });
    // What the test itself asks of OpenSSL on this thread comes before.
    let refused = [Kind::Expired, Kind::NoSan]
        .map(|kind| serve(server_context(kind, SslVersion::TLS1_3).build(), drop));
    X509::from_pem(b"junk").unwrap_err().put();
    let left = host_errors();
    assert!(!left.is_empty());
    let mut policy = trusting();
    policy.context().unwrap();
    let mut transport = secure(transport, &policy, "localhost", 5000).unwrap();
    assert_eq!(host_errors(), left, "handshake");
    assert_eq!(transport.read(&mut [0; 8]).unwrap(), Io::Blocked);
    assert_eq!(transport.write([b"hello", b""]).unwrap(), Io::Done(5));
    assert_eq!(&server.join().unwrap().unwrap(), b"hello");
    assert!(transport.peer_certificate().is_some());
    assert_eq!(host_errors(), left, "data");
    transport.shutdown();
    drop(transport);
    assert_eq!(host_errors(), left, "end");
    // Failures of ours leave nothing there either.
    policy.add_ca_pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap_err();
    policy.set_client_pkcs12(b"junk", "").unwrap_err();
    policy.set_client_certificate("/dev/null", None).unwrap_err();
    for (transport, _server) in refused {
        secure(transport, &policy, "localhost", 5000).map(drop).unwrap_err();
    }
    assert_eq!(host_errors(), left, "failures");
}

#[test]
fn what_was_taken_is_told_from_what_was_handed_over() {
    for version in VERSIONS {
        let context = server_context(Kind::Valid, version).build();
        let (transport, server) = serve(context, |stream| stream);
        let mut transport = secure(transport, &trusting(), "localhost", 5000).unwrap();
        let mut stream = server.join().unwrap().unwrap();
        assert_eq!(transport.write([b"one", b"two"]).unwrap(), Io::Done(6));
        assert_eq!(transport.unhanded(), 0);
        let block = vec![b'x'; 1 << 20];
        let mut taken = 6;
        while let Io::Done(count) = transport.write([&block, &block[..10]]).unwrap() {
            taken += count as u64;
        }
        let unhanded = transport.unhanded();
        assert!(unhanded > 0 && unhanded < taken, "{unhanded} of {taken}");
        // Exactly the rest can be read by the peer, and nothing behind it.
        stream.get_ref().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut got = 0;
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count) = stream.ssl_read(&mut buffer) {
            got += count as u64;
        }
        assert_eq!(got, taken - unhanded, "{version:?}");
        // The half of a record that is still here follows, and the account is even.
        while transport.flush_pending() {
            transport.write([b"", b""]).unwrap();
            while let Ok(count) = stream.ssl_read(&mut buffer) {
                got += count as u64;
            }
        }
        assert_eq!((got, transport.unhanded()), (taken, 0), "{version:?}");
    }
}

#[test]
fn a_write_that_fails_half_way_tells_what_it_took() {
    let context = server_context(Kind::Valid, SslVersion::TLS1_3).build();
    let (transport, server) = serve(context, drop);
    let mut transport = secure(transport, &trusting(), "localhost", 5000).unwrap();
    server.join().unwrap().unwrap();
    // The peer is gone, which shows when the record is sent.
    assert_eq!(transport.write([b"lost", b"too"]).unwrap(), Io::Done(7));
    assert_eq!(transport.unhanded(), 7);
    assert!(transport.flush_pending());
    let cancel = Cancel::new().unwrap();
    let ready = wait(&transport, Wait::default(), None, &cancel).unwrap();
    assert!(ready.writable, "no waiting for what is over");
    for _ in 0..2 {
        let error = transport.write([b"", b""]).unwrap_err();
        assert_eq!((error.kind(), error.os_code()), (ErrorKind::Disconnected, libc::EPIPE));
    }
    assert_eq!(transport.unhanded(), 7);
}

#[test]
fn the_environment_stays_as_it_was() {
    let before: Vec<_> = std::env::vars_os().collect();
    TlsPolicy::default().context().unwrap();
    assert_eq!(before, std::env::vars_os().collect::<Vec<_>>());
}

/// A TCP peer that is no TLS server.
fn impostor(act: impl FnOnce(TcpStream) + Send + 'static) -> (Transport, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let thread = std::thread::spawn(move || act(listener.accept().unwrap().0));
    (Transport::from_fd(OwnedFd::from(ours)).unwrap(), thread)
}

#[test]
fn handshakes_that_break_off() {
    let cases: [(fn(TcpStream), ErrorKind, &str, i32); 4] = [
        (
            |mut stream| {
                let _ = stream.read(&mut [0; 16]);
                let socket = socket2::Socket::from(stream);
                socket.set_linger(Some(Duration::ZERO)).unwrap();
            },
            ErrorKind::Disconnected,
            "TLS was being set up",
            libc::ECONNRESET,
        ),
        (
            |mut stream| {
                let _ = stream.read(&mut [0; 4096]);
            },
            ErrorKind::Tls,
            "closed the connection",
            0,
        ),
        (
            |mut stream| {
                let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n");
                let _ = stream.read(&mut [0; 4096]);
                std::thread::sleep(Duration::from_millis(100));
            },
            ErrorKind::Tls,
            "not TLS",
            0,
        ),
        (
            |mut stream| {
                // Alert, fatal, handshake_failure.
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 40]);
            },
            ErrorKind::Tls,
            "the alert \"handshake failure\"",
            0,
        ),
    ];
    for (act, kind, words, errno) in cases {
        let (transport, peer) = impostor(act);
        let error = secure(transport, &trusting(), "localhost", 5000).map(drop).unwrap_err();
        assert_eq!((error.kind(), error.os_code()), (kind, errno), "{error}");
        assert_eq!(error.detail(), Detail::None, "{error}");
        assert!(error.message().contains(words), "{error}");
        assert!(!error.message().contains(".c:"), "{error}");
        peer.join().unwrap();
    }
}

/// The start of a handshake record that promises 16 KiB, a byte at a time.
fn drip(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    for byte in [22, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xf0].into_iter().chain(std::iter::repeat(0)) {
        if stream.write_all(&[byte]).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_dripped_handshake_ends_at_the_deadline_and_at_a_cancel() {
    let (transport, peer) = impostor(drip);
    let start = Instant::now();
    let error = secure(transport, &trusting(), "localhost", 200).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!((190..1000).contains(&start.elapsed().as_millis()));
    peer.join().unwrap();

    let (transport, peer) = impostor(drip);
    let cancel = Cancel::new().unwrap();
    let other = cancel.clone();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        other.cancel();
    });
    let policy = trusting();
    let start = async |limit: Limit<'_>| {
        transport.start_tls(&policy, Peer { host: "localhost", port: 25 }, limit).await
    };
    let error = drive(None, &cancel, start).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    canceller.join().unwrap();
    peer.join().unwrap();
}

pub(super) struct Folder(pub(super) std::path::PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("smtpclient-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(super) fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The server sees the certificate that the policy shows.
fn shows(policy: &TlsPolicy, identity: &ClientIdentity) {
    let mut context = server_context(Kind::Valid, SslVersion::TLS1_3);
    context.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    let root = X509::from_pem(authority().pem.as_bytes()).unwrap();
    context.cert_store_mut().add_cert(root).unwrap();
    let (transport, server) =
        serve(context.build(), |stream| stream.ssl().peer_certificate().unwrap().to_pem().unwrap());
    secure(transport, policy, "localhost", 5000).unwrap();
    let seen = server.join().unwrap().unwrap();
    let shown = X509::from_pem(identity.certificate_pem.as_bytes()).unwrap().to_pem().unwrap();
    assert_eq!(seen, shown);
}

#[test]
fn client_certificates_in_every_encoding() {
    let folder = Folder::new("identities");
    for identity in [client_identity(), certs::rsa_client_identity()] {
        let certificate = folder.file("certificate.pem", &identity.certificate_pem);
        // What `openssl ecparam -genkey` writes before the key.
        let parameters =
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        let behind_parameters = format!("{parameters}{}", identity.key_traditional);
        for key in [&identity.key_pkcs8, &identity.key_traditional, &behind_parameters] {
            let mut policy = trusting();
            let key_file = folder.file("key.pem", key);
            policy.set_client_certificate(&certificate, Some(&key_file)).unwrap();
            shows(&policy, &identity);
            for both in [
                format!("{key}{}", identity.certificate_pem),
                format!("{}{key}", identity.certificate_pem),
            ] {
                let mut policy = trusting();
                policy.set_client_certificate(&folder.file("both.pem", &both), None).unwrap();
                shows(&policy, &identity);
            }
        }
        let mut policy = trusting();
        policy.set_client_pkcs12(&identity.pkcs12, "secret").unwrap();
        shows(&policy, &identity);
    }
}

#[test]
fn credentials_that_cannot_be_used() {
    let folder = Folder::new("bad-identities");
    let identity = client_identity();
    let certificate = folder.file("certificate.pem", &identity.certificate_pem);
    let encrypted = folder.file("encrypted.pem", &identity.key_encrypted);
    let foreign = folder.file("foreign.pem", &client_identity().key_pkcs8);
    let key = folder.file("key.pem", &identity.key_pkcs8);
    let empty = folder.file("empty.pem", "");
    let directory = folder.0.to_str().unwrap();
    let mut policy = trusting();
    for (file, key_file, words, errno) in [
        (&*certificate, Some(&*encrypted), "the key is encrypted", 0),
        (&certificate, Some(&foreign), "does not belong to the certificate", 0),
        (&certificate, None, "no PEM private key", 0),
        (&certificate, Some(&empty), "no PEM private key", 0),
        (&empty, Some(&key), "no PEM certificate", 0),
        (&certificate, Some("/nonexistent/key"), "/nonexistent/key", libc::ENOENT),
        (directory, None, "cannot read", libc::EISDIR),
        ("/dev/zero", None, "larger", 0),
    ] {
        let error = policy.set_client_certificate(file, key_file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert_eq!(error.os_code(), errno, "{error}");
        assert!(error.message().contains(words), "{error}");
        assert!(!error.message().contains(".c:"), "{error}");
    }
    for (data, password) in [(&b"junk"[..], ""), (&identity.pkcs12, "wrong")] {
        let error = policy.set_client_pkcs12(data, password).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().starts_with("PKCS#12: "), "{error}");
        assert!(!error.message().contains("error:"), "{error}");
    }
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["", "no certificate", broken, &identity.key_pkcs8] {
        let error = policy.add_ca_pem(pem.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    let error = policy.set_ca_file("/nonexistent/ca").unwrap_err();
    assert_eq!((error.kind(), error.os_code()), (ErrorKind::InvalidArgument, libc::ENOENT));
}
