//! The committed header is the generated one, and compiles without a warning in every dialect that
//! a user may have: C99 to C23 and C++11 to C++23, by gcc and by clang.

use std::path::Path;
use std::process::Command;

mod tree;

const HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/include/smtpclient.h");
const STRICT: &[&str] =
    &["-Wall", "-Wextra", "-Werror", "-Wpedantic", "-Wshadow", "-Wconversion", "-fsyntax-only"];
/// What gcc lacks: every comment is what a documentation tool reads it as.
const CLANGS: &[&str] = &["-Wdocumentation", "-Wdocumentation-pedantic"];
const C: &[&str] = &["-x", "c", "-Wstrict-prototypes", "-Wwrite-strings", "-Wc++-compat"];
const CPLUSPLUS: &[&str] = &["-x", "c++", "-Wold-style-cast"];

#[test]
fn committed_header_is_the_generated_one() {
    let generated = std::fs::read_to_string(concat!(env!("OUT_DIR"), "/smtpclient.h"))
        .expect("build.rs leaves the text that it generated in OUT_DIR");
    let committed = std::fs::read_to_string(HEADER).expect("include/smtpclient.h");
    assert!(generated == committed, "include/smtpclient.h is stale: build once and commit it");
}

#[test]
fn compiles_as_every_c() {
    for compiler in ["gcc", "clang"] {
        for standard in ["c99", "c11", "c17", "c2x"] {
            compile(compiler, standard, C);
        }
    }
}

#[test]
fn compiles_as_every_cplusplus() {
    for compiler in ["g++", "clang++"] {
        for standard in ["c++11", "c++14", "c++17", "c++20", "c++2b"] {
            compile(compiler, standard, CPLUSPLUS);
        }
    }
}

/// The C++ layer on top, where there is one.
#[test]
fn cplusplus_layer_compiles() {
    if !Path::new(HEADER).with_extension("hpp").exists() {
        return;
    }
    let source = source("hpp.cpp", "#include <smtpclient.hpp>\n");
    for compiler in ["g++", "clang++"] {
        for standard in ["c++11", "c++14", "c++17", "c++20", "c++2b"] {
            check(compiler, standard, &["-Wold-style-cast"], &source);
        }
    }
}

/// Functions that the C++ layer does without.
const NOT_IN_CPLUSPLUS: &[&str] = &[
    // smtp_transaction_set_reader() is the same with a destroy function, which a functor needs.
    "smtp_transaction_set_message_reader",
];

#[test]
fn cplusplus_layer_covers_every_function() {
    let header = std::fs::read_to_string(HEADER).expect("include/smtpclient.h");
    let layer = Path::new(HEADER).with_extension("hpp");
    let layer = std::fs::read_to_string(layer).expect("include/smtpclient.hpp");
    let used: Vec<&str> = layer.lines().filter(|line| !is_comment(line)).flat_map(words).collect();
    let mut count = 0;
    for name in functions(&header) {
        let expected = !NOT_IN_CPLUSPLUS.contains(&name);
        assert_eq!(used.contains(&name), expected, "{name} in smtpclient.hpp");
        count += 1;
    }
    assert!(count > 100, "only {count} functions were found in smtpclient.h");
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("/*") || line.starts_with('*')
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// The names that are declared behind an SMTP_API.
fn functions(header: &str) -> impl Iterator<Item = &str> {
    let declarations = header.match_indices("\nSMTP_API").map(|(at, _)| &header[at..]);
    declarations.filter_map(|text| words(text.split('(').next()?).last())
}

/// An enum of C is one byte wide under this flag; the interface must not change with it.
#[test]
fn short_enums_change_nothing() {
    let source = source(
        "enums.c",
        "#include <smtpclient.h>\n\
         int (*check)(int) = 0;\n\
         typedef char wide[sizeof(SMTP_E_TIMEOUT) == sizeof(int) ? 1 : -1];\n\
         extern wide use;\n",
    );
    check("gcc", "c99", &["-fshort-enums"], &source);
}

/// An ignored result is a warning for those who want it, and for nobody else.
#[test]
fn ignored_results_are_warned_of_on_request() {
    let ignored = "#include <smtpclient.h>\nvoid ignore(smtp_client *c);\n\
                   void ignore(smtp_client *c) { smtp_client_starttls(c); }\n";
    let include = Path::new(HEADER).parent().expect("a directory");
    for compiler in ["gcc", "clang"] {
        let source = source(&format!("ignored-{compiler}.c"), ignored);
        for (flags, compiles) in [(&[][..], true), (&["-DSMTP_WARN_UNUSED"][..], false)] {
            let mut command = Command::new(compiler);
            command.args(["-std=c99", "-Wall", "-Werror", "-c", "-o", "/dev/null"]).args(flags);
            command.arg("-I").arg(include).arg(&source);
            let done = command.output().expect(compiler);
            assert_eq!(done.status.success(), compiles, "{compiler} {flags:?}: {done:?}");
        }
    }
}

/// Macros have no scope: each must carry our prefix, or it may break a user's own names.
#[test]
fn macros_carry_our_prefix() {
    let header = std::fs::read_to_string(HEADER).expect("include/smtpclient.h");
    for line in header.lines().map(str::trim_start) {
        let Some(rest) = line.strip_prefix('#').map(str::trim_start) else { continue };
        if let Some(name) = rest.strip_prefix("define ") {
            assert!(name.starts_with("SMTP_") || name.starts_with("SMTPCLIENT_"), "{line}");
        }
    }
}

/// `x -1` where a macro stands for -1 would be a subtraction.
#[test]
fn negative_constants_stand_in_parentheses() {
    let header = std::fs::read_to_string(HEADER).expect("include/smtpclient.h");
    let defines = || header.lines().filter(|line| line.starts_with("#define "));
    assert!(defines().any(|line| line == "#define SMTP_TIMEOUT_NONE (-1)"));
    let bare = defines().find(|line| line.split_whitespace().any(|word| word.starts_with('-')));
    assert_eq!(bare, None);
}

/// The language of a function is part of its type in C++: a callback is C's.
#[test]
fn callbacks_are_functions_of_c() {
    let header = std::fs::read_to_string(HEADER).expect("include/smtpclient.h");
    let opening = header.find("extern \"C\" {").expect("extern C");
    let closing = header.find("}  // extern \"C\"").expect("its end");
    let types: Vec<usize> = header.match_indices("_callback)(").map(|(at, _)| at).collect();
    assert!(types.len() >= 7, "{types:?}");
    assert!(types.iter().all(|at| (opening..closing).contains(at)));
    assert_eq!(header.matches("extern \"C\" {").count(), 1);
}

/// Twice the include, and before it nothing: the header needs no other and guards itself.
fn compile(compiler: &str, standard: &str, flags: &[&str]) {
    let name = if standard.starts_with("c++") { "header.cpp" } else { "header.c" };
    let text = "#include <smtpclient.h>\n#include <smtpclient.h>\nextern int not_empty;\n";
    check(compiler, standard, flags, &source(&format!("{compiler}-{standard}-{name}"), text));
}

fn check(compiler: &str, standard: &str, flags: &[&str], source: &Path) {
    let include = Path::new(HEADER).parent().expect("a directory");
    tree::run(
        Command::new(compiler)
            .arg(format!("-std={standard}"))
            .args(STRICT)
            .args(if compiler.starts_with("clang") { CLANGS } else { &[] })
            .args(flags)
            .arg("-I")
            .arg(include)
            .arg(source),
    );
}

fn source(name: &str, text: &str) -> std::path::PathBuf {
    let path = tree::scratch(name);
    std::fs::write(&path, text).expect("a source file");
    path
}
