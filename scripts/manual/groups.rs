//! The pages about groups of functions.

use std::collections::BTreeSet;

use crate::Manual;
use crate::comment::Block;
use crate::header::{Header, Item, Kind, Section};
use crate::page::{Entry, Page, Tag};
use crate::pages::{ERRORS, EXAMPLES, place};
use crate::results;
use crate::standards::numbered;
use crate::text::Piece;

/// A page, with all that it explains.
pub struct Group<'a> {
    pub section: &'a Section,
    pub functions: Vec<&'a Item>,
    pub callbacks: Vec<&'a Item>,
    pub types: Vec<&'a Item>,
    pub constants: Vec<&'a Item>,
}

/// The header's groups, filled with what it declares.
pub fn all(header: &Header) -> Vec<Group<'_>> {
    let groups = header.sections.iter().map(|section| {
        let of = |kind| {
            let ours = move |item: &&Item| item.kind == kind && place(&item.name).0 == section.page;
            header.items.iter().filter(ours).collect()
        };
        let named = |name: &String| header.item(name).expect("a section has declared functions");
        Group {
            section,
            functions: section.functions.iter().map(named).collect(),
            callbacks: of(Kind::Callback),
            types: of(Kind::Type),
            constants: of(Kind::Constant),
        }
    });
    groups.collect()
}

impl Group<'_> {
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        let lists = [&self.types, &self.callbacks, &self.constants, &self.functions];
        lists.into_iter().flatten().copied()
    }

    /// Every text of the page.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let blocks = self.items().flat_map(|item| &item.comment);
        self.section.comment.iter().chain(blocks).flat_map(Block::texts)
    }
}

pub const LIBRARY: &str = "SMTP and LMTP client library (libsmtpclient, -lsmtpclient)";

pub fn write(page: &mut dyn Page, manual: &Manual, group: &Group<'_>) {
    let own = (group.section.page == ERRORS).then_some(ERRORS);
    let functions = group.functions.iter().map(|function| &*function.name);
    let names: Vec<&str> = own.into_iter().chain(functions).collect();
    page.names(&names, &group.section.title);
    page.section("LIBRARY");
    page.prose(LIBRARY);
    page.section("SYNOPSIS");
    page.include("smtpclient.h");
    page.synopsis(&[&group.callbacks[..], &group.functions].concat());
    page.section("DESCRIPTION");
    page.blocks(&group.section.comment);
    for item in group.types.iter().chain(&group.callbacks) {
        described(page, item);
    }
    constants(page, &group.constants);
    group.functions.iter().for_each(|function| described(page, function));
    results::write(page, manual, group);
    page.section("SEE ALSO");
    let pages = related(manual, group);
    page.see(&pages.iter().map(|name| &**name).collect::<Vec<_>>());
    let standards = numbered(standards(manual, group));
    if !standards.is_empty() {
        page.section("STANDARDS");
        page.standards(&standards);
    }
}

fn described(page: &mut dyn Page, item: &Item) {
    page.item(item);
    page.parameters(&item.parameters());
    page.blocks(&item.comment);
    page.parameters(&[]);
}

/// A list for each heading.
fn constants(page: &mut dyn Page, constants: &[&Item]) {
    let mut headings: Vec<&str> = Vec::new();
    for constant in constants {
        let heading = place(&constant.name).1;
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    headings.sort_unstable();
    for heading in headings {
        page.subsection(heading);
        let ours = constants.iter().filter(|constant| place(&constant.name).1 == heading);
        let entry = |constant: &&'_ Item| -> Vec<String> {
            constant.comment.iter().flat_map(Block::texts).map(str::to_owned).collect()
        };
        let entries: Vec<Entry<'_>> =
            ours.map(|constant| (Tag::Constant(constant), entry(constant))).collect();
        page.list(&entries);
    }
}

/// The pages about what this one names, and those that every reader wants.
fn related(manual: &Manual, group: &Group<'_>) -> BTreeSet<String> {
    let mut pages: BTreeSet<String> =
        ["smtpclient", ERRORS, EXAMPLES].into_iter().map(str::to_owned).collect();
    for text in group.texts() {
        for piece in manual.names.pieces(text, &[]) {
            if let Piece::Function(name) | Piece::Type(name) | Piece::Constant(name) = piece {
                pages.extend(manual.page_of(name).map(str::to_owned));
            }
        }
    }
    pages.remove(&group.section.page);
    pages
}

/// The RFCs that the page names.
fn standards(manual: &Manual, group: &Group<'_>) -> BTreeSet<u32> {
    let pieces = group.texts().flat_map(|text| manual.names.pieces(text, &[]));
    let number = |piece| match piece {
        Piece::Rfc(_, number, _) => number.parse().ok(),
        _ => None,
    };
    pieces.filter_map(number).collect()
}
