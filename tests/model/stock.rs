//! A stock of messages, made once: each holds its number in its first and last line, lines that
//! are dangerous as commands, and every kind of line end. A run uses each at most once, so a
//! message that arrives says by itself whose it is and whether it is whole.

use std::sync::OnceLock;

use crate::rng::Rng;

/// How many messages there are.
pub const COUNT: usize = 72;

/// Those from here on fill more than one segment.
pub const MEDIUM: usize = 40;

/// Those from here on are large: more than a socket buffer, and from the second on more than
/// what goes out in one flight with its envelope.
pub const LARGE: usize = 56;

/// One message.
pub struct Stock {
    /// As the client is given it.
    pub raw: Vec<u8>,
    /// As it must arrive: line ends made CRLF, the last one added (RFC 5321 section 2.3.8).
    pub text: Vec<u8>,
}

pub fn stock(id: usize) -> &'static Stock {
    static ALL: OnceLock<Vec<Stock>> = OnceLock::new();
    &ALL.get_or_init(|| (0..COUNT).map(make).collect())[id]
}

/// The message whose first line this is.
pub fn id_of(content: &[u8]) -> Option<usize> {
    let rest = content.strip_prefix(b"Subject: body-")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let id = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    (id < COUNT).then_some(id)
}

/// What stands last in the message, whatever line ends it has.
pub fn last_words(id: usize) -> String {
    format!("end-of-body-{id};")
}

fn make(id: usize) -> Stock {
    let mut rng = Rng::new(id as u64);
    let size = match id {
        0..MEDIUM => rng.range(0, 1500),
        MEDIUM..LARGE => rng.range(2000, 20_000),
        LARGE..62 => rng.range(40_000, 90_000),
        62..68 => rng.range(100_000, 200_000),
        // Two chunks of what is encoded.
        _ => rng.range(270_000, 320_000),
    };
    // Clean messages are lent to the socket, others pass through the encoder.
    let clean = id % 3 < 1;
    let ends: &[&str] = if clean { &["\r\n"] } else { &["\r\n", "\r\n", "\n", "\r"] };
    let mut raw = format!("Subject: body-{id}\r\n\r\n").into_bytes();
    while raw.len() < size {
        let line = match rng.below(12) {
            0 => format!("MAIL FROM:<trap.m{id}@body.example>"),
            1 => format!("RCPT TO:<trap.r{id}@body.example>"),
            2 => format!("NOOP trap {id}"),
            3 if !clean => ".".to_owned(),
            4 if !clean => format!("..trap {id}"),
            5 if !clean => ".QUIT trap".to_owned(),
            6 if id % 5 == 1 => "gr\u{fc}n trap".to_owned(),
            7 => String::new(),
            _ => format!("trap {} of {id} {}", raw.len(), "x".repeat(rng.below(700))),
        };
        raw.extend_from_slice(line.as_bytes());
        raw.extend_from_slice(rng.pick(ends).as_bytes());
    }
    raw.extend_from_slice(last_words(id).as_bytes());
    if id % 4 < 2 {
        raw.extend_from_slice(rng.pick(ends).as_bytes());
    }
    let text = with_crlf(&raw);
    Stock { raw, text }
}

fn with_crlf(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len() + raw.len() / 16);
    let mut at = 0;
    while at < raw.len() {
        match raw[at] {
            b'\r' => {
                text.extend_from_slice(b"\r\n");
                at += usize::from(raw.get(at + 1) == Some(&b'\n'));
            }
            b'\n' => text.extend_from_slice(b"\r\n"),
            byte => text.push(byte),
        }
        at += 1;
    }
    if !text.ends_with(b"\r\n") {
        text.extend_from_slice(b"\r\n");
    }
    text
}

/// The text of a reply too many.
pub const EXTRA: &str = "one too many";
