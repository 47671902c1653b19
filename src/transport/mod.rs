//! Bytes to and from a server: TCP, Unix sockets, sockets of the caller's own, and TLS over each.
//!
//! With it stands what else asks something of the system: looking names up, cancelling a wait,
//! what a fork leaves behind, and lines on standard error.
//!
//! Every socket is non-blocking. Whatever waits is an `async fn` that says in a [`Park`] what for,
//! and whoever drives it, [`block_on`] or [`Events`], sees to that: the socket, the descriptor that
//! a message is read from, a deadline and a cancel. No write can raise SIGPIPE, no
//! descriptor survives `exec` or is one of 0 to 2, and dropping a [`Transport`] sends nothing, so
//! that a forked child cannot disturb its parent's connection.

#[allow(unsafe_code)]
mod bell;
#[allow(unsafe_code)]
mod block;
mod cancel;
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod epoll;
#[allow(unsafe_code)]
pub mod errno;
mod events;
#[allow(unsafe_code)]
pub mod fork;
#[cfg(not(target_os = "linux"))]
#[allow(unsafe_code)]
mod kqueue;
mod lookup;
mod park;
mod promise;
mod resolve;
#[allow(unsafe_code)]
mod socket;
mod stderr;
#[allow(unsafe_code)]
mod sys;
mod tcp;
mod tls;
mod unix;
mod wake;

pub use block::block_on;
pub use cancel::{Cancel, Signal};
pub use events::Events;
pub use park::{Park, Ready, cancelled, timed_out};
pub use promise::Promise;
pub use resolve::{is_address, local_hostname};
pub use stderr::StandardError;
pub use tcp::{Tried, split_host_port};
pub use tls::{
    Binding, IS_FULL as IS_TLS_FULL, Peer, TlsInfo, TlsPolicy, TlsVersion, Verify,
    check_server_name,
};

use std::os::fd::OwnedFd;
use std::time::Instant;

use crate::error::{Detail, Error, ErrorKind, Result};

#[cfg(target_os = "linux")]
use epoll::Poller;
#[cfg(not(target_os = "linux"))]
use kqueue::Poller;
use socket::Socket;
use tls::TlsSocket;

/// Where something waits, and how long at most.
#[derive(Clone, Copy)]
pub struct Limit<'a> {
    pub deadline: Option<Instant>,
    pub park: &'a Park,
}

/// Where to connect.
pub struct Target<'a> {
    pub host: &'a str,
    pub port: u16,
    /// Its addresses, in place of a look-up.
    pub addresses: &'a [String],
    /// The local address (`""` for any) and port (0 for any) to connect from.
    pub source: Option<(&'a str, u16)>,
}

/// What a read or write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    /// So many bytes; 0 from a read is the end of the stream.
    Done(usize),
    /// Nothing now: wait first.
    Blocked,
}

/// What to wait for besides input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// Room for output.
    pub write: bool,
    /// Input on another descriptor: that which a message is read from.
    pub also: Option<i32>,
}

/// One connection.
pub struct Transport {
    stream: Stream,
}

enum Stream {
    Plain(Socket),
    Tls(Box<TlsSocket>),
}

impl Transport {
    fn plain(socket: Socket) -> Self {
        Transport { stream: Stream::Plain(socket) }
    }

    /// Connects to a host by name or address. Every address is tried within the limit.
    pub async fn tcp(target: &Target<'_>, limit: Limit<'_>) -> Result<Self> {
        tcp::connect(target, limit).await.map(Transport::plain).map_err(while_connecting)
    }

    /// Connects to every address of a host, and keeps the connection that [`Transport::tcp`] would
    /// have chosen; the error where there is none is the same. The outer one came before any of it.
    pub async fn survey(
        target: &Target<'_>,
        limit: Limit<'_>,
    ) -> Result<(Vec<Tried>, Result<Self>)> {
        let (tried, reached) = tcp::survey(target, limit).await.map_err(while_connecting)?;
        Ok((tried, reached.map(Transport::plain).map_err(while_connecting)))
    }

    /// Connects to a Unix stream socket.
    pub async fn unix(path: &str, limit: Limit<'_>) -> Result<Self> {
        unix::connect(path, limit).await.map(Transport::plain).map_err(while_connecting)
    }

    /// Takes over a connected stream socket.
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        Socket::adopt(fd).map(Transport::plain)
    }

    /// The handshake. The peer's host is verified unless the policy names another.
    pub async fn start_tls(
        self,
        policy: &TlsPolicy,
        peer: Peer<'_>,
        limit: Limit<'_>,
    ) -> Result<Self> {
        match self.stream {
            Stream::Plain(socket) => {
                let stream = tls::handshake(policy, peer, socket, limit).await?;
                Ok(Transport { stream: Stream::Tls(Box::new(stream)) })
            }
            Stream::Tls(_) => Ok(self),
        }
    }

    /// Reads without blocking.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Io> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }

    /// Writes both parts, one behind the other, without blocking; gives how many bytes of them
    /// were taken. Under TLS also sends what earlier writes left behind; a failure behind the
    /// first byte taken is told by the next write, and [`Transport::unhanded`] tells the rest.
    pub fn write(&mut self, parts: [&[u8]; 2]) -> Result<Io> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.write(parts),
            Stream::Tls(stream) => stream.write(parts),
        }
    }

    /// How many of the bytes that writes took, the last ones, have not been handed to the system
    /// whole: no peer can have read them. A record of TLS counts when its last byte was taken.
    pub fn unhanded(&self) -> u64 {
        match &self.stream {
            Stream::Plain(_) => 0,
            Stream::Tls(stream) => stream.unhanded(),
        }
    }

    /// Bytes may be had without waiting.
    pub fn has_buffered(&self) -> bool {
        matches!(&self.stream, Stream::Tls(stream) if stream.has_buffered())
    }

    /// Bytes that a write took are still here; wait until the socket is writable and write again.
    pub fn flush_pending(&self) -> bool {
        matches!(&self.stream, Stream::Tls(stream) if stream.is_pending())
    }

    /// Says in the park what to wait for, the socket first; false if there is no need to. Behind the
    /// deadline what has arrived may still be read, but nothing more be written. Ask
    /// [`Transport::has_buffered`] first: the socket knows nothing of what is here already.
    #[inline]
    pub fn ask(&self, what: Wait, limit: Limit<'_>) -> bool {
        let wants = self.wants(what);
        wants.inspect(|what| self.socket().ask(true, *what, limit)).is_some()
    }

    fn wants(&self, what: Wait) -> Option<Wait> {
        match &self.stream {
            Stream::Plain(_) => Some(what),
            Stream::Tls(stream) => stream.wants(what),
        }
    }

    pub fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// The peer's address is this machine.
    pub fn peer_is_loopback(&self) -> bool {
        self.socket().peer_is_loopback()
    }

    /// Our address on this connection as RFC 5321 section 4.1.3 writes it.
    pub fn local_literal(&self) -> String {
        self.socket().local_literal()
    }

    pub fn fd(&self) -> i32 {
        self.socket().fd()
    }

    /// The peer's certificate in DER.
    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => stream.peer_certificate(),
        }
    }

    /// What is known of the TLS connection; `None` where it has no such thing, or there is no TLS.
    pub fn tls_info(&self, what: TlsInfo) -> Result<Option<String>> {
        match &self.stream {
            Stream::Plain(_) => Ok(None),
            Stream::Tls(stream) => stream.info(what),
        }
    }

    /// What ties an authentication to this TLS connection, if its library has such a thing.
    pub fn channel_binding(&self) -> Option<Binding> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => stream.channel_binding(),
        }
    }

    /// Says goodbye under TLS (close_notify), as far as that goes without waiting.
    pub fn shutdown(&mut self) {
        if let Stream::Tls(stream) = &mut self.stream {
            stream.shutdown();
        }
    }

    fn socket(&self) -> &Socket {
        match &self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => stream.socket(),
        }
    }
}

/// An error from before there was a connection: if the time was up, the error says so.
pub fn while_connecting(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Timeout => error.with_detail(Detail::Connecting),
        _ => error,
    }
}

#[cfg(test)]
mod tests;
