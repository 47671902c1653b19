//! Pages in mdoc(7), which mandoc and groff both render.

use std::fmt::Write;

use crate::header::Item;
use crate::page::{Declaration, Entry, Page, Tag};

pub struct Mdoc {
    text: String,
}

impl Mdoc {
    pub fn new(name: &str, date: &str) -> Self {
        let mut page = Mdoc { text: String::new() };
        page.line(&format!(".Dd {date}"));
        page.line(&format!(".Dt {} 3", name.to_uppercase()));
        page.line(".Os");
        page
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn text_line(&mut self, line: &str) {
        let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        self.line(&format!("{guard}{line}"));
    }

    /// A macro for each of several names, with commas between.
    fn each(&mut self, macro_name: &str, names: &[&str], behind: &str) {
        for (index, name) in names.iter().enumerate() {
            let comma = if index + 1 < names.len() { " ," } else { "" };
            self.line(&format!(".{macro_name} {name}{behind}{comma}"));
        }
    }
}

impl Page for Mdoc {
    fn names(&mut self, names: &[&str], title: &str) {
        self.section("NAME");
        self.each("Nm", names, "");
        self.line(&format!(".Nd {title}"));
    }

    fn section(&mut self, heading: &str) {
        self.line(&format!(".Sh {heading}"));
    }

    fn subsection(&mut self, heading: &str) {
        self.line(&format!(".Ss {heading}"));
    }

    fn paragraph(&mut self, text: &str) {
        self.line(".Pp");
        self.prose(text);
    }

    /// Each sentence on lines of its own, none longer than mandoc likes.
    fn prose(&mut self, text: &str) {
        for sentence in sentences(text) {
            let mut line = String::new();
            for word in sentence.split_whitespace() {
                let word = marked(word);
                if !line.is_empty() && line.len() + 1 + word.len() > 78 {
                    self.text_line(&line);
                    line.clear();
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&word);
            }
            self.text_line(&line);
        }
    }

    fn list(&mut self, entries: &[Entry]) {
        self.line(".Bl -tag -width Ds");
        for (tag, texts) in entries {
            self.line(&match tag {
                Tag::Parameter(name) => format!(".It Fa {name}"),
                Tag::Constant { name, value } => format!(".It Dv {name} No = {value}"),
                Tag::Page(name) => format!(".It Xr {name} 3"),
            });
            for (index, text) in texts.iter().enumerate() {
                if index > 0 {
                    self.line(".Pp");
                }
                self.prose(text);
            }
        }
        self.line(".El");
    }

    fn code(&mut self, code: &str) {
        self.line(".Bd -literal -offset indent");
        for line in code.lines() {
            self.text_line(&escaped(line));
        }
        self.line(".Ed");
    }

    fn include(&mut self, header: &str) {
        self.line(&format!(".In {header}"));
    }

    fn synopsis(&mut self, item: &Item) {
        let Declaration { result, name, arguments } = Declaration::of(item);
        self.line(&format!(".Ft \"{result}\""));
        self.line(&format!(".Fo \"{name}\""));
        for argument in arguments {
            self.line(&format!(".Fa \"{argument}\""));
        }
        self.line(".Fc");
    }

    fn see(&mut self, pages: &[&str]) {
        self.each("Xr", pages, " 3");
    }

    fn finish(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

/// Cut behind each full stop that a capital, a quote or the end follows.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut from = 0;
    for (at, _) in text.match_indices(". ") {
        let next = text[at + 2..].chars().next();
        let ends = next.is_some_and(|next| next.is_uppercase() || matches!(next, '"' | '`' | '('));
        if ends && !text[..at].ends_with("e.g") && !text[..at].ends_with("i.e") {
            sentences.push(&text[from..=at]);
            from = at + 2;
        }
    }
    sentences.push(&text[from..]);
    sentences
}

/// A word of a comment with its marks turned into fonts: functions and constants bold, what stands
/// in backquotes slanted.
fn marked(word: &str) -> String {
    let name = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::new();
    let mut quoted = false;
    for (index, piece) in word.split('`').enumerate() {
        if index > 0 {
            quoted = !quoted;
            out.push_str(if quoted { "\\fI" } else { "\\fR" });
        }
        let ours = piece.find("smtp_").or_else(|| piece.find("SMTP_")).filter(|_| !quoted);
        match ours {
            Some(at) => {
                let end = piece[at..].find(|c| !name(c)).map_or(piece.len(), |end| at + end);
                let _ = write!(
                    out,
                    "{}\\fB{}\\fR{}",
                    escaped(&piece[..at]),
                    escaped(&piece[at..end]),
                    escaped(&piece[end..])
                );
            }
            None => out.push_str(&escaped(piece)),
        }
    }
    if quoted {
        out.push_str("\\fR");
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}
