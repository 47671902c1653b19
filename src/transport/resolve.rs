//! Names to addresses, within a deadline.
//!
//! The system's resolver cannot be interrupted. A name is looked up on a thread of its own, with
//! every signal blocked in it, and the caller stops waiting at the deadline or a cancel; the
//! thread then ends by itself when the resolver gives up. An address needs no lookup and no
//! thread. Where the system gives no thread, the lookup runs in the caller's, and the deadline
//! holds again behind it.

use std::ffi::CString;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result, printable};

use super::wake::Wake;
use super::{Limit, socket, sys};

/// All addresses of a host, the system's preferred one first.
pub(super) fn resolve(host: &str, port: u16, limit: &Limit<'_>) -> Result<Vec<SocketAddr>> {
    let shown = printable(host.as_bytes(), 256);
    if host.is_empty() || host.contains(char::is_control) {
        let text = format!("\"{shown}\" is no host name");
        return Err(Error::new(ErrorKind::InvalidArgument, text));
    }
    if let Some(address) = numeric(host, port)? {
        return Ok(vec![address]);
    }
    let name = host.to_owned();
    let found = on_thread(limit, move || {
        (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>)
    })?;
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

/// The address that a text is, with its zone if it has one (RFC 4007 section 11); `None` for a
/// name.
pub(super) fn numeric(host: &str, port: u16) -> Result<Option<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(Some(SocketAddr::new(address, port)));
    }
    let Some((address, zone)) = host.split_once('%') else { return Ok(None) };
    let Ok(address) = address.parse::<Ipv6Addr>() else { return Ok(None) };
    let scope = zone.parse().ok().or_else(|| sys::interface_index(zone)).ok_or_else(|| {
        let zone = printable(zone.as_bytes(), 64);
        Error::new(ErrorKind::Resolve, format!("there is no network interface {zone}"))
    })?;
    Ok(Some(SocketAddr::V6(SocketAddrV6::new(address, port, 0, scope))))
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
    work: impl Fn() -> T + Clone + Send + 'static,
) -> Result<T> {
    let result = Arc::new(Mutex::new(None));
    let done = Arc::new(Wake::new()?);
    let here = work.clone();
    let (slot, end) = (Arc::clone(&result), End(Arc::clone(&done)));
    let blocked = sys::block_signals();
    let started = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let value = work();
        if let Ok(mut slot) = slot.lock() {
            *slot = Some(value);
        }
        drop(end);
    });
    sys::restore_signals(&blocked);
    let Ok(thread) = started else { return Ok(here()) };
    socket::poll(done.fd(), libc::POLLIN, limit)
        .map_err(|error| error.in_context("name lookup"))?;
    // It has nothing left to do; the host sees no thread of ours after the call.
    drop(thread.join());
    let value = result.lock().ok().and_then(|mut slot| slot.take());
    value.ok_or_else(|| Error::new(ErrorKind::Internal, "the resolver thread gave no result"))
}

/// Wakes the waiting caller when the work ends, however that is. (The end of a pipe would not
/// do: a child that another thread forks meanwhile would hold it open.)
struct End(Arc<Wake>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.wake();
    }
}

/// Long enough for a local name service, short enough not to be noticed where there is none.
const OWN_NAME: Duration = Duration::from_secs(5);

/// A resolver's stack, of which only what is touched is ever there. Name service modules run on
/// it.
const STACK: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Cancel;

    #[test]
    fn numeric_addresses() {
        let index = sys::interface_index("lo").unwrap();
        let cases = [
            ("192.0.2.1", Some("192.0.2.1:25".to_owned())),
            ("::1", Some("[::1]:25".to_owned())),
            ("fe80::1%lo", Some(format!("[fe80::1%{index}]:25"))),
            ("fe80::1%7", Some("[fe80::1%7]:25".to_owned())),
            ("mail.example.org", None),
            ("a%lo", None),
        ];
        for (host, expected) in cases {
            let address = numeric(host, 25).unwrap().map(|address| address.to_string());
            assert_eq!(address, expected, "{host}");
        }
        let error = numeric("fe80::1%nowhere", 25).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Resolve);
        assert!(error.message().contains("nowhere"), "{error}");
    }

    #[test]
    fn own_names_that_say_something() {
        for (name, fits) in [
            ("mail.example.org", true),
            ("under_score.example.org", true),
            ("localhost", false),
            ("localhost.localdomain", false),
            (".example.org", false),
            ("a b.example.org", false),
            ("m\u{fc}ller.example", false),
            ("a.b\r\nRSET", false),
        ] {
            assert_eq!(usable(name.to_owned()).is_some(), fits, "{name:?}");
        }
    }

    #[test]
    fn a_lookup_ends_with_its_limit_and_not_with_the_resolver() {
        let cancel = Cancel::new().unwrap();
        let slow = || std::thread::sleep(Duration::from_secs(2));
        let start = Instant::now();
        let deadline = Some(start + Duration::from_millis(50));
        let error = on_thread(&Limit { deadline, cancel: &cancel }, slow).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let other = cancel.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            other.cancel();
        });
        let error = on_thread(&Limit { deadline: None, cancel: &cancel }, slow).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        thread.join().unwrap();
        assert!(start.elapsed() < Duration::from_secs(1));
        cancel.clear();
        let limit = Limit { deadline: None, cancel: &cancel };
        assert_eq!(on_thread(&limit, || 7).unwrap(), 7);
    }

    #[test]
    fn hosts_that_are_no_names() {
        let cancel = Cancel::new().unwrap();
        let limit = Limit { deadline: None, cancel: &cancel };
        for host in ["", "a\0b", "a\nb", "a\u{85}b"] {
            let error = resolve(host, 25, &limit).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{host:?}");
        }
    }
}
