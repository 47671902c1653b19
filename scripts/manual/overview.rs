//! The first page: what the library is, ten lines, the rules, and where the rest stands.

use crate::Manual;
use crate::groups::LIBRARY;
use crate::page::{Entry, Page, Tag};
use crate::pages::GROUPS;

const WHAT: &str = "The library sends mail over SMTP, SMTP over TLS and LMTP, and tells exactly what \
    became of it: for every recipient whether it was accepted, refused and with what reply, or, where \
    the connection was lost after the message was handed over, that nobody can know.";

const TEN_LINES: &str = r#"#include <smtpclient.h>
#include <stdio.h>

int main(void) {
    const char *to[] = {"alice@example.org", "bob@example.org"};
    const char message[] = "Subject: hello\r\n\r\nHello from C.\r\n";
    smtp_client *c = smtp_client_new(SMTP_PROTOCOL_SMTP);
    int failed = smtp_client_connect(c, "localhost", 25) < 0 ||
                 smtp_client_sendmail(c, "me@example.org", to, 2, message,
                                      sizeof message - 1, NULL, 0, NULL, 0) < 0;
    if (failed) fprintf(stderr, "%s\n", smtp_client_last_error(c));
    smtp_client_quit(c);
    smtp_client_free(c);
    return failed;
}
"#;

pub fn write(page: &mut dyn Page, manual: &Manual) {
    page.names(&["smtpclient"], "SMTP and LMTP client library");
    page.section("LIBRARY");
    page.prose(LIBRARY);
    page.section("SYNOPSIS");
    page.include("smtpclient.h");
    page.section("DESCRIPTION");
    page.prose(WHAT);
    page.subsection("Pages");
    let entry =
        |name: &str, title: &str| -> Entry { (Tag::Page(name.into()), vec![format!("{title}.")]) };
    let mut entries: Vec<_> = GROUPS.iter().map(|group| entry(group.page, group.title)).collect();
    entries.push(entry("smtpclient-errors", "each error, and what to do"));
    entries.push(entry("smtpclient-examples", "whole programs"));
    page.list(&entries);
    for (heading, text) in &manual.header.rules {
        page.subsection(heading);
        page.prose(text);
    }
    page.section("EXAMPLES");
    page.prose("Sends a message to two recipients by the mail server of this machine:");
    page.code(TEN_LINES);
    page.paragraph("It is built by");
    page.code("cc -o hello hello.c $(pkg-config --cflags --libs smtpclient)");
    page.section("SEE ALSO");
    let mut names: Vec<&str> = GROUPS.iter().map(|group| group.page).collect();
    names.extend(["smtpclient-errors", "smtpclient-examples"]);
    names.sort_unstable();
    page.see(&names);
}
