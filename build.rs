//! Generates include/smtpclient.h from src/ffi, and gives cargo's own shared library its soname.

use std::path::PathBuf;
use std::{env, fs};

/// The files of src/ffi that C sees, in the order a reader wants them.
const HEADER_ORDER: [&str; 16] = [
    "boundary/code",
    "error",
    "version",
    "boundary/callback",
    "tls",
    "client",
    "observe",
    "connection",
    "command",
    "auth",
    "mail",
    "transaction",
    "message",
    "envelope",
    "reply",
    "recipient",
];

fn main() {
    for input in ["build.rs", "cbindgen.toml", "src/ffi"] {
        println!("cargo:rerun-if-changed={input}");
    }
    let major = variable("CARGO_PKG_VERSION_MAJOR");
    // cargo-c passes its own soname.
    if env::var_os("CARGO_FEATURE_CAPI").is_none() {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libsmtpclient.so.{major}");
    }
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_root_or_default(&root);
    config.after_includes = Some(format!(
        "\n#define SMTPCLIENT_VERSION \"{}\"\n\
         #define SMTPCLIENT_VERSION_MAJOR {major}\n\
         #define SMTPCLIENT_VERSION_MINOR {}\n\
         #define SMTPCLIENT_VERSION_PATCH {}\n\n{}",
        variable("CARGO_PKG_VERSION"),
        variable("CARGO_PKG_VERSION_MINOR"),
        variable("CARGO_PKG_VERSION_PATCH"),
        fs::read_to_string(root.join("src/ffi/prologue.h"))
            .expect("src/ffi/prologue.h is part of the sources"),
    ));
    // A syntax error is better told by rustc.
    let sources = HEADER_ORDER.iter().map(|name| root.join(format!("src/ffi/{name}.rs")));
    let builder = sources.fold(cbindgen::Builder::new(), cbindgen::Builder::with_src);
    let Ok(header) = builder.with_config(config).generate() else { return };
    let mut text = Vec::new();
    header.write(&mut text);
    let text = mended(&String::from_utf8(text).expect("cbindgen writes UTF-8")).into_bytes();
    fs::write(PathBuf::from(variable("OUT_DIR")).join("smtpclient.h"), &text)
        .expect("cargo's output directory is writable");
    let committed = root.join("include/smtpclient.h");
    // Only when it differs, so that a build leaves an unchanged tree untouched.
    if fs::read(&committed).ok().as_deref() != Some(&text) {
        // A package cache is read-only; the committed header serves there.
        let _ =
            fs::create_dir_all(root.join("include")).and_then(|()| fs::write(&committed, &text));
    }
}

/// What cbindgen cannot be told: constants that stay one value in any expression, and types of
/// callbacks that are C's in C++ too.
fn mended(header: &str) -> String {
    const OPENING: &str = "#ifdef __cplusplus\nextern \"C\" {\n#endif // __cplusplus\n\n";
    let mut text = header.replacen(OPENING, "", 1);
    let first = text.find("_callback)(").expect("a callback's type");
    let comment = text[..first].rfind("/**").expect("a comment before it");
    text.insert_str(comment, OPENING);
    let line = |line: &str| match line.split_once(" -") {
        Some((name, number)) if line.starts_with("#define ") => format!("{name} (-{number})\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
