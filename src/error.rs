//! The one error type of the crate: what failed, in which class, and what the server or the
//! system said. It never holds a secret: callers pass server text through [`printable`] and
//! leave credentials out.

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// The class of an error; each is one `SMTP_E_*` code of the C interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// An argument that cannot be used (smtplib: `ValueError`).
    InvalidArgument,
    /// A call that makes no sense now, or a pointer that is no such handle.
    Misuse,
    /// The handle is running another call.
    Busy,
    /// Not connected, or the server hung up.
    Disconnected,
    /// No connection could be made, or the greeting was not 220.
    Connect,
    /// EHLO, HELO or LHLO was refused.
    Helo,
    /// The server does not offer what the call needs.
    NotSupported,
    /// The server refused the credentials.
    Authentication,
    /// Client and server share no authentication mechanism.
    NoMechanism,
    /// MAIL was refused.
    SenderRefused,
    /// Every RCPT was refused.
    RecipientsRefused,
    /// DATA, or the message itself, was refused.
    Data,
    /// A reply other than the one that this command needs.
    Response,
    /// What came is not SMTP, or breaks its limits.
    Protocol,
    /// The operating system reported an error.
    Io,
    /// The host name does not exist or has no address.
    Resolve,
    /// The name service could not answer now.
    ResolveAgain,
    /// The deadline passed.
    Timeout,
    /// TLS failed: certificate, handshake or record layer.
    Tls,
    /// The message was handed over, and its reply never came.
    OutcomeUnknown,
    /// The caller cancelled.
    Cancelled,
    /// A policy of the caller forbids it.
    Forbidden,
    /// Out of memory.
    NoMemory,
    /// A fault of this library.
    Internal,
    /// Not yet: the call goes on later, and gives by then what it cannot give now.
    Pending,
}

/// What tells two errors of one class apart, where a program may want to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    #[default]
    None,
    /// TLS: the server's certificate was not accepted.
    Certificate(Flaw),
    /// The time was up before there was a connection.
    Connecting,
    /// The time was up, or the connection lost, before the server's greeting came.
    Greeting,
    /// An address or option in UTF-8 needs the mail option SMTPUTF8, or a server that offers it.
    NeedsUtf8,
    /// The server refused an access token.
    Token,
    /// No access token came to log in with.
    NoToken,
    /// The server did not prove that it knows the password, or somebody stands between.
    Impostor,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is for others.
    Name,
    /// It is for no name at all.
    NoName,
    Expired,
    NotYetValid,
    SelfSigned,
    /// Nobody who is trusted vouches for it.
    Issuer,
    /// Nobody is trusted at all.
    NoRoots,
    Other,
}

/// What failed and why. A single pointer, so that a function which only passes it on is short; one
/// for which there was no memory says just that.
pub struct Error(Option<Box<Fault>>);

#[derive(Clone)]
struct Fault {
    kind: ErrorKind,
    detail: Detail,
    message: String,
    os_code: i32,
    reply_code: u16,
}

impl Error {
    /// An error of `kind` whose message says what was expected and what came.
    #[cold]
    #[inline(never)]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Error(Some(Box::new(Fault {
            kind,
            detail: Detail::None,
            message,
            os_code: 0,
            reply_code: 0,
        })))
    }

    /// There is no memory, not even for a text.
    pub fn out_of_memory() -> Self {
        Error(None)
    }

    /// An [`ErrorKind::Io`] error: `what` failed with `error`.
    #[cold]
    pub fn io(what: &str, error: &std::io::Error) -> Self {
        Error::new(ErrorKind::Io, format!("{what}: {error}"))
            .with_os_code(error.raw_os_error().unwrap_or(0))
    }

    /// The same error with the system's `errno`.
    pub fn with_os_code(self, os_code: i32) -> Self {
        self.but(|fault| fault.os_code = os_code)
    }

    /// The same error with the reply code that caused it.
    pub fn with_reply_code(self, code: u16) -> Self {
        self.but(|fault| fault.reply_code = code)
    }

    /// The same error, told apart from others of its class.
    pub fn with_detail(self, detail: Detail) -> Self {
        self.but(|fault| fault.detail = detail)
    }

    /// The same error, its message led by `context` and a colon.
    #[cold]
    #[inline(never)]
    pub fn in_context(self, context: &str) -> Self {
        self.but(|fault| fault.message = format!("{context}: {}", fault.message))
    }

    /// The same error with another text in place of its own.
    pub fn with_message(self, change: impl FnOnce(&str) -> String) -> Self {
        self.but(|fault| fault.message = change(&fault.message))
    }

    /// The same error as another class.
    pub fn with_kind(self, kind: ErrorKind) -> Self {
        self.but(|fault| fault.kind = kind)
    }

    fn but(mut self, change: impl FnOnce(&mut Fault)) -> Self {
        if let Some(fault) = &mut self.0 {
            change(fault);
        }
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.0.as_ref().map_or(ErrorKind::NoMemory, |fault| fault.kind)
    }

    pub fn detail(&self) -> Detail {
        self.0.as_ref().map_or(Detail::None, |fault| fault.detail)
    }

    pub fn message(&self) -> &str {
        self.0.as_ref().map_or("out of memory", |fault| &fault.message)
    }

    /// The system's `errno`, or getaddrinfo's `EAI_*` for a failed lookup; 0 if none.
    pub fn os_code(&self) -> i32 {
        self.0.as_ref().map_or(0, |fault| fault.os_code)
    }

    /// The reply code that caused the error, 0 if none.
    pub fn reply_code(&self) -> u16 {
        self.0.as_ref().map_or(0, |fault| fault.reply_code)
    }
}

impl Clone for Error {
    #[cold]
    #[inline(never)]
    fn clone(&self) -> Self {
        Error(self.0.clone())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind(), self.message())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}

/// Foreign bytes as they may stand in a message or a trace: valid UTF-8, control characters
/// escaped, at most `limit` bytes of input shown.
pub fn printable(bytes: &[u8], limit: usize) -> String {
    let shown = &bytes[..bytes.len().min(limit)];
    let mut text = String::with_capacity(shown.len());
    print(shown, &mut text);
    if bytes.len() > limit {
        text.push_str("...");
    }
    text
}

/// The same behind `text`, with [`GROWTH`] times the room at most, and no copy elsewhere.
pub fn print(bytes: &[u8], text: &mut String) {
    for chunk in bytes.utf8_chunks() {
        print_characters(chunk.valid(), text);
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// How much longer a text may be than the bytes that it shows.
pub const GROWTH: usize = 4;

fn print_characters(valid: &str, text: &mut String) {
    for character in valid.chars() {
        match character {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() => text.push_str(&format!("\\x{:02x}", c as u32)),
            // Line and paragraph separators and bidirectional controls rewrite a log's layout.
            '\u{2028}'
            | '\u{2029}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => text.push_str(&format!("\\u{{{:x}}}", character as u32)),
            c => text.push(c),
        }
    }
}

/// How much of a server's text an error message shows.
pub const SHOWN_TEXT: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_escapes_and_bounds() {
        let cases: &[(&[u8], usize, &str)] = &[
            (b"plain", 10, "plain"),
            (b"a\r\nb\tc", 10, "a\\r\\nb\\tc"),
            (b"\x1b[31mred\x07", 20, "\\x1b[31mred\\x07"),
            (b"\xff", 10, "\u{fffd}"),
            ("a\u{202e}b".as_bytes(), 10, "a\\u{202e}b"),
            (b"abcdef", 3, "abc..."),
        ];
        for (input, limit, expected) in cases {
            assert_eq!(&printable(input, *limit), expected);
        }
    }
}
