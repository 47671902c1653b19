//! Where the session stands, in the words of its commands: what an error was in the midst of.

use crate::error::{Detail, Error, SHOWN_TEXT, printable};

use super::Session;
use super::mail::Transaction;
use super::queue::{Awaited, Entry};

impl Session {
    /// The error with the command that it left without an answer.
    pub(super) fn at_its_place(&self, error: Error) -> Error {
        match self.queue.front() {
            Some(entry) => {
                let error = error.in_context(&self.place(entry));
                // A server that never greeted is told apart from one that stopped answering.
                let greeting = entry.awaited == Awaited::Greeting;
                if greeting { error.with_detail(Detail::Greeting) } else { error }
            }
            None => error,
        }
    }

    fn place(&self, entry: Entry) -> String {
        let path =
            |verb: &str, path: &str| format!("{verb}:<{}>", printable(path.as_bytes(), SHOWN_TEXT));
        let mail = self.mail.transaction(entry.flight);
        match entry.awaited {
            Awaited::Greeting => "greeting".to_owned(),
            Awaited::Mail => path("MAIL FROM", mail.map_or("", Transaction::sender)),
            Awaited::Rcpt(recipient) => {
                path("RCPT TO", mail.map_or("", |mail| mail.path_of(recipient as usize)))
            }
            Awaited::Data => "DATA".to_owned(),
            Awaited::Chunk => "BDAT".to_owned(),
            Awaited::Final if entry.end > self.output.handed() => "the message".to_owned(),
            Awaited::Final | Awaited::LoneDot => "end of data".to_owned(),
            Awaited::Reset { .. } => "RSET".to_owned(),
            Awaited::Auth => "AUTH".to_owned(),
            Awaited::Quit => "QUIT".to_owned(),
            _ => printable(self.label.as_bytes(), SHOWN_TEXT),
        }
    }
}
