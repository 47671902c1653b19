//! The lines of a text, whichever line ends it has.

use memchr::memchr2;

/// Each line of `text` without its end, which may be CRLF, LF or CR. After the last end there is no
/// line unless something stands there.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr2(b'\r', b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        let after_end = after.strip_prefix("\r\n").or_else(|| after.strip_prefix(['\r', '\n']));
        rest = after_end.unwrap_or_default();
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_end() {
        for (text, expected) in [
            ("", &[][..]),
            ("a", &["a"]),
            ("a\r\nb\nc\rd", &["a", "b", "c", "d"]),
            ("a\n", &["a"]),
            ("a\n\n", &["a", ""]),
            ("\r\n", &[""]),
            ("\n\r\n\r", &["", "", ""]),
            ("a\r\r\nb", &["a", "", "b"]),
            ("\u{e9}\n\u{2028}", &["\u{e9}", "\u{2028}"]),
        ] {
            assert_eq!(lines(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }
}
