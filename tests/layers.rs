//! The house rules that a tool can keep: which module may import which, where `unsafe` may stand,
//! how long a file may grow, that each says first what it is for, and what no source may contain.

use std::fs;
use std::path::{Path, PathBuf};

/// A layer: the modules of this crate that it may name, the crates, and what it may never touch.
struct Layer {
    name: &'static str,
    modules: &'static [&'static str],
    crates: &'static [&'static str],
    never: &'static [&'static str],
}

/// The world outside: a layer that computes has none of it.
const IO: &[&str] =
    &["std::net", "std::fs", "std::io", "std::process", "std::thread", "std::os", "std::env"];
const CLOCK: &[&str] = &["Instant::now", "SystemTime", ".elapsed("];

const LAYERS: &[Layer] = &[
    Layer { name: "error", modules: &[], crates: &[], never: &["std::net", "std::fs"] },
    Layer {
        name: "wire",
        modules: &["error"],
        crates: &["idna", "itoa", "memchr", "smallvec", "zeroize"],
        never: &["std::time", "Instant"],
    },
    Layer {
        name: "sasl",
        modules: &["error"],
        crates: &[
            "base64",
            "hmac",
            "icu_normalizer",
            "md5",
            "pbkdf2",
            "sha1",
            "sha2",
            "stringprep",
            "subtle",
            "zeroize",
        ],
        never: &["std::time", "Instant"],
    },
    Layer {
        name: "message",
        modules: &["error", "wire"],
        crates: &["base64", "memchr"],
        never: &["std::time", "Instant"],
    },
    Layer {
        name: "session",
        modules: &["error", "wire", "sasl"],
        crates: &["memchr", "smallvec", "zeroize"],
        never: &[],
    },
    Layer {
        name: "transport",
        modules: &["error"],
        crates: &[
            "base64",
            "der",
            "foreign_types",
            "libc",
            "native_tls",
            "openssl",
            "openssl_probe",
            "openssl_sys",
            "socket2",
            "zeroize",
        ],
        never: &[],
    },
    Layer {
        name: "client",
        modules: &["error", "wire", "sasl", "message", "session", "transport"],
        crates: &["getrandom", "libc", "zeroize"],
        never: &[],
    },
    Layer { name: "ffi", modules: &["client", "error", "sasl"], crates: &["libc"], never: &[] },
];

/// Layers that do no I/O and read no clock: bytes and times are their arguments.
const PURE: &[&str] = &["wire", "sasl", "message", "session"];

const CRATES: &[&str] = &[
    "base64",
    "der",
    "foreign_types",
    "getrandom",
    "hmac",
    "icu_normalizer",
    "idna",
    "itoa",
    "libc",
    "mail_parser",
    "md5",
    "memchr",
    "native_tls",
    "openssl",
    "openssl_probe",
    "openssl_sys",
    "pbkdf2",
    "sha1",
    "sha2",
    "smallvec",
    "socket2",
    "stringprep",
    "subtle",
    "zeroize",
];

const UNSAFE: &[&str] = &[
    "src/ffi/",
    "src/transport/bell.rs",
    "src/transport/block.rs",
    "src/transport/epoll.rs",
    "src/transport/errno.rs",
    "src/transport/fork.rs",
    "src/transport/kqueue.rs",
    "src/transport/socket.rs",
    "src/transport/sys.rs",
    "src/transport/tls/openssl/calls.rs",
    "src/transport/tls/openssl/key_store.rs",
];

/// Lines of code in a file: without tests, blank lines, and documentation (in `ffi` the whole
/// reference of the C interface stands there).
const MAX_LINES: usize = 400;

#[test]
fn modules_import_only_what_lies_below() {
    let mut faults = Vec::new();
    for source in sources() {
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == source.layer()) else {
            assert_eq!(source.path, Path::new("src/lib.rs"), "a file of no known layer");
            continue;
        };
        for name in crate_paths(&source.code) {
            if name != layer.name && !layer.modules.contains(&name.as_str()) {
                faults.push(format!("{}: uses crate::{name}", source.path.display()));
            }
        }
        for name in CRATES.iter().filter(|name| !layer.crates.contains(name)) {
            if names_crate(&source.code, name) {
                faults.push(format!("{}: uses the crate {name}", source.path.display()));
            }
        }
        let pure: &[&[&str]] = if PURE.contains(&layer.name) { &[IO, CLOCK] } else { &[] };
        for banned in pure.iter().copied().flatten().chain(layer.never) {
            if source.code.contains(banned) {
                faults.push(format!("{}: uses {banned}", source.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What every function stands on stands on none of them: the boundary has no circle with the rest
/// of `ffi`.
#[test]
fn the_boundary_knows_nothing_of_what_stands_on_it() {
    let mut files = 0;
    for source in sources().iter().filter(|source| source.name().starts_with("src/ffi/boundary/")) {
        files += 1;
        for way in ["crate::ffi", "super::super"] {
            let found = source.code.contains(way);
            assert!(!found, "{}: {way}", source.name());
        }
        let own = |name: &str| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ffi/boundary").join(name);
            path.with_extension("rs").exists()
        };
        if source.path.parent() == Some(Path::new("src/ffi/boundary")) {
            for (at, _) in source.code.match_indices("super::") {
                let rest = &source.code[at + "super::".len()..];
                let name: String =
                    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                // A list of names in braces has one that is ours or it does not compile.
                assert!(name.is_empty() || own(&name), "{}: super::{name}", source.name());
            }
        }
    }
    assert!(files > 5, "found only {files} files");
}

#[test]
fn unsafe_stands_only_at_the_borders_and_says_why() {
    let mut faults = Vec::new();
    for source in sources() {
        let allowed = UNSAFE.iter().any(|place| source.name().starts_with(place));
        let lines: Vec<&str> = source.text.lines().collect();
        for (at, line) in lines.iter().enumerate().take(source.code_lines) {
            let code = line.split("//").next().unwrap_or_default();
            let words = || code.split(|c: char| !c.is_alphanumeric() && c != '_');
            if !words().any(|word| word == "unsafe") {
                continue;
            }
            if !allowed {
                faults.push(format!("{}:{}: unsafe", source.name(), at + 1));
            }
            // A block needs its reason; a function or a type that is unsafe to use only says so.
            let block = code.contains("unsafe {") || code.contains("unsafe impl");
            let reason = lines[at.saturating_sub(6)..=at].iter().any(|l| l.contains("SAFETY:"));
            if block && !reason {
                faults.push(format!("{}:{}: unsafe without SAFETY:", source.name(), at + 1));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_are_short_and_say_first_what_they_are() {
    let mut faults = Vec::new();
    for source in sources() {
        let code = source.text.lines().take(source.code_lines).map(str::trim_start);
        let code = code.filter(|line| {
            !line.is_empty() && !line.starts_with("///") && !line.starts_with("//!")
        });
        let lines = code.count();
        if lines > MAX_LINES {
            faults.push(format!("{}: {lines} lines", source.name()));
        }
        if !source.text.starts_with("//! ") {
            faults.push(format!("{}: does not open with //!", source.name()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_is_left_unfinished_or_assumed() {
    // Put together here, so that this file does not hold them itself.
    let banned = [["TO", "DO"], ["FIX", "ME"], ["X", "XX"], ["dbg", "!("], ["todo", "!("]];
    let banned: Vec<String> = banned
        .iter()
        .map(|halves| halves.concat())
        .chain(["unimplemented!(".into(), "/home/".into(), "/root/".into()])
        .collect();
    let mut faults = Vec::new();
    for source in sources() {
        let mut before = "";
        for (at, line) in source.text.lines().enumerate() {
            let place = format!("{}:{}", source.name(), at + 1);
            if let Some(word) = banned.iter().find(|word| line.contains(word.as_str())) {
                faults.push(format!("{place}: {word}"));
            }
            let assumes = line.contains(".unwrap()") || line.contains(".expect(");
            let comment = [before, line].iter().any(|line| line.contains("//"));
            if at < source.code_lines && assumes && !comment {
                faults.push(format!("{place}: unwraps without stating the invariant"));
            }
            before = line;
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A source file: its text, and its code without comments and tests.
struct Source {
    path: PathBuf,
    text: String,
    code: String,
    /// Lines before the unit tests; none in a file that is all tests.
    code_lines: usize,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a readable source file");
        let path = path.strip_prefix(root).expect("a path below the crate").to_owned();
        let of_tests = |part: &std::ffi::OsStr| part == "tests" || part == "tests.rs";
        let all_tests = path.iter().any(of_tests);
        let code_lines = match text.lines().position(|line| line == "#[cfg(test)]") {
            _ if all_tests => 0,
            Some(line) => line,
            None => text.lines().count(),
        };
        let mut code = String::new();
        for line in text.lines().take(code_lines) {
            code.push_str(line.split("//").next().unwrap_or_default());
            code.push('\n');
        }
        Self { path, text, code, code_lines }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// `error` of `src/error.rs`, `wire` of `src/wire/reply.rs`.
    fn layer(&self) -> &str {
        let part = self.path.iter().nth(1).and_then(|part| part.to_str()).unwrap_or_default();
        part.strip_suffix(".rs").unwrap_or(part)
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting = vec![root.join("src")];
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a readable directory");
            waiting.extend(entries.map(|entry| entry.expect("a directory entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(Source::read(root, &path));
        }
    }
    assert!(found.len() > 20, "found only {} files", found.len());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The first name after each `crate::`, and each first name in `crate::{...}`.
fn crate_paths(code: &str) -> Vec<String> {
    let identifier = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut names = Vec::new();
    for (at, prefix) in code.match_indices("crate::") {
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(identifier(rest));
            continue;
        };
        let mut depth = 0;
        let mut first = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => first = true,
                c if first && !c.is_whitespace() => {
                    names.push(identifier(&group[at..]));
                    first = false;
                }
                _ => {}
            }
        }
    }
    names
}

/// Whether `name::` or `use name` stands in the code as a crate, not as the tail of a longer path.
fn names_crate(code: &str, name: &str) -> bool {
    let pattern = format!("{name}::");
    code.match_indices(&pattern).any(|(at, _)| {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        !before.is_alphanumeric() && before != '_' && before != ':'
    })
}

#[test]
fn the_rules_see_what_they_forbid() {
    assert_eq!(crate_paths("use crate::wire::Reply;"), ["wire"]);
    assert_eq!(crate_paths("use crate::{error::{A, B}, wire};"), ["error", "wire"]);
    assert!(names_crate("use libc::c_int;", "libc"));
    assert!(!names_crate("use crate::libc::x; mylibc::y", "libc"));
}
