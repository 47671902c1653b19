//! Names to addresses, within a deadline.
//!
//! The system's resolver cannot be interrupted. A name is looked up on a thread of its own, with
//! every signal blocked in it, and the caller stops waiting at the deadline or a cancel; the
//! thread then ends by itself when the resolver gives up. An address needs no lookup and no
//! thread.

use std::ffi::CString;
use std::io::{self, PipeReader};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result, printable};

use super::{Limit, socket, sys};

/// Long enough for a local name service, short enough not to be noticed where there is none.
const OWN_NAME: Duration = Duration::from_secs(5);

/// A resolver's stack; getaddrinfo with its modules needs far less than the default.
const STACK: usize = 256 * 1024;

/// All addresses of a host.
pub(super) fn resolve(host: &str, port: u16, limit: &Limit<'_>) -> Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.to_owned();
    let found = on_thread(limit, move || {
        (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>)
    })?;
    let shown = printable(host.as_bytes(), 256);
    match found {
        Ok(addresses) if !addresses.is_empty() => Ok(addresses),
        Ok(_) => Err(Error::new(ErrorKind::Resolve, format!("{shown} has no address"))),
        Err(error) => {
            let text = error.to_string();
            let reason = text.strip_prefix("failed to lookup address information: ");
            Err(Error::new(
                ErrorKind::Resolve,
                format!("cannot resolve {shown}: {}", reason.unwrap_or(&text)),
            )
            .with_os_code(error.raw_os_error().unwrap_or(0)))
        }
    }
}

/// The fully qualified name of this machine, if it has one with a dot.
pub fn local_hostname(limit: &Limit<'_>) -> Option<String> {
    let own = sys::host_name()?;
    if own.contains('.') {
        return usable(own);
    }
    let patience = Instant::now() + OWN_NAME;
    let deadline = limit.deadline.map_or(patience, |deadline| deadline.min(patience));
    let name = CString::new(own).ok()?;
    let limit = Limit { deadline: Some(deadline), cancel: limit.cancel };
    on_thread(&limit, move || sys::canonical_name(&name)).ok()?.and_then(usable)
}

/// A name that may stand in EHLO.
fn usable(name: String) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    // Such names stand for whatever machine one is on.
    let says_nothing = name == "localhost.localdomain" || name.starts_with('.');
    (name.contains('.') && !says_nothing && name.bytes().all(fits)).then_some(name)
}

/// Runs `work` on a thread and waits for it as long as the limit lets.
fn on_thread<T: Send + 'static>(
    limit: &Limit<'_>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let result = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&result);
    let (done, alive) = io::pipe().map_err(|error| Error::io("pipe", &error))?;
    let blocked = sys::block_signals();
    let started = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let value = work();
        if let Ok(mut slot) = slot.lock() {
            *slot = Some(value);
        }
        // Closing its end of the pipe wakes the caller.
        drop(alive);
    });
    sys::restore_signals(&blocked);
    started.map_err(|error| Error::io("starting the resolver thread", &error))?;
    wait_for(&done, limit)?;
    let value = result.lock().ok().and_then(|mut slot| slot.take());
    value.ok_or_else(|| Error::new(ErrorKind::Internal, "the resolver thread gave no result"))
}

fn wait_for(done: &PipeReader, limit: &Limit<'_>) -> Result<()> {
    socket::poll(done.as_raw_fd(), libc::POLLIN, limit)
        .map(drop)
        .map_err(|error| error.in_context("name lookup"))
}
