//! smtp_envelope: whom a message would go to, before it is sent.

use std::ffi::{CString, c_char, c_int, c_void};

use crate::client::Envelope;
use crate::error::Result;

use super::boundary::panic::guarded;
use super::boundary::{Handle, Kind, Recent, View, convert};

/// The envelope of a message: what smtp_client_send_message() would put into MAIL and RCPT
/// (RFC 5321 section 3.3). It is read once and never changes; no client and no connection is
/// needed.
#[allow(non_camel_case_types)]
pub struct smtp_envelope {
    _opaque: (),
}

/// What an envelope's handle holds: the strings that C sees, made once.
pub(super) struct Owned {
    sender: CString,
    recipients: Vec<CString>,
    needs_utf8: bool,
}

impl Kind for Owned {
    const TAG: u8 = 5;
    const NAME: &'static str = "envelope";
    type Recent = [Recent; 0];
}

impl Owned {
    fn new(envelope: &Envelope) -> Self {
        Owned {
            sender: convert::to_c(envelope.sender()),
            recipients: envelope.recipients().map(convert::to_c).collect(),
            needs_utf8: envelope.needs_utf8(),
        }
    }
}

/// A handle for an envelope.
pub(super) fn create(envelope: &Envelope) -> Result<*mut smtp_envelope> {
    Handle::create(Owned::new(envelope))
}

fn string(
    envelope: *const smtp_envelope,
    read: impl FnOnce(&Owned) -> Result<&CString>,
) -> *const c_char {
    let null = |_| std::ptr::null();
    Handle::look(envelope, null, |owned: &View<'_, Owned>| Ok(read(owned)?.as_ptr()))
}

/// Reads the envelope of an RFC 5322 message as smtp_client_send_message() does, with the same
/// arguments, and checks every address. The message is not kept.
///
/// @param from      NULL to take it from the message, else the reverse-path: "" or "<>" for the
///                  null one
/// @param to        NULL to take them from the message, else `to_count` forward-paths
/// @param to_count  how many
/// @param message   `length` bytes; the header section is enough. Read during the call alone
/// @param length    in bytes
///
/// Returns the envelope, to be freed with smtp_envelope_free(). NULL if smtp_client_send_message() would
/// fail before it sent anything: smtp_last_error() says why, such as an address that cannot be
/// used, no recipient, or no From.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_envelope_new(
    from: *const c_char,
    to: *const *const c_char,
    to_count: usize,
    message: *const c_void,
    length: usize,
) -> *mut smtp_envelope {
    guarded(std::ptr::null_mut(), || {
        let from = convert::optional_text("the sender", from)?;
        let given = convert::texts("a recipient", to, to_count)?;
        let to = (!to.is_null()).then_some(given.as_slice());
        let message = convert::bytes("the message", message.cast(), length)?;
        create(&Envelope::read(message, from, to)?)
    })
}

/// Frees an envelope, and with it every string that it gave; NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_envelope_free(envelope: *mut smtp_envelope) {
    guarded((), || Handle::<Owned>::free(envelope));
}

/// The reverse-path, without name, comments or angle brackets; "" for the null one.
///
/// NULL only for what is no envelope. Valid until the envelope is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_envelope_sender(envelope: *const smtp_envelope) -> *const c_char {
    string(envelope, |owned| Ok(&owned.sender))
}

/// Number of recipients, at least 1; 0 for what is no envelope.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_envelope_recipient_count(envelope: *const smtp_envelope) -> usize {
    Handle::count(envelope, |owned: &View<'_, Owned>| Ok(owned.recipients.len()))
}

/// A forward-path, without name, comments or angle brackets. They stand in the order in which
/// they would be sent: those of To, Bcc and Cc, or as given. One that is named twice is there twice.
///
/// @param index  from 0
///
/// NULL if there is no such recipient. Valid until the envelope is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_envelope_recipient(
    envelope: *const smtp_envelope,
    index: usize,
) -> *const c_char {
    string(envelope, |owned| {
        let recipient = owned.recipients.get(index);
        recipient.ok_or_else(|| convert::invalid(format!("there is no recipient {index}")))
    })
}

/// Whether only a server that offers SMTPUTF8 (RFC 6531) can take the message: an address in the
/// header that is sent, or a local part in the envelope, is not ASCII. (A domain that is not ASCII
/// in the envelope alone goes out as A-labels, RFC 5890, and a name needs nothing.)
///
/// Returns 1 or 0; SMTP_E_MISUSE for what is no envelope.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_envelope_needs_smtputf8(envelope: *const smtp_envelope) -> c_int {
    Handle::number(envelope, |owned: &View<'_, Owned>| Ok(owned.needs_utf8.into()))
}
