//! The envelope: which transaction begins when, its MAIL and RCPT, and by which way its body goes.

use crate::error::{Error, Result};
use crate::session::Session;
use crate::session::queue::Awaited;
use crate::wire::{Param, Path, command};

use super::fate::{Fate, Stage};
use super::flight::{Audience, Flight};
use super::options::is_written;
use super::source::SMALL_MESSAGE;
use super::transaction::Transaction;
use super::{MOST_REPLIES, Step, Via, body};

impl Session {
    fn pipelines(&self) -> bool {
        self.options.pipelining && self.capabilities.pipelining()
    }

    pub(in crate::session) fn chunks(&self) -> bool {
        self.options.chunking && self.capabilities.chunking() && !self.chunking_denied()
    }

    /// A further command of the last flight may go out: nothing is due and nothing unsolicited in
    /// hand, or replies may queue up.
    pub(super) fn may_follow(&mut self) -> bool {
        if self.queue.is_empty() {
            return self.check_unsolicited().is_ok();
        }
        self.mail.flights.back().is_some_and(|flight| flight.pipelines)
    }

    pub(super) fn pump_idle(&mut self) -> bool {
        // A command of its own, a hello above all, must be answered first.
        if self.queue.front().is_some_and(|entry| !entry.is_mail()) {
            return false;
        }
        let first = self.mail.flights.is_empty();
        if first && self.by_hand.transaction.open && self.waiting() > 0 {
            // The server holds an envelope that the caller opened by hand.
            self.by_hand.transaction = Default::default();
            self.mail.leftover = true;
            self.mail.reset_due = true;
        }
        let follows = self.queue.is_empty() || self.pipelines();
        if first && self.mail.reset_due && follows {
            if self.queue.is_empty() && self.check_unsolicited().is_err() {
                return false;
            }
            self.mail.reset_due = false;
            self.reset(false);
            return true;
        }
        if self.waiting() == 0 || !follows || !(first || self.may_run_ahead()) {
            return false;
        }
        if self.queue.is_empty() && self.check_unsolicited().is_err() {
            return false;
        }
        self.begin_flight()
    }

    /// A transaction may begin while those before it are not answered.
    fn may_run_ahead(&self) -> bool {
        // LMTP has as many replies as recipients: one too many would pass for the next
        // transaction's. The rest of a split transaction goes before the next.
        let alone = self.protocol.is_lmtp() || self.mail.serial;
        let splits = self.mail.flights.back().is_some_and(Flight::is_split);
        self.pipelines() && !alone && !splits && !self.window_is_full()
    }

    fn window_is_full(&self) -> bool {
        let Some(oldest) = self.mail.flights.front() else { return false };
        let most = self.options.window;
        (most > 0 && self.mail.flights.len() >= most)
            || self.mail.pace.is_some_and(|most| self.mail.flights.len() >= most)
            || self.queue.len() >= MOST_REPLIES
            || self.output.end() - oldest.begins >= self.mail.window()
    }

    /// False if the message in hand must be waited for.
    fn begin_flight(&mut self) -> bool {
        let Some(mut transaction) = self.mail.next() else { return false };
        match self.admit(&mut transaction) {
            Ok(true) => {}
            Ok(false) => {
                self.mail.starved = transaction.descriptor();
                self.mail.again.push_front(transaction);
                return false;
            }
            Err(error) => {
                self.refuse_locally(transaction, error);
                return true;
            }
        }
        let behind = !self.mail.flights.is_empty();
        if behind {
            self.reset(true);
        }
        let share = Audience::Share { first: transaction.next, end: self.flight_end(&transaction) };
        // A binary message was let in while chunks could be had, and goes by nothing else.
        let by_chunks = self.chunks() || body::is_binary(&transaction);
        let via = if by_chunks { Via::Bdat } else { Via::Data };
        let mut flight = Flight::new(transaction, share, via, self.output.end());
        flight.pipelines = self.pipelines();
        flight.behind = behind;
        self.mail.flights.push_back(flight);
        self.mail.step = Step::Mail;
        true
    }

    fn reset(&mut self, pipelined: bool) {
        command::line(self.output.buffer(), "RSET", "");
        self.trace.sent(b"RSET\r\n");
        self.queue.push(Awaited::Reset { pipelined }, 0, self.output.end());
    }

    /// It is not fit to be sent; it comes to its end behind those that went before it.
    fn refuse_locally(&mut self, transaction: Box<Transaction>, error: Error) {
        let share = Audience::Share { first: transaction.next, end: transaction.recipients.len() };
        let mut flight = Flight::new(transaction, share, Via::Data, self.output.end());
        flight.fate = Fate::Failed { stage: Stage::Local, error };
        self.mail.flights.push_back(flight);
        self.seal();
    }

    /// DATA and the message alone, behind MAIL and RCPT commands of the caller's own.
    pub(in crate::session) fn start_bare(
        &mut self,
        mut transaction: Box<Transaction>,
    ) -> Result<()> {
        transaction.begin();
        transaction.prepare()?;
        let accepted = self.by_hand.transaction.accepted.max(1);
        let audience = Audience::Bare { accepted };
        let flight = Flight::new(transaction, audience, Via::Data, self.output.end());
        self.mail.flights.push_back(flight);
        self.send_data_command();
        Ok(())
    }

    pub(super) fn pump_mail(&mut self) -> bool {
        // Behind a RSET that a server without PIPELINING has not answered.
        if !self.may_follow() {
            return false;
        }
        let capabilities = &self.capabilities;
        let Some(flight) = self.mail.flights.back() else { return false };
        let transaction = &flight.transaction;
        let utf8 = transaction.has_mail_option("SMTPUTF8");
        let size = capabilities.size_offered().then(|| body::declared_size(transaction)).flatten();
        let eight_bit = self.greeting.does_esmtp()
            && capabilities.eight_bit_mime()
            && !transaction.has_mail_option("BODY")
            && (transaction.may_stream_eight_bit()
                || transaction.survey.is_some_and(|survey| survey.eight_bit));
        // The caller's SIZE counts where we know no better.
        let greeting = &self.greeting;
        let written = |param: &&Param| {
            (!param.is("SIZE") || size.is_none()) && is_written(param, greeting, capabilities)
        };
        let params = transaction.options.iter().filter(written).map(Param::as_str);
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
        let first = flight.share().start;
        self.mail.mails += 1;
        self.await_mail(Awaited::Mail);
        if let Some(flight) = self.mail.flights.back_mut() {
            flight.mailed = true;
        }
        self.mail.step = Step::Rcpt(first);
        true
    }

    pub(super) fn pump_rcpt(&mut self, index: usize) -> bool {
        if !self.may_follow() {
            return false;
        }
        let Some(flight) = self.mail.flights.back() else { return false };
        if flight.is_failed() {
            // MAIL was refused, and what is out already will be as well.
            self.seal();
            return true;
        }
        if index == flight.share().end {
            self.mail.step = Step::Envelope;
            return true;
        }
        let transaction = &flight.transaction;
        let recipient = &transaction.recipients[index];
        let (greeting, capabilities) = (&self.greeting, &self.capabilities);
        let written = |param: &&Param| is_written(param, greeting, capabilities);
        let params = recipient.params.iter().filter(written).map(Param::as_str);
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

    pub(super) fn pump_envelope(&mut self) -> bool {
        let Some(flight) = self.mail.flights.back() else { return false };
        if flight.outstanding == 0 && (flight.accepted == 0 || flight.is_failed()) {
            self.judge_envelope();
            self.seal();
            return true;
        }
        if flight.via == Via::Data {
            if !self.may_follow() {
                return false;
            }
            self.send_data_command();
            return true;
        }
        let transaction = &flight.transaction;
        let small = !transaction.streams()
            && transaction.survey.is_some_and(|survey| survey.octets <= SMALL_MESSAGE as u64);
        if !small {
            self.mail.step = Step::Verdict;
        } else if self.may_follow() {
            self.send_small();
        } else {
            return false;
        }
        true
    }

    pub(super) fn pump_verdict(&mut self) -> bool {
        let Some(flight) = self.mail.flights.back() else { return false };
        if flight.outstanding > 0 {
            return false;
        }
        if flight.accepted == 0 || flight.is_failed() {
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
