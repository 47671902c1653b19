//! Input: bytes to replies, each given to the command it answers.

use crate::error::{Error, ErrorKind, Result, SHOWN_TEXT, printable};
use crate::wire::{MAX_REPLY_BYTES, ReplyParser};

use super::Session;
use super::queue::{Awaited, Entry};
use super::state::State;

impl Session {
    /// Takes whatever arrived, in any split. An error has ended the connection.
    pub fn input(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() && self.ended.is_none() {
            if self.queue.is_empty() {
                self.keep_surplus(bytes);
                break;
            }
            let fed = match self.parser.feed(bytes) {
                Ok(fed) => fed,
                Err(error) => {
                    self.lost(error);
                    break;
                }
            };
            if self.trace.is_on() {
                self.trace_received(&bytes[..fed.consumed]);
            }
            bytes = &bytes[fed.consumed..];
            if fed.complete {
                self.answer();
            }
        }
        match &self.ended {
            Some(error) if error.kind() == ErrorKind::Protocol => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// The server closed its side, or sending failed with `cause`; nothing more can be read.
    pub fn eof(&mut self, cause: Option<Error>) {
        let mut error = cause.unwrap_or_else(|| {
            Error::new(ErrorKind::Disconnected, "the server closed the connection")
        });
        if !self.surplus.is_empty() {
            error = with_last_words(error, &self.surplus);
        } else if self.parser.is_partial() {
            let partial = printable(self.parser.partial(), SHOWN_TEXT);
            error = Error::new(
                error.kind(),
                format!("{} in the middle of a reply: {partial}", error.message()),
            )
            .with_os_code(error.os_code());
        }
        self.lost(error);
    }

    /// Bytes that the driver found where none may be.
    pub fn inject(&mut self, bytes: &[u8]) {
        self.keep_surplus(bytes);
    }

    /// Everything that was sent has been answered: what arrives now answers nothing. (Where the
    /// caller sent bytes of his own, who knows.)
    pub fn owes_nothing(&self) -> bool {
        let sent = self.output.total_sent();
        let answered = self.queue.front().is_none_or(|entry| entry.end > sent);
        answered && self.queue.owed() == 0 && !self.queue.raw
    }

    /// Bytes that came before the command that they might answer was sent.
    pub fn early(&mut self, bytes: &[u8]) {
        let body = matches!(
            self.queue.front(),
            Some(Entry { awaited: Awaited::Final | Awaited::Chunk, .. })
        );
        if body {
            // A refusal may come before the end of the message; anything else is found out.
            let _ = self.input(bytes);
            return;
        }
        self.keep_surplus(bytes);
        if self.ended.is_none() && self.check_surplus().is_ok() {
            self.take_surplus();
        }
    }

    /// A server that gave up waiting has answered whatever comes next.
    pub(super) fn take_farewell(&mut self) {
        if !self.surplus.is_empty() && !self.queue.is_empty() {
            self.take_surplus();
        }
    }

    /// Bytes that nobody asked for are kept until a command would be sent: they may be the
    /// server's last words.
    fn keep_surplus(&mut self, bytes: &[u8]) {
        if self.trace.is_on() {
            self.trace_received(bytes);
        }
        // RFC 2033 section 4.2: one reply per accepted recipient, and no more.
        let counted = self.protocol.is_lmtp() && self.answered == Some(Awaited::Final);
        if counted && !is_farewell(bytes) {
            return self.lost(Error::new(
                ErrorKind::Protocol,
                format!(
                    "the LMTP server sent more replies than recipients were accepted: {}",
                    printable(bytes, SHOWN_TEXT)
                ),
            ));
        }
        if self.surplus.len() + bytes.len() > MAX_REPLY_BYTES {
            return self.lost(Error::new(
                ErrorKind::Protocol,
                "the server sends data that was not asked for",
            ));
        }
        self.surplus.extend_from_slice(bytes);
    }

    /// Gives bytes in hand to a reply that is now awaited.
    pub(super) fn take_surplus(&mut self) {
        let bytes = std::mem::take(&mut self.surplus);
        // An error has ended the session and is read from there.
        let _ = self.input(&bytes);
    }

    /// A reply before its command is somebody else's (CVE-2021-32066 and its kind).
    pub(super) fn check_surplus(&mut self) -> Result<()> {
        if self.surplus.is_empty() && !self.parser.is_partial() {
            return Ok(());
        }
        if is_farewell(&self.surplus) {
            return Ok(());
        }
        let unsolicited = std::mem::take(&mut self.surplus);
        let error = Error::new(
            ErrorKind::Protocol,
            format!(
                "the server sent data before a command: {}",
                printable(&unsolicited, SHOWN_TEXT)
            ),
        );
        self.lost(error.clone());
        Err(error)
    }

    /// One whole reply came: it answers the oldest command.
    fn answer(&mut self) {
        let Some(entry) = self.queue.front() else { return };
        // The caller asked for no RSET of ours; the reply he wants to see is the one before it.
        if entry.awaited != Awaited::Reset || self.parser.code() == 421 {
            self.last.assign(self.parser.code(), self.parser.text());
        }
        self.replies += 1;
        self.answered = Some(entry.awaited);
        let farewell = self.parser.code() == 421;
        if entry.end > self.output.total_sent() && !farewell && !self.is_early_refusal(&entry) {
            return self.lost(Error::new(
                ErrorKind::Protocol,
                format!("the server replied before the command was sent: {}", self.last.describe()),
            ));
        }
        if entry.is_mail() {
            self.mail_reply(entry);
        } else {
            self.queue.pop();
            self.command_reply(entry.awaited);
        }
        // To a QUIT that went out there is nothing to add.
        let quit = entry.awaited == Awaited::Quit && entry.end <= self.output.total_sent();
        if farewell && self.ended.is_none() && !quit {
            let error = self.refusal(ErrorKind::Disconnected, "the server closes the connection");
            self.end(error);
        }
    }

    /// The server refuses a message before it has all of it.
    fn is_early_refusal(&self, entry: &Entry) -> bool {
        matches!(entry.awaited, Awaited::Final | Awaited::Chunk) && self.last.code() >= 400
    }

    fn command_reply(&mut self, awaited: Awaited) {
        let code = self.last.code();
        match awaited {
            Awaited::Greeting => self.greeting_reply(),
            Awaited::Hello | Awaited::FirstHello => self.hello_reply(awaited),
            Awaited::StartTls => self.start_tls_reply(),
            Awaited::Auth => self.auth_reply(),
            Awaited::Quit if !self.queue.is_empty() => {}
            _ => {
                if self.counts_recipient && self.last.is_positive() {
                    self.bare_accepted += 1;
                }
                self.result = Some(Ok(code));
            }
        }
    }

    fn greeting_reply(&mut self) {
        if self.last.code() == 220 {
            self.state = State::Open;
            self.result = Some(Ok(220));
        } else {
            let error = self.refusal(ErrorKind::Connect, "greeting");
            self.result = Some(Err(error.clone()));
            self.end(error);
        }
    }

    fn trace_received(&mut self, bytes: &[u8]) {
        match self.exchange.as_ref().filter(|_| !self.trace.shows_secrets()) {
            Some(exchange) => {
                let scrubbed = exchange.scrub(&String::from_utf8_lossy(bytes));
                self.trace.received(scrubbed.as_bytes());
            }
            None => self.trace.received(bytes),
        }
    }
}

/// The first whole reply in `bytes`.
fn last_words(bytes: &[u8]) -> Option<(u16, String)> {
    let mut parser = ReplyParser::new();
    let fed = parser.feed(bytes).ok()?;
    fed.complete.then(|| {
        let text = printable(parser.text(), SHOWN_TEXT);
        (parser.code(), format!("{} {text}", parser.code()))
    })
}

/// A server that gives up waiting may say so at any time (RFC 5321 section 3.8).
fn is_farewell(bytes: &[u8]) -> bool {
    last_words(bytes).is_some_and(|(code, _)| code == 421)
}

fn with_last_words(error: Error, bytes: &[u8]) -> Error {
    let (code, text) = last_words(bytes).unwrap_or_else(|| (0, printable(bytes, SHOWN_TEXT)));
    Error::new(error.kind(), format!("{}; its last words: {text}", error.message()))
        .with_os_code(error.os_code())
        .with_reply_code(code)
}
