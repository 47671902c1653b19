//! What the functions of a page return, and with which errors, gathered from their comments.

use crate::Manual;
use crate::comment::Block;
use crate::groups::Group;
use crate::header::Item;
use crate::page::{Entry, Page, Tag};
use crate::pages::ERRORS;
use crate::text::{Piece, sentences};

pub fn write(page: &mut dyn Page, manual: &Manual, group: &Group<'_>) {
    page.section("RETURN VALUES");
    let entries: Vec<Entry<'_>> = group
        .functions
        .iter()
        .filter_map(|function| Some((Tag::Function(&function.name), vec![returned(function)?])))
        .collect();
    let plain = group.functions.iter().any(|function| is_plain(function));
    if plain {
        let others =
            if entries.is_empty() { "The functions" } else { "Functions that are not below" };
        page.prose(&format!("{others} return SMTP_OK, or a negative SMTP_E_* code."));
    } else {
        page.prose("Where a function returns int, a negative number is one of SMTP_E_*.");
    }
    if !entries.is_empty() {
        page.list(&entries);
    }
    if group.section.page != ERRORS {
        errors(page, manual, group);
    }
}

/// Whether a function has nothing to return but whether it worked.
fn is_plain(function: &Item) -> bool {
    function.declaration().0 == "int" && returned(function).is_none()
}

/// What a function returns: what its comment says of that, or, of one that only looks, the sentence
/// with which that begins.
fn returned(function: &Item) -> Option<String> {
    let texts = function.comment.iter().filter_map(|block| match block {
        Block::Text(text) => Some(text),
        _ => None,
    });
    let all: Vec<&str> = texts.flat_map(|text| sentences(text)).collect();
    if let Some(said) = all.iter().find_map(|sentence| sentence.strip_prefix("Returns ")) {
        let said = said.strip_prefix("and errors ").unwrap_or(said);
        return (said != "SMTP_OK.").then(|| capitalised(said));
    }
    let (result, _, arguments) = function.declaration();
    let looks = !arguments[0].contains("smtp_") || arguments[0].starts_with("const ");
    let nothing = |sentence: &&&str| {
        ["NULL", "\"\"", "0 ", "Never NULL"].iter().any(|start| sentence.starts_with(start))
    };
    let said = all.iter().take(1).chain(all.iter().skip(1).filter(nothing)).copied();
    (looks || result != "int" && result != "void").then(|| said.collect::<Vec<_>>().join(" "))
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().expect("a text");
    let is_name = text.starts_with("smtp_");
    if is_name { text.to_owned() } else { first.to_uppercase().chain(rest).collect() }
}

/// Each error that a comment of the page names, and whose comment does.
fn errors(page: &mut dyn Page, manual: &Manual, group: &Group<'_>) {
    page.section("ERRORS");
    page.prose(
        "These are named above. smtpclient(3) lists those that any function may return, and \
         smtpclient-errors(3) says what to do about each.",
    );
    let codes = manual.header.items.iter().filter(|item| item.name.starts_with("SMTP_E_"));
    let entry = |code: &'_ Item| -> Option<String> {
        let naming = group.functions.iter().filter(|function| names(manual, function, &code.name));
        let naming: Vec<String> = naming.map(|function| format!("{}()", function.name)).collect();
        let Some(Block::Text(meaning)) = code.comment.first() else { return None };
        let meaning = sentences(meaning)[0].to_owned();
        (!naming.is_empty()).then(|| format!("{meaning} Under {}.", naming.join(", ")))
    };
    let entries: Vec<Entry<'_>> =
        codes.filter_map(|code| Some((Tag::Error(&code.name), vec![entry(code)?]))).collect();
    if !entries.is_empty() {
        page.list(&entries);
    }
}

fn names(manual: &Manual, function: &Item, code: &str) -> bool {
    let mut texts = function.comment.iter().flat_map(Block::texts);
    texts.any(|text| manual.names.pieces(text, &[]).contains(&Piece::Constant(code)))
}
