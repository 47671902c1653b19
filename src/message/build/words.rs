//! Encoded words (RFC 2047): text in a header that is not ASCII, or that would be read otherwise
//! than it is meant.

use std::fmt::Write;
use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::header::Line;

/// What of a text must be encoded: from the first to the last word for which that is so. `utf8` if
/// the header may have UTF-8 (RFC 6532).
pub(super) fn span(text: &str, utf8: bool) -> Option<Range<usize>> {
    if text.is_empty() {
        return None;
    }
    let mut start = 0;
    let words = text.split(' ').map(|word| {
        let range = start..start + word.len();
        start = range.end + 1;
        range
    });
    let words: Vec<_> = words.collect();
    let must = |range: &Range<usize>| must_encode(&text[range.clone()], utf8);
    let mut first = words.iter().position(must)?;
    let mut last = words.iter().rposition(must)?;
    // No encoded word is empty: the blank that an empty one stands for goes with its neighbour.
    if words[first].is_empty() {
        first = first.saturating_sub(1);
    }
    if words[last].is_empty() {
        last = (last + 1).min(words.len() - 1);
    }
    Some(words[first].start..words[last].end)
}

/// Blanks in a row, at the beginning and at the end, have empty words beside them: readers drop
/// such blanks.
fn must_encode(word: &str, utf8: bool) -> bool {
    word.is_empty()
        || word.len() > MOST_WORD
        || word.contains("=?")
        || !(utf8 || word.is_ascii())
        || word.chars().any(char::is_control)
}

/// Writes `text`, which is not empty, as encoded words: by Q, which can be read as it is, unless B
/// is much shorter. None is cut within a character, nor, where that can be, between one and what
/// modifies it.
pub(super) fn encode(line: &mut Line<'_>, text: &str) {
    let by_q = text.bytes().map(q_cost).sum::<usize>() <= b_cost(text.len()) * 5 / 4;
    let mut rest = text;
    while !rest.is_empty() {
        let mut length = fitting(rest, line.room(), by_q, false);
        // What one word can hold stays in one: some readers put a blank between two. And some take
        // the blank of a second line for the first of the value.
        let in_one = length < rest.len()
            && !line.is_new()
            && fitting(rest, MOST_ENCODED, by_q, false) == rest.len();
        if length == 0 || in_one {
            line.break_line();
            length = fitting(rest, line.room(), by_q, true);
        }
        let (word, behind) = rest.split_at(length);
        line.glue(&encoded(word, by_q));
        rest = behind;
    }
}

/// How much of `text` fits an encoded word in so many columns; with `any`, something does.
fn fitting(text: &str, columns: usize, by_q: bool, any: bool) -> usize {
    let room = columns.min(MOST_ENCODED).saturating_sub(FRAME);
    let (mut cost, mut whole, mut cut) = (0, 0, 0);
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let end = at + character.len_utf8();
        cost = match by_q {
            true => cost + text.as_bytes()[at..end].iter().map(|byte| q_cost(*byte)).sum::<usize>(),
            false => b_cost(end),
        };
        if cost > room {
            break;
        }
        cut = end;
        let joins = character == JOINER;
        if !joins && !characters.peek().is_some_and(|(_, next)| modifies(*next)) {
            whole = end;
        }
    }
    if whole == 0 && any { cut } else { whole }
}

/// A blank and the word.
fn encoded(text: &str, by_q: bool) -> String {
    let mut word = String::with_capacity(MOST_ENCODED + 1);
    word.push_str(if by_q { " =?utf-8?q?" } else { " =?utf-8?b?" });
    if by_q {
        for byte in text.bytes() {
            match byte {
                b' ' => word.push('_'),
                _ if is_plain(byte) => word.push(byte.into()),
                // Writing to a string cannot fail.
                _ => drop(write!(word, "={byte:02X}")),
            }
        }
    } else {
        BASE64_STANDARD.encode_string(text, &mut word);
    }
    word.push_str("?=");
    word
}

fn q_cost(byte: u8) -> usize {
    if byte == b' ' || is_plain(byte) { 1 } else { 3 }
}

fn b_cost(bytes: usize) -> usize {
    4 * bytes.div_ceil(3)
}

/// What may stand in a phrase as well (RFC 2047 section 5 (3)).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!*+-/".contains(&byte)
}

/// Combining marks, variation selectors, skin tones and the like: alone they are shown wrong.
fn modifies(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36f}'
            | '\u{200d}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{1f3fb}'..='\u{1f3ff}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}

const JOINER: char = '\u{200d}';

/// RFC 2047 section 2, and what of that is no text: `=?utf-8?q??=`.
const MOST_ENCODED: usize = 75;
const FRAME: usize = 12;

/// With a field's name it fits a line of 998.
const MOST_WORD: usize = 900;
