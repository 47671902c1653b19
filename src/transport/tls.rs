//! TLS by native-tls over the one socket type, under a policy that verifies by default.
//!
//! The TLS library reads from and writes to buffers: several records go out in one send, and one
//! receive brings several records in.

use std::io::{self, Read, Write};
use std::sync::{Arc, OnceLock};

use native_tls::{HandshakeError, Identity, TlsConnector, TlsStream};

use crate::error::{Error, ErrorKind, Result};

use super::certificate;
use super::socket::Socket;
use super::{Io, Limit};

/// What is verified of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// The chain, the dates, and that the certificate is for this host.
    #[default]
    Full,
    /// The chain and the dates, whatever host it is for.
    Certificate,
    /// Nothing.
    None,
}

/// A protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

impl TlsVersion {
    fn native(self) -> native_tls::Protocol {
        match self {
            TlsVersion::Tls12 => native_tls::Protocol::Tlsv12,
            TlsVersion::Tls13 => native_tls::Protocol::Tlsv13,
        }
    }
}

/// Whom to trust and what to show. Copies share the loaded trust store.
#[derive(Clone, Default)]
pub struct TlsPolicy {
    settings: Settings,
    /// Built at first use, for loading the system's roots takes milliseconds.
    connector: Arc<OnceLock<TlsConnector>>,
}

#[derive(Clone)]
struct Settings {
    roots: Vec<native_tls::Certificate>,
    system_roots: bool,
    identity: Option<Identity>,
    verify: Verify,
    min_version: TlsVersion,
    max_version: Option<TlsVersion>,
    server_name: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            roots: Vec::new(),
            system_roots: true,
            identity: None,
            verify: Verify::Full,
            min_version: TlsVersion::Tls12,
            max_version: None,
            server_name: None,
        }
    }
}

impl TlsPolicy {
    fn change(&mut self) -> &mut Settings {
        self.connector = Arc::default();
        &mut self.settings
    }

    /// Trusts the certificates in a PEM file, besides the system's if those are on.
    pub fn set_ca_file(&mut self, path: &str) -> Result<()> {
        let pem = certificate::read_file(path)?;
        self.add_ca_pem(&pem).map_err(|error| error.in_context(path))
    }

    /// Trusts the certificates in PEM.
    pub fn add_ca_pem(&mut self, pem: &[u8]) -> Result<()> {
        let roots = certificate::parse_roots(pem)?;
        self.change().roots.extend(roots);
        Ok(())
    }

    pub fn set_system_roots(&mut self, on: bool) {
        self.change().system_roots = on;
    }

    /// Shows a client certificate; both in PEM, the key in the same file if it has none of its
    /// own.
    pub fn set_client_certificate(&mut self, file: &str, key_file: Option<&str>) -> Result<()> {
        let identity = certificate::identity_from_files(file, key_file)?;
        self.change().identity = Some(identity);
        Ok(())
    }

    /// Shows a client certificate from PKCS#12.
    pub fn set_client_pkcs12(&mut self, data: &[u8], password: &str) -> Result<()> {
        let identity = certificate::identity_from_pkcs12(data, password)?;
        self.change().identity = Some(identity);
        Ok(())
    }

    pub fn set_verify(&mut self, verify: Verify) {
        self.change().verify = verify;
    }

    pub fn set_min_version(&mut self, version: TlsVersion) {
        self.change().min_version = version;
    }

    pub fn set_max_version(&mut self, version: TlsVersion) {
        self.change().max_version = Some(version);
    }

    /// The name to send and verify in place of the host connected to.
    pub fn set_server_name(&mut self, name: &str) -> Result<()> {
        if name.is_empty() || name.contains(|c: char| c.is_control() || c == ' ') {
            return Err(Error::new(ErrorKind::InvalidArgument, "the server name is no host name"));
        }
        self.settings.server_name = Some(name.to_owned());
        Ok(())
    }

    fn connector(&self) -> Result<&TlsConnector> {
        if let Some(connector) = self.connector.get() {
            return Ok(connector);
        }
        let settings = &self.settings;
        let mut builder = TlsConnector::builder();
        builder
            .min_protocol_version(Some(settings.min_version.native()))
            .max_protocol_version(settings.max_version.map(TlsVersion::native))
            .disable_built_in_roots(!settings.system_roots)
            .danger_accept_invalid_certs(settings.verify == Verify::None)
            .danger_accept_invalid_hostnames(settings.verify != Verify::Full);
        for root in &settings.roots {
            builder.add_root_certificate(root.clone());
        }
        if let Some(identity) = &settings.identity {
            builder.identity(identity.clone());
        }
        let built = builder.build().map_err(|error| tls_error(&certificate::reason(&error)))?;
        Ok(self.connector.get_or_init(|| built))
    }
}

/// Connects TLS over a socket. On an error the socket is closed and nothing more was sent.
pub(super) fn handshake(
    policy: &TlsPolicy,
    server_name: &str,
    socket: Socket,
    limit: &Limit<'_>,
) -> Result<TlsSocket> {
    let name = policy.settings.server_name.as_deref().unwrap_or(server_name);
    // A zone says which interface, and is no part of a certificate.
    let name = name.split('%').next().unwrap_or(name);
    let mut attempt = policy.connector()?.connect(name, Buffered::new(socket));
    loop {
        match attempt {
            Ok(stream) => {
                let stream = TlsSocket { stream };
                if policy.settings.verify == Verify::Full {
                    certificate::check_names(stream.peer_certificate().as_deref(), name)?;
                }
                return Ok(stream);
            }
            Err(HandshakeError::WouldBlock(mut middle)) => {
                let buffered = middle.get_mut();
                buffered
                    .send_pending()
                    .map_err(|error| super::socket::failed("sending the TLS handshake", &error))?;
                let pending = buffered.is_pending();
                buffered
                    .socket
                    .wait(true, pending, limit)
                    .map_err(|error| error.in_context("TLS handshake"))?;
                attempt = middle.handshake();
            }
            Err(HandshakeError::Failure(error)) => {
                return Err(tls_error(&certificate::handshake_reason(&error, name)));
            }
        }
    }
}

fn tls_error(reason: &str) -> Error {
    Error::new(ErrorKind::Tls, format!("TLS: {reason}"))
}

/// A TLS connection.
pub(super) struct TlsSocket {
    stream: TlsStream<Buffered>,
}

impl TlsSocket {
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Io> {
        match self.stream.read(buffer) {
            Ok(count) => Ok(Io::Done(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Io::Blocked),
            Err(error) => match certificate::io_reason(&error) {
                // The parser knows whether the end came in the middle of a reply.
                certificate::Failure::Ended => Ok(Io::Done(0)),
                certificate::Failure::Tls(reason) => Err(tls_error(&reason)),
                certificate::Failure::Io => Err(super::socket::failed("receiving", &error)),
            },
        }
    }

    pub fn write(&mut self, parts: [&[u8]; 2]) -> Result<Io> {
        self.send_pending()?;
        let mut total = 0;
        for part in parts {
            let mut rest = part;
            while !rest.is_empty() {
                match self.stream.write(rest) {
                    Ok(count) => {
                        total += count;
                        rest = &rest[count..];
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.send_pending()?;
                        if self.stream.get_ref().is_full() {
                            return Ok(if total > 0 { Io::Done(total) } else { Io::Blocked });
                        }
                    }
                    Err(error) => return Err(write_error(&error)),
                }
            }
        }
        self.send_pending()?;
        Ok(if total > 0 { Io::Done(total) } else { Io::Blocked })
    }

    fn send_pending(&mut self) -> Result<()> {
        let sent = self.stream.get_mut().send_pending();
        sent.map_err(|error| super::socket::failed("sending", &error))
    }

    pub fn has_buffered(&self) -> bool {
        self.stream.get_ref().has_input()
            || self.stream.buffered_read_size().is_ok_and(|size| size > 0)
    }

    pub fn is_pending(&self) -> bool {
        self.stream.get_ref().is_pending()
    }

    pub fn shutdown(&mut self) {
        // Whether the peer hears it is no longer anybody's concern.
        let _ = self.stream.shutdown();
        let _ = self.stream.get_mut().send_pending();
    }

    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        self.stream.peer_certificate().ok()??.to_der().ok()
    }

    pub fn socket(&self) -> &Socket {
        &self.stream.get_ref().socket
    }
}

fn write_error(error: &io::Error) -> Error {
    match certificate::io_reason(error) {
        certificate::Failure::Tls(reason) => tls_error(&reason),
        _ => super::socket::failed("sending", error),
    }
}

/// Most ciphertext kept for the socket; eight records go out in one send.
const OUTGOING: usize = 128 * 1024;

/// How much ciphertext is received at once: a whole record and the start of the next.
const INCOMING: usize = 32 * 1024;

/// The socket as the TLS library sees it.
struct Buffered {
    socket: Socket,
    outgoing: Vec<u8>,
    sent: usize,
    incoming: Vec<u8>,
    from: usize,
    to: usize,
}

impl Buffered {
    fn new(socket: Socket) -> Self {
        Buffered {
            socket,
            outgoing: Vec::new(),
            sent: 0,
            incoming: vec![0; INCOMING],
            from: 0,
            to: 0,
        }
    }

    fn send_pending(&mut self) -> io::Result<()> {
        while self.is_pending() {
            match self.socket.transmit([&self.outgoing[self.sent..], &[]]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.outgoing.clear();
        self.sent = 0;
        Ok(())
    }

    fn is_pending(&self) -> bool {
        self.sent < self.outgoing.len()
    }

    fn is_full(&self) -> bool {
        self.outgoing.len() >= OUTGOING
    }

    fn has_input(&self) -> bool {
        self.from < self.to
    }
}

impl Read for Buffered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.has_input() {
            self.to = 0;
            self.from = 0;
            self.to = self.socket.receive(&mut self.incoming)?;
        }
        let count = buffer.len().min(self.to - self.from);
        buffer[..count].copy_from_slice(&self.incoming[self.from..self.from + count]);
        self.from += count;
        Ok(count)
    }
}

impl Write for Buffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_full() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Sending is ours to do, when records have gathered.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
