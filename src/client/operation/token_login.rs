//! Login with a token of a source's: asked for, tried, and once more where the server refuses it.

use std::time::{Duration, Instant};

use crate::client::config::TimeoutPolicy;
use crate::client::token::not_come;
use crate::client::{Token, TokenSource};
use crate::error::{Detail, Error, ErrorKind, Result};
use crate::sasl::{self, Secret};
use crate::transport::{Limit, cancelled};

use super::Client;
use super::login::forbidden;

/// How long a token may take by default: a server need wait no longer for the next command
/// (RFC 5321 section 4.5.3.2.7).
const TOKEN: Duration = Duration::from_secs(300);

impl Client {
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
        if refused.kind() == ErrorKind::InvalidArgument {
            // It cannot be sent: the next login asks for another.
            source.refuse(user, &token, refused.message())?;
            return Err(Error::new(ErrorKind::Authentication, refused.message()));
        }
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
        let phase = by_phase.then(|| Instant::now().checked_add(TOKEN)).flatten();
        let deadline = [deadline, phase].into_iter().flatten().min();
        let came = source.token(user, Limit { deadline, park: &self.park }).await;
        // It may have come while the owner of the source was asked, on this thread.
        let came = match came {
            Ok(_) if self.cancel.is_set() => Err(not_come(cancelled())),
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
}
