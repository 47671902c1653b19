//! The page with whole programs: those of examples-c, which the tests build and run.

use std::fs;

use crate::Manual;
use crate::comment::{Block, blocks};
use crate::page::Page;
use crate::pages::{EXAMPLES, PROGRAMS};

pub fn write(page: &mut dyn Page, manual: &Manual) {
    page.names(&[EXAMPLES], "Whole programs that send mail");
    page.section("DESCRIPTION");
    page.prose(
        "Programs to copy from. Each is one file of C99, and tells by its exit status what came of \
         it. To build the first, and to send a message with it by port 587 of a server:",
    );
    page.code(
        "cc -o send send.c $(pkg-config --cflags --libs smtpclient)\n\
         ./send --starttls mail.example.org:587 me@example.org you@example.org < message\n",
    );
    page.section("EXAMPLES");
    for name in PROGRAMS {
        let path = manual.sources.join("examples-c").join(name).with_extension("c");
        let source =
            fs::read_to_string(&path).unwrap_or_else(|error| crate::fail(path.display(), &error));
        page.subsection(&format!("{name}.c"));
        page.prose(&what(&source));
        page.code(&source);
    }
    page.section("SEE ALSO");
    page.see(&["smtpclient"]);
}

/// The first paragraph of the comment that a program begins with.
fn what(source: &str) -> String {
    let comment = source.strip_prefix("/*").and_then(|behind| behind.split_once("*/"));
    match comment.map(|(comment, _)| blocks(comment)).as_deref() {
        Some([Block::Text(text), ..]) => text.clone(),
        _ => panic!("an example does not say what it is"),
    }
}
