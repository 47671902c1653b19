//! `make install` and what a user does next: the files that it puts where, programs built through
//! pkg-config against the shared and against the static library, `make uninstall`, `cargo package`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod tree;

const CONSUMER: &str = "#include <smtpclient.h>\n#include <stdio.h>\n\
    int main(void) {\n\
        smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);\n\
        if (client == NULL) return 1;\n\
        if (smtp_client_connect(client, \"host\\r\\n\", 0) != SMTP_E_INVALID_ARGUMENT) return 1;\n\
        smtp_client_free(client);\n\
        puts(smtp_client_version());\n\
        return 0;\n\
    }\n";

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn install_puts_each_file_in_its_place_and_uninstall_takes_it_away() {
    let stage = empty("stage with spaces");
    let variables = [
        format!("DESTDIR={}", stage.display()),
        "PREFIX=/opt/mail".into(),
        "LIBDIR=/opt/mail/lib/here".into(),
        "INCLUDEDIR=/usr/include/mail".into(),
    ];
    tree::run(tree::make_built("install").args(&variables));

    let shared = format!("opt/mail/lib/here/libsmtpclient.so.{VERSION}");
    let mut expected: BTreeSet<String> = [
        "opt/mail/lib/here/libsmtpclient.a",
        "opt/mail/lib/here/libsmtpclient.so",
        &format!("opt/mail/lib/here/{}", tree::SONAME),
        "opt/mail/lib/here/cmake/smtpclient/smtpclientConfig.cmake",
        "opt/mail/lib/here/cmake/smtpclient/smtpclientConfigVersion.cmake",
        "opt/mail/lib/here/pkgconfig/smtpclient.pc",
        "usr/include/mail/smtpclient.h",
        &shared,
    ]
    .map(String::from)
    .into();
    if Path::new(env!("CARGO_MANIFEST_DIR")).join("include/smtpclient.hpp").exists() {
        expected.insert("usr/include/mail/smtpclient.hpp".into());
    }
    expected.extend(pages().map(|page| format!("opt/mail/share/man/man3/{page}.3")));
    assert_eq!(files(&stage), expected);

    let lib = stage.join("opt/mail/lib/here");
    let link = |name: &str| fs::read_link(lib.join(name)).expect("a symbolic link");
    assert_eq!(link("libsmtpclient.so"), Path::new(tree::SONAME));
    assert_eq!(link(tree::SONAME), Path::new(&format!("libsmtpclient.so.{VERSION}")));

    let pc = fs::read_to_string(lib.join("pkgconfig/smtpclient.pc")).expect("the .pc file");
    for line in [
        "prefix=/opt/mail",
        "libdir=${prefix}/lib/here",
        "includedir=/usr/include/mail",
        &format!("Version: {VERSION}"),
    ] {
        assert!(pc.lines().any(|have| have == line), "no `{line}` in\n{pc}");
    }
    assert!(!pc.contains('@') && !pc.contains("stage"), "{pc}");

    tree::run(tree::make_built("uninstall").args(&variables));
    assert_eq!(files(&stage), BTreeSet::new());
}

/// The pages of the manual: the library's, its examples', each group's, and each function's.
fn pages() -> impl Iterator<Item = &'static str> {
    let header = include_str!("../include/smtpclient.h");
    let groups = header.split("@defgroup ").skip(1).filter_map(|text| text.split(' ').next());
    let symbols = include_str!("../docs/symbols-in-versions").lines();
    let functions = symbols.filter_map(|row| Some(row.split_once("()")?.0));
    ["smtpclient", "smtpclient-examples"].into_iter().chain(groups).chain(functions)
}

#[test]
fn relative_prefix_is_refused() {
    let output = tree::make_built("install").arg("PREFIX=out").output().expect("make runs");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("absolute path"));
}

#[test]
fn programs_link_the_shared_library() {
    for compiler in ["gcc", "clang"] {
        let flags = tree::pkg_config(&["--cflags", "--libs", "smtpclient"]);
        let program = build(compiler, "shared", &flags);
        let lib = tree::installed().join("lib");
        assert_eq!(tree::run(Command::new(&program).env("LD_LIBRARY_PATH", lib)).trim(), VERSION);

        let needed = tree::run(tree::readelf().arg("-dVW").arg(&program));
        assert!(needed.contains(&format!("[{}]", tree::SONAME)), "{needed}");
        assert!(needed.contains("Name: SMTPCLIENT_0.1"), "the version node is not recorded");
        assert!(!needed.contains("libssl"), "OpenSSL is our need, not the program's");
    }
}

/// `--static` names enough for a program that takes only our library from its archive, and for one
/// that is static altogether.
#[test]
fn programs_link_the_static_library() {
    let prefix = empty("static with spaces");
    tree::run(tree::make_built("install").arg(format!("PREFIX={}", prefix.display())));
    for name in ["libsmtpclient.so", tree::SONAME] {
        fs::remove_file(prefix.join("lib").join(name)).expect("an installed link");
    }
    let query = ["--static", "--cflags", "--libs", "smtpclient"];
    let mut flags = tree::pkg_config_in(&prefix.join("lib/pkgconfig"), &query);
    for compiler in ["gcc", "clang"] {
        let program = build(compiler, "archive", &flags);
        assert_eq!(tree::run(&mut Command::new(&program)).trim(), VERSION);
        let needed = tree::run(tree::readelf().arg("-dW").arg(&program));
        assert!(!needed.contains("libsmtpclient"), "{needed}");
    }
    flags.push("-static".into());
    let program = build("gcc", "all-static", &flags);
    assert_eq!(tree::run(&mut Command::new(&program)).trim(), VERSION);
}

/// Another Rust library in the same program, built by the same rustc and with a panic of its own.
const OTHER: &str = "#[unsafe(no_mangle)]\n\
    pub extern \"C\" fn other_answer(of: i32) -> i32 {\n\
        std::panic::set_hook(Box::new(|_| {}));\n\
        std::panic::catch_unwind(|| 84 / of).unwrap_or(-1)\n\
    }\n";

const BESIDE: &str = "#include <smtpclient.h>\n#include <stdio.h>\n\
    int other_answer(int of);\n\
    int main(void) {\n\
        smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);\n\
        int refused = smtp_client_connect(client, \"a\\nb\", 0);\n\
        smtp_client_free(client);\n\
        return printf(\"%d %d %d\\n\", other_answer(2), other_answer(0), refused) < 0;\n\
    }\n";

/// Two Rust libraries in one program, in either order and fully static: each has a standard library
/// of its own in it, and neither sees the other's.
#[test]
fn static_library_links_beside_another_rust_library() {
    let directory = empty("beside");
    fs::write(directory.join("other.rs"), OTHER).expect("a source file");
    fs::write(directory.join("main.c"), BESIDE).expect("a source file");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let arguments = ["--edition=2024", "--crate-type=staticlib", "-O", "other.rs"];
    tree::run(Command::new(rustc).current_dir(&directory).args(arguments));
    let ours = tree::installed().join("lib/libsmtpclient.a").display().to_string();
    let other = "libother.a".to_owned();
    let query = ["--static", "--cflags", "--libs", "smtpclient"];
    let flags: Vec<String> =
        tree::pkg_config(&query).into_iter().filter(|flag| flag != "-lsmtpclient").collect();
    for archives in [[&ours, &other], [&other, &ours]] {
        for how in [&[][..], &["-static"]] {
            let mut compiler = Command::new("gcc");
            compiler.current_dir(&directory).args(["-o", "main", "main.c"]);
            tree::run(compiler.args(archives).args(&flags).args(how));
            assert_eq!(tree::run(&mut Command::new(directory.join("main"))), "42 -1 -1\n");
        }
    }
}

#[test]
fn stripped_libraries_still_link() {
    let prefix = empty("stripped");
    tree::run(tree::make_built("install-strip").arg(format!("PREFIX={}", prefix.display())));
    let size = |root: &Path| {
        let file = root.join(format!("lib/libsmtpclient.so.{VERSION}"));
        fs::metadata(file).expect("the installed library").len()
    };
    let (stripped, whole) = (size(&prefix), size(tree::installed()));
    assert!(stripped < whole, "{stripped} of {whole} bytes are left");

    let pkgconfig = prefix.join("lib/pkgconfig");
    let flags = tree::pkg_config_in(&pkgconfig, &["--cflags", "--libs", "smtpclient"]);
    let program = build("gcc", "stripped-shared", &flags);
    let run = &mut Command::new(&program);
    assert_eq!(tree::run(run.env("LD_LIBRARY_PATH", prefix.join("lib"))).trim(), VERSION);
    let flags = tree::pkg_config_in(&pkgconfig, &["--static", "--cflags", "--libs", "smtpclient"]);
    let mut flags = flags;
    flags.push("-static".into());
    let program = build("gcc", "stripped-static", &flags);
    assert_eq!(tree::run(&mut Command::new(&program)).trim(), VERSION);
}

/// The crate as crates.io would hold it: everything that a build needs is in it, and building it
/// does not write into its own source.
///
/// The build shares the compiled dependencies of the tests. A profile of its own keeps it apart
/// from ours, which cargo would otherwise take for the same: it knows a crate by its name and its
/// place below the workspace, not by its directory.
#[test]
fn crate_packages_and_builds_offline() {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let package = |arguments: &[&str]| {
        let mut command = Command::new(&cargo);
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["package", "--locked", "--offline"]);
        tree::run(command.arg("--allow-dirty").args(arguments))
    };
    let list = package(&["--list"]);
    for file in [
        "Cargo.lock",
        "LICENSE",
        "Makefile",
        "README.md",
        "build.rs",
        "cbindgen.toml",
        "include/smtpclient.h",
        "docs/symbols-in-versions",
        "scripts/archive",
        "scripts/relative",
        "scripts/version-script",
        "scripts/manual/main.rs",
        "smtpclient.pc.in",
        "src/lib.rs",
    ] {
        assert!(list.lines().any(|line| line == file), "{file} is not in the package");
    }
    let target = tree::scratch("..");
    let apart = "profile.dev.package.smtpclient.debug=0";
    package(&["--target-dir", &target.to_string_lossy(), "--config", apart]);
}

/// Neither cbindgen nor the tables of international domain names are needed where their features are
/// off: `make HEADER=committed` is such a build.
#[test]
fn builds_without_what_is_optional() {
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
        tree::run(command.args(["--locked", "--offline", "--no-default-features"]))
    };
    let needed = cargo(&["tree", "--prefix=none", "--edges=normal,build"]);
    for name in ["cbindgen", "idna", "icu_normalizer"] {
        let found = needed.lines().any(|line| line.split(' ').next() == Some(name));
        assert!(!found, "{name} is needed:\n{needed}");
    }
    let target = tree::scratch("..").display().to_string();
    cargo(&["check", "--lib", "--target-dir", &target]);
}

/// Compiles the consumer with every warning an error, and returns the program.
fn build(compiler: &str, name: &str, flags: &[String]) -> PathBuf {
    let program = tree::scratch(&format!("consumer-{name}-{compiler}"));
    let source = program.with_extension("c");
    fs::write(&source, CONSUMER).expect("a source file");
    tree::run(
        Command::new(compiler)
            .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o"])
            .arg(&program)
            .arg(&source)
            .args(flags),
    );
    program
}

fn empty(name: &str) -> PathBuf {
    let path = tree::scratch(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a scratch directory");
    path
}

/// Every file and link below a directory, by its path from there.
fn files(root: &Path) -> BTreeSet<String> {
    let mut waiting = vec![root.to_owned()];
    let mut found = BTreeSet::new();
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).expect("a readable directory") {
            let entry = entry.expect("a directory entry");
            if entry.file_type().expect("a file type").is_dir() {
                waiting.push(entry.path());
            } else {
                let path = entry.path();
                let path = path.strip_prefix(root).expect("a path below the root");
                found.insert(path.display().to_string());
            }
        }
    }
    found
}
