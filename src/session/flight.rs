//! Transactions in flight, those before them and those behind them.

use std::collections::VecDeque;

use crate::error::Error;

use super::cursor::Cursor;
use super::output::Span;
use super::transaction::Transaction;

/// Most bytes in flight without their final reply, before the next transaction is started. It
/// halves when a transaction fails and doubles, up to the most, as they succeed: after a failure
/// less is at stake, and on a long link the line never runs dry.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
const FIRST_BYTES: u64 = 4 * 1024 * 1024;
const LEAST_BYTES: u64 = 64 * 1024;

/// What is encoded next for the last flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Step {
    #[default]
    Idle,
    Mail,
    Rcpt(usize),
    /// All RCPT are out: choose between DATA and BDAT.
    Envelope,
    /// DATA is out: its reply decides.
    Go,
    /// A large message waits for the envelope's replies.
    Verdict,
    /// The message goes out behind DATA.
    Body,
    /// The message goes out as BDAT chunks.
    Chunks,
}

/// A transaction that is being sent, or whose replies are awaited.
pub(super) struct Flight {
    pub transaction: Box<Transaction>,
    /// Recipients offered in this flight: all, or as many as RCPTMAX lets.
    pub first: usize,
    pub end: usize,
    /// Replies due.
    pub outstanding: u32,
    /// All of its commands are encoded, or no more will be.
    pub sealed: bool,
    /// RCPT answered 2yz.
    pub accepted: u32,
    /// Final replies so far (LMTP has one per accepted recipient).
    pub finals: u32,
    /// What failed, and so decides its outcome.
    pub fault: Option<Error>,
    /// The data was accepted though the sender had been refused.
    pub contradicted: bool,
    /// MAIL was refused as out of order behind a failed transaction.
    pub collateral: bool,
    /// Where the transaction begins, its body begins, and its data ends in the stream.
    pub begins: u64,
    pub body_begins: u64,
    pub data_ends: Option<u64>,
    /// DATA alone, behind the caller's own MAIL and RCPT.
    pub bare: bool,
}

impl Flight {
    /// Some of its recipients are left to another flight.
    pub fn is_split(&self) -> bool {
        !self.bare && self.end < self.transaction.recipients.len()
    }
}

/// The transactions of a session.
#[derive(Default)]
pub(super) struct Mailer {
    pub waiting: VecDeque<Box<Transaction>>,
    pub flights: VecDeque<Flight>,
    pub finished: VecDeque<Box<Transaction>>,
    /// Number of the first flight.
    pub base: u64,
    pub step: Step,
    pub cursor: Cursor,
    /// RSET is to be sent before anything else.
    pub reset_due: bool,
    /// The transaction before the one that is being answered failed.
    pub predecessor_failed: bool,
    /// No new transaction before those in flight are settled and RSET was sent.
    pub hold: bool,
    /// How many of `waiting` were put back to be tried again.
    pub put_back: usize,
    window: Option<u64>,
    /// MAIL commands on this connection (RFC 9422 MAILMAX).
    pub mails: u32,
}

impl Mailer {
    pub fn is_quiet(&self) -> bool {
        self.waiting.is_empty() && self.flights.is_empty() && !self.reset_due
    }

    /// The connection is gone; what waits was settled before.
    pub fn forget(&mut self) {
        let finished = std::mem::take(&mut self.finished);
        *self = Mailer { finished, ..Mailer::default() };
    }

    pub fn lent(&self, span: Span) -> &[u8] {
        let Some(flight) = self.flights.back() else { return &[] };
        flight.transaction.parts()[span.part].get(span.from..span.to).unwrap_or_default()
    }

    pub fn window(&self) -> u64 {
        self.window.unwrap_or(FIRST_BYTES)
    }

    pub fn widen(&mut self) {
        self.window = Some((self.window() * 2).min(MOST_BYTES));
    }

    pub fn narrow(&mut self) {
        self.window = Some((self.window() / 2).max(LEAST_BYTES));
    }
}
