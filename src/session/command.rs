//! Single commands: one goes out, one reply comes back.

use crate::error::{Error, ErrorKind, Result};
use crate::wire::{Param, Path, command};

use super::Session;
use super::queue::Awaited;
use super::state::State;
use super::transaction::{Body, Transaction};

impl Session {
    /// Any command (smtplib: `docmd`).
    pub fn command(&mut self, verb: &str, args: &str) -> Result<()> {
        self.check_command(verb, args)?;
        self.check_idle()?;
        self.issue(verb, args, Awaited::Command);
        Ok(())
    }

    /// Any command, its reply left to [`Session::collect`] (smtplib: `putcmd`).
    pub fn put(&mut self, verb: &str, args: &str) -> Result<()> {
        self.check_command(verb, args)?;
        self.check_usable()?;
        self.write_line(verb, args);
        self.queue.owe();
        Ok(())
    }

    /// Awaits one reply (smtplib: `getreply`).
    pub fn collect(&mut self) -> Result<()> {
        self.check_usable()?;
        self.queue.push(Awaited::Command, 0, self.output.end());
        self.queue.collected();
        self.take_surplus();
        Ok(())
    }

    /// The caller's own bytes (smtplib: `send`).
    pub fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.check_usable()?;
        self.queue.raw = true;
        self.trace_raw(bytes);
        self.output.buffer().extend_from_slice(bytes);
        Ok(())
    }

    /// QUIT. Its reply is awaited, whatever else is owed.
    pub fn quit(&mut self) -> Result<()> {
        self.check_usable()?;
        for _ in 0..self.queue.owed() {
            self.queue.push(Awaited::Quit, 0, self.output.end());
        }
        self.issue("QUIT", "", Awaited::Quit);
        self.take_surplus();
        Ok(())
    }

    /// MAIL alone (smtplib: `mail`).
    pub fn mail(&mut self, sender: &str, options: &[&str]) -> Result<()> {
        let path = Path::parse(sender)?;
        let options = self.parse_options(options, false)?;
        let utf8 = options.iter().any(|option| option.is("SMTPUTF8"));
        let path = self.path_to_send(&path, utf8)?;
        self.check_idle()?;
        self.utf8 = utf8;
        self.bare_accepted = 0;
        let mut line = Vec::new();
        command::mail(&mut line, &path, None, options.iter().map(Param::as_str));
        self.issue_line(&line, Awaited::Command);
        Ok(())
    }

    /// RCPT alone (smtplib: `rcpt`).
    pub fn rcpt(&mut self, recipient: &str, options: &[&str]) -> Result<()> {
        let path = Path::parse(recipient)?;
        let options = self.parse_options(options, self.utf8)?;
        let path = self.path_to_send(&path, self.utf8)?;
        self.check_idle()?;
        let mut line = Vec::new();
        command::rcpt(&mut line, &path, options.iter().map(Param::as_str));
        self.issue_line(&line, Awaited::Command);
        self.counts_recipient = true;
        Ok(())
    }

    /// VRFY or EXPN; an address that is not ASCII needs SMTPUTF8 (RFC 6531 section 3.7.4.2), or
    /// a domain that has A-labels.
    pub fn address_query(&mut self, verb: &str, address: &str) -> Result<()> {
        command::check_argument(verb, address)?;
        let path = Path::parse(address)?;
        let bare = if path.is_ascii() {
            path.as_str().to_owned()
        } else if self.capabilities.smtputf8() {
            format!("{} SMTPUTF8", path.as_str())
        } else {
            let ascii = path.with_ascii_domain().ok_or_else(|| not_offered("SMTPUTF8", verb))?;
            ascii.as_str().to_owned()
        };
        self.check_idle()?;
        self.issue(verb, &bare, Awaited::Command);
        Ok(())
    }

    /// DATA, the message and its final reply (smtplib: `data`), behind MAIL and RCPT commands
    /// of the caller's own.
    pub fn data(&mut self, message: &'static [u8]) -> Result<()> {
        self.check_idle()?;
        let mut transaction = Box::new(Transaction::new());
        transaction.set_body(Body::Borrowed(message));
        self.start_bare(transaction)
    }

    /// Usable, and nothing under way or in hand: a command may be sent.
    pub(super) fn check_idle(&mut self) -> Result<()> {
        self.check_usable()?;
        if self.queue.owed() > 0 {
            return Err(Error::new(
                ErrorKind::Misuse,
                "a reply to an earlier putcmd is still owed; collect it with getreply first",
            ));
        }
        if self.queue.raw {
            // What the caller's own bytes called forth is his; from here on we count again.
            self.queue.raw = false;
            self.surplus.clear();
        }
        self.check_surplus()?;
        self.result = None;
        Ok(())
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

    fn check_command(&self, verb: &str, args: &str) -> Result<()> {
        command::check_argument("the command", verb)?;
        command::check_argument(verb, args)?;
        if verb.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, "the command is empty"));
        }
        let ascii = verb.is_ascii() && args.is_ascii();
        if !ascii && !self.utf8 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{verb}: the argument is not ASCII; that needs MAIL with SMTPUTF8 before"),
            ));
        }
        Ok(())
    }

    /// Options as they may be sent: none after HELO, and an error for those whose loss would
    /// change what the mail means.
    fn parse_options(&self, options: &[&str], utf8: bool) -> Result<Vec<Param>> {
        let params: Vec<Param> =
            options.iter().map(|text| Param::parse(text)).collect::<Result<_>>()?;
        let utf8 = utf8 || params.iter().any(|param| param.is("SMTPUTF8"));
        for param in &params {
            self.check_option(param, utf8)?;
        }
        Ok(if self.greeting.does_esmtp() { params } else { Vec::new() })
    }

    pub(super) fn check_option(&self, param: &Param, utf8: bool) -> Result<()> {
        if !utf8 && !param.as_str().is_ascii() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "the option {} is not ASCII; that needs the mail option SMTPUTF8",
                    param.as_str()
                ),
            ));
        }
        let offered = if param.is("SMTPUTF8") {
            self.capabilities.smtputf8()
        } else if param.is("REQUIRETLS") {
            self.capabilities.has("REQUIRETLS")
        } else if param.is("BODY")
            && param.value().is_some_and(|v| v.eq_ignore_ascii_case("BINARYMIME"))
        {
            self.capabilities.binary_mime() && self.capabilities.chunking() && self.options.chunking
        } else {
            true
        };
        if offered { Ok(()) } else { Err(not_offered(param.as_str(), "MAIL")) }
    }

    /// The path as it may be written: as it is, or with its domain as A-labels where UTF-8 may
    /// not be sent (RFC 5890; only the domain can be converted without loss).
    pub(super) fn path_to_send(&self, path: &Path, utf8: bool) -> Result<Path> {
        if path.is_ascii() || utf8 {
            return Ok(path.clone());
        }
        path.with_ascii_domain().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "<{}>: the address is not ASCII; give the mail option SMTPUTF8",
                    path.as_str()
                ),
            )
        })
    }

    pub(super) fn issue(&mut self, verb: &str, args: &str, awaited: Awaited) {
        self.write_line(verb, args);
        self.queue.push(awaited, 0, self.output.end());
        self.sent_helo = verb.eq_ignore_ascii_case("HELO");
        self.counts_recipient = false;
    }

    pub(super) fn issue_line(&mut self, line: &[u8], awaited: Awaited) {
        self.trace.sent(line);
        self.output.buffer().extend_from_slice(line);
        self.queue.push(awaited, 0, self.output.end());
        self.verb.clear();
        self.verb.push_str(String::from_utf8_lossy(line).trim_end());
        self.counts_recipient = false;
    }

    fn write_line(&mut self, verb: &str, args: &str) {
        let buffer = self.output.buffer();
        let from = buffer.len();
        command::line(buffer, verb, args);
        if self.trace.is_on() {
            let line = buffer[from..].to_vec();
            match credential(&line) {
                // Whatever answers a 334 is one.
                _ if self.last.code() == 334 && self.awaits_credential => {
                    self.trace.sent_secret(&line, 0);
                }
                Some(shown) => self.trace.sent_secret(&line, shown),
                None => self.trace.sent(&line),
            }
        }
        self.awaits_credential =
            is_auth(verb.as_bytes()) || (self.awaits_credential && self.last.code() == 334);
        // Errors name the command, but no credential that came in its place.
        self.verb.clear();
        self.verb.push_str(if self.awaits_credential { "AUTH" } else { verb });
    }

    fn trace_raw(&mut self, bytes: &[u8]) {
        let hidden = self.last.code() == 334 || self.in_credential;
        if !hidden && !bytes.split(|byte| *byte == b'\n').any(is_auth) {
            return self.trace.sent(bytes);
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let whole = line.ends_with(b"\n");
            let shown = if self.last.code() == 334 || self.in_credential {
                Some(0)
            } else {
                self.awaits_credential |= is_auth(line);
                credential(line)
            };
            match shown {
                Some(shown) => self.trace.sent_secret(line, shown),
                None => self.trace.sent(line),
            }
            self.in_credential = !whole && (shown.is_some() || is_auth(line));
        }
    }

    /// Text of an error for a command that the server refused.
    pub(super) fn refusal(&self, kind: ErrorKind, command: &str) -> Error {
        Error::new(kind, format!("{command}: {}", self.last.describe()))
            .with_reply_code(self.last.code())
    }
}

fn is_auth(line: &[u8]) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH"))
}

/// How much of a line may be seen, if not all of it: of AUTH all but what follows the mechanism.
fn credential(line: &[u8]) -> Option<usize> {
    let space = |from: usize| Some(from + line[from..].iter().position(u8::is_ascii_whitespace)?);
    let word =
        |from: usize| Some(from + line[from..].iter().position(|b| !b.is_ascii_whitespace())?);
    if !is_auth(line) {
        return None;
    }
    word(space(word(space(word(0)?)?)?)?)
}

pub(super) fn not_offered(what: &str, command: &str) -> Error {
    Error::new(ErrorKind::NotSupported, format!("{command}: the server does not offer {what}"))
}
