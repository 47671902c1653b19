//! The installed tree that C code is built against in tests: `make test` makes it first and names
//! it in `SMTPCLIENT_ROOT`; a plain `cargo test` makes it here, once.
#![allow(dead_code)]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// By what name programs ask for the library: in 0.x each minor release is an interface of its own.
pub const SONAME: &str = concat!(
    "libsmtpclient.so.",
    env!("CARGO_PKG_VERSION_MAJOR"),
    ".",
    env!("CARGO_PKG_VERSION_MINOR")
);

/// The prefix of an installed tree with `lib/`, `lib/pkgconfig/` and `include/`.
pub fn installed() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| match std::env::var_os("SMTPCLIENT_ROOT") {
        Some(root) => PathBuf::from(root),
        None => {
            let root = scratch("root");
            let lock = File::create(scratch("root.lock")).expect("a lock file");
            // SAFETY: the descriptor is open, and the call touches no memory.
            let locked = unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX) };
            assert_eq!(locked, 0, "a lock between test programs");
            run(make("install").arg(format!("PREFIX={}", root.display())));
            root
        }
    })
}

/// `make TARGET` once the libraries are built, so that no two tests build them at the same time.
pub fn make_built(target: &str) -> Command {
    installed();
    make(target)
}

/// `make TARGET` in the crate's directory, without the variables of an outer make.
pub fn make(target: &str) -> Command {
    let mut command = Command::new("make");
    command.arg("--no-print-directory").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    for name in
        ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR", "LIBDIR", "INCLUDEDIR", "MANDIR", "PREFIX"]
    {
        command.env_remove(name);
    }
    command
}

/// A path below cargo's own directory for the scratch files of tests.
pub fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// What `pkg-config` says of the installed tree, split into arguments.
pub fn pkg_config(args: &[&str]) -> Vec<String> {
    pkg_config_in(&installed().join("lib/pkgconfig"), args)
}

/// What `pkg-config` says with `directory` first on its path.
pub fn pkg_config_in(directory: &Path, args: &[&str]) -> Vec<String> {
    let output = run(Command::new("pkg-config").env("PKG_CONFIG_PATH", directory).args(args));
    let mut words = vec![String::new()];
    let mut characters = output.trim().chars();
    // As a shell reads it: a space in a path stands behind a backslash.
    while let Some(next) = characters.next() {
        match (next, words.last_mut()) {
            ('\\', Some(word)) => word.extend(characters.next()),
            (next, Some(word)) if !next.is_whitespace() => word.push(next),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// readelf, in words that tests know.
pub fn readelf() -> Command {
    let mut command = Command::new("readelf");
    command.env("LC_ALL", "C");
    command
}

/// Runs a command to its end and returns its standard output; panics with all it said if it fails.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
