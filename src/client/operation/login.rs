//! Login: which mechanisms may be tried, and when a password may not cross the wire.

use std::time::{Duration, Instant};

use crate::client::config::TimeoutPolicy;
use crate::client::{Token, TokenSource};
use crate::error::{Detail, Error, ErrorKind, Result};
use crate::sasl::{self, Mechanism, Secret};
use crate::transport::Limit;

use super::Client;

/// How long a token may take by default: a server need wait no longer for the next command
/// (RFC 5321 section 4.5.3.2.7).
const TOKEN: Duration = Duration::from_secs(300);

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
        let mut candidates = Vec::new();
        for name in self.choose(family)? {
            candidates.push(make(name)?);
        }
        if !self.is_private() {
            candidates.retain(|mechanism| !mechanism.is_plaintext());
        }
        if candidates.is_empty() {
            return Err(forbidden("the mechanisms that the server offers"));
        }
        self.session.authenticate(candidates)
    }

    /// Those of `family`, or of the caller's own list, that the server offers.
    fn choose<'a>(&'a self, family: &[&'a str]) -> Result<Vec<&'a str>> {
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

    /// What can be told before anybody is asked for a token.
    pub(super) fn check_source(&self, user: Option<&Secret>) -> Result<()> {
        self.token_source()?;
        sasl::check_user(match user {
            Some(user) => user.as_text()?,
            None => self.token_user(),
        })
    }

    /// Logs in with a token of the source that was set, and once more with a new one if the server
    /// refuses that.
    pub(super) async fn login_by_source(
        &mut self,
        user: Option<Secret>,
        deadline: Option<Instant>,
    ) -> Result<()> {
        let source = self.token_source()?;
        let user = user.unwrap_or_else(|| Secret::from(self.token_user()));
        let user = user.as_text()?;
        self.choose(sasl::OAUTH)?;
        if !self.is_private() {
            return Err(forbidden("every mechanism for tokens"));
        }
        let token = self.get_token(&source, user, deadline).await?;
        let Err(refused) = self.try_token(user, &token, deadline).await else { return Ok(()) };
        if refused.detail() != Detail::Token {
            return Err(refused);
        }
        source.refuse(user, &token, refused.message())?;
        if self.transport.is_none() {
            return Err(refused);
        }
        let token = match self.get_token(&source, user, deadline).await {
            Ok(token) => token,
            Err(error) if error.kind() == ErrorKind::Authentication => {
                return Err(refused.with_message(|text| format!("{text}; {}", error.message())));
            }
            Err(error) => return Err(error),
        };
        let again = self.try_token(user, &token, deadline).await;
        again.map_err(|error| match (error.detail(), error.kind()) {
            (Detail::Token, _) => {
                // Neither is it given to the next login. What keeps that from being noted does not
                // make the refusal another one.
                drop(source.refuse(user, &token, error.message()));
                error.with_message(|text| format!("{text} (so was the token before it)"))
            }
            // A server that hangs up behind a refusal has refused.
            (_, ErrorKind::Disconnected) => {
                refused.with_message(|text| format!("{text}; then {}", error.message()))
            }
            _ => error,
        })
    }

    async fn try_token(
        &mut self,
        user: &str,
        token: &Token,
        deadline: Option<Instant>,
    ) -> Result<()> {
        let started = self.login_by_token(user, token.secret());
        self.operate(started, deadline).await.map(drop)
    }

    async fn get_token(
        &mut self,
        source: &TokenSource,
        user: &str,
        deadline: Option<Instant>,
    ) -> Result<Token> {
        let by_phase = self.config.timeout == TimeoutPolicy::Rfc;
        let deadline = if by_phase { Instant::now().checked_add(TOKEN) } else { deadline };
        let came = source.token(user, Limit { deadline, park: &self.park }).await;
        // It may have come while the owner of the source was asked, on this thread.
        let came = match came {
            Ok(_) if self.cancel.is_set() => {
                let error =
                    Error::new(ErrorKind::Cancelled, "waiting for a token: the call was cancelled");
                Err(error.with_os_code(libc::ECANCELED))
            }
            came => came,
        };
        came.inspect_err(|error| {
            if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Cancelled) {
                self.close();
            }
        })
    }

    fn token_source(&self) -> Result<TokenSource> {
        let credentials = self.config.endpoint.credentials.as_ref();
        let source = credentials.and_then(|one| one.source.clone());
        source.ok_or_else(|| {
            let text =
                "there is no token, and no source of one: smtp_client_set_token_source() first";
            Error::new(ErrorKind::Misuse, text)
        })
    }

    fn token_user(&self) -> &str {
        self.config.endpoint.credentials.as_ref().map_or("", |one| one.user.as_str())
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
