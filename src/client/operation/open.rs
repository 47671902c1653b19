//! Opening: from a name to a connection that is secured, greeted and logged in.

use std::time::Instant;

use crate::client::config::TimeoutPolicy;
use crate::client::{Endpoint, Plan};
use crate::error::{Error, ErrorKind, Result};
use crate::sasl::Secret;

use super::{Client, Command, Needs};

impl Client {
    /// Nothing, if the connection is there; else all of it, under one deadline. What fails leaves
    /// no connection.
    pub(super) async fn open(&mut self) -> Result<()> {
        if self.is_open() {
            return Ok(());
        }
        if let TimeoutPolicy::After(time) = self.config.timeout {
            self.whole = Instant::now().checked_add(time);
        }
        let opened = self.set_up().await;
        self.whole = None;
        match opened {
            Ok(()) => self.config.is_new_endpoint = false,
            Err(_) => self.close(),
        }
        opened
    }

    /// A connection to what was set, as far as can be told without asking the server.
    fn is_open(&mut self) -> bool {
        !self.config.is_new_endpoint
            && self.transport.is_some()
            && self.attend().is_none()
            && self.transport.is_some()
    }

    async fn set_up(&mut self) -> Result<()> {
        let Endpoint { host, credentials, addresses, .. } = &self.config.endpoint;
        if host.is_empty() {
            let text = "no server was set: smtp_client_set_url() or smtp_client_set_host() first";
            return Err(Error::new(ErrorKind::Misuse, text));
        }
        let login = credentials.as_ref().map(|one| {
            let password = one.password.as_ref().map(|text| Secret::from(text.as_bytes()));
            password.map(|password| Command::Login { user: one.user.to_string(), password })
        });
        if matches!(login, Some(None)) {
            let text = "the credentials have no password: smtp_client_set_credentials() first";
            return Err(Error::new(ErrorKind::Misuse, text));
        }
        let (host, addresses) = (host.clone(), addresses.clone());
        let protocol = self.session.protocol();
        let port = self.config.endpoint.port(protocol);
        let plan = |client: &Client, is_local| client.config.endpoint.plan(protocol, is_local);
        let is_first = plan(self, false) == Plan::Tls;

        let deadline = self.connect_deadline();
        self.aim(host, port)?;
        let transport = self.reach(&addresses, deadline).await?;
        self.be_greeted(transport, deadline, is_first).await?;
        let deadline = self.begin(Needs::Greeting).await?;
        match plan(self, self.session.channel().loopback) {
            Plan::Clear | Plan::Tls => {}
            Plan::IfOffered if !self.session.capabilities().has("STARTTLS") => {}
            Plan::IfOffered | Plan::StartTls => {
                self.start_tls(deadline).await?;
                self.begin(Needs::Greeting).await?;
            }
        }
        if let Some(Some(login)) = login {
            let started = self.start(login);
            self.operate(started, deadline).await?;
        }
        Ok(())
    }
}
