//! Where the transcript goes: standard error in smtplib's form, or the caller's sink.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::printable;
use crate::session::{DebugSink, Direction};
use crate::transport::StandardError;

use super::Client;

/// How much of one piece a line on standard error shows.
const SHOWN: usize = 8192;

impl Client {
    /// 0 is silence, 1 a transcript, 2 the same with the time of day.
    pub fn set_debug_level(&mut self, level: u8) {
        self.debug_level = Some(level);
        if !self.custom_sink {
            let sink = Lines { timed: level > 1, output: StandardError::default() };
            self.session.trace().set_sink(Some(Box::new(sink)));
        }
        self.session.trace().set_on(level > 0);
    }

    /// Sends the transcript to `sink`, at level 1 if no level was set; `None` goes back to
    /// standard error.
    pub fn set_debug_sink(&mut self, sink: Option<Box<dyn DebugSink>>) {
        self.custom_sink = sink.is_some();
        self.session.trace().set_sink(sink);
        match self.debug_level {
            Some(level) => self.set_debug_level(level),
            None => self.session.trace().set_on(self.custom_sink),
        }
    }

    /// Shows credentials in the transcript.
    pub fn set_debug_secrets(&mut self, shown: bool) {
        self.session.trace().set_secrets(shown);
    }
}

/// A transcript in lines, as smtplib writes it.
struct Lines {
    timed: bool,
    output: StandardError,
}

impl DebugSink for Lines {
    fn trace(&mut self, direction: Direction, bytes: &[u8]) {
        let label = match direction {
            Direction::Sent => "send: ",
            Direction::Received => "reply: ",
            Direction::Info => "",
        };
        let time = if self.timed { time_of_day() } else { String::new() };
        let line = format!("{time}{label}{}\n", printable(bytes, SHOWN));
        self.output.write(line.as_bytes());
    }
}

/// Universal time: a library must not read the time zone's environment behind its host's back.
fn time_of_day() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = now.as_secs() % 86_400;
    format!(
        "{:02}:{:02}:{:02}.{:06}Z ",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        now.subsec_micros()
    )
}
