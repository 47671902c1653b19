//! EHLO, HELO and LHLO, what their replies tell, and STARTTLS.

use crate::error::{Error, ErrorKind, Result};
use crate::wire::{Capabilities, command};

use super::queue::Awaited;
use super::{Protocol, Session};

/// What the server answered to EHLO (or LHLO) and HELO.
#[derive(Clone, Debug, Default)]
pub struct Greeting {
    helo: Option<Vec<u8>>,
    ehlo: Option<Vec<u8>>,
    esmtp: bool,
    greeted: bool,
    name: String,
}

impl Greeting {
    /// Text of the last reply to HELO on this connection (smtplib: `helo_resp`).
    pub fn helo_response(&self) -> Option<&[u8]> {
        self.helo.as_deref()
    }

    /// Text of the last reply to EHLO or LHLO on this connection (smtplib: `ehlo_resp`).
    pub fn ehlo_response(&self) -> Option<&[u8]> {
        self.ehlo.as_deref()
    }

    /// The server accepted EHLO or LHLO.
    pub fn does_esmtp(&self) -> bool {
        self.esmtp
    }

    /// The server accepted a greeting of either kind.
    pub fn is_greeted(&self) -> bool {
        self.greeted
    }
}

impl Session {
    /// EHLO, or LHLO to an LMTP server (RFC 2033 section 4.1).
    pub fn ehlo(&mut self, name: &str) -> Result<()> {
        self.hello(self.hello_verb(), name, Awaited::Hello)
    }

    /// HELO; LMTP has none.
    pub fn helo(&mut self, name: &str) -> Result<()> {
        if self.protocol.is_lmtp() {
            return Err(Error::new(ErrorKind::Misuse, "LMTP has no HELO; use ehlo, which is LHLO"));
        }
        self.hello("HELO", name, Awaited::Hello)
    }

    /// EHLO, and HELO if that is refused; nothing if the server was greeted before.
    pub fn greet(&mut self, name: &str) -> Result<()> {
        if self.greeting.greeted {
            self.result = Some(Ok(0));
            return self.check_usable();
        }
        self.greeting.name = name.to_owned();
        self.hello(self.hello_verb(), name, Awaited::FirstHello)
    }

    fn hello_verb(&self) -> &'static str {
        if self.protocol == Protocol::Lmtp { "LHLO" } else { "EHLO" }
    }

    fn hello(&mut self, verb: &str, name: &str, awaited: Awaited) -> Result<()> {
        check_name(name)?;
        self.check_idle()?;
        self.issue(verb, name, awaited);
        Ok(())
    }

    pub(super) fn hello_reply(&mut self, awaited: Awaited) {
        // Which of the two was sent: the engine sends HELO only here and in `helo`.
        let helo = self.sent_helo;
        let code = self.last.code();
        let accepted = self.last.is_positive();
        if accepted || !helo {
            self.capabilities = Capabilities::default();
            self.greeting.esmtp = false;
            self.greeting.greeted = accepted;
            self.utf8 = false;
        }
        if helo {
            self.greeting.helo = Some(self.last.bytes().to_vec());
        } else {
            self.greeting.ehlo = Some(self.last.bytes().to_vec());
            if accepted {
                self.greeting.esmtp = true;
                self.capabilities = Capabilities::parse(self.last.bytes());
            }
        }
        if awaited == Awaited::Hello || accepted {
            self.result = Some(Ok(code));
        } else if helo || self.protocol.is_lmtp() || code == 421 {
            let error =
                self.refusal(ErrorKind::Helo, if helo { "HELO" } else { self.hello_verb() });
            self.fail_waiting(&error);
            self.result = Some(Err(error));
        } else {
            let name = std::mem::take(&mut self.greeting.name);
            self.issue("HELO", &name, Awaited::FirstHello);
        }
    }

    /// STARTTLS (RFC 3207). After `Ok` the driver does the handshake and calls
    /// [`Session::secured`].
    pub fn start_tls(&mut self) -> Result<()> {
        self.check_idle()?;
        if self.channel.encrypted {
            return Err(Error::new(ErrorKind::Misuse, "STARTTLS: TLS is already active"));
        }
        if !self.capabilities.starttls() {
            return Err(Error::new(
                ErrorKind::NotSupported,
                "STARTTLS: the server does not offer it",
            ));
        }
        self.issue("STARTTLS", "", Awaited::StartTls);
        Ok(())
    }

    pub(super) fn start_tls_reply(&mut self) {
        self.result = Some(match self.last.code() {
            220 => Ok(220),
            _ => Err(self.refusal(ErrorKind::Response, "STARTTLS")),
        });
    }

    /// Any byte behind the reply to STARTTLS was put there by somebody else.
    pub fn check_no_injection(&mut self) -> Result<()> {
        if self.surplus.is_empty() && !self.parser.is_partial() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Protocol,
            "STARTTLS: data was injected behind the server's reply; the connection was closed",
        ))
    }
}

/// A name for EHLO: what the caller or the system gave, never repaired.
pub fn check_name(name: &str) -> Result<()> {
    command::check_argument("the local host name", name)?;
    if name.is_empty() || !name.is_ascii() || name.contains(' ') {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "the local host name must be a non-empty ASCII domain or address literal without spaces",
        ));
    }
    Ok(())
}
