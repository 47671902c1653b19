//! Sending mail.

use std::ffi::{c_char, c_int, c_void};

use crate::client::Mail;
use crate::error::Result;

use super::client::{Owned, run, smtp_client};
use super::convert;
use super::lease;
use super::transaction::smtp_transaction;

/// The arguments that the two smtplib functions share.
struct Arguments {
    to: *const *const c_char,
    to_count: usize,
    message: *const c_void,
    length: usize,
    mail_options: *const *const c_char,
    mail_option_count: usize,
    rcpt_options: *const *const c_char,
    rcpt_option_count: usize,
}

impl Arguments {
    fn with<R>(
        &self,
        from: Option<&str>,
        work: impl FnOnce(&Mail<'_>, Option<&[&str]>) -> Result<R>,
    ) -> Result<R> {
        let to = convert::texts("a recipient", self.to, self.to_count)?;
        let mail_options =
            convert::texts("a mail option", self.mail_options, self.mail_option_count)?;
        let rcpt_options =
            convert::texts("a rcpt option", self.rcpt_options, self.rcpt_option_count)?;
        let mail = Mail {
            from,
            to: (!self.to.is_null()).then_some(&to),
            // The client lets go of the message before the call ends.
            message: convert::bytes("the message", self.message.cast(), self.length)?,
            mail_options: &mail_options,
            rcpt_options: &rcpt_options,
        };
        work(&mail, mail.to)
    }
}

/// Sends one message to any number of recipients (smtplib: sendmail). The server is greeted
/// first if need be.
///
/// @param from     reverse-path; "" or "<>" for the null one
/// @param to       forward-paths, `to_count` of them, at least one
/// @param message  `length` bytes; line ends become CRLF; not kept after the call
/// @param mail_options  parameters for MAIL, "keyword" or "keyword=value"
/// @param rcpt_options  parameters for each RCPT
///
/// Returns SMTP_OK if at least one recipient was accepted; smtp_client_refused_count() tells
/// about the others. SMTP_E_INVALID_ARGUMENT before anything is sent; SMTP_E_SENDER_REFUSED,
/// SMTP_E_RECIPIENTS_REFUSED and SMTP_E_DATA after RSET, the connection being usable;
/// SMTP_E_OUTCOME_UNKNOWN if the reply to the message never came.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_sendmail(
    client: *mut smtp_client,
    from: *const c_char,
    to: *const *const c_char,
    to_count: usize,
    message: *const c_void,
    length: usize,
    mail_options: *const *const c_char,
    mail_option_count: usize,
    rcpt_options: *const *const c_char,
    rcpt_option_count: usize,
) -> c_int {
    let arguments = Arguments {
        to,
        to_count,
        message,
        length,
        mail_options,
        mail_option_count,
        rcpt_options,
        rcpt_option_count,
    };
    run(client, |owned| {
        let from = convert::text("the sender", from)?;
        arguments.with(Some(from), |mail, _| owned.client.sendmail(mail))
    })
}

/// Sends an RFC 5322 message (smtplib: send_message). Bcc and Resent-Bcc fields are left out; all
/// else is sent as it is.
///
/// @param from  NULL to take it from the message: Resent-Sender or Resent-From where there is one
///              Resent- block, else Sender, else the first address of From
/// @param to    NULL to take them from the message: every address of To, Cc and Bcc, or of their
///              Resent- counterparts
///
/// The rest is as smtp_client_sendmail(). SMTPUTF8 and BODY=8BITMIME are added where an address
/// needs them. SMTP_E_INVALID_ARGUMENT for a message with several Resent- blocks or without the
/// fields that are needed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_send_message(
    client: *mut smtp_client,
    from: *const c_char,
    to: *const *const c_char,
    to_count: usize,
    message: *const c_void,
    length: usize,
    mail_options: *const *const c_char,
    mail_option_count: usize,
    rcpt_options: *const *const c_char,
    rcpt_option_count: usize,
) -> c_int {
    let arguments = Arguments {
        to,
        to_count,
        message,
        length,
        mail_options,
        mail_option_count,
        rcpt_options,
        rcpt_option_count,
    };
    run(client, |owned| {
        let from = convert::optional_text("the sender", from)?;
        arguments.with(from, |mail, _| owned.client.send_message(mail))
    })
}

/// Sends one transaction, whose outcome it then holds. Returns its status, or SMTP_E_CANCELLED,
/// SMTP_E_FORBIDDEN or SMTP_E_PROTOCOL if that is how the call ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_send(
    client: *mut smtp_client,
    transaction: *mut smtp_transaction,
) -> c_int {
    run(client, |owned| owned.send_all(&[transaction]))
}

/// Sends transactions, with as many in flight as the server's PIPELINING and CHUNKING let. Each
/// then holds its outcome; what was not tried can be sent again as it is.
///
/// @param transactions  `count` handles, each once, all of which are busy during the call
///
/// Returns SMTP_OK if every status is SMTP_OK, else the first that is not, or SMTP_E_CANCELLED,
/// SMTP_E_FORBIDDEN or SMTP_E_PROTOCOL if that is how the call ended. SMTP_E_BUSY, and nothing
/// is sent, if one is in use or stands in the array twice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_send_batch(
    client: *mut smtp_client,
    transactions: *const *mut smtp_transaction,
    count: usize,
) -> c_int {
    run(client, |owned| owned.send_all(convert::pointers("the transactions", transactions, count)?))
}

/// Gives a transaction to a stream of them, without waiting for its outcome. It stays busy until
/// the completion callback gets it, during this or a later call on the client. Waits while as
/// much is in flight as may be: 4 MiB (adapting between 64 KiB and 16 MiB) or 16,384 replies.
///
/// Returns SMTP_OK if it is on its way; an error if the connection was lost or could not be
/// greeted, in which case it has been completed with that. Small transactions are gathered:
/// smtp_client_flush() sends what waits. Any other call on the client flushes first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_submit(
    client: *mut smtp_client,
    transaction: *mut smtp_transaction,
) -> c_int {
    run(client, |owned| {
        let transaction = lease::lend(transaction)?;
        owned.client.submit(transaction)
    })
}

/// Sends what smtp_client_submit() has gathered, and waits for the outcome of everything
/// submitted. Returns SMTP_OK, or the error that ended the connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_flush(client: *mut smtp_client) -> c_int {
    run(client, |owned| owned.client.flush())
}

impl Owned {
    fn send_all(&mut self, handles: &[*mut smtp_transaction]) -> Result<()> {
        let lent = self.batch.lend(handles);
        let sent = lent.and_then(|()| self.client.send_batch(&mut self.batch.transactions));
        self.batch.give_back();
        sent
    }
}
