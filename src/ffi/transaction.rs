//! smtp_transaction: one mail with its outcome.

use std::borrow::Cow;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

use crate::client::{Body, RecipientStatus, Transaction};
use crate::error::{Error, ErrorKind, Result};

use super::boundary::callback::{UserData, smtp_destroy_callback};
use super::boundary::code::code;
use super::boundary::panic::guarded;
use super::boundary::{Handle, Kind, Recent, View, boxed, convert};
use super::error::detail;

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
    pub releases: Vec<Arc<UserData>>,
    user: Option<UserData>,
}

// SAFETY: what reads a transaction beside other readers reads its recipients and its outcome:
// plain data, which changes in calls alone.
unsafe impl Sync for Owned {}

/// What a transaction shows to C.
#[derive(Clone, Copy)]
enum Shows {
    Error,
    Reply,
    ReplyEnhanced,
    Address,
    Text,
    Enhanced,
}

impl Kind for Owned {
    const TAG: u8 = 2;
    const NAME: &'static str = "transaction";
    /// There is one for every mail: memory counts for more.
    type Recent = [Recent; 0];
}

impl Owned {
    fn get(&mut self) -> &mut Transaction {
        self.transaction.get_or_insert_default()
    }

    pub fn set_body(&mut self, body: Body) {
        self.get().set_body(body);
        self.releases.clear();
    }

    /// Gives it another message, by what sets the body.
    pub fn change_body(
        &mut self,
        change: impl FnOnce(&mut Transaction) -> Result<()>,
    ) -> Result<()> {
        change(self.get())?;
        self.releases.clear();
        Ok(())
    }
}

pub(super) fn set(
    transaction: *mut smtp_transaction,
    change: impl FnOnce(&mut Owned) -> Result<()>,
) -> c_int {
    Handle::run(transaction, |owned| change(owned).map(|()| 0))
}

impl Owned {
    /// What [`Transaction::remaining`] gives, and the same hold on a borrowed message.
    pub fn remaining(&mut self, unknown: bool) -> Result<Option<Owned>> {
        let Some(next) = self.get().remaining(unknown) else { return Ok(None) };
        Ok(Some(Owned {
            transaction: Some(boxed(next)?),
            releases: self.releases.clone(),
            user: None,
        }))
    }

    /// A handle that can be read has it: while it is on loan it is busy.
    pub fn sent(&self) -> Result<&Transaction> {
        let at_home = self.transaction.as_deref();
        at_home.ok_or_else(|| Error::new(ErrorKind::Busy, "the transaction is on loan"))
    }
}

pub(super) fn number(
    transaction: *const smtp_transaction,
    read: impl FnOnce(&Transaction) -> Result<c_int>,
) -> c_int {
    Handle::number(transaction, |owned: &View<'_, Owned>| read(owned.sent()?))
}

/// Reads a string that C may keep.
fn text(
    transaction: *const smtp_transaction,
    shows: Shows,
    index: usize,
    read: impl FnOnce(&Transaction) -> Option<Cow<'_, [u8]>>,
) -> *const c_char {
    Handle::string(transaction, |owned: &View<'_, Owned>| {
        let text = owned.sent().ok().and_then(read);
        Ok(text.map(|text| owned.show(shows as usize, index, &text)))
    })
}

pub(super) fn status_code(status: RecipientStatus) -> c_int {
    match status {
        RecipientStatus::NotTried => SMTP_RECIPIENT_NOT_TRIED,
        RecipientStatus::Accepted => SMTP_RECIPIENT_ACCEPTED,
        RecipientStatus::Refused => SMTP_RECIPIENT_REFUSED,
        RecipientStatus::Unknown => SMTP_RECIPIENT_UNKNOWN,
    }
}

pub(super) fn no_recipient(index: usize) -> Error {
    convert::invalid(format!("there is no recipient {index}"))
}

/// Makes an empty transaction.
///
/// Returns the transaction, to be freed with smtp_transaction_free(); NULL only if out of memory
/// (SMTP_E_NO_MEMORY).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn smtp_transaction_new() -> *mut smtp_transaction {
    guarded(std::ptr::null_mut(), || {
        Handle::create(Owned {
            transaction: Some(boxed(Transaction::default())?),
            ..Owned::default()
        })
    })
}

/// Frees a transaction; NULL is allowed. One that is being sent goes on, and is freed when it
/// comes back: a borrowed message must live until then, and no completion callback is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_free(transaction: *mut smtp_transaction) {
    guarded((), || Handle::<Owned>::free(transaction));
}

/// Empties a transaction for another mail: sender, recipients, options, message and outcome, but not
/// its user data. Its memory is kept, which is cheaper than a new one.
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

/// Code of that call: one of smtp_result, SMTP_OK if none has failed; SMTP_E_BUSY while it is in
/// use, SMTP_E_MISUSE for what is no transaction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_last_error_code(
    transaction: *const smtp_transaction,
) -> c_int {
    Handle::<Owned>::last_code(transaction)
}

/// The system's errno that belongs to that error; 0 if it had none, while it is in use, and for
/// what is no transaction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_last_errno(
    transaction: *const smtp_transaction,
) -> c_int {
    Handle::<Owned>::last_errno(transaction)
}

/// Keeps a pointer of the caller's with the transaction, whatever it is sent, cleared and sent
/// again: what it stands for, for a completion callback.
///
/// @param user_data  what smtp_transaction_user_data() gives back; NULL removes it
/// @param destroy    called once with user_data when another takes its place, or the transaction
///                   is freed (if it is being sent: when it comes back); may be NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_set_user_data(
    transaction: *mut smtp_transaction,
    user_data: *mut c_void,
    destroy: smtp_destroy_callback,
) -> c_int {
    let user = UserData::new(user_data, destroy);
    set(transaction, |owned| {
        owned.user = Some(user);
        Ok(())
    })
}

/// The pointer of smtp_transaction_set_user_data(); NULL if none was set, and for a transaction
/// that cannot be used (smtp_last_error_code() tells).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_user_data(
    transaction: *const smtp_transaction,
) -> *mut c_void {
    let null = std::ptr::null_mut();
    Handle::look(
        transaction,
        |_| null,
        |owned: &View<'_, Owned>| Ok(owned.user.as_ref().map_or(null, UserData::pointer)),
    )
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
/// library where the server offers them; SMTPUTF8 is not, and addresses in UTF-8 need it. What an
/// option needs is checked when the transaction is sent, as for smtp_client_sendmail().
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
    number(transaction, |sent| Ok(sent.status_kind().map_or(0, code)))
}

/// Why it failed, in words, with the server's reply or the system's error; "" if it did not, or
/// was not sent. NULL only for a transaction that cannot be used. Valid until it is sent, cleared
/// or freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_error(
    transaction: *const smtp_transaction,
) -> *const c_char {
    text(transaction, Shows::Error, 0, |sent| Some(sent.error_message().as_bytes().into()))
}

/// What tells its error from others of its code: SMTP_DETAIL_NONE or another of SMTP_DETAIL_*; or
/// an error, which is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_error_detail(
    transaction: *const smtp_transaction,
) -> c_int {
    number(transaction, |sent| Ok(detail(sent.error_detail())))
}

/// Code of the reply that decided it, that to the message or the one that ended it sooner; 0 if
/// none came.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_reply_code(
    transaction: *const smtp_transaction,
) -> c_int {
    number(transaction, |sent| Ok(sent.reply_code().into()))
}

/// Text of that reply, lines joined by "\n"; "" if none came. NULL only for a transaction that
/// cannot be used. Valid until it is sent, cleared or freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_reply_text(
    transaction: *const smtp_transaction,
) -> *const c_char {
    text(transaction, Shows::Reply, 0, |sent| Some(sent.reply_text().into()))
}

/// Enhanced status code of that reply (RFC 3463), such as "4.7.0", for smtp_error_advice(); "" if it
/// had none. NULL only for a transaction that cannot be used. Valid until it is sent, cleared or
/// freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_reply_enhanced(
    transaction: *const smtp_transaction,
) -> *const c_char {
    text(transaction, Shows::ReplyEnhanced, 0, |sent| {
        let status = sent.reply_enhanced().map_or(String::new(), |status| status.to_string());
        Some(status.into_bytes().into())
    })
}

/// Number of recipients. 0 also for a transaction that cannot be used: then
/// smtp_last_error_code() is SMTP_E_BUSY or SMTP_E_MISUSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_recipient_count(
    transaction: *const smtp_transaction,
) -> usize {
    Handle::count(transaction, |owned: &View<'_, Owned>| {
        Ok(owned.transaction.as_ref().map_or(0, |sent| sent.recipient_count()))
    })
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
    text(transaction, Shows::Address, index, |sent| {
        sent.recipient_address(index).map(|address| address.as_bytes().into())
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
    number(transaction, |sent| {
        let status = sent.recipient_status(index).ok_or_else(|| no_recipient(index))?;
        Ok(status_code(status))
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
    number(transaction, |sent| {
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
    text(transaction, Shows::Text, index, |sent| {
        sent.recipient_status(index)?;
        Some(sent.recipient_text(index).into())
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
    text(transaction, Shows::Enhanced, index, |sent| {
        sent.recipient_status(index)?;
        let status = sent.recipient_enhanced(index).map_or(String::new(), |s| s.to_string());
        Some(status.into_bytes().into())
    })
}
