//! Pages in mdoc(7), which mandoc and groff both render.

use crate::header::Item;
use crate::page::{Entry, Page, Tag};
use crate::standards::Standard;
use crate::text::{Names, Piece, sentences};

/// Longest line of running text.
const WIDTH: usize = 78;
/// What mdoc(7) knows to stand behind a word.
const DELIMITERS: [char; 8] = ['.', ',', ':', ';', '?', '!', ')', ']'];

pub struct Mdoc<'a> {
    names: &'a Names,
    parameters: Vec<String>,
    text: String,
}

impl<'a> Mdoc<'a> {
    pub fn new(page: &str, date: &str, names: &'a Names) -> Self {
        let text = format!(".Dd {date}\n.Dt {} 3\n.Os\n", page.to_uppercase());
        Mdoc { names, parameters: Vec::new(), text }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A line of text, which must not be taken for a macro.
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

    /// One sentence: lines of words, and a line of its own for each word that has a macro.
    fn sentence(&mut self, sentence: &str) {
        let names = self.names;
        let parameters: Vec<String> = self.parameters.clone();
        let parameters: Vec<&str> = parameters.iter().map(|name| &**name).collect();
        let mut line = String::new();
        for word in words(&names.pieces(sentence, &parameters)) {
            if let Some(prose) = prose(&word) {
                let prose = escaped(&prose);
                if !line.is_empty() && line.len() + 1 + prose.len() > WIDTH {
                    self.text_line(&std::mem::take(&mut line));
                }
                let space = if line.is_empty() { "" } else { " " };
                line.push_str(&format!("{space}{prose}"));
            } else {
                if !line.is_empty() {
                    self.text_line(&std::mem::take(&mut line));
                }
                self.line(&macros(&word));
            }
        }
        if !line.is_empty() {
            self.text_line(&line);
        }
    }
}

impl Page for Mdoc<'_> {
    fn names(&mut self, names: &[&str], title: &str) {
        self.section("NAME");
        self.each("Nm", names, "");
        self.line(&format!(".Nd {}", uncapitalised(title)));
    }

    fn section(&mut self, heading: &str) {
        self.line(&format!(".Sh {heading}"));
    }

    fn subsection(&mut self, heading: &str) {
        self.line(&format!(".Ss {heading}"));
    }

    fn item(&mut self, item: &Item) {
        let call = if item.is_function() { "()" } else { "" };
        self.line(&format!(".Ss {}{call}", item.name));
    }

    fn parameters(&mut self, names: &[&str]) {
        self.parameters = names.iter().map(|name| (*name).to_owned()).collect();
    }

    fn prose(&mut self, text: &str) {
        sentences(text).into_iter().for_each(|sentence| self.sentence(sentence));
    }

    fn apart(&mut self) {
        self.line(".Pp");
    }

    fn bullets(&mut self, texts: &[String]) {
        self.line(".Bl -bullet");
        for text in texts {
            self.line(".It");
            self.prose(text);
        }
        self.line(".El");
    }

    fn list(&mut self, entries: &[Entry<'_>]) {
        self.line(".Bl -tag -width Ds");
        for (tag, texts) in entries {
            self.line(&match tag {
                Tag::Parameter(name) => format!(".It Fa {name}"),
                Tag::Constant(item) => {
                    format!(".It Dv {} No = {}", item.name, item.value.replace('-', "\\-"))
                }
                Tag::Function(name) => format!(".It Fn {name}"),
                Tag::Error(name) => format!(".It Bq Er {name}"),
                Tag::Page(name) => format!(".It Xr {name} 3"),
            });
            for (index, text) in texts.iter().enumerate() {
                if index > 0 {
                    self.apart();
                }
                self.prose(text);
            }
        }
        self.line(".El");
    }

    fn code(&mut self, code: &str) {
        // Whole programs need the width.
        let offset = if code.lines().count() < 40 { " -offset indent" } else { "" };
        self.line(&format!(".Bd -literal{offset}"));
        code.lines().for_each(|line| self.text_line(&literal(line)));
        self.line(".Ed");
    }

    fn include(&mut self, header: &str) {
        self.line(&format!(".In {header}"));
    }

    fn synopsis(&mut self, items: &[&Item]) {
        for item in items {
            let (result, name, arguments) = item.declaration();
            self.line(&format!(".Ft \"{result}\""));
            self.line(&format!(".Fo \"{name}\""));
            arguments.iter().for_each(|argument| self.line(&format!(".Fa \"{argument}\"")));
            self.line(".Fc");
        }
    }

    fn see(&mut self, pages: &[&str]) {
        self.each("Xr", pages, " 3");
    }

    fn standards(&mut self, standards: &[&Standard]) {
        self.line(".Bl -item -compact");
        for standard in standards {
            self.line(".It\n.Rs");
            self.line(&format!(".%T {}", standard.title));
            self.line(&format!(".%R RFC {}", standard.number));
            self.line(&format!(".%D {}", standard.date));
            self.line(".Re");
        }
        self.line(".El");
    }

    fn finish(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

/// Pieces put together to words: what no space parts is one.
fn words<'a>(pieces: &[Piece<'a>]) -> Vec<Vec<Piece<'a>>> {
    let mut words = vec![Vec::new()];
    for piece in pieces {
        let (Piece::Prose(prose) | Piece::Rfc(prose, ..)) = *piece else {
            words.last_mut().expect("one at least").push(piece.clone());
            continue;
        };
        for (index, part) in prose.split(' ').enumerate() {
            if index > 0 {
                words.push(Vec::new());
            }
            if !part.is_empty() {
                // A reference to an RFC is prose here.
                words.last_mut().expect("one at least").push(Piece::Prose(part));
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A word that needs no macro.
fn prose(word: &[Piece<'_>]) -> Option<String> {
    let part = |piece: &Piece<'_>| match *piece {
        Piece::Prose(prose) => Some(prose.to_owned()),
        _ => None,
    };
    word.iter().map(part).collect()
}

/// A word with a macro in it, as one line.
fn macros(word: &[Piece<'_>]) -> String {
    let mut line = String::from(".");
    for (index, piece) in word.iter().enumerate() {
        match *piece {
            Piece::Prose(prose) if index == 0 => {
                line.push_str(&format!("Pf {} ", argument(prose)));
                continue;
            }
            Piece::Prose(prose) if index + 1 == word.len() => {
                // Each delimiter is an argument of its own, as mdoc(7) wants it.
                let text = prose.trim_end_matches(DELIMITERS);
                if !text.is_empty() {
                    line.push_str(&format!("Ns No {} ", argument(text)));
                }
                prose[text.len()..].chars().for_each(|c| line.push_str(&format!("{c} ")));
                continue;
            }
            _ => {}
        }
        let follows_prefix = index == 1 && matches!(word[0], Piece::Prose(_));
        if index > 0 && !follows_prefix {
            line.push_str("Ns ");
        }
        let (name, text) = match *piece {
            Piece::Prose(prose) | Piece::Rfc(prose, ..) => ("No", prose),
            Piece::Code(code) => ("Ql", code),
            Piece::Parameter(name) => ("Fa", name),
            Piece::Function(name) => ("Fn", name),
            Piece::Constant(name) => ("Dv", name),
            Piece::Type(name) => ("Vt", name),
            Piece::Page(name, section) => {
                line.push_str(&format!("Xr {name} {section} "));
                continue;
            }
        };
        line.push_str(&format!("{name} {} ", argument(text)));
    }
    line.trim_end().to_owned()
}

/// A macro's argument, which is neither parted nor taken for a macro or a delimiter.
fn argument(text: &str) -> String {
    let text = literal(text).replace('"', "\\(dq");
    let is_macro = text.len() <= 3 && text.starts_with(char::is_uppercase);
    let is_delimiter = text.len() == 1 && !text.starts_with(char::is_alphanumeric);
    let guard = if is_macro || is_delimiter { "\\&" } else { "" };
    if text.contains(' ') { format!("\"{guard}{text}\"") } else { format!("{guard}{text}") }
}

/// Prose: hyphens and apostrophes are what the reader's machine makes of them.
fn escaped(text: &str) -> String {
    let is_number = text.starts_with('-') && text[1..].starts_with(|c: char| c.is_ascii_digit());
    let text = text.replace('\\', "\\e").replace('`', "\\(ga");
    let text = text.replace('^', "\\(ha").replace('~', "\\(ti");
    if is_number { text.replacen('-', "\\-", 1) } else { text }
}

/// What must come out as it is, to be copied.
fn literal(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            c if c.is_ascii() => out.push(c),
            c => out.push_str(&format!("\\[u{:04X}]", u32::from(c))),
        }
    }
    out
}

/// For a line behind a dash; what begins with an abbreviation stays.
fn uncapitalised(title: &str) -> String {
    let mut rest = title.chars();
    match rest.next() {
        Some(first) if !rest.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(rest).collect()
        }
        _ => title.to_owned(),
    }
}
