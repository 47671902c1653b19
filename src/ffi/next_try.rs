//! The next try: how far a transaction came, who remains, and what to do about an error.

use std::ffi::{c_char, c_int};

use crate::client::{EnhancedStatus, NextTry, Reached, RecipientStatus, advise, advise_reply};

use super::boundary::code::kind;
use super::boundary::panic::{self, guarded};
use super::boundary::{Handle, convert};
use super::transaction::{Owned, no_recipient, number, smtp_transaction};

/// Phase of a transaction: it was not sent, or nothing of it reached the server.
pub const SMTP_PHASE_NONE: c_int = 0;
/// MAIL went out, and was not accepted or not answered.
pub const SMTP_PHASE_SENDER: c_int = 1;
/// MAIL was accepted, and no recipient.
pub const SMTP_PHASE_RECIPIENTS: c_int = 2;
/// A recipient was accepted; the message did not go out in whole.
pub const SMTP_PHASE_DATA: c_int = 3;
/// The message went out in whole, and the answer never came.
pub const SMTP_PHASE_MESSAGE: c_int = 4;
/// The server answered the message, whatever it said; by LMTP, for every recipient.
pub const SMTP_PHASE_DONE: c_int = 5;

/// For smtp_transaction_remaining(): those as well who may have got the message.
pub const SMTP_REMAINING_UNKNOWN: c_int = 1;

/// What to do: nothing, for it succeeded.
pub const SMTP_NEXT_NONE: c_int = 0;
/// Try again at once, on a new connection; if that fails the same way, later.
pub const SMTP_NEXT_NOW: c_int = 1;
/// Try again later. RFC 5321 section 4.5.4.1 advises half an hour, and to give up after four or five
/// days.
pub const SMTP_NEXT_LATER: c_int = 2;
/// Never try the same again: tell the sender why.
pub const SMTP_NEXT_NEVER: c_int = 3;
/// Nothing is wrong with the mail: keep it, and ask a person. It is the settings, the credentials,
/// the certificate or the server; or, after SMTP_E_OUTCOME_UNKNOWN, whether it may arrive twice.
pub const SMTP_NEXT_ASK: c_int = 4;

/// How far the last attempt to send a transaction came, by what the server has answered; of one that
/// went in several parts (LIMITS, RFC 9422), the part that came furthest.
///
/// Returns SMTP_PHASE_NONE and so on, each greater than the one before it; or an error, which is
/// negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_phase(transaction: *const smtp_transaction) -> c_int {
    number(transaction, |sent| {
        Ok(match sent.phase() {
            Reached::None => SMTP_PHASE_NONE,
            Reached::Sender => SMTP_PHASE_SENDER,
            Reached::Recipients => SMTP_PHASE_RECIPIENTS,
            Reached::Data => SMTP_PHASE_DATA,
            Reached::Message => SMTP_PHASE_MESSAGE,
            Reached::Done => SMTP_PHASE_DONE,
        })
    })
}

/// Whether another try may help a recipient.
///
/// @param index  from 0
///
/// Returns 1 if he was refused for now (4yz; 552 to RCPT, see RFC 5321 section 4.5.3.1.10), or was
/// not tried for a reason that may pass: a lost connection, a time limit, a server that takes fewer
/// at a time. 0 if he was accepted, his fate is unknown, or he was refused for good, or not tried
/// because of what stays, such as a refused sender. SMTP_E_INVALID_ARGUMENT if there is no such
/// recipient.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_recipient_is_temporary(
    transaction: *const smtp_transaction,
    index: usize,
) -> c_int {
    number(transaction, |sent| {
        sent.is_temporary(index).map(c_int::from).ok_or_else(|| no_recipient(index))
    })
}

/// Makes a transaction for those recipients alone who were refused for now or not tried, whatever the
/// reason, with the same sender, options and message.
///
/// @param transaction  one that was sent; it stays as it is. A message in memory is shared, and one
///                     that was borrowed stays so until both no longer need it
/// @param flags        0, or SMTP_REMAINING_UNKNOWN for those as well whose fate is not known, who may
///                     then get the message twice
///
/// Returns the transaction, to be freed with smtp_transaction_free(); user data is not copied. NULL
/// with SMTP_E_INVALID_ARGUMENT if nobody remains. Where the message came from a reader or pipe that
/// was read, it must be set again: sending without it is SMTP_E_MISUSE.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_remaining(
    transaction: *mut smtp_transaction,
    flags: c_int,
) -> *mut smtp_transaction {
    Handle::call(
        transaction,
        |_| std::ptr::null_mut(),
        |owned: &mut Owned| {
            if flags & !SMTP_REMAINING_UNKNOWN != 0 {
                return Err(convert::invalid(format!("the flags {flags:#x} are not all known")));
            }
            let next = owned.remaining(flags & SMTP_REMAINING_UNKNOWN != 0)?;
            let Some(next) = next else {
                let sent = owned.sent()?;
                let unknown = (0..sent.recipient_count())
                    .any(|index| sent.recipient_status(index) == Some(RecipientStatus::Unknown));
                return Err(convert::invalid(match unknown {
                    true => {
                        "nobody remains but those whose fate is unknown: see \
                             SMTP_REMAINING_UNKNOWN"
                    }
                    false => "nobody remains",
                }));
            };
            Handle::create(next)
        },
    )
}

/// What to do about an error.
///
/// @param code        what a function returned, smtp_transaction_status(), or a reply code. For one
///                    recipient of several: SMTP_E_RECIPIENTS_REFUSED with his own reply
/// @param reply_code  the server's reply code that belongs to it, 0 if none
/// @param enhanced    the enhanced status code of that reply (RFC 3463), such as "4.7.1"; "" or NULL
///                    if it had none
///
/// Returns SMTP_NEXT_NONE and so on; SMTP_E_INVALID_ARGUMENT for a code that is none. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_error_advice(
    code: c_int,
    reply_code: c_int,
    enhanced: *const c_char,
) -> c_int {
    let advice = guarded(None, || {
        let text = convert::optional_text("the enhanced status code", enhanced)?;
        let status = |reply| EnhancedStatus::parse(reply, text.unwrap_or_default().as_bytes());
        let reply = u16::try_from(reply_code).unwrap_or(0);
        let next = match u16::try_from(code) {
            // Success, what goes on, and the codes of good replies.
            Ok(0 | 1 | 200..=399) => return Ok(Some(SMTP_NEXT_NONE)),
            Ok(own @ 400..=599) => advise_reply(own, status(own)),
            _ => match kind(code) {
                Some(kind) => advise(kind, reply, status(reply)),
                None => return Err(convert::invalid(format!("{code} is no error code"))),
            },
        };
        Ok(Some(match next {
            NextTry::Now => SMTP_NEXT_NOW,
            NextTry::Later => SMTP_NEXT_LATER,
            NextTry::Never => SMTP_NEXT_NEVER,
            NextTry::Ask => SMTP_NEXT_ASK,
        }))
    });
    advice.unwrap_or_else(panic::thread_code)
}
