//! Generates include/smtpclient.h from src/ffi, and gives cargo's own shared library its name.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // cargo-c passes its own soname.
    if env::var_os("CARGO_FEATURE_CAPI").is_none() {
        let (major, minor) = (version("MAJOR"), version("MINOR"));
        // In 0.x, each minor release is an interface of its own: docs/abi.md.
        let series = if major == "0" { format!("0.{minor}") } else { major };
        for argument in names(&variable("CARGO_CFG_TARGET_VENDOR"), &series) {
            println!("cargo:rustc-cdylib-link-arg=-Wl,{argument}");
        }
    }
    #[cfg(feature = "header")]
    header::generate();
}

/// By what name programs ask for the library, in the words of the system's linker.
fn names(vendor: &str, series: &str) -> Vec<String> {
    if vendor != "apple" {
        return vec![format!("-soname,libsmtpclient.so.{series}")];
    }
    vec![
        format!("-install_name,@rpath/libsmtpclient.{series}.dylib"),
        format!("-current_version,{}", variable("CARGO_PKG_VERSION")),
        format!("-compatibility_version,{series}"),
    ]
}

fn version(part: &str) -> String {
    variable(&format!("CARGO_PKG_VERSION_{part}"))
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}

#[cfg(feature = "header")]
mod header {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{variable, version};

    /// The files of src/ffi that C sees, in the order a reader wants them.
    const ORDER: [&str; 22] = [
        "boundary/code",
        "error",
        "version",
        "boundary/callback",
        "tls",
        "client",
        "setup",
        "observe",
        "report",
        "connection",
        "events",
        "command",
        "auth",
        "token",
        "mail",
        "transaction",
        "message",
        "mime",
        "next_try",
        "envelope",
        "reply",
        "recipient",
    ];

    /// Writes the header to cargo's output directory, and over the committed one where that is
    /// another; never over it with less than the sources export.
    pub fn generate() {
        for input in ["cbindgen.toml", "src/ffi"] {
            println!("cargo:rerun-if-changed={input}");
        }
        let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
        let out = PathBuf::from(variable("OUT_DIR"));
        let sources = copied(&root, &out.join("ffi"));
        let mut builder = cbindgen::Builder::new().with_config(config(&root));
        for (path, _) in &sources {
            builder = builder.with_src(path);
        }
        // A syntax error is better told by rustc.
        let Ok(header) = builder.generate() else { return };
        let mut text = Vec::new();
        header.write(&mut text);
        let text = mended(&String::from_utf8(text).expect("cbindgen writes UTF-8"));
        let sections = fs::read_to_string(root.join("src/ffi/sections.h"))
            .expect("src/ffi/sections.h is part of the sources");
        let text = sectioned(text, &sections);
        fs::write(out.join("smtpclient.h"), &text).expect("cargo's output directory is writable");
        if let Some(name) = exported(&sources).find(|name| !text.contains(&format!("{name}("))) {
            println!("cargo:warning=this cbindgen leaves out {name}: the header stays as it was");
            return;
        }
        let committed = root.join("include/smtpclient.h");
        // Only when it differs, so that a build leaves an unchanged tree untouched.
        if fs::read_to_string(&committed).ok().as_ref() != Some(&text) {
            // A package cache is read-only; the committed header serves there.
            let _ = fs::create_dir_all(root.join("include"))
                .and_then(|()| fs::write(&committed, &text));
        }
    }

    /// The sources as every release of cbindgen can read them: before 0.28, it does not see a
    /// function under `unsafe(no_mangle)`.
    fn copied(root: &Path, to: &Path) -> Vec<(PathBuf, String)> {
        fs::create_dir_all(to).expect("cargo's output directory is writable");
        let copy = |name: &&str| {
            let path = root.join(format!("src/ffi/{name}.rs"));
            let text = fs::read_to_string(path).expect("a file that C sees is part of the sources");
            let text = text.replace("#[unsafe(no_mangle)]", "#[no_mangle]");
            let path = to.join(format!("{}.rs", name.replace('/', "_")));
            fs::write(&path, &text).expect("cargo's output directory is writable");
            (path, text)
        };
        ORDER.iter().map(copy).collect()
    }

    /// The names of the functions that the sources export.
    fn exported(sources: &[(PathBuf, String)]) -> impl Iterator<Item = &str> {
        let functions = sources.iter().flat_map(|(_, text)| text.split("extern \"C\" fn ").skip(1));
        functions.filter_map(|text| text.split(['(', '<']).next())
    }

    fn config(root: &Path) -> cbindgen::Config {
        let mut config = cbindgen::Config::from_root_or_default(root);
        config.after_includes = Some(format!(
            "\n#define SMTPCLIENT_VERSION \"{}\"\n\
             #define SMTPCLIENT_VERSION_MAJOR {}\n\
             #define SMTPCLIENT_VERSION_MINOR {}\n\
             #define SMTPCLIENT_VERSION_PATCH {}\n\
             /* The three in one number, for `#if`: 0x000203 is 0.2.3. */\n\
             #define SMTPCLIENT_VERSION_NUMBER {}\n\n{}",
            variable("CARGO_PKG_VERSION"),
            version("MAJOR"),
            version("MINOR"),
            version("PATCH"),
            number(),
            fs::read_to_string(root.join("src/ffi/prologue.h"))
                .expect("src/ffi/prologue.h is part of the sources"),
        ));
        config
    }

    /// With each comment of sections.h before the function that it names.
    fn sectioned(mut text: String, mut sections: &str) -> String {
        while let Some((comment, behind)) = sections.split_once("*/\n") {
            let (function, rest) = behind.split_once("()").expect("a function behind a section");
            let declares = |at: &usize| {
                let head = text[*at..].split('(').next().unwrap_or_default();
                head.rsplit([' ', '*', '\n']).next() == Some(function)
            };
            let mut declarations = text.match_indices("\nSMTP_API").map(|(at, _)| at);
            // One that this release of cbindgen leaves out is told of elsewhere.
            if let Some(at) = declarations.find(declares).and_then(|at| text[..at].rfind("/**")) {
                text.insert_str(at, &format!("{}*/\n\n", comment.trim_start()));
            }
            sections = rest;
        }
        text
    }

    fn number() -> String {
        let part = |name| version(name).parse::<u8>().expect("no part of a version is above 255");
        format!("0x{:02x}{:02x}{:02x}", part("MAJOR"), part("MINOR"), part("PATCH"))
    }

    /// What cbindgen cannot be told: constants that stay one value in any expression, types of
    /// callbacks that are C's in C++ too, and, before 0.29, what C23 knows of an enum.
    fn mended(header: &str) -> String {
        const OPENING: &str = "#ifdef __cplusplus\nextern \"C\" {\n#endif // __cplusplus\n\n";
        const OLDER: [&str; 2] = [
            "#ifdef __cplusplus\n  : int32_t\n#endif // __cplusplus\n",
            "#ifndef __cplusplus\ntypedef int32_t smtp_result;\n#endif // __cplusplus\n",
        ];
        const NEWER: [&str; 2] = [
            "#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L\n  : int32_t\n\
             #endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L\n",
            "#ifndef __cplusplus\n#if __STDC_VERSION__ >= 202311L\n\
             typedef enum smtp_result smtp_result;\n#else\ntypedef int32_t smtp_result;\n\
             #endif // __STDC_VERSION__ >= 202311L\n#endif // __cplusplus\n",
        ];
        // Where the type is an int32_t, the enum has no name: C++ has one space for both.
        const NAMED: &str = "enum smtp_result\n#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L\n  : int32_t\n";
        const NAMELESS: &str = "#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L\nenum smtp_result : int32_t\n#else\nenum\n";
        let mut text = header.replacen(OPENING, "", 1);
        for (older, newer) in OLDER.iter().zip(NEWER) {
            text = text.replacen(older, newer, 1);
        }
        text = text.replacen(NAMED, NAMELESS, 1);
        let first = text.find("_callback)(").expect("a callback's type");
        let comment = text[..first].rfind("/**").expect("a comment before it");
        text.insert_str(comment, OPENING);
        let line = |line: &str| match line.split_once(" -") {
            Some((name, number)) if line.starts_with("#define ") => {
                format!("{name} (-{number})\n")
            }
            _ => format!("{line}\n"),
        };
        text.lines().map(line).collect()
    }
}
