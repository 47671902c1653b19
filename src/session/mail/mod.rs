//! Mail: transactions that wait, those in flight, and those that have come to their end.
//!
//! [`Session::pump`] encodes as much as may be sent now. One [`Step`] says where the transaction
//! that is being encoded stands, which is always the last flight; those before it are encoded in
//! whole and only await replies. With PIPELINING the step runs on through the envelope, with
//! CHUNKING through small messages and into the next transaction; without, it halts while any
//! reply is due.
//!
//! ```text
//!  Idle -> Mail -> Rcpt(i).. -> Envelope -+-> Data -> Go --354--> Body ------> Idle
//!   ^                |                    |            '-- no recipient: lone dot
//!   |                | refused (known)    +-> (BDAT, small) -----------------> Idle
//!   +---- RSET <-----+                    '-> Verdict --accepted--> Chunks --> Idle
//! ```
//!
//! What holds: the lent span belongs to the last flight. A body goes out behind DATA only when all
//! earlier flights are answered. RSET stands before every MAIL that is sent while the end of the
//! message before it is unanswered, so that a server that keeps a failed transaction (Postfix
//! does after a refused SIZE) cannot mix two envelopes. Transactions complete in the order in
//! which they were submitted.

mod admission;
mod body;
mod cursor;
mod envelope;
mod fate;
mod flight;
mod options;
mod outcome;
mod replies;
mod retry;
mod source;
mod transaction;

use std::collections::{BTreeMap, VecDeque};

use crate::error::{Error, ErrorKind, Result};

use super::output::Span;
use super::{End, Session};

pub(super) use cursor::Progress;
pub(super) use options::is_written;
pub use outcome::{Reached, RecipientStatus};
pub use retry::{NextTry, advise, advise_reply};
pub use source::{Body, BodyReader};
pub use transaction::Transaction;

use cursor::Cursor;
use flight::{Flight, Step, Via};

/// Most bytes in flight without their final reply, before the next transaction is started. It
/// halves when a transaction fails and doubles, up to the most, as they succeed: after a failure
/// less is at stake, and on a long link the line never runs dry.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
const FIRST_BYTES: u64 = 4 * 1024 * 1024;
const LEAST_BYTES: u64 = 64 * 1024;

/// Most replies awaited before the next transaction is started; bounds the queue's memory.
const MOST_REPLIES: usize = 16 * 1024;

/// A connection that has refused so many goes on one transaction at a time: Exim closes it after
/// ten RSETs that no accepted message stands before.
const PATIENT_REFUSALS: u32 = 4;

/// How many transactions are in flight at first where the server counts RSETs: so few that they
/// may all be refused.
const FIRST_OF_MANY: usize = 8;

/// The transactions of a session.
#[derive(Default)]
pub(super) struct Mailer {
    waiting: VecDeque<Box<Transaction>>,
    /// Put back, to be sent before those that wait.
    again: VecDeque<Box<Transaction>>,
    flights: VecDeque<Flight>,
    finished: VecDeque<Box<Transaction>>,
    /// Those that came to their end before one that was submitted earlier.
    early: BTreeMap<u64, Box<Transaction>>,
    submitted: u64,
    completed: u64,
    /// Number of the first flight.
    base: u64,
    step: Step,
    cursor: Cursor,
    /// RSET is to be sent before anything else.
    pub reset_due: bool,
    /// The server may still hold a transaction that failed.
    leftover: bool,
    /// One transaction at a time from here on.
    serial: bool,
    refusals: u32,
    window: Option<u64>,
    /// Most transactions in flight, with a server that counts RSETs: one more with each that it
    /// accepts, half with each that it refuses.
    pace: Option<usize>,
    /// MAIL commands on this connection (RFC 9422 MAILMAX).
    pub mails: u32,
    /// What the reader of the message in hand has nothing of: wait for it.
    starved: Option<i32>,
}

impl Session {
    /// Queues a transaction. It comes back as an event, whatever happens.
    pub fn submit(&mut self, mut transaction: Box<Transaction>) -> Result<()> {
        transaction.begin();
        transaction.order = self.mail.submitted;
        self.mail.submitted += 1;
        let may = self.may_send_mail();
        match &may {
            Ok(()) => {
                self.by_hand.mark();
                self.mail.waiting.push_back(transaction);
            }
            Err(error) => {
                transaction.fail(error.clone(), &self.last);
                self.mail.complete(transaction);
            }
        }
        may
    }

    /// How many transactions came to their end on this connection.
    pub fn settled(&self) -> u64 {
        self.mail.base
    }

    /// Transactions not begun yet.
    pub fn waiting(&self) -> usize {
        self.mail.waiting.len() + self.mail.again.len()
    }

    /// The descriptor that must become readable before the message in hand can go on.
    pub fn starved(&self) -> Option<i32> {
        self.mail.starved()
    }

    /// Encodes all that may be sent now.
    pub(super) fn pump(&mut self) {
        self.finish_flights();
        self.mail.starved = None;
        while self.ended.is_none() && !self.output.is_full() && self.pump_step() {}
        self.take_farewell();
    }

    /// One step; false if nothing can be done before a reply comes or bytes go out.
    fn pump_step(&mut self) -> bool {
        match self.mail.step {
            Step::Idle => self.pump_idle(),
            Step::Mail => self.pump_mail(),
            Step::Rcpt(index) => self.pump_rcpt(index),
            Step::Envelope => self.pump_envelope(),
            Step::Verdict => self.pump_verdict(),
            Step::Go => false,
            Step::Body => self.pump_body(),
            Step::Chunks => self.pump_chunks(),
        }
    }

    /// Transactions at the head whose replies are all in.
    pub(super) fn finish_flights(&mut self) {
        while let Some(flight) = self.mail.flights.front() {
            // What is lent must go out before its owner does.
            if !flight.sealed || flight.outstanding > 0 || self.lends_front() {
                return;
            }
            let Some(flight) = self.mail.flights.pop_front() else { return };
            self.mail.base += 1;
            self.finish(flight);
        }
    }

    fn lends_front(&self) -> bool {
        self.output.is_lending() && self.mail.flights.len() == 1
    }

    fn finish(&mut self, mut flight: Flight) {
        let lmtp = self.protocol.is_lmtp();
        flight.transaction.reached(flight.phase(None, lmtp));
        let fault = flight.settle(None, lmtp);
        if flight.is_bare() {
            let code = flight.transaction.reply_code();
            let bare = &mut self.by_hand.transaction;
            bare.accepted = 0;
            bare.open = fault.is_some() || code / 100 != 2;
            bare.utf8 &= bare.open;
            self.result = Some(fault.map_or(Ok(code), Err));
            return;
        }
        // What was refused before a byte of it went out has left nothing behind, and where a
        // later one is in flight RSET stands between the two.
        self.mail.leftover = fault.is_some() && (flight.mailed || self.mail.leftover);
        self.mail.reset_due |= self.mail.leftover && self.mail.flights.is_empty();
        let share = flight.share();
        let goes_again = flight.goes_again(fault.as_ref());
        let mut transaction = flight.transaction;
        if goes_again {
            transaction.begin_again(share.start);
            return self.mail.again.push_back(transaction);
        }
        self.mail.learn(fault.is_none(), flight.mailed);
        let goes_on =
            fault.as_ref().is_none_or(|fault| fault.kind() == ErrorKind::RecipientsRefused);
        if goes_on && share.end < transaction.recipients.len() {
            transaction.next = share.end;
            return self.mail.again.push_front(transaction);
        }
        transaction.settle(fault, &self.last);
        self.mail.complete(transaction);
    }

    /// The connection ended with `error`, or what was under way is taken back: every transaction
    /// gets its true outcome.
    pub(super) fn settle_transactions(&mut self, error: &Error, end: End) {
        let lmtp = self.protocol.is_lmtp();
        let handed = self.output.handed();
        self.mail.step = Step::Idle;
        self.mail.reset_due = false;
        while let Some(mut flight) = self.mail.flights.pop_front() {
            self.mail.base += 1;
            let complete = flight.sealed && flight.outstanding == 0;
            let loss = fate::Loss { error, end, handed };
            let loss = (!complete).then_some(&loss);
            flight.transaction.reached(flight.phase(loss, lmtp));
            let mut fault = flight.settle(loss, lmtp);
            if flight.is_bare() {
                self.result = Some(match fault {
                    None => Ok(flight.transaction.reply_code()),
                    // A call that was cancelled says so, and that the message may have gone.
                    Some(fault) if error.kind() == ErrorKind::Cancelled => {
                        Err(fault.with_kind(error.kind()))
                    }
                    Some(fault) => Err(fault),
                });
                continue;
            }
            let (first, goes_again) = (flight.share().start, flight.goes_again(fault.as_ref()));
            let mut transaction = flight.transaction;
            if goes_again {
                // What it was refused with said nothing about it; the loss is why it was not sent.
                transaction.begin_again(first);
                fault = Some(error.clone());
            }
            transaction.settle(fault, &self.last);
            self.mail.complete(transaction);
        }
        while let Some(mut transaction) = self.mail.next() {
            transaction.settle(Some(error.clone()), &self.last);
            self.mail.complete(transaction);
        }
        // Where a fault swallowed one, those behind it wait for it no longer.
        self.mail.finished.extend(std::mem::take(&mut self.mail.early).into_values());
        self.mail.completed = self.mail.submitted;
    }

    /// No transaction can be sent: the server refused to be greeted.
    pub(super) fn fail_waiting(&mut self, error: &Error) {
        while let Some(mut transaction) = self.mail.next() {
            transaction.fail(error.clone(), &self.last);
            self.mail.complete(transaction);
        }
    }
}

impl Mailer {
    pub fn is_quiet(&self) -> bool {
        self.waiting.is_empty()
            && self.again.is_empty()
            && self.flights.is_empty()
            && !self.reset_due
    }

    /// The connection is gone; what waited was settled before.
    pub fn forget(&mut self) {
        let Mailer { finished, submitted, completed, .. } = std::mem::take(self);
        *self = Mailer { finished, submitted, completed, ..Mailer::default() };
    }

    /// The server answered 354, and takes what comes for a message.
    pub fn is_amid_data(&self) -> bool {
        self.flights.iter().any(|flight| flight.via == Via::Data && flight.body_begins > 0)
    }

    /// MAIL of a transaction was accepted that has not come to its end.
    pub fn has_open_envelope(&self) -> bool {
        self.flights.iter().any(|flight| flight.entered)
    }

    /// The transaction whose command an awaited reply belongs to.
    pub fn transaction(&self, number: u64) -> Option<&Transaction> {
        let index = number.checked_sub(self.base)? as usize;
        self.flights.get(index).map(|flight| &*flight.transaction)
    }

    pub fn finished(&mut self) -> Option<Box<Transaction>> {
        self.finished.pop_front()
    }

    fn next(&mut self) -> Option<Box<Transaction>> {
        self.again.pop_front().or_else(|| self.waiting.pop_front())
    }

    /// It has come to its end; those that were submitted before it go before it.
    fn complete(&mut self, transaction: Box<Transaction>) {
        if transaction.order != self.completed {
            self.early.insert(transaction.order, transaction);
            return;
        }
        self.completed += 1;
        self.finished.push_back(transaction);
        while let Some(next) = self.early.remove(&self.completed) {
            self.completed += 1;
            self.finished.push_back(next);
        }
    }

    /// How far to run ahead from here on.
    fn learn(&mut self, accepted: bool, mailed: bool) {
        let window = self.window();
        if let Some(pace) = self.pace.as_mut().filter(|_| accepted || mailed) {
            *pace = if accepted { *pace + 1 } else { (*pace / 2).max(1) };
        }
        if accepted {
            self.window = Some((window * 2).min(MOST_BYTES));
        } else if mailed {
            self.window = Some((window / 2).max(LEAST_BYTES));
            self.refusals += 1;
            self.serial |= self.refusals >= PATIENT_REFUSALS;
        }
    }

    pub fn starved(&self) -> Option<i32> {
        self.starved
    }

    /// The server closes the connection after some RSETs without a word that could be read
    /// behind them: it must not have too many of them in hand.
    pub fn beware_of_resets(&mut self) {
        self.pace = Some(FIRST_OF_MANY);
    }

    /// What was under way was taken back before it was sent.
    pub fn take_back(&mut self) {
        self.step = Step::Idle;
        self.reset_due = false;
    }

    pub fn lent(&self, span: Span) -> &[u8] {
        if span.from >= span.to {
            return &[];
        }
        let Some(flight) = self.flights.back() else { return &[] };
        flight.transaction.parts()[span.part].get(span.from..span.to).unwrap_or_default()
    }

    fn window(&self) -> u64 {
        self.window.unwrap_or(FIRST_BYTES)
    }
}
