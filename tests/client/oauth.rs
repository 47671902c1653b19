//! Login with an access token: which mechanism, what goes over the wire, and what a refusal says.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use smtpclient::client::{DebugSink, Direction};
use smtpclient::error::Detail;

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

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl DebugSink for Seen {
    fn trace(&mut self, _: Direction, bytes: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(bytes);
    }
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
        let seen = Seen::default();
        client.set_debug_sink(Some(Box::new(seen.clone())));
        let refused = client.login_by_token("me@x", "ya29.s3cr3t").unwrap_err();
        assert!(refused.message().contains("***"), "{refused}");
        let text = String::from_utf8_lossy(&seen.0.lock().unwrap()).into_owned();
        let text = text + refused.message() + &client.reply().text();
        let whole = BASE64_STANDARD.encode("user=me@x\x01auth=Bearer ya29.s3cr3t\x01\x01");
        assert!(!text.contains("ya29.s3cr3t") && !text.contains(&whole), "{text}");
    }
}
