//! The manual: every name and every error has its place in it, its references lead somewhere, its
//! code compiles, and it comes out the same wherever it is made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

mod tree;

#[path = "manual/code.rs"]
mod code;
#[path = "manual/markup.rs"]
mod markup;
#[path = "manual/program.rs"]
mod program;

const SYMBOLS: &str = include_str!("../docs/symbols-in-versions");
const HEADER: &str = include_str!("../include/smtpclient.h");
/// Pages of others that ours refer to.
const OTHERS: &[&str] =
    &["chroot 2", "ossl_store 7", "dlclose 3", "exec 3", "fork 2", "getaddrinfo 3"];

#[test]
fn every_function_stands_on_one_page_and_leads_to_it() {
    let pages = pages();
    let functions = functions();
    assert!(functions.len() > 100, "{functions:?}");
    for function in functions {
        for line in [format!(".Fo \"{function}\""), format!(".Ss {function}()")] {
            let page = holder(&pages, &line);
            let named = |text: &str| text.trim_end_matches(" ,") == format!(".Nm {function}");
            assert!(pages[page].lines().any(named), "{page} does not have {function} in its NAME");
            let link = fs::read_to_string(section().join(format!("{function}.3")));
            assert_eq!(link.expect("a page by its name"), format!(".so man3/{page}.3\n"));
        }
    }
    let links = entries(&section()).len() - pages.len();
    assert_eq!(links, self::functions().len(), "a link page leads from what is no function");
}

#[test]
fn every_other_name_is_explained_once() {
    let pages = pages();
    let mut count = 0;
    for name in names().filter(|name| !name.ends_with("()") && !name.starts_with("SMTPCLIENT_")) {
        if name.starts_with("SMTP_") {
            let value = value(name);
            holder(&pages, &format!(".It Dv {name} No = {}", value.replace('-', "\\-")));
        } else {
            holder(&pages, &format!(".Ss {name}"));
        }
        count += 1;
    }
    assert!(count > 50, "only {count} names");
}

/// The page on which a line stands, and stands once.
fn holder<'a>(pages: &'a BTreeMap<String, String>, line: &str) -> &'a str {
    let holders = pages
        .iter()
        .flat_map(|(page, text)| text.lines().filter(|have| *have == line).map(move |_| page));
    let holders: Vec<&String> = holders.collect();
    let [page] = holders[..] else { panic!("`{line}` stands on {holders:?}") };
    page
}

/// The number that the header gives a constant.
fn value(name: &str) -> &str {
    let define = format!("#define {name} ");
    let enumerator = format!("    {name} = ");
    let line =
        |line: &'static str| line.strip_prefix(&define).or_else(|| line.strip_prefix(&*enumerator));
    let value = HEADER.lines().find_map(line).unwrap_or_else(|| panic!("no value of {name}"));
    value.trim_matches(['(', ')', ','])
}

/// What it means, and what to do.
#[test]
fn every_error_is_explained() {
    let page = &pages()["smtpclient-errors"];
    let entries: BTreeMap<&str, &str> =
        page.split(".It Dv ").skip(1).filter_map(|entry| entry.split_once(" No = ")).collect();
    let mut count = 0;
    for name in
        names().filter(|name| name.starts_with("SMTP_E_") || name.starts_with("SMTP_DETAIL_"))
    {
        let text = entries.get(name).unwrap_or_else(|| panic!("nothing is said of {name}"));
        let (meaning, remedy) = text
            .split_once("\n.Pp\nWhat to do: ")
            .unwrap_or_else(|| panic!("what to do about {name}?\n{text}"));
        // The number stands before the meaning.
        let meaning = meaning.split_once('\n').map_or("", |(_, meaning)| meaning);
        for text in [meaning, remedy] {
            assert!(text.split_whitespace().count() > 2, "too little is said of {name}: {text}");
        }
        count += 1;
    }
    assert!(count > 25, "only {count} errors");
}

#[test]
fn mandoc_and_groff_find_no_fault() {
    let man = section().join("..");
    for page in pages().keys() {
        let file = section().join(format!("{page}.3"));
        let output = output(
            Command::new("mandoc").args(["-Tlint", "-W", "style"]).arg(&file).env("MANPATH", &man),
            "mandoc",
        );
        let said = String::from_utf8_lossy(&output.stdout);
        // A machine need not have the pages of others.
        let other = |line: &&str| {
            let missing = line.split_once("STYLE: referenced manual not found: Xr ");
            !missing.is_some_and(|(_, page)| OTHERS.contains(&page))
        };
        assert_eq!(said.lines().filter(other).collect::<Vec<_>>(), Vec::<&str>::new());

        // A declaration may be longer than a line, or alone on one that cannot be adjusted.
        let mut groff = Command::new("groff");
        groff.args(["-mdoc", "-ww", "-dAD=l", "-rLL=100n", "-z", "-Tutf8"]);
        let output = self::output(groff.arg(&file), "groff-base");
        assert!(output.status.success() && output.stderr.is_empty(), "{page}: {output:?}");
    }
}

/// `man smtp_client_connect` shows the page that it stands on.
#[test]
fn a_function_is_a_page_by_its_name() {
    let mut mandoc = Command::new("mandoc");
    mandoc.args(["-Tascii", "man3/smtp_client_connect.3"]).current_dir(section().join(".."));
    let output = output(&mut mandoc, "mandoc");
    let said = String::from_utf8(output.stdout).expect("ASCII");
    assert!(output.status.success() && said.starts_with("SMTPCLIENT-CONNECTION(3)"), "{said}");
}

/// Sections that a reader looks for, in the order of mdoc(7).
#[test]
fn pages_have_the_usual_sections() {
    for (page, text) in pages() {
        let sections: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix(".Sh ")).collect();
        let expected: &[&str] = match &*page {
            "smtpclient" => &["NAME", "LIBRARY", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"],
            "smtpclient-examples" => &["NAME", "DESCRIPTION", "EXAMPLES", "SEE ALSO"],
            _ => &["NAME", "LIBRARY", "SYNOPSIS", "DESCRIPTION", "RETURN VALUES", "SEE ALSO"],
        };
        let others = ["ERRORS", "STANDARDS"];
        let usual: Vec<&str> =
            sections.iter().copied().filter(|section| !others.contains(section)).collect();
        assert_eq!(usual, expected, "{page}");
        let has_standards = text.contains("RFC ") && !expected.contains(&"EXAMPLES");
        let wants = has_standards && page != "smtpclient";
        assert_eq!(sections.contains(&"STANDARDS"), wants, "{page}");
    }
}

#[test]
fn references_lead_to_pages() {
    let pages = pages();
    let mut others = BTreeSet::new();
    for (page, text) in &pages {
        let mut count = 0;
        for line in text.lines().filter_map(|line| Some(line.split_once("Xr ")?.1)) {
            let words: Vec<&str> = line.split(' ').take(2).collect();
            let [name, number] = words[..] else { panic!("{page}: {line}") };
            match number == "3" && pages.contains_key(name) {
                true => count += 1,
                false => drop(others.insert(words.join(" "))),
            }
        }
        assert!(count > 0, "{page} refers to no other");
    }
    assert_eq!(others, OTHERS.iter().map(|page| (*page).to_owned()).collect());
}

/// Beside those that return whether they worked, which one sentence is for.
#[test]
fn every_function_says_what_it_returns() {
    let mut listed = 0;
    for (page, text) in pages() {
        let Some((before, behind)) = text.split_once(".Sh RETURN VALUES\n") else { continue };
        let results = behind.split(".Sh ").next().expect("a section");
        let has_plain = results.starts_with("Functions that are not below")
            || results.starts_with("The functions return");
        for declaration in before.split(".Ft \"").skip(1) {
            let (result, rest) = declaration.split_once("\"\n.Fo \"").expect("a declaration");
            let (name, rest) = rest.split_once("\"\n").expect("a name");
            let only_looks =
                rest.starts_with(".Fa \"const smtp_") || rest.starts_with(".Fa \"void\"");
            let is_listed = results.contains(&format!(".It Fn {name}\n"));
            listed += usize::from(is_listed);
            if name.starts_with("(*") || result == "void" {
                assert!(!is_listed, "{page}: {name} returns nothing");
            } else if result != "int" || only_looks || !has_plain {
                assert!(is_listed, "{page}: what does {name} return?");
            }
        }
    }
    assert!(listed > 70, "only {listed} functions return something");
}

/// The pages, made anew: an installed tree may still have what earlier ones were called.
fn section() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let directory = tree::scratch("manual-section/man3");
        program::make("man", &directory, &[]);
        directory
    };
    MADE.get_or_init(make).clone()
}

#[test]
fn what_is_installed_is_what_is_made() {
    let installed = tree::installed().join("share/man/man3");
    // The first line has the day, which the environment may give.
    let body = |text: &str| text.split_once('\n').map(|(_, body)| body.to_owned());
    for (name, path) in entries(&section()) {
        let made = fs::read_to_string(path).expect("a page");
        let there = fs::read_to_string(installed.join(&name)).unwrap_or_default();
        assert_eq!(body(&there), body(&made), "{name}");
    }
}

/// The pages that are more than a reference to another.
fn pages() -> BTreeMap<String, String> {
    let read = |(name, path): (String, PathBuf)| {
        let text = fs::read_to_string(path).expect("a page");
        let name = name.strip_suffix(".3").expect("section 3").to_owned();
        (!text.starts_with(".so ")).then_some((name, text))
    };
    let pages: BTreeMap<_, _> = entries(&section()).into_iter().filter_map(read).collect();
    assert!(pages.len() > 10, "{:?}", pages.keys());
    pages
}

/// Everything that the header declares; functions with "()" behind them.
fn names() -> impl Iterator<Item = &'static str> {
    let rows = SYMBOLS.lines().filter(|row| !row.starts_with('#') && !row.is_empty());
    rows.filter_map(|row| row.split(' ').next())
}

fn functions() -> Vec<&'static str> {
    names().filter_map(|name| name.strip_suffix("()")).collect()
}

/// The files of a directory, by name.
fn entries(directory: &Path) -> BTreeMap<String, PathBuf> {
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("a file");
        (entry.file_name().into_string().expect("UTF-8"), entry.path())
    };
    fs::read_dir(directory).expect("a directory").map(entry).collect()
}

/// Runs a program that a Debian package has.
fn output(command: &mut Command, package: &str) -> Output {
    command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}: apt-get install --no-install-recommends {package}")
    })
}
