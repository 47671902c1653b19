//! The engine on OpenSSL itself.

#[allow(unsafe_code)]
mod calls;
mod info;
#[allow(unsafe_code)]
mod key_store;
mod parts;
mod registry;
mod roots;
mod tickets;
mod trust;
mod verify;

use std::net::IpAddr;
use std::sync::Arc;

use ::openssl::error::ErrorStack;
use ::openssl::hash::{MessageDigest, hash};
use ::openssl::pkey::{PKey, Private};
use ::openssl::ssl::{self, ErrorCode, ShutdownState, Ssl, SslRef, SslStream, SslVersion};
use ::openssl::x509::X509;
use ::openssl::x509::verify::X509CheckFlags;

use crate::error::{Error, Result};

use super::ciphertext::Ciphertext;
use super::policy::{Settings, TlsVersion, Verify};
use super::{Binding, Engine, Io, Peer, TlsInfo, fault};
use roots::Root;
use tickets::Tickets;
use trust::Trust;
use verify::Check;

/// What clients of one policy share.
#[derive(Clone)]
pub(super) struct Context {
    trust: Arc<Trust>,
    tickets: Option<Arc<Tickets>>,
}

pub(super) struct OpenSsl {
    stream: SslStream<Ciphertext>,
    check: Arc<Check>,
}

impl Engine for OpenSsl {
    type Context = Context;
    type Loaded = Vec<Arc<Root>>;

    const IS_FULL: bool = true;

    fn prepare(settings: &Settings) -> Result<Context> {
        let trust = trust::of(settings)?;
        let tickets = settings.resumes.then(Arc::default);
        Ok(Context { trust, tickets })
    }

    fn load_key(uri: &str) -> Result<(PKey<Private>, Vec<X509>)> {
        key_store::load(uri)
    }

    fn load(context: &Context) -> (Result<()>, Vec<Arc<Root>>) {
        context.trust.load()
    }

    fn begin(
        context: &Context,
        settings: &Settings,
        peer: Peer<'_>,
        name: &str,
        ciphertext: Ciphertext,
    ) -> Result<Self> {
        let mut ssl = Ssl::new(context.trust.context()).map_err(setup)?;
        let check = Arc::new(Check::new(&context.trust, settings, name));
        configure(&mut ssl, &context.trust, settings, name).map_err(setup)?;
        verify::install(&mut ssl, &check).map_err(setup)?;
        if let Some(tickets) = &context.tickets {
            tickets.offer(&mut ssl, peer, name).map_err(setup)?;
        }
        let stream = SslStream::new(ssl, ciphertext).map_err(setup)?;
        Ok(OpenSsl { stream, check })
    }

    fn handshake(mut self) -> Result<(Self, bool)> {
        match self.stream.connect() {
            Ok(()) => Ok((self, true)),
            Err(error) if is_blocked(&error) => Ok((self, false)),
            Err(error) => Err(self.refusal(&error)),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<Io> {
        match self.stream.ssl_read(buffer) {
            Ok(count) => Ok(Io::Done(count)),
            Err(error) if is_blocked(&error) => {
                // For a ticket OpenSSL takes the one for writing as well, and keeps it.
                calls::free_buffers(self.stream.ssl());
                Ok(Io::Blocked)
            }
            // The parser knows whether the end came in the middle of a reply.
            Err(error) if is_end(&error) => Ok(Io::Done(0)),
            Err(error) => Err(of_stream("receiving", &error)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<Io> {
        match self.stream.ssl_write(bytes) {
            Ok(count) => Ok(Io::Done(count)),
            Err(error) if is_blocked(&error) => Ok(Io::Blocked),
            Err(error) => Err(of_stream("sending", &error)),
        }
    }

    fn has_plaintext(&self) -> bool {
        self.stream.ssl().pending() > 0
    }

    fn say_goodbye(&mut self) {
        let _ = self.stream.shutdown();
    }

    fn keep_session(&mut self, _: bool) {
        self.stream.set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
    }

    fn ciphertext(&self) -> &Ciphertext {
        self.stream.get_ref()
    }

    fn ciphertext_mut(&mut self) -> &mut Ciphertext {
        self.stream.get_mut()
    }

    fn peer_certificate(&self) -> Option<Vec<u8>> {
        self.stream.ssl().peer_certificate()?.to_der().ok()
    }

    fn info(&self, what: TlsInfo) -> Result<Option<String>> {
        Ok(info::of(self.stream.ssl(), what))
    }

    fn channel_binding(&self) -> Option<Binding> {
        let ssl = self.stream.ssl();
        if ssl.version2() == Some(SslVersion::TLS1_3) {
            let mut data = vec![0; 32];
            // RFC 9266 section 2: an empty context.
            ssl.export_keying_material(&mut data, EXPORTER, Some(&[])).ok()?;
            return Some(("tls-exporter", data));
        }
        // RFC 5929 section 4.1: the hash that the certificate is signed with, unless that is weak.
        let leaf = ssl.peer_certificate()?;
        let signed = leaf.signature_algorithm().object().nid().signature_algorithms()?;
        let digest = match MessageDigest::from_nid(signed.digest)? {
            weak if weak == MessageDigest::md5() || weak == MessageDigest::sha1() => {
                MessageDigest::sha256()
            }
            digest => digest,
        };
        let hash = hash(digest, &leaf.to_der().ok()?).ok()?;
        Some(("tls-server-end-point", hash.to_vec()))
    }
}

impl OpenSsl {
    /// Why the handshake failed.
    fn refusal(&self, error: &ssl::Error) -> Error {
        if let Some(error) = error.io_error() {
            return fault::of_socket("TLS was being set up", error);
        }
        if let Some(why) = self.check.refusal() {
            return why.into();
        }
        if is_end(error) {
            return fault::tls("the server closed the connection during the handshake");
        }
        fault::tls(&error.ssl_error().map_or_else(|| error.to_string(), fault::of_stack))
    }
}

/// What the settings say of one connection.
fn configure(
    ssl: &mut SslRef,
    trust: &Trust,
    settings: &Settings,
    name: &str,
) -> std::result::Result<(), ErrorStack> {
    let least = settings.min_version.map(version);
    // What the system asks for beyond our least is kept.
    let least = least.or(trust.least_version()).unwrap_or(SslVersion::TLS1_2);
    ssl.set_min_proto_version(Some(least))?;
    if let Some(most) = settings.max_version {
        ssl.set_max_proto_version(Some(version(most)))?;
    }
    if ssl.security_level() < SECURITY_LEVEL {
        ssl.set_security_level(SECURITY_LEVEL);
    }
    let address = name.parse::<IpAddr>();
    // RFC 6066 section 3: an address is no name to ask for.
    if address.is_err() {
        ssl.set_hostname(name)?;
    }
    if settings.verify == Verify::Full {
        let parameters = ssl.param_mut();
        // RFC 9525: the names are in the subject alternative name, and a wildcard is a whole label.
        parameters.set_hostflags(
            X509CheckFlags::NEVER_CHECK_SUBJECT | X509CheckFlags::NO_PARTIAL_WILDCARDS,
        );
        match address {
            Ok(address) => parameters.set_ip(address)?,
            Err(_) => parameters.set_host(name)?,
        }
    }
    if let Some(identity) = &settings.identity {
        ssl.set_certificate(&identity.leaf)?;
        ssl.set_private_key(&identity.key)?;
        for one in &identity.chain {
            ssl.add_chain_cert(one.clone())?;
        }
    }
    Ok(())
}

fn version(version: TlsVersion) -> SslVersion {
    match version {
        TlsVersion::Tls12 => SslVersion::TLS1_2,
        TlsVersion::Tls13 => SslVersion::TLS1_3,
    }
}

/// The policy cannot be put to use.
fn setup(error: ErrorStack) -> Error {
    fault::tls(&fault::of_stack(&error))
}

fn is_blocked(error: &ssl::Error) -> bool {
    matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE)
}

/// The stream has ended, with close_notify or without.
fn is_end(error: &ssl::Error) -> bool {
    match error.code() {
        ErrorCode::ZERO_RETURN => true,
        ErrorCode::SYSCALL => error.io_error().is_none(),
        _ => error.ssl_error().is_some_and(fault::is_cut_off_by),
    }
}

/// Reading or writing failed.
fn of_stream(what: &str, error: &ssl::Error) -> Error {
    match (error.io_error(), error.ssl_error()) {
        (Some(error), _) => fault::of_socket(what, error),
        (None, Some(errors)) => fault::tls(&fault::of_stack(errors)),
        (None, None) => fault::tls(&error.to_string()),
    }
}

/// RFC 9266 section 4.2.
const EXPORTER: &str = "EXPORTER-Channel-Binding";

/// The least: 112 bits of security, as Debian has it (SSL_CTX_set_security_level(3)).
const SECURITY_LEVEL: u32 = 2;

#[cfg(test)]
mod tests;
