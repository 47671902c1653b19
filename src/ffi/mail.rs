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

/// Sends one message to any number of recipients (RFC 5321 section 3.3; smtplib: sendmail). The
/// server is greeted first if need be; SIZE and BODY=8BITMIME are added where they are offered.
///
/// @param from      reverse-path: "a@b", "Name <a@b>", or "" or "<>" for the null one
/// @param to        forward-paths, `to_count` of them, at least one, each counted though it may
///                  repeat another
/// @param to_count  how many
/// @param message   `length` bytes: bare CR and bare LF become CRLF, a missing last line end is
///                  added, leading dots are escaped; read in place during the call alone
/// @param length    in bytes
/// @param mail_options       parameters for MAIL, "keyword" or "keyword=value"
/// @param mail_option_count  how many
/// @param rcpt_options       parameters for each RCPT
/// @param rcpt_option_count  how many
///
/// Returns SMTP_OK if at least one recipient was accepted; smtp_client_refused_count() tells
/// about the others. SMTP_E_INVALID_ARGUMENT and SMTP_E_NOT_SUPPORTED before MAIL is sent;
/// SMTP_E_SENDER_REFUSED, SMTP_E_RECIPIENTS_REFUSED and SMTP_E_DATA with the server's reply, the
/// connection being usable unless that was 421; SMTP_E_OUTCOME_UNKNOWN if the connection was lost
/// or the time was up between the message's end and its reply: it may have been delivered.
#[must_use]
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

/// Sends an RFC 5322 message to the addresses that it names (smtplib: send_message). Bcc and
/// Resent-Bcc fields are left out; all else is sent as it is.
///
/// @param from  NULL to take it from the message: Resent-Sender or Resent-From where there is one
///              Resent- block, else Sender, else the first address of From
/// @param to    NULL to take them from the message: every address of To, Cc and Bcc, or of their
///              Resent- counterparts
///
/// The rest is as smtp_client_sendmail(). SMTPUTF8 and BODY=8BITMIME (RFC 6531) are added where an
/// address needs them. SMTP_E_INVALID_ARGUMENT for a message with several Resent- blocks, or
/// without the fields that are needed.
#[must_use]
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

/// Sends one transaction, which then holds its outcome for each recipient. The server is greeted
/// first if need be.
///
/// @param transaction  busy during the call, and the caller's again after it
///
/// Returns SMTP_OK if at least one recipient was accepted, else the error as
/// smtp_client_sendmail(), which is smtp_transaction_status() as well. SMTP_E_BUSY if the
/// transaction is in use, SMTP_E_MISUSE if it is none; then nothing is sent.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_send(
    client: *mut smtp_client,
    transaction: *mut smtp_transaction,
) -> c_int {
    run(client, |owned| owned.send_all(&[transaction]))
}

/// Sends transactions, with as many in flight as the server's PIPELINING (RFC 2920) and CHUNKING
/// (RFC 3030) let. Each then holds its own outcome, whatever became of the others: see
/// smtp_transaction_status(). One whose recipients are all SMTP_RECIPIENT_NOT_TRIED can be sent
/// again as it is.
///
/// @param transactions  `count` handles, each once; all are busy during the call, and the caller's
///                      again after it. The array is read at the beginning alone
/// @param count         how many
///
/// Returns SMTP_OK if every status is SMTP_OK, else the first that is not, or SMTP_E_CANCELLED or
/// SMTP_E_FORBIDDEN if that is how the call ended. If one is in use (SMTP_E_BUSY), is none, or
/// stands in the array twice (SMTP_E_MISUSE), nothing is sent and no outcome changes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_send_batch(
    client: *mut smtp_client,
    transactions: *const *mut smtp_transaction,
    count: usize,
) -> c_int {
    run(client, |owned| owned.send_all(convert::pointers("the transactions", transactions, count)?))
}

/// Gives a transaction to a stream of them, without waiting for its outcome. Waits only while as
/// much is in flight as may be: a number of bytes that adapts to the connection, 16 MiB at most,
/// and 16,384 replies. Small transactions are gathered, so that smtp_client_flush() must end the
/// stream; every other call on the connection flushes first.
///
/// @param transaction  busy, and with it a borrowed message or reader in use, until the completion
///                     callback gets it (see smtp_client_set_completion_callback()): during this or
///                     a later call on the client, smtp_client_close() and smtp_client_free()
///                     included
///
/// Returns SMTP_OK if it is on its way. If the connection was lost or could not be greeted, the
/// error, and it has been completed with that. SMTP_E_BUSY if the transaction is in use,
/// SMTP_E_MISUSE if it is none; then the callback will not get it.
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
/// submitted: afterwards all of it has gone to the completion callback.
///
/// Returns SMTP_OK even if transactions failed, each of which knows why; an error if the connection
/// was lost.
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
