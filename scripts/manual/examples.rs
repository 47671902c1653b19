//! The page with whole programs: those of examples-c, which the tests build and run.

use std::fs;
use std::path::PathBuf;

use crate::Manual;
use crate::page::Page;

/// Each program and what it shows.
const PROGRAMS: &[(&str, &str)] = &[
    ("send", "sends standard input, and tells what became of each recipient"),
    ("send_message", "sends a message file to whom its header names"),
    ("custom_auth", "logs in by a mechanism of the program's own"),
    ("lmtp_deliver", "delivers over LMTP and a Unix socket"),
    ("verify_address", "runs single commands"),
    ("debug_trace", "shows the dialogue"),
];

pub fn write(page: &mut dyn Page, manual: &Manual) {
    page.names(&["smtpclient-examples"], "whole programs that send mail");
    page.section("DESCRIPTION");
    page.prose("Each of these programs is built by");
    page.code("cc -o send send.c $(pkg-config --cflags --libs smtpclient)");
    page.section("EXAMPLES");
    for (name, what) in PROGRAMS {
        page.subsection(&format!("{name}.c"));
        page.prose(&format!("This program {what}."));
        page.code(&source(manual, name));
    }
    page.section("SEE ALSO");
    page.see(&["smtpclient"]);
}

fn source(manual: &Manual, name: &str) -> String {
    let path: PathBuf = manual.examples.join(name).with_extension("c");
    fs::read_to_string(&path).unwrap_or_else(|error| crate::fail(path.display(), &error))
}
