//! What became of each recipient of the last mail that was sent without a transaction of the
//! caller's.

use std::ffi::{c_char, c_int};

use crate::client::{Client, Transaction};
use crate::error::Error;

use super::boundary::{Handle, View, convert};
use super::client::{Owned, Shows, smtp_client, text_at};
use super::transaction::status_code;

type Reads<'a> = View<'a, Owned>;

fn no_recipient(index: usize) -> Error {
    convert::invalid(format!("the last mail had no recipient {index}"))
}

fn of(client: &Client, index: usize) -> Option<&Transaction> {
    client.last_mail().filter(|mail| index < mail.recipient_count())
}

/// Number of recipients of the last smtp_client_sendmail() or smtp_client_send_message(), accepted
/// or not, however it ended; 0 before the first, and behind one whose arguments could not be used.
/// 0 also for a client that cannot be used: then smtp_last_error_code() is SMTP_E_BUSY or
/// SMTP_E_MISUSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_recipient_count(client: *const smtp_client) -> usize {
    Handle::count(client, |owned: &Reads<'_>| {
        Ok(owned.client()?.last_mail().map_or(0, Transaction::recipient_count))
    })
}

/// Address of such a recipient as it was given, or as it stood in the message.
///
/// @param index  from 0, in the order of the recipients
///
/// NULL if there is none. Valid until the next send on the client, or its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_recipient_address(
    client: *const smtp_client,
    index: usize,
) -> *const c_char {
    text_at(client, Shows::RecipientAddress, index, |client| {
        let mail = of(client, index)?;
        mail.recipient_address(index).map(|address| address.as_bytes().into())
    })
}

/// What became of the mail for such a recipient. It is the truth also where the call returned
/// SMTP_E_CANCELLED, SMTP_E_FORBIDDEN, SMTP_E_TIMEOUT or SMTP_E_PROTOCOL.
///
/// @param index  from 0
///
/// Returns SMTP_RECIPIENT_NOT_TRIED, _ACCEPTED, _REFUSED or _UNKNOWN; SMTP_E_INVALID_ARGUMENT if
/// there is no such recipient.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_recipient_status(
    client: *const smtp_client,
    index: usize,
) -> c_int {
    Handle::number(client, |owned: &Reads<'_>| {
        let status = of(owned.client()?, index).and_then(|mail| mail.recipient_status(index));
        status.map(status_code).ok_or_else(|| no_recipient(index))
    })
}

/// Code of the last reply for such a recipient: that to RCPT, to the message where that refused
/// it, or LMTP's own (RFC 2033 section 4.2).
///
/// @param index  from 0
///
/// Returns 0 if none came; SMTP_E_INVALID_ARGUMENT if there is no such recipient.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_recipient_code(
    client: *const smtp_client,
    index: usize,
) -> c_int {
    Handle::number(client, |owned: &Reads<'_>| {
        let mail = of(owned.client()?, index).ok_or_else(|| no_recipient(index))?;
        Ok(mail.recipient_code(index).into())
    })
}

/// Text of that reply, lines joined by "\n", with the enhanced status code (RFC 3463) that it may
/// begin with; where there was none, what stopped the mail.
///
/// @param index  from 0
///
/// "" if neither is known, NULL if there is no such recipient. Valid until the next send on the
/// client, or its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_recipient_text(
    client: *const smtp_client,
    index: usize,
) -> *const c_char {
    text_at(client, Shows::RecipientText, index, |client| {
        of(client, index).map(|mail| mail.recipient_text(index).into())
    })
}
