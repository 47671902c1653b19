//! Reads smtpclient.h: what it declares, in its order, each with its comment, and what it says of
//! groups of functions and of them all.

use crate::comment::{Block, blocks};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Function,
    Callback,
    Type,
    Constant,
}

pub struct Item {
    pub kind: Kind,
    pub name: String,
    /// Of a constant.
    pub value: String,
    /// The declaration, without the macros that decorate it, in one line.
    pub code: String,
    pub comment: Vec<Block>,
}

/// A text about the functions that follow it, up to the next one.
pub struct Section {
    pub page: String,
    pub title: String,
    pub comment: Vec<Block>,
    pub functions: Vec<String>,
}

pub struct Header {
    pub version: String,
    pub items: Vec<Item>,
    /// The text about the library: `@mainpage`.
    pub main: Option<Section>,
    /// `@defgroup`.
    pub sections: Vec<Section>,
    /// What holds for every function: headings and texts.
    pub rules: Vec<(String, Vec<Block>)>,
}

impl Header {
    pub fn parse(text: &str) -> Self {
        let mut header = Header {
            version: version(text).to_owned(),
            items: Vec::new(),
            main: None,
            sections: Vec::new(),
            rules: rules(text),
        };
        let mut rest = text;
        while let Some((_, behind)) = rest.split_once("/**") {
            let (comment, code) = behind.split_once("*/").expect("a comment that ends");
            header.add(blocks(comment), code.trim_start());
            rest = code;
        }
        header
    }

    fn add(&mut self, mut comment: Vec<Block>, code: &str) {
        if let Some(title) = command(&comment, "@mainpage ") {
            comment.remove(0);
            self.main = Some(Section::new("smtpclient", &title, comment));
        } else if let Some(line) = command(&comment, "@defgroup ") {
            comment.remove(0);
            let (page, title) = line.split_once(' ').expect("a page and its title");
            self.sections.push(Section::new(page, title, comment));
        } else if let Some(item) = item(code, comment) {
            if let Some(section) = self.sections.last_mut().filter(|_| item.is_function()) {
                section.functions.push(item.name.clone());
            }
            self.items.push(item);
        }
    }

    pub fn item(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.name == name)
    }
}

impl Section {
    fn new(page: &str, title: &str, comment: Vec<Block>) -> Self {
        Section { page: page.into(), title: title.into(), comment, functions: Vec::new() }
    }
}

impl Item {
    pub fn is_function(&self) -> bool {
        self.kind == Kind::Function
    }

    /// Result, name (with what surrounds it in a callback's type) and arguments of a declaration.
    pub fn declaration(&self) -> (&str, String, Vec<&str>) {
        let (result, arguments) = self.code.split_once(&self.name).expect("its own name");
        let is_callback = self.kind == Kind::Callback;
        let result = if is_callback { result.trim_end_matches("(*") } else { result };
        let arguments = if is_callback { arguments.trim_start_matches(')') } else { arguments };
        let arguments = arguments.trim_start_matches('(').trim_end_matches(')');
        let name = if is_callback { format!("(*{})", self.name) } else { self.name.clone() };
        (result.trim(), name, arguments.split(", ").collect())
    }

    pub fn parameters(&self) -> Vec<&str> {
        if !matches!(self.kind, Kind::Function | Kind::Callback) {
            return Vec::new();
        }
        let arguments = self.declaration().2;
        arguments.iter().filter_map(|argument| argument.rsplit([' ', '*']).next()).collect()
    }
}

/// What follows a command that is a comment's first line.
fn command(comment: &[Block], command: &str) -> Option<String> {
    match comment.first()? {
        Block::Text(text) => text.strip_prefix(command).map(str::to_owned),
        _ => None,
    }
}

fn version(text: &str) -> &str {
    let behind = text.split_once("#define SMTPCLIENT_VERSION \"").map_or("", |(_, behind)| behind);
    behind.split('"').next().unwrap_or_default()
}

/// What stands behind a comment: a macro, an enumerator, or a declaration to its semicolon.
fn item(code: &str, comment: Vec<Block>) -> Option<Item> {
    let item = |kind, name: &str, value: &str, code: &str| {
        let (name, value, code) = (name.to_owned(), value.to_owned(), code.to_owned());
        Some(Item { kind, name, value, code, comment })
    };
    if let Some(define) = code.strip_prefix("#define ") {
        let (name, value) = define.lines().next()?.split_once(' ')?;
        return item(Kind::Constant, name, value.trim_matches(['(', ')']), "");
    }
    if code.starts_with("SMTP_") && !code.starts_with("SMTP_API") {
        let (name, value) = code.lines().next()?.trim_end_matches(',').split_once(" = ")?;
        return item(Kind::Constant, name, value, "");
    }
    // An enum has a name where the language has room for one.
    let code =
        code.strip_prefix("#if ").map_or(code, |code| code.split_once('\n').unwrap_or_default().1);
    if let Some(name) = code.strip_prefix("enum ") {
        return item(Kind::Type, name.split_whitespace().next()?, "", "");
    }
    let words = code.split(';').next()?.split_whitespace();
    let words: Vec<&str> =
        words.filter(|word| !matches!(*word, "SMTP_API" | "SMTP_NODISCARD")).collect();
    let line = words.join(" ").replace("( ", "(");
    if let Some(callback) = line.strip_prefix("typedef ").filter(|line| line.contains("(*")) {
        let name = callback.split("(*").nth(1)?.split(')').next()?;
        return item(Kind::Callback, name, "", &line);
    }
    if line.starts_with("typedef ") {
        return item(Kind::Type, words.last()?, "", &line);
    }
    let name = line.split_once('(')?.0.rsplit([' ', '*']).next()?;
    item(Kind::Function, name, "", &line)
}

/// The plain comment that begins "What holds for every function": a paragraph's first words, up to
/// a full stop, are a heading where they are few; one without goes on with what the last is about.
fn rules(text: &str) -> Vec<(String, Vec<Block>)> {
    let (_, behind) = text.split_once("What holds for every function").expect("the rules");
    let (comment, _) = behind.split_once("*/").expect("a comment that ends");
    let mut rules: Vec<(String, Vec<Block>)> = Vec::new();
    for block in blocks(comment).into_iter().skip(1) {
        let headed = match &block {
            Block::Text(text) => text.split_once(". "),
            _ => None,
        };
        match headed.filter(|(heading, _)| heading.split(' ').count() <= 2) {
            Some((heading, rest)) => {
                rules.push((heading.to_owned(), vec![Block::Text(rest.to_owned())]));
            }
            None => rules.last_mut().expect("a heading at first").1.push(block),
        }
    }
    rules
}
