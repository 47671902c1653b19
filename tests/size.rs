//! How large the library is, all of it and as `make MINIMAL=1` leaves it, shared and linked into a
//! program; and that the minimal one works.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod support;
mod tree;

use support::{Engine, Server};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Bytes of the stripped shared library at most, and of what a program grows by with the static one.
const ALL: u64 = 1_175_000;
/// So much more by a compiler on an older LLVM, as Debian 13 has it (19).
const OLDER: u64 = 50_000;
const MINIMAL: u64 = 630_000;

#[test]
fn all_of_it() {
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let said = tree::run(Command::new(rustc).arg("-vV"));
    let llvm = said.lines().find_map(|line| line.strip_prefix("LLVM version: "));
    let major = llvm.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    let is_old = major.unwrap_or_else(|| panic!("{said}")) < 22;
    is_at_most(ALL + if is_old { OLDER } else { 0 }, "size-all", tree::installed());
}

#[test]
fn minimal() {
    let prefix = empty("size-minimal-root");
    let install = |variables: &[String]| {
        let mut make = tree::make("install");
        tree::run(make.arg("MINIMAL=1").args(variables));
    };
    install(&[format!("PREFIX={}", prefix.display())]);
    is_at_most(MINIMAL, "size-minimal", &prefix);

    let program = built(&prefix, "size-minimal-features", FEATURES, &[]);
    let lib = prefix.join("lib");
    let said = tree::run(Command::new(&program).env("LD_LIBRARY_PATH", &lib));
    assert_eq!(said, "idna 0\nsaslprep 0\ncontainment 0\ntls 1\n");
    let program = built(tree::installed(), "size-all-features", FEATURES, &[]);
    let all = tree::installed().join("lib");
    let said = tree::run(Command::new(&program).env("LD_LIBRARY_PATH", all));
    assert_eq!(said, "idna 1\nsaslprep 1\ncontainment 1\ntls 1\n");

    let hello = include_str!("consumers/hello.c");
    let program = built(&prefix, "size-minimal-hello", hello, &[]);
    let server = Server::engine(Engine::new());
    let mut command = Command::new(&program);
    command.env("LD_LIBRARY_PATH", &lib).arg(server.address());
    assert_eq!(tree::run(&mut command).trim(), VERSION);
    assert_eq!(server.finish().messages().len(), 1);
}

const FEATURES: &str = "#include <smtpclient.h>\n#include <stdio.h>\n\
    int main(void) {\n\
        const char *names[] = {\"idna\", \"saslprep\", \"containment\", \"tls\"};\n\
        for (int i = 0; i < 4; i++)\n\
            printf(\"%s %d\\n\", names[i], smtp_client_has_feature(names[i]));\n\
        return 0;\n\
    }\n";

/// Refers to every function, so that a linker leaves none out.
fn every_function() -> String {
    let rows = include_str!("../docs/symbols-in-versions").lines();
    let names: Vec<&str> = rows.filter_map(|row| Some(row.split_once("()")?.0)).collect();
    assert!(names.len() > 100);
    let list = names.iter().map(|name| format!("(void (*)(void)){name}, ")).collect::<String>();
    format!(
        "#include <smtpclient.h>\nvoid (*functions[])(void) = {{{list}}};\n\
         int main(int words, char **word) {{ (void)word; return functions[words] == 0; }}\n"
    )
}

fn is_at_most(most: u64, name: &str, prefix: &Path) {
    let shared = prefix.join(format!("lib/libsmtpclient.so.{VERSION}"));
    let empty = built(prefix, &format!("{name}-none"), "int main(void) { return 0; }\n", &[]);
    // The archive alone, and of it what is needed.
    let archive = ["-Wl,--gc-sections", "-Wl,-Bstatic", "-lsmtpclient", "-Wl,-Bdynamic"];
    let linked = built(prefix, &format!("{name}-every"), &every_function(), &archive);
    for (what, size) in [
        ("shared", stripped(name, &shared)),
        ("static", stripped(name, &linked) - stripped(name, &empty)),
    ] {
        println!("{}, {what}: {size} bytes", prefix.display());
        assert!(
            size <= most,
            "{what}: {size} bytes are too many for an SMTP client, at most {most}; the largest \
             symbols:\n{}",
            largest(&shared)
        );
    }
}

fn stripped(name: &str, file: &Path) -> u64 {
    let bare = tree::scratch(&format!("{name}-bare"));
    tree::run(Command::new("strip").arg("--strip-unneeded").arg("-o").arg(&bare).arg(file));
    fs::metadata(bare).expect("a file").len()
}

fn largest(library: &Path) -> String {
    let mut nm = Command::new("nm");
    let symbols = tree::run(nm.args(["-C", "-S", "--size-sort", "--reverse-sort"]).arg(library));
    symbols.lines().take(10).collect::<Vec<_>>().join("\n")
}

/// A program against that tree; `library` names the library where pkg-config's own way is not wanted.
fn built(prefix: &Path, name: &str, source: &str, library: &[&str]) -> PathBuf {
    let program = tree::scratch(name);
    let text = program.with_extension("c");
    fs::write(&text, source).expect("a source file");
    let static_too = if library.is_empty() { &[][..] } else { &["--static"] };
    let query = [&["--cflags", "--libs", "smtpclient"], static_too].concat();
    let flags = tree::pkg_config_in(&prefix.join("lib/pkgconfig"), &query);
    let flags = flags.iter().map(String::as_str);
    let flags = flags.flat_map(|flag| match flag {
        "-lsmtpclient" if !library.is_empty() => library.to_vec(),
        _ => vec![flag],
    });
    let mut compiler = Command::new("cc");
    tree::run(compiler.arg("-o").arg(&program).arg(&text).args(flags));
    program
}

fn empty(name: &str) -> PathBuf {
    let path = tree::scratch(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a scratch directory");
    path
}
