//! The pages about groups of functions.

use std::collections::BTreeSet;

use crate::header::{Block, Header, Item, Kind};
use crate::page::{Entry, Page, Tag};
use crate::pages::GROUPS;

pub struct Group<'a> {
    pub page: &'static str,
    pub title: &'static str,
    pub functions: Vec<&'a Item>,
    pub callbacks: Vec<&'a Item>,
    pub types: Vec<&'a Item>,
    pub constants: Vec<&'a Item>,
}

/// The groups of `pages`, filled with what the header declares.
pub fn all(header: &Header) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for function in header.of_kind(Kind::Function) {
        if let Some(group) = GROUPS.iter().find(|group| group.first == function.name) {
            let others = |kind| others(header, kind, group.others);
            groups.push(Group {
                page: group.page,
                title: group.title,
                functions: Vec::new(),
                callbacks: others(Kind::Callback),
                types: others(Kind::Type),
                constants: others(Kind::Constant),
            });
        }
        groups.last_mut().expect("the first function begins a group").functions.push(function);
    }
    assert_eq!(groups.len(), GROUPS.len(), "a group begins with a function that is gone");
    groups
}

/// Those whose group has the longest beginning of their name.
fn others<'a>(header: &'a Header, kind: Kind, beginnings: &[&str]) -> Vec<&'a Item> {
    let longest = |name: &str, all: &[&str]| {
        all.iter().filter(|part| name.starts_with(**part)).map(|part| part.len()).max()
    };
    let ours = |item: &&Item| {
        let best = GROUPS.iter().filter_map(|group| longest(&item.name, group.others)).max();
        best.is_some() && longest(&item.name, beginnings) == best
    };
    header.of_kind(kind).filter(ours).collect()
}

pub fn write(page: &mut dyn Page, group: &Group<'_>) {
    let names: Vec<&str> = group.functions.iter().map(|function| &*function.name).collect();
    page.names(&names, group.title);
    page.section("LIBRARY");
    page.prose(LIBRARY);
    page.section("SYNOPSIS");
    page.include("smtpclient.h");
    group.callbacks.iter().chain(&group.functions).for_each(|item| page.synopsis(item));
    page.section("DESCRIPTION");
    page.prose(
        "What holds for every function, its results, errors, pointers and threads, stands in \
         smtpclient(3).",
    );
    for item in group.types.iter().chain(&group.callbacks) {
        page.subsection(&item.name);
        page.comment(item);
    }
    if !group.constants.is_empty() {
        page.subsection("Constants");
        page.list(&constants(&group.constants));
    }
    for function in &group.functions {
        page.subsection(&format!("{}()", function.name));
        page.comment(function);
    }
    ending(page, group);
}

pub const LIBRARY: &str = "SMTP and LMTP client library (libsmtpclient, -lsmtpclient)";

pub fn constants(items: &[&Item]) -> Vec<Entry> {
    let texts = |item: &Item| {
        let text = |block: &Block| match block {
            Block::Text(text) => Some(text.clone()),
            Block::Params(_) => None,
        };
        item.comment.iter().filter_map(text).collect()
    };
    let tag = |item: &Item| Tag::Constant { name: item.name.clone(), value: item.value.clone() };
    items.iter().map(|item| (tag(item), texts(item))).collect()
}

fn ending(page: &mut dyn Page, group: &Group<'_>) {
    page.section("RETURN VALUES");
    page.prose(
        "A function that returns int gives SMTP_OK, or what its own text says, and a negative \
         SMTP_E_* code where it failed; one that returns a pointer or a count gives NULL or 0 then, \
         and smtp_last_error_code() tells why.",
    );
    page.section("ERRORS");
    page.prose("smtpclient-errors(3) has each code, what it means and what to do.");
    page.section("SEE ALSO");
    let others = GROUPS.iter().map(|other| other.page).filter(|other| *other != group.page);
    let mut names: Vec<&str> = others.collect();
    names.extend(["smtpclient", "smtpclient-errors", "smtpclient-examples"]);
    names.sort_unstable();
    page.see(&names);
    let standards = standards(group);
    if !standards.is_empty() {
        page.section("STANDARDS");
        let list: Vec<String> = standards.iter().map(|number| format!("RFC {number}")).collect();
        page.prose(&format!("{}.", list.join(", ")));
    }
}

/// The RFCs that the comments of a page name.
fn standards(group: &Group<'_>) -> BTreeSet<u32> {
    let items = group.functions.iter().chain(&group.callbacks).chain(&group.types);
    let texts =
        items.chain(&group.constants).flat_map(|item| &item.comment).flat_map(
            |block| match block {
                Block::Text(text) => vec![text.as_str()],
                Block::Params(params) => params.iter().map(|(_, text)| text.as_str()).collect(),
            },
        );
    let number = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    texts.flat_map(|text| text.split("RFC ").skip(1)).filter_map(number).collect()
}
