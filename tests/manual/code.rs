//! The code in the manual: whole programs are those of examples-c, and what stands in the header's
//! comments compiles.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::program::printed;
use super::{HEADER, section, tree};

/// Byte for byte, as a reader copies them from the screen.
#[test]
fn programs_are_those_of_the_examples() {
    let page = section().join("smtpclient-examples.3");
    let mandoc = printed("mandoc", &["-Tascii", "-Owidth=200"], &page);
    let groff =
        printed("groff-base", &["-mdoc", "-Tascii", "-dAD=l", "-rLL=200n", "-P-cbou"], &page);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples-c");
    let mut count = 0;
    for entry in fs::read_dir(directory).expect("the examples") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "c") {
            let name = path.file_name().expect("a name").to_str().expect("UTF-8");
            let source = fs::read_to_string(&path).expect("a source file");
            for (how, text) in [("mandoc", &mandoc), ("groff", &groff)] {
                assert!(program(text, name).starts_with(&source), "{how} spoils {name}");
            }
            count += 1;
        }
    }
    assert_eq!(mandoc.lines().filter(|line| is_heading(line)).count(), count);
}

fn is_heading(line: &str) -> bool {
    line.starts_with("   ") && !line.starts_with("    ") && line.ends_with(".c")
}

/// What stands below a program's heading from its first comment on, without the page's margin.
fn program(text: &str, name: &str) -> String {
    let heading = format!("   {name}");
    let mut lines = text.lines().skip_while(|line| *line != heading);
    assert!(lines.next().is_some(), "{name} has no heading");
    let lines = lines.skip_while(|line| line.trim() != "/*").take_while(|line| !is_heading(line));
    let lines: Vec<&str> = lines.collect();
    // As wide as the renderer likes.
    let margin = lines.first().map_or("", |line| line.trim_end_matches("/*"));
    lines.iter().map(|line| line.strip_prefix(margin).unwrap_or(line).to_owned() + "\n").collect()
}

/// The first program of all is whole; the others are parts of one.
#[test]
fn code_in_the_header_compiles() {
    let all = blocks();
    assert!(all.len() > 10, "{all:?}");
    let (whole, parts): (Vec<&String>, Vec<&String>) =
        all.iter().partition(|code| code.contains("int main(void)"));
    assert_eq!(whole.len(), 1, "{whole:?}");
    compile("first", whole[0]);
    let mut source: String = ["fcntl.h", "poll.h", "smtpclient.h", "stdio.h", "unistd.h"]
        .map(|header| format!("#include <{header}>\n"))
        .concat();
    for (index, part) in parts.iter().enumerate() {
        if part.starts_with("static ") {
            source.push_str(part);
            continue;
        }
        // Each has at hand what a reader would expect, unless it makes that itself.
        let mut given = String::new();
        for (kind, name) in [
            ("smtp_client *", "c"),
            ("smtp_transaction *", "transaction"),
            ("const char *", "user"),
            ("const char *", "password"),
            ("const char *", "token"),
            ("const char *", "message"),
            ("size_t ", "length"),
            ("int ", "status"),
        ] {
            if !part.contains(&format!("smtp_client *{name} = ")) {
                given.push_str(&format!(", {kind}{name}"));
            }
        }
        let given = given.trim_start_matches(", ");
        source.push_str(&format!("void part_{index}({given});\nvoid part_{index}({given}) {{\n"));
        source.push_str(part);
        source.push_str("}\n");
    }
    compile("parts", &source);
}

/// The code of the header's comments that are about groups of functions.
fn blocks() -> Vec<String> {
    let mut blocks = Vec::new();
    for comment in HEADER.split("/**").skip(1).filter_map(|text| text.split_once("*/")) {
        let mut code = String::new();
        for line in comment.0.lines().chain([" * end"]) {
            let line = line.strip_prefix(" *").unwrap_or(line);
            if let Some(line) = line.strip_prefix("     ").filter(|_| is_about_a_group(comment.0)) {
                code.push_str(&format!("{line}\n"));
            } else if !line.trim().is_empty() || code.is_empty() {
                blocks.extend((!code.is_empty()).then(|| std::mem::take(&mut code)));
            } else {
                code.push('\n');
            }
        }
    }
    blocks
}

fn is_about_a_group(comment: &str) -> bool {
    comment.contains("@defgroup") || comment.contains("@mainpage")
}

fn compile(name: &str, code: &str) {
    let source = tree::scratch(&format!("manual-{name}.c"));
    fs::write(&source, code).expect("a source file");
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    for compiler in ["gcc", "clang"] {
        let mut command = Command::new(compiler);
        command.args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]);
        // A part uses what it needs of all that it is given.
        command.arg("-Wno-unused-parameter").args(["-Wno-unused-function", "-I"]);
        tree::run(command.arg(&include).arg(&source));
    }
}
