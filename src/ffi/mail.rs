//! Sending mail.

use std::ffi::{c_char, c_int, c_void};

use crate::client::{Mail, Operation, Transaction};
use crate::error::Result;

use super::boundary::convert;
use super::client::{Owned, perform, run_code, smtp_client};
use super::lease::{self, Batch};
use super::observe::Returned;
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
    fn with<R>(&self, from: Option<&str>, work: impl FnOnce(&Mail<'_>) -> Result<R>) -> Result<R> {
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
        work(&mail)
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
///                  added, leading dots are escaped; read in place until the call has ended
/// @param length    in bytes
/// @param mail_options       parameters for MAIL, "keyword" or "keyword=value". Where the server does
///                           not offer what one needs, SIZE, BODY=8BITMIME and AUTH are left out,
///                           and others, such as RET or NOTIFY without DSN, are
///                           SMTP_E_NOT_SUPPORTED; so is PRDR, which changes what replies mean
/// @param mail_option_count  how many
/// @param rcpt_options       parameters for each RCPT
/// @param rcpt_option_count  how many
///
/// Returns SMTP_OK if at least one recipient was accepted; smtp_client_refused_count() tells
/// about the others: refused, or, with what stopped it, not offered because the server takes fewer at
/// a time (LIMITS, RFC 9422). SMTP_E_INVALID_ARGUMENT and SMTP_E_NOT_SUPPORTED before MAIL is sent;
/// SMTP_E_SENDER_REFUSED, SMTP_E_RECIPIENTS_REFUSED and SMTP_E_DATA with the server's reply, the
/// connection being usable unless that was 421; SMTP_E_OUTCOME_UNKNOWN if the connection was lost
/// or the time was up between the message's end and its reply: it may have been delivered.
/// SMTP_E_CANCELLED says so in its text. SMTP_E_PROTOCOL if an LMTP server sent more replies than
/// there were recipients; those not listed as refused had been accepted then.
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
    perform(client, |client| {
        let from = convert::text("the sender", from)?;
        arguments.with(Some(from), |mail| client.sendmail(mail))
    })
}

/// Sends an RFC 5322 message to the addresses that it names (smtplib: send_message). Bcc and
/// Resent-Bcc fields are left out; all else is sent as it is.
///
/// @param from  NULL to take it from the message: Resent-Sender or Resent-From where there is one
///              Resent- block, else Sender, else the first address of From
/// @param to    NULL to take them from the message: every address of To, Cc and Bcc, or of their
///              Resent- counterparts. (Not NULL and a count of 0 is an empty list, which is
///              SMTP_E_INVALID_ARGUMENT: a binding must not pass NULL for one)
///
/// Returns and errors as smtp_client_sendmail(), whose parameters the others are. SMTPUTF8 and
/// BODY=8BITMIME (RFC 6531) are added where an address needs them. SMTP_E_INVALID_ARGUMENT for a
/// message with several Resent- blocks, or without the fields that are needed.
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
    perform(client, |client| {
        let from = convert::optional_text("the sender", from)?;
        arguments.with(from, |mail| client.send_message(mail))
    })
}

/// Sends one transaction, which then holds its outcome for each recipient. The server is greeted
/// first if need be.
///
/// @param transaction  busy during the call, and the caller's again after it
///
/// Returns SMTP_OK if at least one recipient was accepted, else the error as
/// smtp_client_sendmail(), which is smtp_transaction_status() as well; but a call that was cancelled
/// or forbidden, or that an LMTP server answered once too often, returns that, and the transaction
/// has its own outcome. SMTP_E_BUSY if the transaction is in use, SMTP_E_MISUSE if it is none; then
/// nothing is sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_send(
    client: *mut smtp_client,
    transaction: *mut smtp_transaction,
) -> c_int {
    run_code(client, |owned| {
        owned.send(|batch, with_client| batch.lend_one(transaction, with_client))
    })
}

/// Sends transactions, with as many in flight as the server's PIPELINING (RFC 2920) and CHUNKING
/// (RFC 3030) let. Each then holds its own outcome, whatever became of the others: see
/// smtp_transaction_status(). One whose recipients are all SMTP_RECIPIENT_NOT_TRIED can be sent
/// again as it is (but for a reader that was read, see smtp_transaction_set_message_reader()). LMTP
/// has one transaction in flight at a time, for its replies can only be counted.
///
/// @param transactions  `count` handles, each once; all are busy during the call, and the caller's
///                      again after it. The array is read at the beginning alone
/// @param count         how many
///
/// Returns SMTP_OK if every status is SMTP_OK, else the first that is not, or SMTP_E_CANCELLED,
/// SMTP_E_FORBIDDEN or SMTP_E_PROTOCOL if that is how the call ended. If one is in use
/// (SMTP_E_BUSY), is none, or stands in the array twice (SMTP_E_MISUSE), nothing is sent and no
/// outcome changes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_send_batch(
    client: *mut smtp_client,
    transactions: *const *mut smtp_transaction,
    count: usize,
) -> c_int {
    run_code(client, |owned| {
        let handles = convert::pointers("the transactions", transactions, count)?;
        owned.send(|batch, with_client| batch.lend(handles, with_client))
    })
}

/// Gives a transaction to a stream of them, without waiting for its outcome. Waits only while as
/// much is in flight as may be: a number of bytes that adapts to the connection, 16 MiB at most,
/// and 16,384 replies, or as many transactions as smtp_client_set_window() says. Small transactions
/// are gathered, so that smtp_client_flush() must end the stream (in an event loop
/// smtp_client_process() sends them as well); every other call on the connection flushes first.
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
    perform(client, |client| {
        let transaction = lease::lend(transaction)?;
        if !client.has_completion() {
            client.set_completion(Some(Box::new(Returned::silent())));
        }
        Ok(Operation::Submit(transaction))
    })
}

/// Sends what smtp_client_submit() has gathered, and waits for the outcome of everything
/// submitted: afterwards all of it has gone to the completion callback.
///
/// Returns SMTP_OK even if transactions failed, each of which knows why; an error if the connection
/// was lost.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_flush(client: *mut smtp_client) -> c_int {
    perform(client, |_| Ok(Operation::Flush))
}

impl Owned {
    /// Sends what `lend` puts into the batch.
    fn send(
        &mut self,
        lend: impl FnOnce(&mut Batch, &mut Vec<Box<Transaction>>) -> Result<()>,
    ) -> Result<c_int> {
        let with_client = self.driver.prepare()?.batch();
        if let Err(error) = lend(&mut self.batch, with_client) {
            self.batch.give_back(with_client);
            return Err(error);
        }
        self.start(Operation::Send)
    }
}

/// What a panic in the midst of sending leaves behind. (Callbacks in C cannot panic; here they
/// stand for faults anywhere below.)
#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::ffi::client::{SMTP_PROTOCOL_SMTP, smtp_client_free, smtp_client_new};
    use crate::ffi::connection::{smtp_client_connect, smtp_client_is_connected};
    use crate::ffi::message::{smtp_transaction_set_message, smtp_transaction_set_message_reader};
    use crate::ffi::observe::smtp_client_set_completion_callback;
    use crate::ffi::transaction::{
        smtp_transaction_add_recipient, smtp_transaction_free, smtp_transaction_new,
        smtp_transaction_set_sender, smtp_transaction_status,
    };

    const INTERNAL: c_int = -23;

    /// Takes every mail, by BDAT, one connection after another.
    fn server() -> c_int {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                stream.write_all(b"220 ready\r\n").unwrap();
                let mut line = String::new();
                while lines.read_line(&mut line).is_ok_and(|count| count > 0) {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    let reply: &[u8] = match words[0] {
                        "EHLO" => b"250-here\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
                        "BDAT" => {
                            let mut body = vec![0; words[1].parse().unwrap()];
                            std::io::Read::read_exact(&mut lines, &mut body).unwrap();
                            b"250 taken\r\n"
                        }
                        _ => b"250 fine\r\n",
                    };
                    // The client may have hung up.
                    let _ = stream.write_all(reply);
                    line.clear();
                }
            }
        });
        port.into()
    }

    unsafe extern "C-unwind" fn broken_reader(_: *mut c_void, _: usize, _: *mut c_void) -> isize {
        panic!("reading broke")
    }

    unsafe extern "C-unwind" fn collect(transaction: *mut smtp_transaction, user: *mut c_void) {
        // SAFETY: the test passes its vector.
        unsafe { &mut *user.cast::<Vec<*mut smtp_transaction>>() }.push(transaction);
    }

    fn transaction(whole: bool) -> *mut smtp_transaction {
        // SAFETY: live handles and literals.
        unsafe {
            let new = smtp_transaction_new();
            assert_eq!(smtp_transaction_set_sender(new, c"a@b.example".as_ptr()), 0);
            let to = c"c@d.example".as_ptr();
            assert_eq!(smtp_transaction_add_recipient(new, to, std::ptr::null(), 0), 0);
            let user = std::ptr::null_mut();
            let set = match whole {
                true => smtp_transaction_set_message(new, c"hello".as_ptr().cast(), 5),
                false => smtp_transaction_set_message_reader(new, Some(broken_reader), user, -1),
            };
            assert_eq!(set, 0);
            new
        }
    }

    fn connected(port: c_int) -> *mut smtp_client {
        let client = smtp_client_new(SMTP_PROTOCOL_SMTP);
        reconnect(client, port);
        client
    }

    fn reconnect(client: *mut smtp_client, port: c_int) {
        let host = CString::new("127.0.0.1").unwrap();
        // SAFETY: a live client and a string.
        assert_eq!(unsafe { smtp_client_connect(client, host.as_ptr(), port) }, 0);
    }

    #[test]
    fn a_panic_in_a_batch_gives_everything_back() {
        let port = server();
        let client = connected(port);
        let mut batch = [true, false, true].map(transaction);
        // SAFETY: live handles, each freed once.
        unsafe {
            assert_eq!(smtp_client_send_batch(client, batch.as_ptr(), 3), INTERNAL);
            assert_eq!(smtp_client_is_connected(client), 0);
            let statuses = batch.map(|handle| smtp_transaction_status(handle));
            assert!(statuses.iter().all(|status| *status != -3), "busy for ever: {statuses:?}");
            assert_eq!(statuses[1], INTERNAL);
            // Client and handles serve on.
            reconnect(client, port);
            batch.into_iter().for_each(|handle| smtp_transaction_free(handle));
            batch = [true; 3].map(transaction);
            assert_eq!(smtp_client_send_batch(client, batch.as_ptr(), 3), 0);
            assert_eq!(batch.map(|handle| smtp_transaction_status(handle)), [0; 3]);
            batch.into_iter().for_each(|handle| smtp_transaction_free(handle));
            smtp_client_free(client);
        }
    }

    #[test]
    fn a_panic_in_a_stream_completes_what_was_under_way() {
        let port = server();
        let client = connected(port);
        let mut back: Vec<*mut smtp_transaction> = Vec::new();
        let user = (&raw mut back).cast();
        let [first, broken, after] = [true, false, true].map(transaction);
        // SAFETY: live handles, each freed once.
        unsafe {
            assert_eq!(smtp_client_set_completion_callback(client, Some(collect), user, None), 0);
            assert_eq!(smtp_client_submit(client, first), 0);
            assert_eq!(smtp_client_submit(client, broken), INTERNAL);
            assert!(back.contains(&first), "{back:?}");
            reconnect(client, port);
            assert_eq!(smtp_client_submit(client, after), 0);
            assert_eq!(smtp_client_flush(client), 0);
            assert_eq!((back.last(), smtp_transaction_status(after)), (Some(&after), 0));
            smtp_client_free(client);
            for handle in [first, broken, after] {
                smtp_transaction_free(handle);
            }
        }
    }
}
