//! The same pages as HTML, which link to each other.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::groups::Group;
use crate::header::Item;
use crate::page::{Declaration, Entry, Page, Tag};
use crate::{Manual, pages};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:46em;margin:2em auto;padding:0 1em}\
    pre,code{font-family:ui-monospace,monospace;font-size:.92em}pre{background:#f4f4f4;padding:.8em;\
    overflow:auto}dt{margin-top:.6em}h3{margin-top:2em}footer{margin-top:3em;color:#666}";

/// Where each name is explained: the page, and the place in it.
type Index = BTreeMap<String, String>;

struct Html<'a> {
    index: &'a Index,
    footer: String,
    text: String,
}

pub fn files(manual: &Manual, groups: &[Group<'_>]) -> Vec<(String, String)> {
    let index = index(manual, groups);
    let footer = format!("smtpclient {}, {}", manual.version, manual.date);
    let new = |name: &str| Html::new(name, &index, &footer);
    let files = pages(manual, groups, new);
    let file = |name: String| if name == "smtpclient" { "index".to_owned() } else { name };
    files.into_iter().map(|(name, text)| (file(name) + ".html", text)).collect()
}

fn index(manual: &Manual, groups: &[Group<'_>]) -> Index {
    let mut index = Index::new();
    for item in &manual.header.items {
        if item.name.starts_with("SMTP_E_") || item.name.starts_with("SMTP_DETAIL_") {
            index.insert(item.name.clone(), format!("smtpclient-errors.html#{}", item.name));
        }
    }
    for group in groups {
        let items = group.functions.iter().chain(&group.callbacks).chain(&group.types);
        for item in items.chain(&group.constants) {
            index.insert(item.name.clone(), format!("{}.html#{}", group.page, item.name));
        }
        index.insert(group.page.to_owned(), format!("{}.html", group.page));
    }
    for page in ["smtpclient-errors", "smtpclient-examples"] {
        index.insert(page.to_owned(), format!("{page}.html"));
    }
    index.insert("smtpclient".to_owned(), "index.html".to_owned());
    index
}

impl<'a> Html<'a> {
    fn new(name: &str, index: &'a Index, footer: &str) -> Self {
        let text = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{name}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n\
             <nav><a href=\"index.html\">smtpclient</a></nav>\n<h1>{name}</h1>\n"
        );
        Html { index, footer: footer.to_owned(), text }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Text with its names as links, and what stands in backquotes as code.
    fn marked(&self, text: &str) -> String {
        let mut out = String::new();
        for (index, piece) in text.split('`').enumerate() {
            let quoted = index % 2 == 1;
            let _ = match quoted {
                true => write!(out, "<code>{}</code>", escaped(piece)),
                false => write!(out, "{}", self.linked(piece)),
            };
        }
        out
    }

    fn linked(&self, text: &str) -> String {
        let part_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let mut out = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c| !part_of_name(c)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            match self.index.get(word).filter(|_| word != "smtpclient" || behind.starts_with("(3)"))
            {
                Some(place) => {
                    let _ = write!(out, "<a href=\"{place}\"><code>{word}</code></a>");
                }
                None => out.push_str(word),
            }
            let other = behind.find(part_of_name).unwrap_or(behind.len());
            out.push_str(&escaped(&behind[..other]));
            rest = &behind[other..];
        }
        out
    }
}

impl Page for Html<'_> {
    fn names(&mut self, _: &[&str], title: &str) {
        self.line(&format!("<p>{}</p>", escaped(title)));
    }

    fn section(&mut self, heading: &str) {
        self.line(&format!("<h2>{}</h2>", escaped(heading)));
    }

    fn subsection(&mut self, heading: &str) {
        let name = heading.trim_end_matches("()");
        let id = if name.contains(' ') { String::new() } else { format!(" id=\"{name}\"") };
        self.line(&format!("<h3{id}>{}</h3>", escaped(heading)));
    }

    fn prose(&mut self, text: &str) {
        self.line(&format!("<p>{}</p>", self.marked(text)));
    }

    fn paragraph(&mut self, text: &str) {
        self.prose(text);
    }

    fn list(&mut self, entries: &[Entry]) {
        self.line("<dl>");
        for (tag, texts) in entries {
            let tag = match tag {
                Tag::Parameter(name) => format!("<dt><code>{name}</code></dt>"),
                Tag::Constant { name, value } => {
                    format!("<dt id=\"{name}\"><code>{name}</code> = {value}</dt>")
                }
                Tag::Page(name) => format!("<dt>{}</dt>", self.linked(name)),
            };
            self.line(&tag);
            for text in texts {
                self.line(&format!("<dd>{}</dd>", self.marked(text)));
            }
        }
        self.line("</dl>");
    }

    fn code(&mut self, code: &str) {
        self.line(&format!("<pre><code>{}</code></pre>", escaped(code)));
    }

    fn include(&mut self, header: &str) {
        self.code(&format!("#include <{header}>"));
    }

    fn synopsis(&mut self, item: &Item) {
        let Declaration { result, name, arguments } = Declaration::of(item);
        let space = if result.ends_with('*') { "" } else { " " };
        let (result, arguments) = (self.linked(&result), self.linked(&arguments.join(", ")));
        let name = self.linked(&name);
        self.line(&format!("<pre>{result}{space}{name}({arguments});</pre>"));
    }

    fn see(&mut self, pages: &[&str]) {
        let links: Vec<String> =
            pages.iter().map(|page| self.linked(&format!("{page}(3)"))).collect();
        self.line(&format!("<p>{}</p>", links.join(", ")));
    }

    fn finish(&mut self) -> String {
        let footer = escaped(&self.footer);
        self.line(&format!("<footer>{footer}</footer>\n</body>\n</html>"));
        std::mem::take(&mut self.text)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
