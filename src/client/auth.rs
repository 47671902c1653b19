//! Login: which mechanisms may be tried, and when a password may not cross the wire.

use std::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::sasl::{self, Mechanism};
use crate::wire::command::check_argument;

use super::Client;

impl Client {
    /// Which mechanisms `login` tries, in which order; names separated by spaces, empty for the
    /// library's own order.
    pub fn set_auth_mechanisms(&mut self, names: &str) -> Result<()> {
        let mut mechanisms = Vec::new();
        check_argument("the mechanisms", names)?;
        for name in names.split(' ').filter(|name| !name.is_empty()) {
            sasl::check_name(name)?;
            if !sasl::is_builtin(name) {
                return Err(Error::new(
                    ErrorKind::NotSupported,
                    format!("{name}: login knows {}", sasl::DEFAULT_ORDER.join(" ")),
                ));
            }
            mechanisms.push(name.to_ascii_uppercase());
        }
        self.config.mechanisms = mechanisms;
        Ok(())
    }

    /// Authenticates with the strongest mechanism that both sides know; the next is tried when
    /// the server refuses one (smtplib: `login`).
    pub fn login(&mut self, user: &str, password: &str) -> Result<()> {
        // A name that no mechanism takes is refused before anything is sent.
        sasl::builtin("PLAIN", user, password)?;
        let deadline = self.greet_for_auth()?;
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
        self.exchange(deadline, candidates)
    }

    /// Authenticates with a mechanism of the caller's own (smtplib: `auth`).
    pub fn auth(&mut self, mechanism: Box<dyn Mechanism>) -> Result<()> {
        sasl::check_name(mechanism.name())?;
        let deadline = self.greet_for_auth()?;
        if !self.offers(mechanism.name()) {
            return Err(self.no_mechanism(mechanism.name()));
        }
        if mechanism.is_plaintext() && !self.is_private() {
            return Err(forbidden(mechanism.name()));
        }
        self.exchange(deadline, vec![mechanism])
    }

    /// Authenticates with one mechanism of the library's.
    pub fn auth_builtin(&mut self, mechanism: &str, user: &str, password: &str) -> Result<()> {
        self.auth(sasl::builtin(mechanism, user, password)?)
    }

    /// Gives the deadline of the call, which the exchange shares.
    fn greet_for_auth(&mut self) -> Result<Option<Instant>> {
        let deadline = self.begin()?;
        self.greet(deadline)?;
        if self.session.capabilities().has("AUTH") {
            return Ok(deadline);
        }
        Err(Error::new(
            ErrorKind::NotSupported,
            "AUTH: the server does not offer it (some offer it only after STARTTLS)",
        ))
    }

    fn exchange(
        &mut self,
        deadline: Option<Instant>,
        candidates: Vec<Box<dyn Mechanism>>,
    ) -> Result<()> {
        self.operate(deadline, |session| session.authenticate(candidates)).map(drop)
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

fn forbidden(what: &str) -> Error {
    Error::new(
        ErrorKind::Forbidden,
        format!(
            "AUTH: {what} would send credentials over an unencrypted connection; use starttls, or \
             allow it with set_allow_plaintext_auth"
        ),
    )
}
