//! As much of JSON (RFC 8259) as a server's error in a challenge has: the members of one object.
//! What is nested deeper is skipped, and what is no such object is left to the caller.
//!
//! No library, because a server may echo a token in it: every string is wiped behind its use.

use super::Secret;

/// Names and values: a string's is unescaped, a number's, `true`, `false` and `null` as they stand,
/// and that of what is nested empty. `None` if it is no object.
pub(super) fn members(text: &[u8]) -> Option<Vec<(Secret, Secret)>> {
    let mut reader = Reader(text);
    let mut members = Vec::new();
    let mut sign = (reader.sign()? == b'{').then_some(b',')?;
    while sign == b',' {
        sign = reader.sign()?;
        if sign == b'}' {
            break;
        }
        let name = (sign == b'"').then(|| reader.string())??;
        let value = (reader.sign()? == b':').then(|| reader.value())??;
        members.push((name, value));
        sign = reader.sign()?;
    }
    (sign == b'}').then_some(members)
}

/// What was not read yet.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The first byte behind white space.
    fn sign(&mut self) -> Option<u8> {
        self.0 = self.0.trim_ascii_start();
        self.byte()
    }

    fn value(&mut self) -> Option<Secret> {
        match self.sign()? {
            b'"' => self.string(),
            b'{' | b'[' => self.skip(),
            first => {
                let ends =
                    |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
                let length = self.0.iter().position(ends)?;
                let (rest, behind) = self.0.split_at(length);
                self.0 = behind;
                Some(Secret::from([&[first], rest].concat()))
            }
        }
    }

    /// The rest of a string, behind its quotation mark.
    fn string(&mut self) -> Option<Secret> {
        let mut escaped = false;
        let ends = |byte: &u8| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        };
        let (raw, behind) = self.0.split_at(self.0.iter().position(ends)?);
        self.0 = &behind[1..];
        // No escape is shorter than what it stands for: the buffer never grows.
        let mut text = zeroize::Zeroizing::new(Vec::with_capacity(raw.len()));
        let mut raw = Reader(raw);
        while let Some(byte) = raw.byte() {
            match (byte, raw.0.first()) {
                (b'\\', Some(b'u')) => {
                    raw.byte();
                    let mut utf8 = [0; 4];
                    text.extend_from_slice(raw.character()?.encode_utf8(&mut utf8).as_bytes());
                }
                (b'\\', Some(_)) => text.push(match raw.byte()? {
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => other,
                }),
                _ => text.push(byte),
            }
        }
        Some(Secret(text))
    }

    /// Four hexadecimal digits, and the other half where they are one of a pair (RFC 8259 section 7).
    fn character(&mut self) -> Option<char> {
        let first = self.unit()?;
        let pair = matches!(first, 0xd800..0xdc00) && self.0.starts_with(b"\\u");
        let second = if pair {
            self.0 = &self.0[2..];
            Some(self.unit()?)
        } else {
            None
        };
        let mut characters = char::decode_utf16([first].into_iter().chain(second));
        Some(characters.next()?.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn unit(&mut self) -> Option<u16> {
        let (digits, behind) = self.0.split_at_checked(4)?;
        self.0 = behind;
        digits.iter().try_fold(0, |value, digit| {
            Some(value << 4 | u16::try_from(char::from(*digit).to_digit(16)?).ok()?)
        })
    }

    /// Passes what is nested, without recursion.
    fn skip(&mut self) -> Option<Secret> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.byte()? {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'"' => drop(self.string()?),
                _ => {}
            }
        }
        Some(Secret::from(""))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        let shown = |one: &Secret| String::from_utf8_lossy(one.as_bytes()).into_owned();
        let members = members(text.as_bytes())?;
        let pairs = members.iter().map(|(name, value)| format!("{}={}", shown(name), shown(value)));
        Some(pairs.collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn objects_and_what_is_none() {
        let deep = format!(r#"{{"a":{}{},"b":1}}"#, "[".repeat(60_000), "]".repeat(60_000));
        for (text, expected) in [
            ("{}", Some("")),
            (" {\t\"a\" :\r\n\"b\" } trailing", Some("a=b")),
            (r#"{"status":"401","scope":"x y"}"#, Some("status=401|scope=x y")),
            (
                r#"{"status":401,"a":null,"b":true,"c":-1.5e3}"#,
                Some("status=401|a=null|b=true|c=-1.5e3"),
            ),
            (r#"{"a":{"b":["}","\"]"]},"c":"d"}"#, Some("a=|c=d")),
            (r#"{"a":"\"\\\/\b\f\n\r\t\x"}"#, Some("a=\"\\/\u{8}\u{c}\n\r\tx")),
            (
                r#"{"a":"\u00e9\ud83d\ude00\ud83d\u0041\ude00"}"#,
                Some("a=\u{e9}\u{1f600}\u{fffd}\u{fffd}"),
            ),
            (r#"{"a":"b",}"#, Some("a=b")),
            (&deep, Some("a=|b=1")),
            ("", None),
            ("null", None),
            ("[\"a\"]", None),
            ("{", None),
            ("{\"a\"", None),
            ("{\"a\":", None),
            ("{\"a\":1", None),
            ("{\"a\":\"b", None),
            ("{\"a\":\"\\u00g0\"}", None),
            ("{\"a\":\"\\u00\"}", None),
            ("{a:1}", None),
            ("{\"a\" \"b\"}", None),
            ("{\"a\":1 \"b\":2}", None),
            ("{\"a\":[1}", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{}", &text[..text.len().min(60)]);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text: Vec<u8>) {
            let _ = members(&text);
        }

        #[test]
        fn nothing_panics_on_what_looks_like_it(text in r#"\{("[\\"u0d8-f]{0,9}"[:,{}\[\]]){0,9}\}?"#) {
            let _ = members(text.as_bytes());
        }
    }
}
