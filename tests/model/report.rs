//! What the client told its caller.

use std::time::Duration;

use smtpclient::error::{Error, ErrorKind};

/// What a call came to.
#[derive(Debug, Default)]
pub struct Call {
    pub error: Option<(ErrorKind, String)>,
    /// A reply to bytes of the caller's own was not fetched when it began.
    pub owed: bool,
    /// Its completion callback cancelled it.
    pub cancelled: bool,
    pub took: Duration,
    /// How many connections there were.
    pub connection: usize,
    /// The reply that it gave as its own is none that answers such a command.
    pub foreign: Option<String>,
}

impl Call {
    pub fn new(error: Option<Error>) -> Self {
        let error = error.map(|error| (error.kind(), error.message().to_owned()));
        Call { error, ..Call::default() }
    }

    pub fn kind(&self) -> Option<ErrorKind> {
        self.error.as_ref().map(|(kind, _)| *kind)
    }
}

/// What was said of one message.
#[derive(Clone, Debug)]
pub struct Report {
    /// The call that brought it; past the program's end, the closing of the client.
    pub call: usize,
    pub body: usize,
    /// Of which connection, counted from 1.
    pub connection: usize,
    pub verdicts: Vec<Verdict>,
    pub error: Option<(ErrorKind, String)>,
    /// It is a transaction's own report, exact for every recipient.
    pub transaction: bool,
    pub reply_code: u16,
}

#[derive(Clone, Debug)]
pub struct Verdict {
    pub address: String,
    pub said: Said,
    pub code: u16,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Accepted,
    Refused,
    NotTried,
    Unknown,
    /// Refused or not tried: the call does not tell which.
    NotTaken,
    /// The call tells nothing.
    Open,
}
