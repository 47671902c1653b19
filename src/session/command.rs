//! Single commands: one goes out, one reply comes back.

use zeroize::Zeroize;

use crate::error::{Detail, Error, ErrorKind, Result};
use crate::wire::{Param, Path, command};

use super::Session;
use super::mail::{Body, Transaction, is_written};
use super::queue::Awaited;

impl Session {
    /// Any command (smtplib: `docmd`).
    pub fn command(&mut self, verb: &str, args: &str) -> Result<()> {
        let awaited = awaited_by(verb, args);
        let is_mail = matches!(awaited, Awaited::BareMail { .. });
        self.check_command(verb, args, awaited == Awaited::BareMail { utf8: true })?;
        if is_mail {
            self.check_usable()?;
            self.check_mail_max()?;
        }
        self.may_start()?;
        self.mail.mails += u32::from(is_mail);
        self.issue(verb, args, awaited);
        Ok(())
    }

    /// Any command, its reply left to [`Session::collect`] (smtplib: `putcmd`).
    pub fn put(&mut self, verb: &str, args: &str) -> Result<()> {
        self.check_command(verb, args, false)?;
        self.may_put()?;
        self.write_line(verb, args);
        self.by_hand.put(verb, args, self.output.end());
        Ok(())
    }

    /// Awaits one reply (smtplib: `getreply`).
    pub fn collect(&mut self) -> Result<()> {
        self.check_usable()?;
        let end = self.by_hand.take_owed().unwrap_or(self.output.end());
        self.result = None;
        self.queue.push(Awaited::Collected, 0, end);
        self.take_surplus();
        Ok(())
    }

    /// The caller's own bytes (smtplib: `send`).
    pub fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.check_usable()?;
        if self.by_hand.owed() == 0 && !self.by_hand.awaits_data() && !self.by_hand.in_line() {
            self.check_unsolicited()?;
        }
        self.trace_raw(bytes);
        let start = self.output.end();
        if self.credentials.is_amid_auth() {
            self.output.secret_line(bytes);
        } else {
            self.output.buffer().extend_from_slice(bytes);
        }
        // RFC 2033 section 4.2
        let lmtp = self.protocol.is_lmtp();
        let finals = if lmtp { self.by_hand.transaction.accepted.max(1) } else { 1 };
        self.by_hand.raw(bytes, start, finals as usize);
        Ok(())
    }

    /// QUIT. Its reply is awaited, whatever else is owed.
    pub fn quit(&mut self) -> Result<()> {
        self.check_usable()?;
        self.check_line()?;
        if self.by_hand.owed() == 0 {
            self.check_unsolicited()?;
        }
        self.result = None;
        while let Some(end) = self.by_hand.take_owed() {
            self.queue.push(Awaited::Abandoned, 0, end);
        }
        self.by_hand.mark();
        self.issue("QUIT", "", Awaited::Quit);
        self.take_surplus();
        Ok(())
    }

    /// MAIL alone (smtplib: `mail`).
    pub fn mail(&mut self, sender: &str, options: &[&str]) -> Result<()> {
        let path = Path::parse(sender)?;
        let options = self.parse_options("MAIL", options, false)?;
        let utf8 = options.iter().any(|option| option.is("SMTPUTF8"));
        let path = self.path_to_send(&path, utf8)?;
        self.check_usable()?;
        self.check_mail_max()?;
        self.may_start()?;
        self.mail.mails += 1;
        let mut line = Vec::new();
        command::mail(&mut line, &path, None, options.iter().map(Param::as_str));
        self.issue_line(&line, Awaited::BareMail { utf8 });
        Ok(())
    }

    /// RCPT alone (smtplib: `rcpt`).
    pub fn rcpt(&mut self, recipient: &str, options: &[&str]) -> Result<()> {
        let utf8 = self.by_hand.transaction.utf8;
        let path = Path::parse(recipient)?;
        let options = self.parse_options("RCPT", options, utf8)?;
        let path = self.path_to_send(&path, utf8)?;
        self.may_start()?;
        let mut line = Vec::new();
        command::rcpt(&mut line, &path, options.iter().map(Param::as_str));
        self.issue_line(&line, Awaited::BareRcpt);
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
        self.may_start()?;
        self.issue(verb, &bare, Awaited::Command);
        Ok(())
    }

    /// DATA, the message and its final reply (smtplib: `data`), behind MAIL and RCPT commands
    /// of the caller's own.
    pub fn data(&mut self, message: &'static [u8]) -> Result<()> {
        self.may_start()?;
        let mut transaction = Box::new(Transaction::new());
        transaction.set_body(Body::Borrowed(message));
        self.start_bare(transaction)
    }

    fn check_command(&self, verb: &str, args: &str, utf8: bool) -> Result<()> {
        command::check_argument("the command", verb)?;
        command::check_argument(verb, args)?;
        if verb.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, "the command is empty"));
        }
        let ascii = verb.is_ascii() && args.is_ascii();
        if !ascii && !utf8 && !self.by_hand.transaction.utf8 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{verb}: the argument is not ASCII; that needs MAIL with SMTPUTF8 before"),
            )
            .with_detail(Detail::NeedsUtf8));
        }
        Ok(())
    }

    /// Options as they may be sent: none after HELO, none that the server does not know and that
    /// can be left out, and an error for those whose loss would change what the mail means.
    fn parse_options(&self, command: &str, options: &[&str], utf8: bool) -> Result<Vec<Param>> {
        let params: Vec<Param> =
            options.iter().map(|text| Param::parse(text)).collect::<Result<_>>()?;
        let utf8 = utf8 || params.iter().any(|param| param.is("SMTPUTF8"));
        for param in &params {
            self.check_option(command, param, utf8)?;
        }
        let written = |param: &Param| is_written(param, &self.greeting, &self.capabilities);
        Ok(params.into_iter().filter(written).collect())
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
            .with_detail(Detail::NeedsUtf8)
        })
    }

    pub(super) fn issue(&mut self, verb: &str, args: &str, awaited: Awaited) {
        self.write_line(verb, args);
        self.queue.push(awaited, 0, self.output.end());
    }

    fn issue_line(&mut self, line: &[u8], awaited: Awaited) {
        self.trace.sent(line);
        self.output.buffer().extend_from_slice(line);
        self.queue.push(awaited, 0, self.output.end());
        self.label.clear();
        self.label.push_str(String::from_utf8_lossy(line).trim_end());
    }

    fn write_line(&mut self, verb: &str, args: &str) {
        // One allocation of the final size: a credential must leave no copy behind.
        let mut line = Vec::with_capacity(verb.len() + args.len() + 3);
        command::line(&mut line, verb, args);
        let challenged = self.is_challenged();
        let shown = self.credentials.own_line(&line, challenged);
        match shown {
            Some(shown) => {
                self.trace.sent_secret(&line, shown);
                self.output.secret_line(&line);
            }
            None => {
                self.trace.sent(&line);
                self.output.buffer().extend_from_slice(&line);
            }
        }
        // Errors name the command, but no credential that came in its place.
        self.label.clear();
        self.label.push_str(if self.credentials.is_amid_auth() { "AUTH" } else { verb });
        line.zeroize();
    }

    fn trace_raw(&mut self, bytes: &[u8]) {
        let challenged = self.is_challenged();
        let trace = &mut self.trace;
        self.credentials.own_bytes(bytes, challenged, |line, shown| match shown {
            Some(shown) => trace.sent_secret(line, shown),
            None => trace.sent(line),
        });
    }

    /// What the caller sends next answers a challenge, or one that is still on its way: nothing
    /// else may follow AUTH (RFC 4954 section 4).
    fn is_challenged(&self) -> bool {
        let owed = self.credentials.is_amid_auth() && self.by_hand.owed() > 0;
        owed || self.last.code() == 334
    }

    /// Text of an error for a command that the server refused.
    pub fn refusal(&self, kind: ErrorKind, command: &str) -> Error {
        Error::new(kind, format!("{command}: {}", self.last.describe()))
            .with_reply_code(self.last.code())
    }
}

/// What the reply to a command by hand means to us.
fn awaited_by(verb: &str, args: &str) -> Awaited {
    let mut words = verb.split(' ').chain(args.split(' '));
    match words.next().unwrap_or("").to_ascii_uppercase().as_str() {
        "MAIL" => {
            let utf8 = words.any(|word| word.eq_ignore_ascii_case("SMTPUTF8"));
            Awaited::BareMail { utf8 }
        }
        "RCPT" => Awaited::BareRcpt,
        "RSET" => Awaited::BareReset,
        _ => Awaited::Command,
    }
}

pub(super) fn not_offered(what: &str, command: &str) -> Error {
    Error::new(ErrorKind::NotSupported, format!("{command}: the server does not offer {what}"))
}
