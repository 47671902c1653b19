//! Parameters of MIME fields (RFC 2045 section 5.1, RFC 2231).

use std::fmt::Write;

use super::header::{Line, quoted};

/// A field with parameters. One that is not ASCII, or too long for a line, is written as RFC 2231
/// has it, and in no second form: readers differ on which of two they believe.
pub(super) fn with_params(out: &mut Vec<u8>, name: &str, value: &str, params: &[(&str, &str)]) {
    let mut line = Line::new(out, name);
    line.word(value);
    for (name, value) in params {
        line.glue(";");
        param(&mut line, name, value);
    }
    line.end();
}

fn param(line: &mut Line<'_>, name: &str, value: &str) {
    // Many readers decode an encoded word here too, though RFC 2047 section 5 forbids it.
    if value.is_ascii() && !value.contains("=?") {
        let plain = match is_plain(value) {
            true => format!("{name}={value}"),
            false => format!("{name}={}", quoted(value)),
        };
        if plain.len() <= MOST {
            return line.word(&plain);
        }
    }
    let mut segments = segments(value, MOST.saturating_sub(name.len() + FRAME).max(LEAST));
    let (first, rest) = (segments.remove(0), segments);
    if rest.is_empty() {
        return line.word(&format!("{name}*=utf-8''{first}"));
    }
    line.word(&format!("{name}*0*=utf-8''{first}"));
    for (index, segment) in rest.iter().enumerate() {
        line.glue(";");
        line.word(&format!("{name}*{}*={segment}", index + 1));
    }
}

/// The value with percent signs, at least one segment of at most `most` bytes; none ends within a
/// character, for readers that decode them one by one.
fn segments(value: &str, most: usize) -> Vec<String> {
    let mut segments = vec![String::new()];
    let mut buffer = [0; 4];
    for character in value.chars() {
        let mut encoded = String::new();
        for byte in character.encode_utf8(&mut buffer).bytes() {
            match is_attribute(byte) {
                true => encoded.push(byte.into()),
                // Writing to a string cannot fail.
                false => drop(write!(encoded, "%{byte:02X}")),
            }
        }
        match segments.last_mut() {
            Some(last) if last.len() + encoded.len() <= most => last.push_str(&encoded),
            _ => segments.push(encoded),
        }
    }
    segments
}

/// A stand-in in ASCII for a file name, for readers that know no RFC 2231: its end, by which
/// programs know the kind of the file, is kept.
pub(super) fn plain_fallback(name: &str) -> String {
    let mut plain = String::new();
    for character in name.chars() {
        match character {
            ' '..='~' if !matches!(character, '"' | '\\') => plain.push(character),
            _ if plain.ends_with('_') => {}
            _ => plain.push('_'),
        }
    }
    if plain.len() > MOST_FALLBACK {
        let end = plain.rfind('.').map(|at| plain[at..].to_owned());
        let end = end.filter(|end| end.len() <= MOST_END).unwrap_or_default();
        plain.truncate(MOST_FALLBACK - end.len());
        plain.push_str(&end);
    }
    plain
}

/// RFC 2045 section 5.1
pub(super) fn is_token(text: &str) -> bool {
    let special = |byte| b"()<>@,;:\\\"/[]?=".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !special(byte))
}

/// A token that no reader stumbles over: some take the signs of RFC 2231 in a value for its own.
fn is_plain(value: &str) -> bool {
    is_token(value) && !value.contains(['*', '\'', '%'])
}

/// RFC 2231 section 7
fn is_attribute(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte)
}

/// Of a line of 76, behind its blank and before a semicolon.
const MOST: usize = 74;

/// `*000*=utf-8'';`, and what a character may take.
const FRAME: usize = 14;
const LEAST: usize = 12;

const MOST_FALLBACK: usize = 60;
const MOST_END: usize = 12;
