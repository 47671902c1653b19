//! Whether a transaction may be sent to this server, decided before a byte of it goes out.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;
use crate::session::command::not_offered;
use crate::wire::Name;

use super::body;
use super::transaction::Transaction;

impl Session {
    /// Checks the whole transaction before a byte of it is sent. False if its reader must be
    /// waited for.
    pub(super) fn admit(&mut self, transaction: &mut Transaction) -> Result<bool> {
        self.check_mail_max()?;
        if transaction.admitted {
            return Ok(true);
        }
        let Some(sender) = &transaction.sender else {
            return Err(Error::new(ErrorKind::InvalidArgument, "the transaction has no sender"));
        };
        if transaction.recipients.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, "there is no recipient"));
        }
        let utf8 = transaction.has_mail_option("SMTPUTF8");
        for param in &transaction.options {
            self.check_option("MAIL", param, utf8)?;
        }
        for param in transaction.recipients.iter().flat_map(|recipient| &recipient.params) {
            self.check_option("RCPT", param, utf8)?;
        }
        let mut paths =
            std::iter::once(sender).chain(transaction.recipients.iter().map(|r| &r.path));
        paths.try_for_each(|path| {
            if path.is_ascii() { Ok(()) } else { self.path_to_send(path, utf8).map(drop) }
        })?;
        if !transaction.prepare()? {
            return Ok(false);
        }
        match (self.capabilities.size_limit(), body::declared_size(transaction)) {
            (Some(limit), Some(size)) if size > limit => {
                return Err(Error::new(
                    ErrorKind::SenderRefused,
                    format!(
                        "the message of {size} bytes exceeds the server's SIZE limit of {limit}"
                    ),
                ));
            }
            _ => {}
        }
        let is_split = self.flight_end(transaction) < transaction.recipients.len();
        if is_split && transaction.streams() && !transaction.can_be_read_again() {
            return Err(not_offered("that many recipients (LIMITS) for a message reader", "RCPT"));
        }
        transaction.admitted = true;
        Ok(true)
    }

    /// RFC 9422 section 4.1
    pub(in crate::session) fn check_mail_max(&self) -> Result<()> {
        if self.capabilities.mail_max().is_some_and(|most| self.mail.mails >= most) {
            return Err(Error::new(
                ErrorKind::NotSupported,
                format!(
                    "the server takes {} transactions a connection (LIMITS MAILMAX); reconnect",
                    self.mail.mails
                ),
            ));
        }
        Ok(())
    }

    /// How many recipients one transaction may have (RFC 9422 RCPTMAX, RCPTDOMAINMAX).
    pub(super) fn flight_end(&self, transaction: &Transaction) -> usize {
        let all = transaction.recipients.len();
        let first = transaction.next;
        let most = self.capabilities.rcpt_max().map_or(all, |most| first + most as usize).min(all);
        let Some(most_domains) = self.capabilities.rcpt_domain_max() else { return most };
        let mut domains = HashMap::new();
        for (index, recipient) in transaction.recipients[..most].iter().enumerate().skip(first) {
            let full = domains.len() == most_domains as usize;
            let domain = Name(recipient.path.domain().as_bytes());
            if full && !domains.contains_key(&domain) {
                return index;
            }
            domains.insert(domain, index);
        }
        most
    }
}
