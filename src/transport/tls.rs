//! TLS by native-tls over the one socket type: the handshake, reading and writing.

use std::io::{self, Read, Write};

use native_tls::{HandshakeError, TlsStream};
use openssl::error::ErrorStack;

use crate::error::Result;

use super::ciphertext::Ciphertext;
use super::policy::{TlsPolicy, Verify};
use super::socket::{Socket, failed};
use super::{Io, Limit, Ready, Wait, certificate, fault};

/// Connects TLS over a socket. On an error the socket is closed, and nothing was sent but the
/// alert that says why.
pub(super) fn handshake(
    policy: &TlsPolicy,
    host: &str,
    socket: Socket,
    limit: &Limit<'_>,
) -> Result<TlsSocket> {
    let name = policy.name_to_verify(host);
    let connector = policy.connector()?;
    forget_errors();
    let mut attempt = connector.connect(name, Ciphertext::new(socket));
    loop {
        match attempt {
            Ok(stream) => {
                let stream = TlsSocket { stream, awaits_input: false };
                if policy.verify() == Verify::Full {
                    certificate::check_names(stream.peer_certificate().as_deref(), name)?;
                }
                return Ok(stream);
            }
            Err(HandshakeError::WouldBlock(mut middle)) => {
                // What broke while sending, the next read tells better: it may be an alert.
                let _ = middle.get_mut().send_pending();
                let ciphertext = middle.get_ref();
                ciphertext
                    .socket()
                    .wait(true, Wait { write: ciphertext.is_pending(), also: None }, limit)
                    .map_err(|error| error.in_context("TLS handshake"))?;
                forget_errors();
                attempt = middle.handshake();
            }
            Err(HandshakeError::Failure(error)) => return Err(fault::of_handshake(&error, name)),
        }
    }
}

/// OpenSSL takes errors that the host program left on this thread for its own: its queue must be
/// empty before each operation (SSL_get_error(3)).
fn forget_errors() {
    drop(ErrorStack::get());
}

/// A TLS connection.
///
/// A write hands OpenSSL a record only when there is room for its ciphertext, so that no record
/// is ever half taken: OpenSSL would want the very same bytes in the next call, and the caller
/// may have others by then.
pub(super) struct TlsSocket {
    stream: TlsStream<Ciphertext>,
    /// The last write could not go on before something is read (a renegotiation under TLS 1.2).
    awaits_input: bool,
}

impl TlsSocket {
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Io> {
        self.awaits_input = false;
        forget_errors();
        match self.stream.read(buffer) {
            Ok(count) => {
                self.stream.get_mut().bore_fruit();
                Ok(Io::Done(count))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Io::Blocked),
            // The parser knows whether the end came in the middle of a reply.
            Err(error) if fault::is_end(&error) => Ok(Io::Done(0)),
            Err(error) => Err(fault::of_stream("receiving", &error)),
        }
    }

    pub fn write(&mut self, parts: [&[u8]; 2]) -> Result<Io> {
        self.send_pending()?;
        let mut taken = 0;
        for part in parts {
            let count = self.encrypt(part)?;
            taken += count;
            if count < part.len() {
                break;
            }
        }
        self.send_pending()?;
        let nothing =
            taken == 0 && (self.is_pending() || parts.iter().any(|part| !part.is_empty()));
        Ok(if nothing { Io::Blocked } else { Io::Done(taken) })
    }

    /// Encrypts as much as there is room for.
    fn encrypt(&mut self, part: &[u8]) -> Result<usize> {
        let mut taken = 0;
        while taken < part.len() {
            if self.stream.get_ref().is_full() {
                self.send_pending()?;
                if self.stream.get_ref().is_full() {
                    break;
                }
            }
            forget_errors();
            match self.stream.write(&part[taken..]) {
                Ok(count) => taken += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.awaits_input = true;
                    break;
                }
                Err(error) => return Err(fault::of_stream("sending", &error)),
            }
        }
        Ok(taken)
    }

    fn send_pending(&mut self) -> Result<()> {
        self.stream.get_mut().send_pending().map_err(|error| failed("sending", &error))
    }

    pub fn wait(&self, what: Wait, limit: &Limit<'_>) -> Result<Ready> {
        let write = (what.write && !self.awaits_input) || self.is_pending();
        self.socket().wait(true, Wait { write, ..what }, limit)
    }

    /// Ciphertext may be the start of a record only; the read that finds this out empties it.
    pub fn has_buffered(&self) -> bool {
        self.stream.get_ref().has_input()
            || self.stream.buffered_read_size().is_ok_and(|size| size > 0)
    }

    pub fn is_pending(&self) -> bool {
        self.stream.get_ref().is_pending()
    }

    pub fn shutdown(&mut self) {
        forget_errors();
        // Whether the peer hears it is no longer anybody's concern.
        let _ = self.stream.shutdown();
        let _ = self.stream.get_mut().send_pending();
        forget_errors();
    }

    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        self.stream.peer_certificate().ok()??.to_der().ok()
    }

    pub fn socket(&self) -> &Socket {
        self.stream.get_ref().socket()
    }
}

#[cfg(test)]
mod tests;
