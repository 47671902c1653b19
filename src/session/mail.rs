//! Transactions on their way out: admission, MAIL and RCPT, and how far to run ahead.
//!
//! [`Session::pump`] encodes as much as may be sent now. One [`Step`] says where the transaction
//! that is being encoded stands; those behind it in `flights` are encoded in whole and only await
//! replies. With PIPELINING the step runs on through the envelope, with CHUNKING through small
//! messages and into the next transaction; without, it halts while any reply is due.
//!
//! ```text
//!  Idle -> Mail -> Rcpt(i).. -> Envelope -+-> Data -> Go --354--> Body ------> Idle
//!   ^                |                    |            '-- no recipient: lone dot
//!   |                | refused (known)    +-> (BDAT, small) -----------------> Idle
//!   +---- RSET <-----+                    '-> Verdict --accepted--> Chunks --> Idle
//! ```

use crate::error::Result;
use crate::wire::{Param, Path, command};

use super::flight::{Flight, Step};
use super::queue::Awaited;
use super::transaction::{SMALL_MESSAGE, Transaction};
use super::{Session, body};

/// Most replies awaited before the next transaction is started; bounds the queue's memory.
const MOST_REPLIES: usize = 16 * 1024;

impl Session {
    /// Queues a transaction. It comes back from [`Session::finished`], whatever happens.
    pub fn submit(&mut self, mut transaction: Box<Transaction>) {
        transaction.begin();
        match self.check_usable() {
            Ok(()) => self.mail.waiting.push_back(transaction),
            Err(error) => {
                transaction.fail(error);
                self.mail.finished.push_back(transaction);
            }
        }
    }

    /// A transaction that has come to its end, in the order in which they do.
    pub fn finished(&mut self) -> Option<Box<Transaction>> {
        self.mail.finished.pop_front()
    }

    /// How many transactions came to their end on this connection.
    pub fn settled(&self) -> u64 {
        self.mail.base
    }

    /// Transactions not begun yet.
    pub fn waiting(&self) -> usize {
        self.mail.waiting.len()
    }

    /// Encodes all that may be sent now.
    pub fn pump(&mut self) {
        self.take_farewell();
        self.finish_flights();
        while self.ended.is_none() && !self.output.is_full() && self.pump_step() {}
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

    pub(super) fn pipelines(&self) -> bool {
        self.options.pipelining && self.capabilities.pipelining()
    }

    pub(super) fn chunks(&self) -> bool {
        self.options.chunking && self.capabilities.chunking()
    }

    /// A command may go out: nothing is due, or replies may queue up.
    pub(super) fn may_issue(&self) -> bool {
        self.queue.is_empty() || self.pipelines()
    }

    fn pump_idle(&mut self) -> bool {
        if self.mail.flights.is_empty() && self.mail.hold {
            self.mail.hold = false;
            self.mail.put_back = 0;
            self.mail.reset_due = true;
        }
        if !self.may_issue() {
            return false;
        }
        if self.mail.reset_due {
            self.mail.reset_due = false;
            self.issue("RSET", "", Awaited::Reset);
            return true;
        }
        // A hello under way must be answered first: it decides what may be sent.
        let greets = self.queue.front().is_some_and(|entry| !entry.is_mail());
        // The rest of a split transaction goes before the next. LMTP has as many replies as
        // recipients: one too many would pass for the next transaction's.
        let splits = self.mail.flights.back().is_some_and(Flight::is_split);
        if self.mail.hold
            || greets
            || splits
            || (self.protocol.is_lmtp() && !self.mail.flights.is_empty())
            || self.mail.waiting.is_empty()
            || self.window_is_full()
        {
            return false;
        }
        if self.queue.is_empty() && self.check_surplus().is_err() {
            return false;
        }
        self.separate();
        self.begin_flight();
        true
    }

    /// RFC 3030 section 2: a failed BDAT leaves the transaction in a state that only RSET clears.
    /// Where the one before is not answered yet, that is done in any case, or its failure would
    /// mix its envelope with the next.
    fn separate(&mut self) {
        if self.chunks() && !self.mail.flights.is_empty() && !self.mail.waiting.is_empty() {
            self.issue("RSET", "", Awaited::Reset);
        }
    }

    fn window_is_full(&self) -> bool {
        let Some(oldest) = self.mail.flights.front() else { return false };
        self.queue.len() >= MOST_REPLIES || self.output.end() - oldest.begins >= self.mail.window()
    }

    fn begin_flight(&mut self) {
        let Some(mut transaction) = self.mail.waiting.pop_front() else { return };
        if let Err(error) = self.admit(&mut transaction) {
            transaction.settle(Some(error));
            self.mail.finished.push_back(transaction);
            return;
        }
        let first = transaction.next;
        let end = self.flight_end(&transaction);
        self.push_flight(transaction, first, end, false);
        self.mail.step = Step::Mail;
    }

    fn push_flight(&mut self, transaction: Box<Transaction>, first: usize, end: usize, bare: bool) {
        self.mail.flights.push_back(Flight {
            transaction,
            first,
            end,
            outstanding: 0,
            sealed: false,
            accepted: 0,
            finals: 0,
            fault: None,
            contradicted: false,
            collateral: false,
            begins: self.output.end(),
            body_begins: 0,
            data_ends: None,
            bare,
        });
    }

    /// DATA and the message alone, behind MAIL and RCPT commands of the caller's own.
    pub(super) fn start_bare(&mut self, mut transaction: Box<Transaction>) -> Result<()> {
        transaction.begin();
        transaction.prepare()?;
        self.push_flight(transaction, 0, 0, true);
        let accepted = self.bare_accepted.max(1);
        if let Some(flight) = self.mail.flights.back_mut() {
            flight.accepted = accepted;
        }
        self.bare_accepted = 0;
        self.send_data_command();
        Ok(())
    }

    fn pump_mail(&mut self) -> bool {
        let esmtp = self.greeting.does_esmtp();
        let capabilities = &self.capabilities;
        let Some(flight) = self.mail.flights.back_mut() else { return false };
        let transaction = &flight.transaction;
        let utf8 = transaction.has_mail_option("SMTPUTF8");
        let size = capabilities.size_offered().then(|| body::declared_size(transaction)).flatten();
        let eight_bit = esmtp
            && capabilities.eight_bit_mime()
            && !transaction.has_mail_option("BODY")
            && (transaction.streams() || transaction.survey.is_some_and(|survey| survey.eight_bit));
        // What the server does not know and no mail depends on is left out.
        let sendable = |param: &&Param| {
            // The caller's SIZE counts where we know no better.
            esmtp
                && (!param.is("SIZE") || size.is_none())
                && (!param.is("BODY")
                    || capabilities.eight_bit_mime()
                    || capabilities.binary_mime())
        };
        let params = transaction.options.iter().filter(sendable).map(Param::as_str);
        let params = params.chain(eight_bit.then_some("BODY=8BITMIME"));
        let buffer = self.output.buffer();
        let from = buffer.len();
        match &transaction.sender {
            Some(path) if path.is_ascii() || utf8 => command::mail(buffer, path, size, params),
            path => {
                // Admission has converted it once without an error.
                let path = path.as_ref().and_then(|path| path.with_ascii_domain());
                command::mail(buffer, &path.unwrap_or_else(Path::null), size, params);
            }
        }
        self.trace.sent(&buffer[from..]);
        let first = flight.first;
        self.mail.mails += 1;
        self.await_mail(Awaited::Mail);
        self.mail.step = Step::Rcpt(first);
        true
    }

    fn pump_rcpt(&mut self, index: usize) -> bool {
        if !self.may_issue() {
            return false;
        }
        if self.queue.is_empty() && self.check_surplus().is_err() {
            return false;
        }
        let esmtp = self.greeting.does_esmtp();
        let Some(flight) = self.mail.flights.back_mut() else { return false };
        if flight.fault.is_some() {
            // MAIL was refused, and what is out already will be as well.
            self.seal();
            return true;
        }
        if index == flight.end {
            self.mail.step = Step::Envelope;
            return true;
        }
        let transaction = &flight.transaction;
        let recipient = &transaction.recipients[index];
        let params = recipient.params.iter().filter(|_| esmtp).map(Param::as_str);
        let buffer = self.output.buffer();
        let from = buffer.len();
        if recipient.path.is_ascii() || transaction.has_mail_option("SMTPUTF8") {
            command::rcpt(buffer, &recipient.path, params);
        } else {
            // Admission has converted it once without an error.
            let path = recipient.path.with_ascii_domain().unwrap_or_else(Path::null);
            command::rcpt(buffer, &path, params);
        }
        self.trace.sent(&buffer[from..]);
        self.await_mail(Awaited::Rcpt(index as u32));
        self.mail.step = Step::Rcpt(index + 1);
        true
    }

    fn pump_envelope(&mut self) -> bool {
        let chunks = self.chunks();
        let Some(flight) = self.mail.flights.back() else { return false };
        let answered = flight.outstanding == 0;
        if answered && (flight.accepted == 0 || flight.fault.is_some()) {
            self.judge_envelope();
            self.seal();
            return true;
        }
        if !chunks {
            if !self.may_issue() || (self.queue.is_empty() && self.check_surplus().is_err()) {
                return false;
            }
            self.send_data_command();
            return true;
        }
        let transaction = &flight.transaction;
        let small = !transaction.streams()
            && transaction.survey.is_some_and(|survey| survey.octets <= SMALL_MESSAGE as u64);
        if small && self.may_issue() {
            self.send_small();
        } else {
            self.mail.step = Step::Verdict;
        }
        true
    }

    fn pump_verdict(&mut self) -> bool {
        let Some(flight) = self.mail.flights.back() else { return false };
        if flight.outstanding > 0 {
            return false;
        }
        if flight.accepted == 0 || flight.fault.is_some() {
            self.judge_envelope();
            self.seal();
        } else {
            self.start_chunks();
        }
        true
    }

    fn send_data_command(&mut self) {
        command::line(self.output.buffer(), "DATA", "");
        self.trace.sent(b"DATA\r\n");
        self.await_mail(Awaited::Data);
        self.mail.step = Step::Go;
    }

    /// A command of the last flight is encoded: its reply is due.
    pub(super) fn await_mail(&mut self, awaited: Awaited) {
        let number = self.mail.base + self.mail.flights.len() as u64 - 1;
        self.queue.push(awaited, number, self.output.end());
        if let Some(flight) = self.mail.flights.back_mut() {
            flight.outstanding += 1;
        }
    }

    /// The last flight has nothing more to send.
    pub(super) fn seal(&mut self) {
        self.mail.step = Step::Idle;
        if let Some(flight) = self.mail.flights.back_mut() {
            flight.sealed = true;
        }
        self.finish_flights();
    }
}
