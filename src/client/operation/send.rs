//! Sending mail: a batch of transactions or a stream of them, and the two shorthands of smtplib.

use std::sync::Arc;

use crate::client::drive::Until;
use crate::client::mime::set_mime;
use crate::error::{Detail, Error, ErrorKind, Result};
use crate::message::build::Built;
use crate::message::{self, Submission};
use crate::session::{Body, RecipientStatus, TimeLimit, Transaction};
use crate::wire::Path;

use super::{Begun, Client, Operation};

/// How much a stream gathers before it is sent, unless nothing is in flight.
const GATHER: usize = 64 * 1024;

/// The arguments of `sendmail` and `send_message`.
pub struct Mail<'a> {
    pub from: Option<&'a str>,
    pub to: Option<&'a [&'a str]>,
    /// Borrowed for the call.
    pub message: &'static [u8],
    pub mail_options: &'a [&'a str],
    pub rcpt_options: &'a [&'a str],
}

/// A recipient (or sender) that was refused, and the reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    pub address: String,
    pub code: u16,
    pub text: String,
    pub enhanced: String,
}

/// Where finished transactions go.
#[derive(Default)]
pub(in crate::client) struct Pending {
    /// A batch collects its own, by slot; otherwise they go to the completion sink.
    collecting: bool,
    slots: Vec<Option<Box<Transaction>>>,
    /// The batch under way, and when it has ended its transactions in their order.
    batch: Vec<Box<Transaction>>,
    /// The last of `sendmail`, reused by the next.
    spare: Option<Box<Transaction>>,
}

impl Pending {
    pub fn last_mail(&self) -> Option<&Transaction> {
        self.spare.as_deref()
    }
}

impl Client {
    /// Makes ready to send one message to any number of recipients (smtplib: `sendmail`). Its
    /// result is `Ok` if at least one was accepted; [`Client::refused`] has the others.
    pub fn sendmail(&mut self, mail: &Mail<'_>) -> Result<Operation> {
        self.refused.clear();
        let mut transaction = self.spare();
        fill(&mut transaction, mail.from.unwrap_or(""), mail.to.unwrap_or_default(), mail)?;
        transaction.set_body(Body::Borrowed(mail.message));
        Ok(Operation::Deliver { transaction, submission: None })
    }

    /// The same with a message to the addresses in its own header, Bcc left out (smtplib:
    /// `send_message`).
    pub fn send_message(&mut self, mail: &Mail<'_>) -> Result<Operation> {
        self.refused.clear();
        let mut submission = message::submission(mail.message, mail.from, mail.to)?;
        let to: Vec<&str> = submission.to.iter().map(String::as_str).collect();
        let mut transaction = self.spare();
        fill(&mut transaction, &submission.from, &to, mail)?;
        let head = std::mem::take(&mut submission.head);
        transaction.set_body(Body::Parts(head, &mail.message[submission.body_offset..]));
        Ok(Operation::Deliver { transaction, submission: Some(Box::new(submission)) })
    }

    /// The same with a message that the library has built.
    pub fn send_mime(&mut self, built: &Arc<Built>) -> Result<Operation> {
        self.refused.clear();
        let mut transaction = self.spare();
        set_mime(&mut transaction, built)?;
        Ok(Operation::Deliver { transaction, submission: None })
    }

    /// RFC 6531 where an address in the header or the envelope holds UTF-8. A server without it
    /// gets the envelope as A-labels, if only domains need it; the header cannot be changed so.
    fn add_utf8(&self, transaction: &mut Transaction, submission: &Submission) -> Result<()> {
        if !submission.needs_utf8 {
            return Ok(());
        }
        if self.session.capabilities().smtputf8() {
            for (keyword, option) in [("SMTPUTF8", "SMTPUTF8"), ("BODY", "BODY=8BITMIME")] {
                if !transaction.has_mail_option(keyword) {
                    transaction.add_mail_option(option)?;
                }
            }
            return Ok(());
        }
        let refusal = |what: &str| {
            Error::new(
                ErrorKind::NotSupported,
                format!("{what}: the server does not offer SMTPUTF8"),
            )
            .with_detail(Detail::NeedsUtf8)
        };
        if submission.header_utf8 {
            return Err(refusal("an address in the header holds UTF-8"));
        }
        for address in std::iter::once(&submission.from).chain(&submission.to) {
            let path = Path::parse(address)?;
            if !path.is_ascii() && path.with_ascii_domain().is_none() {
                return Err(refusal(&format!("<{address}>")));
            }
        }
        Ok(())
    }

    fn spare(&mut self) -> Box<Transaction> {
        let mut transaction = self.pending.spare.take().unwrap_or_default();
        transaction.clear();
        transaction
    }

    /// Makes it the batch. What stands in its way is each recipient's fate as well.
    pub(super) fn deliver(
        &mut self,
        mut transaction: Box<Transaction>,
        submission: Option<Box<Submission>>,
        begun: Begun,
    ) -> Begun {
        let begun = begun.and_then(|deadline| {
            submission.map_or(Ok(()), |needs| self.add_utf8(&mut transaction, &needs))?;
            Ok(deadline)
        });
        self.pending.batch.push(transaction);
        begun
    }

    /// Lists whom it did not reach.
    pub(super) fn delivered(&mut self, result: Result<()>) -> Result<()> {
        let mut transaction = self.pending.batch.pop().unwrap_or_default();
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::SenderRefused) {
            self.refused.push(Refused {
                address: transaction.sender().to_owned(),
                code: transaction.reply_code(),
                text: String::from_utf8_lossy(transaction.reply_text()).into_owned(),
                enhanced: String::new(),
            });
        }
        for index in 0..transaction.recipient_count() {
            let listed = match transaction.recipient_status(index) {
                Some(RecipientStatus::Refused) => true,
                // The server took the mail for others only (RFC 9422).
                Some(RecipientStatus::NotTried) => {
                    matches!(transaction.status_kind(), None | Some(ErrorKind::OutcomeUnknown))
                }
                _ => false,
            };
            if listed {
                self.refused.push(refused(&transaction, index));
            }
        }
        transaction.set_body(Body::Empty);
        self.pending.spare = Some(transaction);
        result
    }

    /// The transactions for [`Operation::Send`], and when that has ended the same with their
    /// outcomes.
    pub fn batch(&mut self) -> &mut Vec<Box<Transaction>> {
        &mut self.pending.batch
    }

    /// Sends the batch, as many transactions in flight as the server lets (RFC 2920, RFC 3030). They
    /// come back in their order, each with its outcome; the result is that of the call if it was
    /// cancelled, forbidden or ended by what is no SMTP, else of the first that failed.
    pub(super) async fn send_all(&mut self, begun: Begun) -> Result<()> {
        let deadline = match begun {
            Ok(deadline) => deadline,
            Err(error) => {
                for transaction in &mut self.pending.batch {
                    transaction.fail_at_hello(error.clone(), self.session.reply());
                }
                return Err(error);
            }
        };
        self.pending.collecting = true;
        self.pending.slots.clear();
        for (slot, mut transaction) in self.pending.batch.drain(..).enumerate() {
            transaction.set_slot(slot);
            self.pending.slots.push(None);
            // One that may not be sent comes back with the reason.
            let _ = self.session.submit(transaction);
        }
        let limit = TimeLimit { deadline, ..self.stream_limit() };
        let ended = self.turn(limit, Until::Quiet).await;
        self.pending.collecting = false;
        let Pending { batch, slots, .. } = &mut self.pending;
        batch.extend(slots.drain(..).flatten());
        let ended = ended.filter(|error| match error.kind() {
            ErrorKind::Cancelled | ErrorKind::Forbidden => true,
            ErrorKind::Protocol => batch.iter().all(|one| one.status_kind().is_none()),
            _ => false,
        });
        if let Some(error) = ended {
            return Err(with_open_outcome(error, batch));
        }
        let failed = batch.iter().find_map(|one| one.error().map(|error| (one, error.clone())));
        let Some((transaction, error)) = failed else { return Ok(()) };
        if transaction.reply_code() != 0 {
            // What the server said behind the refusal is only its echo.
            self.session.recall(transaction.reply_code(), transaction.reply_text());
        }
        Err(error)
    }

    /// Gives a transaction to a stream of them, without waiting for its outcome: it comes back
    /// through the completion sink during this or a later call. Blocks while the window of
    /// transactions in flight is full.
    pub(super) async fn submit(
        &mut self,
        mut transaction: Box<Transaction>,
        begun: Begun,
    ) -> Result<()> {
        let first = self.session.is_quiet();
        if let Err(error) = begun {
            transaction.fail_at_hello(error.clone(), self.session.reply());
            self.complete(transaction);
            return Err(error);
        }
        if let Err(error) = self.session.submit(transaction) {
            self.take_events();
            return Err(error);
        }
        self.session.poll_transmit();
        self.take_events();
        let full = self.session.waiting() > 0;
        if !first && !full && self.session.output_len() < GATHER {
            return self.hang_up().map_or(Ok(()), Err);
        }
        match self.turn(self.stream_limit(), Until::Room).await {
            Some(error) => Err(error),
            None if first => Ok(()),
            None => {
                self.look();
                self.hang_up().map_or(Ok(()), Err)
            }
        }
    }

    /// A batch that a fault has cut short leaves nothing behind.
    pub(in crate::client) fn forget_batch(&mut self) {
        self.pending.collecting = false;
        self.pending.slots.clear();
    }

    /// Gives a finished transaction back to whoever waits for it.
    pub(in crate::client) fn complete(&mut self, transaction: Box<Transaction>) {
        if self.pending.collecting {
            let slot = transaction.slot();
            if let Some(place) = self.pending.slots.get_mut(slot) {
                *place = Some(transaction);
            }
        } else if let Some(sink) = &mut self.completion {
            sink.completed(transaction);
        }
    }
}

/// A call that ended otherwise tells as well that a message may have been delivered.
fn with_open_outcome(error: Error, batch: &[Box<Transaction>]) -> Error {
    let mut errors = batch.iter().filter_map(|one| one.error());
    match errors.find(|one| one.kind() == ErrorKind::OutcomeUnknown) {
        Some(open) => open.clone().with_kind(error.kind()),
        None => error,
    }
}

fn fill(transaction: &mut Transaction, from: &str, to: &[&str], mail: &Mail<'_>) -> Result<()> {
    transaction.set_sender(from)?;
    if to.is_empty() {
        return Err(Error::new(ErrorKind::InvalidArgument, "there is no recipient"));
    }
    for address in to {
        transaction.add_recipient(address, mail.rcpt_options)?;
    }
    mail.mail_options.iter().try_for_each(|option| transaction.add_mail_option(option))
}

fn refused(transaction: &Transaction, index: usize) -> Refused {
    let enhanced = transaction.recipient_enhanced(index);
    Refused {
        address: transaction.recipient_address(index).unwrap_or("").to_owned(),
        code: transaction.recipient_code(index),
        text: String::from_utf8_lossy(transaction.recipient_text(index)).into_owned(),
        enhanced: enhanced.map_or(String::new(), |status| status.to_string()),
    }
}
