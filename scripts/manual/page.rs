//! What a page is made of, whatever it is written in.

use crate::header::{Block, Item, Kind};

/// What an entry of a list is about.
pub enum Tag {
    Parameter(String),
    Constant { name: String, value: String },
    Page(String),
}

pub type Entry = (Tag, Vec<String>);

pub trait Page {
    /// The first section: what the page is about.
    fn names(&mut self, names: &[&str], title: &str);
    fn section(&mut self, heading: &str);
    fn subsection(&mut self, heading: &str);
    fn prose(&mut self, text: &str);
    fn paragraph(&mut self, text: &str);
    fn list(&mut self, entries: &[Entry]);
    /// Lines that stand as they are.
    fn code(&mut self, code: &str);
    fn include(&mut self, header: &str);
    /// The declaration of a function or a callback.
    fn synopsis(&mut self, item: &Item);
    /// References to other pages, in their order.
    fn see(&mut self, pages: &[&str]);
    fn finish(&mut self) -> String;

    fn comment(&mut self, item: &Item) {
        for (index, block) in item.comment.iter().enumerate() {
            match block {
                Block::Text(text) if index == 0 => self.prose(text),
                Block::Text(text) => self.paragraph(text),
                Block::Params(params) => {
                    let entry = |(name, text): &(String, String)| -> Entry {
                        (Tag::Parameter(name.clone()), vec![text.clone()])
                    };
                    self.list(&params.iter().map(entry).collect::<Vec<_>>());
                }
            }
        }
    }
}

/// A function's or a callback's declaration, taken apart.
pub struct Declaration {
    pub result: String,
    /// With what surrounds it in a callback's type.
    pub name: String,
    pub arguments: Vec<String>,
}

impl Declaration {
    pub fn of(item: &Item) -> Self {
        let (head, behind) = item.code.split_once(&item.name).expect("its own name");
        let is_callback = item.kind == Kind::Callback;
        let (head, behind) = match is_callback {
            true => (head.trim_end_matches("(*"), behind.trim_start_matches(')')),
            false => (head, behind),
        };
        let arguments = behind.trim_start_matches('(').trim_end_matches(')');
        Declaration {
            result: head.trim().to_owned(),
            name: if is_callback { format!("(*{})", item.name) } else { item.name.clone() },
            arguments: arguments.split(", ").map(str::to_owned).collect(),
        }
    }
}
