//! EHLO, HELO and LHLO, what their replies tell, and STARTTLS.

use crate::error::{Error, ErrorKind, Result};
use crate::wire::{Capabilities, command};

use super::by_hand::BareTransaction;
use super::queue::Awaited;
use super::reply::closes;
use super::{Protocol, Session};

/// What the server answered to EHLO (or LHLO) and HELO.
#[derive(Clone, Debug, Default)]
pub struct Greeting {
    helo: Option<Vec<u8>>,
    ehlo: Option<Vec<u8>>,
    esmtp: bool,
    greeted: bool,
    /// The server says that it is Exim, which counts RSETs (`smtp_accept_max_nonmail`).
    pub(super) is_exim: bool,
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
        self.hello(self.hello_verb(), name, Awaited::Hello { helo: false, falls_back: false })
    }

    /// HELO; LMTP has none.
    pub fn helo(&mut self, name: &str) -> Result<()> {
        if self.protocol.is_lmtp() {
            return Err(Error::new(ErrorKind::Misuse, "LMTP has no HELO; use ehlo, which is LHLO"));
        }
        self.hello("HELO", name, Awaited::Hello { helo: true, falls_back: false })
    }

    /// EHLO, and HELO if that is refused; nothing if the server was greeted before.
    pub fn greet(&mut self, name: &str) -> Result<()> {
        if self.greeting.greeted {
            self.result = Some(Ok(0));
            return self.check_usable();
        }
        self.greeting.name = name.to_owned();
        self.hello(self.hello_verb(), name, Awaited::Hello { helo: false, falls_back: true })
    }

    /// What the protocol greets with.
    pub fn hello_verb(&self) -> &'static str {
        if self.protocol == Protocol::Lmtp { "LHLO" } else { "EHLO" }
    }

    fn hello(&mut self, verb: &str, name: &str, awaited: Awaited) -> Result<()> {
        check_name(name)?;
        self.may_start()?;
        self.issue(verb, name, awaited);
        Ok(())
    }

    pub(super) fn hello_reply(&mut self, helo: bool, falls_back: bool) {
        let code = self.last.code();
        let accepted = self.last.is_positive();
        if accepted || !helo {
            self.capabilities = Capabilities::default();
            self.greeting.esmtp = false;
            self.greeting.greeted = accepted;
            self.by_hand.transaction = BareTransaction::default();
        }
        if helo {
            self.greeting.helo = Some(self.last.bytes().to_vec());
        } else {
            self.greeting.ehlo = Some(self.last.bytes().to_vec());
            if accepted {
                self.greeting.esmtp = true;
                self.capabilities = Capabilities::parse(self.last.bytes());
                if self.greeting.is_exim {
                    self.mail.beware_of_resets();
                }
            }
        }
        let refused_for_good = helo || self.protocol.is_lmtp() || closes(code);
        if accepted || !falls_back {
            self.result = Some(Ok(code));
        } else if refused_for_good {
            let verb = if helo { "HELO" } else { self.hello_verb() };
            let error = self.refusal(ErrorKind::Helo, verb);
            self.fail_waiting(&error);
            self.result = Some(Err(error));
        } else {
            let name = std::mem::take(&mut self.greeting.name);
            self.issue("HELO", &name, Awaited::Hello { helo: true, falls_back: true });
        }
    }

    /// The server offers CHUNKING and does not understand BDAT: it is not used with this server
    /// again.
    pub(super) fn distrust_chunking(&mut self) {
        self.distrusted = self.greeting.ehlo.as_deref().map(server_name);
    }

    pub(super) fn chunking_denied(&self) -> bool {
        self.distrusted.is_some()
            && self.distrusted == self.greeting.ehlo.as_deref().map(server_name)
    }

    /// STARTTLS (RFC 3207). After `Ok` the driver does the handshake and calls
    /// [`Session::secured`].
    pub fn start_tls(&mut self) -> Result<()> {
        self.may_start()?;
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
        if self.surplus.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Protocol,
            "STARTTLS: data was injected behind the server's reply; the connection was closed",
        ))
    }
}

/// The name that a server greets with: the first word of its reply to EHLO.
fn server_name(ehlo: &[u8]) -> Vec<u8> {
    ehlo.split(u8::is_ascii_whitespace).next().unwrap_or_default().to_ascii_lowercase()
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
