//! One accepted socket, plain or under TLS, with the ways a peer can leave it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use openssl::ssl::{ErrorCode, SslStream};
use socket2::SockRef;

/// An accepted socket of either family.
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn generic(&self) -> SockRef<'_> {
        match self {
            Socket::Tcp(stream) => SockRef::from(stream),
            Socket::Unix(stream) => SockRef::from(stream),
        }
    }

    pub fn shutdown(&self, how: Shutdown) {
        let _ = self.generic().shutdown(how);
    }

    pub fn set_nonblocking(&self, on: bool) {
        let _ = self.generic().set_nonblocking(on);
    }

    /// A zero duration would mean "for ever" to the system, so it is made one millisecond.
    pub fn set_timeouts(&self, limit: Duration) {
        let limit = Some(limit.max(Duration::from_millis(1)));
        let _ = self.generic().set_read_timeout(limit);
        let _ = self.generic().set_write_timeout(limit);
    }

    /// The smallest buffers the system grants.
    pub fn shrink_buffers(&self) {
        let _ = self.generic().set_recv_buffer_size(1);
        let _ = self.generic().set_send_buffer_size(1);
    }

    /// Makes closing send a reset instead of a FIN (TCP).
    pub fn reset_on_close(&self) {
        let _ = self.generic().set_linger(Some(Duration::ZERO));
    }

    pub fn set_nodelay(&self) {
        if let Socket::Tcp(stream) = self {
            let _ = stream.set_nodelay(true);
        }
    }
}

/// The socket is closed when its connection lets go of it; the server that may have to interrupt
/// the connection holds it weakly.
#[derive(Clone)]
pub(super) struct Shared(pub Arc<Socket>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &*self.0 {
            Socket::Tcp(stream) => (&mut &*stream).read(buffer),
            Socket::Unix(stream) => (&mut &*stream).read(buffer),
        }
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &*self.0 {
            Socket::Tcp(stream) => (&mut &*stream).write(bytes),
            Socket::Unix(stream) => (&mut &*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the conversation runs over.
pub(super) enum Stream {
    Plain(Shared),
    Tls(Box<SslStream<Shared>>),
    Closed,
}

/// What a read brought.
pub(super) enum Got {
    Bytes(usize),
    Eof,
    /// The peer closed the socket without TLS's close_notify.
    Truncated,
    Nothing,
}

impl Stream {
    pub fn socket(&self) -> Option<&Socket> {
        match self {
            Stream::Plain(shared) => Some(&shared.0),
            Stream::Tls(stream) => Some(&stream.get_ref().0),
            Stream::Closed => None,
        }
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        let result = match self {
            Stream::Plain(shared) => shared.read(buffer).map(|n| match n {
                0 => Got::Eof,
                n => Got::Bytes(n),
            }),
            Stream::Tls(stream) => read_tls(stream, buffer),
            Stream::Closed => Ok(Got::Eof),
        };
        match result {
            Err(error) if is_timeout(&error) => Ok(Got::Nothing),
            other => other,
        }
    }

    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Plain(shared) => shared.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes),
            Stream::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Says goodbye (close_notify, FIN) and keeps reading possible.
    pub fn half_close(&mut self) {
        if let Stream::Tls(stream) = self {
            let _ = stream.shutdown();
        }
        if let Some(socket) = self.socket() {
            socket.shutdown(Shutdown::Write);
        }
    }

    pub fn is_tls(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }
}

fn read_tls(stream: &mut SslStream<Shared>, buffer: &mut [u8]) -> io::Result<Got> {
    match stream.ssl_read(buffer) {
        Ok(n) => Ok(Got::Bytes(n)),
        Err(error) => match error.code() {
            ErrorCode::ZERO_RETURN => Ok(Got::Eof),
            ErrorCode::WANT_READ | ErrorCode::WANT_WRITE => Ok(Got::Nothing),
            ErrorCode::SYSCALL if error.io_error().is_none() => Ok(Got::Truncated),
            _ if error.to_string().contains("unexpected eof") => Ok(Got::Truncated),
            _ => Err(error.into_io_error().unwrap_or_else(io::Error::other)),
        },
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
