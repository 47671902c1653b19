//! The gate: what must hold before a command goes on the wire, and before one is taken back.
//!
//! Everything that sends goes through here: single commands, `putcmd`, raw bytes, QUIT, and the
//! first command of each transaction that is not pipelined behind another.

use crate::error::{Error, ErrorKind, Result, SHOWN_TEXT, printable};

use super::queue::{Awaited, Entry};
use super::reply::{farewell_begun, is_farewell};
use super::state::State;
use super::{End, Session};

impl Session {
    /// A command may be sent: connected, every reply accounted for, nothing under way and nothing
    /// unsolicited in hand.
    pub(super) fn may_start(&mut self) -> Result<()> {
        self.may_send_mail()?;
        if !self.queue.is_empty() || !self.mail.is_quiet() {
            return Err(misuse("another command is under way; wait for its end"));
        }
        self.check_unsolicited()?;
        self.by_hand.mark();
        self.result = None;
        Ok(())
    }

    /// A transaction may be queued: behind others, but not behind what only the caller can
    /// account for.
    pub(super) fn may_send_mail(&self) -> Result<()> {
        self.check_usable()?;
        self.check_line()?;
        match self.by_hand.owed() {
            0 => Ok(()),
            1 => Err(misuse(
                "the reply to an earlier putcmd or send_raw is still owed; collect it with \
                 getreply first",
            )),
            count => Err(misuse(&format!(
                "{count} replies to earlier putcmd or send_raw are still owed; collect them with \
                 getreply first"
            ))),
        }
    }

    /// A command of the caller's own may join others of his whose replies he has not collected.
    pub(super) fn may_put(&mut self) -> Result<()> {
        self.check_usable()?;
        self.check_line()?;
        if !self.queue.is_empty() || !self.mail.is_quiet() {
            return Err(misuse("another command is under way; wait for its end"));
        }
        if self.by_hand.owed() > 0 {
            return Ok(());
        }
        self.check_unsolicited()
    }

    pub(super) fn check_usable(&self) -> Result<()> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        if self.state == State::Closed {
            return Err(Error::new(ErrorKind::Disconnected, "not connected: call connect first"));
        }
        Ok(())
    }

    /// What is written next begins a line, and the server takes it for a command.
    pub(super) fn check_line(&self) -> Result<()> {
        if self.by_hand.awaits_data() {
            return Err(misuse(
                "the server awaits the message behind DATA or BDAT; send the rest of it with \
                 send_raw, its final dot included",
            ));
        }
        if self.by_hand.in_line() {
            return Err(misuse("send_raw left a line without its end; send the rest of it first"));
        }
        Ok(())
    }

    /// A reply before its command is somebody else's (CVE-2021-32066 and its kind). The farewell
    /// of a server that gave up waiting is the answer to whatever comes next.
    pub(super) fn check_unsolicited(&mut self) -> Result<()> {
        if self.surplus.is_empty() || is_farewell(&self.surplus) {
            return Ok(());
        }
        let unsolicited = std::mem::take(&mut self.surplus);
        let text = printable(&unsolicited, SHOWN_TEXT);
        if let Some(code) = farewell_begun(&unsolicited) {
            let text = format!("the server closes the connection: {text}");
            let error = Error::new(ErrorKind::Disconnected, text).with_reply_code(code);
            let error = self.credentials.scrub_error(error);
            self.end(error.clone(), End::ByServer);
            return Err(error);
        }
        let error = self.credentials.scrub_error(Error::new(
            ErrorKind::Protocol,
            format!("the server sent data before a command: {text}"),
        ));
        self.lost(error.clone());
        Err(error)
    }

    /// Replies are owed that the caller collects by himself.
    pub fn owes_replies(&self) -> bool {
        self.by_hand.owed() > 0
    }

    /// Output is about to go out and nothing is due: whatever the socket holds already answers
    /// nothing, so look for it before sending.
    pub fn wants_look(&self) -> bool {
        self.has_output() && self.ended.is_none() && self.nothing_is_due()
    }

    /// All that went out has been answered: what arrives now answers nothing.
    pub(super) fn nothing_is_due(&self) -> bool {
        let handed = self.output.handed();
        self.queue.front().is_none_or(|entry| entry.end > handed)
            && self.by_hand.oldest_owed().is_none_or(|end| end > handed)
    }

    /// The caller forbids what was about to be sent. It is taken back if nothing of it went out
    /// and nothing is awaited; else the connection must end, and everything in flight gets its
    /// true outcome.
    pub fn forbid(&mut self, error: Error) {
        let begun = self.output.total_sent() != self.output.burst();
        let dot = |entry: &Entry| entry.awaited == Awaited::LoneDot;
        let amid_data =
            self.mail.is_amid_data() || self.queue.iter().any(dot) || self.by_hand.is_amid_data();
        // Whatever came next would answer the challenge.
        let challenged = self.exchange.is_some() && self.last.code() == 334;
        if begun || amid_data || challenged || !self.nothing_is_due() {
            return self.lost(error);
        }
        // An envelope that the server holds is reset before the next mail.
        let resets = |entry: &Entry| matches!(entry.awaited, Awaited::Reset { .. });
        let held = self.mail.has_open_envelope() || self.queue.iter().any(resets);
        // RFC 9422 MAILMAX counts what the server gets.
        let mails =
            |entry: &&Entry| matches!(entry.awaited, Awaited::Mail | Awaited::BareMail { .. });
        self.mail.mails -= self.queue.iter().filter(mails).count() as u32;
        self.settle_transactions(&error, End::Retracted);
        self.mail.take_back();
        self.by_hand.retract();
        self.by_hand.transaction.open |= held;
        self.result = Some(Err(error));
        self.queue.clear();
        self.output.clear();
        self.exchange = None;
        self.credentials.forget_line();
    }
}

fn misuse(text: &str) -> Error {
    Error::new(ErrorKind::Misuse, text)
}
