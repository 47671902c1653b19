//! Login: which mechanisms may be tried, and when a password may not cross the wire.

use crate::error::{Error, ErrorKind, Result};
use crate::sasl::{self, Binding, Mechanism, Occasion, Secret};
use crate::transport::Transport;

use super::Client;
use crate::client::mime::random;

impl Client {
    /// Authenticates with the strongest mechanism that both sides know; the next is tried when
    /// the server refuses one (smtplib: `login`).
    pub(super) fn login(&mut self, user: &str, password: &Secret) -> Result<()> {
        let password = password.as_text()?;
        let binding = self.channel_binding();
        let names = bound(self.choose(sasl::DEFAULT_ORDER)?, binding.is_some());
        let (mut candidates, mut unusable) = (Vec::new(), None);
        for name in names {
            let occasion = self.occasion(name, &binding)?;
            // SCRAM has no form for some names and passwords that others take as they are, and a
            // server may know them so: that is no reason to fail where it offers another.
            match sasl::builtin(name, user, password, occasion) {
                Ok(mechanism) => candidates.push(mechanism),
                Err(error) => unusable = Some(error.in_context("AUTH")),
            }
        }
        self.authenticate(candidates, unusable)
    }

    /// The same with an access token in place of a password.
    pub(super) fn login_by_token(&mut self, user: &str, token: &Secret) -> Result<()> {
        let has_name = self.port != 0 && !self.host.is_empty() && !self.host.starts_with('/');
        let place = has_name.then_some((self.host.as_str(), self.port));
        let mut candidates: Vec<Box<dyn Mechanism>> = Vec::new();
        for name in self.choose(sasl::OAUTH)? {
            candidates.push(Box::new(sasl::OAuth::new(name, user, token.as_bytes(), place)?));
        }
        self.authenticate(candidates, None)
    }

    /// Tries those that may be used on this connection.
    fn authenticate(
        &mut self,
        mut candidates: Vec<Box<dyn Mechanism>>,
        unusable: Option<Error>,
    ) -> Result<()> {
        if !self.is_private() {
            candidates.retain(|mechanism| !mechanism.is_plaintext());
        }
        if candidates.is_empty() {
            let why = || forbidden("the mechanisms that the server offers");
            return Err(unusable.unwrap_or_else(why));
        }
        self.session.authenticate(candidates)
    }

    /// Those of `family`, or of the caller's own list, that the server offers.
    pub(super) fn choose<'a>(&'a self, family: &[&'a str]) -> Result<Vec<&'a str>> {
        self.check_auth()?;
        let is_oauth = family == sasl::OAUTH;
        let chosen = self.config.mechanisms.iter().map(String::as_str);
        let mut order: Vec<&str> = chosen.filter(|name| sasl::is_oauth(name) == is_oauth).collect();
        if self.config.mechanisms.is_empty() {
            order.extend_from_slice(family);
        }
        if order.iter().any(|name| self.offers(name)) {
            order.retain(|name| self.offers(name));
            return Ok(order);
        }
        Err(self.none_of(&order, is_oauth))
    }

    /// Authenticates with that one of ours (smtplib: `auth` with `auth_plain` and the like).
    pub(super) fn auth_builtin(&mut self, name: &str, user: &str, password: &Secret) -> Result<()> {
        let occasion = self.occasion(name, &self.channel_binding())?;
        let mechanism = sasl::builtin(name, user, password.as_text()?, occasion)
            .map_err(|error| error.in_context("AUTH"));
        // That the server does not offer it at all is the better answer.
        self.check_auth()?;
        if !self.offers(name) {
            return Err(self.no_mechanism(&name.to_ascii_uppercase()));
        }
        self.auth(mechanism?)
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

    fn channel_binding(&self) -> Option<Binding> {
        self.transport.as_ref().and_then(Transport::channel_binding)
    }

    fn occasion(&self, name: &str, binding: &Option<Binding>) -> Result<Occasion> {
        if !sasl::is_scram(name) {
            return Ok(Occasion::default());
        }
        let offers_plus = self.offers(&format!("{name}-PLUS"));
        Ok(Occasion { nonce: nonce()?, binding: binding.clone(), offers_plus })
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
    pub(super) fn is_private(&self) -> bool {
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
    sasl::check_builtin("PLAIN", user, password.as_text()?)
}

pub(super) fn check_builtin(mechanism: &str, user: &Secret, password: &Secret) -> Result<()> {
    sasl::check_builtin(mechanism, user.as_text()?, password.as_text()?)
}

/// The same for a token.
pub(super) fn check_token(user: &str, token: &Secret) -> Result<()> {
    sasl::OAuth::new("XOAUTH2", user, token.as_bytes(), None).map(drop)
}

pub(super) fn check_mechanism(mechanism: &dyn Mechanism) -> Result<()> {
    sasl::check_name(mechanism.name())
}

pub(super) fn forbidden(what: &str) -> Error {
    Error::new(
        ErrorKind::Forbidden,
        format!(
            "AUTH: {what} would send credentials over an unencrypted connection; use starttls, or \
             allow it with set_allow_plaintext_auth"
        ),
    )
}

/// What a login tries of what is offered. Where one that binds to the channel can be used, SCRAM is
/// not used without: RFC 5802 section 6 demands it, and a server that refused it may be somebody in
/// between who cannot pass it on. Mechanisms that are no SCRAM are left, for a server that has no
/// SCRAM keys of this user.
fn bound(mut names: Vec<&str>, can_bind: bool) -> Vec<&str> {
    if can_bind && names.iter().any(|name| sasl::binds(name)) {
        names.retain(|name| !sasl::is_scram(name) || sasl::binds(name));
    }
    names
}

/// 144 bits, in characters that SCRAM takes.
fn nonce() -> Result<String> {
    let random: [u8; 18] = random().map_err(|error| error.in_context("AUTH"))?;
    Ok(sasl::encode(&random).as_text()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_login_tries() {
        for (offers, can_bind, tried) in [
            ("PLAIN LOGIN", true, "PLAIN LOGIN"),
            ("LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1", false, "SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN"),
            ("SCRAM-SHA-1 SCRAM-SHA-256", true, "SCRAM-SHA-256 SCRAM-SHA-1"),
            ("EXTERNAL XOAUTH2 PLAIN", true, "PLAIN"),
            (
                "SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS PLAIN",
                true,
                "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS PLAIN",
            ),
            // No SCRAM without binding behind one with, of whatever hash.
            ("SCRAM-SHA-1-PLUS SCRAM-SHA-256 PLAIN", true, "SCRAM-SHA-1-PLUS PLAIN"),
            // It is left in the list for its error, where nothing else is.
            ("SCRAM-SHA-256-PLUS SCRAM-SHA-256", false, "SCRAM-SHA-256-PLUS SCRAM-SHA-256"),
            ("GSSAPI", true, ""),
        ] {
            let offered = |name: &&str| offers.split(' ').any(|offer| offer == *name);
            let names = sasl::DEFAULT_ORDER.iter().copied().filter(offered).collect();
            assert_eq!(bound(names, can_bind).join(" "), tried, "{offers}");
        }
        // Whoever has left -PLUS out has chosen.
        assert_eq!(bound(vec!["SCRAM-SHA-256"], true), ["SCRAM-SHA-256"]);
    }

    #[test]
    fn nonces() {
        let (one, other) = (nonce().unwrap(), nonce().unwrap());
        assert_ne!(one, other);
        assert!(one.len() == 24 && one.bytes().all(|byte| byte.is_ascii_graphic() && byte != b','));
    }
}
