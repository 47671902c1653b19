//! SCRAM against GNU SASL, which was written by others: with and without channel binding, names and
//! passwords that have to be prepared, and an offer of -PLUS that somebody has stripped.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use smtpclient::error::{ErrorKind, Result};
use smtpclient::sasl::{self, Occasion};

/// The program of tests/scram/gsasl.c.
fn compiled() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(compile)
}

fn compile() -> String {
    let query = Command::new("pkg-config").args(["--cflags", "--libs", "libgsasl"]).output();
    let flags = query.ok().filter(|query| query.status.success()).map(|query| query.stdout);
    let flags = flags
        .unwrap_or_else(|| panic!("missing: apt-get install --no-install-recommends libgsasl-dev"));
    let program = format!("{}/scram-gsasl", env!("CARGO_TARGET_TMPDIR"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scram/gsasl.c");
    let flags = String::from_utf8(flags).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-Wall", "-Wextra", "-o", &program, source]).args(flags.split_whitespace());
    assert!(compiler.status().unwrap().success());
    program
}

struct Server {
    process: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Server {
    fn start(program: &str, words: &[&str]) -> Server {
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (to, from) = (process.stdin.take(), process.stdout.take().unwrap());
        Server { process, to, from: BufReader::new(from) }
    }

    /// What comes of a message: a word, and the answer or the reason.
    fn step(&mut self, message: &[u8]) -> (String, Vec<u8>) {
        let line = [sasl::encode(message).as_bytes(), b"\n"].concat();
        self.to.as_mut().unwrap().write_all(&line).unwrap();
        let mut answer = String::new();
        self.from.read_line(&mut answer).unwrap();
        let (word, rest) = answer.trim_end().split_once(' ').expect("two words");
        let rest = match word {
            "error" => rest.as_bytes().to_vec(),
            _ => sasl::decode(rest.as_bytes()).unwrap().as_bytes().to_vec(),
        };
        (word.to_owned(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.process.wait();
    }
}

struct Case {
    mechanism: &'static str,
    user: &'static str,
    ours: &'static str,
    theirs: &'static str,
    binding: Option<&'static [u8]>,
    /// What the server has seen of the channel, in base64.
    seen: Option<&'static str>,
    offers_plus: bool,
}

/// Both sides to their end; gives the server's reason if it refuses.
fn run(program: &str, case: &Case) -> Result<Option<String>> {
    let mut words = vec![case.mechanism, case.theirs, "4096"];
    words.extend(case.seen);
    let mut server = Server::start(program, &words);
    let occasion = Occasion {
        nonce: "r4nd0m+of/this=exchange".to_owned(),
        binding: case.binding.map(|data| ("tls-exporter", data.to_vec())),
        offers_plus: case.offers_plus,
    };
    let mut client = sasl::builtin(case.mechanism, case.user, case.ours, occasion)?;
    let mut message = client.step(None)?.expect("the client's first message");
    loop {
        let (word, answer) = server.step(message.as_bytes());
        match word.as_str() {
            "error" => return Ok(Some(String::from_utf8(answer).unwrap())),
            "done" => {
                assert!(client.step(Some(&answer))?.is_none());
                return client.success(b"2.7.0 welcome").map(|()| None);
            }
            _ => message = client.step(Some(&answer))?.expect("the client's proof"),
        }
    }
}

const USUAL: Case = Case {
    mechanism: "SCRAM-SHA-256",
    user: "user",
    ours: "pencil",
    theirs: "pencil",
    binding: None,
    seen: None,
    offers_plus: false,
};

#[test]
fn gnu_sasl() {
    let program = compiled();
    let (data, seen, other) = (&b"exported"[..], "ZXhwb3J0ZWQ=", "ZWxzZXdoZXJl");
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-1"] {
        let usual = || Case { mechanism, ..USUAL };
        for case in [
            usual(),
            Case { user: "a,b=c=2C", ..usual() },
            Case { binding: Some(data), ..usual() },
            Case { binding: Some(data), offers_plus: true, seen: Some(seen), ..usual() },
            #[cfg(feature = "saslprep")]
            Case {
                user: "jose\u{301}",
                ours: "\u{2168}\u{a0}\u{aa}\u{ad}",
                theirs: "IX a",
                ..usual()
            },
            #[cfg(feature = "saslprep")]
            Case { ours: "\u{627}1\u{628}", theirs: "\u{627}1\u{628}", ..usual() },
        ] {
            let came = run(program, &case).unwrap();
            assert_eq!(came, None, "{mechanism} {} {}", case.user, case.ours);
        }
        let wrong = Case { ours: "pencils", ..usual() };
        assert_eq!(run(program, &wrong).unwrap().as_deref(), Some("GSASL_AUTHENTICATION_ERROR"));
    }
    for mechanism in ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"] {
        let bound = || Case { mechanism, binding: Some(data), seen: Some(seen), ..USUAL };
        assert_eq!(run(program, &bound()).unwrap(), None, "{mechanism}");
        // Somebody passes it on from a connection of his own.
        let passed_on = run(program, &Case { seen: Some(other), ..bound() }).unwrap();
        assert_eq!(passed_on.as_deref(), Some("GSASL_AUTHENTICATION_ERROR"), "{mechanism}");
        let unbound = run(program, &Case { binding: None, ..bound() }).unwrap_err();
        assert_eq!(unbound.kind(), ErrorKind::NotSupported);
    }
}

/// The server offers -PLUS, and somebody has taken that out of its list.
#[test]
fn gnu_sasl_notices_that_plus_was_stripped() {
    let program = compiled();
    let stripped = Case { binding: Some(b"exported"), seen: Some("ZXhwb3J0ZWQ="), ..USUAL };
    assert_eq!(run(program, &stripped).unwrap().as_deref(), Some("GSASL_AUTHENTICATION_ERROR"));
}
