//! The transcript: what went out and came in, credentials masked.

use super::credential::MASK;

/// Which way the bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Sent,
    Received,
    /// Not on the wire: connections made and lost.
    Info,
}

/// Where a transcript goes.
pub trait DebugSink: Send {
    fn trace(&mut self, direction: Direction, bytes: &[u8]);
}

/// The transcript of one session.
#[derive(Default)]
pub struct Trace {
    sink: Option<Box<dyn DebugSink>>,
    on: bool,
    secrets: bool,
}

impl Trace {
    pub fn set_sink(&mut self, sink: Option<Box<dyn DebugSink>>) {
        self.sink = sink;
    }

    pub fn set_on(&mut self, on: bool) {
        self.on = on;
    }

    pub fn set_secrets(&mut self, shown: bool) {
        self.secrets = shown;
    }

    pub fn is_on(&self) -> bool {
        self.on && self.sink.is_some()
    }

    pub fn info(&mut self, text: &str) {
        self.tell(Direction::Info, text.as_bytes());
    }

    pub(super) fn sent(&mut self, bytes: &[u8]) {
        self.tell(Direction::Sent, bytes);
    }

    /// A line that ends in a credential: `shown` of its bytes may be seen.
    pub(super) fn sent_secret(&mut self, line: &[u8], shown: usize) {
        if self.secrets {
            return self.sent(line);
        }
        if self.is_on() {
            let masked = [&line[..shown.min(line.len())], MASK.as_bytes(), b"\r\n"].concat();
            self.tell(Direction::Sent, &masked);
        }
    }

    pub(super) fn received(&mut self, bytes: &[u8]) {
        self.tell(Direction::Received, bytes);
    }

    fn tell(&mut self, direction: Direction, bytes: &[u8]) {
        if !self.on {
            return;
        }
        if let Some(sink) = &mut self.sink {
            sink.trace(direction, bytes);
        }
    }

    pub(super) fn shows_secrets(&self) -> bool {
        self.secrets
    }
}
