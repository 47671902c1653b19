//! What a client can be asked: errors, replies, the server's extensions, refused recipients.

use std::ffi::{c_char, c_int};

use super::boundary::code::code;
use super::boundary::{Handle, View, convert};
use super::client::{Owned, Shows, smtp_client, text, text_at};
use super::error::detail;

type Reads<'a> = View<'a, Owned>;

/// Message of the last failed call on this client, in UTF-8: what failed, where (such as
/// `RCPT TO` and its address), and what the server or the system said; no secrets. Never NULL: "" if no call
/// has failed, or for what is no client; a note that a call is running while one is. A call that
/// succeeds leaves it alone, as does one that returned SMTP_E_BUSY.
///
/// Valid until the next call on this client that fails, or its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_last_error(client: *const smtp_client) -> *const c_char {
    Handle::<Owned>::last_message(client)
}

/// Code of that call: one of smtp_result, SMTP_OK if none has failed. SMTP_E_BUSY while a call is
/// running, SMTP_E_MISUSE for what is no client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_last_error_code(client: *const smtp_client) -> c_int {
    Handle::<Owned>::last_code(client)
}

/// The system's errno that belongs to that error; 0 if it had none, while a call is running, and
/// for what is no client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_last_errno(client: *const smtp_client) -> c_int {
    Handle::<Owned>::last_errno(client)
}

/// What tells that error from others of its code: SMTP_DETAIL_NONE or another of SMTP_DETAIL_*.
/// SMTP_E_BUSY while a call is running, SMTP_E_MISUSE for what is no client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_last_error_detail(client: *const smtp_client) -> c_int {
    Handle::<Owned>::last_error(client, |last| detail(last.detail))
        .unwrap_or_else(|error| code(error.kind()))
}

/// Code of the reply that was read last on this client, 0 if none was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_reply_code(client: *const smtp_client) -> c_int {
    Handle::number(client, |owned: &Reads<'_>| Ok(owned.client()?.reply().code().into()))
}

/// Text of that reply: lines joined by "\n", codes stripped; "" if there was none. NULL only for a
/// client that cannot be used. Valid until the next call on the client that reads a reply, or its
/// end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_reply_text(client: *const smtp_client) -> *const c_char {
    text(client, Shows::Reply, |client| Some(client.reply().bytes().into()))
}

/// Enhanced status code of that reply (RFC 2034, RFC 3463), such as "5.1.1"; "" if it had none.
/// NULL only for a client that cannot be used. Valid as smtp_client_reply_text().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_reply_enhanced(client: *const smtp_client) -> *const c_char {
    text(client, Shows::Enhanced, |client| {
        let status = client.reply().enhanced().map_or(String::new(), |status| status.to_string());
        Some(status.into_bytes().into())
    })
}

/// Text of the reply to HELO on this connection, NULL if it was not sent (smtplib: helo_resp).
/// Valid until the next HELO, or the end of the connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_helo_response(client: *const smtp_client) -> *const c_char {
    text(client, Shows::Helo, |client| client.helo_response().map(Into::into))
}

/// Text of the reply to EHLO or LHLO on this connection, NULL if it was not sent (smtplib:
/// ehlo_resp). Valid until the next EHLO, or the end of the connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_ehlo_response(client: *const smtp_client) -> *const c_char {
    text(client, Shows::Ehlo, |client| client.ehlo_response().map(Into::into))
}

/// Whether the server accepted EHLO or LHLO on this connection: 1 or 0, or an error (smtplib:
/// does_esmtp).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_does_esmtp(client: *const smtp_client) -> c_int {
    Handle::number(client, |owned: &Reads<'_>| Ok(owned.client()?.does_esmtp().into()))
}

/// Whether the server offers an extension, by the last EHLO on this connection (smtplib: has_extn).
///
/// @param name  such as "SIZE", in any letter case
///
/// Returns 1 or 0, or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_has_extension(
    client: *const smtp_client,
    name: *const c_char,
) -> c_int {
    Handle::number(client, |owned: &Reads<'_>| {
        let name = convert::text("the extension", name)?;
        Ok(owned.client()?.has_extension(name).into())
    })
}

/// Parameters of an extension (smtplib: esmtp_features). Those of AUTH include the old form
/// "AUTH=LOGIN".
///
/// @param name  such as "SIZE", in any letter case
///
/// "" if it has none, NULL if it is not offered. Valid until the next EHLO, or the end of the
/// connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_extension_params(
    client: *const smtp_client,
    name: *const c_char,
) -> *const c_char {
    let null = std::ptr::null();
    Handle::look(
        client,
        |_| null,
        |owned: &Reads<'_>| {
            let name = convert::text("the extension", name)?;
            let client = owned.client()?;
            // One string a name, so that asking for another leaves this one alone.
            let same = |at: &usize| {
                client.extension_name(*at).is_some_and(|own| own.eq_ignore_ascii_case(name))
            };
            let place =
                (0..client.extension_count()).find(same).unwrap_or(client.extension_count());
            let params = client.extension_params(name);
            Ok(params.map_or(null, |params| {
                owned.show(Shows::ExtensionParams as usize, place, params.as_bytes())
            }))
        },
    )
}

/// Number of extensions that the server offers, by the last EHLO on this connection. 0 also for a
/// client that cannot be used: then smtp_last_error_code() is SMTP_E_BUSY or SMTP_E_MISUSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_extension_count(client: *const smtp_client) -> usize {
    Handle::count(client, |owned: &Reads<'_>| Ok(owned.client()?.extension_count()))
}

/// Keyword of an extension as the server wrote it.
///
/// @param index  from 0, in the server's order
///
/// NULL if there is none. Valid until the next EHLO, or the end of the connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_extension_name(
    client: *const smtp_client,
    index: usize,
) -> *const c_char {
    text_at(client, Shows::ExtensionName, index, |client| {
        client.extension_name(index).map(|name| name.as_bytes().into())
    })
}

/// Number of recipients that the server refused in the last smtp_client_sendmail() or
/// smtp_client_send_message() (smtplib: the dictionary that sendmail returns); after
/// SMTP_E_SENDER_REFUSED entry 0 is the sender. 0 also for a client that cannot be used: then
/// smtp_last_error_code() is SMTP_E_BUSY or SMTP_E_MISUSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_refused_count(client: *const smtp_client) -> usize {
    Handle::count(client, |owned: &Reads<'_>| Ok(owned.client()?.refused().len()))
}

/// Address of a refused recipient as it was given.
///
/// @param index  from 0, in the order of the recipients
///
/// NULL if there is none. Valid until the next send on the client, or its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_refused_address(
    client: *const smtp_client,
    index: usize,
) -> *const c_char {
    text_at(client, Shows::RefusedAddress, index, |client| {
        client.refused().get(index).map(|refused| refused.address.as_bytes().into())
    })
}

/// Code of the reply that refused it.
///
/// @param index  from 0
///
/// Returns 0 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_refused_code(
    client: *const smtp_client,
    index: usize,
) -> c_int {
    Handle::number(client, |owned: &Reads<'_>| {
        Ok(owned.client()?.refused().get(index).map_or(0, |refused| refused.code.into()))
    })
}

/// Text of that reply, lines joined by "\n".
///
/// @param index  from 0
///
/// NULL if there is none. Valid until the next send on the client, or its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_refused_text(
    client: *const smtp_client,
    index: usize,
) -> *const c_char {
    text_at(client, Shows::RefusedText, index, |client| {
        client.refused().get(index).map(|refused| refused.text.as_bytes().into())
    })
}

/// Enhanced status code of that reply (RFC 3463), such as "5.1.1".
///
/// @param index  from 0
///
/// "" if it had none, NULL if there is no such entry. Valid until the next send on the client, or
/// its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_refused_enhanced(
    client: *const smtp_client,
    index: usize,
) -> *const c_char {
    text_at(client, Shows::RefusedEnhanced, index, |client| {
        client.refused().get(index).map(|refused| refused.enhanced.as_bytes().into())
    })
}
