//! smtp_transaction: one mail with its outcome.

use std::ffi::{c_char, c_int};

use crate::client::{Body, RecipientStatus, Transaction};
use crate::error::{Error, Result};

use super::callback::UserData;
use super::convert;
use super::error::code;
use super::guard::guarded;
use super::handle::{Handle, Kind, Shown};

/// One mail transaction (RFC 5321 section 3.3): sender, recipients, message, and, after it was
/// sent, what became of it for each recipient. It belongs to no client and may be sent again,
/// which replaces its outcome.
///
/// While it is being sent (during smtp_client_send() and smtp_client_send_batch(), and from
/// smtp_client_submit() to its completion) every other call on it is SMTP_E_BUSY.
#[allow(non_camel_case_types)]
pub struct smtp_transaction {
    _opaque: (),
}

/// What became of a recipient: never offered to the server, or surely not delivered; sending again
/// is safe.
pub const SMTP_RECIPIENT_NOT_TRIED: c_int = 0;
/// The server took responsibility for delivering to this recipient.
pub const SMTP_RECIPIENT_ACCEPTED: c_int = 1;
/// The server refused; code and text say why.
pub const SMTP_RECIPIENT_REFUSED: c_int = 2;
/// The message was handed over and its reply never came: it may have been delivered.
pub const SMTP_RECIPIENT_UNKNOWN: c_int = 3;

/// What a transaction's handle holds.
#[derive(Default)]
pub(super) struct Owned {
    /// Out of here while it is on loan to a client.
    pub transaction: Option<Box<Transaction>>,
    /// Dropped, and so run, when the message is no longer needed.
    pub releases: Vec<UserData>,
    error: Shown,
    reply: Shown,
    recipients: Vec<Texts>,
}

#[derive(Default)]
struct Texts {
    address: Shown,
    text: Shown,
    enhanced: Shown,
}

impl Kind for Owned {
    const TAG: u8 = 2;
    const NAME: &'static str = "transaction";
    type Shared = ();
}

impl Owned {
    fn get(&mut self) -> &mut Transaction {
        self.transaction.get_or_insert_default()
    }

    pub fn set_body(&mut self, body: Body) {
        self.get().set_body(body);
        self.releases.clear();
    }

    fn texts(&mut self, index: usize) -> &mut Texts {
        if self.recipients.len() <= index {
            self.recipients.resize_with(index + 1, Texts::default);
        }
        &mut self.recipients[index]
    }
}

pub(super) fn set(
    transaction: *mut smtp_transaction,
    change: impl FnOnce(&mut Owned) -> Result<()>,
) -> c_int {
    Handle::run(transaction, |owned| change(owned).map(|()| 0))
}

fn number(
    transaction: *const smtp_transaction,
    read: impl FnOnce(&mut Owned) -> Result<c_int>,
) -> c_int {
    Handle::run(transaction, read)
}

fn string(
    transaction: *const smtp_transaction,
    read: impl FnOnce(&mut Owned) -> Option<*const c_char>,
) -> *const c_char {
    let null = |_| std::ptr::null();
    Handle::call(transaction, null, |owned: &mut Owned| Ok(read(owned).unwrap_or(std::ptr::null())))
}

fn no_recipient(index: usize) -> Error {
    convert::invalid(format!("there is no recipient {index}"))
}

/// Makes an empty transaction.
///
/// Returns it, to be freed with smtp_transaction_free(); NULL only if out of memory.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn smtp_transaction_new() -> *mut smtp_transaction {
    guarded(std::ptr::null_mut(), || Handle::create(Owned::default(), ()))
}

/// Frees a transaction; NULL is allowed. One that is being sent goes on, and is freed when it
/// comes back: a borrowed message must live until then, and no completion callback is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_free(transaction: *mut smtp_transaction) {
    guarded((), || Handle::<Owned>::free(transaction));
}

/// Empties a transaction for another mail: sender, recipients, options, message and outcome. Its
/// memory is kept, which is cheaper than a new one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_clear(transaction: *mut smtp_transaction) -> c_int {
    set(transaction, |owned| {
        owned.get().clear();
        owned.releases.clear();
        Ok(())
    })
}

/// Message of the last failed call on this transaction (not of a send: see
/// smtp_transaction_error()). Never NULL, "" if none has failed. Valid until the next failing call
/// on it, or its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_last_error(
    transaction: *const smtp_transaction,
) -> *const c_char {
    Handle::<Owned>::last_message(transaction)
}

/// Sets the reverse-path (RFC 5321 section 4.1.1.2).
///
/// @param address  "a@b", "Name <a@b>", or "" or "<>" for the null path; copied
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_set_sender(
    transaction: *mut smtp_transaction,
    address: *const c_char,
) -> c_int {
    set(transaction, |owned| owned.get().set_sender(convert::text("the sender", address)?))
}

/// Adds a recipient with its own RCPT parameters (RFC 5321 section 4.1.1.3).
///
/// @param address       "a@b" or "Name <a@b>"; copied. One that was added before counts again
/// @param options       "keyword" or "keyword=value" each; copied
/// @param option_count  how many
///
/// Recipients are numbered from 0 in the order in which they were added.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_add_recipient(
    transaction: *mut smtp_transaction,
    address: *const c_char,
    options: *const *const c_char,
    option_count: usize,
) -> c_int {
    set(transaction, |owned| {
        let options = convert::texts("an option", options, option_count)?;
        owned.get().add_recipient(convert::text("the recipient", address)?, &options)
    })
}

/// Adds a MAIL parameter (RFC 5321 section 4.1.1.2). SIZE and BODY=8BITMIME are added by the
/// library where the server offers them; SMTPUTF8 is not, and addresses in UTF-8 need it.
///
/// @param option  "keyword" or "keyword=value"; copied
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_add_mail_option(
    transaction: *mut smtp_transaction,
    option: *const c_char,
) -> c_int {
    set(transaction, |owned| owned.get().add_mail_option(convert::text("the option", option)?))
}

/// What became of it: SMTP_OK if at least one recipient was accepted and the fate of none is
/// unknown, else the error as smtp_client_sendmail(). Before it was sent SMTP_OK too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_status(transaction: *const smtp_transaction) -> c_int {
    number(transaction, |owned| Ok(owned.get().status_kind().map_or(0, code)))
}

/// Why it failed, in words, with the server's reply or the system's error; "" if it did not, or
/// was not sent. NULL only for a transaction that cannot be used. Valid until it is sent, cleared
/// or freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_error(
    transaction: *const smtp_transaction,
) -> *const c_char {
    string(transaction, |owned| {
        let Owned { transaction, error, .. } = owned;
        let text = transaction.as_ref().map_or("", |sent| sent.error_message());
        Some(error.set(text.as_bytes()))
    })
}

/// Code of the reply that decided it, that to the message or the one that ended it sooner; 0 if
/// none came.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_reply_code(
    transaction: *const smtp_transaction,
) -> c_int {
    number(transaction, |owned| Ok(owned.get().reply_code().into()))
}

/// Text of that reply, lines joined by "\n"; "" if none came. NULL only for a transaction that
/// cannot be used. Valid until it is sent, cleared or freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_reply_text(
    transaction: *const smtp_transaction,
) -> *const c_char {
    string(transaction, |owned| {
        let Owned { transaction, reply, .. } = owned;
        let text = transaction.as_ref().map_or(&[][..], |sent| sent.reply_text());
        Some(reply.set(text))
    })
}

/// Number of recipients; 0 for a transaction that cannot be used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_recipient_count(
    transaction: *const smtp_transaction,
) -> usize {
    Handle::call(transaction, |_| 0, |owned: &mut Owned| Ok(owned.get().recipient_count()))
}

/// Address of a recipient as it was given.
///
/// @param index  from 0
///
/// NULL if there is no such recipient. Valid until the transaction is cleared or freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_recipient_address(
    transaction: *const smtp_transaction,
    index: usize,
) -> *const c_char {
    string(transaction, |owned| {
        let address = owned.get().recipient_address(index)?.to_owned();
        Some(owned.texts(index).address.set(address.as_bytes()))
    })
}

/// What became of the message for a recipient.
///
/// @param index  from 0
///
/// Returns SMTP_RECIPIENT_NOT_TRIED, _ACCEPTED, _REFUSED or _UNKNOWN; SMTP_E_INVALID_ARGUMENT if
/// there is no such recipient.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_recipient_status(
    transaction: *const smtp_transaction,
    index: usize,
) -> c_int {
    number(transaction, |owned| {
        let status = owned.get().recipient_status(index).ok_or_else(|| no_recipient(index))?;
        Ok(match status {
            RecipientStatus::NotTried => SMTP_RECIPIENT_NOT_TRIED,
            RecipientStatus::Accepted => SMTP_RECIPIENT_ACCEPTED,
            RecipientStatus::Refused => SMTP_RECIPIENT_REFUSED,
            RecipientStatus::Unknown => SMTP_RECIPIENT_UNKNOWN,
        })
    })
}

/// Code of the last reply for a recipient: that to RCPT, or LMTP's after the message (RFC 2033
/// section 4.2).
///
/// @param index  from 0
///
/// Returns 0 if none came; SMTP_E_INVALID_ARGUMENT if there is no such recipient.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_recipient_code(
    transaction: *const smtp_transaction,
    index: usize,
) -> c_int {
    number(transaction, |owned| {
        let sent = owned.get();
        sent.recipient_status(index).ok_or_else(|| no_recipient(index))?;
        Ok(sent.recipient_code(index).into())
    })
}

/// Text of that reply, lines joined by "\n".
///
/// @param index  from 0
///
/// "" if none came, NULL if there is no such recipient. Valid until the transaction is sent, cleared
/// or freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_recipient_text(
    transaction: *const smtp_transaction,
    index: usize,
) -> *const c_char {
    string(transaction, |owned| {
        let sent = owned.get();
        sent.recipient_status(index)?;
        let text = sent.recipient_text(index).to_vec();
        Some(owned.texts(index).text.set(&text))
    })
}

/// Enhanced status code of that reply (RFC 3463), such as "5.1.1".
///
/// @param index  from 0
///
/// "" if it had none, NULL if there is no such recipient. Valid until the transaction is sent,
/// cleared or freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_recipient_enhanced(
    transaction: *const smtp_transaction,
    index: usize,
) -> *const c_char {
    string(transaction, |owned| {
        let sent = owned.get();
        sent.recipient_status(index)?;
        let status = sent.recipient_enhanced(index).map_or(String::new(), |s| s.to_string());
        Some(owned.texts(index).enhanced.set(status.as_bytes()))
    })
}
