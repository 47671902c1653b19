//! The loop around the session: send what it has, wait, feed what comes, until it is quiet.
//!
//! Reads go on while writing, so that two full socket buffers cannot deadlock (RFC 2920
//! section 3.1).

use std::time::Instant;

use zeroize::Zeroize;

use crate::error::{Error, ErrorKind, Result};
use crate::session::{Event, Session, TimeLimit};
use crate::transport::{Io, Limit, Ready, Transport, Wait};

use super::config::TimeoutPolicy;
use super::{Client, not_connected};

/// How much is read at once.
const INBOX: usize = 32 * 1024;

/// The same under TLS, where what was received waits in a buffer of its own, and to read more of it
/// takes no system call.
const INBOX_UNDER_TLS: usize = 4 * 1024;

/// How much is sent at most before looking whether the server has said something.
const SEND_TURN: usize = 1024 * 1024;

/// How often what has arrived is taken in a row before others get their turn.
const TURNS: usize = 16;

/// Where a turn of the loop ends.
#[derive(Clone, Copy)]
pub(super) enum Until {
    /// Nothing is due.
    Quiet,
    /// Everything is in the system's hands.
    Sent,
    /// No transaction waits for room in the window.
    Room,
    Never,
}

impl Until {
    fn is_reached(self, session: &Session) -> bool {
        match self {
            Until::Quiet => session.is_quiet(),
            Until::Sent => !session.has_output(),
            Until::Room => session.waiting() == 0,
            Until::Never => false,
        }
    }
}

impl Client {
    pub(super) fn check_connected(&self) -> Result<()> {
        if self.transport.is_some() { Ok(()) } else { Err(not_connected()) }
    }

    /// Waits for the outcome of everything submitted. The caller's time limit is each
    /// transaction's, whichever call waits for it.
    pub(super) async fn flush(&mut self) -> Result<()> {
        self.turn(self.stream_limit(), Until::Quiet).await.map_or(Ok(()), Err)
    }

    pub(super) fn call_deadline(&self) -> Option<Instant> {
        match self.config.timeout {
            TimeoutPolicy::After(_) if self.whole.is_some() => self.whole,
            TimeoutPolicy::After(time) => Instant::now().checked_add(time),
            _ => None,
        }
    }

    /// The limit of the present phase, where the caller set none.
    pub(super) fn phase_deadline(&self) -> Option<Instant> {
        match self.config.timeout {
            TimeoutPolicy::Rfc => Some(Instant::now() + self.session.phase().patience()),
            _ => None,
        }
    }

    /// The limit of an operation that ends at `deadline`.
    fn limit(&self, deadline: Option<Instant>) -> TimeLimit {
        let by_phase = self.config.timeout == TimeoutPolicy::Rfc;
        TimeLimit { deadline, each: None, by_phase }
    }

    /// The limit of a stream of transactions: the caller's, for each of them.
    pub(super) fn stream_limit(&self) -> TimeLimit {
        let each = match self.config.timeout {
            TimeoutPolicy::After(time) => Some(time),
            _ => None,
        };
        TimeLimit { each, ..self.limit(self.call_deadline()) }
    }

    /// Runs what the session has started within a call that has begun, and gives its result.
    pub(super) async fn operate(
        &mut self,
        started: Result<()>,
        deadline: Option<Instant>,
    ) -> Result<u16> {
        if let Err(error) = started {
            self.hang_up();
            return Err(error);
        }
        self.answer = None;
        self.drive(deadline).await;
        self.take_answer()
    }

    /// The result of the operation that has ended.
    pub(super) fn take_answer(&mut self) -> Result<u16> {
        self.answer.take().unwrap_or_else(|| {
            Err(Error::new(ErrorKind::Internal, "the operation ended without a result"))
        })
    }

    /// Runs until the session is quiet. Gives the reason if the connection has ended; what is
    /// left of it is closed then.
    pub(super) async fn drive(&mut self, deadline: Option<Instant>) -> Option<Error> {
        self.turn(self.limit(deadline), Until::Quiet).await
    }

    /// Sends what the session was given, without waiting for a reply.
    pub(super) async fn write_out(
        &mut self,
        started: Result<()>,
        deadline: Option<Instant>,
    ) -> Result<()> {
        if let Err(error) = started {
            self.hang_up();
            return Err(error);
        }
        let ended = self.turn(self.limit(deadline), Until::Sent).await;
        match (ended, self.answer.take()) {
            (Some(error), _) | (None, Some(Err(error))) => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) async fn turn(&mut self, limit: TimeLimit, until: Until) -> Option<Error> {
        self.session.set_limit(limit);
        while !self.advance(until) {
            let came = if self.ask() { self.park.answer().await } else { Ok(Ready::INPUT) };
            self.go_on(came);
        }
        self.hang_up()
    }

    /// Sends what can be sent; true at the end of the turn.
    fn advance(&mut self, until: Until) -> bool {
        if self.session.ended().is_some() {
            return true;
        }
        self.session.poll_transmit();
        self.take_events();
        if self.session.wants_look() {
            self.look();
            self.session.poll_transmit();
        }
        if let Err(error) = self.write() {
            self.fail_write(error);
        }
        self.session.ended().is_some()
            || (until.is_reached(&self.session) && !self.holds_back(until))
    }

    /// What can be done without waiting where no call is under way: a stream of transactions goes
    /// on, and an idle connection tells what became of it. Gives the reason if it has ended.
    pub(super) fn attend(&mut self) -> Option<Error> {
        for _ in 0..TURNS {
            // Behind the deadline what has arrived still counts, but nothing more is sent.
            let is_late = self.watched_until().is_some_and(|end| Instant::now() >= end);
            let has_ended = self.transport.is_none() || (!is_late && self.advance(Until::Never));
            if has_ended || self.is_by_hand() {
                break;
            }
            match self.receive() {
                Ok(Io::Blocked) => {
                    if is_late {
                        let error = Error::new(ErrorKind::Timeout, "the time limit passed");
                        self.session.lost(error.with_os_code(libc::ETIMEDOUT));
                    }
                    break;
                }
                Ok(Io::Done(0)) => self.session.handle_eof(None),
                Ok(Io::Done(count)) => self.take_in(count),
                Err(error) => self.session.lost(error),
            }
            self.session.judge_idle();
        }
        self.hang_up()
    }

    /// Says in the park what [`attend`](Self::attend) is to be called for.
    pub(super) fn watch(&mut self) {
        let deadline = self.watched_until();
        let limit = Limit { deadline, park: &self.park };
        match &self.transport {
            Some(_) if self.is_by_hand() => self.park.rest(None),
            Some(transport) => {
                if transport.has_buffered() || !transport.ask(self.wants(transport), limit) {
                    self.park.rest(Some(Instant::now()));
                }
            }
            None => self.park.rest(None),
        }
    }

    fn watched_until(&mut self) -> Option<Instant> {
        let is_under_way = !self.session.is_quiet();
        is_under_way.then(|| self.session.poll_deadline(Instant::now())).flatten()
    }

    /// What comes is the caller's to collect: it stays where it is.
    fn is_by_hand(&self) -> bool {
        self.session.owes_replies()
    }

    /// Closes what is left of a connection that has ended, and tells why it has.
    pub(super) fn hang_up(&mut self) -> Option<Error> {
        self.take_events();
        let error = self.session.ended().cloned()?;
        self.session.trace().info(&format!("connection ended: {error}"));
        self.transport = None;
        self.session.closed();
        Some(error)
    }

    /// What happened: transactions go back to whoever waits for them.
    pub(super) fn take_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Completed(transaction) => self.complete(transaction),
                Event::Answered(answer) => self.answer = Some(answer),
            }
        }
    }

    /// TLS has records that the socket has not taken yet, and nothing else would send them.
    fn holds_back(&self, until: Until) -> bool {
        let goes_on = matches!(until, Until::Room);
        !goes_on && self.transport.as_ref().is_some_and(|transport| transport.flush_pending())
    }

    /// Takes what the socket holds already.
    pub(super) fn look(&mut self) {
        if let Err(error) = self.read() {
            self.session.lost(error);
        }
    }

    /// Sends without blocking as much as the socket takes. What may be sent is encoded by then, and
    /// again when this returns.
    fn write(&mut self) -> Result<()> {
        let mut total = 0;
        while total < SEND_TURN && self.session.ended().is_none() {
            if self.audit.is_some() && !self.may_send() {
                self.session.poll_transmit();
                return Ok(());
            }
            let transport = self.transport.as_mut().ok_or_else(not_connected)?;
            let parts = self.session.output();
            let queued = parts[0].len() + parts[1].len();
            if queued == 0 && !transport.flush_pending() {
                return Ok(());
            }
            let taken = transport.write(parts);
            self.session.set_unhanded(transport.unhanded());
            let Io::Done(count) = taken? else { return Ok(()) };
            self.session.sent(count);
            self.report_progress();
            total += count;
            if count < queued || queued == 0 {
                return Ok(());
            }
            self.session.poll_transmit();
        }
        Ok(())
    }

    /// Asks the audit about bytes it has not seen.
    fn may_send(&mut self) -> bool {
        let Some(audit) = &mut self.audit else { return true };
        let mut at = self.session.total_sent();
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
            self.audited = self.session.total_sent();
            let text = "the audit callback forbids sending";
            self.session.forbid(Error::new(ErrorKind::Forbidden, text));
        }
        agrees
    }

    fn report_progress(&mut self) {
        let Some(progress) = &mut self.progress else { return };
        if let Some((sent, total)) = self.session.progress() {
            progress.sent(sent, total);
        }
    }

    /// Says in the park what is waited for; false if there is something to read already.
    fn ask(&mut self) -> bool {
        match &self.transport {
            Some(transport) if !transport.has_buffered() => {
                let deadline = self.session.poll_deadline(Instant::now());
                transport.ask(self.wants(transport), Limit { deadline, park: &self.park })
            }
            _ => false,
        }
    }

    /// Takes what has come.
    fn go_on(&mut self, came: Result<Ready>) {
        let read = came.and_then(|ready| if ready.readable { self.read() } else { Ok(()) });
        if let Err(error) = read {
            self.session.lost(error);
        }
    }

    #[inline(always)]
    fn wants(&self, transport: &Transport) -> Wait {
        let write = self.session.has_output() || transport.flush_pending();
        Wait { write, also: self.session.starved() }
    }

    /// Into the inbox what has arrived, without waiting.
    fn receive(&mut self) -> Result<Io> {
        let transport = self.transport.as_mut().ok_or_else(not_connected)?;
        let room = if transport.is_tls() { INBOX_UNDER_TLS } else { INBOX };
        if self.inbox.len() != room {
            self.inbox = vec![0; room];
        }
        transport.read(&mut self.inbox)
    }

    /// Feeds what has arrived, without waiting.
    pub(super) fn read(&mut self) -> Result<()> {
        match self.receive()? {
            Io::Blocked => {}
            Io::Done(0) => self.session.handle_eof(None),
            Io::Done(count) => self.take_in(count),
        }
        Ok(())
    }

    /// Gives the session what was received; the server may have echoed a credential.
    fn take_in(&mut self, count: usize) {
        let bytes = &mut self.inbox[..count];
        self.session.handle_input(bytes);
        if self.session.has_secrets() {
            bytes.zeroize();
        }
    }

    /// What has arrived already, to its end; the error if TLS ended with one.
    pub(super) fn take_arrived(&mut self) -> Option<Error> {
        while self.session.ended().is_none() {
            match self.receive() {
                Ok(Io::Done(count)) if count > 0 => self.take_in(count),
                Err(alert) if alert.kind() == ErrorKind::Tls => return Some(alert),
                _ => break,
            }
        }
        None
    }

    /// Sending failed; what the server said before it hung up may still be in the socket.
    fn fail_write(&mut self, error: Error) {
        // The alert of a server that refuses our certificate says more than the reset.
        if let Some(alert) = self.take_arrived() {
            return self.session.lost(alert);
        }
        let hang_up = matches!(error.os_code(), libc::EPIPE | libc::ECONNRESET);
        let error = if hang_up { error.with_kind(ErrorKind::Disconnected) } else { error };
        self.session.handle_eof(Some(error));
    }
}
