//! Login: which mechanisms may be tried, and when a password may not cross the wire.

use crate::error::{Error, ErrorKind, Result};
use crate::sasl::{self, Mechanism, Secret};

use super::Client;

impl Client {
    /// Authenticates with the strongest mechanism that both sides know; the next is tried when
    /// the server refuses one (smtplib: `login`).
    pub(super) fn login(&mut self, user: &str, password: &Secret) -> Result<()> {
        let password = password.as_text()?;
        self.authenticate(sasl::DEFAULT_ORDER, |name| sasl::builtin(name, user, password))
    }

    /// The same with an access token in place of a password.
    pub(super) fn login_by_token(&mut self, user: &str, token: &Secret) -> Result<()> {
        let has_name = self.port != 0 && !self.host.is_empty() && !self.host.starts_with('/');
        let host = has_name.then(|| self.host.clone());
        let place = host.as_deref().map(|host| (host, self.port));
        self.authenticate(sasl::OAUTH, |name| {
            Ok(Box::new(sasl::OAuth::new(name, user, token.as_bytes(), place)?))
        })
    }

    /// Tries those of `family`, or of the caller's own list, that the server offers.
    fn authenticate(
        &mut self,
        family: &[&str],
        make: impl Fn(&str) -> Result<Box<dyn Mechanism>>,
    ) -> Result<()> {
        self.check_auth()?;
        let is_oauth = family == sasl::OAUTH;
        let chosen = &self.config.mechanisms;
        let order: Vec<&str> = if chosen.is_empty() {
            family.to_vec()
        } else {
            let chosen = chosen.iter().map(String::as_str);
            chosen.filter(|name| sasl::is_oauth(name) == is_oauth).collect()
        };
        let mut candidates = Vec::new();
        for name in order.iter().filter(|name| self.offers(name)) {
            candidates.push(make(name)?);
        }
        if candidates.is_empty() {
            return Err(self.none_of(&order, is_oauth));
        }
        if !self.is_private() {
            candidates.retain(|mechanism| !mechanism.is_plaintext());
        }
        if candidates.is_empty() {
            return Err(forbidden("the mechanisms that the server offers"));
        }
        self.session.authenticate(candidates)
    }

    /// There is no mechanism in common: why, and what would help.
    fn none_of(&self, order: &[&str], is_oauth: bool) -> Error {
        let wants_token = self.session.capabilities().auth_mechanisms().any(sasl::is_oauth);
        let hint = match (order.is_empty(), is_oauth) {
            (true, true) => "smtp_client_set_auth_mechanisms() left none that takes a token",
            (true, false) => "smtp_client_set_auth_mechanisms() left none that takes a password",
            (false, false) if wants_token => {
                "the server wants OAuth 2.0: smtp_client_login_oauth() or \
                 smtp_client_set_token_source()"
            }
            (false, true) => "the server takes no OAuth 2.0 tokens",
            _ => return self.no_mechanism(&order.join(" ")),
        };
        let ours = if order.is_empty() { "none".to_owned() } else { order.join(" ") };
        self.no_mechanism(&ours).with_message(|text| format!("{text}; {hint}"))
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

/// The same for a token.
pub(super) fn check_token(user: &str, token: &Secret) -> Result<()> {
    sasl::OAuth::new("XOAUTH2", user, token.as_bytes(), None).map(drop)
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
