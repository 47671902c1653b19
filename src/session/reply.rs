//! Input: bytes to replies, each given to the command it answers; and what answers nothing.

use crate::error::{Error, ErrorKind, SHOWN_TEXT, printable};
use crate::wire::{MAX_REPLY_BYTES, ReplyParser, Wiped};

use super::queue::{Awaited, Entry};
use super::state::State;
use super::{End, Session};

/// A server that answers so closes the connection (RFC 5321 section 3.8, RFC 7504 section 3).
pub(super) fn closes(code: u16) -> bool {
    matches!(code, 421 | 521)
}

impl Session {
    /// Takes whatever arrived, in any split.
    pub fn handle_input(&mut self, bytes: &[u8]) {
        self.trace_received(bytes);
        self.feed(bytes);
    }

    fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.ended.is_none() {
            if !self.answers_something() {
                return self.take_early(bytes);
            }
            let fed = match self.parser.feed(bytes) {
                Ok(fed) => fed,
                Err(error) => return self.lost(error),
            };
            bytes = &bytes[fed.consumed..];
            if fed.complete {
                self.answer();
            }
        }
    }

    /// The next bytes belong to a reply that is due, or to one that may come before its command is
    /// out.
    fn answers_something(&self) -> bool {
        let handed = self.output.handed();
        self.queue.front().is_some_and(|entry| {
            entry.end <= handed
                || entry.is_body()
                || self.parser.is_partial()
                || !self.nothing_is_due()
        })
    }

    fn take_early(&mut self, bytes: &[u8]) {
        let early = self.nothing_is_due() && !self.parser.is_partial();
        self.keep_surplus(bytes);
        if early && self.has_output() {
            self.judge_early();
        }
    }

    /// The server closed its side, or sending failed with `cause`; nothing more can be read.
    pub fn handle_eof(&mut self, cause: Option<Error>) {
        let mut error = cause.unwrap_or_else(|| {
            Error::new(ErrorKind::Disconnected, "the server closed the connection")
        });
        if self.is_dismissed {
            let text = format!("{}; before, {}", error.message(), self.last.describe());
            let error = error.with_message(|_| text).with_reply_code(self.last.code());
            return self.end(error, End::ByServer);
        }
        if !self.surplus.is_empty() {
            let surplus = std::mem::take(&mut self.surplus);
            let words = last_words(&surplus);
            if let Some((code, text)) = &words {
                self.last.assign(*code, &self.credentials.scrub(text));
            }
            error = with_last_words(error, words.map_or(0, |(code, _)| code), &surplus);
        } else if self.parser.is_partial() {
            let partial = printable(self.parser.partial(), SHOWN_TEXT);
            let text = format!("{} in the middle of a reply: {partial}", error.message());
            error = error.with_message(|_| text);
        }
        self.lost(error);
    }

    /// Bytes that the driver found behind the reply to STARTTLS.
    pub fn inject(&mut self, bytes: &[u8]) {
        self.trace_received(bytes);
        self.keep_surplus(bytes);
    }

    /// Bytes came though nothing that was sent is unanswered, and a command is about to go out.
    fn judge_early(&mut self) {
        if self.ended.is_none() && self.check_unsolicited().is_ok() {
            self.take_farewell();
        }
    }

    /// Nothing is under way: what the server said is its farewell, or nothing that was asked for.
    pub fn judge_idle(&mut self) {
        let begun = !self.surplus.contains(&b'\n') && is_farewell_begun(&self.surplus);
        if self.ended.is_some() || self.surplus.is_empty() || !self.is_quiet() || begun {
            return;
        }
        match last_words(&self.surplus) {
            Some((code, text)) if closes(code) => {
                self.surplus = Wiped::default();
                self.last.assign(code, &self.credentials.scrub(&text));
                let error =
                    self.refusal(ErrorKind::Disconnected, "the server closes the connection");
                self.end(error, End::ByServer);
            }
            _ => drop(self.check_unsolicited()),
        }
    }

    /// A server that gave up waiting has answered whatever comes next.
    pub(super) fn take_farewell(&mut self) {
        if !self.surplus.is_empty() && !self.queue.is_empty() && is_farewell(&self.surplus) {
            self.take_surplus();
        }
    }

    /// Bytes that answer nothing are kept until a command would be sent: they may be the
    /// server's last words.
    fn keep_surplus(&mut self, bytes: &[u8]) {
        if self.surplus.len() + bytes.len() > MAX_REPLY_BYTES {
            return self.lost(Error::new(
                ErrorKind::Protocol,
                "the server sends data that was not asked for",
            ));
        }
        self.surplus.push(bytes);
        // RFC 2033 section 4.2: one reply per accepted recipient, and no more. A farewell may
        // come in pieces.
        let whole = self.surplus.contains(&b'\n') || !is_farewell_begun(&self.surplus);
        if self.lmtp_counted && whole && !is_farewell(&self.surplus) {
            let text = printable(&std::mem::take(&mut self.surplus), SHOWN_TEXT);
            self.lost(Error::new(
                ErrorKind::Protocol,
                format!("the LMTP server sent more replies than recipients were accepted: {text}"),
            ));
        }
    }

    /// Gives bytes in hand to a reply that is now awaited.
    pub(super) fn take_surplus(&mut self) {
        let bytes = std::mem::take(&mut self.surplus);
        if is_farewell(&bytes) {
            self.answer_early(&bytes);
        } else {
            self.feed(&bytes);
        }
    }

    /// The farewell of an idle server answers the command that was about to go out.
    fn answer_early(&mut self, bytes: &[u8]) {
        self.parser.reset();
        if self.parser.feed(bytes).is_ok_and(|fed| fed.complete) {
            self.answer();
        }
    }

    /// One whole reply came: it answers the oldest command.
    fn answer(&mut self) {
        let Some(entry) = self.queue.front() else { return };
        let code = self.parser.code();
        self.replies += 1;
        self.lmtp_counted = self.protocol.is_lmtp() && entry.awaited == Awaited::Final;
        self.is_dismissed = code == 554 && says_too_many(self.parser.text());
        let farewell = closes(code);
        // The caller asked for no RSET of ours; the reply he wants to see is the one before it.
        let ours =
            matches!(entry.awaited, Awaited::Reset { .. }) && !farewell && !self.is_dismissed;
        if !ours {
            self.show_reply();
        }
        let handed = self.output.handed();
        let early_refusal = entry.is_body() && code >= 400;
        if entry.end > handed && !farewell && !early_refusal {
            if ours {
                self.show_reply();
            }
            return self.lost(Error::new(
                ErrorKind::Protocol,
                format!("the server replied before the command was sent: {}", self.last.describe()),
            ));
        }
        // Nobody is refused by a farewell that came before the command went out.
        let unseen = farewell
            && entry.end > handed
            && matches!(entry.awaited, Awaited::Rcpt(_) | Awaited::Data);
        if !entry.is_mail() {
            self.queue.pop();
            self.command_reply(entry);
        } else if !unseen {
            self.mail_reply(entry);
        }
        // To a QUIT that went out there is nothing to add.
        let quit = entry.awaited == Awaited::Quit && entry.end <= handed;
        if farewell && self.ended.is_none() && !quit {
            let error = self.refusal(ErrorKind::Disconnected, "the server closes the connection");
            self.end(error, End::ByServer);
        }
    }

    /// Makes the parsed reply the one that the caller sees, without a credential in it.
    fn show_reply(&mut self) {
        let (code, text) = (self.parser.code(), self.parser.text());
        match (&self.exchange, self.credentials.is_empty()) {
            (None, empty) if empty || code < 400 => self.parser.take(&mut self.last),
            // The mechanism is still to read it.
            (_, true) => self.last.assign(code, text),
            (_, false) => self.last.assign(code, &self.credentials.scrub(text)),
        }
    }

    fn command_reply(&mut self, entry: Entry) {
        let code = self.last.code();
        match entry.awaited {
            Awaited::Greeting => return self.greeting_reply(),
            Awaited::Hello { helo, falls_back } => return self.hello_reply(helo, falls_back),
            Awaited::StartTls => return self.start_tls_reply(),
            Awaited::Auth => return self.auth_reply(),
            Awaited::Abandoned => return,
            _ => {}
        }
        let bare = &mut self.by_hand.transaction;
        match entry.awaited {
            Awaited::BareMail { utf8 } if self.last.is_positive() => {
                *bare = super::by_hand::BareTransaction { open: true, utf8, accepted: 0 };
            }
            Awaited::BareRcpt => bare.accepted += u32::from(self.last.is_positive()),
            Awaited::BareReset if self.last.is_positive() => *bare = Default::default(),
            Awaited::Command | Awaited::Collected => self.by_hand.collected(code),
            _ => {}
        }
        self.result = Some(Ok(code));
    }

    fn greeting_reply(&mut self) {
        if self.last.code() == 220 {
            self.greeting.is_exim = self.last.bytes().windows(4).any(|word| word == b"Exim");
            self.state = State::Open;
            self.result = Some(Ok(220));
        } else {
            let error = self.refusal(ErrorKind::Connect, "greeting");
            self.result = Some(Err(error.clone()));
            self.end(error, End::ByServer);
        }
    }

    fn trace_received(&mut self, bytes: &[u8]) {
        if !self.trace.is_on() {
            return;
        }
        if self.credentials.is_empty() || self.trace.shows_secrets() {
            return self.trace.received(bytes);
        }
        let clean = self.credentials.received(bytes);
        if !clean.is_empty() {
            self.trace.received(&clean);
        }
    }

    /// Shows what the filter still holds: no more of it will come.
    pub(super) fn trace_rest(&mut self) {
        let rest = self.credentials.release();
        if self.trace.is_on() && !rest.is_empty() {
            self.trace.received(&rest);
        }
    }
}

/// A server that has counted too many commands of one kind says so and hangs up (Exim): what
/// stood behind was not looked at.
fn says_too_many(text: &[u8]) -> bool {
    text.to_ascii_lowercase().windows(8).any(|word| word == b"too many")
}

/// The first whole reply in `bytes`: its code and text.
fn last_words(bytes: &[u8]) -> Option<(u16, Vec<u8>)> {
    let mut parser = ReplyParser::new();
    let fed = parser.feed(bytes).ok()?;
    fed.complete.then(|| (parser.code(), parser.text().to_vec()))
}

/// A server that gives up waiting may say so at any time (RFC 5321 section 3.8).
pub(super) fn is_farewell(bytes: &[u8]) -> bool {
    last_words(bytes).is_some_and(|(code, _)| closes(code))
}

/// The code of a farewell that has not come to its end.
pub(super) fn farewell_begun(bytes: &[u8]) -> Option<u16> {
    let code: u16 = std::str::from_utf8(bytes.get(..3)?).ok()?.parse().ok()?;
    let goes_on = ReplyParser::new().feed(bytes).is_ok_and(|fed| !fed.complete);
    (closes(code) && goes_on).then_some(code)
}

/// What came so far may become a farewell.
fn is_farewell_begun(bytes: &[u8]) -> bool {
    [b"421", b"521"].iter().any(|code| {
        let length = bytes.len().min(code.len());
        bytes[..length] == code[..length]
    })
}

fn with_last_words(error: Error, code: u16, bytes: &[u8]) -> Error {
    let words = printable(bytes.trim_ascii_end(), SHOWN_TEXT);
    let text = format!("{}; its last words: {words}", error.message());
    error.with_message(|_| text).with_reply_code(code)
}
