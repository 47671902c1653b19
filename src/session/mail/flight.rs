//! A transaction that is being sent, or whose replies are awaited.

use crate::error::{Error, ErrorKind};

use super::fate::{Fate, Loss};
use super::outcome::Reached;
use super::transaction::Transaction;

/// What is encoded next for the last flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Step {
    #[default]
    Idle,
    Mail,
    Rcpt(usize),
    /// All RCPT are out: DATA, or a small message by BDAT, may follow at once.
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

/// By which command the message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    /// RFC 5321 section 4.1.1.4
    Data,
    /// RFC 3030
    Bdat,
}

/// Whom a flight offers the message to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// These recipients of the transaction: all, or as many as RCPTMAX lets.
    Share { first: usize, end: usize },
    /// Those of MAIL and RCPT by hand: so many were accepted.
    Bare { accepted: u32 },
}

pub(super) struct Flight {
    pub transaction: Box<Transaction>,
    pub audience: Audience,
    pub via: Via,
    /// Commands may follow one another without waiting for replies (RFC 2920).
    pub pipelines: bool,
    /// It was begun before the end of the message before it was answered.
    pub behind: bool,
    /// Replies due.
    pub outstanding: u32,
    /// All of its commands are encoded, or no more will be.
    pub sealed: bool,
    /// RCPT answered 2yz.
    pub accepted: u32,
    /// Final replies so far (LMTP has one per accepted recipient).
    pub finals: u32,
    /// The first recipient that LMTP's final replies have not reached.
    pub unanswered: usize,
    pub fate: Fate,
    /// MAIL was sent.
    pub mailed: bool,
    /// MAIL was accepted.
    pub entered: bool,
    /// It is to be sent once more: the server took no command behind the end of a message.
    pub put_back: bool,
    /// Where the transaction begins, its body begins, and its data ends in the stream.
    pub begins: u64,
    pub body_begins: u64,
    pub data_ends: Option<u64>,
}

impl Flight {
    pub fn new(transaction: Box<Transaction>, audience: Audience, via: Via, begins: u64) -> Self {
        let (accepted, unanswered) = match audience {
            Audience::Share { first, .. } => (0, first),
            Audience::Bare { accepted } => (accepted, 0),
        };
        Flight {
            transaction,
            audience,
            via,
            pipelines: false,
            behind: false,
            outstanding: 0,
            sealed: false,
            accepted,
            finals: 0,
            unanswered,
            fate: Fate::Open,
            mailed: false,
            entered: false,
            put_back: false,
            begins,
            body_begins: 0,
            data_ends: None,
        }
    }

    pub fn is_bare(&self) -> bool {
        matches!(self.audience, Audience::Bare { .. })
    }

    /// Its recipients, as indices into the transaction's.
    pub fn share(&self) -> std::ops::Range<usize> {
        match self.audience {
            Audience::Share { first, end } => first..end,
            Audience::Bare { .. } => 0..0,
        }
    }

    /// How far it came.
    pub fn phase(&self, loss: Option<&Loss<'_>>, lmtp: bool) -> Reached {
        let handed = |at: u64| loss.is_none_or(|loss| at <= loss.handed);
        let due = if lmtp && !self.is_failed() { self.accepted.max(1) } else { 1 };
        match self.accepted {
            0 if self.entered => Reached::Recipients,
            0 if self.mailed && handed(self.begins + 1) => Reached::Sender,
            0 => Reached::None,
            _ if self.finals >= due => Reached::Done,
            _ if self.data_ends.is_some_and(handed) => Reached::Message,
            _ => Reached::Data,
        }
    }

    /// It came to nothing by no fault of its own, and can be sent once more.
    pub fn goes_again(&self, fault: Option<&Error>) -> bool {
        let unknown = fault.is_some_and(|fault| fault.kind() == ErrorKind::OutcomeUnknown);
        self.put_back && self.transaction.is_readable() && !unknown
    }

    /// Some of its recipients are left to another flight.
    pub fn is_split(&self) -> bool {
        !self.is_bare() && self.share().end < self.transaction.recipients.len()
    }
}
