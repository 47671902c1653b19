//! TCP: host and port, and every address of the host in turn.
//!
//! The addresses are tried in the resolver's order, the families by turns, each with a head start
//! over the next (RFC 8305 sections 4 and 5), and none is given up before the deadline: one that
//! swallows packets, or a family that leads nowhere, costs the others a moment, not their time.

mod survey;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol};

use crate::error::{Error, ErrorKind, Result, printable};

use super::park::watch;
use super::resolve::{numeric, resolve};
use super::socket::Socket;
use super::{Limit, Target};

pub use survey::Tried;
pub(super) use survey::survey;

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
    // What a certificate would be for: without the zone, and without the root's dot.
    let zoneless = name.split('%').next().unwrap_or(name);
    match zoneless.strip_suffix('.').unwrap_or(zoneless) {
        "" => Err(bad_host(host, "has no name in it")),
        _ => Ok(name.to_owned()),
    }
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

pub(super) async fn connect(target: &Target<'_>, limit: Limit<'_>) -> Result<Socket> {
    let source = target.source.map(Source::parse).transpose()?;
    let addresses = in_turn(target, limit).await?;
    connect_any(target.host, &addresses, source.as_ref(), limit).await
}

/// The addresses of the host, in the order in which they are tried.
async fn in_turn(target: &Target<'_>, limit: Limit<'_>) -> Result<Vec<SocketAddr>> {
    match target.addresses {
        [] => Ok(by_turns(resolve(target.host, target.port, limit).await?)),
        given => given_ones(given, target.port),
    }
}

/// Connects to the first of the addresses that answers.
async fn connect_any(
    host: &str,
    addresses: &[SocketAddr],
    source: Option<&Source>,
    limit: Limit<'_>,
) -> Result<Socket> {
    let mut race = Race { source, under_way: Vec::new(), failures: Vec::new() };
    let mut waiting = addresses.iter().copied();
    loop {
        if let Some(address) = waiting.next() {
            if let Some(socket) = race.start(address) {
                return Ok(socket);
            }
        } else if race.under_way.is_empty() {
            return Err(all_failed(host, race.failures));
        }
        if race.under_way.is_empty() {
            continue;
        }
        let turn = head_start(limit.deadline, waiting.len());
        let deadline = earlier(limit.deadline, turn);
        match race.wait(Limit { deadline, ..limit }).await {
            Ok(Some(socket)) => return Ok(socket),
            Ok(None) => {}
            Err(error) if error.kind() != ErrorKind::Timeout => return Err(error),
            Err(error) => {
                if limit.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    race.time_out(waiting, &error);
                    return Err(all_failed(host, race.failures));
                }
            }
        }
    }
}

/// Attempts to connect, and what became of those that failed.
struct Race<'a> {
    source: Option<&'a Source>,
    under_way: Vec<(SocketAddr, Socket)>,
    failures: Vec<(SocketAddr, Error)>,
}

impl Race<'_> {
    /// Starts an attempt. Gives the socket if it is connected at once.
    fn start(&mut self, address: SocketAddr) -> Option<Socket> {
        if self.under_way.len() == AT_ONCE {
            let (oldest, _) = self.under_way.remove(0);
            self.failures.push((oldest, Error::new(ErrorKind::Timeout, "no answer")));
        }
        match begin(address, self.source) {
            Ok((socket, true)) => return Some(socket),
            Ok((socket, false)) => self.under_way.push((address, socket)),
            Err(error) => self.failures.push((address, error)),
        }
        None
    }

    /// Waits until an attempt ends, and gives its socket if it ended well.
    async fn wait(&mut self, limit: Limit<'_>) -> Result<Option<Socket>> {
        let attempts = self.under_way.iter();
        let fds: Vec<_> = attempts.map(|(_, socket)| watch(socket.fd(), libc::POLLOUT)).collect();
        let ended = limit.park.wait(&fds, limit.deadline).await?.index;
        let (address, socket) = self.under_way.remove(ended);
        match socket.finish_connect() {
            Ok(()) => return Ok(Some(socket)),
            Err(error) => self.failures.push((address, system(&error))),
        }
        Ok(None)
    }

    /// The time is over for every address that has not answered.
    fn time_out(&mut self, waiting: impl Iterator<Item = SocketAddr>, error: &Error) {
        let late = self.under_way.drain(..).map(|(address, _)| address).chain(waiting);
        self.failures.extend(late.map(|address| (address, error.clone())));
    }
}

fn given_ones(addresses: &[String], port: u16) -> Result<Vec<SocketAddr>> {
    let parse =
        |text: &String| numeric(text, port)?.ok_or_else(|| bad_host(text, "is no IP address"));
    addresses.iter().map(parse).collect()
}

/// The families by turns, that of the first address first, each in the order it had (RFC 8305
/// section 4).
fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_four = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (family, others): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|one| one.is_ipv4() == is_four);
    let mut others = others.into_iter();
    let mut order = Vec::new();
    for address in family {
        order.push(address);
        order.extend(others.next());
    }
    order.extend(others);
    order
}

/// When the next address gets its turn: never late enough to leave it without time.
fn head_start(deadline: Option<Instant>, others: usize) -> Option<Instant> {
    if others == 0 {
        return None;
    }
    let now = Instant::now();
    let fair = deadline.map_or(HEAD_START, |deadline| {
        let others = u32::try_from(others).unwrap_or(u32::MAX - 1);
        deadline.saturating_duration_since(now) / (others + 1)
    });
    Some(now + fair.min(HEAD_START))
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// A socket that connects, and whether it has done so already.
fn begin(address: SocketAddr, source: Option<&Source>) -> Result<(Socket, bool)> {
    let socket = Socket::open(Domain::for_address(address), Some(Protocol::TCP))?;
    socket.set_nodelay()?;
    if let Some(local) = source.map(|source| source.facing(address)).transpose()? {
        socket.bind(local)?;
    }
    let connected = socket.start_connect(&address.into()).map_err(|error| system(&error))?;
    Ok((socket, connected))
}

/// The local address to connect from.
struct Source {
    address: Option<SocketAddr>,
    port: u16,
}

impl Source {
    fn parse((host, port): (&str, u16)) -> Result<Self> {
        if host.is_empty() {
            return Ok(Source { address: None, port });
        }
        match numeric(host, port)? {
            Some(address) => Ok(Source { address: Some(address), port }),
            None => {
                let shown = printable(host.as_bytes(), 256);
                let text = format!("the source address {shown} is no IP address");
                Err(Error::new(ErrorKind::InvalidArgument, text))
            }
        }
    }

    /// The one to reach `peer` from.
    fn facing(&self, peer: SocketAddr) -> Result<SocketAddr> {
        let any = match peer {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        match self.address {
            None => Ok(SocketAddr::new(any, self.port)),
            Some(address) if address.is_ipv4() == peer.is_ipv4() => Ok(address),
            Some(address) => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("the source address {} is of another family", address.ip()),
            )),
        }
    }
}

fn system(error: &std::io::Error) -> Error {
    Error::io("connect", error)
}

/// Names every address and why it failed. The class is Timeout if time ran out for one, else
/// that of the last failure; an address that the source address does not fit to says nothing of
/// the others.
fn all_failed(host: &str, failures: Vec<(SocketAddr, Error)>) -> Error {
    let reasons: Vec<String> =
        failures.iter().map(|(address, error)| format!("{address}: {}", error.message())).collect();
    let host = printable(host.as_bytes(), 256);
    let text = format!("cannot connect to {host} ({})", reasons.join("; "));
    let errors = || failures.iter().map(|(_, error)| error);
    let telling = errors()
        .find(|error| error.kind() == ErrorKind::Timeout)
        .or_else(|| errors().rfind(|error| error.kind() != ErrorKind::InvalidArgument))
        .or_else(|| errors().next());
    match telling {
        Some(error) => Error::new(error.kind(), text).with_os_code(error.os_code()),
        None => Error::new(ErrorKind::Resolve, format!("{host} has no address")),
    }
}

/// How long an address is tried before the next gets its turn (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Most attempts under way at the same time; the oldest makes room.
const AT_ONCE: usize = 16;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use socket2::Type;

    use super::super::tests::drive;
    use super::super::{Cancel, Wait};
    use super::*;

    pub(super) fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    pub(super) fn closed_port() -> SocketAddr {
        listener().1
    }

    /// An address that swallows packets: a listener whose backlog is full.
    pub(super) fn black_hole() -> (socket2::Socket, SocketAddr, Vec<socket2::Socket>) {
        let new = || socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let hole = new();
        hole.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        hole.listen(0).unwrap();
        let address = hole.local_addr().unwrap().as_socket().unwrap();
        let filling = (0..4).map(|_| {
            let socket = new();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            socket
        });
        let filling = filling.collect();
        (hole, address, filling)
    }

    fn try_all(addresses: &[SocketAddr], time: Option<u64>, cancel: &Cancel) -> Result<Socket> {
        let deadline = time.map(|time| Instant::now() + Duration::from_millis(time));
        drive(deadline, cancel, async |limit| connect_any("host", addresses, None, limit).await)
    }

    #[test]
    fn a_black_hole_leaves_time_for_the_next() {
        let (_hole, hole, _filling) = black_hole();
        let (_listener, open) = listener();
        let cancel = Cancel::new().unwrap();
        for (time, least, most) in [(Some(300), 90, 290), (Some(60_000), 240, 2000)] {
            let start = Instant::now();
            let socket = try_all(&[hole, closed_port(), open], time, &cancel).unwrap();
            assert_eq!(socket.peer(), Some(open));
            let took = start.elapsed().as_millis();
            assert!((least..most).contains(&took), "{took} ms");
        }
    }

    #[test]
    fn families_take_turns() {
        let parse = |text: &str| -> Vec<SocketAddr> {
            let numbers = text.split(' ').filter(|number| !number.is_empty());
            numbers.map(|number| number.parse().unwrap()).collect()
        };
        for (before, after) in [
            ("", ""),
            ("[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1", "[::1]:1 1.1.1.1:1 [::2]:1 [::3]:1"),
            ("1.1.1.1:1 2.2.2.2:1 [::1]:1 [::2]:1", "1.1.1.1:1 [::1]:1 2.2.2.2:1 [::2]:1"),
            ("[::1]:1 [::2]:1", "[::1]:1 [::2]:1"),
        ] {
            assert_eq!(by_turns(parse(before)), parse(after), "{before}");
        }
    }

    #[test]
    fn the_error_names_every_address_and_its_class() {
        let (_hole, hole, _filling) = black_hole();
        let cancel = Cancel::new().unwrap();
        let closed = [closed_port(), closed_port()];
        let refused = (ErrorKind::Io, libc::ECONNREFUSED);
        let late = (ErrorKind::Timeout, libc::ETIMEDOUT);
        for (addresses, expected) in [
            (vec![closed[0]], refused),
            (closed.to_vec(), refused),
            (vec![hole], late),
            (vec![closed[0], hole], late),
            (vec![hole, closed[0]], late),
        ] {
            let start = Instant::now();
            let error = try_all(&addresses, Some(200), &cancel).map(drop).unwrap_err();
            assert_eq!((error.kind(), error.os_code()), expected, "{error}");
            for address in addresses {
                assert!(error.message().contains(&address.to_string()), "{error}");
            }
            assert!(start.elapsed() < Duration::from_secs(2));
        }
        let error = try_all(&[], None, &cancel).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Resolve);
    }

    #[test]
    fn a_cancel_ends_the_attempts() {
        let (_hole, hole, _filling) = black_hole();
        let cancel = Cancel::new().unwrap();
        let other = cancel.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            other.cancel();
        });
        let error = try_all(&[hole, hole], None, &cancel).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        thread.join().unwrap();
    }

    #[test]
    fn a_source_of_another_family_does_not_hide_the_failure() {
        let cancel = Cancel::new().unwrap();
        let source = Source::parse(("127.0.0.1", 0)).unwrap();
        let other: SocketAddr = "[::1]:25".parse().unwrap();
        let closed = closed_port();
        let try_them = |addresses: &[SocketAddr]| {
            drive(None, &cancel, async |limit| {
                connect_any("host", addresses, Some(&source), limit).await.map(drop)
            })
        };
        for addresses in [[closed, other], [other, closed]] {
            let error = try_them(&addresses).unwrap_err();
            assert_eq!(error.os_code(), libc::ECONNREFUSED, "{error}");
        }
        let error = try_them(&[other]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        let (_listener, open) = listener();
        try_them(&[other, open]).unwrap();
    }

    #[test]
    fn a_socket_that_meets_itself_is_refused() {
        let own = Socket::open(Domain::IPV4, None).unwrap();
        let address = closed_port();
        own.bind(address).unwrap();
        let cancel = Cancel::new().unwrap();
        let error = own.start_connect(&address.into()).and_then(|_| {
            let what = Wait { write: true, also: None };
            drive(None, &cancel, async |limit| own.wait(false, what, limit).await).unwrap();
            own.finish_connect()
        });
        let error = error.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
    }
}
