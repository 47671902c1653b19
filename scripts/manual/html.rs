//! The same pages as HTML, which link to each other.

use std::fmt::Write;

use crate::groups::Group;
use crate::header::Item;
use crate::page::{Entry, Page, Tag};
use crate::standards::Standard;
use crate::text::Piece;
use crate::{Manual, pages};

const STYLE: &str = include_str!("style.css");
const RFCS: &str = "https://www.rfc-editor.org/rfc/rfc";

struct Html<'a> {
    manual: &'a Manual,
    parameters: Vec<String>,
    text: String,
}

pub fn files(manual: &Manual, groups: &[Group<'_>]) -> Vec<(String, String)> {
    let files = pages(manual, groups, |name| Html::new(name, manual));
    files.into_iter().map(|(name, text)| (file(&name), text)).collect()
}

fn file(page: &str) -> String {
    format!("{}.html", if page == "smtpclient" { "index" } else { page })
}

impl<'a> Html<'a> {
    fn new(name: &str, manual: &'a Manual) -> Self {
        let mut html = Html { manual, parameters: Vec::new(), text: String::new() };
        html.line("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">");
        html.line("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        html.line(&format!("<title>{name}(3)</title>\n<style>\n{STYLE}</style>\n</head>\n<body>"));
        html.line("<nav>");
        let sections = manual.header.sections.iter().map(|section| &*section.page);
        for page in ["smtpclient"].into_iter().chain(sections).chain([pages::EXAMPLES]) {
            let short = page.strip_prefix("smtpclient-").unwrap_or(page);
            let here = if page == name { " aria-current=\"page\"" } else { "" };
            html.line(&format!("<a href=\"{}\"{here}>{short}</a>", file(page)));
        }
        html.line(&format!("</nav>\n<main>\n<h1>{name}(3)</h1>"));
        html
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A name of the header's, as a link to where it is explained.
    fn name(&self, name: &str, behind: &str) -> String {
        match self.manual.page_of(name) {
            Some(page) => {
                format!("<a href=\"{}#{name}\"><code>{name}{behind}</code></a>", file(page))
            }
            None => format!("<code>{name}{behind}</code>"),
        }
    }

    fn marked(&self, text: &str) -> String {
        let parameters: Vec<&str> = self.parameters.iter().map(|name| &**name).collect();
        let mut out = String::new();
        for piece in self.manual.names.pieces(text, &parameters) {
            out.push_str(&match piece {
                Piece::Prose(prose) => escaped(prose),
                Piece::Code(code) => format!("<code>{}</code>", escaped(code)),
                Piece::Parameter(name) => format!("<var>{name}</var>"),
                Piece::Function(name) => self.name(name, "()"),
                Piece::Constant(name) | Piece::Type(name) => self.name(name, ""),
                Piece::Page(name, section) => self.page(name, section),
                Piece::Rfc(text, number, "") => format!("<a href=\"{RFCS}{number}\">{text}</a>"),
                Piece::Rfc(text, number, section) => {
                    format!("<a href=\"{RFCS}{number}#section-{section}\">{text}</a>")
                }
            });
        }
        out
    }

    /// A link to a page of ours; another's is only named.
    fn page(&self, name: &str, section: &str) -> String {
        let text = format!("{name}({section})");
        if !name.starts_with("smtpclient") {
            return text;
        }
        format!("<a href=\"{}\">{text}</a>", file(name))
    }

    /// Code, with the names in it as links.
    fn linked(&self, code: &str) -> String {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let mut out = String::new();
        let mut rest = code;
        while !rest.is_empty() {
            let (word, behind) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
            match self.manual.page_of(word) {
                Some(page) => {
                    let _ = write!(out, "<a href=\"{}#{word}\">{word}</a>", file(page));
                }
                None => out.push_str(word),
            }
            let (other, next) = behind.split_at(behind.find(is_word).unwrap_or(behind.len()));
            out.push_str(&escaped(other));
            rest = next;
        }
        out
    }

    fn declaration(&self, item: &Item) -> String {
        let (result, name, arguments) = item.declaration();
        let space = if result.ends_with('*') { "" } else { " " };
        let head = format!("{result}{space}{name}(");
        let one_line = format!("{head}{});", arguments.join(", "));
        let code = if one_line.len() <= 80 {
            one_line
        } else {
            format!("{head}\n    {});", arguments.join(",\n    "))
        };
        self.linked(&code)
    }
}

impl Page for Html<'_> {
    fn names(&mut self, _: &[&str], title: &str) {
        self.line(&format!("<p class=\"title\">{}</p>", escaped(title)));
    }

    fn section(&mut self, heading: &str) {
        let id = heading.to_lowercase().replace(' ', "-");
        let (first, rest) = heading.split_at(1);
        self.line(&format!("<h2 id=\"{id}\">{first}{}</h2>", rest.to_lowercase()));
    }

    fn subsection(&mut self, heading: &str) {
        let id = heading.to_lowercase().replace(' ', "-");
        self.line(&format!("<h3 id=\"{id}\">{}</h3>", escaped(heading)));
    }

    fn item(&mut self, item: &Item) {
        let call = if item.is_function() { "()" } else { "" };
        self.line(&format!("<h3 id=\"{0}\"><code>{0}{call}</code></h3>", item.name));
        if !item.parameters().is_empty() {
            self.line(&format!("<pre>{}</pre>", self.declaration(item)));
        }
    }

    fn parameters(&mut self, names: &[&str]) {
        self.parameters = names.iter().map(|name| (*name).to_owned()).collect();
    }

    fn prose(&mut self, text: &str) {
        self.line(&format!("<p>{}</p>", self.marked(text)));
    }

    fn apart(&mut self) {}

    fn bullets(&mut self, texts: &[String]) {
        self.line("<ul>");
        for text in texts {
            self.line(&format!("<li>{}</li>", self.marked(text)));
        }
        self.line("</ul>");
    }

    fn list(&mut self, entries: &[Entry<'_>]) {
        self.line("<dl>");
        for (tag, texts) in entries {
            let tag = match tag {
                Tag::Parameter(name) => format!("<dt><var>{name}</var></dt>"),
                Tag::Constant(item) => {
                    format!("<dt id=\"{0}\"><code>{0}</code> = {1}</dt>", item.name, item.value)
                }
                Tag::Function(name) => format!("<dt>{}</dt>", self.name(name, "()")),
                Tag::Error(name) => format!("<dt>{}</dt>", self.name(name, "")),
                Tag::Page(name) => format!("<dt>{}</dt>", self.page(name, "3")),
            };
            self.line(&tag);
            for text in texts {
                self.line(&format!("<dd>{}</dd>", self.marked(text)));
            }
        }
        self.line("</dl>");
    }

    fn code(&mut self, code: &str) {
        self.line(&format!("<pre>{}</pre>", self.linked(code)));
    }

    fn include(&mut self, header: &str) {
        self.code(&format!("#include <{header}>"));
    }

    fn synopsis(&mut self, items: &[&Item]) {
        let lines: Vec<String> = items.iter().map(|item| self.declaration(item)).collect();
        self.line(&format!("<pre>{}</pre>", lines.join("\n")));
    }

    fn see(&mut self, pages: &[&str]) {
        let links: Vec<String> = pages.iter().map(|page| self.page(page, "3")).collect();
        self.line(&format!("<p>{}</p>", links.join(", ")));
    }

    fn standards(&mut self, standards: &[&Standard]) {
        self.line("<ul>");
        for Standard { number, title, date } in standards {
            let title = escaped(title);
            let link = format!("<a href=\"{RFCS}{number}\">RFC {number}</a>");
            self.line(&format!("<li>{link}, <cite>{title}</cite>, {date}</li>"));
        }
        self.line("</ul>");
    }

    fn finish(&mut self) -> String {
        let Manual { header, date, .. } = self.manual;
        let footer = format!("<footer>smtpclient {}, {date}</footer>", header.version);
        self.line(&format!("</main>\n{footer}\n</body>\n</html>"));
        std::mem::take(&mut self.text)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
