//! Programs of others, by every way that they are built: against the installed tree and, by most, against
//! one that was moved into a directory with a space in its name, each sending a mail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod support;
mod tree;

use support::{Engine, Server};

/// An installed tree, under the name of one that stays or one that was moved.
struct Tree {
    root: PathBuf,
    moved: bool,
}

#[test]
fn pkg_config() {
    for tree in trees("pkg-config") {
        for (how, flags) in
            [("shared", &[][..]), ("archive", &["--static"]), ("static", &["--static"])]
        {
            let program = empty(&format!("consumer pkg-config {how}")).join("hello");
            // Where both libraries lie, a linker takes the shared one.
            let only = tree.only(how != "shared");
            let mut query = vec!["--cflags", "--libs", "smtpclient"];
            query.extend(flags);
            if tree.moved {
                query.push("--define-prefix");
            }
            let mut compiler = Command::new("cc");
            compiler.arg(consumers().join("hello.c")).arg("-o").arg(&program);
            compiler.args(tree::pkg_config_in(&only.join("lib/pkgconfig"), &query));
            compiler.args((how == "static").then_some("-static"));
            tree::run(&mut compiler);
            sends(&mut tree.command(&program));
            let needs = needed(&program);
            assert_eq!(needs.contains(tree::SONAME), how == "shared", "{needs}");
            assert_eq!(needs.contains("libssl"), how == "archive", "{needs}");
        }
    }
}

/// Every dialect that a program may be written in, with warnings that are errors.
#[test]
fn languages() {
    let strict = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"];
    let flags = tree::pkg_config(&["--cflags", "--libs", "smtpclient"]);
    let directory = empty("consumer languages");
    let [tree, _] = trees("languages");
    for (source, compilers, standards, more) in [
        ("hello.c", ["gcc", "clang"], &["c99", "c11", "c17", "c2x"][..], &["-Wc++-compat"][..]),
        ("hello.cpp", ["g++", "clang++"], &["c++11", "c++14", "c++17", "c++20", "c++2b"], &[]),
    ] {
        for compiler in compilers {
            for standard in standards {
                let program = directory.join(format!("{compiler}-{standard}"));
                let mut command = Command::new(compiler);
                command.arg(format!("-std={standard}")).args(strict).args(more);
                command.args(compiler.starts_with("clang").then_some("-Wdocumentation"));
                command.arg("-o").arg(&program).arg(consumers().join(source));
                tree::run(command.args(&flags));
                sends(&mut tree.command(&program));
            }
        }
    }
}

#[test]
fn cmake() {
    for tree in trees("cmake") {
        // (Moved with --define-prefix, pkg-config would move OpenSSL too, and CMake looks there.)
        for how in ["shared", "static", "pkg-config"].iter().take(if tree.moved { 2 } else { 3 }) {
            let build = empty(&format!("consumer cmake {how} {}", tree.moved));
            let mut configure = Command::new("cmake");
            configure.arg("-S").arg(consumers().join("cmake")).arg("-B").arg(&build);
            configure.arg(format!("-DHOW={how}")).arg("-DCMAKE_BUILD_TYPE=Release");
            configure.arg(format!("-DCMAKE_PREFIX_PATH={}", tree.root.display()));
            let output = need(&mut configure, "cmake").output().expect("cmake runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && !said.contains("Warning"), "{said}");
            tree::run(Command::new("cmake").arg("--build").arg(&build));
            let program = build.join("hello");
            sends(&mut tree.command(&program));
            assert_eq!(needed(&program).contains(tree::SONAME), *how != "static");
        }
    }
}

/// What cannot be found is said in a way that helps.
#[test]
fn cmake_says_what_is_missing() {
    let [tree, _] = trees("cmake-missing");
    let without = |name: &str, how: &str| {
        let root = empty(&format!("without {name}"));
        copy(&tree.root, &root);
        for entry in fs::read_dir(root.join("lib")).expect("a directory").flatten() {
            if entry.file_name().to_string_lossy().starts_with(name) {
                fs::remove_file(entry.path()).expect("a file that may go");
            }
        }
        let mut configure = Command::new("cmake");
        configure.arg("-S").arg(consumers().join("cmake"));
        configure.arg("-B").arg(empty("consumer cmake missing"));
        configure.arg(format!("-DHOW={how}"));
        configure.arg(format!("-DCMAKE_PREFIX_PATH={}", root.display()));
        let output = need(&mut configure, "cmake").output().expect("cmake runs");
        assert!(!output.status.success(), "found without {name}: {output:?}");
        String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let said = without("libsmtpclient.so", "shared");
    assert!(said.contains("there is no") && said.contains(tree::SONAME), "{said}");
    let said = without("libsmtpclient.a", "static");
    assert!(said.contains("the static library is not installed in"), "{said}");
}

#[test]
fn meson() {
    for tree in trees("meson") {
        for (fixed, method) in [("false", "pkg-config"), ("true", "pkg-config"), ("false", "cmake")]
        {
            let source = empty("consumer meson source");
            copy(&consumers().join("meson"), &source);
            fs::copy(consumers().join("hello.c"), source.join("hello.c")).expect("a copy");
            let build = empty(&format!("consumer meson {fixed} {method} {}", tree.moved));
            let only = tree.only(fixed == "true");
            let mut setup = Command::new("meson");
            setup.arg("setup").arg(&build).arg(&source);
            setup.arg(format!("-Dstatic={fixed}")).arg(format!("-Dmethod={method}"));
            setup.arg(format!("-Dcmake_prefix_path={}", only.display()));
            setup.env("PKG_CONFIG_PATH", only.join("lib/pkgconfig"));
            if tree.moved {
                setup.env("PKG_CONFIG", define_prefix());
            }
            tree::run(need(&mut setup, "meson ninja-build"));
            tree::run(Command::new("meson").args(["compile", "-C"]).arg(&build));
            let program = build.join("hello");
            sends(&mut tree.command(&program));
            assert_eq!(needed(&program).contains(tree::SONAME), fixed == "false");
        }
    }
}

#[test]
fn autotools() {
    let source = empty("consumer-autotools");
    copy(&consumers().join("autotools"), &source);
    fs::copy(consumers().join("hello.c"), source.join("hello.c")).expect("a copy");
    let mut autoreconf = Command::new("autoreconf");
    let autoreconf = autoreconf.arg("--install").current_dir(&source);
    tree::run(need(autoreconf, "autoconf automake pkg-config"));
    let [tree, _] = trees("autotools");
    tree::run(
        Command::new("./configure")
            .current_dir(&source)
            .env("PKG_CONFIG_PATH", tree.root.join("lib/pkgconfig")),
    );
    let mut make = Command::new("make");
    for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
        make.env_remove(name);
    }
    tree::run(make.current_dir(&source));
    sends(&mut tree.command(&source.join("hello")));
}

/// The library is opened with a plugin and closed with it, thirty times.
#[test]
fn plugin() {
    let [tree, _] = trees("plugin");
    let directory = empty("consumer plugin");
    let (plugin, host) = (directory.join("plugin.so"), directory.join("host"));
    let source = |name: &str| consumers().join("plugin").join(name);
    let mut compiler = Command::new("cc");
    compiler.args(["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]).arg(&plugin);
    compiler.arg(source("plugin.c"));
    tree::run(compiler.args(tree::pkg_config(&["--cflags", "--libs", "smtpclient"])));
    let mut compiler = Command::new("cc");
    compiler.args(["-Wall", "-Wextra", "-Werror", "-o"]).arg(&host).arg(source("host.c"));
    tree::run(compiler.arg("-ldl"));
    assert!(!needed(&host).contains("smtpclient"));
    let server = Server::engine(Engine::new());
    let mut command = tree.command(&host);
    command.arg(&plugin).arg(server.address()).arg("30");
    assert_eq!(tree::run(&mut command).trim(), env!("CARGO_PKG_VERSION"));
    assert_eq!(server.finish().messages().len(), 30);
}

impl Tree {
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("LD_LIBRARY_PATH", self.root.join("lib"));
        command
    }

    /// The tree, or one like it in which a linker finds the archive alone.
    fn only(&self, archive: bool) -> PathBuf {
        if !archive {
            return self.root.clone();
        }
        let root = self.root.with_extension("archive");
        if !root.exists() {
            copy(&self.root, &root);
            for name in ["libsmtpclient.so", tree::SONAME] {
                fs::remove_file(root.join("lib").join(name)).expect("an installed link");
            }
            let file = root.join("lib/pkgconfig/smtpclient.pc");
            let text = fs::read_to_string(&file).expect("the .pc file");
            let said = |path: &Path| path.display().to_string().replace(' ', "\\ ");
            if !self.moved {
                assert!(text.contains(&said(&self.root)), "{text}");
            }
            let text = text.replace(&said(&self.root), &said(&root));
            fs::write(file, text).expect("the .pc file");
        }
        root
    }
}

/// The installed tree, and a copy that knows nothing of where it is.
fn trees(test: &str) -> [Tree; 2] {
    let stays = empty(&format!("{test} tree")).join("stays");
    let install = |prefix: &Path| {
        tree::run(tree::make_built("install").arg(format!("PREFIX={}", prefix.display())));
    };
    install(&stays);
    let before = empty(&format!("{test}-before"));
    install(&before);
    let moved = empty(&format!("{test} moved")).join("here");
    fs::rename(&before, &moved).expect("a directory that can be moved");
    [Tree { root: stays, moved: false }, Tree { root: moved, moved: true }]
}

fn sends(program: &mut Command) {
    let server = Server::engine(Engine::new());
    let said = tree::run(program.arg(server.address()));
    assert_eq!(said.trim(), env!("CARGO_PKG_VERSION"));
    let record = server.finish();
    assert_eq!(record.messages().len(), 1);
    assert!(record.messages()[0].content.starts_with(b"Subject: hello\r\n"));
}

fn needed(program: &Path) -> String {
    tree::run(tree::readelf().arg("-dW").arg(program))
}

/// pkg-config that believes where a file lies more than what stands in it.
fn define_prefix() -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let script = tree::scratch("pkg-config-define-prefix");
    fs::write(&script, "#!/bin/sh\nexec pkg-config --define-prefix \"$@\"\n").expect("a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a mode");
    script
}

fn need<'a>(command: &'a mut Command, packages: &str) -> &'a mut Command {
    let found = Command::new(command.get_program()).arg("--version").output().is_ok();
    assert!(found, "missing here: apt-get install --no-install-recommends {packages}");
    // The tests' own variable; to CMake from 3.27 on it is where a package of that name lies.
    command.env_remove("SMTPCLIENT_ROOT")
}

fn consumers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/consumers")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    tree::run(Command::new("cp").arg("-a").arg(from.join(".")).arg(to));
}

fn empty(name: &str) -> PathBuf {
    let path = tree::scratch(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a scratch directory");
    path
}
