//! Names to addresses, within a deadline. An address needs no look-up.

use std::ffi::CString;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result, printable};

use super::lookup::{self, Question};
use super::sys::Unresolved;
use super::{Limit, sys};

/// All addresses of a host, the system's preferred one first.
pub(super) async fn resolve(host: &str, port: u16, limit: Limit<'_>) -> Result<Vec<SocketAddr>> {
    let shown = printable(host.as_bytes(), 256);
    let no_name = || {
        let text = format!("\"{shown}\" is no host name");
        Error::new(ErrorKind::InvalidArgument, text)
    };
    if host.is_empty() || host.contains(char::is_control) {
        return Err(no_name());
    }
    if let Some(address) = numeric(host, port)? {
        return Ok(vec![address]);
    }
    let name = CString::new(host).map_err(|_| no_name())?;
    match lookup::ask(Question { name, canonical: false }, limit).await? {
        Ok(found) if found.addresses.is_empty() => {
            Err(Error::new(ErrorKind::Resolve, format!("{shown} has no address")))
        }
        Ok(found) => Ok(found.addresses.into_iter().map(|one| with_port(one, port)).collect()),
        Err(failure) => Err(failed(&failure).in_context(&format!("cannot resolve {shown}"))),
    }
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

/// Whether to try again says the code: a name service that cannot be asked now, a system that is
/// out of something.
fn failed(failure: &Unresolved) -> Error {
    let kind = match failure.code {
        libc::EAI_AGAIN | libc::EAI_MEMORY | libc::EAI_SYSTEM => ErrorKind::ResolveAgain,
        _ => ErrorKind::Resolve,
    };
    Error::new(kind, &*failure.reason).with_os_code(failure.code)
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

/// Whether a text is an IP address, with a zone or without.
pub fn is_address(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => !zone.is_empty() && address.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<IpAddr>().is_ok(),
    }
}

/// The fully qualified name of this machine, if it has one with a dot. An error where that could
/// not be found out: at another time it may be.
pub async fn local_hostname(limit: Limit<'_>) -> Result<Option<String>> {
    let Some(own) = sys::host_name() else { return Ok(None) };
    if own.contains('.') {
        return Ok(usable(own));
    }
    let patience = Instant::now() + OWN_NAME;
    let deadline = limit.deadline.map_or(patience, |deadline| deadline.min(patience));
    let Ok(name) = CString::new(own) else { return Ok(None) };
    let limit = Limit { deadline: Some(deadline), ..limit };
    match lookup::ask(Question { name, canonical: true }, limit).await? {
        Ok(found) => Ok(found.canonical.and_then(usable)),
        Err(failure) => match failed(&failure) {
            error if error.kind() == ErrorKind::Resolve => Ok(None),
            error => Err(error),
        },
    }
}

/// A name that may stand in EHLO.
fn usable(name: String) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    // Such names stand for whatever machine one is on.
    let says_nothing = name == "localhost.localdomain" || name.starts_with('.');
    (name.contains('.') && !says_nothing && name.bytes().all(fits)).then_some(name)
}

/// Long enough for a local name service, short enough not to be noticed where there is none.
const OWN_NAME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::super::Cancel;
    use super::super::tests::drive;
    use super::*;

    fn resolved(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        drive(None, &Cancel::new()?, async |limit| resolve(host, port, limit).await)
    }

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
    fn why_a_lookup_failed() {
        for (code, kind) in [
            (libc::EAI_NONAME, ErrorKind::Resolve),
            #[cfg(any(target_os = "linux", target_vendor = "apple"))]
            (libc::EAI_NODATA, ErrorKind::Resolve),
            (libc::EAI_FAIL, ErrorKind::Resolve),
            (libc::EAI_AGAIN, ErrorKind::ResolveAgain),
            (libc::EAI_MEMORY, ErrorKind::ResolveAgain),
            (libc::EAI_SYSTEM, ErrorKind::ResolveAgain),
        ] {
            let error = failed(&Unresolved { code, reason: "reason".to_owned() });
            assert_eq!((error.kind(), error.os_code()), (kind, code));
        }
        let error = resolved("name.invalid", 25).unwrap_err();
        assert!(error.message().starts_with("cannot resolve name.invalid: "), "{error}");
        assert!(error.os_code() == libc::EAI_NONAME || error.os_code() == libc::EAI_AGAIN);
    }

    #[test]
    fn a_name_gives_its_addresses_with_the_port() {
        let found = resolved("localhost", 2525).unwrap();
        assert!(!found.is_empty());
        assert!(found.iter().all(|one| one.ip().is_loopback() && one.port() == 2525), "{found:?}");
    }

    #[test]
    fn addresses_and_what_is_none() {
        for (text, is) in [
            ("192.0.2.1", true),
            ("::1", true),
            ("fe80::1%lo", true),
            ("fe80::1%", false),
            ("127.0.0.1%lo", false),
            ("[::1]", false),
            ("localhost", false),
            ("127.0.0.1 ", false),
            ("127.1", false),
        ] {
            assert_eq!(is_address(text), is, "{text:?}");
        }
    }

    #[test]
    fn hosts_that_are_no_names() {
        for host in ["", "a\0b", "a\nb", "a\u{85}b"] {
            let error = resolved(host, 25).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{host:?}");
        }
    }
}
