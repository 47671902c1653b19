//! Replies to transactions, and what they make of each recipient.

use crate::error::{Error, ErrorKind, SHOWN_TEXT, printable};

use super::Session;
use super::flight::{Flight, Step};
use super::outcome::RecipientStatus;
use super::queue::{Awaited, Entry};

impl Session {
    pub(super) fn mail_reply(&mut self, entry: Entry) {
        if entry.awaited == Awaited::Reset {
            // Refused or not, we did what we could; 421 is dealt with by the caller.
            self.mail.predecessor_failed = false;
            return self.queue.pop();
        }
        let index = (entry.flight - self.mail.base) as usize;
        let Some(flight) = self.mail.flights.get_mut(index) else { return self.queue.pop() };
        let lmtp = self.protocol.is_lmtp();
        let accepted = self.last.is_positive();
        match entry.awaited {
            Awaited::Mail => self.sender_reply(index, accepted),
            Awaited::Rcpt(recipient) => {
                // Behind a refused sender, the refusal of a recipient says nothing about him.
                let refused = !accepted && flight.fault.is_none();
                let status =
                    if refused { RecipientStatus::Refused } else { RecipientStatus::NotTried };
                flight.accepted += u32::from(accepted);
                let (code, text) = (self.last.code(), self.last.bytes());
                flight.transaction.record(recipient as usize, status, code, text);
                if code == 421 {
                    self.recipient_refused(index, recipient as usize);
                }
            }
            Awaited::Data => self.data_reply(index),
            Awaited::Chunk if !accepted => self.data_refused(index, "BDAT"),
            Awaited::LoneDot => {}
            Awaited::Final => {
                flight.finals += 1;
                let due = if lmtp { flight.accepted.max(1) } else { 1 };
                // A failed chunk or DATA gets one reply, however many recipients there are.
                let more = flight.finals < due && flight.fault.is_none();
                self.final_reply(index, entry.end);
                if more && self.ended.is_none() {
                    return;
                }
            }
            _ => {}
        }
        self.queue.pop();
        if let Some(flight) = self.mail.flights.get_mut(index) {
            flight.outstanding -= 1;
        }
        self.advance_after_reply();
        self.finish_flights();
    }

    fn sender_reply(&mut self, index: usize, accepted: bool) {
        if accepted {
            self.mail.predecessor_failed = false;
            return;
        }
        let flight = &mut self.mail.flights[index];
        // 503 right behind a failed transaction: the server still holds that one. This one was
        // refused for no fault of its own and is tried again after RSET.
        if self.last.code() == 503 && self.mail.predecessor_failed && !flight.transaction.retried {
            flight.collateral = true;
            self.mail.hold = true;
        }
        let command = format!(
            "MAIL FROM:<{}>",
            printable(flight.transaction.sender().as_bytes(), SHOWN_TEXT)
        );
        let fault = self.refusal(ErrorKind::SenderRefused, &command);
        self.set_fault(index, fault);
    }

    fn data_reply(&mut self, index: usize) {
        if self.last.code() == 354 {
            self.judge(index);
        } else {
            self.judge(index);
            self.data_refused(index, "DATA");
        }
    }

    /// 421 to a RCPT ends the session: nobody gets the message.
    fn recipient_refused(&mut self, index: usize, recipient: usize) {
        let path = self.mail.flights[index].transaction.recipients[recipient].path.as_str();
        let command = format!("RCPT TO:<{}>", printable(path.as_bytes(), SHOWN_TEXT));
        let fault = self.refusal(ErrorKind::RecipientsRefused, &command);
        self.set_fault(index, fault);
    }

    /// What failed first decides; what the server says afterwards is its echo.
    fn set_fault(&mut self, index: usize, fault: Error) {
        let flight = &mut self.mail.flights[index];
        if flight.fault.is_none() {
            let (code, text) = (self.last.code(), self.last.bytes());
            flight.transaction.outcome.set_reply(code, text);
            flight.fault = Some(fault);
        }
    }

    fn data_refused(&mut self, index: usize, command: &str) {
        let fault = self.refusal(ErrorKind::Data, command);
        let flight = &mut self.mail.flights[index];
        if flight.fault.is_none() {
            let (code, text) = (self.last.code(), self.last.bytes());
            flight.each_accepted(RecipientStatus::Refused, Some((code, text)));
        }
        self.set_fault(index, fault);
    }

    /// All RCPT of the last flight are answered: is there anybody to send to?
    pub(super) fn judge_envelope(&mut self) {
        if let Some(last) = self.mail.flights.len().checked_sub(1) {
            self.judge(last);
        }
    }

    fn judge(&mut self, index: usize) {
        let flight = &self.mail.flights[index];
        if flight.fault.is_some() || flight.accepted > 0 || flight.bare {
            return;
        }
        let recipients = &flight.transaction.recipients[flight.first..flight.end];
        let last = recipients.last();
        let text = last.map_or(String::new(), |recipient| {
            let bytes = flight.transaction.outcome.text(recipient.text);
            format!(
                "RCPT TO:<{}>: {} {}",
                printable(recipient.path.as_str().as_bytes(), SHOWN_TEXT),
                recipient.code,
                printable(bytes, SHOWN_TEXT)
            )
        });
        let code = last.map_or(0, |recipient| recipient.code);
        let text = match recipients.len() {
            1 => text,
            count => format!("all {count} recipients were refused; the last: {text}"),
        };
        let reply = last.map_or(Vec::new(), |r| flight.transaction.outcome.text(r.text).to_vec());
        let flight = &mut self.mail.flights[index];
        flight.transaction.outcome.set_reply(code, &reply);
        flight.fault = Some(Error::new(ErrorKind::RecipientsRefused, text).with_reply_code(code));
    }

    fn final_reply(&mut self, index: usize, data_ends: u64) {
        self.judge(index);
        if data_ends > self.output.total_sent() && self.is_sending_data(index) {
            return self.early_refusal(index);
        }
        let accepted = self.last.is_positive();
        let flight = &mut self.mail.flights[index];
        let (code, text) = (self.last.code(), self.last.bytes());
        if flight.bare {
            flight.transaction.outcome.set_reply(code, text);
        } else if flight.fault.is_some() {
            flight.contradicted |= accepted && flight.accepted > 0;
        } else if self.protocol.is_lmtp() {
            self.lmtp_reply(index, accepted);
        } else if accepted {
            flight.transaction.outcome.set_reply(code, text);
            flight.each_accepted(RecipientStatus::Accepted, None);
        } else {
            self.data_refused(index, "end of data");
        }
    }

    /// RFC 2033 section 4.2: one reply per accepted recipient, in the order of their RCPT.
    fn lmtp_reply(&mut self, index: usize, accepted: bool) {
        let status = if accepted { RecipientStatus::Accepted } else { RecipientStatus::Refused };
        let flight = &mut self.mail.flights[index];
        let (code, text) = (self.last.code(), self.last.bytes());
        if let Some(recipient) = flight.next_unanswered() {
            flight.transaction.record(recipient, status, code, text);
        }
        flight.transaction.outcome.set_reply(code, text);
        if flight.finals == flight.accepted && !flight.any(RecipientStatus::Accepted) {
            let fault = self.refusal(ErrorKind::Data, "end of data, every recipient");
            self.mail.flights[index].fault = Some(fault);
        }
    }

    /// Only DATA's body is sent in step `Body`; a chunk's bytes are counted and can be finished.
    fn is_sending_data(&self, index: usize) -> bool {
        index + 1 == self.mail.flights.len() && self.mail.step == Step::Body
    }

    /// The server refuses while the body is going out. DATA can only be given up by closing.
    fn early_refusal(&mut self, index: usize) {
        self.data_refused(index, "DATA, before the end of the message");
        let error = self.refusal(ErrorKind::Disconnected, "closed: the message was refused early");
        let flight = &mut self.mail.flights[index];
        flight.sealed = true;
        flight.outstanding = 0;
        self.mail.step = Step::Idle;
        self.output.clear();
        self.finish_flights();
        self.end(error);
    }

    /// The reply may have been what the step waited for.
    fn advance_after_reply(&mut self) {
        if self.ended.is_some() {
            return;
        }
        let Some(flight) = self.mail.flights.back() else { return };
        let faulty = flight.fault.is_some();
        match self.mail.step {
            Step::Go if flight.outstanding == 0 => {
                if self.last.code() != 354 {
                    self.seal();
                } else if !faulty {
                    self.start_body();
                } else {
                    self.send_lone_dot();
                }
            }
            // Finish the chunk that is on its way, send no other (RFC 3030 section 2).
            Step::Chunks if faulty && !self.output.is_lending() => self.seal(),
            _ => {}
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
        if flight.bare {
            self.result = Some(match flight.fault {
                Some(fault) => Err(fault),
                None => Ok(flight.transaction.reply_code()),
            });
            return;
        }
        if flight.contradicted {
            flight.each_accepted(RecipientStatus::Unknown, None);
            flight.fault = flight.fault.map(|fault| {
                let text = format!("{}; yet the server took the data", fault.message());
                Error::new(ErrorKind::OutcomeUnknown, text).with_reply_code(fault.reply_code())
            });
        }
        if flight.fault.is_some() {
            self.mail.narrow();
            // A later transaction in flight shows by its MAIL whether the server is clean.
            if self.mail.flights.is_empty() && self.mail.step == Step::Idle {
                self.mail.reset_due = !flight.collateral && self.last.code() != 421;
            } else {
                self.mail.predecessor_failed = true;
            }
        } else {
            self.mail.widen();
        }
        let mut transaction = flight.transaction;
        if flight.collateral && !flight.contradicted && !transaction.spent {
            transaction.begin_again(flight.first);
            self.mail.waiting.insert(self.mail.put_back, transaction);
            self.mail.put_back += 1;
            return;
        }
        let goes_on =
            flight.fault.as_ref().is_none_or(|f| f.kind() == ErrorKind::RecipientsRefused);
        if goes_on && flight.end < transaction.recipients.len() {
            transaction.next = flight.end;
            return self.mail.waiting.push_front(transaction);
        }
        transaction.settle(flight.fault);
        self.mail.finished.push_back(transaction);
    }

    /// The connection ended with `error`: every transaction gets its true outcome. `answered`
    /// says that the server itself closed with 421, so that nothing behind it was looked at.
    pub(super) fn settle_transactions(&mut self, error: &Error, answered: bool) {
        let sent = self.output.total_sent();
        self.mail.step = Step::Idle;
        self.mail.reset_due = false;
        while let Some(mut flight) = self.mail.flights.pop_front() {
            self.mail.base += 1;
            let complete = flight.sealed && flight.outstanding == 0;
            let handed_over = flight.data_ends.is_some_and(|end| end <= sent);
            // LMTP: the 421 was one recipient's; of the others nothing is known.
            let looked_at = !answered || flight.finals > 0;
            if !complete && flight.fault.is_none() {
                flight.fault = Some(if handed_over && looked_at && flight.may_be_delivered() {
                    flight.each_accepted(RecipientStatus::Unknown, None);
                    flight.each_unanswered_rcpt();
                    outcome_unknown(error)
                } else {
                    error.clone()
                });
            }
            if flight.bare {
                let fault = flight.fault.unwrap_or_else(|| error.clone());
                let cancelled = error.kind() == ErrorKind::Cancelled;
                self.result =
                    Some(Err(if cancelled { fault.with_kind(error.kind()) } else { fault }));
                continue;
            }
            let mut transaction = flight.transaction;
            transaction.settle(flight.fault);
            self.mail.finished.push_back(transaction);
        }
        while let Some(mut transaction) = self.mail.waiting.pop_front() {
            transaction.settle(Some(error.clone()));
            self.mail.finished.push_back(transaction);
        }
    }

    /// No transaction can be sent: the server refused to be greeted.
    pub(super) fn fail_waiting(&mut self, error: &Error) {
        while let Some(mut transaction) = self.mail.waiting.pop_front() {
            transaction.fail(error.clone());
            self.mail.finished.push_back(transaction);
        }
    }
}

impl Flight {
    /// Those whose RCPT was accepted and whose fate was open until now.
    fn each_accepted(&mut self, status: RecipientStatus, reply: Option<(u16, &[u8])>) {
        for index in self.first..self.end {
            let recipient = &mut self.transaction.recipients[index];
            if !recipient.is_pending() {
                continue;
            }
            recipient.status = status;
            if let Some((code, text)) = reply {
                self.transaction.record(index, status, code, text);
            }
        }
    }

    /// The data went out before RCPT was answered: the server may have accepted both.
    fn each_unanswered_rcpt(&mut self) {
        for recipient in &mut self.transaction.recipients[self.first..self.end] {
            if recipient.code == 0 {
                recipient.status = RecipientStatus::Unknown;
            }
        }
    }

    fn next_unanswered(&self) -> Option<usize> {
        (self.first..self.end).find(|index| self.transaction.recipients[*index].is_pending())
    }

    /// Somebody's RCPT was accepted, or not answered yet.
    fn may_be_delivered(&self) -> bool {
        let recipients = &self.transaction.recipients[self.first..self.end];
        self.bare || recipients.iter().any(|r| r.code == 0 || r.is_pending())
    }

    fn any(&self, status: RecipientStatus) -> bool {
        self.transaction.recipients[self.first..self.end].iter().any(|r| r.status == status)
    }
}

fn outcome_unknown(error: &Error) -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        format!(
            "the message was handed over, but its reply never came: {}; it may have been delivered",
            error.message()
        ),
    )
    .with_os_code(error.os_code())
}
