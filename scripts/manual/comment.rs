//! A comment's blocks: paragraphs, lists, code, and what it says of parameters.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    Text(String),
    /// `@param` lines that stand together: name and text.
    Parameters(Vec<(String, String)>),
    /// Lines that begin with a hyphen.
    Bullets(Vec<String>),
    /// Lines that are indented by four.
    Code(String),
}

impl Block {
    /// Everything in it that is prose.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Block::Text(text) => vec![text],
            Block::Parameters(parameters) => parameters.iter().map(|(_, text)| &**text).collect(),
            Block::Bullets(bullets) => bullets.iter().map(|text| &**text).collect(),
            Block::Code(_) => Vec::new(),
        }
    }
}

/// The lines of a comment without what frames them.
fn lines(comment: &str) -> impl Iterator<Item = &str> {
    comment.lines().map(|line| {
        let line = line.trim_start().strip_prefix('*').unwrap_or(line.trim_start());
        line.strip_prefix(' ').unwrap_or(line).trim_end()
    })
}

pub fn blocks(comment: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut apart = true;
    for line in lines(comment) {
        if !line.is_empty() {
            let begun = block(line, apart, blocks.last_mut());
            blocks.extend(begun);
        }
        apart = line.is_empty();
    }
    blocks
}

/// The block that a line begins; none if it belongs to the one before. `apart` is whether an empty
/// line stands between.
fn block(line: &str, apart: bool, last: Option<&mut Block>) -> Option<Block> {
    if let Some(parameter) = line.strip_prefix("@param ") {
        let (name, text) = parameter.split_once(' ').expect("a parameter and its text");
        let parameter = (name.to_owned(), text.trim_start().to_owned());
        let Some(Block::Parameters(parameters)) = last.filter(|_| !apart) else {
            return Some(Block::Parameters(vec![parameter]));
        };
        parameters.push(parameter);
        return None;
    }
    if let Some(bullet) = line.strip_prefix("- ") {
        let Some(Block::Bullets(bullets)) = last.filter(|_| !apart) else {
            return Some(Block::Bullets(vec![bullet.to_owned()]));
        };
        bullets.push(bullet.to_owned());
        return None;
    }
    if let Some(code) = line.strip_prefix("    ") {
        match last {
            Some(Block::Code(before)) => {
                before.push_str(if apart { "\n" } else { "" });
                before.push_str(&format!("{code}\n"));
                return None;
            }
            _ if apart => return Some(Block::Code(format!("{code}\n"))),
            last => return continued(line, last),
        }
    }
    if apart { Some(Block::Text(line.to_owned())) } else { continued(line, last) }
}

fn continued(line: &str, last: Option<&mut Block>) -> Option<Block> {
    let text = match last {
        Some(Block::Text(text)) => text,
        Some(Block::Parameters(parameters)) => &mut parameters.last_mut()?.1,
        Some(Block::Bullets(bullets)) => bullets.last_mut()?,
        Some(Block::Code(_)) | None => return Some(Block::Text(line.to_owned())),
    };
    text.push(' ');
    text.push_str(line.trim_start());
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_block() {
        let comment = "\n * One\n * two.\n *\n * @param a   first\n *            more\n * @param b  second\n \
             *\n * - x\n *   y\n * - z\n *\n *     int i;\n *\n *         i++;\n *\n * End.\n ";
        let text = |text: &str| text.to_owned();
        assert_eq!(
            blocks(comment),
            [
                Block::Text(text("One two.")),
                Block::Parameters(vec![
                    (text("a"), text("first more")),
                    (text("b"), text("second")),
                ]),
                Block::Bullets(vec![text("x y"), text("z")]),
                Block::Code(text("int i;\n\n    i++;\n")),
                Block::Text(text("End.")),
            ]
        );
    }
}
