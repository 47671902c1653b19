//! One mail transaction: envelope, message, and, afterwards, what became of it.

use smallvec::SmallVec;

use crate::error::{Detail, Error, ErrorKind, Result};
use crate::wire::{EnhancedStatus, Param, Path, Reply, Survey};

use super::outcome::{Outcome, Reached, RecipientStatus, Text};
use super::source::Body;

/// Most bytes of a reply's text that are kept for one recipient.
const MOST_TEXT: usize = 4096;

pub(super) struct Recipient {
    pub given: Option<String>,
    pub path: Path,
    pub params: Vec<Param>,
    pub status: RecipientStatus,
    pub code: u16,
    pub text: Text,
    /// They are the reply to the message, and not to RCPT.
    pub by_message: bool,
}

impl Recipient {
    /// The same recipient for another transaction.
    pub fn again(&self) -> Recipient {
        Recipient {
            given: self.given.clone(),
            path: self.path.clone(),
            params: self.params.clone(),
            status: RecipientStatus::NotTried,
            code: 0,
            text: Text::default(),
            by_message: false,
        }
    }

    /// Forgets what became of it.
    fn begin(&mut self) {
        self.status = RecipientStatus::NotTried;
        self.code = 0;
        self.text = Text::default();
        self.by_message = false;
    }

    /// RCPT was accepted, and what becomes of the message is open.
    pub fn is_pending(&self) -> bool {
        self.status == RecipientStatus::NotTried && self.code / 100 == 2
    }
}

/// A transaction (RFC 5321 section 3.3). It is moved into the session while it is in flight.
#[derive(Default)]
pub struct Transaction {
    pub(super) sender: Option<Path>,
    pub(super) options: Vec<Param>,
    /// Those of `options` that came with a message.
    message_options: Vec<Param>,
    /// Most mail has one.
    pub(super) recipients: SmallVec<[Recipient; 1]>,
    pub(super) body: Body,
    pub(super) outcome: Outcome,
    pub(super) survey: Option<Survey>,
    /// First bytes of a reader, how many of them were read, and whether they are all of it.
    pub(super) head: Vec<u8>,
    pub(super) filled: usize,
    pub(super) whole: bool,
    /// It was found fit to be sent to this server; its other shares need no second look.
    pub(super) admitted: bool,
    /// The reader has given bytes that are not kept: the message cannot be sent again.
    pub(super) spent: bool,
    /// The first recipient that was not offered yet (RFC 9422 RCPTMAX splits a transaction).
    pub(super) next: usize,
    /// Put back once, because the server took no command behind the end of another message.
    pub(super) retried: bool,
    /// Its place among all that were submitted: they complete in that order.
    pub(super) order: u64,
    token: usize,
    slot: usize,
}

impl Transaction {
    pub fn new() -> Self {
        Transaction::default()
    }

    /// Empties it for another mail; its buffers are kept.
    pub fn clear(&mut self) {
        self.sender = None;
        self.options.clear();
        self.message_options.clear();
        self.recipients.clear();
        self.set_body(Body::Empty);
        self.outcome.clear();
    }

    /// Sets the reverse-path; `""` and `<>` are the null path.
    pub fn set_sender(&mut self, address: &str) -> Result<()> {
        self.sender = Some(Path::parse(address)?);
        Ok(())
    }

    /// Adds a forward-path with its own ESMTP parameters.
    pub fn add_recipient(&mut self, address: &str, options: &[&str]) -> Result<()> {
        let path = Path::parse(address)?;
        let params = options.iter().map(|text| Param::parse(text)).collect::<Result<_>>()?;
        let given = (path.as_bytes() != address.as_bytes()).then(|| address.to_owned());
        self.recipients.push(Recipient {
            given,
            path,
            params,
            status: RecipientStatus::NotTried,
            code: 0,
            text: Text::default(),
            by_message: false,
        });
        Ok(())
    }

    /// Sets the reverse-path, and whom the message goes to in place of those before.
    pub fn set_envelope<'a>(
        &mut self,
        sender: &str,
        recipients: impl Iterator<Item = &'a str>,
    ) -> Result<()> {
        self.set_sender(sender)?;
        self.recipients.clear();
        self.outcome.clear();
        recipients.into_iter().try_for_each(|address| self.add_recipient(address, &[]))
    }

    /// Adds an ESMTP parameter to MAIL.
    pub fn add_mail_option(&mut self, option: &str) -> Result<()> {
        self.options.push(Param::parse(option)?);
        Ok(())
    }

    /// Adds parameters that a message needs, in place of those that one before it needed, each as
    /// its keyword and the whole. One whose keyword is given already is left out.
    pub fn set_message_options(&mut self, options: &[(&str, &str)]) -> Result<()> {
        let former = std::mem::take(&mut self.message_options);
        self.options.retain(|param| !former.contains(param));
        for (keyword, option) in options {
            if !self.has_mail_option(keyword) {
                let param = Param::parse(option)?;
                self.message_options.push(param.clone());
                self.options.push(param);
            }
        }
        Ok(())
    }

    pub fn has_mail_option(&self, keyword: &str) -> bool {
        self.options.iter().any(|param| param.is(keyword))
    }

    /// Forgets the last outcome before the transaction is sent (again).
    pub(super) fn begin(&mut self) {
        self.outcome.clear();
        self.next = 0;
        self.admitted = false;
        self.retried = false;
        self.recipients.iter_mut().for_each(Recipient::begin);
    }

    /// The recipients from `first` on are offered once more.
    pub(super) fn begin_again(&mut self, first: usize) {
        self.next = first;
        self.retried = true;
        self.outcome.reply_code = 0;
        self.outcome.reply_text = Text::default();
        self.recipients[first..].iter_mut().for_each(Recipient::begin);
    }

    /// Notes how far a share of it came.
    pub(super) fn reached(&mut self, phase: Reached) {
        self.outcome.phase = self.outcome.phase.max(phase);
    }

    /// Notes a reply to RCPT, or LMTP's to the message.
    pub(super) fn record(
        &mut self,
        index: usize,
        status: RecipientStatus,
        code: u16,
        text: &[u8],
    ) -> Text {
        let text = self.outcome.store(&text[..text.len().min(MOST_TEXT)]);
        self.assign(index, status, code, text);
        text
    }

    /// The same for a text that is stored already, and serves for many.
    pub(super) fn assign(&mut self, index: usize, status: RecipientStatus, code: u16, text: Text) {
        let recipient = &mut self.recipients[index];
        recipient.status = status;
        recipient.code = code;
        recipient.text = text;
    }

    /// It could not be sent at all.
    pub fn fail_before_sending(&mut self, error: Error) {
        self.fail_at_hello(error, &Reply::default());
    }

    /// The server could not be greeted; `last` is what it answered.
    pub fn fail_at_hello(&mut self, error: Error, last: &Reply) {
        self.begin();
        self.fail(error, last);
    }

    /// Its end: a fault counts where nobody was accepted, or where somebody's fate is unknown.
    /// `last` is the reply that came last: where it is the fault's, it decided this.
    pub(super) fn settle(&mut self, fault: Option<Error>, last: &Reply) {
        let any = self.recipients.iter().any(|r| r.status == RecipientStatus::Accepted);
        self.outcome.sent = true;
        let unknown = fault.as_ref().is_some_and(|one| one.kind() == ErrorKind::OutcomeUnknown);
        // Others got the mail; why these did not would be told nowhere else.
        if let Some(fault) = fault.as_ref().filter(|_| any || unknown) {
            let (code, text) = (fault.reply_code(), fault.message().as_bytes());
            let text = self.outcome.store(&text[..text.len().min(MOST_TEXT)]);
            for index in 0..self.recipients.len() {
                if self.recipients[index].status == RecipientStatus::NotTried {
                    self.assign(index, RecipientStatus::NotTried, code, text);
                }
            }
        }
        if let Some(fault) = fault.filter(|_| !any || unknown) {
            self.fail(fault, last);
        }
    }

    pub(super) fn fail(&mut self, error: Error, last: &Reply) {
        self.outcome.sent = true;
        let code = error.reply_code();
        if self.outcome.reply_code == 0 && code != 0 && code == last.code() {
            self.outcome.set_reply(code, last.bytes());
        }
        self.outcome.error = Some(error);
    }

    /// The text of the reply that decided it, for its recipients to share.
    pub(super) fn shared_text(&self) -> Text {
        self.outcome.reply_text.first(MOST_TEXT)
    }

    /// An opaque value of the owner's, to find his handle again.
    pub fn token(&self) -> usize {
        self.token
    }

    pub fn set_token(&mut self, token: usize) {
        self.token = token;
    }

    /// Its place in the batch it was sent with.
    pub fn slot(&self) -> usize {
        self.slot
    }

    pub fn set_slot(&mut self, slot: usize) {
        self.slot = slot;
    }

    /// How far the last attempt to send it came.
    pub fn phase(&self) -> Reached {
        self.outcome.phase
    }

    /// An attempt to send it has ended, one way or the other.
    pub fn is_sent(&self) -> bool {
        self.outcome.sent
    }

    /// Why it failed; `None` if at least one recipient was accepted, or it was not sent yet.
    pub fn error(&self) -> Option<&Error> {
        self.outcome.error.as_ref()
    }

    pub fn status_kind(&self) -> Option<ErrorKind> {
        self.outcome.kind()
    }

    pub fn error_message(&self) -> &str {
        self.outcome.error.as_ref().map_or("", Error::message)
    }

    pub fn error_detail(&self) -> Detail {
        self.outcome.error.as_ref().map_or(Detail::None, Error::detail)
    }

    /// The code of the reply that decided it, 0 if none came.
    pub fn reply_code(&self) -> u16 {
        self.outcome.reply_code
    }

    pub fn reply_text(&self) -> &[u8] {
        self.outcome.text(self.outcome.reply_text)
    }

    /// Its enhanced status code.
    pub fn reply_enhanced(&self) -> Option<EnhancedStatus> {
        EnhancedStatus::parse(self.reply_code(), self.reply_text())
    }

    pub fn recipient_count(&self) -> usize {
        self.recipients.len()
    }

    /// The address as it was given.
    pub fn recipient_address(&self, index: usize) -> Option<&str> {
        let recipient = self.recipients.get(index)?;
        Some(recipient.given.as_deref().unwrap_or(recipient.path.as_str()))
    }

    pub fn recipient_status(&self, index: usize) -> Option<RecipientStatus> {
        self.recipients.get(index).map(|recipient| recipient.status)
    }

    /// The code of the reply that decided for this recipient, 0 if none came.
    pub fn recipient_code(&self, index: usize) -> u16 {
        self.recipients.get(index).map_or(0, |recipient| recipient.code)
    }

    pub fn recipient_text(&self, index: usize) -> &[u8] {
        self.recipients.get(index).map_or(&[], |recipient| self.outcome.text(recipient.text))
    }

    pub fn recipient_enhanced(&self, index: usize) -> Option<EnhancedStatus> {
        let recipient = self.recipients.get(index)?;
        EnhancedStatus::parse(recipient.code, self.outcome.text(recipient.text))
    }

    /// A recipient's address without what surrounds it.
    pub(in crate::session) fn path_of(&self, index: usize) -> &str {
        self.recipients.get(index).map_or("", |recipient| recipient.path.as_str())
    }

    /// How many bytes the replies take.
    #[cfg(test)]
    pub(in crate::session) fn text_bytes(&self) -> usize {
        self.outcome.size()
    }

    /// The sender's address as it is sent, `""` for the null path.
    pub fn sender(&self) -> &str {
        self.sender.as_ref().map_or("", Path::as_str)
    }
}
