//! Making and ending a connection.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use crate::client::config::{CONNECT, TimeoutPolicy};
use crate::error::{Error, ErrorKind, Result};
use crate::session::{Channel, Protocol};
use crate::transport::{self, Limit, Peer, Target, Transport};
use crate::wire::command::check_argument;

use super::{Begun, Client};

/// How long QUIT waits for its reply.
const QUIT: Duration = Duration::from_secs(5);

impl Client {
    /// Connects and reads the greeting. An open connection is closed first.
    pub(super) async fn connect(&mut self, host: String, port: u16) -> Result<()> {
        let deadline = self.connect_deadline();
        self.aim_by_text(host, port)?;
        let transport = self.reach(&[], deadline).await?;
        self.be_greeted(transport, deadline, self.session.protocol() == Protocol::Smtps).await
    }

    /// The text ends here: what waits holds nothing that a forked child could not free.
    fn aim_by_text(&mut self, host: String, port: u16) -> Result<()> {
        check_argument("the host", &host)?;
        if host.starts_with('/') {
            return self.aim(host, port);
        }
        let (host, port) = transport::split_host_port(&host, port)?;
        let default = self.session.protocol().default_port();
        self.aim(host, if port == 0 { default } else { port })
    }

    /// Connects to the peer, looked up unless its addresses are given.
    pub(super) async fn reach(
        &self,
        addresses: &[String],
        deadline: Option<Instant>,
    ) -> Result<Transport> {
        let limit = Limit { deadline, park: &self.park };
        if self.host.starts_with('/') {
            return Transport::unix(&self.host, limit).await;
        }
        Transport::tcp(&self.target(addresses), limit).await
    }

    pub(super) fn target<'a>(&'a self, addresses: &'a [String]) -> Target<'a> {
        let source = self.config.source.as_ref().map(|(host, port)| (host.as_str(), *port));
        Target { host: &self.host, port: self.port, addresses, source }
    }

    /// Makes that the peer of the next connection; the present one is closed.
    pub(super) fn aim(&mut self, host: String, port: u16) -> Result<()> {
        self.leave();
        self.session.trace().info(&format!("connect: {host:?}, {port}"));
        if self.audit.as_mut().is_some_and(|audit| !audit.connect(&host, port)) {
            return Err(Error::new(
                ErrorKind::Forbidden,
                format!("the audit callback forbids connecting to {host}:{port}"),
            ));
        }
        (self.host, self.port) = (host, port);
        Ok(())
    }

    /// Takes over a connected stream socket, and reads the greeting.
    pub(super) async fn connect_fd(
        &mut self,
        fd: OwnedFd,
        server_name: Option<&str>,
    ) -> Result<()> {
        let (transport, deadline) = self.take_over(fd, server_name)?;
        self.be_greeted(transport, deadline, self.session.protocol() == Protocol::Smtps).await
    }

    /// Takes over a connected stream socket whose greeting the caller has read: nothing is read.
    pub fn adopt_fd(&mut self, fd: OwnedFd, server_name: Option<&str>) -> Result<()> {
        if self.session.protocol() == Protocol::Smtps {
            return Err(Error::new(
                ErrorKind::Misuse,
                "under SMTPS the greeting comes after the TLS handshake, which is this client's",
            ));
        }
        let (transport, _) = self.take_over(fd, server_name)?;
        self.session.adopted(channel(&transport));
        self.cancel.holds(transport.fd());
        self.transport = Some(transport);
        self.audited = self.session.total_sent();
        Ok(())
    }

    fn take_over(
        &mut self,
        fd: OwnedFd,
        server_name: Option<&str>,
    ) -> Result<(Transport, Option<Instant>)> {
        let name = server_name.unwrap_or("localhost");
        check_argument("the server name", name)?;
        transport::check_server_name(name)?;
        self.leave();
        let deadline = self.connect_deadline();
        if self.audit.as_mut().is_some_and(|audit| !audit.connect(name, 0)) {
            return Err(Error::new(
                ErrorKind::Forbidden,
                "the audit callback forbids the connection",
            ));
        }
        let transport = Transport::from_fd(fd)?;
        self.host = name.to_owned();
        self.port = 0;
        Ok((transport, deadline))
    }

    pub(super) fn connect_deadline(&self) -> Option<Instant> {
        match self.config.timeout {
            TimeoutPolicy::Rfc => Some(Instant::now() + CONNECT),
            _ => self.call_deadline(),
        }
    }

    /// TLS if it comes first, then the greeting.
    pub(super) async fn be_greeted(
        &mut self,
        mut transport: Transport,
        deadline: Option<Instant>,
        tls_is_first: bool,
    ) -> Result<()> {
        if tls_is_first {
            let policy = self.config.tls.get_or_insert_default();
            let limit = Limit { deadline, park: &self.park };
            transport = transport
                .start_tls(policy, tls_peer(&self.host, self.port), limit)
                .await
                .map_err(transport::while_connecting)?;
        }
        self.session.opened(channel(&transport));
        self.cancel.holds(transport.fd());
        self.transport = Some(transport);
        self.audited = self.session.total_sent();
        self.answer = None;
        self.drive(deadline).await;
        let result = self.take_answer().map(drop);
        if result.is_err() {
            self.close();
        }
        result
    }

    /// QUIT. The connection is closed whatever comes; a server that hangs up without a word has
    /// understood, and the result is 0.
    pub(super) async fn quit(&mut self, begun: Begun) -> Result<u16> {
        let deadline = match begun {
            Ok(deadline) => deadline,
            Err(error) => {
                self.close();
                return Err(error);
            }
        };
        let patience = Instant::now() + QUIT;
        let deadline = Some(deadline.map_or(patience, |deadline| deadline.min(patience)));
        let started = self.session.quit();
        let result = self.operate(started, deadline).await;
        if let Some(transport) = &mut self.transport {
            transport.shutdown();
        }
        self.close();
        match result {
            // No reply, no code: nothing is made up.
            Err(error) if is_hang_up(&error) => Ok(0),
            result => result,
        }
    }

    /// Closes the connection without a word. Replies that are here already still count.
    pub fn close(&mut self) {
        if !self.session.is_quiet() {
            self.take_arrived();
        }
        self.abandon();
    }

    /// Closes the connection for another, which `open` will not take for its own.
    fn leave(&mut self) {
        self.close();
        self.config.is_opened = false;
    }

    /// The same without touching the connection: a forked child must not take what is its
    /// parent's.
    pub(in crate::client) fn abandon(&mut self) {
        if self.transport.is_some() {
            self.session.trace().info("close");
        }
        self.session.lost(Error::new(ErrorKind::Disconnected, "the connection was closed"));
        self.take_events();
        self.transport = None;
        self.session.closed();
        self.forget_batch();
    }
}

/// Whom the certificate must be for: a path names nobody.
pub(super) fn tls_peer(host: &str, port: u16) -> Peer<'_> {
    Peer { host: if host.starts_with('/') { "localhost" } else { host }, port }
}

fn is_hang_up(error: &Error) -> bool {
    error.kind() == ErrorKind::Disconnected && error.reply_code() == 0
}

pub(super) fn channel(transport: &Transport) -> Channel {
    Channel { encrypted: transport.is_tls(), loopback: transport.peer_is_loopback() }
}
