//! What the built libraries show to the linker: exactly the header's functions, each under the node
//! of the release it came in, under our soname, needing what they should, and no name that another
//! mail library, or another Rust library, has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

mod tree;

/// What libESMTP 1.1 exports under our prefix.
const LIBESMTP: &[&str] = &[
    "smtp_8bitmime_set_body",
    "smtp_add_message",
    "smtp_add_recipient",
    "smtp_auth_set_context",
    "smtp_create_session",
    "smtp_deliverby_set_mode",
    "smtp_destroy_session",
    "smtp_dsn_set_envid",
    "smtp_dsn_set_notify",
    "smtp_dsn_set_orcpt",
    "smtp_dsn_set_ret",
    "smtp_enumerate_messages",
    "smtp_enumerate_recipients",
    "smtp_errno",
    "smtp_etrn_add_node",
    "smtp_etrn_enumerate_nodes",
    "smtp_etrn_get_application_data",
    "smtp_etrn_node_status",
    "smtp_etrn_set_application_data",
    "smtp_etrn_set_application_data_release",
    "smtp_get_application_data",
    "smtp_get_server_name",
    "smtp_message_get_application_data",
    "smtp_message_reset_status",
    "smtp_message_set_application_data",
    "smtp_message_set_application_data_release",
    "smtp_message_transfer_status",
    "smtp_option_require_all_recipients",
    "smtp_recipient_check_complete",
    "smtp_recipient_get_application_data",
    "smtp_recipient_reset_status",
    "smtp_recipient_set_application_data",
    "smtp_recipient_set_application_data_release",
    "smtp_recipient_status",
    "smtp_reverse_path_status",
    "smtp_set_application_data",
    "smtp_set_application_data_release",
    "smtp_set_eventcb",
    "smtp_set_header",
    "smtp_set_header_option",
    "smtp_set_hostname",
    "smtp_set_messagecb",
    "smtp_set_monitorcb",
    "smtp_set_resent_headers",
    "smtp_set_reverse_path",
    "smtp_set_server",
    "smtp_set_timeout",
    "smtp_size_set_estimate",
    "smtp_start_session",
    "smtp_starttls_enable",
    "smtp_starttls_set_ctx",
    "smtp_starttls_set_password_cb",
    "smtp_strerror",
    "smtp_version",
];

/// What libetpan 1.9 exports under our prefix; the rest of its names begin otherwise.
const LIBETPAN: &[&str] =
    &["smtp_address_list_add", "smtp_address_list_free", "smtp_address_list_new"];

#[test]
fn exports_are_the_functions_of_the_header() {
    let dynamic = tree::run(Command::new("nm").args(["-D", "--defined-only"]).arg(shared()));
    let symbols = dynamic.lines().filter_map(|line| line.split_whitespace().nth(2));
    let (versioned, nodes): (Vec<_>, Vec<_>) = symbols.partition(|name| name.starts_with("smtp_"));
    let rows = rows();
    for symbol in &versioned {
        let (name, node) = symbol.split_once("@@").unwrap_or_else(|| panic!("{symbol}: no node"));
        let version = rows.get(&format!("{name}()")).unwrap_or_else(|| panic!("{name}: no row"));
        let minor = version.rsplit_once('.').expect("three numbers").0;
        assert_eq!(node, format!("SMTPCLIENT_{minor}"), "{name}");
    }
    for node in nodes {
        assert!(node.starts_with("SMTPCLIENT_0."), "{node} is exported");
    }
    let exported: BTreeSet<_> =
        versioned.iter().filter_map(|symbol| Some(symbol.split_once('@')?.0.to_owned())).collect();
    assert_eq!(exported, declared());
}

/// What Apple's linker is told, which knows no version nodes.
#[test]
fn the_plain_list_has_the_functions_of_the_header() {
    let mut script = Command::new("scripts/version-script");
    script.current_dir(env!("CARGO_MANIFEST_DIR")).args(["docs/symbols-in-versions", "names"]);
    let list = tree::run(&mut script);
    let names = list.lines().map(|line| line.strip_prefix('_').expect("C's underscore").to_owned());
    assert_eq!(names.collect::<BTreeSet<_>>(), declared());
}

/// docs/symbols-in-versions has every function, type and constant of the header, and no other.
#[test]
fn every_symbol_has_a_row() {
    let code = code_of_header();
    let words = || code.split(|c: char| !c.is_alphanumeric() && c != '_');
    let functions = declared();
    let of_ours = |word: &&str| word.starts_with("smtp_") || word.starts_with("SMTP_");
    let ours = words().filter(of_ours).filter(|word| !PROLOGUE.contains(word));
    let named: BTreeSet<String> = ours
        .map(|word| if functions.contains(word) { format!("{word}()") } else { word.to_owned() })
        .collect();
    assert_eq!(rows().into_keys().collect::<BTreeSet<_>>(), named);
}

/// Macros that decorate declarations, and what is only part of a declaration.
const PROLOGUE: &[&str] = &["SMTP_API", "SMTP_NODISCARD", "SMTP_WARN_UNUSED"];

/// What docs/symbols-in-versions says: a symbol, and the release it came in.
fn rows() -> BTreeMap<String, String> {
    let list = include_str!("../docs/symbols-in-versions");
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &str| {
        let (name, version) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        (name.to_owned(), version.trim().to_owned())
    };
    let rows: Vec<_> = lines.map(row).collect();
    let current = version(env!("CARGO_PKG_VERSION"));
    for (name, since) in &rows {
        assert!(version(since) <= current, "{name} came in {since}, which is yet to be");
    }
    let all: BTreeMap<_, _> = rows.iter().cloned().collect();
    assert_eq!(all.len(), rows.len(), "a symbol has two rows");
    all
}

fn version(text: &str) -> Vec<u32> {
    let parts: Vec<u32> = text.split('.').map(|part| part.parse().expect("a number")).collect();
    assert_eq!(parts.len(), 3, "{text}");
    parts
}

#[test]
fn static_archive_defines_them_too() {
    let archive = tree::installed().join("lib/libsmtpclient.a");
    let output = tree::run(Command::new("nm").args(["-g", "--defined-only"]).arg(&archive));
    let defined = output.lines().filter_map(|line| line.split_whitespace().nth(2));
    assert_eq!(defined.map(str::to_owned).collect::<BTreeSet<_>>(), declared());

    let sections = tree::run(tree::readelf().args(["-SW"]).arg(&archive));
    assert!(
        !sections.contains(" .llvmbc") && !sections.contains(" .llvmcmd"),
        "bitcode, which only rustc's own linker can use"
    );
    let size = std::fs::metadata(&archive).expect("the archive").len();
    assert!(size <= 5_000_000, "the static archive has {size} bytes");
}

#[test]
fn no_name_of_another_mail_library() {
    for name in declared() {
        assert!(name.starts_with("smtp_"), "{name} is outside our prefix");
        assert!(!LIBESMTP.contains(&name.as_str()), "libESMTP has {name} too");
        assert!(!LIBETPAN.contains(&name.as_str()), "libetpan has {name} too");
    }
}

#[test]
fn soname_and_needed_libraries() {
    let dynamic = tree::run(tree::readelf().arg("-dW").arg(shared()));
    let names = |tag: &str| -> BTreeSet<String> {
        let lines = dynamic.lines().filter(|line| line.contains(tag));
        lines.filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0.into())).collect()
    };
    assert_eq!(names("(SONAME)"), BTreeSet::from([tree::SONAME.to_owned()]));
    assert!(dynamic.contains("BIND_NOW") && dynamic.contains("NODELETE"), "{dynamic}");
    assert!(!dynamic.contains("RPATH") && !dynamic.contains("RUNPATH"), "{dynamic}");
    for needed in names("(NEEDED)") {
        let stem = needed.split(".so").next().unwrap_or_default();
        let known = ["libssl", "libcrypto", "libgcc_s", "libc", "libm"].contains(&stem);
        assert!(known || stem.starts_with("ld-linux"), "needs {needed}");
    }
}

/// What rustc says a static link needs is what `pkg-config --static` says, but for what every C
/// compiler adds by itself: naming libgcc_s would break a fully static link.
#[test]
fn static_link_libraries_are_those_of_rustc() {
    let said = tree::scratch("../c/release/native-static-libs");
    let said = std::fs::read_to_string(said).expect("the build leaves what rustc said");
    let mut needed: BTreeSet<&str> = said.split_whitespace().collect();
    for implied in ["-lgcc_s", "-lc"] {
        assert!(needed.remove(implied), "no {implied} in {said}");
    }
    let openssl: BTreeSet<&str> = BTreeSet::from(["-lssl", "-lcrypto"]);
    let file = tree::installed().join("lib/pkgconfig/smtpclient.pc");
    let file = std::fs::read_to_string(file).expect("the installed .pc file");
    let private = file.lines().find_map(|line| line.strip_prefix("Libs.private:"));
    let private: BTreeSet<&str> = private.unwrap_or_default().split_whitespace().collect();
    assert_eq!(private.union(&openssl).copied().collect::<BTreeSet<_>>(), needed);
    assert!(file.contains("\nRequires.private: openssl\n"), "{file}");
}

fn shared() -> PathBuf {
    tree::installed().join("lib").join(tree::SONAME)
}

/// The functions that the header declares: outside comments, each name before a parenthesis.
/// (A callback's type stands as `(*smtp_name)(`, so that its name ends before another one.)
fn declared() -> BTreeSet<String> {
    let code = code_of_header();
    let code = code.lines().filter(|line| !line.starts_with('#'));
    let names: BTreeSet<String> = code
        .flat_map(|line| line.match_indices('(').map(move |(at, _)| &line[..at]))
        .filter_map(|before| before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next())
        .filter(|name| name.starts_with("smtp_"))
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 50, "the header declares only {names:?}");
    names
}

fn code_of_header() -> String {
    let header = std::fs::read_to_string(tree::installed().join("include/smtpclient.h"))
        .expect("the installed header");
    let mut code = String::new();
    for piece in header.split("/*") {
        code.push_str(piece.split_once("*/").map_or(piece, |(_, code)| code));
    }
    code
}
