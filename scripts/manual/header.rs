//! Reads smtpclient.h: what it declares, in its order, each with its comment.

/// A piece of a comment.
pub enum Block {
    Text(String),
    /// `@param` lines that stand together: name and text.
    Params(Vec<(String, String)>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
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

pub struct Header {
    pub items: Vec<Item>,
    /// What holds for every function: a heading and a text each.
    pub rules: Vec<(String, String)>,
}

impl Header {
    pub fn parse(text: &str) -> Self {
        let mut items = Vec::new();
        let mut rest = text;
        while let Some((_, behind)) = rest.split_once("/**") {
            let (comment, code) = behind.split_once("*/").expect("a comment that ends");
            items.extend(item(code.trim_start_matches([' ', '\n']), blocks(comment)));
            rest = code;
        }
        Header { items, rules: rules(text) }
    }

    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.kind == kind)
    }
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
    if code.starts_with("enum ") {
        return None;
    }
    let declaration = code.split(';').next()?;
    let words = declaration.split_whitespace();
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
    let name = line.split('(').next()?.rsplit([' ', '*']).next()?;
    item(Kind::Function, name, "", &line)
}

/// The lines of a comment without what frames them.
fn lines(comment: &str) -> impl Iterator<Item = &str> {
    comment.lines().map(|line| {
        let line = line.trim_start().strip_prefix('*').unwrap_or(line.trim_start());
        line.strip_prefix(' ').unwrap_or(line).trim_end()
    })
}

fn blocks(comment: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for line in lines(comment) {
        if line.is_empty() {
            open = false;
        } else if let Some(param) = line.strip_prefix("@param ") {
            let (name, text) = param.split_once(' ').expect("a parameter and its text");
            let param = (name.to_owned(), text.trim_start().to_owned());
            match blocks.last_mut() {
                Some(Block::Params(params)) => params.push(param),
                _ => blocks.push(Block::Params(vec![param])),
            }
            open = true;
        } else {
            match blocks.last_mut().filter(|_| open) {
                Some(Block::Text(text)) => join(text, line),
                Some(Block::Params(params)) => {
                    let last = params.last_mut().expect("a block has one at least");
                    join(&mut last.1, line.trim_start());
                }
                None => blocks.push(Block::Text(line.to_owned())),
            }
            open = true;
        }
    }
    blocks
}

fn join(text: &mut String, line: &str) {
    text.push(' ');
    text.push_str(line);
}

/// The plain comment that begins "What holds for every function": each paragraph's first words, up
/// to a full stop, are its heading, where they are few.
fn rules(text: &str) -> Vec<(String, String)> {
    let (_, behind) = text.split_once("What holds for every function").expect("the rules");
    let (comment, _) = behind.split_once("*/").expect("a comment that ends");
    let mut rules: Vec<(String, String)> = Vec::new();
    for block in blocks(comment).into_iter().skip(1) {
        let Block::Text(text) = block else { continue };
        let (heading, rest) = text.split_once(' ').expect("more than a word");
        let few = text.split_once(". ").filter(|(heading, _)| heading.split(' ').count() < 3);
        match few {
            Some((heading, rest)) => rules.push((heading.to_owned(), rest.to_owned())),
            None => rules.push((heading.to_owned(), format!("{heading} {rest}"))),
        }
    }
    rules
}
