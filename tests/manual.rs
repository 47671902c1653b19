//! The manual: every function and every error has its place in it, its references lead somewhere,
//! its programs are those of examples-c, and it comes out the same wherever it is made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod tree;

#[test]
fn every_function_stands_on_one_page_and_leads_to_it() {
    let pages = pages();
    let functions = functions();
    assert!(functions.len() > 100, "{functions:?}");
    for function in functions {
        let declares = |text: &&String| text.contains(&format!(".Fo \"{function}\"\n"));
        let holders: Vec<_> = pages.iter().filter(|(_, text)| declares(text)).collect();
        let [(page, text)] = holders[..] else { panic!("{function} stands on {holders:?}") };
        assert!(
            text.contains(&format!(".Ss {function}()\n")),
            "{page} does not describe {function}"
        );
        let link = fs::read_to_string(section().join(format!("{function}.3")));
        assert_eq!(link.expect("a page by its name"), format!(".so man3/{page}.3\n"));
    }
}

/// What it means, and what to do.
#[test]
fn every_error_is_explained() {
    let page = &pages()["smtpclient-errors"];
    let entries: BTreeMap<&str, &str> =
        page.split(".It Dv ").skip(1).filter_map(|entry| entry.split_once(" No = ")).collect();
    for row in include_str!("../docs/symbols-in-versions").lines() {
        let name = row.split(' ').next().unwrap_or_default();
        let is_code = name.starts_with("SMTP_E_");
        if is_code || name.starts_with("SMTP_DETAIL_") {
            let text = entries.get(name).unwrap_or_else(|| panic!("nothing is said of {name}"));
            assert_eq!(text.contains("What to do:"), is_code, "{name}: {text}");
        }
    }
}

#[test]
fn mandoc_finds_no_fault() {
    for page in pages().keys() {
        let mut mandoc = Command::new("mandoc");
        let mut path = section().join(page);
        path.set_extension("3");
        let output = mandoc.args(["-Tlint", "-W", "warning"]).arg(path).output();
        let output = output.expect("missing here: apt-get install --no-install-recommends mandoc");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn references_lead_to_pages() {
    let pages = pages();
    for (page, text) in &pages {
        let references =
            text.lines().filter_map(|line| line.split_once("Xr ")?.1.split(' ').next());
        let mut count = 0;
        for reference in references {
            assert!(pages.contains_key(reference), "{page} refers to {reference}");
            count += 1;
        }
        assert!(count > 0, "{page} refers to no other");
    }
}

#[test]
fn programs_are_those_of_the_examples() {
    let page = &pages()["smtpclient-examples"];
    let programs: BTreeMap<&str, String> = page
        .split(".Ss ")
        .skip(1)
        .filter_map(|part| {
            let (name, rest) = part.split_once('\n')?;
            let code = rest.split_once(".Bd -literal -offset indent\n")?.1;
            Some((name, plain(code.split_once(".Ed\n")?.0)))
        })
        .collect();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples-c");
    let mut count = 0;
    for entry in fs::read_dir(directory).expect("the examples") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "c") {
            let name = path.file_name().expect("a name").to_str().expect("UTF-8");
            let source = fs::read_to_string(&path).expect("a source file");
            assert_eq!(programs.get(name), Some(&source), "{name}");
            count += 1;
        }
    }
    assert_eq!(count, programs.len());
}

/// Lines of mdoc as they are printed.
fn plain(code: &str) -> String {
    let line = |line: &str| line.trim_start_matches("\\&").replace("\\-", "-").replace("\\e", "\\");
    code.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn html_says_the_same_and_every_link_leads_somewhere() {
    let directory = tree::scratch("manual-html");
    make("html", &directory, &[]);
    let mut files = BTreeMap::new();
    for (name, path) in entries(&directory) {
        files.insert(name, fs::read_to_string(path).expect("a page"));
    }
    let names: BTreeSet<String> = files.keys().map(|name| name.replace(".html", "")).collect();
    let expected: BTreeSet<String> = pages()
        .into_keys()
        .map(|name| if name == "smtpclient" { "index".into() } else { name })
        .collect();
    assert_eq!(names, expected);
    for (name, text) in &files {
        for link in text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let target = files.get(file).unwrap_or_else(|| panic!("{name}: no {file}"));
            let found = place.is_empty() || target.contains(&format!(" id=\"{place}\""));
            assert!(found, "{name}: {link} leads nowhere");
        }
    }
    for function in functions() {
        let heading = format!("<h3 id=\"{function}\">{function}()</h3>");
        assert_eq!(files.values().filter(|text| text.contains(&heading)).count(), 1, "{function}");
    }
}

#[test]
fn is_the_same_wherever_it_is_made() {
    let elsewhere = [("LC_ALL", "C"), ("TZ", "Asia/Tokyo"), ("HOME", "/nonexistent")];
    for form in ["man", "html"] {
        let [here, there] = ["manual-here", "manual there"].map(tree::scratch);
        make(form, &here, &[]);
        make(form, &there, &elsewhere);
        let both = [&here, &there].map(|directory| {
            let read = |(name, path): (String, PathBuf)| (name, fs::read(path).expect("a page"));
            entries(directory).into_iter().map(read).collect::<Vec<_>>()
        });
        assert!(both[0] == both[1] && !both[0].is_empty(), "{form} differs");
    }
}

/// Runs the program that makes the manual, as the installed pages were made by it.
fn make(form: &str, directory: &Path, environment: &[(&str, &str)]) {
    let _ = fs::remove_dir_all(directory);
    tree::installed();
    let program = tree::scratch("../c/release/manual");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(program);
    command.arg(form).arg(root.join("include/smtpclient.h")).arg(root.join("examples-c"));
    command.args(["January 1, 2026", env!("CARGO_PKG_VERSION")]).arg(directory);
    tree::run(command.envs(environment.iter().copied()));
}

fn section() -> PathBuf {
    tree::installed().join("share/man/man3")
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

fn functions() -> Vec<&'static str> {
    let rows = include_str!("../docs/symbols-in-versions").lines();
    rows.filter(|row| row.starts_with("smtp_"))
        .filter_map(|row| Some(row.split_once("()")?.0))
        .collect()
}

/// The files of a directory, by name.
fn entries(directory: &Path) -> BTreeMap<String, PathBuf> {
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("a file");
        (entry.file_name().into_string().expect("UTF-8"), entry.path())
    };
    fs::read_dir(directory).expect("a directory").map(entry).collect()
}
