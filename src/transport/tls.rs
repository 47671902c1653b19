//! TLS by native-tls over the one socket type: the handshake, reading and writing.

use std::io::{self, Read, Write};

use native_tls::{HandshakeError, TlsStream};

use crate::error::{Error, Result};

use super::ciphertext::Ciphertext;
use super::host_errors::HostErrors;
use super::policy::{TlsPolicy, Verify};
use super::socket::{Socket, failed};
use super::{Io, Limit, Wait, certificate, fault};

/// Connects TLS over a socket. On an error the socket is closed, and nothing was sent but the
/// alert that says why.
pub(super) async fn handshake(
    policy: &TlsPolicy,
    host: &str,
    socket: Socket,
    limit: Limit<'_>,
) -> Result<TlsSocket> {
    let name = policy.name_to_verify(host)?;
    let mut attempt = begin(policy, name, socket)?;
    loop {
        match attempt {
            Ok(stream) => return established(stream, policy, name),
            Err(HandshakeError::Failure(error)) => return Err(fault::of_handshake(&error, name)),
            Err(HandshakeError::WouldBlock(mut middle)) => {
                // What broke while sending, the next read tells better: it may be an alert.
                let _ = middle.get_mut().send_pending();
                let ciphertext = middle.get_ref();
                let what = Wait { write: ciphertext.is_pending(), also: None };
                let waited = ciphertext.socket().wait(true, what, limit).await;
                waited.map_err(|error| error.in_context("TLS handshake"))?;
                let _aside = HostErrors::set_aside();
                attempt = middle.handshake();
            }
        }
    }
}

type Attempt = std::result::Result<TlsStream<Ciphertext>, HandshakeError<Ciphertext>>;

fn begin(policy: &TlsPolicy, name: &str, socket: Socket) -> Result<Attempt> {
    let _aside = HostErrors::set_aside();
    Ok(policy.connector()?.connect(name, Ciphertext::new(socket)))
}

fn established(stream: TlsStream<Ciphertext>, policy: &TlsPolicy, name: &str) -> Result<TlsSocket> {
    let process = std::process::id();
    let stream = TlsSocket { stream, awaits_input: false, failed: None, process };
    if policy.verify() == Verify::Full {
        certificate::check_names(stream.peer_certificate().as_deref(), name)?;
    }
    Ok(stream)
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
    /// A write took some bytes before it failed so; the next one says it.
    failed: Option<Error>,
    /// Whose connection it is: a forked child has only a copy.
    process: u32,
}

impl Drop for TlsSocket {
    /// OpenSSL takes a connection without a goodbye for a broken one, and forgets its session
    /// under a lock that a thread may have held that a child has lost. There it gets a goodbye,
    /// which goes nowhere: the parent's connection lives on.
    fn drop(&mut self) {
        if self.process != std::process::id() {
            self.stream.get_mut().mute();
            self.shutdown();
        }
    }
}

impl TlsSocket {
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Io> {
        self.awaits_input = false;
        let _aside = HostErrors::set_aside();
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
            if self.stream.get_ref().is_full() {
                self.send_pending()?;
                if self.stream.get_ref().is_full() {
                    break;
                }
            }
            let _aside = HostErrors::set_aside();
            match self.stream.write(rest) {
                Ok(count) => {
                    self.stream.get_mut().holds(count);
                    *taken += count;
                    rest = &rest[count..];
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.awaits_input = true;
                    break;
                }
                Err(error) => return Err(fault::of_stream("sending", &error)),
            }
        }
        Ok(())
    }

    fn send_pending(&mut self) -> Result<()> {
        self.stream.get_mut().send_pending().map_err(|error| failed("sending", &error))
    }

    /// How many bytes that writes took have not reached the system in a whole record.
    pub fn unhanded(&self) -> u64 {
        self.stream.get_ref().unhanded()
    }

    /// What to wait for on the socket; nothing where the next write fails.
    pub fn wants(&self, what: Wait) -> Option<Wait> {
        let write = (what.write && !self.awaits_input) || self.is_pending();
        self.failed.is_none().then_some(Wait { write, ..what })
    }

    /// Ciphertext may be the start of a record only; the read that finds this out empties it.
    pub fn has_buffered(&self) -> bool {
        self.stream.get_ref().has_input()
            || self.stream.buffered_read_size().is_ok_and(|size| size > 0)
    }

    pub fn is_pending(&self) -> bool {
        self.failed.is_some() || self.stream.get_ref().is_pending()
    }

    pub fn shutdown(&mut self) {
        let _aside = HostErrors::set_aside();
        // Whether the peer hears it is no longer anybody's concern.
        let _ = self.stream.shutdown();
        let _ = self.stream.get_mut().send_pending();
    }

    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        let _aside = HostErrors::set_aside();
        self.stream.peer_certificate().ok()??.to_der().ok()
    }

    pub fn socket(&self) -> &Socket {
        self.stream.get_ref().socket()
    }
}

#[cfg(test)]
mod tests;
