//! The protocol engine: one SMTP or LMTP connection without the connection.
//!
//! A [`Session`] turns calls into bytes and bytes into outcomes. It does no I/O and reads no
//! clock: the driver moves bytes between [`Session::output`] and the socket, feeds what arrives
//! to [`Session::input`] and reports a loss with [`Session::lost`]. Every command goes through
//! one queue of awaited replies; lock-step is that queue with length one.
//!
//! ```text
//!            opened()          220             EHLO/HELO 2yz
//!  Closed ────────────> Greeting ────> Open ────────────────> Open, greeted
//!    ^                     │            │  ^                     │
//!    │   421, loss, limit  │            │  └── secured() ────────┤ (STARTTLS: all forgotten)
//!    └─────────────────────┴────────────┴────────────────────────┘
//! ```

mod admission;
mod auth;
mod body;
mod command;
mod cursor;
mod debug;
mod flight;
mod hello;
mod mail;
mod outcome;
mod output;
mod place;
mod queue;
mod reply;
mod state;
mod transaction;
mod verdict;

pub use auth::Candidate;
pub use debug::{DebugSink, Direction};
pub use hello::{Greeting, check_name};
pub use outcome::RecipientStatus;
pub use state::{Channel, Phase, Protocol};
pub use transaction::{Body, BodyReader, Transaction};

use crate::error::{Error, ErrorKind, Result};
use crate::wire::{Capabilities, Reply, ReplyParser};

use auth::Exchange;
use debug::Trace;
use flight::Mailer;
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
}

impl Default for Options {
    fn default() -> Self {
        Options { pipelining: true, chunking: true, initial_response: true }
    }
}

/// The state of one connection, and of everything under way on it.
pub struct Session {
    protocol: Protocol,
    pub options: Options,
    state: State,
    channel: Channel,
    greeting: Greeting,
    capabilities: Capabilities,
    parser: ReplyParser,
    /// Bytes that came when no reply was due.
    surplus: Vec<u8>,
    last: Reply,
    replies: u64,
    queue: Queue,
    output: Output,
    mail: Mailer,
    exchange: Option<Exchange>,
    /// SMTPUTF8 was given to a low-level MAIL: arguments may hold UTF-8 from here on.
    utf8: bool,
    /// The last command that was sent by itself: its verb.
    verb: String,
    /// The last hello sent was HELO.
    sent_helo: bool,
    /// An AUTH of the caller's own is under way: the next line may be a credential.
    awaits_credential: bool,
    /// The caller's own bytes ended in the midst of a line with a credential.
    in_credential: bool,
    /// The awaited reply is that of a low-level RCPT.
    counts_recipient: bool,
    /// What the last reply answered.
    answered: Option<Awaited>,
    /// Recipients that low-level RCPT commands had accepted; LMTP answers each after the data.
    bare_accepted: u32,
    result: Option<Result<u16>>,
    /// Why the connection can no longer be used; the driver closes it.
    ended: Option<Error>,
    trace: Trace,
}

impl Session {
    pub fn new(protocol: Protocol) -> Self {
        Session {
            protocol,
            options: Options::default(),
            state: State::Closed,
            channel: Channel::default(),
            greeting: Greeting::default(),
            capabilities: Capabilities::default(),
            parser: ReplyParser::new(),
            surplus: Vec::new(),
            last: Reply::default(),
            replies: 0,
            queue: Queue::default(),
            output: Output::default(),
            mail: Mailer::default(),
            exchange: None,
            utf8: false,
            verb: String::new(),
            sent_helo: false,
            awaits_credential: false,
            in_credential: false,
            counts_recipient: false,
            answered: None,
            bare_accepted: 0,
            result: None,
            ended: None,
            trace: Trace::default(),
        }
    }

    /// A connection was made: the server's greeting is due.
    pub fn opened(&mut self, channel: Channel) {
        self.forget();
        self.result = None;
        self.channel = channel;
        self.state = State::Greeting;
        self.queue.push(Awaited::Greeting, 0, 0);
    }

    /// A connection was taken over from a caller who has read its greeting: nothing is awaited.
    pub fn adopted(&mut self, channel: Channel) {
        self.forget();
        self.result = None;
        self.last = Reply::default();
        self.channel = channel;
        self.state = State::Open;
    }

    /// TLS was established: nothing learnt before it counts (RFC 3207 section 4.2).
    pub fn secured(&mut self, channel: Channel) {
        let state = self.state;
        self.forget();
        self.channel = channel;
        self.state = state;
    }

    /// The connection is gone: EHLO knowledge, features and TLS state go with it.
    pub fn closed(&mut self) {
        self.forget();
        self.state = State::Closed;
    }

    fn forget(&mut self) {
        self.channel = Channel::default();
        self.greeting = Greeting::default();
        self.capabilities = Capabilities::default();
        self.parser.reset();
        self.surplus = Vec::new();
        self.queue.clear();
        self.output.clear();
        self.mail.forget();
        self.exchange = None;
        self.utf8 = false;
        self.awaits_credential = false;
        self.in_credential = false;
        self.bare_accepted = 0;
        self.ended = None;
    }

    pub fn protocol(&self) -> Protocol {
        self.protocol
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

    /// The bytes to send: encoded ones, then those lent by the message in transmission.
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

    /// The driver handed `count` bytes of [`Session::output`] to the system.
    pub fn sent(&mut self, count: usize) {
        if self.trace.is_on() {
            self.trace_lent(count);
        }
        self.output.sent(count);
    }

    /// How many bytes went out on this connection.
    pub fn total_sent(&self) -> u64 {
        self.output.total_sent()
    }

    /// Nothing is due: no reply, no byte, no transaction.
    pub fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.output.is_empty() && self.mail.is_quiet()
    }

    /// A reply is due, so reading makes sense.
    pub fn awaits_reply(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The result of the operation that ended, other than a transaction.
    pub fn take_result(&mut self) -> Result<u16> {
        self.result.take().unwrap_or_else(|| {
            Err(Error::new(ErrorKind::Internal, "the operation ended without a result"))
        })
    }

    /// What the driver waits for now; it sets the default deadline (RFC 5321 section 4.5.3.2).
    pub fn phase(&self) -> Phase {
        match self.queue.front() {
            None => Phase::DataBlock,
            Some(entry) => match entry.awaited {
                Awaited::Data => Phase::DataInitiation,
                Awaited::Final | Awaited::LoneDot | Awaited::Chunk => {
                    if self.output.is_empty() {
                        Phase::DataTermination
                    } else {
                        Phase::DataBlock
                    }
                }
                Awaited::Quit => Phase::Quit,
                _ => Phase::Command,
            },
        }
    }

    /// The connection cannot be used any more. Everything under way gets its true outcome, and
    /// the driver is told to close.
    pub fn lost(&mut self, error: Error) {
        if self.ended.is_some() {
            return;
        }
        let error = self.at_its_place(error);
        self.settle_transactions(&error, false);
        let refusal = self.exchange.take().and_then(|exchange| exchange.lost(&error));
        if self.result.is_none() {
            self.result = Some(Err(refusal.unwrap_or_else(|| error.clone())));
        }
        self.queue.clear();
        self.output.clear();
        self.ended = Some(error);
    }

    /// The caller forbade what was about to be sent, and no byte of it went out: the connection
    /// stays as it was.
    pub fn retract(&mut self, error: Error) {
        self.settle_transactions(&error, true);
        self.result = Some(Err(error));
        self.queue.clear();
        self.output.clear();
        self.exchange = None;
    }

    /// The server answered 421, or must not be talked to any more, after the reply was dealt
    /// with: what has not been answered was not tried.
    fn end(&mut self, error: Error) {
        if self.ended.is_some() {
            return;
        }
        self.settle_transactions(&error, true);
        if self.result.is_none() && self.queue.iter().any(|entry| !entry.is_mail()) {
            self.result = Some(Err(error.clone()));
        }
        self.queue.clear();
        self.output.clear();
        self.exchange = None;
        self.ended = Some(error);
    }
}

#[cfg(test)]
mod tests;
