//! The loop around the session: send what it has, wait, feed what comes, until it is quiet.
//!
//! Reads go on while writing, so that two full socket buffers cannot deadlock (RFC 2920
//! section 3.1), and every wait ends at the deadline or at a cancel.

use std::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;
use crate::transport::{Io, Limit};

use super::config::{DATA_BLOCK, TimeoutPolicy};
use super::{Client, not_connected};

/// How much is read at once.
const INBOX: usize = 32 * 1024;

/// How much is sent at most before looking whether the server has said something.
const SEND_TURN: usize = 1024 * 1024;

/// When the present wait began: with the call, or the last reply or block of data.
pub(super) struct Patience {
    deadline: Option<Instant>,
    since: Instant,
    replies: u64,
    block: u64,
}

impl Client {
    /// The start of a call: connected, nothing pushed still under way.
    /// Gives the call's own deadline, if the caller has set one.
    pub(super) fn begin(&mut self) -> Result<Option<Instant>> {
        if self.transport.is_none() {
            return Err(not_connected());
        }
        let deadline = self.call_deadline();
        if !self.session.is_quiet()
            && let Some(error) = self.drive(deadline)
        {
            return Err(error);
        }
        Ok(deadline)
    }

    pub(super) fn call_deadline(&self) -> Option<Instant> {
        match self.config.timeout {
            TimeoutPolicy::After(time) => Instant::now().checked_add(time),
            _ => None,
        }
    }

    /// The limit of the present phase, where the caller set none.
    pub(super) fn phase_deadline(&self) -> Option<Instant> {
        self.phase_deadline_since(Instant::now())
    }

    fn phase_deadline_since(&self, since: Instant) -> Option<Instant> {
        match self.config.timeout {
            TimeoutPolicy::Rfc => Some(since + self.session.phase().patience()),
            _ => None,
        }
    }

    /// One operation of the session from start to result.
    pub(super) fn run(&mut self, start: impl FnOnce(&mut Session) -> Result<()>) -> Result<u16> {
        let deadline = self.begin()?;
        self.operate(deadline, start)
    }

    /// The same within a call that has begun.
    pub(super) fn operate(
        &mut self,
        deadline: Option<Instant>,
        start: impl FnOnce(&mut Session) -> Result<()>,
    ) -> Result<u16> {
        if let Err(error) = start(&mut self.session) {
            self.hang_up();
            return Err(error);
        }
        self.drive(deadline);
        self.session.take_result()
    }

    /// Runs until the session is quiet. Gives the reason if the connection has ended; what is
    /// left of it is closed then.
    pub(super) fn drive(&mut self, deadline: Option<Instant>) -> Option<Error> {
        self.turn(deadline, Session::is_quiet)
    }

    /// Sends what the session has, without waiting for a reply.
    pub(super) fn flush_output(&mut self) -> Result<()> {
        let deadline = self.call_deadline();
        self.turn(deadline, |session| !session.has_output()).map_or(Ok(()), Err)
    }

    /// Runs until `done`.
    pub(super) fn turn(
        &mut self,
        deadline: Option<Instant>,
        done: impl Fn(&Session) -> bool,
    ) -> Option<Error> {
        let mut patience = Patience {
            deadline,
            since: Instant::now(),
            replies: self.session.replies(),
            block: self.session.total_sent() / DATA_BLOCK,
        };
        let begun_at = self.session.total_sent();
        while self.session.ended().is_none() {
            self.session.pump();
            self.hand_back();
            if self.session.has_output() && !self.look_before_sending() {
                break;
            }
            if let Err(error) = self.write(begun_at) {
                self.fail_write(error);
                break;
            }
            if self.session.ended().is_some() || (done(&self.session) && !self.holds_back()) {
                break;
            }
            if let Err(error) = self.wait_and_read(&mut patience) {
                self.session.lost(error);
            }
        }
        self.hang_up()
    }

    /// Closes what is left of a connection that has ended, and tells why it has.
    fn hang_up(&mut self) -> Option<Error> {
        self.hand_back();
        let error = self.session.ended().cloned()?;
        self.session.trace().info(&format!("connection ended: {error}"));
        self.transport = None;
        self.session.closed();
        Some(error)
    }

    /// TLS has records that the socket has not taken yet.
    fn holds_back(&self) -> bool {
        self.transport.as_ref().is_some_and(|transport| transport.flush_pending())
    }

    /// A reply before its command is somebody else's, and may have come at any time since the
    /// last one: it is looked for where output goes out and nothing is due. False if it ended the
    /// session.
    fn look_before_sending(&mut self) -> bool {
        if !self.session.owes_nothing() {
            return true;
        }
        match self.receive() {
            Ok(Io::Blocked) => {}
            Ok(Io::Done(0)) => self.session.eof(None),
            Ok(Io::Done(count)) => self.session.early(&self.inbox[..count]),
            Err(error) => self.session.lost(error),
        }
        self.session.ended().is_none()
    }

    /// Sends without blocking as much as the socket takes.
    fn write(&mut self, begun_at: u64) -> Result<()> {
        let mut total = 0;
        while total < SEND_TURN && self.session.ended().is_none() {
            if !self.session.has_output() {
                if self.holds_back() {
                    self.write_parts()?;
                }
                return Ok(());
            }
            if self.audit.is_some() && !self.may_send(begun_at) {
                return Ok(());
            }
            let queued = self.session.output_len();
            let Io::Done(count) = self.write_parts()? else { return Ok(()) };
            self.session.sent(count);
            self.report_progress();
            total += count;
            self.session.pump();
            if count < queued {
                return Ok(());
            }
        }
        Ok(())
    }

    fn write_parts(&mut self) -> Result<Io> {
        let transport = self.transport.as_mut().ok_or_else(not_connected)?;
        transport.write(self.session.output())
    }

    /// Asks the audit about bytes it has not seen. A refusal takes back what has not begun; of
    /// a command that is half sent only the connection's end is left.
    fn may_send(&mut self, begun_at: u64) -> bool {
        let Some(audit) = &mut self.audit else { return true };
        let sent = self.session.total_sent();
        let mut at = sent;
        let mut agrees = true;
        for part in self.session.output() {
            let end = at + part.len() as u64;
            if agrees && end > self.audited {
                agrees = audit.send(&part[self.audited.saturating_sub(at) as usize..]);
                self.audited = end;
            }
            at = end;
        }
        if !agrees {
            self.audited = sent;
            let error = Error::new(ErrorKind::Forbidden, "the audit callback forbids sending");
            if sent == begun_at {
                self.session.retract(error);
            } else {
                self.session.lost(error);
            }
        }
        agrees
    }

    fn report_progress(&mut self) {
        if let Some(progress) = &mut self.progress
            && let Some((sent, total)) = self.session.progress()
        {
            progress.sent(sent, total);
        }
    }

    fn wait_and_read(&mut self, patience: &mut Patience) -> Result<()> {
        let transport = self.transport.as_ref().ok_or_else(not_connected)?;
        if !transport.has_buffered() {
            let replies = self.session.replies();
            let block = self.session.total_sent() / DATA_BLOCK;
            if (replies, block) != (patience.replies, patience.block) {
                patience.since = Instant::now();
                (patience.replies, patience.block) = (replies, block);
            }
            let phase = self.phase_deadline_since(patience.since);
            let deadline = match (patience.deadline, phase) {
                (Some(call), Some(phase)) => Some(call.min(phase)),
                (call, phase) => call.or(phase),
            };
            let limit = Limit { deadline, cancel: &self.cancel };
            let write = self.session.has_output() || transport.flush_pending();
            let ready = transport.wait(true, write, &limit)?;
            if !ready.readable {
                return Ok(());
            }
        }
        self.read()
    }

    /// Into the inbox what has arrived, without waiting.
    fn receive(&mut self) -> Result<Io> {
        let transport = self.transport.as_mut().ok_or_else(not_connected)?;
        if self.inbox.is_empty() {
            self.inbox.resize(INBOX, 0);
        }
        transport.read(&mut self.inbox)
    }

    /// Feeds what has arrived, without waiting.
    pub(super) fn read(&mut self) -> Result<()> {
        match self.receive()? {
            Io::Blocked => {}
            Io::Done(0) => self.session.eof(None),
            // An error has ended the session, which is where it is read from.
            Io::Done(count) => drop(self.session.input(&self.inbox[..count])),
        }
        Ok(())
    }

    /// Sending failed; what the server said before it hung up may still be in the socket.
    fn fail_write(&mut self, error: Error) {
        while self.session.ended().is_none() {
            match self.receive() {
                Ok(Io::Done(count)) if count > 0 => {
                    let _ = self.session.input(&self.inbox[..count]);
                }
                // The alert of a server that refuses our certificate says more than the reset.
                Err(alert) if alert.kind() == ErrorKind::Tls => return self.session.lost(alert),
                _ => break,
            }
        }
        let hang_up = matches!(error.os_code(), libc::EPIPE | libc::ECONNRESET);
        let error = if hang_up { error.with_kind(ErrorKind::Disconnected) } else { error };
        self.session.eof(Some(error));
    }
}
