//! The library from other languages, as a binding's author meets it: Go by cgo, Ruby by ffi, and
//! Python by ctypes, where a stand-in for `smtplib.SMTP` runs the same sessions as the original.

mod support;
mod tree;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::*;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bindings")
}

fn library() -> PathBuf {
    tree::installed().join("lib").join(tree::SONAME)
}

fn friendly() -> Engine {
    Engine::new().refuse("bob@b.example", "550 5.1.1 no such user").user("user", "password")
}

fn mute() -> Server {
    Server::script(Script::new().mute())
}

/// Fails with the command that installs what is missing.
fn need(command: &mut Command, package: &str) {
    let works = command.output().is_ok_and(|output| output.status.success());
    assert!(works, "missing here: apt-get install --no-install-recommends {package}");
}

#[test]
fn go() {
    need(Command::new("go").arg("version"), "golang-go");
    let (server, mute) = (Server::engine(friendly()), mute());
    let binary = tree::scratch("bindings-go");
    let library = tree::installed().join("lib");
    let version = tree::run(Command::new("go").arg("version"));
    let minor = version.split("go1.").nth(1).and_then(|rest| rest.split(['.', ' ']).next());
    let minor: u32 = minor.and_then(|minor| minor.parse().ok()).expect("Go 1, and which");
    let checks_when_it_runs = minor < 21;
    tree::run(
        Command::new("go")
            .args(["build", "-o"])
            .arg(&binary)
            .current_dir(directory().join("go"))
            .env("PKG_CONFIG_PATH", library.join("pkgconfig"))
            .env("CGO_CFLAGS", "-O1 -Wall -Werror")
            .env("GOFLAGS", "-mod=mod")
            .env("GOCACHE", tree::scratch("go-cache"))
            .env("GOPATH", tree::scratch("go-path"))
            // Pointers that may not be passed to C are found by looking at all of them: since Go
            // 1.21 by code that is built in, before by a setting when it runs.
            .env("GOEXPERIMENT", if checks_when_it_runs { "" } else { "cgocheck2" }),
    );
    tree::run(
        Command::new(&binary)
            .args([server.address(), mute.address()])
            .env("LD_LIBRARY_PATH", &library)
            .env("GODEBUG", if checks_when_it_runs { "cgocheck=2" } else { "" }),
    );
    let record = server.finish();
    assert_eq!(record.messages()[0].content, b"Subject: from Go\r\n\r\n.dot\r\n");
    assert_eq!(record.messages().len(), 1 + 48 * 6);
}

#[test]
fn ruby() {
    need(Command::new("ruby").args(["-e", "require 'ffi'"]), "ruby ruby-ffi");
    let (server, mute) = (Server::engine(friendly()), mute());
    let mut command = Command::new("ruby");
    command.args(["-w", "-W:no-experimental"]).arg(directory().join("check.rb")).arg(library());
    tree::run(command.args([server.address(), mute.address()]));
    let record = server.finish();
    assert_eq!(record.messages()[0].content, b"Subject: from Ruby\r\n\r\n.dot\r\n");
    assert_eq!(record.messages().len(), 1 + 8 * 30);
}

/// A server per session of check.py, in its order.
fn servers() -> Vec<(&'static str, Engine)> {
    // What smtplib does not know of, so that the two may differ there.
    let plain = || Engine::new().without("8BITMIME").refuse("bob@b.example", "550 5.1.1 no");
    let login = || plain().user("user", "password");
    vec![
        ("hello", plain()),
        ("commands", plain()),
        ("transaction", plain()),
        ("sending", plain().refuse_sender("refused@a.example", "550-5.7.1 not you\n550 never")),
        ("only_helo", Engine::without_ehlo()),
        ("no_hello", Engine::without_ehlo().answer("HELO", 0, "501 5.0.0 no hello either")),
        ("refused_data", plain().answer("DATA", 1, "451 4.3.0 not now")),
        ("refused_message", plain().answer("END-OF-DATA", 1, "552 5.3.4 too much")),
        ("hangs_up", plain().answer("NOOP", 1, "421 4.3.2 good bye")),
        ("login", login()),
        ("login_response", login().mechanisms("PLAIN LOGIN")),
        ("plain", login()),
        ("no_auth", plain()),
        ("strange_auth", login().mechanisms("GSSAPI NTLM")),
        ("starttls", plain()),
    ]
}

#[test]
fn python_like_smtplib() {
    let python = "import sys, smtplib; assert sys.version_info >= (3, 10)";
    need(Command::new("python3").args(["-c", python]), "python3");
    let servers: Vec<(&str, Server)> =
        servers().into_iter().map(|(name, engine)| (name, Server::engine(engine))).collect();
    let home = TempDir::new("python");
    let mut command = Command::new("python3");
    command.arg("-B").arg(directory().join("check.py")).arg(library());
    command.arg(home.write("ca.pem", &authority().pem));
    command.args(servers.iter().map(|(_, server)| server.address()));
    tree::run(&mut command);

    let mut wrong = Vec::new();
    for (name, server) in servers {
        // smtplib breaks rules that we keep: only our own faults count.
        let record = server.finish_unchecked();
        let [theirs, ours] = &record.connections[..] else {
            panic!("{name}: {} connections", record.connections.len());
        };
        let (their_lines, mut our_lines) = (lines(theirs), lines(ours));
        if name == "refused_data" {
            // smtplib leaves the transaction open where DATA itself is refused.
            our_lines.retain(|line| line != "RSET");
        }
        if their_lines != our_lines {
            wrong.push(format!("{name}: smtplib sent {their_lines:#?}, we {our_lines:#?}"));
        }
        let contents = |one: &Connection| -> Vec<String> {
            let text = |message: &Message| String::from_utf8_lossy(&message.wire).into_owned();
            one.messages.iter().map(|message| text(message)).collect()
        };
        if contents(theirs) != contents(ours) {
            let (theirs, ours) = (contents(theirs), contents(ours));
            wrong.push(format!("{name}: smtplib sent {theirs:#?}, we {ours:#?}"));
        }
        if !ours.faults.is_empty() {
            wrong.push(format!("{name}: {:?}", ours.faults));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The commands with what means the same in one letter case (the verb, and FROM and TO, which Python
/// 3.13 writes small), and without the number behind SIZE:
/// smtplib declares the message as it was given, and we as it will be sent.
fn lines(connection: &Connection) -> Vec<String> {
    let same = |line: String| {
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let verb = verb.to_ascii_uppercase();
        let (from, path) = rest.split_at(rest.find(':').map_or(0, |colon| colon + 1));
        match verb.as_str() {
            "RCPT" => format!("{verb} {}{path}", from.to_ascii_uppercase()),
            "MAIL" => {
                let rest = from.to_ascii_uppercase() + path;
                let words = rest.split(' ').map(|word| match word.split_once('=') {
                    Some(("size" | "SIZE", _)) => "SIZE",
                    _ => word,
                });
                format!("{verb} {}", words.collect::<Vec<_>>().join(" "))
            }
            _ => format!("{verb} {rest}").trim_end().to_owned(),
        }
    };
    connection.lines().into_iter().map(same).collect()
}
