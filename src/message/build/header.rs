//! Writing header fields (RFC 5322 section 2.2): lines of at most 76 columns where a blank lets them
//! be cut, and of at most 998 bytes always. What a reader gets by unfolding and decoding is what was
//! given, character by character.

use super::list::{Entry, Mailbox, Name};
use super::words;

/// A time as the clocks of some zone show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    pub year: i32,
    /// From 1.
    pub month: u8,
    pub day: u8,
    /// From 0, which is Sunday.
    pub weekday: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// What the clocks are ahead of UTC.
    pub zone_minutes: i32,
}

impl Date {
    /// The date, if RFC 5322 section 3.3 can write it.
    pub fn checked(self) -> Option<Self> {
        let fits = (1900..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && self.weekday < 7
            && self.hour < 24
            && self.minute < 60
            // A leap second.
            && self.second <= 60
            && self.zone_minutes.abs() < 100 * 60;
        fits.then_some(self)
    }
}

/// A field being written.
pub(super) struct Line<'a> {
    out: &'a mut Vec<u8>,
    column: usize,
    /// Nothing but the field's name stands in it.
    is_new: bool,
}

pub(super) fn date(out: &mut Vec<u8>, date: &Date) {
    let (zone, sign) =
        (date.zone_minutes.unsigned_abs(), if date.zone_minutes < 0 { '-' } else { '+' });
    let text = format!(
        "Date: {}, {:02} {} {} {:02}:{:02}:{:02} {sign}{:02}{:02}\r\n",
        DAYS[usize::from(date.weekday) % 7],
        date.day,
        MONTHS[usize::from(date.month).saturating_sub(1) % 12],
        date.year,
        date.hour,
        date.minute,
        date.second,
        zone / 60,
        zone % 60,
    );
    out.extend_from_slice(text.as_bytes());
}

/// A field of free text. Of it, what is between the first and the last word that must be encoded
/// is, and the rest stays readable.
pub(super) fn unstructured(out: &mut Vec<u8>, name: &str, value: &str, utf8: bool) {
    let mut line = Line::new(out, name);
    let Some(span) = words::span(value, utf8) else {
        line.words(value);
        return line.end();
    };
    line.words(value[..span.start].trim_end_matches(' '));
    words::encode(&mut line, &value[span.clone()]);
    line.words(value[span.end..].trim_start_matches(' '));
    line.end();
}

/// A field that programs read: ASCII, folded at blanks.
pub(super) fn structured(out: &mut Vec<u8>, name: &str, value: &str) {
    let mut line = Line::new(out, name);
    line.words(value.trim_matches(' '));
    line.end();
}

/// Whether every word of a value fits a line (RFC 5322 section 2.1.1).
pub(super) fn is_foldable(name: &str, value: &str) -> bool {
    value.split(' ').all(|word| word.len() + name.len() + 2 <= MOST_OCTETS)
}

/// A field of addresses.
pub(super) fn mailboxes(out: &mut Vec<u8>, name: &str, list: &[Entry], utf8: bool) {
    let mut line = Line::new(out, name);
    for (index, entry) in list.iter().enumerate() {
        if index > 0 {
            line.glue(",");
        }
        match entry {
            Entry::Mailbox(one) => line.mailbox(one, utf8),
            Entry::Group(name, members) => {
                match line.phrase(name, utf8) {
                    // RFC 2047 section 5 (3): a blank must part an encoded word from a special.
                    true => line.word(":"),
                    false => line.glue(":"),
                }
                for (index, one) in members.iter().enumerate() {
                    if index > 0 {
                        line.glue(",");
                    }
                    line.mailbox(one, utf8);
                }
                line.glue(";");
            }
        }
    }
    line.end();
}

impl<'a> Line<'a> {
    pub fn new(out: &'a mut Vec<u8>, name: &str) -> Self {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        Line { out, column: name.len() + 1, is_new: true }
    }

    pub fn end(self) {
        if self.is_new {
            self.out.push(b' ');
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// Words between single blanks, each of which may begin a line.
    fn words(&mut self, text: &str) {
        if !text.is_empty() {
            text.split(' ').for_each(|word| self.word(word));
        }
    }

    /// A blank and a word, in a new line if it does not fit this one. No line is made of blanks.
    pub fn word(&mut self, word: &str) {
        if word.len() + GLUE > self.room() && !word.is_empty() && !self.is_new {
            self.break_line();
        }
        self.glue(" ");
        self.glue(word);
    }

    /// Text that stays with what stands before it.
    pub fn glue(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.len();
        self.is_new = false;
    }

    /// What comes next, which begins with a blank, stands in a new line.
    pub fn break_line(&mut self) {
        self.out.extend_from_slice(b"\r\n");
        self.column = 0;
    }

    /// Nothing but the field's name stands in it.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Columns that are left behind a blank.
    pub fn room(&self) -> usize {
        MOST_COLUMNS.saturating_sub(self.column + 1)
    }

    fn mailbox(&mut self, one: &Mailbox, utf8: bool) {
        match &one.name {
            Some(name) => {
                self.phrase(name, utf8);
                self.word(&format!("<{}>", one.path.as_str()));
            }
            None => self.word(one.path.as_str()),
        }
    }

    /// A display name (RFC 5322 section 3.2.5). True if it ends with an encoded word.
    fn phrase(&mut self, name: &Name, utf8: bool) -> bool {
        let text = match name {
            Name::Encoded(phrase) => {
                phrase.split_ascii_whitespace().for_each(|word| self.word(word));
                return true;
            }
            Name::Text(text) => text,
        };
        if text.contains(['\t', '\u{7f}']) || text.contains("=?") || !(utf8 || text.is_ascii()) {
            words::encode(self, text);
            return true;
        }
        if text.split(' ').all(|word| !word.is_empty() && word.bytes().all(is_atext)) {
            self.words(text);
            return false;
        }
        // Some readers lose the blank where a quoted string is folded.
        let quoted = quoted(text);
        if quoted.len() + GLUE >= MOST_COLUMNS {
            words::encode(self, text);
            return true;
        }
        self.word(&quoted);
        false
    }
}

/// A quoted string (RFC 5322 section 3.2.4).
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// RFC 5322 section 3.2.3
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// RFC 2047 section 2 wants it of lines with encoded words; the others keep to it where they can.
const MOST_COLUMNS: usize = 76;

/// A comma or the like may follow a word.
const GLUE: usize = 1;

/// RFC 5322 section 2.1.1
pub(super) const MOST_OCTETS: usize = 998;
