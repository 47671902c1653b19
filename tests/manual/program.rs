//! The program that makes the manual.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{entries, output, tree};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The program, as the installed pages were made by it.
fn manual() -> Command {
    tree::installed();
    let mut command = Command::new(tree::scratch("../c/release/manual"));
    command.env_remove("SOURCE_DATE_EPOCH");
    command
}

/// Makes the manual of this tree anew.
pub fn make(form: &str, directory: &Path, environment: &[(&str, &str)]) {
    let _ = fs::remove_dir_all(directory);
    let mut command = manual();
    command.arg(form).arg(ROOT).arg(directory).envs(environment.iter().copied());
    assert_eq!(tree::run(&mut command), "");
}

/// The files of the manual of this tree, in that form.
pub fn files(form: &str, name: &str, environment: &[(&str, &str)]) -> BTreeMap<String, String> {
    let directory = tree::scratch(name);
    make(form, &directory, environment);
    let read = |(name, path): (String, PathBuf)| (name, fs::read_to_string(path).expect("a page"));
    entries(&directory).into_iter().map(read).collect()
}

#[test]
fn its_own_tests_pass() {
    let tests = tree::scratch("manual-tests");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let mut build = Command::new(rustc);
    build.args(["--edition", "2024", "--test", "-o"]).arg(&tests);
    tree::run(build.arg(Path::new(ROOT).join("scripts/manual/main.rs")));
    let said = tree::run(&mut Command::new(&tests));
    assert!(said.contains("test result: ok") && !said.contains(" 0 passed"), "{said}");
}

#[test]
fn pages_are_the_same_wherever_they_are_made() {
    let elsewhere = [("LC_ALL", "C"), ("TZ", "Asia/Tokyo"), ("HOME", "/nonexistent")];
    for form in ["man", "html"] {
        let here = files(form, "manual-here", &[("LC_ALL", "C.UTF-8"), ("TZ", "UTC")]);
        let there = files(form, "manual there", &elsewhere);
        assert!(here == there && here.len() > 10, "{form} differs");
    }
}

#[test]
fn the_day_is_what_a_reproducible_build_is_told() {
    let day = |environment: &[(&str, &str)]| {
        let pages = files("man", "manual-day", environment);
        let line = pages["smtpclient.3"].lines().next().expect("a line").to_owned();
        line.strip_prefix(".Dd ").expect("a day").to_owned()
    };
    assert_eq!(day(&[("SOURCE_DATE_EPOCH", "951782400")]), "February 29, 2000");
    let without = day(&[]);
    assert!(without.ends_with(|c: char| c.is_ascii_digit()), "{without}");
    let wrong =
        manual().args(["man", ROOT, "/nonexistent/x"]).env("SOURCE_DATE_EPOCH", "now").output();
    let wrong = wrong.expect("the program runs");
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&wrong.stderr),
        "manual: SOURCE_DATE_EPOCH: invalid input parameter\n"
    );
}

/// What a comment says comes out as it was written, whatever roff and HTML would make of it.
#[test]
fn nothing_in_a_comment_is_taken_for_markup() {
    const TEXTS: &[&str] = &[
        ".Sh no macro",
        "'no request",
        "back\\slash \\fB and \\& and \\n(xx",
        "from -1 to --static, well-known",
        "\"quoted\" & <tagged> &amp; <!-- -->",
        "It No Fa Dv El words",
        "~tilde ^caret %percent #hash",
        "(SMTP_E_TIMEOUT), \"SMTP_E_IO\"; SMTP_E_TLS's and a/SMTP_OK/b.",
    ];
    const CODE: &[&str] =
        &["\\e \"x\" -y 'z' .Ql", ".Sh", "\\", "-", "No", "RCPT TO:<a@b>", "~^\\(aq", ","];
    let sources = tree::scratch("manual-sources");
    let _ = fs::remove_dir_all(&sources);
    fs::create_dir_all(sources.join("include")).expect("a directory");
    let header =
        fs::read_to_string(Path::new(ROOT).join("include/smtpclient.h")).expect("a header");
    let texts = TEXTS.iter().map(|text| format!(" *\n * {text}\n"));
    let codes = CODE.iter().map(|code| format!(" *\n * Code `{code}` here\n"));
    let literal = CODE.iter().map(|code| format!(" *     {code}\n")).collect::<String>();
    let added: String = texts.chain(codes).chain([" *\n".to_owned(), literal]).collect();
    let mark = "/**\n * Frees a policy; NULL is allowed.";
    let (before, behind) = header.split_once(mark).expect("a comment");
    let edited = format!("{before}/**\n * Begins.\n{added} *\n * Ends.{behind}");
    fs::write(sources.join("include/smtpclient.h"), edited).expect("a file");
    fs::write(sources.join("CHANGELOG.md"), "").expect("a file");
    std::os::unix::fs::symlink(Path::new(ROOT).join("examples-c"), sources.join("examples-c"))
        .expect("a link");
    for form in ["man", "html"] {
        tree::run(manual().arg(form).arg(&sources).arg(sources.join(form)));
    }
    let page = sources.join("man/smtpclient-tls.3");
    let mandoc = printed("mandoc", &["-Tascii", "-Owidth=250"], &page);
    let groff = printed(
        "groff-base",
        &["-mdoc", "-Tascii", "-dAD=l", "-rLL=250n", "-P-cbou", "-ww"],
        &page,
    );
    let html = fs::read_to_string(sources.join("html/smtpclient-tls.html")).expect("a page");
    let html = super::markup::text(&html);
    for (how, text) in [("mandoc", mandoc), ("groff", groff), ("html", html)] {
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for text in TEXTS {
            assert!(lines.iter().any(|line| line == text), "{how} spoils `{text}`");
        }
        for code in CODE {
            let quoted = [format!("Code `{code}' here"), format!("Code '{code}' here")];
            let bare = format!("Code {code} here");
            let found = |line: &String| *line == bare || quoted.contains(line);
            assert!(lines.iter().any(found), "{how} spoils code `{code}`");
            assert!(lines.iter().any(|line| line == code), "{how} spoils literal `{code}`");
        }
    }
}

/// A page as it is printed, without overstriking.
pub fn printed(package: &str, arguments: &[&str], page: &Path) -> String {
    let program = package.trim_end_matches("-base");
    let output = output(Command::new(program).args(arguments).arg(page), package);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let mut text = String::new();
    for c in String::from_utf8(output.stdout).expect("ASCII").chars() {
        match c {
            '\u{8}' => drop(text.pop()),
            c => text.push(c),
        }
    }
    text
}
