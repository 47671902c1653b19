//! The first page: what the library is, ten lines, the rules, and where the rest stands.

use crate::Manual;
use crate::groups::{Group, LIBRARY};
use crate::page::{Entry, Page, Tag};
use crate::pages::EXAMPLES;

pub fn write(page: &mut dyn Page, manual: &Manual, groups: &[Group<'_>]) {
    let main = manual.header.main.as_ref().expect("the header says what the library is");
    page.names(&["smtpclient"], &main.title);
    page.section("LIBRARY");
    page.prose(LIBRARY);
    page.section("SYNOPSIS");
    page.include("smtpclient.h");
    page.section("DESCRIPTION");
    page.blocks(&main.comment);
    page.paragraph("It is built by");
    page.code("cc -o hello hello.c $(pkg-config --cflags --libs smtpclient)\n");
    page.subsection("Pages of this manual");
    page.list(&contents(groups));
    page.paragraph(
        "Each function is a page by its own name too, and leads to where it is explained.",
    );
    page.paragraph("What follows holds for every function, unless its own text says otherwise.");
    for (heading, blocks) in &manual.header.rules {
        page.subsection(heading);
        page.blocks(blocks);
    }
    page.section("SEE ALSO");
    let mut names: Vec<&str> = groups.iter().map(|group| &*group.section.page).collect();
    names.push(EXAMPLES);
    names.sort_unstable();
    page.see(&names);
}

/// Every page with its functions.
fn contents<'a>(groups: &'a [Group<'_>]) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for group in groups {
        let names: Vec<String> =
            group.functions.iter().map(|function| format!("{}()", function.name)).collect();
        let texts = vec![format!("{}. {}.", group.section.title, names.join(", "))];
        entries.push((Tag::Page(&group.section.page), texts));
    }
    entries.push((Tag::Page(EXAMPLES), vec!["Whole programs.".to_owned()]));
    entries
}
