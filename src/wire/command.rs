//! Commands: the one place where arguments are checked, and how each is written.

use crate::error::{Error, ErrorKind, Result, printable};

use super::Path;

/// Refuses what could end a command line and begin another (CR, LF, NUL and other control
/// characters). Every argument goes through here or through [`Path::parse`].
pub fn check_argument(what: &str, text: &str) -> Result<()> {
    let Some((offset, character)) = text.char_indices().find(|(_, c)| c.is_control()) else {
        return Ok(());
    };
    let name = match character {
        '\r' => "a carriage return".to_owned(),
        '\n' => "a line feed".to_owned(),
        '\0' => "a NUL".to_owned(),
        other => format!("the control character U+{:04X}", other as u32),
    };
    Err(Error::new(
        ErrorKind::InvalidArgument,
        format!("{} holds {name} at offset {offset}", printable(what.as_bytes(), 64)),
    ))
}

/// An ESMTP parameter (RFC 5321 section 4.1.2): `keyword` or `keyword=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    text: String,
    keyword: usize,
}

impl Param {
    pub fn parse(text: &str) -> Result<Self> {
        check_argument("the option", text)?;
        let (keyword, value) = match text.split_once('=') {
            Some((keyword, value)) => (keyword, Some(value)),
            None => (text, None),
        };
        let mut letters = keyword.bytes();
        let keyword_fits = letters.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && letters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let value_fits = value.is_none_or(|value| !value.is_empty() && !value.contains([' ', '=']));
        if keyword_fits && value_fits {
            return Ok(Param { text: text.to_owned(), keyword: keyword.len() });
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "the option {} is neither keyword nor keyword=value",
                printable(text.as_bytes(), 256)
            ),
        ))
    }

    pub fn keyword(&self) -> &str {
        &self.text[..self.keyword]
    }

    /// Whether this is the parameter `keyword`; letter case does not matter.
    pub fn is(&self, keyword: &str) -> bool {
        self.keyword().eq_ignore_ascii_case(keyword)
    }

    pub fn value(&self) -> Option<&str> {
        self.text.get(self.keyword + 1..)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// `MAIL FROM:<path> SIZE=size params`
pub fn mail<'a>(
    out: &mut Vec<u8>,
    path: &Path,
    size: Option<u64>,
    params: impl Iterator<Item = &'a str>,
) {
    out.extend_from_slice(b"MAIL FROM:<");
    out.extend_from_slice(path.as_bytes());
    match size {
        Some(size) => number(out, b"> SIZE=", size),
        None => out.push(b'>'),
    }
    end_with(out, params);
}

/// `RCPT TO:<path> params`
pub fn rcpt<'a>(out: &mut Vec<u8>, path: &Path, params: impl Iterator<Item = &'a str>) {
    out.extend_from_slice(b"RCPT TO:<");
    out.extend_from_slice(path.as_bytes());
    out.push(b'>');
    end_with(out, params);
}

/// `BDAT length [LAST]` (RFC 3030 section 2)
pub fn bdat(out: &mut Vec<u8>, length: u64, last: bool) {
    number(out, b"BDAT ", length);
    out.extend_from_slice(if last { b" LAST\r\n" } else { b"\r\n" });
}

/// Any other command; its parts have been checked.
pub fn line(out: &mut Vec<u8>, verb: &str, args: &str) {
    out.extend_from_slice(verb.as_bytes());
    if !args.is_empty() {
        out.push(b' ');
        out.extend_from_slice(args.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn end_with<'a>(out: &mut Vec<u8>, params: impl Iterator<Item = &'a str>) {
    for param in params {
        out.push(b' ');
        out.extend_from_slice(param.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// A number and what stands before it.
fn number(out: &mut Vec<u8>, before: &[u8], value: u64) {
    out.extend_from_slice(before);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_as_written() {
        let path = Path::parse("a@b").unwrap();
        let cases: Vec<(Box<dyn Fn(&mut Vec<u8>)>, &str)> = vec![
            (Box::new(|o| mail(o, &Path::null(), None, [].into_iter())), "MAIL FROM:<>\r\n"),
            (
                Box::new(|o| mail(o, &path, Some(1024), ["BODY=8BITMIME"].into_iter())),
                "MAIL FROM:<a@b> SIZE=1024 BODY=8BITMIME\r\n",
            ),
            (
                Box::new(|o| rcpt(o, &path, ["NOTIFY=NEVER"].into_iter())),
                "RCPT TO:<a@b> NOTIFY=NEVER\r\n",
            ),
            (Box::new(|o| bdat(o, 7, false)), "BDAT 7\r\n"),
            (Box::new(|o| bdat(o, u64::MAX, true)), "BDAT 18446744073709551615 LAST\r\n"),
            (Box::new(|o| line(o, "NOOP", "")), "NOOP\r\n"),
            (Box::new(|o| line(o, "VRFY", "a@b")), "VRFY a@b\r\n"),
        ];
        for (write, expected) in cases {
            let mut out = Vec::new();
            write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn params() {
        for text in [
            "SIZE=10",
            "SMTPUTF8",
            "BODY=8BITMIME",
            "X-A=<b@c>",
            "ORCPT=rfc822;a+2Bb@c",
            "RET=FULL",
        ] {
            assert_eq!(Param::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "=",
            "=x",
            "A=",
            "A=b=c",
            "A B",
            "A=b c",
            "A\r\nRSET",
            "A=\0",
            "-A",
            "A_B",
            "\u{e9}=1",
        ] {
            let error = Param::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text:?}");
        }
        let param = Param::parse("body=8bitmime").unwrap();
        assert!(param.is("BODY") && param.value() == Some("8bitmime"));
        assert_eq!(Param::parse("SMTPUTF8").unwrap().value(), None);
    }

    #[test]
    fn arguments() {
        assert!(check_argument("x", "plain \u{e9} text").is_ok());
        for (text, name) in [
            ("a\r", "carriage return at offset 1"),
            ("\n", "line feed at offset 0"),
            ("ab\0", "NUL at offset 2"),
            ("\u{1b}", "U+001B"),
            ("\u{9f}", "U+009F"),
        ] {
            let error = check_argument("VRFY", text).unwrap_err();
            assert!(error.message().contains(name), "{error}");
        }
    }
}
