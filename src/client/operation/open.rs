//! Opening: from a name to a connection that is secured, greeted and logged in.

use std::time::Instant;

use crate::client::config::TimeoutPolicy;
use crate::client::{Endpoint, Plan};
use crate::error::{Error, ErrorKind, Result};

use super::{Begun, Client, Command, Needs};

/// How the client logs in by itself.
pub(super) enum OwnLogin {
    None,
    ByPassword(Command),
    BySource,
}

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
        let Endpoint { host, addresses, .. } = &self.config.endpoint;
        if host.is_empty() {
            let text = "no server was set: smtp_client_set_url() or smtp_client_set_host() first";
            return Err(Error::new(ErrorKind::Misuse, text));
        }
        let login = self.own_login()?;
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
        match login {
            OwnLogin::None => {}
            OwnLogin::ByPassword(login) => {
                let started = self.start(login);
                self.operate(started, deadline).await?;
            }
            OwnLogin::BySource => Box::pin(self.login_by_source(None, deadline)).await?,
        }
        Ok(())
    }

    /// What the credentials that were set ask for; what can be told beforehand is told.
    pub(super) fn own_login(&self) -> Result<OwnLogin> {
        let Some(credentials) = &self.config.endpoint.credentials else {
            return Ok(OwnLogin::None);
        };
        if credentials.source.is_some() {
            return Ok(OwnLogin::BySource);
        }
        let Some(password) = &credentials.password else {
            let text = "the credentials have no password: smtp_client_set_credentials() first";
            return Err(Error::new(ErrorKind::Misuse, text));
        };
        let (user, password) = (credentials.user.as_str().into(), password.as_str().into());
        let login = Command::Login { user, password };
        login.check()?;
        Ok(OwnLogin::ByPassword(login))
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
