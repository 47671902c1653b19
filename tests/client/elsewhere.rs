//! Servers that are not this machine, for which the default security is stricter. There is one in a
//! network namespace of the test's own, where the ports of mail are free as well.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use smtpclient::client::Security;

use super::*;
use crate::support::{Kind, ServerTls};

/// Set for the test inside.
const INSIDE: &str = "SMTPCLIENT_TEST_NAMESPACE";

/// An address of documentation (RFC 5737), which the namespace's own interface has.
const ELSEWHERE: &str = "192.0.2.1";

/// Whether this is the test inside. Outside it is run there, to its end.
fn is_inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        set_up_interface();
        return true;
    }
    let ways = [&["unshare", "--net"][..], &["unshare", "--net", "--user", "--map-root-user"]];
    let command = |way: &[&str], program: &str| {
        let mut command = Command::new(way[0]);
        command.args(&way[1..]).arg(program).stdin(Stdio::null());
        command
    };
    let works = |way: &&[&str]| {
        let tried = command(way, "true").stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    let (_, module) = module_path!().split_once("::").unwrap();
    let name = format!("{module}::{test}");
    let Some(way) = ways.into_iter().find(works) else {
        // Past the harness, which would swallow it.
        let text = "it takes a network namespace: root, or a user who may make namespaces";
        let line = format!("LEFT OUT: {name}: {text}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return false;
    };
    let program = std::env::current_exe().unwrap();
    let ran = command(way, program.to_str().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
    false
}

/// Brings the loopback interface up, and gives it the address.
fn set_up_interface() {
    let ip: std::net::Ipv4Addr = ELSEWHERE.parse().unwrap();
    // SAFETY: both are plain numbers, for which zero will do.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as libc::sa_family_t;
    address.sin_addr.s_addr = u32::from(ip).to_be();
    let request = |name: &str| {
        // SAFETY: as above.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = byte as libc::c_char;
        }
        request
    };
    let mut up = request("lo");
    up.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    let mut own = request("lo:1");
    // SAFETY: an address of this family lies where one of any does, and is no larger.
    unsafe { (&raw mut own.ifr_ifru).cast::<libc::sockaddr_in>().write(address) };
    // SAFETY: the requests live for the calls.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        assert_eq!(libc::ioctl(fd, libc::SIOCSIFFLAGS as _, &raw mut up), 0);
        assert_eq!(libc::ioctl(fd, libc::SIOCSIFADDR as _, &raw mut own), 0);
        libc::close(fd);
    }
}

/// What comes of it: an error, or encrypted or not.
type Expected = std::result::Result<bool, ErrorKind>;

const CLEAR: Expected = Ok(false);
const ENCRYPTED: Expected = Ok(true);
const NOT_OFFERED: Expected = Err(ErrorKind::NotSupported);
const FORBIDDEN: Expected = Err(ErrorKind::Forbidden);

#[test]
fn what_the_default_asks_of_servers_elsewhere() {
    use Protocol::{Lmtp, Smtp, Smtps};
    use Security::{Auto, None, Opportunistic, StartTls};
    if !is_inside("what_the_default_asks_of_servers_elsewhere") {
        return;
    }
    let away = ELSEWHERE;
    // Where, what was chosen, with credentials, and what comes of a server that offers STARTTLS
    // and of one that does not.
    let cases = [
        (away, Smtp, 25, Auto, false, [ENCRYPTED, CLEAR]),
        (away, Smtp, 25, Auto, true, [ENCRYPTED, FORBIDDEN]),
        (away, Smtp, 587, Auto, false, [ENCRYPTED, NOT_OFFERED]),
        (away, Smtp, 587, Auto, true, [ENCRYPTED, NOT_OFFERED]),
        (away, Smtp, 2525, Auto, false, [ENCRYPTED, CLEAR]),
        (away, Smtp, 2525, Auto, true, [ENCRYPTED, NOT_OFFERED]),
        (away, Smtp, 465, Auto, true, [ENCRYPTED, ENCRYPTED]),
        (away, Smtps, 465, Auto, true, [ENCRYPTED, ENCRYPTED]),
        (away, Lmtp, 2003, Auto, false, [ENCRYPTED, CLEAR]),
        (away, Lmtp, 2003, Auto, true, [ENCRYPTED, NOT_OFFERED]),
        (away, Smtp, 587, None, false, [CLEAR, CLEAR]),
        (away, Smtp, 587, None, true, [FORBIDDEN, FORBIDDEN]),
        (away, Smtp, 587, Opportunistic, true, [ENCRYPTED, FORBIDDEN]),
        (away, Smtp, 25, StartTls, false, [ENCRYPTED, NOT_OFFERED]),
        // The same name at this machine's own address.
        ("127.0.0.1", Smtp, 25, Auto, true, [CLEAR, CLEAR]),
        ("127.0.0.1", Smtp, 587, Auto, true, [CLEAR, CLEAR]),
        ("127.0.0.1", Smtp, 465, Auto, true, [ENCRYPTED, ENCRYPTED]),
        ("127.0.0.1", Lmtp, 2003, Auto, true, [CLEAR, CLEAR]),
    ];
    for (address, protocol, port, security, logs_in, outcomes) in cases {
        for (offered, expected) in [true, false].into_iter().zip(outcomes) {
            let what = format!("{address} {protocol:?} {port} {security:?} {logs_in} {offered}");
            let engine = Engine::new().user("me", "s3cr3t").mechanisms("PLAIN");
            let engine = if offered { engine } else { engine.without("STARTTLS") };
            let engine = if protocol == Lmtp { engine.into_lmtp() } else { engine };
            let place: SocketAddr = format!("{address}:{port}").parse().unwrap();
            let tls = ServerTls::new(Kind::Valid);
            let builder = Server::builder().engine(engine).at(place);
            let server =
                if port == 465 { builder.implicit_tls(tls) } else { builder.tls(tls) }.start();
            let mut client = client(protocol);
            client.set_tls(trusting());
            // By its name it would be this machine: the address decides.
            client.set_host("localhost", port).unwrap();
            client.set_addresses(&[address]).unwrap();
            client.set_security(security).unwrap();
            if logs_in {
                client.set_credentials(Some("me"), Some("s3cr3t")).unwrap();
            }
            let outcome = client.open().map(|()| client.is_encrypted());
            assert_eq!(
                outcome.as_ref().map_err(|error| error.kind()),
                expected.as_ref().map_err(|kind| *kind),
                "{what}: {outcome:?}"
            );
            assert_eq!(client.is_connected(), expected.is_ok(), "{what}");
            client.close();
            let connection = server.finish().connections.swap_remove(0);
            assert_eq!(connection.login.is_some(), logs_in && expected.is_ok(), "{what}");
            let hello = if protocol == Lmtp { "LHLO" } else { "EHLO" };
            let mut verbs = vec![hello];
            if expected == ENCRYPTED && port != 465 {
                verbs.extend(["STARTTLS", hello]);
            }
            verbs.extend((logs_in && expected.is_ok()).then_some("AUTH"));
            assert_eq!(connection.verbs(), verbs, "{what}");
        }
    }
}

#[test]
fn credentials_in_clear_for_those_who_ask_for_it() {
    if !is_inside("credentials_in_clear_for_those_who_ask_for_it") {
        return;
    }
    for allowed in [false, true] {
        let engine = Engine::basic().user("me", "s3cr3t").mechanisms("PLAIN");
        let place: SocketAddr = format!("{ELSEWHERE}:25").parse().unwrap();
        let server = Server::builder().engine(engine).at(place).start();
        let mut client = client(Protocol::Smtp);
        client.set_url(&format!("smtp://me:s3cr3t@{ELSEWHERE}")).unwrap();
        client.set_allow_plaintext_auth(allowed);
        assert_eq!(client.open().is_ok(), allowed);
        client.close();
        assert_eq!(server.finish().connections[0].login.is_some(), allowed);
    }
}

/// Whoever listens can use a token as well as a password.
#[test]
fn no_token_in_clear() {
    if !is_inside("no_token_in_clear") {
        return;
    }
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let engine = Engine::basic().user("me", "ya29.s3cr3t").mechanisms(mechanism);
        let place: SocketAddr = format!("{ELSEWHERE}:25").parse().unwrap();
        let server = Server::builder().engine(engine).at(place).start();
        let mut client = client(Protocol::Smtp);
        client.connect(ELSEWHERE, 25).unwrap();
        let refused = client.login_by_token("me", "ya29.s3cr3t");
        kind(refused, ErrorKind::Forbidden, "use starttls");
        client.set_allow_plaintext_auth(true);
        client.login_by_token("me", "ya29.s3cr3t").unwrap();
        client.close();
        let verbs = server.finish().connections[0].verbs().len();
        assert_eq!(verbs, 2, "EHLO, and AUTH once");
    }
}
