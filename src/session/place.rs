//! Where the session stands, in the words of its commands: what an error was in the midst of.

use crate::error::{Error, SHOWN_TEXT, printable};

use super::Session;
use super::queue::{Awaited, Entry};

impl Session {
    /// The error with the command that it left without an answer.
    pub(super) fn at_its_place(&self, error: Error) -> Error {
        match self.queue.front() {
            Some(entry) => error.in_context(&self.place(entry)),
            None => error,
        }
    }

    fn place(&self, entry: Entry) -> String {
        let path =
            |verb: &str, path: &str| format!("{verb}:<{}>", printable(path.as_bytes(), SHOWN_TEXT));
        let index = entry.flight.checked_sub(self.mail.base).map(|index| index as usize);
        let flight = index.and_then(|index| self.mail.flights.get(index));
        match entry.awaited {
            Awaited::Greeting => "greeting".to_owned(),
            Awaited::Mail => {
                path("MAIL FROM", flight.map_or("", |flight| flight.transaction.sender()))
            }
            Awaited::Rcpt(recipient) => {
                let to = flight.and_then(|f| f.transaction.recipients.get(recipient as usize));
                path("RCPT TO", to.map_or("", |recipient| recipient.path.as_str()))
            }
            Awaited::Data => "DATA".to_owned(),
            Awaited::Chunk => "BDAT".to_owned(),
            Awaited::Final if entry.end > self.output.total_sent() => "the message".to_owned(),
            Awaited::Final | Awaited::LoneDot => "end of data".to_owned(),
            Awaited::Reset => "RSET".to_owned(),
            Awaited::Auth => "AUTH".to_owned(),
            _ => printable(self.verb.as_bytes(), SHOWN_TEXT),
        }
    }
}
