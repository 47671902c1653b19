//! The next try: whether there should be one, and for whom.

use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::wire::EnhancedStatus;

use super::outcome::RecipientStatus;
use super::source::Body;
use super::transaction::{Recipient, Transaction};

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextTry {
    /// Try again at once, on a new connection.
    Now,
    Later,
    /// The same again is refused again.
    Never,
    /// Nothing is wrong with the mail: a person must look.
    Ask,
}

impl NextTry {
    /// What may pass by itself.
    pub fn is_temporary(self) -> bool {
        matches!(self, NextTry::Now | NextTry::Later)
    }
}

/// What to do about an error of `kind` that came with the reply `code`, or 0. An error that is a
/// reply's goes by that (RFC 5321 section 4.2.1).
pub fn advise(kind: ErrorKind, code: u16, enhanced: Option<EnhancedStatus>) -> NextTry {
    match kind {
        ErrorKind::Disconnected | ErrorKind::Busy => NextTry::Now,
        ErrorKind::Timeout | ErrorKind::Io | ErrorKind::ResolveAgain | ErrorKind::NoMemory => {
            NextTry::Later
        }
        ErrorKind::Connect if code == 0 => NextTry::Later,
        ErrorKind::Connect | ErrorKind::Helo | ErrorKind::Authentication | ErrorKind::Response => {
            match advise_reply(code, enhanced) {
                // It is not about any mail.
                NextTry::Never => NextTry::Ask,
                advice => advice,
            }
        }
        // RFC 5321 section 4.5.3.1.10: behind RCPT 552 is what servers said for 452 once.
        ErrorKind::RecipientsRefused if code == 552 && enhanced.is_none() => NextTry::Later,
        ErrorKind::SenderRefused | ErrorKind::RecipientsRefused | ErrorKind::Data => {
            // Without a reply it was found here: too large for the server.
            if code == 0 { NextTry::Never } else { advise_reply(code, enhanced) }
        }
        ErrorKind::InvalidArgument => NextTry::Never,
        ErrorKind::NotSupported
        | ErrorKind::NoMechanism
        | ErrorKind::Tls
        | ErrorKind::Resolve
        | ErrorKind::Protocol
        | ErrorKind::OutcomeUnknown
        | ErrorKind::Cancelled
        | ErrorKind::Forbidden
        | ErrorKind::Misuse
        | ErrorKind::Internal
        | ErrorKind::Pending => NextTry::Ask,
    }
}

/// The same for a reply alone.
pub fn advise_reply(code: u16, enhanced: Option<EnhancedStatus>) -> NextTry {
    let status = enhanced.map_or((0, 0), |status| (status.subject, status.detail));
    match code {
        400..=499 => NextTry::Later,
        // RFC 4954 section 6, RFC 3207 section 4: credentials, or TLS before them.
        530 | 534 | 535 | 538 => NextTry::Ask,
        // The server does not understand what the library says (RFC 5321 section 4.2.4), or it was
        // said out of turn: no fault of the mail.
        500..=504 => NextTry::Ask,
        505..=599 => match status {
            // RFC 3463 section 3.6: the protocol; 5.5.3 is too many recipients at once.
            (5, 3) => NextTry::Later,
            (5, _) => NextTry::Ask,
            // RFC 4954 section 6, RFC 5248: authentication, encryption or trust is missing.
            (7, 0 | 8 | 9 | 10 | 11 | 12 | 13) => NextTry::Ask,
            _ => NextTry::Never,
        },
        _ => NextTry::Ask,
    }
}

impl Transaction {
    /// Whether another try may help this recipient: he was refused for now, or was not tried for a
    /// reason that may pass.
    pub fn is_temporary(&self, index: usize) -> Option<bool> {
        let recipient = self.recipients.get(index)?;
        Some(match recipient.status {
            RecipientStatus::Accepted | RecipientStatus::Unknown => false,
            RecipientStatus::Refused => self.is_refused_for_now(recipient),
            RecipientStatus::NotTried => {
                self.error().is_none_or(|error| self.advise(error).is_temporary())
            }
        })
    }

    fn is_refused_for_now(&self, recipient: &Recipient) -> bool {
        let code = recipient.code;
        let enhanced = EnhancedStatus::parse(code, self.outcome.text(recipient.text));
        let kind = match recipient.by_message {
            true => ErrorKind::Data,
            false => ErrorKind::RecipientsRefused,
        };
        advise(kind, code, enhanced).is_temporary()
    }

    fn advise(&self, error: &Error) -> NextTry {
        let code = error.reply_code();
        let text = self.outcome.text(self.outcome.reply_text);
        let enhanced = EnhancedStatus::parse(code, text);
        match error.kind() {
            // The caller's own doing, which says nothing of the next time.
            ErrorKind::Cancelled => NextTry::Later,
            kind => advise(kind, code, enhanced),
        }
    }

    /// A transaction for those recipients who were refused for now or not tried, and with `unknown`
    /// for those whose fate is not known; `None` if there is nobody. It has the same message, of
    /// which there is one in memory; from a reader that was read, and cannot be again, it has none,
    /// and must be given one.
    pub fn remaining(&mut self, unknown: bool) -> Option<Transaction> {
        let remains = |index: usize| match self.recipients[index].status {
            RecipientStatus::NotTried => true,
            RecipientStatus::Refused => self.is_temporary(index) == Some(true),
            RecipientStatus::Unknown => unknown,
            RecipientStatus::Accepted => false,
        };
        let remaining: Vec<usize> = (0..self.recipients.len()).filter(|at| remains(*at)).collect();
        if remaining.is_empty() {
            return None;
        }
        let mut next = Transaction::new();
        next.sender.clone_from(&self.sender);
        next.options.clone_from(&self.options);
        next.recipients = remaining.iter().map(|at| self.recipients[*at].again()).collect();
        match self.share_body() {
            Some(body) => next.set_body(body),
            None => next.spent = true,
        }
        Some(next)
    }

    /// The message for another transaction as well.
    fn share_body(&mut self) -> Option<Body> {
        if let Body::Owned(bytes) = &mut self.body {
            self.body = Body::Shared(Arc::new(std::mem::take(bytes)));
        }
        match &self.body {
            Body::Empty => (!self.spent).then_some(Body::Empty),
            // Just turned into the next.
            Body::Owned(_) => None,
            Body::Shared(bytes) => Some(Body::Shared(Arc::clone(bytes))),
            Body::Borrowed(bytes) => Some(Body::Borrowed(bytes)),
            Body::Parts(head, rest) => Some(Body::Parts(head.clone(), rest)),
            Body::Reader(..) if self.whole => Some(Body::Shared(Arc::new(self.head.clone()))),
            Body::Reader(reader, size) => reader.again().map(|reader| Body::Reader(reader, *size)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_for_errors() {
        use ErrorKind::*;
        use NextTry::*;
        let cases: &[(ErrorKind, u16, &str, super::NextTry)] = &[
            (Disconnected, 0, "", Now),
            (Disconnected, 550, "", Now),
            (Busy, 0, "", Now),
            (Timeout, 0, "", Later),
            (Io, 0, "", Later),
            (ResolveAgain, 0, "", Later),
            (NoMemory, 0, "", Later),
            (Connect, 0, "", Later),
            (Connect, 421, "4.3.2", Later),
            (Connect, 554, "5.7.1", Ask),
            (Helo, 450, "", Later),
            (Helo, 550, "", Ask),
            (Authentication, 454, "4.7.0", Later),
            (Authentication, 535, "5.7.8", Ask),
            (Authentication, 0, "", Ask),
            (Response, 454, "", Later),
            (Response, 250, "", Ask),
            (SenderRefused, 451, "4.3.0", Later),
            (SenderRefused, 550, "5.1.8", Never),
            (SenderRefused, 530, "5.7.0", Ask),
            (SenderRefused, 552, "5.3.4", Never),
            (SenderRefused, 0, "", Never),
            (SenderRefused, 503, "5.5.1", Ask),
            (RecipientsRefused, 450, "4.7.1", Later),
            (RecipientsRefused, 550, "5.1.1", Never),
            (RecipientsRefused, 550, "", Never),
            (RecipientsRefused, 554, "5.7.1", Never),
            (RecipientsRefused, 452, "4.5.3", Later),
            (RecipientsRefused, 552, "5.5.3", Later),
            (RecipientsRefused, 552, "", Later),
            (RecipientsRefused, 552, "5.2.2", Never),
            (RecipientsRefused, 0, "", Never),
            (Data, 552, "", Never),
            (RecipientsRefused, 421, "", Later),
            (Data, 554, "5.6.0", Never),
            (Data, 451, "", Later),
            (Data, 552, "5.2.2", Never),
            (Data, 550, "5.7.9", Ask),
            (InvalidArgument, 0, "", Never),
            (NotSupported, 0, "", Ask),
            (NoMechanism, 0, "", Ask),
            (Tls, 0, "", Ask),
            (Resolve, 0, "", Ask),
            (Protocol, 0, "", Ask),
            (OutcomeUnknown, 0, "", Ask),
            (Cancelled, 0, "", Ask),
            (Forbidden, 0, "", Ask),
            (Misuse, 0, "", Ask),
            (Internal, 0, "", Ask),
            (Pending, 0, "", Ask),
        ];
        for (kind, code, enhanced, advice) in cases {
            let enhanced = EnhancedStatus::parse(*code, enhanced.as_bytes());
            assert_eq!(advise(*kind, *code, enhanced), *advice, "{kind:?} {code}");
        }
    }
}
