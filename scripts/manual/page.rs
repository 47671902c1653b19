//! What a page is made of, whatever it is written in.

use crate::comment::Block;
use crate::header::Item;
use crate::standards::Standard;

/// What an entry of a list is about.
pub enum Tag<'a> {
    Parameter(&'a str),
    Constant(&'a Item),
    Function(&'a str),
    /// An error that is explained elsewhere.
    Error(&'a str),
    Page(&'a str),
}

/// Its paragraphs are prose in the markup of comments.
pub type Entry<'a> = (Tag<'a>, Vec<String>);

pub trait Page {
    /// The first section: what the page is about.
    fn names(&mut self, names: &[&str], title: &str);
    fn section(&mut self, heading: &str);
    fn subsection(&mut self, heading: &str);
    /// The heading of a function, a callback or a type.
    fn item(&mut self, item: &Item);
    /// The parameters of what the following text is about.
    fn parameters(&mut self, names: &[&str]);
    fn prose(&mut self, text: &str);
    /// Sets a paragraph, a list or a code apart from what precedes it.
    fn apart(&mut self);
    fn bullets(&mut self, texts: &[String]);
    fn list(&mut self, entries: &[Entry<'_>]);
    /// Lines that stand as they are.
    fn code(&mut self, code: &str);
    fn include(&mut self, header: &str);
    /// The declarations of functions and callbacks.
    fn synopsis(&mut self, items: &[&Item]);
    /// References to other pages, in their order.
    fn see(&mut self, pages: &[&str]);
    fn standards(&mut self, standards: &[&Standard]);
    fn finish(&mut self) -> String;

    fn paragraph(&mut self, text: &str) {
        self.apart();
        self.prose(text);
    }

    fn blocks(&mut self, blocks: &[Block]) {
        let mut first = true;
        for block in blocks {
            match block {
                Block::Text(text) => {
                    if !first {
                        self.apart();
                    }
                    self.prose(text);
                }
                Block::Bullets(bullets) => self.bullets(bullets),
                Block::Code(code) => self.code(code),
                Block::Parameters(parameters) => {
                    let entry = |(name, text): &'_ (String, String)| (name.clone(), text.clone());
                    let texts: Vec<_> = parameters.iter().map(entry).collect();
                    let entries = texts.iter().map(|(name, text)| -> Entry<'_> {
                        (Tag::Parameter(name), vec![ended(text)])
                    });
                    self.list(&entries.collect::<Vec<_>>());
                }
            }
            first = false;
        }
    }
}

/// Parameters are described without the full stop that a list of sentences has.
fn ended(text: &str) -> String {
    let stop = if text.ends_with(['.', ')']) && !text.ends_with("()") { "" } else { "." };
    format!("{text}{stop}")
}
