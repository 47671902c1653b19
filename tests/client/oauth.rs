//! Login with an access token: which mechanism, what goes over the wire, and what a refusal says.

use std::any::Any;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use smtpclient::client::{TokenOwner, TokenReason, TokenRequest, TokenSource};
use smtpclient::error::{Detail, Error};

use super::*;
use crate::support::Script;

fn offering(mechanisms: &str) -> Script {
    Script::new().reply("220 x").expect("EHLO").reply(&format!("250-x\r\n250 AUTH {mechanisms}"))
}

fn server(mechanisms: &str) -> Server {
    Server::engine(Engine::new().user("me@x", "ya29.right").mechanisms(mechanisms))
}

/// The verbs and mechanisms behind EHLO.
fn tried(lines: &[String]) -> Vec<String> {
    let auth = lines.iter().filter_map(|line| line.strip_prefix("AUTH "));
    auth.map(|rest| rest.split(' ').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_standard_first_and_whichever_there_is() {
    for (offered, chosen, expected) in [
        ("PLAIN XOAUTH2 OAUTHBEARER", "", "OAUTHBEARER"),
        ("LOGIN xoauth2", "", "XOAUTH2"),
        ("OAUTHBEARER", "PLAIN xoauth2 OAUTHBEARER", "OAUTHBEARER"),
        ("PLAIN OAUTHBEARER XOAUTH2", "XOAUTH2", "XOAUTH2"),
        ("PLAIN OAUTHBEARER XOAUTH2", "PLAIN XOAUTH2 OAUTHBEARER", "XOAUTH2"),
    ] {
        for initial in [true, false] {
            let server = server(offered);
            let mut client = connected(&server);
            client.set_initial_response(initial);
            client.set_auth_mechanisms(chosen).unwrap();
            client.login_by_token("me@x", "ya29.right").unwrap();
            client.quit().unwrap();
            let record = server.finish();
            assert_eq!(record.connections[0].login.as_deref(), Some("me@x"));
            assert_eq!(tried(&record.lines()), [expected], "{offered} {chosen}");
        }
    }
}

/// Whoever listens sees what RFC 7628 section 3.1 and Google's documents say.
#[test]
fn what_goes_over_the_wire() {
    let server = Server::script(offering("OAUTHBEARER").any_line().reply("235 ok"));
    let mut client = connected(&server);
    client.login_by_token("a=b,c", "t").unwrap();
    let port = server.port();
    let line = server.finish_unchecked().lines()[1].clone();
    let response = BASE64_STANDARD.decode(line.strip_prefix("AUTH OAUTHBEARER ").unwrap()).unwrap();
    let place = format!("\x01host={}\x01port={port}\x01", Ipv4Addr::LOCALHOST);
    let expected = format!("n,a=a=3Db=2Cc,{place}auth=Bearer t\x01\x01");
    assert_eq!(String::from_utf8(response).unwrap(), expected);
}

#[test]
fn nothing_in_common() {
    let cases: &[(&str, &str, bool, &str)] = &[
        (
            "XOAUTH2 OAUTHBEARER",
            "",
            false,
            "the server wants OAuth 2.0: smtp_client_login_oauth() or",
        ),
        ("XOAUTH2 GSSAPI", "PLAIN", false, "smtp_client_set_token_source()"),
        ("PLAIN XOAUTH2", "XOAUTH2", false, "left none that takes a password"),
        ("GSSAPI", "", false, "the server offers GSSAPI, the client has "),
        (
            "PLAIN LOGIN",
            "",
            true,
            "offers PLAIN LOGIN, the client has OAUTHBEARER XOAUTH2; the server takes no",
        ),
        ("OAUTHBEARER", "XOAUTH2", true, "the client has XOAUTH2"),
        (
            "OAUTHBEARER",
            "PLAIN LOGIN",
            true,
            "the client has none; smtp_client_set_auth_mechanisms() left none that",
        ),
    ];
    for (offered, chosen, by_token, words) in cases {
        let server = Server::script(offering(offered).expect("NOOP").reply("250 n"));
        let mut client = connected(&server);
        client.set_auth_mechanisms(chosen).unwrap();
        let result = match by_token {
            true => client.login_by_token("u", "t"),
            false => client.login("u", "p"),
        };
        kind(result, ErrorKind::NoMechanism, words);
        assert_eq!(client.noop().unwrap(), 250);
    }
    let server = Server::engine(Engine::basic());
    kind(connected(&server).login_by_token("u", "t"), ErrorKind::NotSupported, "does not offer");
}

#[test]
fn what_a_refusal_says() {
    let google = r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#;
    let rfc7628 =
        r#"{"status":"invalid_token","scope":"example_scope","openid-configuration":"https://x/"}"#;
    let described =
        r#"{"status":"401","error":"invalid_token","error_description":"expired at noon"}"#;
    let nested = r#"{"schemes":["bearer"],"status":401,"error":{"code":1}}"#;
    let long = "x".repeat(5000);
    for (error, words) in [
        (
            google,
            "535 5.7.8 authentication credentials invalid; the token was refused (status 400, schemes Bearer): get a new one; scope needed: https://mail.google.com/",
        ),
        (rfc7628, "(status invalid_token): get a new one; scope needed: example_scope"),
        (described, "(status 401, invalid_token: expired at noon): get a new one"),
        (nested, "(status 401): get a new one"),
        ("{\"status\":", "({\"status\":): get"),
        ("token\r\n\x1b[31mexpired", "(token\\r\\n\\x1b[31mexpired): get a new one"),
        (&long, "xxx...): get a new one"),
        ("", "AUTH XOAUTH2: 535 5.7.8 authentication credentials invalid"),
    ] {
        for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
            let words = words.replace("XOAUTH2", mechanism);
            let engine = Engine::new().user("me@x", "ya29.right").token_error(error);
            let server = Server::engine(engine.mechanisms(mechanism));
            let mut client = connected(&server);
            let refused = client.login_by_token("me@x", "ya29.wrong").unwrap_err();
            assert_eq!((refused.detail(), refused.reply_code()), (Detail::Token, 535));
            assert!(refused.message().len() < 1000, "{refused}");
            kind(Err::<(), _>(refused), ErrorKind::Authentication, &words);
            // The connection goes on.
            client.login_by_token("me@x", "ya29.right").unwrap();
            client.quit().unwrap();
            server.finish();
        }
    }
}

/// A refused token is not tried by another mechanism; what refuses the mechanism does not refuse it.
#[test]
fn which_refusals_leave_the_other_mechanism() {
    for (reply, goes_on) in [
        ("535 5.7.8 no", false),
        ("504 5.5.4 unknown mechanism", true),
        ("534 5.7.9 too weak", true),
        ("454 4.7.0 later", true),
        ("421 4.7.0 bye", false),
    ] {
        let script = offering("OAUTHBEARER XOAUTH2").expect("AUTH OAUTHBEARER ").reply(reply);
        let script = if goes_on { script.expect("AUTH XOAUTH2 ").reply("235 ok") } else { script };
        let server = Server::script(script);
        let mut client = connected(&server);
        let result = client.login_by_token("u", "t");
        assert_eq!(result.is_ok(), goes_on, "{reply}: {result:?}");
        let detail = result.err().map_or(Detail::None, |error| error.detail());
        assert_eq!(detail == Detail::Token, reply.starts_with("535"));
    }
    // So does an error challenge, whatever the code behind it.
    let script = offering("OAUTHBEARER XOAUTH2").expect("AUTH OAUTHBEARER ").reply("334 e30=");
    let server = Server::script(script.expect("AQ==").reply("550 5.7.1 no"));
    let refused = connected(&server).login_by_token("u", "t").unwrap_err();
    assert_eq!((refused.detail(), refused.reply_code()), (Detail::Token, 550));
    // An error that is answered by 235 all the same is success.
    let script = offering("XOAUTH2").expect("AUTH XOAUTH2 ").reply("334 e30=");
    let server = Server::script(script.expect("").reply("235 ok"));
    connected(&server).login_by_token("u", "t").unwrap();
}

#[test]
fn challenges_that_must_not_be() {
    for (mechanism, answer) in [("XOAUTH2", ""), ("OAUTHBEARER", "AQ==")] {
        let script = offering(mechanism)
            .expect(&format!("AUTH {mechanism} "))
            .reply("334 eyJzdGF0dXMiOiI0MDEifQ==")
            .expect(answer)
            .reply("334 eyJzdGF0dXMiOiI0MDEifQ==")
            .expect("*")
            .reply("501 cancelled")
            .expect("NOOP")
            .reply("250 n");
        let server = Server::script(script);
        let mut client = connected(&server);
        let result = client.login_by_token("u", "t");
        kind(result, ErrorKind::Authentication, "challenges behind its error; the server: 501");
        assert_eq!(client.noop().unwrap(), 250);
    }
    // A challenge of any length comes to an end.
    let endless =
        offering("XOAUTH2").expect("AUTH XOAUTH2 ").send("334 ").endless("eyJz".repeat(256));
    let server = Server::script(endless);
    kind(connected(&server).login_by_token("u", "t"), ErrorKind::Protocol, "");
    server.finish_unchecked();
    let many = "334-eyJz\r\n".repeat(2000) + "334 eyJz";
    let server = Server::script(offering("XOAUTH2").expect("AUTH XOAUTH2 ").reply(&many));
    kind(connected(&server).login_by_token("u", "t"), ErrorKind::Protocol, "");
    server.finish_unchecked();
}

#[test]
fn long_tokens_follow_the_334() {
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        for length in [300, 400, 2000, 8192] {
            let token = "t".repeat(length);
            let engine = Engine::new().user("me@x", &token).mechanisms(mechanism);
            let server = Server::engine(engine);
            let mut client = connected(&server);
            client.login_by_token("me@x", &token).unwrap();
            client.quit().unwrap();
            let line = server.finish().lines()[1].clone();
            assert_eq!(line == format!("AUTH {mechanism}"), length >= 400, "{length} {line}");
        }
        // Too long for RFC 4954: nothing is sent.
        let server = Server::script(offering(mechanism).expect("NOOP").reply("250 n"));
        let mut client = connected(&server);
        client.ehlo_or_helo_if_needed().unwrap();
        let result = client.login_by_token("me@x", &"t".repeat(9200));
        kind(result, ErrorKind::InvalidArgument, "of which RFC 4954 allows 12288");
        assert_eq!(client.noop().unwrap(), 250);
    }
}

#[test]
fn arguments_are_checked_before_anything_is_sent() {
    let server = Server::script(Script::new().reply("220 x").expect("QUIT").reply("221 bye"));
    let mut client = connected(&server);
    for (user, token, words) in [
        ("u", "", "the token is empty"),
        ("u", "s3cr3t\r\nRSET", "a control character at offset 6"),
        ("u", "s3cr3t\x01host=x", "a control character at offset 6"),
        ("u", "s3cr3t\0", "a control character at offset 6"),
        ("u", "s3cr3t x", "a space at offset 6"),
        ("u", "s3cr3t\u{e9}", "not ASCII at offset 6"),
        ("", "s3cr3t", "the user name is empty"),
        ("u\x01auth=Bearer x", "s3cr3t", "the user name has a control character at offset 1"),
    ] {
        let error = client.login_by_token(user, token).unwrap_err();
        assert!(!error.message().contains("s3cr3t"), "{error}");
        kind(Err::<(), _>(error), ErrorKind::InvalidArgument, words);
    }
    client.quit().unwrap();
    server.finish();
}

/// In the transcript, in the reply, in the JSON, with escapes, and in what is no JSON.
#[test]
fn an_echoed_token_is_hidden() {
    for error in [
        r#"{"status":"bad: ya29.s3cr3t","scope":"y\u00629.s3cr3t ya29.s3cr3t"}"#,
        r#"{"status":"\u0079a29\u002es3cr3t"}"#,
        "ya29.s3cr3t is no token",
    ] {
        let challenge = BASE64_STANDARD.encode(error);
        let script = offering("XOAUTH2")
            .expect("AUTH XOAUTH2 ")
            .reply(&format!("334 {challenge}"))
            .expect("")
            .reply("535-5.7.8 ya29.s3cr3t\r\n535 5.7.8 is bad");
        let server = Server::script(script);
        let mut client = connected(&server);
        let seen = Transcript::default();
        client.set_debug_sink(Some(Box::new(seen.clone())));
        let refused = client.login_by_token("me@x", "ya29.s3cr3t").unwrap_err();
        assert!(refused.message().contains("***"), "{refused}");
        let text = String::from_utf8_lossy(&seen.0.lock().unwrap()).into_owned();
        let text = text + refused.message() + &client.reply().text();
        let whole = BASE64_STANDARD.encode("user=me@x\x01auth=Bearer ya29.s3cr3t\x01\x01");
        assert!(!text.contains("ya29.s3cr3t") && !text.contains(&whole), "{text}");
    }
}

/// Gives one token after another, each good for that long.
#[derive(Clone, Default)]
struct Owner {
    tokens: Arc<Mutex<Vec<&'static str>>>,
    life: Option<Duration>,
    /// Before it answers.
    delay: Duration,
    /// It answers from another thread.
    is_elsewhere: bool,
    asked: Arc<Mutex<Vec<(String, TokenReason)>>>,
}

impl Owner {
    fn source(tokens: &[&'static str]) -> (Owner, TokenSource) {
        Owner { tokens: Arc::new(Mutex::new(tokens.to_vec())), ..Owner::default() }.begin()
    }

    fn begin(self) -> (Owner, TokenSource) {
        let source = TokenSource::new(Box::new(self.clone()));
        (self, source)
    }

    fn asked(&self) -> Vec<(String, TokenReason)> {
        self.asked.lock().unwrap().clone()
    }
}

impl TokenOwner for Owner {
    fn ask(&self, request: TokenRequest) -> Result<Box<dyn Any + Send>> {
        self.asked.lock().unwrap().push((request.user().to_owned(), request.reason().clone()));
        let token = self.tokens.lock().unwrap().remove(0);
        let (life, delay) = (self.life, self.delay);
        let answer = move || {
            std::thread::sleep(delay);
            let none = || Error::new(ErrorKind::Authentication, "no network");
            let answer = (token != "none").then(|| (token.into(), life)).ok_or_else(none);
            let _ = request.answer(answer);
        };
        if self.is_elsewhere {
            std::thread::spawn(answer);
        } else {
            answer();
        }
        Ok(Box::new(()))
    }
}

fn with_source(server: &Server, source: &TokenSource) -> Client {
    let mut client = connected(server);
    client.set_token_source(Some("me@x"), Some(source.clone())).unwrap();
    client
}

#[test]
fn tokens_of_a_source_are_kept_for_each_user() {
    for is_elsewhere in [false, true] {
        let engine = Engine::new().user("me@x", "ya29.right").user("you@x", "ya29.yours");
        let server = Server::engine(engine.mechanisms("OAUTHBEARER"));
        let tokens = Arc::new(Mutex::new(vec!["ya29.right", "ya29.yours"]));
        let (owner, source) = Owner { tokens, is_elsewhere, ..Owner::default() }.begin();
        for _ in 0..2 {
            with_source(&server, &source).login_by_source(None).unwrap();
            with_source(&server, &source).login_by_source(Some("you@x")).unwrap();
        }
        let first = |user: &str| (user.to_owned(), TokenReason::First);
        assert_eq!(owner.asked(), [first("me@x"), first("you@x")]);
    }
}

#[test]
fn open_logs_in_with_a_token() {
    let server = server("XOAUTH2");
    let (owner, source) = Owner::source(&["ya29.right"]);
    let mut client = client(Protocol::Smtp);
    let url = format!("smtp://me%40x@127.0.0.1:{}", server.port());
    client.set_url(&url).unwrap();
    kind(client.open(), ErrorKind::Misuse, "no password");
    client.set_token_source(None, Some(source)).unwrap();
    client.open().unwrap();
    client.open().unwrap();
    assert_eq!(owner.asked().len(), 1);
    client.quit().unwrap();
    // A server that takes none is not a reason to ask for one.
    let server = self::server("PLAIN");
    client.set_host("127.0.0.1", server.port()).unwrap();
    kind(client.open(), ErrorKind::NoMechanism, "takes no OAuth 2.0 tokens");
    assert_eq!((owner.asked().len(), client.is_connected()), (1, false));
}

#[test]
fn after_a_refusal_one_new_token_is_tried() {
    let right = "ya29.right";
    for (tokens, expected, words) in [
        (&["ya29.old", right][..], None, ""),
        (&["ya29.old", "ya29.older", right], Some(Detail::Token), "(so was the token before it)"),
        (
            &["ya29.old", "none", right],
            Some(Detail::Token),
            "; the token source gave no token: no n",
        ),
        (&["none", right], Some(Detail::NoToken), "the token source gave no token: no network"),
    ] {
        let server = server("OAUTHBEARER XOAUTH2");
        let (owner, source) = Owner::source(tokens);
        let mut client = with_source(&server, &source);
        let error = client.login_by_source(None).err();
        assert_eq!(error.as_ref().map(Error::detail), expected, "{tokens:?} {error:?}");
        let asked = owner.asked();
        assert_eq!(asked.len(), if tokens[0] == "none" { 1 } else { 2 }, "{tokens:?}");
        for (_, reason) in &asked[1..] {
            let TokenReason::Refused(said) = reason else { panic!("{reason:?}") };
            assert!(said.contains("535 5.7.8") && said.contains("status 401"), "{said}");
        }
        if let Some(error) = error {
            assert!(error.message().contains(words), "{error}");
            // No refused one is tried by the next login.
            client.login_by_source(None).unwrap();
            assert_eq!(owner.asked().len(), tokens.len());
        }
        client.quit().unwrap();
        server.finish();
    }
}

#[test]
fn a_server_that_hangs_up_behind_its_refusal() {
    let script = offering("XOAUTH2").expect("AUTH XOAUTH2 ").reply("535 5.7.3 no").close();
    let server = Server::script(script);
    let (owner, source) = Owner::source(&["ya29.old", "ya29.new"]);
    let error = with_source(&server, &source).login_by_source(None).unwrap_err();
    assert_eq!((error.kind(), error.detail()), (ErrorKind::Authentication, Detail::Token));
    assert!(error.message().contains("535 5.7.3 no"), "{error}");
    assert!(owner.asked().len() <= 2);
    server.finish_unchecked();
    // What refuses the mechanism, or now, is no reason for another token.
    for reply in ["454 4.7.0 later", "504 5.5.4 what", "421 4.3.2 bye"] {
        let server = Server::script(offering("XOAUTH2").expect("AUTH XOAUTH2 ").reply(reply));
        let (owner, source) = Owner::source(&["ya29.old"]);
        let error = with_source(&server, &source).login_by_source(None).unwrap_err();
        assert_eq!((error.kind(), owner.asked().len()), (ErrorKind::Authentication, 1), "{error}");
        server.finish_unchecked();
    }
}

#[test]
fn tokens_are_renewed_before_their_end() {
    let server = server("XOAUTH2");
    let tokens = Arc::new(Mutex::new(vec!["ya29.right"; 3]));
    // The last tenth of it is not used.
    let (owner, source) =
        Owner { tokens, life: Some(Duration::from_secs(1)), ..Owner::default() }.begin();
    with_source(&server, &source).login_by_source(None).unwrap();
    std::thread::sleep(Duration::from_millis(950));
    with_source(&server, &source).login_by_source(None).unwrap();
    assert_eq!(owner.asked()[1].1, TokenReason::Expiring);
}

#[test]
fn the_wait_for_a_token_ends_in_time() {
    for is_elsewhere in [false, true] {
        let server = server("XOAUTH2");
        let (tokens, delay) =
            (Arc::new(Mutex::new(vec!["ya29.right"])), Duration::from_millis(400));
        let (owner, source) = Owner { tokens, delay, is_elsewhere, ..Owner::default() }.begin();
        let mut client = with_source(&server, &source);
        client.ehlo_or_helo_if_needed().unwrap();
        client.set_timeout(TimeoutPolicy::After(Duration::from_millis(200)));
        let begun = Instant::now();
        let login = client.login_by_source(None);
        assert_eq!(login.as_ref().map_err(Error::detail), Err(Detail::NoToken));
        kind(login, ErrorKind::Timeout, "waiting for a token: the time limit");
        assert!(begun.elapsed() < Duration::from_secs(5) && !client.is_connected());
        // It came too late for that login, and serves the next.
        std::thread::sleep(delay);
        with_source(&server, &source).login_by_source(None).unwrap();
        assert_eq!(owner.asked().len(), 1);
    }
}

#[test]
fn arguments_of_a_source() {
    let server = Server::script(Script::new().reply("220 x").expect("QUIT").reply("221 bye"));
    let mut client = connected(&server);
    let (owner, source) = Owner::source(&[]);
    kind(client.login_by_source(None), ErrorKind::Misuse, "smtp_client_set_token_source()");
    for user in [None, Some(""), Some("a\x01b")] {
        let result = client.set_token_source(user, Some(source.clone()));
        kind(result, ErrorKind::InvalidArgument, "user name");
    }
    client.set_token_source(Some("u"), Some(source)).unwrap();
    kind(client.login_by_source(Some("a\nb")), ErrorKind::InvalidArgument, "at offset 1");
    client.set_credentials(Some("u"), Some("p")).unwrap();
    kind(client.login_by_source(None), ErrorKind::Misuse, "no source");
    client.quit().unwrap();
    assert!(owner.asked().is_empty());
    server.finish();
}
