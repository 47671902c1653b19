//! One connection of a test server: lines and bytes in, replies out, flights counted, everything
//! recorded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::hub::{Hub, Phase};
use super::record::{Connection, End, KEPT};
use super::stream::{Got, Stream};
use super::tls::{Acceptor, channel_binding, facts};

/// What a step of a conversation gives, or how the connection ended in it.
pub(super) type Flow<T> = Result<T, End>;

/// How replies go out, and how long a connection may last.
#[derive(Clone)]
pub(super) struct Manner {
    /// Replies are held until nothing has come for that long.
    pub settle: Duration,
    /// Bytes per write; 0 = all at once.
    pub piece: usize,
    /// Pause after each piece.
    pub pause: Duration,
    /// How long a connection may last.
    pub deadline: Duration,
    pub tls: Option<Acceptor>,
}

/// One connection.
pub(super) struct Conn {
    stream: Stream,
    input: Vec<u8>,
    taken: usize,
    output: Vec<u8>,
    /// Replies went out since the last read.
    answered: bool,
    manner: Manner,
    until: Instant,
    waiting: Duration,
    scratch: Box<[u8]>,
    hub: Arc<Hub>,
    index: usize,
}

/// No honest client sends a longer line.
const LONGEST_LINE: usize = 1024 * 1024;

/// Held replies go out beyond this, however much the client still sends.
const MOST_HELD: usize = 64 * 1024;

impl Conn {
    pub fn new(stream: Stream, hub: Arc<Hub>, index: usize, manner: Manner) -> Conn {
        Conn {
            stream,
            input: Vec::new(),
            taken: 0,
            output: Vec::new(),
            answered: false,
            until: Instant::now() + manner.deadline,
            waiting: Duration::MAX,
            manner,
            scratch: vec![0; 64 * 1024].into_boxed_slice(),
            hub,
            index,
        }
    }

    pub fn log<T>(&self, change: impl FnOnce(&mut Connection) -> T) -> T {
        self.hub.with(self.index, change)
    }

    /// Notes a broken rule.
    pub fn fault(&self, what: impl Into<String>) {
        let what = what.into();
        self.log(|log| log.faults.push(what));
    }

    pub fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }

    pub fn can_tls(&self) -> bool {
        self.manner.tls.is_some()
    }

    pub fn set_pace(&mut self, piece: usize, pause: Duration) {
        self.manner.piece = piece;
        self.manner.pause = pause;
    }

    /// What has come and was not taken yet.
    pub fn buffered(&self) -> &[u8] {
        &self.input[self.taken..]
    }

    pub fn consume(&mut self, count: usize) {
        self.taken += count;
        if self.taken == self.input.len() {
            self.input.clear();
            self.taken = 0;
        }
    }

    /// Queues a reply; it goes out before the next wait.
    pub fn reply(&mut self, lines: &str) {
        for line in lines.split('\n') {
            self.output.extend_from_slice(line.trim_end_matches('\r').as_bytes());
            self.output.extend_from_slice(b"\r\n");
        }
    }

    /// Sends bytes as they are, now, behind what is queued.
    pub fn send(&mut self, bytes: &[u8]) -> Flow<()> {
        self.output.extend_from_slice(bytes);
        self.flush()
    }

    pub fn flush(&mut self) -> Flow<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        self.wait_at_most(self.until.saturating_duration_since(Instant::now()));
        let output = std::mem::take(&mut self.output);
        let piece = if self.manner.piece == 0 { output.len() } else { self.manner.piece };
        for bytes in output.chunks(piece) {
            self.stream.write_all(bytes).map_err(|error| self.ended(error.to_string()))?;
            if !self.manner.pause.is_zero() {
                self.pause(self.manner.pause)?;
            }
        }
        self.answered = true;
        Ok(())
    }

    pub fn pause(&mut self, duration: Duration) -> Flow<()> {
        match self.hub.sleep(duration) {
            Phase::Running => Ok(()),
            Phase::Finishing | Phase::Stopped => Err(End::Stopped),
        }
    }

    /// Reads more into the buffer, after all queued replies went out.
    pub fn fill(&mut self) -> Flow<()> {
        if !self.output.is_empty() {
            if self.output.len() < MOST_HELD && self.more_already()? {
                return Ok(());
            }
            self.flush()?;
        }
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(End::Deadline);
        }
        self.wait_at_most(left);
        let answered = self.answered;
        if !self.receive()? {
            return Err(self.ended_as(End::Deadline));
        }
        if answered {
            self.answered = false;
            self.log(|log| log.flights += 1);
        }
        Ok(())
    }

    /// Whether input comes while replies are still held.
    fn more_already(&mut self) -> Flow<bool> {
        if !self.manner.settle.is_zero() {
            self.wait_at_most(self.manner.settle);
            return self.receive();
        }
        self.set_nonblocking(true);
        let result = self.receive();
        self.set_nonblocking(false);
        result
    }

    fn set_nonblocking(&self, on: bool) {
        if let Some(socket) = self.stream.socket() {
            socket.set_nonblocking(on);
        }
    }

    fn wait_at_most(&mut self, limit: Duration) {
        // A whole connection's deadline need not be renewed at every read.
        let close = self.waiting.abs_diff(limit) < Duration::from_secs(1);
        if close && limit > Duration::from_secs(2) {
            return;
        }
        self.waiting = limit;
        if let Some(socket) = self.stream.socket() {
            socket.set_timeouts(limit);
        }
    }

    /// One read; false if nothing came.
    fn receive(&mut self) -> Flow<bool> {
        let got = self.stream.read(&mut self.scratch).map_err(|e| self.ended(e.to_string()))?;
        let count = match got {
            Got::Bytes(count) => count,
            Got::Nothing => return Ok(false),
            Got::Eof => return Err(self.ended_as(End::Eof)),
            Got::Truncated => return Err(self.ended_as(End::Truncated)),
        };
        let bytes = &self.scratch[..count];
        self.hub.with(self.index, |log| {
            let room = KEPT.saturating_sub(log.received.len()).min(count);
            log.received.extend_from_slice(&bytes[..room]);
            log.received_len += count as u64;
        });
        if self.taken > LONGEST_LINE {
            self.input.drain(..self.taken);
            self.taken = 0;
        }
        self.input.extend_from_slice(bytes);
        Ok(true)
    }

    /// The next line without its end, recorded as a command.
    pub fn command(&mut self) -> Flow<Vec<u8>> {
        let mut searched = 0;
        let end = loop {
            match memchr::memchr(b'\n', &self.buffered()[searched..]) {
                Some(at) => break searched + at,
                None => searched = self.buffered().len(),
            }
            if searched > LONGEST_LINE {
                return Err(End::Failed("a command line over 1 MiB".to_owned()));
            }
            self.fill()?;
        };
        let mut line = self.buffered()[..end].to_vec();
        self.consume(end + 1);
        match line.last() {
            Some(b'\r') => drop(line.pop()),
            _ => self.fault("a command line that ends in a bare LF"),
        }
        if line.iter().any(|byte| matches!(byte, b'\r' | b'\0')) {
            self.fault(format!("CR or NUL in the command {:?}", String::from_utf8_lossy(&line)));
        }
        self.log(|log| log.commands.push(line.clone()));
        Ok(line)
    }

    /// The TLS handshake. What was buffered in clear is a fault and dropped.
    pub fn start_tls(&mut self) -> Flow<()> {
        self.flush()?;
        if !self.buffered().is_empty() {
            self.fault("bytes in clear behind STARTTLS");
            self.consume(self.buffered().len());
        }
        let acceptor = self.manner.tls.clone();
        let acceptor = acceptor.ok_or_else(|| End::Failed("this server has no TLS".to_owned()))?;
        let Stream::Plain(socket) = std::mem::replace(&mut self.stream, Stream::Closed) else {
            return Err(End::Failed("TLS within TLS, or after the end".to_owned()));
        };
        self.waiting = self.until.saturating_duration_since(Instant::now());
        socket.0.set_timeouts(self.waiting);
        match acceptor.accept(socket) {
            Ok(stream) => {
                let facts = facts(stream.ssl());
                self.log(|log| log.tls = Some(facts));
                self.stream = Stream::Tls(Box::new(stream));
                Ok(())
            }
            Err(error) => {
                self.log(|log| log.tls_error = Some(error.clone()));
                Err(self.ended(error))
            }
        }
    }

    /// What a client can bind a login to here, by the name of the type.
    pub fn channel_binding(&self, kind: &str) -> Option<Vec<u8>> {
        match &self.stream {
            Stream::Tls(stream) => channel_binding(stream.ssl(), kind),
            _ => None,
        }
    }

    /// Says nothing more until the client goes away; `read` takes what it sends meanwhile.
    pub fn hold(&mut self, read: bool) -> End {
        if !read {
            let left = self.until.saturating_duration_since(Instant::now());
            return match self.hub.sleep(left) {
                Phase::Running => End::Deadline,
                Phase::Finishing | Phase::Stopped => End::Stopped,
            };
        }
        loop {
            self.consume(self.buffered().len());
            if let Err(end) = self.fill() {
                return end;
            }
        }
    }

    /// Sends what is queued, says goodbye and reads until the client has gone too, for a while: so
    /// no reply is lost to a reset.
    pub fn close(&mut self) -> End {
        if self.flush().is_ok() {
            self.half_close();
            self.until = self.until.min(Instant::now() + Duration::from_secs(2));
            self.hold(true);
        }
        self.stream = Stream::Closed;
        End::Closed
    }

    /// Closes now: no close_notify, and a reset if the client's bytes were not all read.
    pub fn cut(&mut self) -> End {
        self.stream = Stream::Closed;
        End::Closed
    }

    /// Closes with a reset (TCP).
    pub fn reset(&mut self) -> End {
        if let Some(socket) = self.stream.socket() {
            socket.reset_on_close();
        }
        self.cut()
    }

    /// No byte goes to the client from here on; its own are still read.
    pub fn half_close(&mut self) {
        self.stream.half_close();
    }

    /// Reads until `limit` has passed in silence; false if something came.
    pub fn is_silent(&mut self, limit: Duration) -> Flow<bool> {
        self.flush()?;
        if !self.buffered().is_empty() {
            return Ok(false);
        }
        self.wait_at_most(limit.min(Duration::from_secs(2)));
        Ok(!self.receive()?)
    }

    fn ended(&self, error: String) -> End {
        self.ended_as(End::Error(error))
    }

    /// An end that the server itself forced is no doing of the client's.
    fn ended_as(&self, end: End) -> End {
        if self.hub.phase() == Phase::Stopped { End::Stopped } else { end }
    }
}
