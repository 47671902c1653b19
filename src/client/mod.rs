//! The client: settings, one connection after another, and the loop that moves bytes between the
//! session and the socket. It decides nothing about the protocol.
//!
//! What may have to wait is an [`Operation`], which [`Client::perform`] runs; a [`Driver`] decides
//! whether the caller waits for it or his event loop does.

mod advice;
mod attend;
mod config;
mod drive;
mod driver;
mod endpoint;
mod mime;
mod operation;
mod report;
mod security;
mod setup;
mod token;
mod trace;
mod url;

pub use advice::{Advice, Mistake, advice};
pub use config::TimeoutPolicy;
pub use driver::Driver;
pub use endpoint::{Credentials, Endpoint};
pub use mime::{random, set_mime};
pub use operation::{Bytes, Command, Mail, Operation, Refused};
pub use report::{Address, Fact, OtherWay, Phase, Report, TlsFacts};
pub use security::{Plan, Security};
pub use token::{Token, TokenOwner, TokenReason, TokenRequest, TokenSource};

pub use crate::message::build::{Built, Content, Date, Fresh, Message, Role, Stream};
pub use crate::message::{Envelope, Submission};
pub use crate::sasl::{Mechanism, Secret, has_password, is_builtin as is_known_mechanism};
pub use crate::session::{
    Body, BodyReader, DebugSink, Direction, NextTry, Protocol, Reached, RecipientStatus,
    Transaction, advise, advise_reply,
};
pub use crate::transport::{
    Cancel, IS_TLS_FULL, Signal, TlsInfo, TlsPolicy, TlsVersion, Verify, errno, fork,
};
pub use crate::wire::{EnhancedStatus, Reply};

use std::time::Instant;

use crate::error::{Error, ErrorKind, Result, printable};
use crate::sasl;
use crate::session::{Session, check_name};
use crate::transport::{self, Park, Transport};
use crate::wire::command::check_argument;

use config::Config;
use operation::Pending;

/// Called before each connect and each send; refusing forbids it (smtplib's audit events).
pub trait Audit: Send {
    fn connect(&mut self, host: &str, port: u16) -> bool;
    fn send(&mut self, bytes: &[u8]) -> bool;
}

/// Told how much of a message went out.
pub trait Progress: Send {
    fn sent(&mut self, sent: u64, total: Option<u64>);
}

/// Takes back the transactions given to [`Operation::Submit`].
pub trait Completion: Send {
    fn completed(&mut self, transaction: Box<Transaction>);
}

/// A client: any number of connections, one after another.
pub struct Client {
    config: Config,
    session: Session,
    transport: Option<Transport>,
    /// Where its operations wait.
    park: Park,
    /// Told what the connection's descriptor is.
    cancel: Cancel,
    /// The host of the connection, for TLS and audit.
    host: String,
    port: u16,
    /// The end of an operation that is made of several.
    whole: Option<Instant>,
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
    /// What the last probe saw, until it is taken.
    report: Option<Box<Report>>,
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
            park: Park::default(),
            cancel,
            host: String::new(),
            port: 0,
            whole: None,
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
            report: None,
            answer: None,
            inbox: Vec::new(),
        }
    }

    /// Ends the operation that is running, from any thread or signal handler, and all that follow,
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

    /// Which mechanisms `login` tries, in which order; names separated by spaces, empty for the
    /// library's own order.
    pub fn set_auth_mechanisms(&mut self, names: &str) -> Result<()> {
        let mut mechanisms = Vec::new();
        check_argument("the mechanisms", names)?;
        for name in names.split(' ').filter(|name| !name.is_empty()) {
            sasl::check_name(name)?;
            if !sasl::is_builtin(name) {
                return Err(Error::new(
                    ErrorKind::NotSupported,
                    format!("{name}: login knows {}", sasl::builtin_names().join(" ")),
                ));
            }
            mechanisms.push(name.to_ascii_uppercase());
        }
        self.config.mechanisms = mechanisms;
        Ok(())
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

    /// `None` where the connection has no such thing, or is none of TLS.
    pub fn tls_info(&self, what: TlsInfo) -> Result<Option<String>> {
        self.transport.as_ref().map_or(Ok(None), |transport| transport.tls_info(what))
    }

    pub fn fd(&self) -> Option<i32> {
        self.transport.as_ref().map(Transport::fd)
    }

    /// The last `sendmail` or `send_message` with the fate of every recipient.
    pub fn last_mail(&self) -> Option<&Transaction> {
        self.pending.last_mail()
    }

    /// What the last probe saw, once.
    pub fn take_report(&mut self) -> Option<Box<Report>> {
        self.report.take()
    }

    /// Recipients that the last `sendmail` or `send_message` could not deliver to.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}

fn not_connected() -> Error {
    Error::new(ErrorKind::Disconnected, "not connected: call connect first")
}
