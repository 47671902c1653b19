//! The one socket type: a descriptor that never blocks.
//!
//! Sends are `sendmsg` without a signal: `writev` would raise SIGPIPE in a host that has its
//! default disposition (std's `write_vectored` is `writev`, so it is never used).

use socket2::{Domain, Protocol, SockAddr, Type};
use std::io::{self, IoSlice, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::error::{Error, ErrorKind, Result};

use super::park::watch;
use super::{Io, Limit, Ready, Wait, sys};

/// Most systems make one that does not block at once.
#[cfg(not(target_vendor = "apple"))]
const KIND: Type = Type::STREAM.nonblocking();
#[cfg(target_vendor = "apple")]
const KIND: Type = Type::STREAM;

pub(super) struct Socket {
    inner: socket2::Socket,
}

impl Socket {
    /// A new one, that neither blocks nor survives `exec`, and is none of the standard three.
    pub fn open(domain: Domain, protocol: Option<Protocol>) -> Result<Self> {
        let inner = socket2::Socket::new(domain, KIND, protocol)
            .and_then(|inner| sys::above_standard(OwnedFd::from(inner)))
            .map_err(|error| Error::io("socket", &error))?;
        let inner = socket2::Socket::from(inner);
        #[cfg(target_vendor = "apple")]
        inner.set_nonblocking(true).map_err(|error| Error::io("set_nonblocking", &error))?;
        Ok(Socket { inner })
    }

    /// Of a descriptor that the caller made.
    pub fn adopt(fd: OwnedFd) -> Result<Self> {
        let fd = sys::above_standard(fd).map_err(|error| Error::io("fcntl", &error))?;
        let inner = socket2::Socket::from(fd);
        let kind = inner.r#type().map_err(|error| not_a_stream(&error.to_string()))?;
        if kind != Type::STREAM {
            return Err(not_a_stream("its type is another"));
        }
        inner.peer_addr().map_err(|error| not_a_stream(&error.to_string()))?;
        inner.set_nonblocking(true).map_err(|error| Error::io("set_nonblocking", &error))?;
        inner.set_cloexec(true).map_err(|error| Error::io("set_cloexec", &error))?;
        #[cfg(target_vendor = "apple")]
        inner.set_nosigpipe(true).map_err(|error| Error::io("set_nosigpipe", &error))?;
        // A Unix socket has no such option, and needs none.
        let _ = sys::set_nodelay(inner.as_raw_fd());
        Ok(Socket { inner })
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Io> {
        match self.receive(buffer) {
            Ok(count) => Ok(Io::Done(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Io::Blocked),
            Err(error) => Err(failed("receiving", &error)),
        }
    }

    pub fn write(&mut self, parts: [&[u8]; 2]) -> Result<Io> {
        match self.transmit(parts) {
            Ok(count) => Ok(Io::Done(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Io::Blocked),
            Err(error) => Err(failed("sending", &error)),
        }
    }

    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match (&self.inner).read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    pub(super) fn transmit(&self, parts: [&[u8]; 2]) -> io::Result<usize> {
        loop {
            let sent = match parts {
                [[], []] => return Ok(0),
                [only, []] | [[], only] => self.inner.send_with_flags(only, sys::NO_SIGNAL),
                both => {
                    let slices = both.map(IoSlice::new);
                    self.inner.send_vectored_with_flags(&slices, sys::NO_SIGNAL)
                }
            };
            match sent {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Says in `limit`'s park what to wait for.
    #[inline(always)]
    pub fn ask(&self, read: bool, what: Wait, limit: Limit<'_>) {
        let events =
            if read { libc::POLLIN } else { 0 } | if what.write { libc::POLLOUT } else { 0 };
        let also = watch(what.also.unwrap_or(-1), libc::POLLIN);
        limit.park.ask(&[watch(self.fd(), events), also], limit.deadline);
    }

    pub async fn wait(&self, read: bool, what: Wait, limit: Limit<'_>) -> Result<Ready> {
        self.ask(read, what, limit);
        limit.park.answer().await
    }

    /// Starts to connect. `true` if that is done already; else the socket becomes writable when
    /// it is.
    pub fn start_connect(&self, address: &SockAddr) -> io::Result<bool> {
        match self.inner.connect(address) {
            Ok(()) => self.finish_connect().map(|()| true),
            // An interrupted connect goes on like a non-blocking one.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The result of a connect that has ended.
    pub fn finish_connect(&self) -> io::Result<()> {
        if let Some(error) = self.inner.take_error()? {
            return Err(error);
        }
        // A connect to a port of this machine that nobody listens on may meet itself, when the
        // system picks the very same port for our side.
        let own = self.inner.local_addr().ok().and_then(|address| address.as_socket());
        // One that has hung up meanwhile has no address any more.
        if own.is_some() && own == self.peer() {
            return Err(io::Error::from_raw_os_error(libc::ECONNREFUSED));
        }
        Ok(())
    }

    /// The peer's address on the Internet.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.inner.peer_addr().ok().and_then(|address| address.as_socket())
    }

    pub fn peer_is_loopback(&self) -> bool {
        match self.inner.peer_addr() {
            Ok(address) => match address.as_socket() {
                Some(address) => is_loopback(address.ip()),
                None => address.is_unix(),
            },
            Err(_) => false,
        }
    }

    pub fn local_literal(&self) -> String {
        let address = self.inner.local_addr().ok().and_then(|address| address.as_socket());
        match address {
            Some(SocketAddr::V6(address)) => match address.ip().to_ipv4_mapped() {
                Some(ip) => format!("[{ip}]"),
                None => format!("[IPv6:{}]", address.ip()),
            },
            Some(SocketAddr::V4(address)) => format!("[{}]", address.ip()),
            // A Unix socket's peer is this machine.
            None => "[127.0.0.1]".to_owned(),
        }
    }

    /// Binds it to a local address to connect from.
    pub fn bind(&self, local: SocketAddr) -> Result<()> {
        if local.port() != 0 {
            self.inner
                .set_reuse_address(true)
                .map_err(|error| Error::io("set_reuse_address", &error))?;
        }
        let bound = self.inner.bind(&local.into());
        bound.map_err(|error| Error::io("binding the source address", &error))
    }

    /// What is written goes out at once.
    pub fn set_nodelay(&self) -> Result<()> {
        sys::set_nodelay(self.fd()).map_err(|error| Error::io("set_nodelay", &error))
    }

    pub fn fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// A peer that is gone is a lost connection; anything else is the system's error.
pub(super) fn failed(what: &str, error: &io::Error) -> Error {
    let lost = matches!(error.raw_os_error(), Some(libc::EPIPE | libc::ECONNRESET));
    let kind = if lost { ErrorKind::Disconnected } else { ErrorKind::Io };
    Error::io(&format!("the connection failed while {what}"), error).with_kind(kind)
}

fn not_a_stream(why: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("the descriptor is no connected stream socket: {why}"),
    )
}
