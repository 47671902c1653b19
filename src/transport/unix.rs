//! Unix stream sockets.

use std::mem::offset_of;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr};

use crate::error::{Error, ErrorKind, Result, printable};

use super::socket::Socket;
use super::{Limit, Wait};

/// How long to wait where the listener's backlog is full, which nothing reports the end of.
const PAUSE: Duration = Duration::from_millis(10);

/// Bytes of a path that fit before its NUL.
const MOST: usize = size_of::<libc::sockaddr_un>() - offset_of!(libc::sockaddr_un, sun_path) - 1;

pub(super) async fn connect(path: &str, limit: Limit<'_>) -> Result<Socket> {
    let shown = printable(path.as_bytes(), 256);
    if path.contains('\0') {
        let text = format!("the socket path {shown} has a NUL in it");
        return Err(Error::new(ErrorKind::InvalidArgument, text));
    }
    let address = SockAddr::unix(path).map_err(|_| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "the socket path {shown} is longer than the {MOST} bytes a Unix socket can have"
            ),
        )
        .with_os_code(libc::ENAMETOOLONG)
    })?;
    attempt(&address, limit)
        .await
        .map_err(|error| error.in_context(&format!("cannot connect to {shown}")))
}

async fn attempt(address: &SockAddr, limit: Limit<'_>) -> Result<Socket> {
    let socket = Socket::open(Domain::UNIX, None)?;
    loop {
        match socket.start_connect(address) {
            Ok(true) => return Ok(socket),
            Ok(false) => {
                socket.wait(false, Wait { write: true, also: None }, limit).await?;
                socket.finish_connect().map_err(|error| Error::io("connect", &error))?;
                return Ok(socket);
            }
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => pause(limit).await?,
            Err(error) => return Err(Error::io("connect", &error)),
        }
    }
}

/// Waits a little, unless the deadline or a cancel comes first.
async fn pause(limit: Limit<'_>) -> Result<()> {
    let end = Instant::now() + PAUSE;
    let last = limit.deadline.is_some_and(|deadline| deadline <= end);
    let deadline = limit.deadline.map_or(end, |deadline| deadline.min(end));
    match limit.park.wait(&[], Some(deadline)).await {
        Err(error) if error.kind() != ErrorKind::Timeout || last => Err(error),
        _ => Ok(()),
    }
}
