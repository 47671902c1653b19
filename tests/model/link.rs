//! The server's end of a connection: lines, chunks and bodies in, replies out, and every way to
//! cut it off.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// The connection is over.
#[derive(Debug)]
pub struct Over;

pub enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

pub struct Link {
    stream: Stream,
    input: Vec<u8>,
    at: usize,
    out: Vec<u8>,
    /// Everything that came.
    pub log: Vec<u8>,
    /// The log has all that the client handed over.
    pub complete: bool,
    /// The other side takes nothing any more.
    deaf: bool,
    sent: usize,
    pub lazy: bool,
    pub piece: usize,
    /// Cut off behind so many bytes; whether what comes later is still read.
    pub input_ends: Option<(usize, bool)>,
    pub output_ends: Option<(usize, bool)>,
}

/// No client of a run waits longer: whoever does is stuck.
const PATIENCE: Duration = Duration::from_secs(20);

impl Link {
    pub fn new(stream: Stream) -> Self {
        let (read, write) = match &stream {
            Stream::Unix(s) => {
                (s.set_read_timeout(Some(PATIENCE)), s.set_write_timeout(Some(PATIENCE)))
            }
            Stream::Tcp(s) => {
                (s.set_read_timeout(Some(PATIENCE)), s.set_write_timeout(Some(PATIENCE)))
            }
        };
        read.and(write).expect("time limits for a socket");
        Link {
            stream,
            input: Vec::new(),
            at: 0,
            out: Vec::new(),
            log: Vec::new(),
            complete: false,
            deaf: false,
            sent: 0,
            lazy: false,
            piece: 0,
            input_ends: None,
            output_ends: None,
        }
    }

    /// One line with its end.
    pub fn line(&mut self) -> Result<Vec<u8>, Over> {
        let mut seen = 0;
        loop {
            let rest = &self.input[self.at..];
            if let Some(end) = memchr::memchr(b'\n', &rest[seen..]) {
                let line = rest[..=seen + end].to_vec();
                self.at += line.len();
                return Ok(line);
            }
            seen = rest.len();
            self.fill()?;
        }
    }

    pub fn take(&mut self, count: usize) -> Result<Vec<u8>, Over> {
        while self.buffered() < count {
            self.fill()?;
        }
        let taken = self.input[self.at..self.at + count].to_vec();
        self.at += count;
        Ok(taken)
    }

    /// What has been read and not used yet.
    pub fn buffered(&self) -> usize {
        self.input.len() - self.at
    }

    /// The same with what has arrived by now.
    pub fn arrived(&mut self) -> usize {
        if waiting(self.fd()) > 0 && self.input_ends.is_none() {
            let _ = self.fill();
        }
        self.buffered()
    }

    fn fill(&mut self) -> Result<(), Over> {
        self.flush()?;
        let mut room = 16 * 1024;
        if let Some((end, drained)) = self.input_ends {
            room = room.min(end.saturating_sub(self.log.len()));
            if room == 0 {
                return Err(self.close(drained));
            }
        }
        self.input.drain(..self.at);
        self.at = 0;
        let mut piece = [0; 16 * 1024];
        match self.read(&mut piece[..room]) {
            0 => Err(Over),
            count => {
                self.input.extend_from_slice(&piece[..count]);
                Ok(())
            }
        }
    }

    fn read(&mut self, piece: &mut [u8]) -> usize {
        let result = match &mut self.stream {
            Stream::Unix(stream) => stream.read(piece),
            Stream::Tcp(stream) => stream.read(piece),
        };
        let count = match result {
            Ok(count) => count,
            // A reset takes with it what was on its way.
            Err(_) => return 0,
        };
        self.complete = count == 0;
        self.log.extend_from_slice(&piece[..count]);
        count
    }

    /// A reply: sent now, or with the others when there is nothing left to read.
    pub fn say(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.out.extend_from_slice(bytes);
        if self.lazy { Ok(()) } else { self.flush() }
    }

    /// Goes out with what is said next, in one piece.
    pub fn hold(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub fn flush(&mut self) -> Result<(), Over> {
        let piece = if self.piece == 0 { usize::MAX } else { self.piece };
        self.flush_in(piece)
    }

    pub fn flush_whole(&mut self) -> Result<(), Over> {
        self.flush_in(usize::MAX)
    }

    fn flush_in(&mut self, piece: usize) -> Result<(), Over> {
        let mut out = std::mem::take(&mut self.out);
        let cut = self.output_ends.filter(|(end, _)| self.sent + out.len() > *end);
        if let Some((end, _)) = cut {
            out.truncate(end - self.sent);
        }
        for part in out.chunks(piece) {
            let result = match &mut self.stream {
                _ if self.deaf => Ok(()),
                Stream::Unix(stream) => stream.write_all(part),
                Stream::Tcp(stream) => stream.write_all(part),
            };
            // The client hung up; what it sent before is still to be read.
            self.deaf |= result.is_err();
            if piece != usize::MAX {
                std::thread::yield_now();
            }
        }
        self.sent += out.len();
        match cut {
            Some((_, drained)) => Err(self.close(drained)),
            None => Ok(()),
        }
    }

    /// Nothing is said any more. Drained, what the client still sends is read to its end.
    pub fn close(&mut self, drained: bool) -> Over {
        if drained {
            let _ = match &self.stream {
                Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
                Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            };
            self.drain();
        }
        Over
    }

    pub fn drain(&mut self) {
        let mut piece = [0; 16 * 1024];
        while self.read(&mut piece) > 0 {}
    }

    /// Waits until the client has read all that was said, and tells how much of what it sent
    /// had arrived by then. Only a Unix socket knows.
    pub fn heard(&mut self) -> usize {
        let since = Instant::now();
        while unread(self.fd()) > 0 && since.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_micros(50));
        }
        self.buffered() + waiting(self.fd())
    }

    fn fd(&self) -> RawFd {
        match &self.stream {
            Stream::Unix(stream) => stream.as_raw_fd(),
            Stream::Tcp(stream) => stream.as_raw_fd(),
        }
    }
}

/// Bytes that the socket holds for us.
fn waiting(fd: RawFd) -> usize {
    queue(fd, libc::FIONREAD)
}

/// Bytes that the other side has not read.
fn unread(fd: RawFd) -> usize {
    queue(fd, libc::TIOCOUTQ)
}

fn queue(fd: RawFd, request: libc::Ioctl) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: both requests write one int, and the descriptor is open.
    let result = unsafe { libc::ioctl(fd, request, &raw mut count) };
    if result == 0 { count.try_into().unwrap_or(0) } else { 0 }
}
