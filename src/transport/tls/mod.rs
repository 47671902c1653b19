//! TLS over the one socket type, whichever library does it.
//!
//! A library is an [`Engine`]: it turns ciphertext into plaintext and back, and tells what it knows
//! of the connection. Where the system's TLS is OpenSSL that is `openssl`; elsewhere, and by
//! `make TLS=native`, it is `native`, which can do less. What is the same for both stands here
//! once: waiting, whole records, and what becomes of a failure.
//!
//! ```text
//!   caller ◄─► TlsSocket ◄── plaintext ──► Engine ◄── ciphertext ──► Ciphertext ◄─► socket
//! ```

mod certificate;
mod ciphertext;
mod fault;
mod host_errors;
#[cfg(any(feature = "native", target_vendor = "apple"))]
mod native;
#[cfg(not(any(feature = "native", target_vendor = "apple")))]
mod openssl;
mod policy;

pub use policy::{TlsPolicy, TlsVersion, Verify, check_server_name};

use ::openssl::pkey::{PKey, Private};
use ::openssl::x509::X509;

use crate::error::{Error, ErrorKind, Result};

use super::socket::{Socket, failed};
use super::{Io, Limit, Wait};
use ciphertext::Ciphertext;
use host_errors::HostErrors;
#[cfg(any(feature = "native", target_vendor = "apple"))]
use native::Native as Library;
#[cfg(not(any(feature = "native", target_vendor = "apple")))]
use openssl::OpenSsl as Library;
use policy::Settings;

/// Whom a connection is made to. A ticket of one is never shown to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer<'a> {
    pub host: &'a str,
    /// 0 where it is not known.
    pub port: u16,
}

/// What can be asked of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsInfo {
    Version,
    Cipher,
    Group,
    Resumed,
    Subject,
    Issuer,
    NotBefore,
    NotAfter,
    Names,
    /// Until it expires, rounded down: negative once it has.
    DaysLeft,
}

/// What ties an authentication to a connection (RFC 5056): the type's name, and its data.
pub type Binding = (&'static str, Vec<u8>);

/// A TLS library, on one connection. It never waits: where it cannot go on, it says so.
trait Engine: Sized {
    /// What connections under the same settings share.
    type Context: Clone;
    /// What was read beforehand, for whatever process or settings come after.
    type Loaded: Clone;

    /// Whether it resumes sessions, knows facts and channel bindings, and takes pins.
    const IS_FULL: bool;

    fn prepare(settings: &Settings) -> Result<Self::Context>;
    /// A key from a store of the library's, and the certificates beside it.
    fn load_key(uri: &str) -> Result<(PKey<Private>, Vec<X509>)>;
    /// Reads now what a handshake may need later; what could be read, whatever the result.
    fn load(context: &Self::Context) -> (Result<()>, Self::Loaded);
    /// `name` is whom the certificate must be for.
    fn begin(
        context: &Self::Context,
        settings: &Settings,
        peer: Peer<'_>,
        name: &str,
        ciphertext: Ciphertext,
    ) -> Result<Self>;
    /// Goes on with the handshake; true when it is done.
    fn handshake(self) -> Result<(Self, bool)>;
    fn read(&mut self, buffer: &mut [u8]) -> Result<Io>;
    /// Encrypts a record at most, which is taken whole. Blocked: something must be read first.
    fn write(&mut self, bytes: &[u8]) -> Result<Io>;
    fn has_plaintext(&self) -> bool;
    /// close_notify.
    fn say_goodbye(&mut self);
    /// The connection ends without a word, which is no fault of its session. In a child it is the
    /// parent's, which lives on.
    fn keep_session(&mut self, in_child: bool);
    fn ciphertext(&self) -> &Ciphertext;
    fn ciphertext_mut(&mut self) -> &mut Ciphertext;
    /// In DER.
    fn peer_certificate(&self) -> Option<Vec<u8>>;
    /// `None` where the connection has no such thing.
    fn info(&self, what: TlsInfo) -> Result<Option<String>>;
    fn channel_binding(&self) -> Option<Binding>;
}

/// Whether the library does all that one can do: resumption, facts, channel bindings, pins.
pub const IS_FULL: bool = Library::IS_FULL;

/// Connects TLS over a socket. On an error the socket is closed, and nothing was sent but the
/// alert that says why.
pub(super) async fn handshake(
    policy: &TlsPolicy,
    peer: Peer<'_>,
    socket: Socket,
    limit: Limit<'_>,
) -> Result<TlsSocket> {
    let mut engine = begin(policy, peer, socket)?;
    loop {
        let is_done;
        (engine, is_done) = go_on(engine)?;
        if is_done {
            let process = std::process::id();
            return Ok(TlsSocket { engine, awaits_input: false, failed: None, process });
        }
        let ciphertext = engine.ciphertext_mut();
        // What broke while sending, the next read tells better: it may be an alert.
        let _ = ciphertext.send_pending();
        let what = Wait { write: ciphertext.is_pending(), also: None };
        let waited = ciphertext.socket().wait(true, what, limit).await;
        waited.map_err(|error| error.in_context("TLS handshake"))?;
    }
}

fn begin(policy: &TlsPolicy, peer: Peer<'_>, socket: Socket) -> Result<Library> {
    let name = policy.name_to_verify(peer.host)?;
    let _aside = HostErrors::set_aside();
    let context = policy.context()?;
    Library::begin(&context, policy.settings(), peer, name, Ciphertext::new(socket))
}

fn go_on(engine: Library) -> Result<(Library, bool)> {
    let _aside = HostErrors::set_aside();
    engine.handshake()
}

/// A TLS connection.
///
/// A write hands the library a record only when there is room for its ciphertext, so that no record
/// is ever half taken: OpenSSL would want the very same bytes in the next call, and the caller
/// may have others by then.
pub(super) struct TlsSocket {
    engine: Library,
    /// The last write could not go on before something is read (a renegotiation under TLS 1.2).
    awaits_input: bool,
    /// A write took some bytes before it failed so; the next one says it.
    failed: Option<Error>,
    /// Whose connection it is: a forked child has only a copy.
    process: u32,
}

impl Drop for TlsSocket {
    /// A connection without a goodbye is taken for a broken one, whose session is forgotten under a
    /// lock that a thread may have held that a forked child has lost.
    fn drop(&mut self) {
        self.engine.keep_session(self.process != std::process::id());
    }
}

impl TlsSocket {
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Io> {
        self.awaits_input = false;
        let _aside = HostErrors::set_aside();
        let read = self.engine.read(buffer)?;
        if let Io::Done(_) = read {
            self.engine.ciphertext_mut().bore_fruit();
        }
        Ok(read)
    }

    pub fn write(&mut self, parts: [&[u8]; 2]) -> Result<Io> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.send_pending()?;
        let mut taken = 0;
        // What was taken before a failure may have gone out: the caller must hear of both.
        if let Err(error) = self.take(parts, &mut taken) {
            self.failed = Some(error.clone());
            if taken == 0 {
                return Err(error);
            }
        }
        let nothing =
            taken == 0 && (self.is_pending() || parts.iter().any(|part| !part.is_empty()));
        Ok(if nothing { Io::Blocked } else { Io::Done(taken) })
    }

    fn take(&mut self, parts: [&[u8]; 2], taken: &mut usize) -> Result<()> {
        for part in parts {
            let before = *taken;
            self.encrypt(part, taken)?;
            if *taken - before < part.len() {
                break;
            }
        }
        self.send_pending()
    }

    /// Encrypts as much as there is room for.
    fn encrypt(&mut self, part: &[u8], taken: &mut usize) -> Result<()> {
        let mut rest = part;
        while !rest.is_empty() {
            if self.engine.ciphertext().is_full() {
                self.send_pending()?;
                if self.engine.ciphertext().is_full() {
                    break;
                }
            }
            let _aside = HostErrors::set_aside();
            match self.engine.write(rest)? {
                Io::Done(count) => {
                    self.engine.ciphertext_mut().holds(count);
                    *taken += count;
                    rest = &rest[count..];
                }
                Io::Blocked => {
                    self.awaits_input = true;
                    break;
                }
            }
        }
        Ok(())
    }

    fn send_pending(&mut self) -> Result<()> {
        self.engine.ciphertext_mut().send_pending().map_err(|error| failed("sending", &error))
    }

    /// How many bytes that writes took have not reached the system in a whole record.
    pub fn unhanded(&self) -> u64 {
        self.engine.ciphertext().unhanded()
    }

    /// What to wait for on the socket; nothing where the next write fails.
    pub fn wants(&self, what: Wait) -> Option<Wait> {
        let write = (what.write && !self.awaits_input) || self.is_pending();
        self.failed.is_none().then_some(Wait { write, ..what })
    }

    /// Ciphertext may be the start of a record only; the read that finds this out empties it.
    pub fn has_buffered(&self) -> bool {
        self.engine.ciphertext().has_input() || self.engine.has_plaintext()
    }

    pub fn is_pending(&self) -> bool {
        self.failed.is_some() || self.engine.ciphertext().is_pending()
    }

    pub fn shutdown(&mut self) {
        let _aside = HostErrors::set_aside();
        // Whether the peer hears it is no longer anybody's concern.
        self.engine.say_goodbye();
        let _ = self.engine.ciphertext_mut().send_pending();
    }

    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        let _aside = HostErrors::set_aside();
        self.engine.peer_certificate()
    }

    pub fn info(&self, what: TlsInfo) -> Result<Option<String>> {
        let _aside = HostErrors::set_aside();
        self.engine.info(what)
    }

    pub fn channel_binding(&self) -> Option<Binding> {
        let _aside = HostErrors::set_aside();
        self.engine.channel_binding()
    }

    pub fn socket(&self) -> &Socket {
        self.engine.ciphertext().socket()
    }
}

/// What this library cannot do.
fn not_supported(what: &str) -> Error {
    let text = format!("{what}: not by the TLS library that this one was built with");
    Error::new(ErrorKind::NotSupported, text)
}

#[cfg(test)]
mod tests;
