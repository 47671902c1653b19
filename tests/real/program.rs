//! A C program linked with the installed library, against real servers.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use super::*;

const MESSAGE: &[u8] = b"Mark: from C\n\n.\nHello\n";

/// Runs `examples-c/send.c`.
fn run(words: &[&str]) -> Output {
    let binary = tree::scratch("real-send");
    if !binary.exists() || words.is_empty() {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/examples-c/send.c");
        let mut compiler = Command::new(std::env::var("CC").unwrap_or("cc".to_owned()));
        compiler.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&binary).arg(source);
        compiler.args(tree::pkg_config(&["--cflags", "--libs", "smtpclient"]));
        compiler.arg(format!("-Wl,-rpath,{}", tree::installed().join("lib").display()));
        tree::run(&mut compiler);
    }
    let mut program = Command::new(binary);
    program.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(MESSAGE);
    child.wait_with_output().unwrap()
}

#[test]
fn sends_from_c() {
    run(&[]);
    let postfix = postfix::start();
    let (smtp, smtps) =
        (format!("localhost:{}", postfix.smtp), format!("localhost:{}", postfix.smtps));
    let tail =
        ["sender@example.org", "alice@example.test", "nobody@example.test", "dave@example.test"];
    let ca = ["--ca", postfix.authority.as_str()];
    let runs: [(&[&str], i32, &instance::Instance); 4] = [
        (&["--starttls", ca[0], ca[1], &smtp], 3, &postfix.instance),
        (&["--tls", ca[0], ca[1], &smtps], 3, &postfix.instance),
        (&["--lmtp", &postfix.sasl.socket], 3, &postfix.sasl.instance),
        // An authority that this program does not trust.
        (&["--starttls", &smtp], 1, &postfix.instance),
    ];
    for (options, status, server) in runs {
        let output = run(&[options, &tail].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{options:?}: {said}");
        if status != 3 {
            assert!(said.contains("certificate"), "{said}");
            continue;
        }
        assert!(said.contains("refused: nobody@example.test: 550 5.1.1"), "{said}");
        for mailbox in ["alice", "dave"] {
            assert_eq!(server.delivered(mailbox, b"Mark: from C"), MESSAGE);
        }
        std::fs::remove_dir_all(server.home.path().join("mail/alice")).unwrap();
    }
}
