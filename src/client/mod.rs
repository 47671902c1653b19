//! The blocking client: settings, one connection after another, and the loop that moves bytes
//! between the session and the socket. It decides nothing about the protocol.

mod auth;
mod config;
mod connection;
mod drive;
mod send;
mod trace;

pub use config::TimeoutPolicy;
pub use send::{Mail, Refused};

pub use crate::message::{Envelope, Submission};
pub use crate::sasl::{Mechanism, Secret, is_builtin as is_known_mechanism};
pub use crate::session::{
    Body, BodyReader, DebugSink, Direction, Protocol, RecipientStatus, Transaction,
};
pub use crate::transport::{Cancel, Signal, TlsPolicy, TlsVersion, Verify, errno, fork};
pub use crate::wire::{EnhancedStatus, Reply};

use std::time::Instant;

use crate::error::{Error, ErrorKind, Result, printable};
use crate::session::{Session, check_name};
use crate::transport::{self, Transport};

use config::Config;
use send::Pending;

/// Called before each connect and each send; refusing forbids it (smtplib's audit events).
pub trait Audit: Send {
    fn connect(&mut self, host: &str, port: u16) -> bool;
    fn send(&mut self, bytes: &[u8]) -> bool;
}

/// Told how much of a message went out.
pub trait Progress: Send {
    fn sent(&mut self, sent: u64, total: Option<u64>);
}

/// Takes back the transactions given to [`Client::submit`].
pub trait Completion: Send {
    fn completed(&mut self, transaction: Box<Transaction>);
}

/// A client: any number of connections, one after another.
pub struct Client {
    config: Config,
    session: Session,
    transport: Option<Transport>,
    cancel: Cancel,
    /// The host of the connection, for TLS and audit.
    host: String,
    port: u16,
    /// The looked-up name for EHLO.
    own_name: Option<String>,
    /// There was none, which counts for a while.
    nameless_until: Option<Instant>,
    debug_level: Option<u8>,
    custom_sink: bool,
    audit: Option<Box<dyn Audit>>,
    /// How far into the stream the audit has agreed.
    audited: u64,
    progress: Option<Box<dyn Progress>>,
    completion: Option<Box<dyn Completion>>,
    pending: Pending,
    refused: Vec<Refused>,
    /// The result of the operation that has ended.
    answer: Option<Result<u16>>,
    /// Read buffer, kept between calls.
    inbox: Vec<u8>,
}

impl Drop for Client {
    /// Submitted transactions go back to their owner; nothing is sent.
    fn drop(&mut self) {
        self.abandon();
    }
}

impl Client {
    pub fn new(protocol: Protocol) -> Result<Self> {
        Ok(Client::cancelled_by(Cancel::new()?, protocol))
    }

    /// A client whose calls end when that says so.
    pub fn cancelled_by(cancel: Cancel, protocol: Protocol) -> Self {
        Client {
            config: Config::default(),
            session: Session::new(protocol),
            transport: None,
            cancel,
            host: String::new(),
            port: 0,
            own_name: None,
            nameless_until: None,
            debug_level: None,
            custom_sink: false,
            audit: None,
            audited: 0,
            progress: None,
            completion: None,
            pending: Pending::default(),
            refused: Vec::new(),
            answer: None,
            inbox: Vec::new(),
        }
    }

    /// Ends the call that is running, from any thread or signal handler, and all that follow,
    /// until [`Cancel::clear`].
    pub fn canceller(&self) -> Cancel {
        self.cancel.clone()
    }

    pub fn set_local_hostname(&mut self, name: &str) -> Result<()> {
        check_name(name)?;
        self.config.hostname = Some(name.to_owned());
        Ok(())
    }

    pub fn set_timeout(&mut self, timeout: TimeoutPolicy) {
        self.config.timeout = timeout;
    }

    pub fn set_source_address(&mut self, host: Option<&str>, port: u16) -> Result<()> {
        let host = host.unwrap_or("");
        if !host.is_empty() && !transport::is_address(host) {
            let text =
                format!("the source address {} is no IP address", printable(host.as_bytes(), 256));
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        self.config.source = (!host.is_empty() || port != 0).then(|| (host.to_owned(), port));
        Ok(())
    }

    pub fn local_hostname(&self) -> Option<&str> {
        self.config.hostname.as_deref()
    }

    pub fn timeout(&self) -> TimeoutPolicy {
        self.config.timeout
    }

    /// The local address (`""` for any) and port (0 for any), if one of them was set.
    pub fn source_address(&self) -> Option<(&str, u16)> {
        self.config.source.as_ref().map(|(host, port)| (host.as_str(), *port))
    }

    pub fn set_tls(&mut self, policy: TlsPolicy) {
        self.config.tls = Some(policy);
    }

    pub fn set_pipelining(&mut self, on: bool) {
        self.session.options.pipelining = on;
    }

    pub fn set_chunking(&mut self, on: bool) {
        self.session.options.chunking = on;
    }

    /// Most transactions in flight without their final reply; 0 adapts to the connection.
    pub fn set_window(&mut self, transactions: usize) {
        self.session.options.window = transactions;
    }

    pub fn set_initial_response(&mut self, on: bool) {
        self.session.options.initial_response = on;
    }

    pub fn set_allow_plaintext_auth(&mut self, on: bool) {
        self.config.allow_plaintext_auth = on;
    }

    pub fn set_audit(&mut self, audit: Option<Box<dyn Audit>>) {
        self.audit = audit;
    }

    pub fn set_progress(&mut self, progress: Option<Box<dyn Progress>>) {
        self.progress = progress;
    }

    pub fn set_completion(&mut self, sink: Option<Box<dyn Completion>>) {
        self.completion = sink;
    }

    pub fn has_completion(&self) -> bool {
        self.completion.is_some()
    }

    /// One command, one reply (smtplib: `docmd`).
    pub fn docmd(&mut self, command: &str, args: Option<&str>) -> Result<u16> {
        self.run(|session| session.command(command, args.unwrap_or("")))
    }

    /// A command whose reply [`Client::getreply`] fetches (smtplib: `putcmd`).
    pub fn putcmd(&mut self, command: &str, args: Option<&str>) -> Result<()> {
        let deadline = self.begin()?;
        self.write_out(deadline, |session| session.put(command, args.unwrap_or("")))
    }

    /// One reply (smtplib: `getreply`).
    pub fn getreply(&mut self) -> Result<u16> {
        self.run(Session::collect)
    }

    /// The caller's own bytes (smtplib: `send`).
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<()> {
        let deadline = self.begin()?;
        bytes
            .chunks(SEND_PIECE)
            .try_for_each(|piece| self.write_out(deadline, |session| session.raw(piece)))
    }

    pub fn noop(&mut self) -> Result<u16> {
        self.docmd("NOOP", None)
    }

    pub fn rset(&mut self) -> Result<u16> {
        self.docmd("RSET", None)
    }

    pub fn help(&mut self, args: Option<&str>) -> Result<u16> {
        self.docmd("HELP", args)
    }

    pub fn verify(&mut self, address: &str) -> Result<u16> {
        self.run(|session| session.address_query("VRFY", address))
    }

    pub fn expn(&mut self, list: &str) -> Result<u16> {
        self.run(|session| session.address_query("EXPN", list))
    }

    pub fn mail(&mut self, sender: &str, options: &[&str]) -> Result<u16> {
        self.run(|session| session.mail(sender, options))
    }

    pub fn rcpt(&mut self, recipient: &str, options: &[&str]) -> Result<u16> {
        self.run(|session| session.rcpt(recipient, options))
    }

    /// DATA and the message; the final reply's code, whatever it is (smtplib: `data`).
    pub fn data(&mut self, message: &'static [u8]) -> Result<u16> {
        self.run(|session| session.data(message))
    }

    /// The reply that was read last.
    pub fn reply(&self) -> &Reply {
        self.session.reply()
    }

    pub fn helo_response(&self) -> Option<&[u8]> {
        self.session.greeting().helo_response()
    }

    pub fn ehlo_response(&self) -> Option<&[u8]> {
        self.session.greeting().ehlo_response()
    }

    pub fn does_esmtp(&self) -> bool {
        self.session.greeting().does_esmtp()
    }

    pub fn has_extension(&self, name: &str) -> bool {
        self.session.capabilities().has(name)
    }

    pub fn extension_params(&self, name: &str) -> Option<&str> {
        self.session.capabilities().params(name)
    }

    pub fn extension_count(&self) -> usize {
        self.session.capabilities().len()
    }

    pub fn extension_name(&self, index: usize) -> Option<&str> {
        self.session.capabilities().name(index)
    }

    pub fn is_connected(&self) -> bool {
        self.transport.is_some()
    }

    pub fn is_encrypted(&self) -> bool {
        self.transport.as_ref().is_some_and(Transport::is_tls)
    }

    /// The server's certificate in DER.
    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        self.transport.as_ref()?.peer_certificate()
    }

    pub fn fd(&self) -> Option<i32> {
        self.transport.as_ref().map(Transport::fd)
    }

    /// The last `sendmail` or `send_message` with the fate of every recipient.
    pub fn last_mail(&self) -> Option<&Transaction> {
        self.pending.last_mail()
    }

    /// Recipients that the last `sendmail` or `send_message` could not deliver to.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}

/// How much of the caller's own bytes is buffered at a time.
const SEND_PIECE: usize = 256 * 1024;

fn not_connected() -> Error {
    Error::new(ErrorKind::Disconnected, "not connected: call connect first")
}
