//! What decides a transaction, and the one place that writes what became of its recipients.

use crate::error::{Error, ErrorKind};
use crate::session::End;

use super::flight::Flight;
use super::outcome::RecipientStatus;

/// What is known of a flight's outcome.
#[derive(Default)]
pub(in crate::session) enum Fate {
    /// Nothing has decided it.
    #[default]
    Open,
    /// The server took the message (LMTP: recipients have replies of their own).
    Taken,
    /// Nobody gets the message. What failed first decides; what comes behind is its echo.
    Failed { stage: Stage, error: Error },
    /// The server refused, and yet took the data.
    Contradicted { error: Error },
}

/// Where a transaction failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Stage {
    /// Here, and not at the server: not fit to be sent, or its reader failed.
    Local,
    Sender,
    Recipients,
    /// DATA, a chunk, or the message: refused for everyone whose RCPT was accepted.
    Data,
}

/// How a connection came to its end in the midst of a transaction.
pub(super) struct Loss<'a> {
    pub error: &'a Error,
    pub end: End,
    /// How much of the stream had reached the system.
    pub handed: u64,
}

impl Flight {
    pub fn is_failed(&self) -> bool {
        matches!(self.fate, Fate::Failed { .. } | Fate::Contradicted { .. })
    }

    /// Writes the outcome of every recipient, and gives why it failed if it did. `loss` if the
    /// connection ended before the last reply.
    pub fn settle(&mut self, loss: Option<&Loss<'_>>, lmtp: bool) -> Option<Error> {
        match (std::mem::take(&mut self.fate), loss) {
            (Fate::Taken, _) => {
                if !lmtp {
                    self.each_pending(RecipientStatus::Accepted, false);
                }
                None
            }
            (Fate::Failed { stage, error }, _) => {
                if stage == Stage::Data {
                    self.each_pending(RecipientStatus::Refused, true);
                }
                Some(error)
            }
            (Fate::Contradicted { error }, _) => {
                if !self.each_pending(RecipientStatus::Unknown, false) {
                    return Some(error);
                }
                let text = format!("{}; yet the server took the data", error.message());
                Some(
                    Error::new(ErrorKind::OutcomeUnknown, text).with_reply_code(error.reply_code()),
                )
            }
            (Fate::Open, Some(loss)) => Some(self.lost(loss)),
            (Fate::Open, None) => {
                Some(Error::new(ErrorKind::Internal, "the transaction ended without an outcome"))
            }
        }
    }

    /// Whether somebody may have got the message depends on how far it came.
    fn lost(&mut self, loss: &Loss<'_>) -> Error {
        let handed_over = self.data_ends.is_some_and(|end| end <= loss.handed);
        // LMTP: the farewell was one recipient's; of the others nothing is known.
        let looked_at = loss.end == End::Lost || self.finals > 0;
        if !handed_over || !looked_at {
            return loss.error.clone();
        }
        let mut unknown = self.each_pending(RecipientStatus::Unknown, false) || self.is_bare();
        // The data went out before RCPT was answered: the server may have accepted both.
        let share = self.share();
        for recipient in &mut self.transaction.recipients[share] {
            if recipient.code == 0 {
                recipient.status = RecipientStatus::Unknown;
                unknown = true;
            }
        }
        if unknown { outcome_unknown(loss.error) } else { loss.error.clone() }
    }

    /// Those whose RCPT was accepted and whose fate was open until now; false if there is none.
    /// `reply`: the transaction's own reply is theirs as well.
    fn each_pending(&mut self, status: RecipientStatus, reply: bool) -> bool {
        let (code, text) = (self.transaction.reply_code(), self.transaction.shared_text());
        let mut any = false;
        for index in self.share() {
            let recipient = &mut self.transaction.recipients[index];
            if !recipient.is_pending() {
                continue;
            }
            any = true;
            recipient.status = status;
            if reply {
                (recipient.code, recipient.text) = (code, text);
                recipient.by_message = true;
            }
        }
        any
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
