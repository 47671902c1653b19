//! Replies (RFC 5321 section 4.2): the value, and the incremental parser with its limits.

use std::borrow::Cow;

use memchr::memchr2;

use super::{EnhancedStatus, MAX_REPLY_BYTES, MAX_REPLY_LINE, MAX_REPLY_LINES, Wiped};
use crate::error::{Error, ErrorKind, Result, SHOWN_TEXT, printable};

/// One reply: its code, and its lines without codes, stripped and joined by `\n`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    text: Wiped,
}

impl Reply {
    pub fn new(code: u16, text: &[u8]) -> Self {
        let mut reply = Reply::default();
        reply.assign(code, text);
        reply
    }

    /// Replaces the reply, keeping its memory.
    pub fn assign(&mut self, code: u16, text: &[u8]) {
        self.code = code;
        self.text.clear();
        self.text.push(text);
    }

    /// Three digits; 0 if there was no reply yet.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The text as it was sent.
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The text, made valid UTF-8.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }

    pub fn enhanced(&self) -> Option<EnhancedStatus> {
        EnhancedStatus::parse(self.code, &self.text)
    }

    /// 2yz: the first digit decides (RFC 5321 section 4.2.1).
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 4yz.
    pub fn is_temporary(&self) -> bool {
        self.code / 100 == 4
    }

    /// Code and text as an error message may show them.
    pub fn describe(&self) -> String {
        format!("{} {}", self.code, printable(&self.text, SHOWN_TEXT))
    }
}

/// How far [`ReplyParser::feed`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    pub consumed: usize,
    pub complete: bool,
}

/// Collects replies from bytes in any split. Its buffers are reused, so that parsing allocates
/// nothing in the steady state.
#[derive(Debug, Default)]
pub struct ReplyParser {
    /// The line that has not ended yet.
    line: Wiped,
    text: Wiped,
    code: u16,
    lines: usize,
    total: usize,
    complete: bool,
}

impl ReplyParser {
    pub fn new() -> Self {
        ReplyParser::default()
    }

    /// Forgets what it holds.
    pub fn reset(&mut self) {
        *self = ReplyParser::default();
    }

    /// Takes bytes up to the end of one reply.
    pub fn feed(&mut self, input: &[u8]) -> Result<Fed> {
        if self.complete {
            self.text.clear();
            self.lines = 0;
            self.total = 0;
            self.complete = false;
        }
        let mut consumed = 0;
        while !self.complete {
            let rest = &input[consumed..];
            let Some(end) = memchr2(b'\n', 0, rest) else {
                self.check_line_length(self.line.len() + rest.len())?;
                self.line.push(rest);
                return Ok(Fed { consumed: input.len(), complete: false });
            };
            if rest[end] == 0 {
                return Err(Error::new(ErrorKind::Protocol, "the server's reply holds a NUL"));
            }
            consumed += end + 1;
            if self.line.is_empty() {
                self.end_line(&rest[..end])?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                self.check_line_length(line.len() + end)?;
                line.push(&rest[..end]);
                let ended = self.end_line(&line);
                line.clear();
                self.line = line;
                ended?;
            }
        }
        Ok(Fed { consumed, complete: true })
    }

    /// The code of the reply that was completed, until the next feed.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The text of the reply that was completed, until the next feed.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Moves the reply that was completed into `reply`: from here on [`ReplyParser::text`] has
    /// another's.
    pub fn take(&mut self, reply: &mut Reply) {
        reply.code = self.code;
        std::mem::swap(&mut reply.text, &mut self.text);
    }

    /// Some bytes of an unfinished reply are held.
    pub fn is_partial(&self) -> bool {
        !self.line.is_empty() || (!self.complete && self.lines > 0)
    }

    /// The last words of a server that hung up in the middle.
    pub fn partial(&self) -> &[u8] {
        if self.line.is_empty() { &self.text } else { &self.line }
    }

    /// One byte more than the limit may be the carriage return of a line end.
    fn check_line_length(&self, length: usize) -> Result<()> {
        if length <= MAX_REPLY_LINE + 1 { Ok(()) } else { Err(too_long()) }
    }

    /// One line, without its line feed.
    fn end_line(&mut self, line: &[u8]) -> Result<()> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > MAX_REPLY_LINE {
            return Err(too_long());
        }
        self.lines += 1;
        self.total += line.len();
        if self.lines > MAX_REPLY_LINES || self.total > MAX_REPLY_BYTES {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!(
                    "the server's reply is longer than {MAX_REPLY_LINES} lines or \
                     {MAX_REPLY_BYTES} bytes"
                ),
            ));
        }
        let (code, more) = split_code(line)?;
        if self.lines > 1 && code != self.code {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!("the lines of one reply carry the codes {} and {code}", self.code),
            ));
        }
        self.code = code;
        if self.lines > 1 {
            self.text.push(b"\n");
        }
        self.text.push(line.get(4..).unwrap_or_default().trim_ascii());
        self.complete = !more;
        Ok(())
    }
}

/// The code of a line, and whether more lines follow: three digits, then a space, a hyphen, or
/// nothing. RFC 5321 section 4.2 lists second digits up to 5 and section 4.3.2 has a code that is
/// not listed read by its first digit alone: 571, 499 and 599 are in use.
fn split_code(line: &[u8]) -> Result<(u16, bool)> {
    let not_smtp = || {
        Error::new(
            ErrorKind::Protocol,
            format!("the server sent what is no SMTP reply: {}", printable(line, SHOWN_TEXT)),
        )
    };
    let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = line else {
        return Err(not_smtp());
    };
    let more = match rest.first() {
        None | Some(b' ') => false,
        Some(b'-') => true,
        Some(_) => return Err(not_smtp()),
    };
    Ok((u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'), more))
}

fn too_long() -> Error {
    Error::new(
        ErrorKind::Protocol,
        format!("the server sent a reply line of more than {MAX_REPLY_LINE} bytes"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(input: &[u8], split: usize) -> Result<Vec<(u16, String)>> {
        let mut parser = ReplyParser::new();
        let mut replies = Vec::new();
        for mut piece in input.chunks(split) {
            while !piece.is_empty() {
                let fed = parser.feed(piece)?;
                piece = &piece[fed.consumed..];
                if fed.complete {
                    replies.push((parser.code(), String::from_utf8_lossy(parser.text()).into()));
                }
            }
        }
        Ok(replies)
    }

    #[test]
    fn replies_in_every_split() {
        let cases: &[(&[u8], &[(u16, &str)])] = &[
            (b"250 ok\r\n", &[(250, "ok")]),
            (b"250\r\n", &[(250, "")]),
            (b"250 \n", &[(250, "")]),
            (b"250-a\r\n250-  b \r\n250 c\r\n354 go\n", &[(250, "a\nb\nc"), (354, "go")]),
            (b"250-\r\n250\r\n", &[(250, "\n")]),
            (b"550 \xff\xfe\r\n", &[(550, "\u{fffd}\u{fffd}")]),
            (b"250 que", &[]),
            (b"571 not listed\r\n", &[(571, "not listed")]),
            (b"499-a\r\n499 b\r\n", &[(499, "a\nb")]),
            (b"290\r\n368 go\r\n", &[(290, ""), (368, "go")]),
            (b"599 last code\r\n", &[(599, "last code")]),
        ];
        for (input, expected) in cases {
            for split in 1..=input.len() {
                let replies = parse(input, split).unwrap();
                let replies: Vec<_> = replies.iter().map(|(c, t)| (*c, t.as_str())).collect();
                assert_eq!(&replies, expected, "{}", printable(input, 99));
            }
        }
    }

    #[test]
    fn what_is_no_reply() {
        let cases: &[&[u8]] = &[
            b"hello\r\n",
            b"\r\n",
            b"25\r\n",
            b"150 x\r\n",
            b"650 x\r\n",
            b"1999 x\r\n",
            b"2:0 x\r\n",
            b"57 x\r\n",
            b"571-a\r\n570 b\r\n",
            b"2x0 x\r\n",
            b"250x\r\n",
            b"2500 x\r\n",
            b"250-a\r\n251 b\r\n",
            b"250 a\0b\r\n",
            b" 250 x\r\n",
            b"HTTP/1.1 400 Bad\r\n",
        ];
        for input in cases {
            for split in 1..=input.len() {
                let error = parse(input, split).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Protocol, "{}", printable(input, 99));
            }
        }
    }

    #[test]
    fn limits() {
        let line = |length: usize| [b"250 ", &vec![b'x'; length - 4][..], b"\r\n"].concat();
        assert!(parse(&line(MAX_REPLY_LINE), 1000).is_ok());
        assert!(parse(&line(MAX_REPLY_LINE + 1), 1000).is_err());
        assert!(parse(&vec![b'2'; MAX_REPLY_LINE + 2], 999).is_err());
        let lines = |count: usize| [b"250-a\r\n".repeat(count - 1), b"250 z\r\n".to_vec()].concat();
        assert!(parse(&lines(MAX_REPLY_LINES), 4096).is_ok());
        assert!(parse(&lines(MAX_REPLY_LINES + 1), 4096).is_err());
        let long = [b"250-", &[b'x'; 1000][..], b"\r\n"].concat().repeat(70);
        assert!(parse(&long, 4096).is_err());
    }
}
