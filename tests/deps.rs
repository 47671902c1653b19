//! What `scripts/deps` and `make test REAL=no` tell a person, with stand-ins for the commands by
//! which they see what machine they are on. Installing for good is for `scripts/fresh-machine`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of commands, each a line of shell, for the front of PATH.
fn commands(name: &str, lines: &[(&str, &str)]) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    for (command, line) in lines {
        let file = directory.join(command);
        fs::write(&file, format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    directory
}

fn deps(mode: &str, commands: &Path, variables: &[(&str, &str)]) -> Output {
    let path = format!("{}:{}", commands.display(), std::env::var("PATH").unwrap());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/deps");
    let mut command = Command::new(script);
    command.arg(mode).env("PATH", path).env("CARGO", "cargo").env_remove("RUSTC");
    command.envs(variables.iter().copied()).output().unwrap()
}

fn apt_cache(rustc: &str, web: &str) -> String {
    format!("[ $2 = rustc ] && c='{rustc}' || c='{web}'; echo \"  Candidate: $c\"")
}

#[test]
fn a_user_without_sudo_gets_the_line_for_root() {
    let user = commands("user", &[("id", "echo 1000"), ("sudo", "exit 1"), ("apt-get", "exit 99")]);
    for mode in ["build", "test"] {
        let variables = [("PKG_CONFIG", "no-pkg-config"), ("REAL", "no")];
        let output = deps(mode, &user, &variables);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let mut lines = said.lines().filter_map(|line| line.strip_prefix("    "));
        // For the tests, more may be missing.
        let line = "sudo apt-get install --no-install-recommends pkg-config libssl-dev";
        let rest = lines.next().and_then(|have| have.strip_prefix(line));
        assert!(rest.is_some_and(|rest| rest.is_empty() || mode == "test"), "{said}");
        // The libraries of event loops, and GNU SASL, are for the tests alone.
        for library in ["libuv1-dev", "libevent-dev", "libglib2.0-dev", "libgsasl-dev"] {
            assert_eq!(said.contains(library), mode == "test", "{library}: {said}");
        }
        assert_eq!(lines.next(), None, "{said}");
    }
}

#[test]
fn missing_rust_is_named_by_the_packages_that_are_new_enough() {
    let floor = env!("CARGO_PKG_RUST_VERSION");
    let (new, old) = (format!("{floor}.9+dfsg1-1"), "1.63.0+dfsg1-2");
    let both = "rustc and cargo, Debian 12 as rustc-web and cargo-web";
    let cases = [
        (apt_cache(&new, &new), "    sudo apt-get install rustc cargo\n"),
        (apt_cache(old, &new), "    sudo apt-get install rustc-web cargo-web\n"),
        (apt_cache(old, "(none)"), both),
        ("exit 100".to_owned(), both),
    ];
    for (index, (policy, expected)) in cases.iter().enumerate() {
        let rustc = "echo 'rustc 1.60.0 (7737e0b5c 2022-04-04)'";
        let machine =
            commands(&format!("rust-{index}"), &[("apt-cache", policy), ("old-rustc", rustc)]);
        for (variable, what) in [
            (("CARGO", "no-cargo"), format!("deps: Rust is missing ({floor} or later)\n")),
            (("RUSTC", "old-rustc"), format!("deps: Rust 1.60.0 is here, and {floor} or later")),
        ] {
            let output = deps("build", &machine, &[variable]);
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.starts_with(&what), "{said}");
            assert!(said.contains(expected), "{said}");
        }
    }
}

#[test]
fn real_servers_are_left_out_on_request_and_nothing_else_is() {
    let make = |value: &str| {
        let mut command = Command::new("make");
        command.args(["-n", "test", &format!("REAL={value}")]).env_remove("MAKEFLAGS");
        let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let without = make("no");
    let words: Vec<&str> = without.split_whitespace().collect();
    let run: BTreeSet<String> =
        words.windows(2).filter(|pair| pair[0] == "--test").map(|pair| pair[1].into()).collect();
    let tests = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")).unwrap();
    let mut all: BTreeSet<String> = tests
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension().is_some_and(|end| end == "rs") || path.join("main.rs").exists()
        })
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(all.remove("real"));
    assert_eq!(run, all, "{without}");
    assert!(without.contains("LEFT OUT by REAL=no: tests/real"), "{without}");
    assert!(!make("yes").contains("LEFT OUT"));
}
