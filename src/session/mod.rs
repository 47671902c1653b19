//! The protocol engine: one SMTP or LMTP connection without the connection.
//!
//! A [`Session`] turns calls into bytes and bytes into outcomes. It does no I/O and reads no
//! clock. Its driver asks four questions, in any order and as often as it likes, and what must
//! hold between them is the session's own affair:
//!
//! - what to send: [`Session::poll_transmit`], then [`Session::sent`] for what the system took;
//! - here is what came: [`Session::handle_input`], [`Session::handle_eof`], [`Session::lost`];
//! - until when: [`Session::poll_deadline`];
//! - what happened: [`Session::poll_event`].
//!
//! Every command goes through one gate (`gate.rs`) and one queue of awaited replies; lock-step is
//! that queue with length one.
//!
//! ```text
//!            opened()          220             EHLO/HELO 2yz
//!  Closed ────────────> Greeting ────> Open ────────────────> Open, greeted
//!    ^                     │            │  ^                     │
//!    │   421, loss, limit  │            │  └── secured() ────────┤ (STARTTLS: all forgotten)
//!    └─────────────────────┴────────────┴────────────────────────┘
//! ```
//!
//! `adopted()` goes from Closed to Open: the caller has read the greeting.

mod auth;
mod by_hand;
mod clock;
mod command;
mod credential;
mod debug;
mod gate;
mod hello;
mod mail;
mod output;
mod place;
mod queue;
mod reply;
mod state;

pub use auth::Candidate;
pub use clock::TimeLimit;
pub use debug::{DebugSink, Direction};
pub use hello::{Greeting, check_name};
pub use mail::{
    Body, BodyReader, NextTry, Reached, RecipientStatus, Transaction, advise, advise_reply,
};
pub use state::{Channel, Phase, Protocol};

use crate::error::{Error, Result};
use crate::wire::{Capabilities, Reply, ReplyParser, Wiped};

use auth::Exchange;
use by_hand::ByHand;
use clock::Clock;
use credential::CredentialFilter;
use debug::Trace;
use mail::Mailer;
use output::Output;
use queue::{Awaited, Queue};
use state::State;

/// What the caller may switch off.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Use PIPELINING where the server offers it (RFC 2920).
    pub pipelining: bool,
    /// Use CHUNKING where the server offers it (RFC 3030).
    pub chunking: bool,
    /// Send SASL initial responses (RFC 4954 section 4).
    pub initial_response: bool,
    /// Most transactions in flight without their final reply; 0 adapts to the connection.
    pub window: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { pipelining: true, chunking: true, initial_response: true, window: 0 }
    }
}

/// What a session has to tell.
pub enum Event {
    /// A transaction has come to its end. They do so in the order in which they were submitted.
    Completed(Box<Transaction>),
    /// The operation other than mail has ended.
    Answered(Result<u16>),
}

/// How a connection, or what was under way on it, came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The server answered that it closes: what stood behind that was not looked at.
    ByServer,
    /// It broke, or must not be used any more: what was handed over may have been taken.
    Lost,
    /// Nothing of it had been sent.
    Retracted,
}

/// The state of one connection, and of everything under way on it.
pub struct Session {
    /// This connection's.
    protocol: Protocol,
    /// The next one's, where it may be another.
    wanted: Option<Protocol>,
    pub options: Options,
    state: State,
    channel: Channel,
    greeting: Greeting,
    capabilities: Capabilities,
    parser: ReplyParser,
    /// Bytes that came when no reply was due.
    surplus: Wiped,
    last: Reply,
    replies: u64,
    queue: Queue,
    output: Output,
    mail: Mailer,
    by_hand: ByHand,
    exchange: Option<Exchange>,
    is_logged_in: bool,
    credentials: CredentialFilter,
    /// The last command that was sent by itself, for errors.
    label: String,
    /// The last reply was LMTP's last for a message: the next would be one too many.
    lmtp_counted: bool,
    /// The last reply was the 554 of a server that hangs up behind it.
    is_dismissed: bool,
    /// The server that does not understand BDAT though it offers it.
    distrusted: Option<Vec<u8>>,
    result: Option<Result<u16>>,
    /// Why the connection can no longer be used; the driver closes it.
    ended: Option<Error>,
    clock: Clock,
    trace: Trace,
}

impl Session {
    pub fn new(protocol: Protocol) -> Self {
        Session {
            protocol,
            wanted: None,
            options: Options::default(),
            state: State::Closed,
            channel: Channel::default(),
            greeting: Greeting::default(),
            capabilities: Capabilities::default(),
            parser: ReplyParser::new(),
            surplus: Wiped::default(),
            last: Reply::default(),
            replies: 0,
            queue: Queue::default(),
            output: Output::default(),
            mail: Mailer::default(),
            by_hand: ByHand::default(),
            exchange: None,
            is_logged_in: false,
            credentials: CredentialFilter::default(),
            label: String::new(),
            lmtp_counted: false,
            is_dismissed: false,
            distrusted: None,
            result: None,
            ended: None,
            clock: Clock::default(),
            trace: Trace::default(),
        }
    }

    /// A connection was made: the server's greeting is due.
    pub fn opened(&mut self, channel: Channel) {
        self.forget();
        self.protocol = self.protocol();
        self.result = None;
        self.channel = channel;
        self.state = State::Greeting;
        self.queue.push(Awaited::Greeting, 0, 0);
    }

    /// A connection was taken over from a caller who has read its greeting: nothing is awaited.
    pub fn adopted(&mut self, channel: Channel) {
        self.forget();
        self.protocol = self.protocol();
        self.result = None;
        self.last = Reply::default();
        self.channel = channel;
        self.state = State::Open;
    }

    /// TLS was established: nothing learnt before it counts (RFC 3207 section 4.2).
    pub fn secured(&mut self, channel: Channel) {
        let (state, is_exim) = (self.state, self.greeting.is_exim);
        self.forget();
        self.channel = channel;
        self.state = state;
        // It has greeted once and for all; to believe it costs some speed and no secret.
        self.greeting.is_exim = is_exim;
    }

    /// The connection is gone: EHLO knowledge, features and TLS state go with it.
    pub fn closed(&mut self) {
        self.forget();
        self.state = State::Closed;
    }

    fn forget(&mut self) {
        self.trace_rest();
        self.channel = Channel::default();
        self.greeting = Greeting::default();
        self.capabilities = Capabilities::default();
        self.parser.reset();
        self.surplus = Wiped::default();
        self.queue.clear();
        self.output.clear();
        self.output.set_unhanded(0);
        self.mail.forget();
        self.by_hand = ByHand::default();
        self.exchange = None;
        self.is_logged_in = false;
        self.credentials = CredentialFilter::default();
        self.lmtp_counted = false;
        self.is_dismissed = false;
        self.ended = None;
    }

    /// Counts from the next connection on; the one that is open goes on as it began.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.wanted = Some(protocol);
    }

    /// What the next connection speaks.
    pub fn protocol(&self) -> Protocol {
        self.wanted.unwrap_or(self.protocol)
    }

    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// The reply that was read last.
    pub fn reply(&self) -> &Reply {
        &self.last
    }

    /// Makes an earlier reply the one that [`Session::reply`] shows.
    pub fn recall(&mut self, code: u16, text: &[u8]) {
        self.last.assign(code, text);
    }

    /// How many replies were read in all; changes whenever the server answered something.
    pub fn replies(&self) -> u64 {
        self.replies
    }

    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    pub fn trace(&mut self) -> &mut Trace {
        &mut self.trace
    }

    /// Why the connection must be closed now, if it must.
    pub fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// Encodes all that may be sent now, and gives the bytes to send: encoded ones, then those
    /// lent by the message in transmission.
    pub fn poll_transmit(&mut self) -> [&[u8]; 2] {
        self.pump();
        self.output()
    }

    /// The same without encoding more.
    pub fn output(&self) -> [&[u8]; 2] {
        [self.output.encoded(), self.mail.lent(self.output.lent())]
    }

    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Bytes encoded and not yet taken by the driver.
    pub fn output_len(&self) -> usize {
        self.output.len()
    }

    /// The driver took `count` bytes of the output.
    pub fn sent(&mut self, count: usize) {
        if self.trace.is_on() {
            self.trace_lent(count);
        }
        self.output.sent(count);
    }

    /// Of the bytes that the driver took, so many are not in the system's hands yet. What did
    /// not reach the system did not reach the server.
    pub fn set_unhanded(&mut self, count: u64) {
        self.output.set_unhanded(count);
    }

    /// How many bytes went out on this connection.
    pub fn total_sent(&self) -> u64 {
        self.output.total_sent()
    }

    /// A credential went out on this connection, and may come back as an echo.
    pub fn has_secrets(&self) -> bool {
        !self.credentials.is_empty()
    }

    /// Nothing is due: no reply, no byte, no transaction.
    pub fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.output.is_empty() && self.mail.is_quiet()
    }

    /// What happened, one thing at a time.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(transaction) = self.mail.finished() {
            return Some(Event::Completed(transaction));
        }
        self.result.take().map(Event::Answered)
    }

    /// The connection cannot be used any more. Everything under way gets its true outcome, and
    /// the driver is told to close.
    pub fn lost(&mut self, error: Error) {
        let error = if self.ended.is_none() { self.at_its_place(error) } else { error };
        self.end(error, End::Lost);
    }

    /// The connection must not be used any more; `end` says how that came.
    fn end(&mut self, error: Error, end: End) {
        if self.ended.is_some() {
            return;
        }
        let error = self.credentials.scrub_error(error);
        let awaits = end == End::Lost || self.queue.iter().any(|entry| !entry.is_mail());
        self.settle_transactions(&error, end);
        let refusal = self.exchange.take().and_then(|exchange| exchange.lost(&error));
        if self.result.is_none() && awaits {
            self.result = Some(Err(refusal.unwrap_or_else(|| error.clone())));
        }
        self.queue.clear();
        self.output.clear();
        self.ended = Some(error);
    }
}

#[cfg(test)]
mod tests;
