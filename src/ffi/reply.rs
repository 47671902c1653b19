//! What a client can be asked: errors, replies, the server's extensions, refused recipients.

use std::ffi::{c_char, c_int};

use crate::client::Client;

use super::client::{Owned, smtp_client};
use super::error::code;
use super::handle::{Handle, Shown};

/// Strings that C holds on to.
#[derive(Default)]
pub(super) struct Strings {
    reply: Shown,
    enhanced: Shown,
    helo: Shown,
    ehlo: Shown,
    params: Vec<(String, Shown)>,
    names: Vec<Shown>,
    refused: Vec<[Shown; 3]>,
}

impl Strings {
    fn refused(&mut self, index: usize) -> &mut [Shown; 3] {
        if self.refused.len() <= index {
            self.refused.resize_with(index + 1, Default::default);
        }
        &mut self.refused[index]
    }
}

fn string(
    client: *const smtp_client,
    unusable: *const c_char,
    read: impl FnOnce(&Client, &mut Strings) -> *const c_char,
) -> *const c_char {
    Handle::call(
        client,
        |_| unusable,
        |owned: &mut Owned| Ok(read(&owned.client, &mut owned.strings)),
    )
}

fn number(client: *const smtp_client, read: impl FnOnce(&Client) -> c_int) -> c_int {
    Handle::run(client, |owned: &mut Owned| Ok(read(&owned.client)))
}

/// Message of the last failed call on this client, in UTF-8: what failed, where (such as
/// `RCPT TO:<a@b>`), and what the server or the system said; no secrets. Never NULL: "" if no call
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
    Handle::<Owned>::last_error(client, |last| last.code).unwrap_or_else(|e| code(e.kind()))
}

/// The system's errno that belongs to that error; 0 if it had none, while a call is running, and
/// for what is no client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_last_errno(client: *const smtp_client) -> c_int {
    Handle::<Owned>::last_error(client, |last| last.errno).unwrap_or(0)
}

/// Code of the reply that was read last on this client, 0 if none was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_reply_code(client: *const smtp_client) -> c_int {
    number(client, |client| client.reply().code().into())
}

/// Text of that reply: lines joined by "\n", codes stripped; "" if there was none. NULL only for a
/// client that cannot be used. Valid until the next call on the client that reads a reply, or its
/// end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_reply_text(client: *const smtp_client) -> *const c_char {
    string(client, std::ptr::null(), |client, strings| strings.reply.set(client.reply().bytes()))
}

/// Enhanced status code of that reply (RFC 2034, RFC 3463), such as "5.1.1"; "" if it had none.
/// NULL only for a client that cannot be used. Valid as smtp_client_reply_text().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_reply_enhanced(client: *const smtp_client) -> *const c_char {
    string(client, std::ptr::null(), |client, strings| {
        let status = client.reply().enhanced().map_or(String::new(), |status| status.to_string());
        strings.enhanced.set(status.as_bytes())
    })
}

/// Text of the reply to HELO on this connection, NULL if it was not sent (smtplib: helo_resp).
/// Valid until the next HELO, or the end of the connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_helo_response(client: *const smtp_client) -> *const c_char {
    string(client, std::ptr::null(), |client, strings| {
        client.helo_response().map_or(std::ptr::null(), |text| strings.helo.set(text))
    })
}

/// Text of the reply to EHLO or LHLO on this connection, NULL if it was not sent (smtplib:
/// ehlo_resp). Valid until the next EHLO, or the end of the connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_ehlo_response(client: *const smtp_client) -> *const c_char {
    string(client, std::ptr::null(), |client, strings| {
        client.ehlo_response().map_or(std::ptr::null(), |text| strings.ehlo.set(text))
    })
}

/// Whether the server accepted EHLO or LHLO on this connection: 1 or 0, or an error (smtplib:
/// does_esmtp).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_does_esmtp(client: *const smtp_client) -> c_int {
    number(client, |client| client.does_esmtp().into())
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
    Handle::run(client, |owned: &mut Owned| {
        let name = super::convert::text("the extension", name)?;
        Ok(owned.client.has_extension(name).into())
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
    Handle::call(
        client,
        |_| std::ptr::null(),
        |owned: &mut Owned| {
            let name = super::convert::text("the extension", name)?;
            let Some(params) = owned.client.extension_params(name) else {
                return Ok(std::ptr::null());
            };
            // One string a name, so that asking for another leaves this one alone.
            let known = &mut owned.strings.params;
            let at = known.iter().position(|(own, _)| own.eq_ignore_ascii_case(name));
            let at = at.unwrap_or_else(|| {
                known.push((name.to_owned(), Shown::default()));
                known.len() - 1
            });
            Ok(known[at].1.set(params.as_bytes()))
        },
    )
}

/// Number of extensions that the server offers, by the last EHLO on this connection; 0 for a
/// client that cannot be used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_extension_count(client: *const smtp_client) -> usize {
    Handle::call(client, |_| 0, |owned: &mut Owned| Ok(owned.client.extension_count()))
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
    string(client, std::ptr::null(), |client, strings| {
        let Some(name) = client.extension_name(index) else { return std::ptr::null() };
        if strings.names.len() <= index {
            strings.names.resize_with(index + 1, Shown::default);
        }
        strings.names[index].set(name.as_bytes())
    })
}

/// Number of recipients that the server refused in the last smtp_client_sendmail() or
/// smtp_client_send_message() (smtplib: the dictionary that sendmail returns); after
/// SMTP_E_SENDER_REFUSED entry 0 is the sender. 0 for a client that cannot be used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_refused_count(client: *const smtp_client) -> usize {
    Handle::call(client, |_| 0, |owned: &mut Owned| Ok(owned.client.refused().len()))
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
    string(client, std::ptr::null(), |client, strings| {
        let refused = client.refused().get(index);
        refused.map_or(std::ptr::null(), |r| strings.refused(index)[0].set(r.address.as_bytes()))
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
    number(client, |client| client.refused().get(index).map_or(0, |refused| refused.code.into()))
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
    string(client, std::ptr::null(), |client, strings| {
        let refused = client.refused().get(index);
        refused.map_or(std::ptr::null(), |r| strings.refused(index)[1].set(r.text.as_bytes()))
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
    string(client, std::ptr::null(), |client, strings| {
        let refused = client.refused().get(index);
        refused.map_or(std::ptr::null(), |r| strings.refused(index)[2].set(r.enhanced.as_bytes()))
    })
}
