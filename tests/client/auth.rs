//! Login: mechanisms in order, challenges, refusals, and the guard over passwords in clear.

use smtpclient::client::{IS_TLS_FULL, Mechanism, Secret};
use smtpclient::error::{Detail, Error};

use super::*;
use crate::support::certs::Kind;
use crate::support::{Proof, Script, ServerTls};

const EHLO: &str = "250-x\r\n250 AUTH PLAIN LOGIN CRAM-MD5 X-OWN";

fn offering(line: &str) -> Script {
    Script::new().reply("220 x").expect("EHLO").reply(line)
}

#[test]
fn login_with_each_mechanism() {
    for mechanisms in [
        "PLAIN",
        "LOGIN",
        "CRAM-MD5",
        "SCRAM-SHA-1",
        "SCRAM-SHA-256",
        "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256",
    ] {
        for initial in [true, false] {
            let server =
                Server::engine(Engine::new().user("alice", "p\u{e4}ss").mechanisms(mechanisms));
            let mut client = connected(&server);
            client.set_initial_response(initial);
            client.login("alice", "p\u{e4}ss").unwrap();
            assert_eq!(client.reply().code(), 235);
            client.quit().unwrap();
            let record = server.finish();
            assert_eq!(record.connections[0].login.as_deref(), Some("alice"), "{mechanisms}");
        }
    }
}

#[test]
fn wrong_password_after_every_mechanism() {
    let all = "LOGIN PLAIN SCRAM-SHA-1 CRAM-MD5 SCRAM-SHA-256";
    let server = Server::engine(Engine::new().user("alice", "right").mechanisms(all));
    let mut client = connected(&server);
    kind(client.login("alice", "wrong"), ErrorKind::Authentication, "AUTH LOGIN: 535");
    // The connection goes on.
    client.login("alice", "right").unwrap();
    client.quit().unwrap();
    let lines = server.finish().lines();
    let tried: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("AUTH ")).collect();
    let names: Vec<_> = tried.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let order = ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "SCRAM-SHA-256"];
    assert_eq!(names, order);
}

#[test]
fn what_cannot_be_done() {
    let server = Server::engine(Engine::basic());
    kind(connected(&server).login("a", "b"), ErrorKind::NotSupported, "does not offer");
    let server = Server::script(offering("250-x\r\n250 AUTH GSSAPI"));
    let mut client = connected(&server);
    kind(client.login("a", "b"), ErrorKind::NoMechanism, "GSSAPI");
    kind(client.set_auth_mechanisms("GSSAPI"), ErrorKind::NotSupported, "CRAM-MD5");
    kind(client.auth_builtin("PLAIN", "a", "b"), ErrorKind::NoMechanism, "GSSAPI");
    kind(client.auth_builtin("GSSAPI", "a", "b"), ErrorKind::NotSupported, "");
}

/// A server that refuses and hangs up has refused: the caller must not try for ever.
#[test]
fn a_refusal_before_the_end_of_the_connection_is_reported() {
    let script = offering("250-x\r\n250 AUTH CRAM-MD5 PLAIN")
        .expect("AUTH CRAM-MD5")
        .reply("535 5.7.8 wrong password")
        .close();
    let server = Server::script(script);
    let mut client = connected(&server);
    kind(client.login("a", "b"), ErrorKind::Authentication, "535 5.7.8 wrong password; then");
    assert!(!client.is_connected());
    server.finish_unchecked();
}

#[test]
fn mechanisms_may_be_narrowed_and_ordered() {
    let server =
        Server::engine(Engine::new().user("alice", "x").mechanisms("CRAM-MD5 PLAIN LOGIN"));
    let mut client = connected(&server);
    client.set_auth_mechanisms("login plain").unwrap();
    client.login("alice", "x").unwrap();
    client.quit().unwrap();
    assert!(server.finish().lines()[1].starts_with("AUTH LOGIN "));

    let all = "PLAIN SCRAM-SHA-1 SCRAM-SHA-256";
    let server = Server::engine(Engine::new().user("alice", "x").mechanisms(all));
    let mut client = connected(&server);
    client.set_auth_mechanisms("scram-sha-1 plain").unwrap();
    client.login("alice", "x").unwrap();
    client.quit().unwrap();
    assert!(server.finish().lines()[1].starts_with("AUTH SCRAM-SHA-1 biwsbj1hbGljZSxyP"));
}

#[test]
fn replies_to_auth() {
    let cases: &[(&str, Option<ErrorKind>)] = &[
        ("235 2.7.0 ok", None),
        ("503 5.5.1 already", None),
        ("535 5.7.8 no", Some(ErrorKind::Authentication)),
        ("454 4.7.0 later", Some(ErrorKind::Authentication)),
        ("421 4.3.2 bye", Some(ErrorKind::Authentication)),
        ("250 odd", Some(ErrorKind::Authentication)),
    ];
    for (reply, expected) in cases {
        let server = Server::script(
            offering("250-x\r\n250 AUTH PLAIN").expect("AUTH PLAIN AGEAYg==").reply(reply),
        );
        let mut client = connected(&server);
        let result = client.login("a", "b");
        assert_eq!(result.as_ref().err().map(|error| error.kind()), *expected, "{reply}");
        assert_eq!(client.is_connected(), !reply.starts_with("421"));
    }
}

#[test]
fn a_long_credential_follows_the_334() {
    let token: &'static str = Box::leak("t".repeat(2000).into_boxed_str());
    let server = Server::engine(Engine::new().user("alice", token).mechanisms("PLAIN"));
    let mut client = connected(&server);
    client.login("alice", token).unwrap();
    client.quit().unwrap();
    assert_eq!(server.finish().lines()[1], "AUTH PLAIN");
}

#[test]
fn challenges_that_cannot_be_answered_are_cancelled() {
    let endless = (0..40)
        .fold(offering("250-x\r\n250 AUTH LOGIN").expect("AUTH LOGIN "), |s, _| {
            s.reply("334 VXNlcg==").any_line()
        });
    let server = Server::script(endless);
    kind(connected(&server).login("a", "b"), ErrorKind::Authentication, "challenges");
    server.finish_unchecked();

    let script = offering("250-x\r\n250 AUTH CRAM-MD5 PLAIN")
        .expect("AUTH CRAM-MD5")
        .reply("334 not base64!")
        .expect("*")
        .reply("501 cancelled")
        .expect("NOOP")
        .reply("250 n");
    let server = Server::script(script);
    let mut client = connected(&server);
    // A weaker mechanism would be no answer: the server refused nothing.
    kind(client.login("a", "b"), ErrorKind::Authentication, "base64");
    assert_eq!(client.noop().unwrap(), 250);
}

struct Own(Vec<Result<Option<&'static str>>>);

impl Mechanism for Own {
    fn name(&self) -> &str {
        "X-OWN"
    }
    fn is_plaintext(&self) -> bool {
        true
    }
    fn step(&mut self, _: Option<&[u8]>) -> Result<Option<Secret>> {
        let next = self.0.remove(0)?;
        Ok(next.map(|text| Secret::from(text.as_bytes().to_vec())))
    }
}

#[test]
fn auth_objects() {
    let cancel =
        || Err(smtpclient::error::Error::new(ErrorKind::Authentication, "changed my mind"));
    let cases: Vec<(Own, Script, Option<&str>)> = vec![
        (Own(vec![Ok(Some("hi"))]), offering(EHLO).expect("AUTH X-OWN aGk=").reply("235 ok"), None),
        (Own(vec![Ok(Some(""))]), offering(EHLO).expect("AUTH X-OWN =").reply("235 ok"), None),
        (
            Own(vec![Ok(None), Ok(Some("later"))]),
            offering(EHLO).expect("AUTH X-OWN").reply("334 ").expect("bGF0ZXI=").reply("235 ok"),
            None,
        ),
        (
            Own(vec![Ok(None), Ok(None)]),
            offering(EHLO).expect("AUTH X-OWN").reply("334 ").expect("").reply("235 ok"),
            None,
        ),
        (
            Own(vec![Ok(None), cancel()]),
            offering(EHLO).expect("AUTH X-OWN").reply("334 ").expect("*").reply("501 as you like"),
            Some("changed my mind"),
        ),
        (Own(vec![cancel()]), offering(EHLO), Some("changed my mind")),
    ];
    for (own, script, expected) in cases {
        let server = Server::script(script);
        let mut client = connected(&server);
        match (client.auth(Box::new(own)), expected) {
            (Ok(()), None) => {}
            (Err(error), Some(words)) => assert!(error.message().contains(words), "{error}"),
            (result, _) => panic!("{result:?} but expected {expected:?}"),
        }
        assert!(client.is_connected());
    }
}

#[test]
fn an_echoed_credential_is_hidden() {
    let server = Server::script(
        offering("250-x\r\n250 AUTH PLAIN")
            .expect("AUTH PLAIN")
            .reply("535 bad line: AUTH PLAIN AGFsaWNlAHNlc2FtZQ=="),
    );
    let error = connected(&server).login("alice", "sesame").unwrap_err();
    assert!(error.message().contains("***") && !error.message().contains("AGFsaWNl"), "{error}");
}

fn scram(mechanisms: &str, proof: Proof) -> Server {
    Server::engine(Engine::new().user("alice", "sesame").mechanisms(mechanisms).proof(proof))
}

#[test]
fn scram_takes_the_servers_proof_in_either_place() {
    for proof in [Proof::Challenge, Proof::Text, Proof::Base64] {
        for (mechanism, initial) in [("SCRAM-SHA-256", true), ("SCRAM-SHA-1", false)] {
            let server = scram(mechanism, proof);
            let mut client = connected(&server);
            client.set_initial_response(initial);
            client.auth_builtin(mechanism, "alice", "sesame").unwrap();
            // What is logged in already, stays so.
            client.login("alice", "sesame").unwrap();
            assert_eq!(client.reply().code(), 503);
            client.quit().unwrap();
            assert_eq!(server.finish().connections[0].login.as_deref(), Some("alice"));
        }
    }
}

/// Names that SCRAM writes in another way, and those that it has to prepare.
#[test]
fn scram_names() {
    for (user, known) in [("a,b=c", "a,b=c"), ("=2C", "=2C"), ("jose\u{301}", "jos\u{e9}")] {
        let server =
            Server::engine(Engine::new().user(known, "\u{aa} b").mechanisms("SCRAM-SHA-256"));
        // The server's side has the prepared form.
        let mut client = connected(&server);
        let error = client.login(user, "\u{aa} b").unwrap_err();
        assert_eq!(error.reply_code(), 535, "{error}");
        server.finish_unchecked();
        let server = Server::engine(Engine::new().user(known, "a b").mechanisms("SCRAM-SHA-256"));
        let mut client = connected(&server);
        client.login(user, "\u{aa}\u{a0}b").unwrap();
        client.quit().unwrap();
        assert_eq!(server.finish().connections[0].login.as_deref(), Some(known));
    }
}

/// A server that does not prove that it knows the password gets nothing more of us, least of all the
/// password.
#[test]
fn an_impostor_gets_no_password() {
    for (proof, words, stays) in [
        (Proof::Missing, "the server did not prove that it knows the password", false),
        (Proof::AtOnce, "the server did not prove that it knows the password", false),
        (Proof::WrongText, "the server's signature is wrong", false),
        // Cancelled before it could say that we are logged in.
        (Proof::Wrong, "the server's signature is wrong", true),
    ] {
        let server = scram("SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN", proof);
        let mut client = connected(&server);
        let login = client.login("alice", "sesame");
        assert_eq!(login.as_ref().map_err(Error::detail), Err(Detail::Impostor), "{proof:?}");
        kind(login, ErrorKind::Authentication, words);
        assert_eq!(client.is_connected(), stays, "{proof:?}");
        if !stays {
            kind(client.noop(), ErrorKind::Disconnected, "");
        }
        let record = server.finish_unchecked();
        let auths = record.lines().iter().filter(|line| line.starts_with("AUTH")).count();
        assert_eq!(auths, 1, "{proof:?}");
        assert!(record.lines()[1].starts_with("AUTH SCRAM-SHA-256 "));
    }
}

/// "Already authenticated", says a server that was never asked.
#[test]
fn scram_takes_no_503_for_a_proof() {
    let script = offering("250-x\r\n250 AUTH SCRAM-SHA-256 PLAIN")
        .expect("AUTH SCRAM-SHA-256 ")
        .reply("503 5.5.1 already");
    let server = Server::script(script);
    let mut client = connected(&server);
    kind(client.login("a", "b"), ErrorKind::Authentication, "did not prove");
    assert!(!client.is_connected());
    server.finish_unchecked();
}

#[test]
fn what_a_server_says_in_scram_is_checked() {
    for (challenge, words) in [
        // r=foreign,s=cw==,i=4096
        ("cj1mb3JlaWduLHM9Y3c9PSxpPTQwOTY=", "nonce does not begin with the client's"),
        ("Z2FyYmFnZQ==", "has \"garbage\" where"),
        // m=x,r=y,s=cw==,i=4096
        ("bT14LHI9eSxzPWN3PT0saT00MDk2", "demands an extension"),
    ] {
        let script = offering("250-x\r\n250 AUTH SCRAM-SHA-256 SCRAM-SHA-1 PLAIN")
            .expect("AUTH SCRAM-SHA-256 ")
            .reply(&format!("334 {challenge}"))
            .expect("*")
            .reply("501 5.7.0 cancelled")
            .expect("NOOP")
            .reply("250 n");
        let server = Server::script(script);
        let mut client = connected(&server);
        kind(client.login("a", "b"), ErrorKind::Authentication, words);
        assert_eq!(client.noop().unwrap(), 250);
    }
}

/// An error of SCRAM's own is a refusal like any other, and says why.
#[test]
fn scram_tells_the_servers_own_error() {
    let server = scram("SCRAM-SHA-256", Proof::Error);
    let words = "535 5.7.8 authentication credentials invalid; before, it said other-error";
    kind(connected(&server).login("alice", "sesame"), ErrorKind::Authentication, words);
    server.finish_unchecked();
    let server = scram("SCRAM-SHA-256 PLAIN", Proof::Error);
    let mut client = connected(&server);
    client.login("alice", "sesame").unwrap();
    client.quit().unwrap();
    assert!(server.finish().lines().iter().any(|line| line.starts_with("AUTH PLAIN ")));
}

/// What SCRAM cannot take, another mechanism may; alone, it says why.
#[test]
fn a_password_that_scram_does_not_take() {
    let bell = "ring\u{7}";
    let server =
        Server::engine(Engine::new().user("alice", bell).mechanisms("SCRAM-SHA-256 PLAIN"));
    let mut client = connected(&server);
    client.login("alice", bell).unwrap();
    client.quit().unwrap();
    assert!(server.finish().lines()[1].starts_with("AUTH PLAIN "));
    let server = scram("SCRAM-SHA-256 SCRAM-SHA-1", Proof::Challenge);
    let mut client = connected(&server);
    let words = "the password has a control character";
    kind(client.login("alice", bell), ErrorKind::InvalidArgument, words);
    kind(client.login("", "b"), ErrorKind::InvalidArgument, "the user name is empty");
    kind(client.auth_builtin("SCRAM-SHA-1", "a", bell), ErrorKind::InvalidArgument, words);
    client.login("alice", "sesame").unwrap();
    client.quit().unwrap();
}

/// In clear there is nothing to bind to.
#[test]
fn scram_plus_wants_tls() {
    let script = offering("250-x\r\n250 AUTH SCRAM-SHA-256-PLUS").expect("NOOP").reply("250 n");
    let server = Server::script(script);
    let mut client = connected(&server);
    let words = "SCRAM-SHA-256-PLUS binds the login to TLS";
    kind(client.login("a", "b"), ErrorKind::NotSupported, words);
    let by_name = client.auth_builtin("scram-sha-256-plus", "a", "b");
    kind(by_name, ErrorKind::NotSupported, words);
    let missing = client.auth_builtin("scram-sha-1-plus", "a", "b");
    kind(missing, ErrorKind::NoMechanism, "the client has SCRAM-SHA-1-PLUS");
    client.noop().unwrap();
    let server = scram("SCRAM-SHA-256-PLUS SCRAM-SHA-1", Proof::Challenge);
    let mut client = connected(&server);
    client.login("alice", "sesame").unwrap();
    client.quit().unwrap();
    assert!(server.finish().lines()[1].starts_with("AUTH SCRAM-SHA-1 "));
}

/// Bound to TLS, also where the session is one from before; and who finds the offer stripped is told
/// so by the server.
#[test]
fn scram_bound_to_tls() {
    if !IS_TLS_FULL {
        return;
    }
    let versions = [ServerTls::new(Kind::Valid).tls12(), ServerTls::new(Kind::Valid).tls13()];
    let names = "PLAIN SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS";
    for (tls, stripped) in versions.iter().flat_map(|tls| [(tls, false), (tls, true)]) {
        for (mechanism, offered) in
            [("SCRAM-SHA-256-PLUS", names), ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-1 SCRAM-SHA-1-PLUS")]
        {
            let mut engine = Engine::new().user("alice", "sesame").mechanisms(offered);
            if stripped {
                engine = engine.stripped_of("-PLUS");
            }
            let server = Server::builder().implicit_tls(tls.clone()).engine(engine).start();
            let mut client = client(Protocol::Smtps);
            client.set_tls(trusting());
            for _ in 0..2 {
                client.connect(&server.address(), 0).unwrap();
                if stripped {
                    let words = "before, it said server-does-support-channel-binding";
                    let login = client.login("alice", "sesame");
                    assert_eq!(login.as_ref().map_err(Error::detail), Err(Detail::Impostor));
                    kind(login, ErrorKind::Authentication, words);
                } else {
                    client.login("alice", "sesame").unwrap();
                }
                client.quit().unwrap();
            }
            let lines = server.finish().lines();
            assert!(!lines.iter().any(|line| line.starts_with("AUTH PLAIN")), "{lines:?}");
            let tried = lines.iter().filter(|line| line.starts_with("AUTH "));
            let plus = tried.filter(|line| line.starts_with(&format!("AUTH {mechanism} ")));
            assert_eq!(plus.count(), if stripped { 0 } else { 2 }, "{lines:?}");
        }
    }
}

#[test]
fn external() {
    let server = || Server::engine(Engine::new().mechanisms("EXTERNAL"));
    for (user, line, initial) in [
        ("", "AUTH EXTERNAL =", true),
        ("fred", "AUTH EXTERNAL ZnJlZA==", true),
        ("fred", "AUTH EXTERNAL", false),
        ("", "AUTH EXTERNAL", false),
    ] {
        let server = server();
        let mut client = connected(&server);
        client.set_initial_response(initial);
        client.auth_builtin("external", user, "").unwrap();
        client.quit().unwrap();
        let record = server.finish();
        assert_eq!(record.lines()[1], line);
        assert_eq!(record.connections[0].login.as_deref(), Some(user));
    }
    let server = server();
    let mut client = connected(&server);
    kind(client.login("fred", "x"), ErrorKind::NoMechanism, "the server offers EXTERNAL");
    client.set_auth_mechanisms("EXTERNAL").unwrap();
    client.login("fred", "x").unwrap();
    client.quit().unwrap();
    assert_eq!(server.finish().lines()[1], "AUTH EXTERNAL ZnJlZA==");
}

/// Either proof, beside what goes in clear, lets passwords be tried out.
#[test]
fn a_transcript_shows_no_proof_of_scram() {
    for proof in [Proof::Challenge, Proof::Text, Proof::Base64] {
        let server = scram("SCRAM-SHA-256", proof);
        let mut client = connected(&server);
        let transcript = Transcript::default();
        client.set_debug_sink(Some(Box::new(transcript.clone())));
        client.set_debug_level(1);
        client.login("alice", "sesame").unwrap();
        let reply = String::from_utf8_lossy(client.reply().bytes()).into_owned();
        client.quit().unwrap();
        let shown = String::from_utf8(transcript.0.lock().unwrap().clone()).unwrap();
        assert!(shown.contains("AUTH SCRAM-SHA-256 ") && shown.contains("334 "), "{shown}");
        // "n,,n=", "c=biws", "v=" in base64, and "v=" as it is.
        for secret in ["biwsbj", "Yz1iaXdz", "dj1", "v="] {
            assert!(!shown.contains(secret) && !reply.contains(secret), "{secret}: {shown}");
        }
        server.finish();
    }
}
