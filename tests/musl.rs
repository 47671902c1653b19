//! A program that is static altogether, with musl as its C library: it links from the archive by what
//! the .pc file says, sends a mail over TLS, and survives a fault of the library.
//!
//! The libraries for it are made by `scripts/musl`. Where they cannot be, this says so.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

mod support;
mod tree;

use support::certs::{Kind, server_identity};
use support::{Engine, Server, ServerTls, TempDir, authority};

/// Unwinding is what a static program most easily lacks.
const FAULT: &str = "#include <smtpclient.h>\n\
    extern int smtp_test_panic_at(int calls);\n\
    int main(void) {\n\
        smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);\n\
        smtp_test_panic_at(1);\n\
        return smtp_client_noop(client) != SMTP_E_INTERNAL;\n\
    }\n";

#[test]
fn a_fully_static_program_sends_a_mail() {
    let Some(libraries) = libraries() else { return };
    let program = build(&libraries, Path::new("examples-c/send.c"));
    let headers = tree::run(tree::readelf().arg("-lW").arg(&program));
    assert!(!headers.contains("INTERP") && !headers.contains("DYNAMIC"), "{headers}");

    let directory = TempDir::new("musl");
    let ca = directory.write("ca.pem", &authority().pem);
    let tls = ServerTls::new(Kind::Valid);
    let server = Server::builder().tls(tls).engine(Engine::new()).start();
    let address = server.address().replace("127.0.0.1", "localhost");
    let mut child = Command::new(&program)
        .args(["--starttls", "--ca", &ca, &address, "me@a.example", "bob@b.example"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program that runs");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"Subject: static\n\nHello.\n").expect("the program reads");
    drop(input);
    let output = child.wait_with_output().expect("its output");
    assert!(output.status.success(), "{output:?}");
    let message = server.finish().messages()[0].clone();
    assert_eq!(message.content, b"Subject: static\r\n\r\nHello.\r\n");
    assert!(message.encrypted);

    let identity = server_identity(Kind::Valid);
    let pem = directory.write("server.pem", format!("{}{}", identity.chain_pem, identity.key_pem));
    let program = build(&libraries, Path::new("tests/musl/post_quantum.c"));
    // By itself from OpenSSL 3.5 on, which this one is.
    assert_eq!(tree::run(Command::new(program).args([&pem, &ca])).trim(), "X25519MLKEM768");

    let source = libraries.join("fault.c");
    fs::write(&source, FAULT).expect("a source file");
    tree::run(&mut Command::new(build(&libraries, &source)));
}

/// What `scripts/musl` made, if it could.
fn libraries() -> Option<PathBuf> {
    let directory = tree::scratch("musl");
    let mut script = Command::new("scripts/musl");
    let script = script.arg(&directory).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = script.output().expect("a script that runs");
    if output.status.code() == Some(77) {
        let why = String::from_utf8_lossy(&output.stdout);
        // Past the harness, which shows nothing of a test that passes.
        let _ = write!(std::io::stderr(), "LEFT OUT: a fully static program on musl: {why}");
        return None;
    }
    assert!(output.status.success(), "{output:?}");
    Some(directory)
}

fn build(libraries: &Path, source: &Path) -> PathBuf {
    let [ours, openssl] =
        ["root", "openssl"].map(|name| libraries.join(name).join("lib/pkgconfig"));
    let path = PathBuf::from(format!("{}:{}", ours.display(), openssl.display()));
    let flags = tree::pkg_config_in(&path, &["--static", "--cflags", "--libs", "smtpclient"]);
    let name = source.file_stem().expect("a file's name");
    let program = libraries.join(name);
    let mut compiler = Command::new("musl-gcc");
    compiler.current_dir(env!("CARGO_MANIFEST_DIR")).arg("-static").arg("-o").arg(&program);
    tree::run(compiler.arg(source).args(flags));
    program
}
