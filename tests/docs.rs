//! The migration guide names every part of smtplib, and nothing that the header does not have; the
//! security policy's tests are there, and so is whatever a document refers to.

use std::path::Path;

const GUIDE: &str = include_str!("../docs/smtplib.md");
const HEADER: &str = include_str!("../include/smtpclient.h");

/// Public names of CPython 3.11's `smtplib`: of the module, of its classes and their instances.
const NAMES: &str = "SMTP SMTP_SSL LMTP SMTPException SMTPNotSupportedError SMTPServerDisconnected \
    SMTPResponseException SMTPSenderRefused SMTPRecipientsRefused SMTPDataError SMTPConnectError \
    SMTPHeloError SMTPAuthenticationError quoteaddr quotedata SMTP_PORT SMTP_SSL_PORT LMTP_PORT CRLF \
    auth auth_cram_md5 auth_login auth_plain close connect data docmd ehlo ehlo_or_helo_if_needed \
    expn getreply has_extn helo help login mail noop putcmd quit rcpt rset send send_message sendmail \
    set_debuglevel starttls verify vrfy debuglevel default_port does_esmtp ehlo_msg ehlo_resp \
    esmtp_features file helo_resp sock command_encoding local_hostname timeout source_address user \
    password smtp_code smtp_error sender recipients initial_response_ok mail_options rcpt_options \
    keyfile certfile context";

/// What looks like an identifier in `text`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[test]
fn the_guide_covers_smtplib() {
    // Only what stands in the column of smtplib counts.
    let column: Vec<&str> =
        GUIDE.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next()).collect();
    let exceptions = GUIDE.lines().filter_map(|line| line.split('|').nth(3));
    let named: Vec<&str> = column.into_iter().chain(exceptions).flat_map(words).collect();
    for name in NAMES.split_whitespace() {
        assert!(named.contains(&name), "docs/smtplib.md says nothing of smtplib's {name}");
    }
}

#[test]
fn the_guide_names_what_exists() {
    let declared: Vec<&str> = words(HEADER).collect();
    let ours = words(GUIDE).filter(|word| {
        let foreign = NAMES.split_whitespace().any(|name| name == *word);
        (word.starts_with("smtp_") || word.starts_with("SMTP_")) && !foreign
    });
    // "SMTP_E_*" stands for the codes.
    for word in ours.filter(|word| *word != "SMTP_E_") {
        assert!(declared.contains(&word), "docs/smtplib.md names {word}, smtpclient.h does not");
    }
}

#[test]
fn the_guide_names_every_error() {
    let codes = words(HEADER).filter(|word| word.starts_with("SMTP_E_"));
    for code in codes {
        assert!(words(GUIDE).any(|word| word == code), "docs/smtplib.md says nothing of {code}");
    }
}

/// Each row of SECURITY.md names a test, `FILE: NAME`, or a program of C, `FILE`.
#[test]
fn every_threat_names_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let policy = read(&root.join("SECURITY.md"));
    let rows = policy.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let rows: Vec<&str> = rows.filter(|line| !line.starts_with("| threat |")).collect();
    assert!(rows.len() > 40, "{rows:?}");
    for row in rows {
        let shown = row.split(" | ").nth(2).expect("three columns");
        let tests: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test in: {row}");
        for test in tests {
            let (file, name) = test.split_once(": ").unwrap_or((test, ""));
            let text = read(&root.join(file));
            let is_there = name.is_empty() || text.contains(&format!("fn {name}("));
            assert!(is_there, "{test} is not there");
        }
    }
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for document in DOCUMENTS {
        let path = root.join(document);
        let text = read(&path);
        for link in text.split("](").skip(1).filter_map(|text| text.split([')', '#']).next()) {
            let foreign = link.starts_with("https://") || link.is_empty();
            let target = path.parent().expect("a directory").join(link);
            assert!(foreign || target.exists(), "{document} refers to {link}");
            count += 1;
        }
    }
    assert!(count > 20);
}

/// README's programs: the ten lines are those of the manual, whose tests compile them, and C++ is
/// compiled here.
#[test]
fn the_code_of_the_first_page_is_real() {
    let readme = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let program = blocks(&readme, "c").next().expect("the ten lines");
    let manual = HEADER.lines().map(|line| line.strip_prefix(" *     ").unwrap_or_default());
    let manual: Vec<&str> = manual.filter(|line| !line.is_empty()).collect();
    let lines: Vec<&str> = program.lines().filter(|line| !line.is_empty()).collect();
    assert!(manual.windows(lines.len()).any(|window| window == lines), "{program}");
    let cplusplus = blocks(&readme, "c++").next().expect("a program");
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme.cpp");
    std::fs::write(&source, cplusplus).expect("a source file");
    let mut compiler = std::process::Command::new("c++");
    compiler.args(["-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"]);
    compiler.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"));
    let output = compiler.arg(source).output().expect("a compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The page on event loops shows whole programs, each below a link to its file.
#[test]
fn the_loops_of_the_page_are_the_programs() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let page = read(&directory.join("event-loops.md"));
    let shown: Vec<&str> = blocks(&page, "c").collect();
    let links: Vec<&str> = page.lines().filter(|line| line.starts_with("### [")).collect();
    assert_eq!((links.len(), shown.len()), (4, 4), "{links:?}");
    assert_eq!(page.matches("```").count(), 2 * shown.len(), "a block that is no program");
    for (link, program) in links.iter().zip(shown) {
        let file = link.split_once("](").and_then(|(_, link)| link.strip_suffix(')'));
        let file = file.expect("a link");
        assert!(program == read(&directory.join(file)), "{file} and docs/event-loops.md differ");
    }
}

/// The page on the next try: its first code compiles, and the other is the queue's.
#[test]
fn the_queue_of_the_page_is_the_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = read(&root.join("docs/next-try.md"));
    let queue = read(&root.join("examples-c/queue.c"));
    let [rest, shown] = blocks(&page, "c").collect::<Vec<&str>>()[..] else { panic!("two") };
    assert!(queue.contains(shown), "{shown}");
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("next-try.c");
    let program = format!(
        "#include <smtpclient.h>\n#include <stdio.h>\n#include <unistd.h>\n\
         void f(smtp_client *c, smtp_transaction *mail);\n\
         void f(smtp_client *c, smtp_transaction *mail) {{\n{rest}}}\n"
    );
    std::fs::write(&source, program).expect("a source file");
    let mut compiler = std::process::Command::new("cc");
    compiler.args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I"]);
    let output = compiler.arg(root.join("include")).arg(source).output().expect("a compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn blocks<'a>(text: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let fence = format!("```{language}\n");
    let after = text.split("```").skip(1).step_by(2);
    after.filter_map(move |block| block.strip_prefix(&fence[3..]))
}

const DOCUMENTS: &[&str] = &[
    "README.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "KNOWN_ISSUES.md",
    "docs/index.md",
    "docs/abi.md",
    "docs/event-loops.md",
    "docs/messages.md",
    "docs/next-try.md",
    "docs/performance.md",
    "docs/smtplib.md",
    "docs/tls.md",
];

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
