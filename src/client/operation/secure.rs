//! Greeting a server and securing the connection to it.

use std::time::{Duration, Instant};

use crate::client::not_connected;
use crate::error::{ErrorKind, Result};
use crate::transport::{self, Limit, TlsPolicy};

use super::Client;
use super::connect::{channel, tls_peer};

/// How long the answer counts that this machine has no name of its own.
const NAMELESS: Duration = Duration::from_secs(60);

impl Client {
    /// STARTTLS, the handshake under the TLS policy, and nothing remembered from before
    /// (RFC 3207).
    pub(super) async fn start_tls(&mut self, deadline: Option<Instant>) -> Result<()> {
        self.start_tls_under(None, deadline).await
    }

    /// The same under another policy.
    pub(super) async fn start_tls_under(
        &mut self,
        policy: Option<&TlsPolicy>,
        deadline: Option<Instant>,
    ) -> Result<()> {
        let started = self.session.start_tls();
        self.operate(started, deadline).await?;
        let secured = self.secure(policy, deadline).await;
        if secured.is_err() {
            self.close();
        }
        secured
    }

    async fn secure(
        &mut self,
        policy: Option<&TlsPolicy>,
        deadline: Option<Instant>,
    ) -> Result<()> {
        let mut transport = self.transport.take().ok_or_else(not_connected)?;
        self.session.check_no_injection()?;
        // What the socket holds already cannot answer a handshake that has not begun.
        let mut early = [0; 1];
        if let transport::Io::Done(1) = transport.read(&mut early)? {
            self.session.inject(&early);
            self.session.check_no_injection()?;
        }
        let deadline = deadline.or_else(|| self.phase_deadline());
        let policy = policy.unwrap_or_else(|| self.config.tls.get_or_insert_default());
        let limit = Limit { deadline, park: &self.park };
        let transport = transport.start_tls(policy, tls_peer(&self.host, self.port), limit).await?;
        self.session.secured(channel(&transport));
        self.transport = Some(transport);
        Ok(())
    }

    pub(super) fn greet(&mut self) -> Result<()> {
        let name = self.hello_name(None)?;
        self.session.greet(&name)
    }

    /// The caller's name for us; else the FQDN; else our address on this connection.
    pub(super) fn hello_name(&self, name: Option<String>) -> Result<String> {
        if let Some(name) = name.or_else(|| self.config.hostname.clone()) {
            return Ok(name);
        }
        let transport = self.transport.as_ref().ok_or_else(not_connected)?;
        Ok(self.own_name.clone().unwrap_or_else(|| transport.local_literal()))
    }

    /// The name by which we greet may have to be looked up.
    pub(super) fn lacks_name(&self) -> bool {
        let asks = self.nameless_until.is_none_or(|until| Instant::now() >= until);
        self.config.hostname.is_none() && self.own_name.is_none() && asks
    }

    /// Kept is what is known: a look-up that failed, or took too long, may succeed another time.
    pub(super) async fn look_up_own_name(&mut self, deadline: Option<Instant>) -> Result<()> {
        match transport::local_hostname(Limit { deadline, park: &self.park }).await {
            Ok(Some(name)) => self.own_name = Some(name),
            Ok(None) => self.nameless_until = Instant::now().checked_add(NAMELESS),
            Err(error) => {
                let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
                if error.kind() == ErrorKind::Cancelled || late {
                    self.close();
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
