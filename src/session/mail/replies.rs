//! Replies to transactions, each given to the flight that its command belongs to.

use crate::error::{Error, ErrorKind, SHOWN_TEXT, printable};
use crate::session::queue::{Awaited, Entry};
use crate::session::reply::closes;
use crate::session::{End, Session};

use super::fate::{Fate, Stage};
use super::flight::Flight;
use super::outcome::RecipientStatus;
use super::{Step, Via};

impl Session {
    pub(in crate::session) fn mail_reply(&mut self, entry: Entry) {
        if let Awaited::Reset { pipelined } = entry.awaited {
            self.queue.pop();
            return self.reset_reply(pipelined);
        }
        let index = (entry.flight - self.mail.base) as usize;
        let Some(flight) = self.mail.flights.get_mut(index) else { return self.queue.pop() };
        let accepted = self.last.is_positive();
        let misread = entry.is_body() && misreads_bdat(flight, self.last.code());
        match entry.awaited {
            Awaited::Mail if accepted => {
                flight.entered = true;
                self.mail.leftover = false;
            }
            Awaited::Mail => self.sender_refused(index),
            Awaited::Rcpt(recipient) => self.recipient_reply(index, recipient as usize),
            Awaited::Data => self.data_reply(index),
            Awaited::Chunk | Awaited::Final if self.last.code() / 100 == 3 => {
                // It has the data and wants more: neither accepted nor refused.
                let text = format!("the end of the data was answered {}", self.last.describe());
                self.lost(Error::new(ErrorKind::Protocol, text));
            }
            Awaited::Chunk if !accepted => self.data_refused(index, "BDAT"),
            Awaited::Final if misread => {
                self.judge(index);
                self.data_refused(index, "end of data");
            }
            Awaited::Final => {
                flight.finals += 1;
                let lmtp = self.protocol.is_lmtp();
                let due = if lmtp { flight.accepted.max(1) } else { 1 };
                // A failed chunk or DATA gets one reply, however many recipients there are.
                let more = flight.finals < due && !flight.is_failed();
                self.final_reply(index, entry.end);
                if more && self.ended.is_none() {
                    return;
                }
            }
            _ => {}
        }
        if misread {
            self.give_up_chunking();
        }
        if self.ended.is_some() {
            return;
        }
        self.queue.pop();
        if let Some(flight) = self.mail.flights.get_mut(index) {
            flight.outstanding -= 1;
        }
        self.advance_after_reply();
        self.finish_flights();
    }

    /// A server that refuses RSET behind the end of a message takes nothing there. One that does
    /// not know it answers something else: RFC 5321 section 4.5.1 wants every server to have it.
    fn reset_reply(&mut self, pipelined: bool) {
        let code = self.parser.code();
        match code {
            200..=299 => self.mail.leftover = false,
            503 if pipelined => self.mail.serial = true,
            500..=502 | 354 => {
                let text = format!("RSET was answered {code}: replies and commands do not match");
                self.lost(Error::new(ErrorKind::Protocol, text));
            }
            _ => {}
        }
    }

    fn sender_refused(&mut self, index: usize) {
        let flight = &mut self.mail.flights[index];
        // 503 behind the end of a message that was not answered yet says nothing about the mail:
        // this server (Haraka is one) pipelines within transactions alone.
        if self.last.code() == 503 && flight.behind && !flight.transaction.retried {
            flight.put_back = true;
            self.mail.serial = true;
        }
        let path = printable(flight.transaction.sender().as_bytes(), SHOWN_TEXT);
        self.fail(index, Stage::Sender, ErrorKind::SenderRefused, &format!("MAIL FROM:<{path}>"));
    }

    fn recipient_reply(&mut self, index: usize, recipient: usize) {
        let flight = &mut self.mail.flights[index];
        let accepted = self.last.is_positive();
        // Behind a refused sender, the refusal of a recipient says nothing about him.
        let refused = !accepted && !flight.is_failed();
        let status = if refused { RecipientStatus::Refused } else { RecipientStatus::NotTried };
        flight.accepted += u32::from(accepted);
        let (code, text) = (self.last.code(), self.last.bytes());
        flight.transaction.record(recipient, status, code, text);
        if closes(code) {
            // The session ends with it: nobody gets the message.
            let path = flight.transaction.recipients[recipient].path.as_str();
            let command = format!("RCPT TO:<{}>", printable(path.as_bytes(), SHOWN_TEXT));
            self.fail(index, Stage::Recipients, ErrorKind::RecipientsRefused, &command);
        }
    }

    fn data_reply(&mut self, index: usize) {
        self.judge(index);
        match self.last.code() {
            354 => {}
            400.. => self.data_refused(index, "DATA"),
            _ => {
                let text = format!(
                    "{} is neither 354 nor a refusal, so that the server's state is unknown",
                    self.last.describe()
                );
                self.lost(Error::new(ErrorKind::Protocol, text));
            }
        }
    }

    fn data_refused(&mut self, index: usize, command: &str) {
        self.fail(index, Stage::Data, ErrorKind::Data, command);
    }

    /// The server has read the chunk as commands, and answers each of its lines.
    fn give_up_chunking(&mut self) {
        self.distrust_chunking();
        let error = self.refusal(ErrorKind::Disconnected, "closed: BDAT is not understood");
        self.end(error, End::Lost);
    }

    /// The flight has failed with the present reply, unless something failed before.
    fn fail(&mut self, index: usize, stage: Stage, kind: ErrorKind, command: &str) {
        if self.mail.flights[index].is_failed() {
            return;
        }
        let error = self.refusal(kind, command);
        let flight = &mut self.mail.flights[index];
        flight.transaction.outcome.set_reply(self.last.code(), self.last.bytes());
        flight.fate = Fate::Failed { stage, error };
    }

    /// All RCPT of the last flight are answered: is there anybody to send to?
    pub(super) fn judge_envelope(&mut self) {
        if let Some(last) = self.mail.flights.len().checked_sub(1) {
            self.judge(last);
        }
    }

    fn judge(&mut self, index: usize) {
        let flight = &mut self.mail.flights[index];
        if flight.is_failed() || flight.accepted > 0 || flight.is_bare() {
            return;
        }
        let share = flight.share();
        let count = share.len();
        let transaction = &mut flight.transaction;
        let Some(last) = transaction.recipients[share].last() else { return };
        let (code, reply) = (last.code, transaction.outcome.text(last.text).to_vec());
        let text = format!(
            "RCPT TO:<{}>: {code} {}",
            printable(last.path.as_str().as_bytes(), SHOWN_TEXT),
            printable(&reply, SHOWN_TEXT)
        );
        let text = match count {
            1 => text,
            count => format!("all {count} recipients were refused; the last: {text}"),
        };
        transaction.outcome.set_reply(code, &reply);
        let error = Error::new(ErrorKind::RecipientsRefused, text).with_reply_code(code);
        flight.fate = Fate::Failed { stage: Stage::Recipients, error };
    }

    fn final_reply(&mut self, index: usize, data_ends: u64) {
        self.judge(index);
        let early = data_ends > self.output.handed();
        let flight = &mut self.mail.flights[index];
        if early && flight.via == Via::Data {
            return self.early_refusal(index);
        }
        let accepted = self.last.is_positive();
        let (code, text) = (self.last.code(), self.last.bytes());
        if flight.is_bare() {
            flight.transaction.outcome.set_reply(code, text);
            if !flight.is_failed() {
                flight.fate = Fate::Taken;
            }
        } else if flight.is_failed() {
            self.contradict(index);
        } else if self.protocol.is_lmtp() {
            self.lmtp_reply(index);
        } else if accepted {
            flight.transaction.outcome.set_reply(code, text);
            flight.fate = Fate::Taken;
        } else {
            self.data_refused(index, "end of data");
        }
    }

    /// The server refused before, and takes the data now: what it did with them, who knows.
    fn contradict(&mut self, index: usize) {
        let flight = &mut self.mail.flights[index];
        if !self.last.is_positive() || flight.accepted == 0 {
            return;
        }
        if let Fate::Failed { error, .. } = std::mem::take(&mut flight.fate) {
            flight.fate = Fate::Contradicted { error };
        }
    }

    /// RFC 2033 section 4.2: one reply per accepted recipient, in the order of their RCPT.
    fn lmtp_reply(&mut self, index: usize) {
        let status = match self.last.is_positive() {
            true => RecipientStatus::Accepted,
            false => RecipientStatus::Refused,
        };
        let flight = &mut self.mail.flights[index];
        let (code, text) = (self.last.code(), self.last.bytes());
        let mut from = flight.unanswered..flight.share().end;
        if let Some(recipient) = from.find(|at| flight.transaction.recipients[*at].is_pending()) {
            let text = flight.transaction.record(recipient, status, code, text);
            flight.transaction.recipients[recipient].by_message = true;
            flight.unanswered = recipient + 1;
            flight.transaction.outcome.share_reply(code, text);
        }
        if flight.finals < flight.accepted {
            return;
        }
        let recipients = &flight.transaction.recipients[flight.share()];
        if recipients.iter().any(|one| one.status == RecipientStatus::Accepted) {
            flight.fate = Fate::Taken;
            return;
        }
        let error = self.refusal(ErrorKind::Data, "end of data, every recipient");
        self.mail.flights[index].fate = Fate::Failed { stage: Stage::Recipients, error };
    }

    /// The server refuses while the body goes out behind DATA, which can only be given up by
    /// closing: back among commands, it would read the rest as such.
    fn early_refusal(&mut self, index: usize) {
        self.fail(index, Stage::Data, ErrorKind::Data, "DATA, before the end of the message");
        let error = self.refusal(ErrorKind::Disconnected, "closed: the message was refused early");
        self.end(error, End::Lost);
    }

    /// The reply may have been what the step waited for.
    fn advance_after_reply(&mut self) {
        let Some(flight) = self.mail.flights.back() else { return };
        match self.mail.step {
            Step::Go if flight.outstanding == 0 => match self.last.code() {
                354 if !flight.is_failed() => self.start_body(),
                354 => self.refuse_to_send(),
                _ => self.seal(),
            },
            // Finish the chunk that is on its way, send no other (RFC 3030 section 2).
            Step::Chunks
                if flight.is_failed()
                    && !self.output.is_lending()
                    && !self.mail.cursor.owes_line_end() =>
            {
                self.seal();
            }
            _ => {}
        }
    }

    /// 354 came though nobody is there to send to (RFC 2920 section 3.1).
    fn refuse_to_send(&mut self) {
        if self.protocol.is_lmtp() {
            // RFC 2033 section 4.2 has no 354 here, and so no count of replies to expect.
            return self.lost(Error::new(
                ErrorKind::Protocol,
                "DATA: the LMTP server answered 354 though it had refused every recipient",
            ));
        }
        if self.mail.leftover {
            // The dot would send an empty message to whomever an earlier envelope named.
            return self.lost(Error::new(
                ErrorKind::Protocol,
                "DATA: the server answered 354 though it had refused the sender, and may still \
                 hold an earlier transaction",
            ));
        }
        self.send_lone_dot();
    }
}

/// A server that knows no BDAT reads the chunk as commands: away from here. Where nobody is there
/// to send to, or a chunk was refused before, 503 is the proper reply, and behind the first of
/// LMTP's replies any is one recipient's.
fn misreads_bdat(flight: &Flight, code: u16) -> bool {
    let out_of_order = code == 503 && flight.accepted > 0 && !flight.is_failed();
    flight.via == Via::Bdat && flight.finals == 0 && (matches!(code, 500 | 502) || out_of_order)
}
