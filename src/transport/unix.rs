//! Unix stream sockets.

use socket2::{Domain, SockAddr, Type};

use crate::error::{Error, ErrorKind, Result, printable};

use super::Limit;
use super::socket::Socket;
use super::tcp::finish_connect;

pub(super) fn connect(path: &str, limit: &Limit<'_>) -> Result<Socket> {
    let shown = printable(path.as_bytes(), 256);
    let address = SockAddr::unix(path).map_err(|_| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("the socket path {shown} is longer than the 107 bytes a Unix socket can have"),
        )
    })?;
    let in_context = |error: Error| error.in_context(&format!("cannot connect to {shown}"));
    let inner = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)
        .map_err(|error| in_context(Error::io("socket", &error)))?;
    inner
        .set_nonblocking(true)
        .map_err(|error| in_context(Error::io("set_nonblocking", &error)))?;
    loop {
        let attempt = inner.try_clone().map_err(|error| in_context(Error::io("dup", &error)))?;
        match finish_connect(attempt, &address, limit) {
            // A full backlog gives EAGAIN, and nothing to wait on: ask again a little later.
            Err(error) if error.os_code() == libc::EAGAIN => {
                let pause = std::time::Instant::now() + std::time::Duration::from_millis(10);
                let pause = limit.deadline.map_or(pause, |deadline| deadline.min(pause));
                let brief = Limit { deadline: Some(pause), cancel: limit.cancel };
                if let Err(error) = super::socket::poll(-1, 0, &brief)
                    && (error.kind() != ErrorKind::Timeout
                        || limit.deadline.is_some_and(|deadline| deadline <= pause))
                {
                    return Err(in_context(error));
                }
            }
            result => return result.map_err(in_context),
        }
    }
}
