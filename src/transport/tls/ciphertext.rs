//! The socket as the TLS library sees it: buffers, so that many records go out in one send, and
//! one receive brings many records in. Writing into it never blocks; who writes asks first
//! whether there is room.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use super::super::socket::Socket;

pub(super) struct Ciphertext {
    socket: Socket,
    outgoing: Vec<u8>,
    sent: usize,
    /// The records of data in `outgoing` whose last byte is still here, oldest first.
    records: VecDeque<Record>,
    incoming: Box<[u8]>,
    from: usize,
    to: usize,
    /// Bytes received since the last that were of use to the caller.
    fruitless: usize,
    mute: bool,
}

/// Where a record ends in what is outgoing, and how many bytes of the caller's are in it.
struct Record {
    end: usize,
    plaintext: u64,
}

impl Ciphertext {
    pub fn new(socket: Socket) -> Self {
        Ciphertext {
            socket,
            outgoing: Vec::new(),
            sent: 0,
            records: VecDeque::new(),
            incoming: vec![0; INCOMING].into(),
            from: 0,
            to: 0,
            fruitless: 0,
            mute: false,
        }
    }

    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Nothing goes out any more.
    #[cfg(any(feature = "native", target_vendor = "apple"))]
    pub fn mute(&mut self) {
        self.mute = true;
    }

    /// Sends what the socket takes.
    pub fn send_pending(&mut self) -> io::Result<()> {
        if self.mute {
            return Ok(());
        }
        while self.is_pending() {
            match self.socket.transmit([&self.outgoing[self.sent..], &[]]) {
                Ok(count) => self.count_sent(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.outgoing.clear();
        self.sent = 0;
        Ok(())
    }

    fn count_sent(&mut self, count: usize) {
        self.sent += count;
        while self.records.front().is_some_and(|record| record.end <= self.sent) {
            self.records.pop_front();
        }
    }

    /// What was written last is a record with so many bytes of the caller's.
    pub fn holds(&mut self, plaintext: usize) {
        self.records.push_back(Record { end: self.outgoing.len(), plaintext: plaintext as u64 });
    }

    /// How many bytes of the caller's are in records that the system has not taken whole: no
    /// peer can have read any of them.
    pub fn unhanded(&self) -> u64 {
        self.records.iter().map(|record| record.plaintext).sum()
    }

    /// Something is left to send.
    pub fn is_pending(&self) -> bool {
        self.sent < self.outgoing.len()
    }

    /// Something must be sent before more is written.
    pub fn is_full(&self) -> bool {
        self.outgoing.len() >= OUTGOING
    }

    #[cfg(test)]
    pub fn backlog(&self) -> usize {
        self.outgoing.len()
    }

    pub fn has_input(&self) -> bool {
        self.from < self.to
    }

    /// What was received held something for the caller.
    pub fn bore_fruit(&mut self) {
        self.fruitless = 0;
    }
}

impl Read for Ciphertext {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.has_input() {
            if self.fruitless > MAX_FRUITLESS {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the server sends records without end, and no data in them",
                ));
            }
            (self.from, self.to) = (0, 0);
            self.to = self.socket.receive(&mut self.incoming).map_err(plain_words)?;
            self.fruitless += self.to;
        }
        let count = buffer.len().min(self.to - self.from);
        buffer[..count].copy_from_slice(&self.incoming[self.from..self.from + count]);
        self.from += count;
        Ok(count)
    }
}

/// The TLS library takes "not connected" for "try again", and would do so for ever.
fn plain_words(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotConnected => io::Error::from_raw_os_error(libc::ECONNRESET),
        _ => error,
    }
}

impl Write for Ciphertext {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.outgoing.len() > MAX_OUTGOING {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the server asks for handshakes without end, and does not read them",
            ));
        }
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Called at the end of a flight of the handshake and behind an alert, never behind data.
    fn flush(&mut self) -> io::Result<()> {
        // The next read tells why the connection broke: it may be by an alert.
        let _ = self.send_pending();
        Ok(())
    }
}

/// Ciphertext that gathers before it must be sent: eight records go out in one send.
const OUTGOING: usize = 128 * 1024;

/// No more than this is ever kept: what is beyond [`OUTGOING`] are answers to handshakes that
/// the server begins.
const MAX_OUTGOING: usize = 1024 * 1024;

/// How much ciphertext is received at once: a whole record (RFC 5246 section 6.2.3), and no more,
/// because every connection keeps that much.
const INCOMING: usize = 5 + 16 * 1024 + 2048;

/// Most bytes of handshakes, tickets and empty records in a row. A certificate chain may have
/// 100 KiB (SSL_CTX_set_max_cert_list(3)).
const MAX_FRUITLESS: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pair() -> (Ciphertext, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Ciphertext::new(Socket::adopt(OwnedFd::from(ours)).unwrap()), theirs)
    }

    /// What a peer that never stops sending can make us read, the caller getting something of it
    /// or not.
    fn flood(fruitful: bool) -> io::Result<()> {
        let (mut ciphertext, mut theirs) = pair();
        let mut buffer = [0; 16 * 1024];
        for _ in 0..4 * MAX_FRUITLESS / buffer.len() {
            theirs.write_all(&buffer)?;
            ciphertext.read_exact(&mut buffer)?;
            if fruitful {
                ciphertext.bore_fruit();
            }
        }
        Ok(())
    }

    #[test]
    fn records_without_data_end_some_time() {
        flood(true).unwrap();
        assert_eq!(flood(false).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn what_is_kept_for_a_peer_that_does_not_read_is_bounded() {
        let (mut ciphertext, theirs) = pair();
        let record = [0; 16 * 1024];
        let error = loop {
            if let Err(error) = ciphertext.write(&record).and_then(|_| ciphertext.flush()) {
                break error;
            }
            assert!(ciphertext.backlog() < 2 * MAX_OUTGOING);
        };
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        drop(theirs);
        // Only the next read tells that the peer is gone.
        ciphertext.flush().unwrap();
        assert_eq!(ciphertext.send_pending().unwrap_err().raw_os_error(), Some(libc::EPIPE));
    }
}
