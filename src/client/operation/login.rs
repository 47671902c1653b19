//! Login: which mechanisms may be tried, and when a password may not cross the wire.

use crate::error::{Error, ErrorKind, Result};
use crate::sasl::{self, Mechanism, Secret};

use super::Client;

impl Client {
    /// Authenticates with the strongest mechanism that both sides know; the next is tried when
    /// the server refuses one (smtplib: `login`).
    pub(super) fn login(&mut self, user: &str, password: &Secret) -> Result<()> {
        let password = password.as_text()?;
        self.check_auth()?;
        let order: Vec<&str> = if self.config.mechanisms.is_empty() {
            sasl::DEFAULT_ORDER.to_vec()
        } else {
            self.config.mechanisms.iter().map(String::as_str).collect()
        };
        let mut candidates = Vec::new();
        for name in order.iter().filter(|name| self.offers(name)) {
            candidates.push(sasl::builtin(name, user, password)?);
        }
        if candidates.is_empty() {
            return Err(self.no_mechanism(&order.join(" ")));
        }
        if !self.is_private() {
            candidates.retain(|mechanism| !mechanism.is_plaintext());
        }
        if candidates.is_empty() {
            return Err(forbidden("the mechanisms that the server offers"));
        }
        self.session.authenticate(candidates)
    }

    /// Authenticates with a mechanism of the caller's own (smtplib: `auth`).
    pub(super) fn auth(&mut self, mechanism: Box<dyn Mechanism>) -> Result<()> {
        self.check_auth()?;
        if !self.offers(mechanism.name()) {
            return Err(self.no_mechanism(mechanism.name()));
        }
        if mechanism.is_plaintext() && !self.is_private() {
            return Err(forbidden(mechanism.name()));
        }
        self.session.authenticate(vec![mechanism])
    }

    fn check_auth(&self) -> Result<()> {
        if self.session.capabilities().has("AUTH") {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::NotSupported,
            "AUTH: the server does not offer it (some offer it only after STARTTLS)",
        ))
    }

    fn offers(&self, name: &str) -> bool {
        self.session.capabilities().auth_mechanisms().any(|offer| offer.eq_ignore_ascii_case(name))
    }

    /// Decided by the peer's address and TLS, never by what the server says.
    fn is_private(&self) -> bool {
        self.config.allow_plaintext_auth || self.session.channel().is_private()
    }

    fn no_mechanism(&self, ours: &str) -> Error {
        let offers: Vec<&str> = self.session.capabilities().auth_mechanisms().collect();
        Error::new(
            ErrorKind::NoMechanism,
            format!("AUTH: the server offers {}, the client has {ours}", offers.join(" ")),
        )
    }
}

/// A name that no mechanism takes is refused before anything is sent.
pub(super) fn check(user: &str, password: &Secret) -> Result<()> {
    sasl::builtin("PLAIN", user, password.as_text()?).map(drop)
}

pub(super) fn check_mechanism(mechanism: &dyn Mechanism) -> Result<()> {
    sasl::check_name(mechanism.name())
}

fn forbidden(what: &str) -> Error {
    Error::new(
        ErrorKind::Forbidden,
        format!(
            "AUTH: {what} would send credentials over an unencrypted connection; use starttls, or \
             allow it with set_allow_plaintext_auth"
        ),
    )
}
