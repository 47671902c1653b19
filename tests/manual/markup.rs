//! The manual as HTML: the same pages, valid, and every link leads somewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::program::files;
use super::{functions, names, pages};

/// Elements that have no end.
const VOID: &[&str] = &["meta"];
/// What ends a paragraph; a browser would close it before one of these.
const BLOCKS: &[&str] = &["p", "pre", "dl", "ul", "h1", "h2", "h3", "main", "nav", "footer"];

#[test]
fn html_has_the_same_pages_and_functions() {
    let files = files("html", "manual-html-pages", &[]);
    let expected: BTreeSet<String> = pages().into_keys().map(|name| file(&name)).collect();
    assert_eq!(files.keys().cloned().collect::<BTreeSet<_>>(), expected);
    for (page, text) in pages() {
        let html = &files[&file(&page)];
        let described =
            |name: &&&str| html.contains(&format!("<h3 id=\"{name}\"><code>{name}()</code></h3>"));
        let functions = functions();
        let here: Vec<_> = functions.iter().filter(described).collect();
        let there = functions.iter().filter(|name| text.contains(&format!(".Ss {name}()\n")));
        assert_eq!(here, there.collect::<Vec<_>>(), "{page}");
    }
}

fn file(page: &str) -> String {
    format!("{}.html", if page == "smtpclient" { "index" } else { page })
}

#[test]
fn every_link_of_the_html_leads_somewhere() {
    let files = files("html", "manual-html-links", &[]);
    let ids: BTreeMap<&String, Vec<&str>> =
        files.iter().map(|(name, text)| (name, attributes(text, "id"))).collect();
    let mut targets = BTreeSet::new();
    for (name, text) in &files {
        for link in attributes(text, "href") {
            if link.starts_with("https://www.rfc-editor.org/rfc/rfc") {
                continue;
            }
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let there = ids.get(&file.to_owned()).unwrap_or_else(|| panic!("{name}: no {file}"));
            assert!(place.is_empty() || there.contains(&place), "{name}: {link} leads nowhere");
            targets.insert(place);
        }
    }
    // Every function, constant and type is linked to from somewhere.
    for name in names().filter(|name| !name.starts_with("SMTPCLIENT_")) {
        let name = name.trim_end_matches("()");
        let is_anchor = ids.values().flatten().filter(|id| **id == name).count() == 1;
        assert!(is_anchor, "{name} has no place, or several");
    }
    assert!(functions().iter().all(|function| targets.contains(function)));
}

#[test]
fn html_is_valid() {
    for (name, text) in files("html", "manual-html-valid", &[]) {
        let body = text.strip_prefix("<!DOCTYPE html>\n").expect("a document type");
        let ids = attributes(body, "id");
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{name} has an id twice");
        let mut open: Vec<&str> = Vec::new();
        for piece in body.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("{name}: <{piece}"));
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "{name}: </{closed}> in {open:?}");
            } else {
                let element = tag.split(' ').next().expect("a name");
                let inside = open.last().copied().unwrap_or_default();
                if BLOCKS.contains(&element) {
                    let fits = ["body", "main"].contains(&inside);
                    assert!(fits, "{name}: <{element}> in <{inside}>");
                }
                match element {
                    "li" => assert_eq!(inside, "ul", "{name}"),
                    "dt" | "dd" => assert_eq!(inside, "dl", "{name}"),
                    "a" => assert!(!open.contains(&"a"), "{name}: a link in a link"),
                    _ => {}
                }
                if !VOID.contains(&element) {
                    open.push(element);
                }
            }
            if open.last() != Some(&"style") {
                for reference in text.split('&').skip(1) {
                    let known = ["amp;", "lt;", "gt;"];
                    let is_known = known.iter().any(|known| reference.starts_with(known));
                    assert!(is_known, "{name}: &{reference}");
                }
                assert!(!text.contains('>'), "{name}: {text}");
            }
        }
        assert_eq!(open, Vec::<&str>::new(), "{name}");
    }
}

/// The values of an attribute.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!(" {name}=\"");
    html.split(&begin).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// What a browser shows.
pub fn text(html: &str) -> String {
    let pieces = html.split('<').filter_map(|piece| piece.split_once('>'));
    let text: String = pieces.map(|(_, text)| text).collect();
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
