//! The one socket type: a non-blocking descriptor, and `poll` with a deadline and a cancel.
//!
//! Sends are `sendmsg` with `MSG_NOSIGNAL`: `writev` would raise SIGPIPE in a host that has its
//! default disposition (std's `write_vectored` is `writev`, so it is never used).

use std::io::{self, IoSlice, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Instant;

use crate::error::{Error, ErrorKind, Result};

use super::cancel::Cancel;
use super::{Io, Limit, Ready};

pub(super) struct Socket {
    inner: socket2::Socket,
}

impl Socket {
    /// Of a socket that is connected, or being connected.
    pub fn new(inner: socket2::Socket) -> Self {
        Socket { inner }
    }

    /// Of a descriptor that the caller made.
    pub fn adopt(fd: OwnedFd) -> Result<Self> {
        let inner = socket2::Socket::from(fd);
        let kind = inner.r#type().map_err(|error| not_a_stream(&error.to_string()))?;
        if kind != socket2::Type::STREAM {
            return Err(not_a_stream("its type is another"));
        }
        inner.peer_addr().map_err(|error| not_a_stream(&error.to_string()))?;
        inner.set_nonblocking(true).map_err(|error| Error::io("set_nonblocking", &error))?;
        inner.set_cloexec(true).map_err(|error| Error::io("set_cloexec", &error))?;
        // A Unix socket has no such option, and needs none.
        let _ = inner.set_tcp_nodelay(true);
        Ok(Socket { inner })
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Io> {
        match self.receive(buffer) {
            Ok(count) => Ok(Io::Done(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Io::Blocked),
            // A reset is the end of the stream as far as replies go.
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

    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    pub(super) fn transmit(&self, parts: [&[u8]; 2]) -> io::Result<usize> {
        loop {
            let sent = if parts[1].is_empty() {
                self.inner.send_with_flags(parts[0], libc::MSG_NOSIGNAL)
            } else {
                let slices = parts.map(IoSlice::new);
                self.inner.send_vectored_with_flags(&slices, libc::MSG_NOSIGNAL)
            };
            match sent {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    pub fn wait(&self, read: bool, write: bool, limit: &Limit<'_>) -> Result<Ready> {
        let events = if read { libc::POLLIN } else { 0 } | if write { libc::POLLOUT } else { 0 };
        let seen = poll(self.fd(), events, limit)?;
        // An error or hang-up shows itself in the read or write that follows.
        let broken = seen & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0;
        Ok(Ready {
            readable: broken || seen & libc::POLLIN != 0,
            writable: broken || seen & libc::POLLOUT != 0,
        })
    }

    /// The error of a connect that has ended.
    pub fn take_error(&self) -> io::Result<()> {
        self.inner.take_error()?.map_or(Ok(()), Err)
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

    pub fn fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Waits for `events` on `fd`. An interrupted wait goes on with what is left of its time.
pub(super) fn poll(fd: RawFd, events: i16, limit: &Limit<'_>) -> Result<i16> {
    let mut fds = [
        libc::pollfd { fd, events, revents: 0 },
        libc::pollfd { fd: limit.cancel.fd(), events: libc::POLLIN, revents: 0 },
    ];
    loop {
        check_cancel(limit.cancel)?;
        let timeout = match limit.deadline {
            None => -1,
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                // Rounded up, so that the last millisecond is not a busy loop.
                i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
            }
        };
        // SAFETY: the array lives for the call and has the length given.
        let count = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) };
        if count < 0 {
            let error = io::Error::last_os_error();
            if error.kind() == io::ErrorKind::Interrupted {
                continue;
            }
            return Err(Error::io("poll", &error));
        }
        check_cancel(limit.cancel)?;
        if fds[0].revents != 0 {
            return Ok(fds[0].revents);
        }
        if count == 0 && limit.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::new(ErrorKind::Timeout, "the time limit passed")
                .with_os_code(libc::ETIMEDOUT));
        }
    }
}

fn check_cancel(cancel: &Cancel) -> Result<()> {
    if cancel.is_set() {
        return Err(Error::new(ErrorKind::Cancelled, "the call was cancelled")
            .with_os_code(libc::ECANCELED));
    }
    Ok(())
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
