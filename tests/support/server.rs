//! A listening server and its threads: one that accepts, one per connection. It stops when it is
//! dropped, and every connection has a deadline besides.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::certs::Kind;
use super::conn::{Conn, Manner};
use super::engine::Engine;
use super::hub::{Hub, Phase};
use super::record::{End, Record};
use super::script::Script;
use super::stream::{Shared, Socket, Stream};
use super::temp::TempDir;
use super::tls::ServerTls;

/// How a server is to be.
pub struct Builder {
    scripts: Vec<Script>,
    engine: Option<Engine>,
    tls: Option<ServerTls>,
    implicit: bool,
    place: Place,
    settle: Duration,
    deadline: Duration,
    small_buffers: bool,
}

enum Place {
    V4(u16),
    V6,
    At(SocketAddr),
    Unix,
    UnixAt(String),
}

impl Builder {
    /// What the next connection gets; call it again for the one after.
    pub fn script(mut self, script: Script) -> Builder {
        self.scripts.push(script);
        self
    }

    /// What connections beyond the scripts get. Without an engine they are a failure.
    pub fn engine(mut self, engine: Engine) -> Builder {
        self.engine = Some(engine);
        self
    }

    /// Can do STARTTLS.
    pub fn tls(mut self, tls: ServerTls) -> Builder {
        self.tls = Some(tls);
        self
    }

    /// TLS from the first byte.
    pub fn implicit_tls(mut self, tls: ServerTls) -> Builder {
        self.implicit = true;
        self.tls(tls)
    }

    /// TCP on ::1 instead of 127.0.0.1.
    pub fn ipv6(mut self) -> Builder {
        self.place = Place::V6;
        self
    }

    /// TCP on 127.0.0.1 at that port instead of any.
    pub fn port(mut self, port: u16) -> Builder {
        self.place = Place::V4(port);
        self
    }

    /// TCP at that address and port.
    pub fn at(mut self, place: SocketAddr) -> Builder {
        self.place = Place::At(place);
        self
    }

    /// A Unix socket, in a temporary directory.
    pub fn unix(mut self) -> Builder {
        self.place = Place::Unix;
        self
    }

    /// A Unix socket at that path.
    pub fn unix_at(mut self, path: &str) -> Builder {
        self.place = Place::UnixAt(path.to_owned());
        self
    }

    /// Holds replies until the client has been silent for that long: a simulated round trip, and
    /// the condition for flights to be counted exactly.
    pub fn settle(mut self, quiet: Duration) -> Builder {
        self.settle = quiet;
        self
    }

    /// How long a connection may last; 60 s unless set.
    pub fn deadline(mut self, limit: Duration) -> Builder {
        self.deadline = limit;
        self
    }

    /// Socket buffers as small as the system grants.
    pub fn small_buffers(mut self) -> Builder {
        self.small_buffers = true;
        self
    }

    pub fn start(self) -> Server {
        let mut home = None;
        let listener = match &self.place {
            Place::V4(port) => {
                Listener::Tcp(TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).expect("a port"))
            }
            Place::V6 => {
                Listener::Tcp(TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("a port on ::1"))
            }
            Place::At(place) => Listener::Tcp(TcpListener::bind(place).expect("the port")),
            Place::Unix => {
                let directory = TempDir::new("unix");
                let path = directory.join("socket");
                home = Some(directory);
                Listener::unix(path)
            }
            Place::UnixAt(path) => Listener::unix(path.clone()),
        };
        let place = listener.place();
        let manner = Manner {
            settle: self.settle,
            piece: 0,
            pause: Duration::ZERO,
            deadline: self.deadline,
            tls: self.tls.as_ref().map(ServerTls::acceptor),
        };
        let hub = Hub::new();
        let shared = hub.clone();
        let acceptor = thread::spawn(move || self.accept(&listener, &shared, &manner));
        Server { hub, place, home, acceptor: Some(acceptor) }
    }

    /// Accepts until the server itself connects, and returns the connections' threads.
    fn accept(self, listener: &Listener, hub: &Arc<Hub>, manner: &Manner) -> Vec<JoinHandle<()>> {
        let mut threads = Vec::new();
        let mut scripts = self.scripts.into_iter();
        loop {
            let Some((socket, peer)) = listener.accept() else { continue };
            if hub.is_last(&peer) {
                return threads;
            }
            socket.set_nodelay();
            if self.small_buffers {
                socket.shrink_buffers();
            }
            let socket = Arc::new(socket);
            let index = hub.enter(&socket);
            let conn = Conn::new(Stream::Plain(Shared(socket)), hub.clone(), index, manner.clone());
            let (script, engine) = (scripts.next(), self.engine.clone());
            let implicit = self.implicit;
            threads.push(thread::spawn(move || converse(conn, implicit, script, engine)));
        }
    }
}

/// One connection from its first byte to its end.
fn converse(mut conn: Conn, implicit: bool, script: Option<Script>, engine: Option<Engine>) {
    let start = if implicit { conn.start_tls() } else { Ok(()) };
    let result = start.and_then(|()| match (script, engine) {
        (Some(script), _) => script.run(&mut conn),
        (None, Some(engine)) => engine.run(&mut conn),
        (None, None) => Err(End::Failed("a connection more than the test scripted".to_owned())),
    });
    let end = match result {
        Ok(()) => conn.close(),
        Err(end) => {
            // The client must see the end before the record tells the test of it.
            conn.cut();
            end
        }
    };
    conn.log(|log| {
        if let End::Failed(why) = &end {
            log.failure = Some(why.clone());
        }
        log.ended = Some(end);
    });
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, String),
}

impl Listener {
    fn unix(path: String) -> Listener {
        Listener::Unix(UnixListener::bind(&path).expect("a Unix socket"), path)
    }

    fn place(&self) -> Address {
        match self {
            Listener::Tcp(listener) => Address::Tcp(listener.local_addr().expect("an address")),
            Listener::Unix(_, path) => Address::Unix(path.clone()),
        }
    }

    /// A connection and its peer's address.
    fn accept(&self) -> Option<(Socket, String)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().ok()?;
                Some((Socket::Tcp(stream), peer.to_string()))
            }
            Listener::Unix(listener, _) => {
                let (stream, peer) = listener.accept().ok()?;
                let peer = peer.as_pathname().map(|path| path.display().to_string());
                Some((Socket::Unix(stream), peer.unwrap_or_default()))
            }
        }
    }
}

#[derive(Clone)]
enum Address {
    Tcp(SocketAddr),
    Unix(String),
}

/// A running server.
pub struct Server {
    hub: Arc<Hub>,
    place: Address,
    home: Option<TempDir>,
    acceptor: Option<JoinHandle<Vec<JoinHandle<()>>>>,
}

/// How long a finishing server waits for clients that are still there and silent.
const IDLE: Duration = Duration::from_millis(250);

impl Server {
    /// On 127.0.0.1, with STARTTLS by a valid certificate.
    pub fn engine(engine: Engine) -> Server {
        Server::builder().tls(ServerTls::new(Kind::Valid)).engine(engine).start()
    }

    /// On 127.0.0.1, for one connection, with STARTTLS by a valid certificate.
    pub fn script(script: Script) -> Server {
        Server::builder().tls(ServerTls::new(Kind::Valid)).script(script).start()
    }

    pub fn builder() -> Builder {
        Builder {
            scripts: Vec::new(),
            engine: None,
            tls: None,
            implicit: false,
            place: Place::V4(0),
            settle: Duration::ZERO,
            deadline: Duration::from_secs(60),
            small_buffers: false,
        }
    }

    /// The TCP port; 0 for a Unix socket.
    pub fn port(&self) -> u16 {
        match &self.place {
            Address::Tcp(address) => address.port(),
            Address::Unix(_) => 0,
        }
    }

    /// What to connect to: `127.0.0.1`, `::1` or a socket's path.
    pub fn host(&self) -> String {
        match &self.place {
            Address::Tcp(address) => address.ip().to_string(),
            Address::Unix(path) => path.clone(),
        }
    }

    /// `127.0.0.1:2525`, `[::1]:2525` or a socket's path.
    pub fn address(&self) -> String {
        match &self.place {
            Address::Tcp(address) => address.to_string(),
            Address::Unix(path) => path.clone(),
        }
    }

    /// What was recorded so far.
    pub fn record(&self) -> Record {
        self.hub.record()
    }

    /// Waits until the record satisfies `wanted`; panics after 10 s.
    pub fn wait_for(&self, wanted: impl Fn(&Record) -> bool) -> Record {
        let came = self.hub.wait_for(Duration::from_secs(10), wanted);
        assert!(came, "what a test waits for did not come: {:?}", self.record());
        self.record()
    }

    /// Waits until every connection has ended or is idle, stops the server, and returns the whole
    /// record. Panics if a conversation left its script or a client broke the protocol's rules.
    pub fn finish(self) -> Record {
        let record = self.finish_unchecked();
        let wrong: Vec<String> = record.failures().into_iter().chain(record.faults()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}\nthe client sent {:#?}", record.lines());
        record
    }

    /// [`finish`](Server::finish) for a client that is meant to be wrong.
    pub fn finish_unchecked(mut self) -> Record {
        let state = |record: &Record| {
            let sum = |total, one: &super::Connection| total + one.received_len;
            let open = record.connections.iter().filter(|one| one.ended.is_none()).count();
            (record.connections.iter().fold(0, sum), record.connections.len(), open)
        };
        let threads = self.stop_accepting();
        let mut last = state(&self.record());
        let mut since = Instant::now();
        while last.2 > 0 && since.elapsed() < IDLE {
            thread::sleep(Duration::from_millis(2));
            let now = state(&self.record());
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        self.hub.advance(Phase::Finishing);
        self.stop(threads);
        self.record()
    }

    /// No connection is accepted behind those that have been made by now.
    fn stop_accepting(&mut self) -> Vec<JoinHandle<()>> {
        let Some(acceptor) = self.acceptor.take() else { return Vec::new() };
        // Connections queue up: the acceptor ends when it comes to this one, known by its address.
        let last = self.place.connect(|own| self.hub.set_last(own)).expect("a last connection");
        let threads = acceptor.join().unwrap_or_default();
        drop(last);
        if let Address::Unix(path) = &self.place {
            let _ = std::fs::remove_file(path);
            let _ = std::fs::remove_file(own_path(path));
        }
        threads
    }

    fn stop(&self, threads: Vec<JoinHandle<()>>) {
        self.hub.advance(Phase::Stopped);
        for one in threads {
            let _ = one.join();
        }
    }
}

impl Address {
    /// Connects from an address that is told before.
    fn connect(&self, tell: impl FnOnce(String)) -> std::io::Result<socket2::Socket> {
        use socket2::{Domain, SockAddr, Type};
        match self {
            Address::Tcp(there) => {
                let socket = socket2::Socket::new(Domain::for_address(*there), Type::STREAM, None)?;
                socket.bind(&SocketAddr::new(there.ip(), 0).into())?;
                let own = socket.local_addr()?.as_socket();
                tell(own.map(|own| own.to_string()).unwrap_or_default());
                socket.connect(&(*there).into())?;
                Ok(socket)
            }
            Address::Unix(there) => {
                let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
                socket.bind(&SockAddr::unix(own_path(there))?)?;
                tell(own_path(there));
                socket.connect(&SockAddr::unix(there)?)?;
                Ok(socket)
            }
        }
    }
}

fn own_path(path: &str) -> String {
    format!("{path}.last")
}

impl Drop for Server {
    /// Stops at once. A conversation that had left its script is not forgotten, though.
    fn drop(&mut self) {
        if self.acceptor.is_none() {
            return;
        }
        let failures = self.record().failures();
        let threads = self.stop_accepting();
        self.stop(threads);
        if !thread::panicking() {
            assert!(failures.is_empty(), "{failures:#?}");
        }
    }
}

/// A TCP port of 127.0.0.1 where nobody listens.
pub fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}
