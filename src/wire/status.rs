//! Enhanced status codes (RFC 3463), as they stand at the start of a reply's text (RFC 2034).

use std::fmt;

/// class.subject.detail
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnhancedStatus {
    pub class: u8,
    pub subject: u16,
    pub detail: u16,
}

impl EnhancedStatus {
    /// Of the reply `code` with `text`; the class must be the code's first digit.
    pub fn parse(code: u16, text: &[u8]) -> Option<Self> {
        let word = text.split(|byte| byte.is_ascii_whitespace()).next()?;
        let mut numbers = word.split(|byte| *byte == b'.').map(number);
        let (class, subject, detail) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let fits = numbers.next().is_none() && class == code / 100 && matches!(class, 2 | 4 | 5);
        fits.then_some(EnhancedStatus { class: class as u8, subject, detail })
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// One to three digits (RFC 3463 section 2).
fn number(digits: &[u8]) -> Option<u16> {
    if !(1..=3).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_table() {
        let cases: &[(u16, &[u8], Option<&str>)] = &[
            (550, b"5.1.1 no such user", Some("5.1.1")),
            (250, b"2.0.0", Some("2.0.0")),
            (450, b"4.7.650 later", Some("4.7.650")),
            (550, b"4.1.1 class and code differ", None),
            (550, b"5.1 short", None),
            (550, b"5.1.1.1 long", None),
            (550, b"5.1.1234 too many digits", None),
            (550, b"5.1.x", None),
            (354, b"3.0.0 no such class", None),
            (550, b"", None),
        ];
        for (code, text, expected) in cases {
            let status = EnhancedStatus::parse(*code, text).map(|status| status.to_string());
            assert_eq!(status.as_deref(), *expected);
        }
    }
}
