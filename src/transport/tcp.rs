//! TCP: host and port, and every address of the host in turn.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Type};

use crate::error::{Error, ErrorKind, Result, printable};

use super::resolve::resolve;
use super::socket::Socket;
use super::{Limit, Target};

/// The least time an address gets when there are others to try.
const LEAST: Duration = Duration::from_secs(1);

/// `host:port` where no port is given, `[v6]:port`, and a bare IPv6 address (smtplib:
/// `connect`). Port 0 stays 0.
pub fn split_host_port(host: &str, port: u16) -> Result<(String, u16)> {
    if let Some(inside) = host.strip_prefix('[') {
        let (address, rest) =
            inside.split_once(']').ok_or_else(|| bad_host(host, "has [ without ]"))?;
        let own = match rest.strip_prefix(':') {
            Some(digits) => parse_port(host, digits)?,
            None if rest.is_empty() => 0,
            None => return Err(bad_host(host, "goes on behind ]")),
        };
        return Ok((named(host, address)?, if port == 0 { own } else { port }));
    }
    match host.split_once(':') {
        Some((name, digits)) if port == 0 && !digits.contains(':') => {
            Ok((named(host, name)?, parse_port(host, digits)?))
        }
        _ => Ok((named(host, host)?, port)),
    }
}

fn named(host: &str, name: &str) -> Result<String> {
    if name.is_empty() { Err(bad_host(host, "is empty")) } else { Ok(name.to_owned()) }
}

fn parse_port(host: &str, digits: &str) -> Result<u16> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse::<u16>() {
        Ok(port) if all_digits && port > 0 => Ok(port),
        _ => Err(bad_host(host, "has no port number from 1 to 65535 behind its colon")),
    }
}

fn bad_host(host: &str, what: &str) -> Error {
    let host = printable(host.as_bytes(), 256);
    Error::new(ErrorKind::InvalidArgument, format!("the host \"{host}\" {what}"))
}

pub(super) fn connect(target: &Target<'_>, limit: &Limit<'_>) -> Result<Socket> {
    let addresses = resolve(target.host, target.port, limit)?;
    let mut failures: Vec<(SocketAddr, Error)> = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        let others = (addresses.len() - index - 1) as u32;
        let limit = Limit { deadline: share(limit.deadline, others), cancel: limit.cancel };
        match connect_address(*address, target.source, &limit) {
            Ok(socket) => return Ok(socket),
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) => failures.push((*address, error)),
        }
    }
    Err(all_failed(target.host, failures))
}

/// A part of the time for this address, so that one that swallows packets leaves some to the
/// others.
fn share(deadline: Option<Instant>, others: u32) -> Option<Instant> {
    let deadline = deadline?;
    let now = Instant::now();
    let left = deadline.saturating_duration_since(now);
    Some(now + (left / (others + 1)).max(LEAST).min(left))
}

fn connect_address(
    address: SocketAddr,
    source: Option<(&str, u16)>,
    limit: &Limit<'_>,
) -> Result<Socket> {
    let system = |what: &'static str| move |error: std::io::Error| Error::io(what, &error);
    let inner =
        socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
            .map_err(system("socket"))?;
    inner.set_nonblocking(true).map_err(system("set_nonblocking"))?;
    inner.set_tcp_nodelay(true).map_err(system("set_nodelay"))?;
    if let Some(source) = source {
        let local = source_address(source, address)?;
        if local.port() != 0 {
            inner.set_reuse_address(true).map_err(system("set_reuse_address"))?;
        }
        inner.bind(&local.into()).map_err(system("binding the source address"))?;
    }
    finish_connect(inner, &address.into(), limit)
}

/// Starts a non-blocking connect and waits for its end.
pub(super) fn finish_connect(
    inner: socket2::Socket,
    address: &socket2::SockAddr,
    limit: &Limit<'_>,
) -> Result<Socket> {
    let started = inner.connect(address);
    let socket = Socket::new(inner);
    match started {
        Ok(()) => return Ok(socket),
        // An interrupted connect goes on like a non-blocking one.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => {}
        Err(error) => return Err(Error::io("connect", &error)),
    }
    socket.wait(false, true, limit)?;
    socket.take_error().map_err(|error| Error::io("connect", &error))?;
    Ok(socket)
}

fn source_address((host, port): (&str, u16), peer: SocketAddr) -> Result<SocketAddr> {
    let ip = match host {
        "" if peer.is_ipv4() => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        address => address.parse().map_err(|_| {
            let shown = printable(address.as_bytes(), 256);
            Error::new(
                ErrorKind::InvalidArgument,
                format!("the source address {shown} is no IP address"),
            )
        })?,
    };
    Ok(SocketAddr::new(ip, port))
}

/// Names every address and why it failed. The class is that of the last failure, which for a
/// host with one address is the failure.
fn all_failed(host: &str, failures: Vec<(SocketAddr, Error)>) -> Error {
    let reasons: Vec<String> =
        failures.iter().map(|(address, error)| format!("{address}: {}", error.message())).collect();
    let host = printable(host.as_bytes(), 256);
    let text = format!("cannot connect to {host} ({})", reasons.join("; "));
    match failures.last() {
        Some((_, last)) => Error::new(last.kind(), text).with_os_code(last.os_code()),
        None => Error::new(ErrorKind::Resolve, format!("{host} has no address")),
    }
}
