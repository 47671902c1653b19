//! The programs in examples-c, built as a user builds them and run under valgrind against servers:
//! what they print, how they exit, what arrives.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

mod support;
mod tree;

use support::{Engine, Server, ServerTls, TempDir, authority, certs::Kind};

const MESSAGE: &str = "Subject: test\n\nHello.\n.dot\n";
const ON_THE_WIRE: &[u8] = b"Subject: test\r\n\r\nHello.\r\n.dot\r\n";
const REFUSAL: &str = "550 5.1.1 no such user";

#[test]
fn send_names_the_refused() {
    let server = Server::engine(Engine::new().refuse("bob@b.example", REFUSAL));
    let to = ["alice@b.example", "bob@b.example", "carol@b.example"];
    let output = run("send", &[&[&server.address(), "me@a.example"][..], &to].concat(), MESSAGE);
    assert_eq!(status(&output), 3, "{output:?}");
    assert_eq!(text(&output.stdout), "sent to 2 recipients\n");
    assert_eq!(text(&output.stderr), "refused: bob@b.example: 550 5.1.1 no such user\n");
    let record = server.finish();
    assert_eq!(record.messages()[0].content, ON_THE_WIRE);
    assert_eq!(record.messages()[0].addresses(), ["alice@b.example", "carol@b.example"]);
}

#[test]
fn send_says_who_was_refused_when_all_are() {
    let server = Server::engine(Engine::new().refuse("bob@b.example", "450 4.2.1 come again"));
    let output = run("send", &[&server.address(), "me@a.example", "bob@b.example"], MESSAGE);
    assert_eq!(status(&output), 1, "{output:?}");
    let said = text(&output.stderr);
    assert!(said.starts_with("refused: bob@b.example: 450 4.2.1 come again\nsend: "), "{said}");
    assert!(said.ends_with("(try again later)\n"), "{said}");
    assert!(server.finish().messages().is_empty());
}

/// The same source as C++, over each kind of connection that it has an option for.
#[test]
fn send_over_each_transport() {
    let directory = TempDir::new("examples");
    let ca = directory.write("ca.pem", &authority().pem);
    let tls = || ServerTls::new(Kind::Valid);
    let starttls = Server::builder().tls(tls()).engine(Engine::new()).start();
    let implicit = Server::builder().implicit_tls(tls()).engine(Engine::new()).start();
    let lmtp = Server::builder().engine(Engine::lmtp()).unix().start();
    let cases: [(&Server, &[&str], bool); 3] = [
        (&starttls, &["--starttls", "--ca", &ca], true),
        (&implicit, &["--tls", "--ca", &ca], true),
        (&lmtp, &["--lmtp"], false),
    ];
    for (server, options, encrypted) in cases {
        let address = server.address().replace("127.0.0.1", "localhost");
        let arguments = [options, &[&address, "me@a.example", "bob@b.example"]].concat();
        let output = run("send-c++", &arguments, MESSAGE);
        assert_eq!(status(&output), 0, "{options:?}: {output:?}");
        assert_eq!(text(&output.stdout), "sent to 1 recipient\n");
        let messages = server.wait_for(|record| !record.messages().is_empty()).messages();
        assert_eq!((&messages[0].content[..], messages[0].encrypted), (ON_THE_WIRE, encrypted));
    }
}

#[test]
fn send_debug_shows_the_conversation() {
    let server = Server::engine(Engine::new());
    let arguments = ["--debug", &server.address(), "me@a.example", "bob@b.example"];
    let output = run("send", &arguments, MESSAGE);
    assert_eq!(status(&output), 0, "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("MAIL FROM:<me@a.example>") && said.contains("250"), "{said}");
}

#[test]
fn send_explains_what_is_wrong() {
    let plain = Server::engine(Engine::new().without("STARTTLS"));
    let nobody = format!("127.0.0.1:{}", support::closed_port());
    let secure = Server::engine(Engine::new());
    let secure = secure.address();
    let server = plain.address();
    for (arguments, code, words) in [
        (&[][..], 2, "usage: send"),
        (&["--wrong", "a", "b", "c"], 2, "usage: send"),
        (&["--ca"], 2, "usage: send"),
        (&["--ca", "/nonexistent/ca.pem", &server, "me@a.example", "b@b.example"], 1, "ca.pem"),
        (&["--starttls", &server, "me@a.example", "b@b.example"], 1, "STARTTLS"),
        (&["--starttls", &secure, "me@a.example", "b@b.example"], 1, "certificate"),
        (&[&nobody, "me@a.example", "b@b.example"], 1, "127.0.0.1"),
        (&["/nonexistent/socket", "me@a.example", "b@b.example"], 1, "/nonexistent/socket"),
        (&[&server, "me@a.example", "b@b.example> NOTIFY=NEVER <c@d.example"], 1, "> at offset 11"),
        (&[&server, "me@a.example", "b\r\nRSET@b.example"], 1, "at offset 1"),
    ] {
        let output = run("send", arguments, MESSAGE);
        assert_eq!(status(&output), code, "{arguments:?}: {output:?}");
        let said = text(&output.stderr);
        assert!(said.contains(words), "{arguments:?} should speak of {words}: {said}");
    }
}

#[test]
fn send_message_takes_the_envelope_from_the_header() {
    let server = Server::engine(Engine::new());
    let directory = TempDir::new("examples");
    let file = directory.write(
        "message.eml",
        "From: Me <me@a.example>\nTo: \"Smith, Al\" <al@b.example>\nBcc: secret@b.example\n\nHi\n",
    );
    let output = run("send_message", &[&server.address(), &file], "");
    assert_eq!(status(&output), 0, "{output:?}");
    assert!(text(&output.stdout).starts_with("sent: "), "{output:?}");
    let message = server.finish().messages()[0].clone();
    assert_eq!(message.sender, "me@a.example");
    assert_eq!(message.addresses(), ["al@b.example", "secret@b.example"]);
    let expected = "From: Me <me@a.example>\r\nTo: \"Smith, Al\" <al@b.example>\r\n\r\nHi\r\n";
    assert_eq!(text(&message.content), expected);
}

#[test]
fn send_message_explains_what_is_wrong() {
    let server = Server::engine(Engine::new());
    let directory = TempDir::new("examples");
    let anonymous = directory.write("anonymous.eml", "To: al@b.example\n\nHi\n");
    let address = server.address();
    let cases: [(&[&str], i32, &str); 3] = [
        (&[], 2, "usage: send_message"),
        (&[&address, "/nonexistent/file"], 1, "/nonexistent/file: No such file"),
        (&[&address, &anonymous], 1, "From"),
    ];
    for (arguments, code, words) in cases {
        let output = run("send_message", arguments, "");
        assert_eq!(status(&output), code, "{arguments:?}: {output:?}");
        let said = text(&output.stderr);
        assert!(said.contains(words), "{arguments:?} should speak of {words}: {said}");
    }
}

/// A mail that the library writes, to a relay with TLS, with text that is not ASCII.
#[test]
fn send_report_writes_a_mail_with_a_file() {
    let directory = TempDir::new("examples");
    let ca = directory.write("ca.pem", &authority().pem);
    let file = directory.write("disks f\u{fc}r.csv", "disk,percent\nsda,97\n");
    let engine = Engine::new().refuse("bob@b.example", REFUSAL);
    let server = Server::builder().tls(ServerTls::new(Kind::Valid)).engine(engine).start();
    let url = format!("smtp+starttls://localhost:{}", server.port());
    let arguments = [
        "--ca",
        &ca,
        &url,
        "Monitor J\u{f6}rg <me@a.example>",
        "On call <al@b.example>, bob@b.example",
        "Platte fast voll: 97 % \u{2013} M\u{fc}nchen",
        &file,
    ];
    let output = run("send_report", &arguments, "Morgen fr\u{fc}h ist sie voll.\n.\n");
    assert_eq!(status(&output), 0, "{output:?}");
    assert_eq!(text(&output.stderr), "refused: bob@b.example: 550 5.1.1 no such user\n");
    let id = text(&output.stdout).strip_prefix("sent as ").expect("a Message-ID").trim_end();
    let message = server.finish().messages()[0].clone();
    assert!(message.encrypted);
    assert_eq!(message.sender, "me@a.example");
    assert_eq!(message.addresses(), ["al@b.example"]);
    let content = text(&message.content);
    for part in [
        &format!("\r\nMessage-ID: {id}\r\n"),
        "\r\nTo: On call <al@b.example>, bob@b.example\r\n",
        "\r\nAuto-Submitted: auto-generated\r\n",
        "\r\nMorgen fr=C3=BCh ist sie voll.\r\n=2E\r\n",
        "text/csv",
        "disks%20f%C3%BCr.csv",
        // The file, byte for byte.
        "\r\nZGlzayxwZXJjZW50CnNkYSw5Nwo=\r\n",
    ] {
        assert!(content.contains(part), "no {part:?} in {content}");
    }
    assert!(content.is_ascii(), "{content}");
}

#[test]
fn send_report_explains_what_is_wrong() {
    let server = Server::engine(Engine::new());
    let directory = TempDir::new("examples");
    let file = directory.write("report.csv", "a,b\n");
    let url = format!("smtp://{}", server.address());
    let (from, to) = ("me@a.example", "al@b.example");
    let long = "x".repeat(64 * 1024);
    let cases: [(&[&str], &str, i32, &str); 9] = [
        (&[], "", 2, "usage: send_report"),
        (&[&url, from, to, "subject"], "", 2, "usage: send_report"),
        (&[&url, from, to, "subject", "/nonexistent/file"], "", 1, "/nonexistent/file: No such"),
        (&[&url, from, to, "subject", "/"], "", 1, "cannot be read"),
        (&[&url, from, to, "a\nBcc: c@d.example", &file], "", 1, "control character"),
        (&[&url, "no body", to, "subject", &file], "", 1, "From: "),
        (&[&url, from, to, "subject", &file], &long, 1, "too long"),
        (&["gopher://b.example", from, to, "subject", &file], "", 1, "gopher"),
        (&["--ca", "/nonexistent.pem", &url, from, to, "subject", &file], "", 1, "nonexistent"),
    ];
    for (arguments, input, code, words) in cases {
        let output = run("send_report", arguments, input);
        assert_eq!(status(&output), code, "{arguments:?}: {output:?}");
        let said = text(&output.stderr);
        assert!(said.contains(words), "{arguments:?} should speak of {words}: {said}");
    }
    assert!(server.finish().messages().is_empty());
}

#[test]
fn lmtp_deliver_reports_every_recipient() {
    let engine = Engine::lmtp()
        .refuse("nobody@b.example", REFUSAL)
        .final_reply("full@b.example", "452 4.2.2 mailbox full");
    let server = Server::builder().engine(engine).unix().start();
    let address = server.address();
    let to = ["alice@b.example", "nobody@b.example", "full@b.example"];
    let output = run("lmtp_deliver", &[&[&address, "me@a.example"][..], &to].concat(), MESSAGE);
    assert_eq!(status(&output), 69, "{output:?}");
    let expected = "alice@b.example: delivered\n\
                    nobody@b.example: refused: 550 5.1.1 no such user\n\
                    full@b.example: refused: 452 4.2.2 mailbox full\n";
    assert_eq!(text(&output.stdout), expected);

    let output = run("lmtp_deliver", &[&address, "me@a.example", "full@b.example"], MESSAGE);
    assert_eq!(status(&output), 75, "{output:?}");
    assert_eq!(status(&run("lmtp_deliver", &[], "")), 64);
    assert_eq!(server.finish().messages()[0].content, ON_THE_WIRE);
}

#[test]
fn probe_says_what_is_wrong_and_what_to_do() {
    let directory = TempDir::new("examples");
    let ca = directory.write("ca.pem", &authority().pem);
    let probe = |server: &Server, scheme: &str, password: Option<&str>| {
        let url = format!("{scheme}://localhost:{}", server.port());
        let mut command = valgrind("probe");
        command.arg(url).args(password.map(|_| "me@a.example"));
        command.env("SSL_CERT_FILE", &ca).env("SMTP_PASSWORD", password.unwrap_or("none"));
        finish(&mut command, "")
    };
    let server = Server::engine(Engine::new().user("me@a.example", "right"));
    let output = probe(&server, "smtp+starttls", Some("right"));
    assert_eq!(status(&output), 0, "{output:?}");
    let said = text(&output.stdout);
    for words in [
        "127.0.0.1: connected, ",
        "greeting        220 ",
        "\nTLS             TLSv1.3\n",
        "\nlogin           accepted (235)\n",
        "\nMail could be sent.\n",
    ] {
        assert!(said.contains(words), "no `{words}` in\n{said}");
    }
    assert!(!said.contains("What to do"), "{said}");
    for (scheme, password, words) in [
        ("smtp+starttls", Some("wrong-1234"), "- user name or password is refused"),
        ("smtps", None, "- port "),
    ] {
        let output = probe(&server, scheme, password);
        assert_eq!(status(&output), 1, "{output:?}");
        let said = text(&output.stdout);
        let (facts, advice) = said.split_once("\nMail cannot be sent.\nWhat to do:\n").unwrap();
        assert!(facts.contains("\nerror           ") && advice.starts_with(words), "{said}");
        assert!(!said.contains("wrong-1234"), "{said}");
    }
    assert!(server.finish_unchecked().messages().is_empty());
    assert_eq!(status(&run("probe", &[], "")), 2);
    let output = run("probe", &["gopher://a.example"], "");
    assert!(status(&output) == 1 && text(&output.stderr).contains("gopher"), "{output:?}");
}

#[test]
fn debug_trace_shows_both_directions() {
    let server = Server::engine(Engine::new());
    let output = run("debug_trace", &[&server.address()], "");
    assert_eq!(status(&output), 0, "{output:?}");
    let said = text(&output.stdout);
    for line in ["ms <- 220 ", "ms -> EHLO ", "ms <- 250", "ms -> NOOP", "ms -> QUIT", "ms <- 221"]
    {
        assert!(said.contains(line), "no `{line}` in\n{said}");
    }
    assert_eq!(status(&run("debug_trace", &[], "")), 2);
}

#[test]
fn custom_auth_speaks_xoauth2() {
    let directory = TempDir::new("examples");
    let ca = directory.write("ca.pem", &authority().pem);
    let engine = Engine::new().user("me@a.example", "right-token").mechanisms("PLAIN XOAUTH2");
    let server = Server::engine(engine.auth_needs_tls());
    let arguments = ["--ca", &ca, &server.address(), "me@a.example"];
    let with = |token: &str| {
        finish(valgrind("custom_auth").args(arguments).env("ACCESS_TOKEN", token), "")
    };

    let output = with("right-token");
    assert_eq!(status(&output), 0, "{output:?}");
    assert!(text(&output.stdout).starts_with("logged in: 235 "), "{output:?}");

    let output = with("wrong-token");
    assert_eq!(status(&output), 1, "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("the server says {") && said.contains("535"), "{said}");
    assert!(!said.contains("wrong-token"), "{said}");

    let output = finish(valgrind("custom_auth").args(arguments).env_remove("ACCESS_TOKEN"), "");
    assert_eq!(status(&output), 2, "{output:?}");
    let record = server.finish();
    assert_eq!(record.connections[0].login.as_deref(), Some("me@a.example"));
}

/// The token comes from a command, which is asked again if the server refuses it.
#[test]
fn send_oauth2_asks_a_command_for_tokens() {
    let directory = TempDir::new("examples");
    let ca = directory.write("ca.pem", &authority().pem);
    let engine = Engine::new().user("me@a.example", "ya29.right").mechanisms("OAUTHBEARER XOAUTH2");
    let server = Server::builder().tls(ServerTls::new(Kind::Valid));
    let server = server.engine(engine.auth_needs_tls()).start();
    let address = server.address().replace("127.0.0.1", "localhost");
    let url = format!("smtp+starttls://me%40a.example@{address}");
    let with = |command: &str| {
        let options = ["--ca", &ca, "-c", command, &url, "me@a.example", "bob@b.example"];
        run("send_oauth2", &options, MESSAGE)
    };

    let output = with("echo ya29.right");
    assert_eq!(status(&output), 0, "{output:?}");
    assert!(text(&output.stdout).starts_with("sent: "), "{output:?}");

    let output = with("test $OAUTH2_REASON = refused && echo ya29.right || echo ya29.old");
    assert_eq!(status(&output), 0, "{output:?}");
    assert!(text(&output.stderr).contains("535"), "{output:?}");

    for (command, words) in [
        ("echo ya29.wrong", "the token was refused (status 401"),
        ("echo a b", "the token has a space at offset 1"),
        ("exit 1", "the command printed none"),
    ] {
        let output = with(command);
        assert_eq!(status(&output), 1, "{output:?}");
        let said = text(&output.stderr);
        assert!(said.contains(words) && !said.contains("ya29.wrong"), "{said}");
    }
    for arguments in [&[][..], &["-c", "true", &url, "me@a.example"], &["--no", "x", "y", "z"]] {
        assert_eq!(status(&run("send_oauth2", arguments, "")), 2, "{arguments:?}");
    }
    let record = server.finish();
    assert_eq!(record.messages().len(), 2);
    assert_eq!(record.messages()[0].content, ON_THE_WIRE);
}

#[test]
fn verify_address_asks_and_sends_nothing() {
    let server = Server::engine(Engine::new().refuse("bob@b.example", REFUSAL));
    for (address, code, words) in
        [("alice@b.example", 0, "RCPT 250 "), ("bob@b.example", 1, "RCPT 550 5.1.1 no such user")]
    {
        let output = run("verify_address", &[&server.address(), "me@a.example", address], "");
        assert_eq!(status(&output), code, "{output:?}");
        let said = text(&output.stdout);
        assert!(said.contains("VRFY 252 ") && said.contains(words), "{said}");
    }
    assert_eq!(status(&run("verify_address", &[], "")), 2);
    assert!(server.finish().messages().is_empty());
}

#[test]
fn ten_clients_in_a_loop_of_poll() {
    ten_clients("loop_poll");
}

#[test]
fn ten_clients_in_a_loop_of_libuv() {
    ten_clients("loop_libuv");
}

#[test]
fn ten_clients_in_a_loop_of_libevent() {
    ten_clients("loop_libevent");
}

#[test]
fn ten_clients_in_a_loop_of_glib() {
    ten_clients("loop_glib");
}

/// The server answers a message when every client has one there, and after a pause in which the
/// loop has nothing but its timer: no call may wait, neither the one that starts nor process().
fn ten_clients(name: &str) {
    const PAUSE: Duration = Duration::from_millis(30);
    let meeting = Arc::new(Meeting::of(10));
    let all = meeting.clone();
    let engine = Engine::new().on_message(move |_| {
        all.meet();
        std::thread::sleep(PAUSE);
    });
    let server = Server::builder().engine(engine).start();
    let output = run(name, &[&server.host(), &server.port().to_string()], "");
    assert_eq!(status(&output), 0, "{output:?}");
    let said = text(&output.stdout);
    let ticks = said.strip_prefix("100 messages sent over 10 clients, ");
    let ticks = ticks.and_then(|rest| rest.strip_suffix(" ticks\n")?.parse::<u32>().ok());
    // In each of ten pauses, three times as long as the timer's interval, at least one tick.
    assert!(ticks.is_some_and(|ticks| ticks >= 10), "{said}");
    let record = server.finish();
    assert_eq!(meeting.missed(), 0, "clients do not send at the same time");
    assert_eq!(record.connections.len(), 10);
    for connection in &record.connections {
        assert_eq!(connection.messages.len(), 10);
        assert_eq!(connection.verbs().last().map(String::as_str), Some("QUIT"));
    }
    let content = b"Subject: hello\r\n\r\nHello from a loop.\r\n";
    assert!(record.messages().iter().all(|message| message.content == content));
}

#[test]
fn loops_say_what_is_wrong() {
    let port = support::closed_port().to_string();
    for name in LOOPS {
        let output = finish(Command::new(built().join(name)).args(["127.0.0.1", &port]), "");
        assert_eq!(status(&output), 1, "{name}: {output:?}");
        let said = text(&output.stderr);
        assert!(said.starts_with(&format!("{name}: ")) && said.contains("127.0.0.1"), "{said}");
        let output = finish(&mut Command::new(built().join(name)), "");
        assert_eq!(status(&output), 2, "{name}: {output:?}");
        assert_eq!(text(&output.stderr), format!("usage: {name} HOST PORT\n"));
    }
}

/// An event loop's program is short: docs/event-loops.md shows it whole.
#[test]
fn loops_are_short() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples-c");
    for name in LOOPS {
        let source = std::fs::read_to_string(directory.join(name).with_extension("c"));
        let lines = source.expect("a source file").lines().count();
        assert!(lines < 80, "{name}.c has {lines} lines");
    }
}

/// `make` builds what can be built, and names the rest and what it lacks.
#[test]
fn loops_without_their_library_are_left_out() {
    let directory = tree::scratch("examples-alone");
    let _ = std::fs::remove_dir_all(&directory);
    let path = tree::installed().join("lib/pkgconfig");
    let said = tree::run(
        tree::make("all")
            .args(["-n", "-C", "examples-c"])
            .arg(format!("PKG_CONFIG_PATH={}", path.display()))
            .env("PKG_CONFIG_LIBDIR", "/nonexistent")
            .arg(format!("BUILD={}", directory.display())),
    );
    for name in LOOPS {
        let alone = name == "loop_poll";
        assert_eq!(said.contains(&format!("{name}.c")), alone, "{name}: {said}");
        assert_eq!(said.contains(&format!("left out: {name}, ")), !alone, "{name}: {said}");
    }
}

const LOOPS: [&str; 4] = ["loop_poll", "loop_libuv", "loop_libevent", "loop_glib"];

/// Threads that wait for one another, again and again, though none for ever.
struct Meeting {
    size: usize,
    /// How many came, of all the times together, and how many waited in vain.
    came: Mutex<(usize, usize)>,
    complete: Condvar,
}

impl Meeting {
    fn of(size: usize) -> Meeting {
        Meeting { size, came: Mutex::default(), complete: Condvar::new() }
    }

    fn meet(&self) {
        let mut came = self.came.lock().unwrap();
        if came.1 > 0 {
            return;
        }
        came.0 += 1;
        let wanted = came.0.next_multiple_of(self.size);
        self.complete.notify_all();
        let limit = Duration::from_secs(20);
        let wait = self.complete.wait_timeout_while(came, limit, |came| came.0 < wanted);
        let (mut came, waited) = wait.unwrap();
        came.1 += usize::from(waited.timed_out());
    }

    fn missed(&self) -> usize {
        self.came.lock().unwrap().1
    }
}

/// Runs an example to its end with that standard input.
fn run(name: &str, arguments: &[&str], input: &str) -> Output {
    finish(valgrind(name).args(arguments), input)
}

/// An example under valgrind, which must find no error and no byte left.
fn valgrind(name: &str) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
    command.args(["--show-leak-kinds=all", "--errors-for-leak-kinds=all", "--num-callers=40"]);
    command.arg(concat!("--suppressions=", env!("CARGO_MANIFEST_DIR"), "/tests/valgrind.supp"));
    command.arg(built().join(name));
    // The system's certificates, which valgrind is slow to read, have no part in these tests.
    command.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/nonexistent");
    command
}

fn finish(command: &mut Command, input: &str) -> Output {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("valgrind runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A program that ends without reading its input is no fault.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the program ends")
}

/// The directory with the examples, built by their own Makefile against the installed tree.
fn built() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let directory = tree::scratch("examples-c");
        // Relative where it can be: make knows no targets with a space in their names.
        let build = match directory.strip_prefix(env!("CARGO_MANIFEST_DIR")) {
            Ok(below) => Path::new("..").join(below),
            Err(_) => directory.clone(),
        };
        let path = tree::installed().join("lib/pkgconfig");
        for (suffix, compilers) in [("-clang", ["clang", "clang++"]), ("", ["gcc", "g++"])] {
            tree::run(
                tree::make("all")
                    .args(["-B", "-C", "examples-c"])
                    .arg(format!("PKG_CONFIG_PATH={}", path.display()))
                    .arg(format!("BUILD={}{suffix}", build.display()))
                    .args([format!("CC={}", compilers[0]), format!("CXX={}", compilers[1])]),
            );
        }
        directory
    })
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("an exit status")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}
