//! Reads the addresses out of one address field: an RFC 5322 section 3.4 list with the obsolete
//! forms of section 4.4, and what real mail has beside them. It gives what RCPT needs and nothing
//! more: display names and comments are skipped, never decoded.
//!
//! Why not a crate: mail-parser 0.9 gives `@example.org` for `"john doe"@example.org` and for an
//! encoded word before the `@`, makes `a@bc@d` of `<a@b> <c@d>`, keeps comments and blanks in, and
//! mends bytes that are no UTF-8; mailparse 0.16 refuses a whole field for one bare name. Each
//! loses mail or sends it to somebody else. The tests compare this module with both readings.
//!
//! One pass, no recursion, linear in the field's length. What is no address is passed on as it
//! stands, so that the envelope or the server refuses it aloud: a recipient is never dropped.

use std::borrow::Cow;
use std::ops::Range;

/// The addresses in the value of one field, in order, with local parts quoted as RFC 5321 section
/// 4.1.2 wants them. They are as trustworthy as the header: any byte but CR and LF may be in them.
pub(super) fn addresses(value: &[u8]) -> Vec<Vec<u8>> {
    let addresses = entries(&unfold(value)).into_iter().filter_map(|entry| match entry {
        Entry::Mailbox { address, .. } => Some(address),
        Entry::Group { .. } | Entry::EndOfGroup => None,
    });
    addresses.collect()
}

/// What stands in an address list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An address as [`addresses`] gives it, and where the name before its bracket stands.
    Mailbox {
        name: Range<usize>,
        address: Vec<u8>,
    },
    /// A group begins, whose name stands there.
    Group {
        name: Range<usize>,
    },
    EndOfGroup,
}

/// The entries of an address list in one line.
pub fn entries(line: &[u8]) -> Vec<Entry> {
    let mut reader = Reader {
        text: line,
        at: 0,
        tokens: Vec::new(),
        has_at: false,
        start: 0,
        name: 0..0,
        endless_comment: false,
        endless_quote: false,
        found: Vec::new(),
    };
    reader.list();
    reader.found
}

/// Takes out the line ends, all of which are folding (RFC 5322 section 2.2.3).
fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    if value.iter().any(is_line_end) {
        value.iter().copied().filter(|byte| !is_line_end(byte)).collect()
    } else {
        Cow::Borrowed(value)
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// What was read of the present address, or of the name in front of it.
    tokens: Vec<Token>,
    /// Whether `tokens` has an [`Kind::At`]; asked too often to be looked up.
    has_at: bool,
    /// Where the present address begins.
    start: usize,
    /// Where the name before the present address stands.
    name: Range<usize>,
    /// No comment (no quoted string) that begins from here on ends: its opening sign is a
    /// character like any other, and nobody searches for its end again.
    endless_comment: bool,
    endless_quote: bool,
    found: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Comma,
    Semicolon,
    Colon,
    Open,
    Close,
    At,
    /// An atom or dot-atom, not checked for its characters.
    Word,
    /// A quoted string with its quotes.
    Quoted,
    /// A domain literal with its brackets.
    Literal,
    /// What has no place in an address.
    Odd,
}

impl Reader<'_> {
    fn list(&mut self) {
        // Behind `<...>` other words are a name at the wrong end.
        let mut done = false;
        while let Some(token) = self.token() {
            match token.kind {
                // Outside a group the semicolon is what Outlook puts between addresses.
                Kind::Comma | Kind::Semicolon => {
                    self.address(token.start, done);
                    done = false;
                    if token.kind == Kind::Semicolon {
                        self.found.push(Entry::EndOfGroup);
                    }
                }
                // The name of a group, which opens; no state is kept, so groups nest at no cost.
                Kind::Colon if !self.has_at => {
                    self.found.push(Entry::Group { name: self.start..token.start });
                    self.restart();
                    done = false;
                }
                Kind::Open => {
                    self.name = self.start..token.start;
                    self.angle();
                    done = true;
                }
                Kind::Close if done && self.tokens.is_empty() => {}
                Kind::Colon | Kind::Close => self.push(Token { kind: Kind::Odd, ..token }),
                _ => self.push(token),
            }
        }
        self.address(self.text.len(), done);
    }

    /// An address in angle brackets; the opening one has been read, and so has a display name,
    /// whatever it looks like (`a@b <c@d>` is common and means `c@d`).
    fn angle(&mut self) {
        self.restart();
        // A source route (RFC 5322 section 4.4), which RFC 5321 appendix C wants ignored.
        let mut route = false;
        while let Some(token) = self.token() {
            match token.kind {
                Kind::Close => return self.address(token.start, false),
                Kind::Comma | Kind::Semicolon if !route => {
                    // The closing bracket is missing.
                    self.at = token.start;
                    return self.address(token.start, false);
                }
                Kind::Colon if route => {
                    self.restart();
                    route = false;
                }
                Kind::Open if self.has_at => self.address(token.start, false),
                Kind::Open => self.restart(),
                Kind::At if self.tokens.is_empty() => {
                    route = true;
                    self.push(token);
                }
                Kind::Comma | Kind::Semicolon | Kind::Colon => {
                    self.push(Token { kind: Kind::Odd, ..token });
                }
                _ => self.push(token),
            }
        }
        self.address(self.text.len(), false);
    }

    fn push(&mut self, token: Token) {
        self.has_at |= token.kind == Kind::At;
        self.tokens.push(token);
    }

    /// Forgets what was read: it was a name.
    fn restart(&mut self) {
        self.tokens.clear();
        self.has_at = false;
        self.start = self.at;
    }

    /// Ends the present address at `end`; `optional` if it may just as well be a name.
    fn address(&mut self, end: usize, optional: bool) {
        if (self.has_at || !optional) && !self.tokens.is_empty() {
            let address = self
                .addr_spec()
                .unwrap_or_else(|| self.text[self.start..end].trim_ascii().to_vec());
            if !address.is_empty() {
                self.found.push(Entry::Mailbox { name: self.name.clone(), address });
            }
        }
        self.name = 0..0;
        self.restart();
    }

    /// The tokens as `local@domain`, or as a local part alone; `None` if they are neither.
    fn addr_spec(&self) -> Option<Vec<u8>> {
        if let [Token { kind: Kind::Quoted, .. }] = self.tokens[..] {
            // No local part but an address that somebody put in quotes; smtplib takes it so.
            let mut text = Vec::new();
            self.unquote(self.tokens[0], &mut text);
            return Some(text);
        }
        let at = self.tokens.iter().position(|token| token.kind == Kind::At);
        let mut address = self.local_part(&self.tokens[..at.unwrap_or(self.tokens.len())])?;
        if let Some(at) = at {
            address.push(b'@');
            match &self.tokens[at + 1..] {
                [literal] if literal.kind == Kind::Literal => {
                    address.extend_from_slice(self.bytes(*literal));
                }
                domain => {
                    if domain.is_empty() || domain.iter().any(|token| token.kind != Kind::Word) {
                        return None;
                    }
                    self.join(domain, &mut address)?;
                }
            }
        }
        Some(address)
    }

    fn local_part(&self, tokens: &[Token]) -> Option<Vec<u8>> {
        if tokens.is_empty() || !tokens.iter().all(|t| matches!(t.kind, Kind::Word | Kind::Quoted))
        {
            return None;
        }
        let mut text = Vec::new();
        self.join(tokens, &mut text)?;
        if tokens.iter().all(|token| token.kind == Kind::Word) {
            return Some(text);
        }
        // RFC 5321 knows a dot-string and a quoted string but no mixture: `a."b c"` is `"a.b c"`.
        let mut quoted = Vec::with_capacity(text.len() + 2);
        quoted.push(b'"');
        for byte in text {
            if matches!(byte, b'"' | b'\\') {
                quoted.push(b'\\');
            }
            quoted.push(byte);
        }
        quoted.push(b'"');
        Some(quoted)
    }

    /// Appends the text of `words`, between which there must be dots, with or without blanks and
    /// comments around them (RFC 5322 section 4.4).
    fn join(&self, words: &[Token], text: &mut Vec<u8>) -> Option<()> {
        for (index, &token) in words.iter().enumerate() {
            let word = self.bytes(token);
            if index > 0 {
                let before = self.bytes(words[index - 1]);
                if !before.ends_with(b".") && !word.starts_with(b".") {
                    return None;
                }
            }
            match token.kind {
                Kind::Quoted => self.unquote(token, text),
                _ => text.extend_from_slice(word),
            }
        }
        Some(())
    }

    /// Appends what a quoted string means, without its quotes and backslashes.
    fn unquote(&self, token: Token, text: &mut Vec<u8>) {
        let mut bytes = self.text[token.start + 1..token.end - 1].iter();
        while let Some(&byte) = bytes.next() {
            match byte {
                b'\\' => text.extend(bytes.next()),
                _ => text.push(byte),
            }
        }
    }

    fn bytes(&self, token: Token) -> &[u8] {
        &self.text[token.start..token.end]
    }
}

/// The tokenizer.
impl Reader<'_> {
    fn token(&mut self) -> Option<Token> {
        self.skip_blanks();
        let start = self.at;
        let (kind, end) = match *self.text.get(start)? {
            b',' => (Kind::Comma, start + 1),
            b';' => (Kind::Semicolon, start + 1),
            b':' => (Kind::Colon, start + 1),
            b'<' => (Kind::Open, start + 1),
            b'>' => (Kind::Close, start + 1),
            b'@' => (Kind::At, start + 1),
            b'(' | b')' => (Kind::Odd, start + 1),
            b'"' => match self.quoted_end() {
                Some(end) => (Kind::Quoted, end),
                None => (Kind::Odd, start + 1),
            },
            b'[' => match self.literal_end() {
                Some(end) => (Kind::Literal, end),
                None => (Kind::Word, self.word_end()),
            },
            _ => (Kind::Word, self.encoded_word_end().unwrap_or_else(|| self.word_end())),
        };
        self.at = end;
        Some(Token { kind, start, end })
    }

    /// Skips blanks and comments.
    fn skip_blanks(&mut self) {
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' => self.at += 1,
                b'(' if !self.endless_comment => match self.comment_end() {
                    Some(end) => self.at = end,
                    None => self.endless_comment = true,
                },
                _ => break,
            }
        }
    }

    /// Where the comment that opens here ends; comments nest (RFC 5322 section 3.2.2).
    fn comment_end(&self) -> Option<usize> {
        let mut depth = 0_usize;
        let mut at = self.at;
        loop {
            match self.text.get(at)? {
                b'\\' => at += 1,
                b'(' => depth += 1,
                b')' if depth == 1 => return Some(at + 1),
                b')' => depth -= 1,
                _ => {}
            }
            at += 1;
        }
    }

    fn quoted_end(&mut self) -> Option<usize> {
        let mut at = self.at + 1;
        while !self.endless_quote {
            match self.text.get(at) {
                Some(b'"') => return Some(at + 1),
                Some(b'\\') => at += 2,
                Some(_) => at += 1,
                None => self.endless_quote = true,
            }
        }
        None
    }

    /// A domain literal stands behind `@` only: elsewhere, as in `[list] Joe <a@b>`, brackets are
    /// part of a name.
    fn literal_end(&self) -> Option<usize> {
        if self.tokens.last()?.kind != Kind::At {
            return None;
        }
        let rest = &self.text[self.at + 1..];
        let length = rest.iter().position(|byte| !matches!(byte, b'!'..=b'Z' | b'^'..=b'~'))?;
        let clean =
            !rest[..length].iter().any(|byte| matches!(byte, b'@' | b'<' | b'>' | b',' | b'"'));
        (clean && rest[length] == b']').then_some(self.at + length + 2)
    }

    fn word_end(&self) -> usize {
        let rest = &self.text[self.at..];
        self.at + rest.iter().position(|&byte| ends_word(byte)).unwrap_or(rest.len())
    }

    /// Where an encoded word ends (RFC 2047 section 2). It counts as one word because many senders
    /// leave commas and the like in it (`=?utf-8?Q?Doe,_Joe?= <a@b>`). In an address it may not
    /// occur (section 5), and decoding one there could turn one address into another.
    fn encoded_word_end(&self) -> Option<usize> {
        let rest = self.text[self.at..].strip_prefix(b"=?")?;
        let charset = rest.iter().position(|&byte| byte == b'?' || ends_word(byte))?;
        let text = rest[charset..].strip_prefix(b"?").and_then(|rest| match rest {
            [b'q' | b'Q' | b'b' | b'B', b'?', text @ ..] => Some(text),
            _ => None,
        })?;
        let length = text.iter().position(|byte| !matches!(byte, b'!'..=b'>' | b'@'..=b'~'))?;
        let behind = text[length..].strip_prefix(b"?=")?;
        // Glued to something else it is no encoded word (section 5).
        let alone = matches!(
            behind.first(),
            None | Some(b' ' | b'\t' | b'<' | b'(' | b'"' | b',' | b';' | b':' | b'=')
        );
        alone.then(|| self.text.len() - behind.len())
    }
}

/// Whether `byte` ends an atom. Brackets and backslashes do not: in a name they are common, in an
/// address wrong, and there the server says so.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'(' | b')' | b'<' | b'>' | b':' | b';' | b'@' | b',' | b'"')
}
