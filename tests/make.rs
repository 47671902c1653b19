//! What a packager's build may rely on: flags and places are honoured, nothing of the machine that
//! built is in what is installed, and installing as somebody else builds nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod tree;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commands that a build from nothing would run.
fn planned(arguments: &[&str]) -> String {
    let mut make = tree::make_built("all");
    tree::run(make.args(["-n", "-B"]).args(arguments))
}

#[test]
fn flags_reach_the_commands_that_they_are_for() {
    let plan = planned(&["CFLAGS=-O2 -mark-c", "LDFLAGS=-Wl,-mark-ld", "CC=gcc-mark", "-j3"]);
    let line = |what: &str| {
        plan.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what} in {plan}"))
    };
    assert!(line("gcc-mark -shared").contains("-O2 -mark-c -Wl,-mark-ld"), "{plan}");
    assert!(line("CFLAGS='-O2 -mark-c'").contains("CC='gcc-mark'"), "{plan}");
    assert!(line("rustc --locked").contains("CARGO_BUILD_JOBS=3"), "{plan}");
    assert!(!planned(&[]).contains("CARGO_BUILD_JOBS"), "cargo's own default is no longer used");
}

/// Nothing here can link for macOS; what would be said to its linker can be read.
#[test]
fn apples_linker_is_spoken_to_in_its_own_words() {
    let plan = planned(&["TARGET=aarch64-apple-darwin", "LIBDIR=/opt/mail/lib", "CC=cc-mark"]);
    let link = plan.lines().find(|line| line.contains("cc-mark -dynamiclib")).expect("a link");
    let series = VERSION.rsplit_once('.').expect("three numbers").0;
    for word in [
        format!("-install_name,'/opt/mail/lib/libsmtpclient.{series}.dylib'"),
        format!("-current_version,{VERSION}"),
        format!("-compatibility_version,{series}"),
        format!("/libsmtpclient.{VERSION}.dylib'"),
        "-exported_symbols_list,".into(),
    ] {
        assert!(link.contains(&word), "{word} in {link}");
    }
    for word in ["-soname", "--version-script", "-z,", "--whole-archive", "-lrt"] {
        assert!(!link.contains(word), "{word} in {link}");
    }
    assert!(plan.contains("scripts/version-script docs/symbols-in-versions names"), "{plan}");
}

#[test]
fn the_way_between_two_directories() {
    for (from, to, way) in [
        ("/usr/lib/x/cmake/smtpclient", "/usr/include", "../../../../include"),
        ("/a b/c", "/a b/d\\e&f", "../d\\e&f"),
        ("/opt//mail/./lib/../lib/cmake", "/opt/mail/include/", "../../include"),
        ("/same", "/same", "."),
        ("/", "/usr", "usr"),
    ] {
        let mut script = Command::new("scripts/relative");
        let script = script.current_dir(env!("CARGO_MANIFEST_DIR")).args([from, to]);
        assert_eq!(tree::run(script), format!("{way}\n"), "from {from} to {to}");
    }
}

#[test]
fn flags_for_rustc_are_kept_and_directories_get_names() {
    for (variable, flags) in [
        ("RUSTFLAGS", "-C first -C second"),
        ("CARGO_ENCODED_RUSTFLAGS", "-C\x1ffirst\x1f-C\x1fsecond"),
    ] {
        let mut script = Command::new("scripts/rustflags");
        script.current_dir(env!("CARGO_MANIFEST_DIR")).arg("/a target");
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            script.env_remove(name);
        }
        let said = tree::run(script.env("CARGO_HOME", "/a cargo home").env(variable, flags));
        let said: Vec<&str> = said.split('\x1f').collect();
        assert_eq!(said[..4], ["-C", "first", "-C", "second"], "{variable}");
        let sources = format!("{}=smtpclient-{VERSION}", env!("CARGO_MANIFEST_DIR"));
        for named in [&*sources, "/a target=target", "/a cargo home=cargo"] {
            assert!(
                said.contains(&&*format!("--remap-path-prefix={named}")),
                "{named} in {said:?}"
            );
        }
    }
}

#[test]
fn no_path_of_this_machine_is_in_the_libraries() {
    let variable = |name: &str| std::env::var(name).ok();
    let home = variable("CARGO_HOME").or_else(|| Some(format!("{}/.cargo", variable("HOME")?)));
    let home = home.expect("cargo has a home");
    let target = tree::scratch("..").canonicalize().expect("the target directory");
    let target = target.display().to_string();
    for name in [format!("libsmtpclient.so.{VERSION}"), "libsmtpclient.a".into()] {
        let library = fs::read(tree::installed().join("lib").join(&name)).expect("a library");
        for path in [env!("CARGO_MANIFEST_DIR"), &home, &target] {
            let found = library.windows(path.len()).any(|bytes| bytes == path.as_bytes());
            assert!(!found, "{path} stands in {name}");
        }
    }
}

/// What hardening-check and checksec look for in a shared library, as far as Rust has it.
#[test]
fn the_library_is_hardened() {
    let library = tree::installed().join(format!("lib/libsmtpclient.so.{VERSION}"));
    let mut readelf = tree::readelf();
    let said = tree::run(readelf.args(["-ldW"]).arg(library));
    for wanted in ["GNU_RELRO", "BIND_NOW", "NODELETE"] {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
    for unwanted in ["TEXTREL", "RPATH", "RUNPATH", " RWE "] {
        assert!(!said.contains(unwanted), "{unwanted} in {said}");
    }
    let stack = said.lines().find(|line| line.contains("GNU_STACK")).expect("a stack's rights");
    assert!(stack.contains(" RW "), "{stack}");
}

#[test]
fn a_relative_libdir_lies_below_the_prefix() {
    let stage = empty("relative libdir");
    let mut make = tree::make_built("install");
    make.arg(format!("DESTDIR={}", stage.display()));
    tree::run(make.args(["PREFIX=/opt/mail", "LIBDIR=lib/here"]));
    assert!(stage.join("opt/mail/lib/here/libsmtpclient.a").exists());
    let pc = fs::read_to_string(stage.join("opt/mail/lib/here/pkgconfig/smtpclient.pc"));
    assert!(pc.expect("the .pc file").contains("\nlibdir=${prefix}/lib/here\n"));
}

/// `sudo make install` before `make` leaves no files of root's in a user's sources; behind it, it
/// installs what is there, however old.
#[test]
fn installing_as_somebody_else_builds_nothing() {
    // Where anybody may look.
    let source = std::env::temp_dir().join(format!("smtpclient-of-another-{}", std::process::id()));
    fs::create_dir_all(&source).expect("a directory");
    tree::run(Command::new("chmod").arg("777").arg(&source));
    for name in
        ["Makefile", "Cargo.toml", "Cargo.lock", "build.rs", "cbindgen.toml", "smtpclient.pc.in"]
    {
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(name), source.join(name))
            .expect("a copy");
    }
    // SAFETY: asks for a number.
    let root = unsafe { libc::geteuid() } == 0;
    let install = |variables: &[String]| {
        let mut make = Command::new("env");
        make.current_dir(&source)
            .env_remove("MAKEFLAGS")
            .env("CARGO_TARGET_DIR", source.join("target"));
        // Where nobody else can be had, what make finds out is told to it.
        let someone = ["setpriv", "--reuid=65534", "--clear-groups"];
        make.args(if root { &someone[..] } else { &[] }).args(["make", "install"]);
        make.args((!root).then_some("STRANGER=yes")).args(variables).output().expect("make runs")
    };
    let output = install(&["DESTDIR=/nonexistent".into()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("run `make` first"), "{said}");
    assert!(!source.join("target").exists(), "something was built");
    fs::remove_dir_all(&source).expect("a directory");

    // The plan of one who does not own what is built here: no compiler is in it.
    let plan = tree::run(tree::make_built("install").args(["-n", "STRANGER=yes"]));
    assert!(!plan.contains("rustc") && plan.contains("smtpclient.pc"), "{plan}");
}

fn empty(name: &str) -> PathBuf {
    let path = tree::scratch(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a scratch directory");
    path
}
