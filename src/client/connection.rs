//! Making, securing and ending a connection.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::session::{Channel, Protocol, Session};
use crate::transport::{self, Limit, Target, Transport};
use crate::wire::command::check_argument;

use super::config::{CONNECT, TimeoutPolicy};
use super::{Client, not_connected};

/// How long the answer counts that this machine has no name of its own.
const NAMELESS: Duration = Duration::from_secs(60);

/// How long QUIT waits for its reply.
const QUIT: Duration = Duration::from_secs(5);

impl Client {
    /// Connects to a host and port, `host:port`, or the path of a Unix socket, and reads the
    /// greeting. An open connection is closed first.
    pub fn connect(&mut self, host: &str, port: u16) -> Result<()> {
        check_argument("the host", host)?;
        let is_path = host.starts_with('/');
        let (host, port) =
            if is_path { (host.to_owned(), port) } else { transport::split_host_port(host, port)? };
        let port = match port {
            0 if !is_path => self.session.protocol().default_port(),
            port => port,
        };
        self.close();
        let deadline = self.connect_deadline();
        self.session.trace().info(&format!("connect: {host:?}, {port}"));
        if self.audit.as_mut().is_some_and(|audit| !audit.connect(&host, port)) {
            return Err(Error::new(
                ErrorKind::Forbidden,
                format!("the audit callback forbids connecting to {host}:{port}"),
            ));
        }
        let limit = Limit { deadline, cancel: &self.cancel };
        let transport = if is_path {
            Transport::unix(&host, &limit)?
        } else {
            let source = self.config.source.as_ref().map(|(host, port)| (host.as_str(), *port));
            Transport::tcp(&Target { host: &host, port, source }, &limit)?
        };
        // A path names no host that a certificate could be issued for.
        self.host = if is_path { "localhost".to_owned() } else { host };
        self.port = port;
        self.open(transport, deadline)
    }

    /// Takes over a connected stream socket, and reads the greeting. `server_name` is for TLS.
    pub fn connect_fd(&mut self, fd: OwnedFd, server_name: Option<&str>) -> Result<()> {
        let (transport, deadline) = self.take_over(fd, server_name)?;
        self.open(transport, deadline)
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
        self.close();
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

    fn connect_deadline(&self) -> Option<Instant> {
        match self.config.timeout {
            TimeoutPolicy::Rfc => Some(Instant::now() + CONNECT),
            TimeoutPolicy::Never => None,
            TimeoutPolicy::After(time) => Instant::now().checked_add(time),
        }
    }

    /// TLS if it comes first, then the greeting.
    fn open(&mut self, mut transport: Transport, deadline: Option<Instant>) -> Result<()> {
        if self.session.protocol() == Protocol::Smtps {
            let policy = self.config.tls.get_or_insert_default();
            let limit = Limit { deadline, cancel: &self.cancel };
            transport = transport
                .start_tls(policy, &self.host, &limit)
                .map_err(transport::while_connecting)?;
        }
        self.session.opened(channel(&transport));
        self.cancel.holds(transport.fd());
        self.transport = Some(transport);
        self.audited = self.session.total_sent();
        self.answer = None;
        self.drive(deadline);
        let result = self.take_answer().map(drop);
        if result.is_err() {
            self.close();
        }
        result
    }

    /// STARTTLS, the handshake under the TLS policy, and nothing remembered from before
    /// (RFC 3207). The server is greeted first if need be.
    pub fn starttls(&mut self) -> Result<()> {
        let deadline = self.begin()?;
        self.greet(deadline)?;
        self.operate(deadline, Session::start_tls)?;
        let secured = self.secure(deadline);
        if secured.is_err() {
            self.close();
        }
        secured
    }

    fn secure(&mut self, deadline: Option<Instant>) -> Result<()> {
        let mut transport = self.transport.take().ok_or_else(not_connected)?;
        self.session.check_no_injection()?;
        // What the socket holds already cannot answer a handshake that has not begun.
        let mut early = [0; 1];
        if let transport::Io::Done(1) = transport.read(&mut early)? {
            self.session.inject(&early);
            self.session.check_no_injection()?;
        }
        let deadline = deadline.or_else(|| self.phase_deadline());
        let policy = self.config.tls.get_or_insert_default();
        let limit = Limit { deadline, cancel: &self.cancel };
        let transport = transport.start_tls(policy, &self.host, &limit)?;
        self.session.secured(channel(&transport));
        self.transport = Some(transport);
        Ok(())
    }

    /// EHLO, or LHLO; `None` is the local host name.
    pub fn ehlo(&mut self, name: Option<&str>) -> Result<u16> {
        let deadline = self.begin()?;
        let name = self.hello_name(name, deadline)?;
        self.operate(deadline, |session| session.ehlo(&name))
    }

    /// HELO; `None` is the local host name.
    pub fn helo(&mut self, name: Option<&str>) -> Result<u16> {
        let deadline = self.begin()?;
        let name = self.hello_name(name, deadline)?;
        self.operate(deadline, |session| session.helo(&name))
    }

    /// EHLO, and HELO if it is refused, unless the server was greeted before.
    pub fn ehlo_or_helo_if_needed(&mut self) -> Result<()> {
        let deadline = self.begin()?;
        self.greet(deadline)
    }

    pub(super) fn greet(&mut self, deadline: Option<Instant>) -> Result<()> {
        if self.session.greeting().is_greeted() {
            return Ok(());
        }
        let name = self.hello_name(None, deadline)?;
        self.operate(deadline, |session| session.greet(&name)).map(drop)
    }

    /// The caller's name for us; else the FQDN; else our address on this connection.
    fn hello_name(&mut self, name: Option<&str>, deadline: Option<Instant>) -> Result<String> {
        if let Some(name) = name.or(self.config.hostname.as_deref()) {
            return Ok(name.to_owned());
        }
        let asks = self.nameless_until.is_none_or(|until| Instant::now() >= until);
        if self.own_name.is_none() && asks {
            self.look_up_own_name(deadline)?;
        }
        let transport = self.transport.as_ref().ok_or_else(not_connected)?;
        Ok(self.own_name.clone().unwrap_or_else(|| transport.local_literal()))
    }

    /// Kept is what is known: a look-up that failed, or took too long, may succeed another time.
    fn look_up_own_name(&mut self, deadline: Option<Instant>) -> Result<()> {
        match transport::local_hostname(&Limit { deadline, cancel: &self.cancel }) {
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

    /// QUIT. The connection is closed whatever comes; a server that hangs up without a word has
    /// understood, and the result is 0.
    pub fn quit(&mut self) -> Result<u16> {
        let begun = self.begin();
        let deadline = match begun {
            Ok(deadline) => deadline,
            Err(error) => {
                self.close();
                return Err(error);
            }
        };
        let patience = Instant::now() + QUIT;
        let deadline = Some(deadline.map_or(patience, |deadline| deadline.min(patience)));
        let result = self.operate(deadline, Session::quit);
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

    /// The same without touching the connection: a forked child must not take what is its
    /// parent's.
    pub(super) fn abandon(&mut self) {
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

fn is_hang_up(error: &Error) -> bool {
    error.kind() == ErrorKind::Disconnected && error.reply_code() == 0
}

fn channel(transport: &Transport) -> Channel {
    Channel { encrypted: transport.is_tls(), loopback: transport.peer_is_loopback() }
}
