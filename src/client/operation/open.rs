//! Opening: from a name to a connection that is secured, greeted and logged in.

use std::time::Instant;

use crate::client::config::TimeoutPolicy;
use crate::client::{Endpoint, Plan};
use crate::error::{Error, ErrorKind, Result};
use crate::sasl::Secret;

use super::{Begun, Client, Command, Needs};

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
            Ok(()) => self.config.is_opened = true,
            Err(_) => self.close(),
        }
        opened
    }

    /// A connection to what was set, if anything was, as far as can be told without asking the
    /// server.
    fn is_open(&mut self) -> bool {
        (self.config.is_opened || self.config.endpoint.host.is_empty())
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
        let has_source = credentials.as_ref().is_some_and(|one| one.source.is_some());
        let login = credentials.as_ref().filter(|_| !has_source).map(|one| {
            let password = one.password.as_ref().map(|text| Secret::from(text.as_bytes()));
            password.map(|password| Command::Login { user: one.user.as_str().into(), password })
        });
        match &login {
            Some(Some(login)) => login.check()?,
            Some(None) => {
                let text = "the credentials have no password: smtp_client_set_credentials() first";
                return Err(Error::new(ErrorKind::Misuse, text));
            }
            None => {}
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
        let plan = plan(self, self.session.channel().loopback);
        let deadline = if plan == Plan::StartTls {
            self.ask_for_tls().await?
        } else {
            self.begin(Needs::Greeting).await?
        };
        let is_offered = self.session.capabilities().starttls();
        if plan == Plan::StartTls || (plan == Plan::IfOffered && is_offered) {
            self.start_tls(deadline).await?;
            self.begin(Needs::Greeting).await?;
        }
        if has_source {
            Box::pin(self.login_by_source(None, deadline)).await?;
        }
        if let Some(Some(login)) = login {
            let started = self.start(login);
            self.operate(started, deadline).await?;
        }
        Ok(())
    }

    /// EHLO, and never HELO behind it: that knows of no STARTTLS, and nothing else goes in clear.
    async fn ask_for_tls(&mut self) -> Begun {
        let deadline = self.begin(Needs::OwnName).await?;
        let started = self.start(Command::Ehlo(None));
        match self.operate(started, deadline).await? {
            200..=299 => Ok(deadline),
            _ => Err(self.session.refusal(ErrorKind::Helo, self.session.hello_verb())),
        }
    }
}
