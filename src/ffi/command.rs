//! Single SMTP commands. Each returns the server's reply code, whatever it is, and an error only
//! where no valid reply came.

use std::ffi::{c_char, c_int, c_void};

use crate::client::Client;
use crate::error::Result;

use super::client::{Owned, run, smtp_client};
use super::convert;
use super::handle::Handle;

/// Runs a call of the client that gives a reply code.
fn command(client: *mut smtp_client, work: impl FnOnce(&mut Client) -> Result<u16>) -> c_int {
    Handle::run(client, |owned: &mut Owned| work(&mut owned.client).map(c_int::from))
}

/// HELO (smtplib: helo). LMTP has none: SMTP_E_MISUSE.
///
/// @param name  what to call ourselves; NULL for the local host name
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_helo(client: *mut smtp_client, name: *const c_char) -> c_int {
    command(client, |client| client.helo(convert::optional_text("the name", name)?))
}

/// EHLO, or LHLO to an LMTP server (smtplib: ehlo). A reply 2yz replaces what is known of the
/// server's extensions, another clears it.
///
/// @param name  what to call ourselves; NULL for the local host name
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_ehlo(client: *mut smtp_client, name: *const c_char) -> c_int {
    command(client, |client| client.ehlo(convert::optional_text("the name", name)?))
}

/// EHLO, and HELO if it is refused, unless the server was greeted before (smtplib:
/// ehlo_or_helo_if_needed). To LMTP only LHLO is sent.
///
/// Returns SMTP_OK, or SMTP_E_HELO if all were refused. The sending functions,
/// smtp_client_starttls() and the login functions call it by themselves.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_ehlo_or_helo_if_needed(client: *mut smtp_client) -> c_int {
    run(client, |owned| owned.client.ehlo_or_helo_if_needed())
}

/// Any command (smtplib: docmd).
///
/// @param args  NULL or "" if there are none
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_docmd(
    client: *mut smtp_client,
    name: *const c_char,
    args: *const c_char,
) -> c_int {
    command(client, |client| {
        let args = convert::optional_text("the argument", args)?;
        client.docmd(convert::text("the command", name)?, args)
    })
}

/// Sends any command without waiting for its reply, which smtp_client_getreply() reads (smtplib:
/// putcmd). Until then other commands are SMTP_E_MISUSE. Returns SMTP_OK.
///
/// @param args  NULL or "" if there are none
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_putcmd(
    client: *mut smtp_client,
    name: *const c_char,
    args: *const c_char,
) -> c_int {
    run(client, |owned| {
        let args = convert::optional_text("the argument", args)?;
        owned.client.putcmd(convert::text("the command", name)?, args)
    })
}

/// Reads one reply (smtplib: getreply).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_getreply(client: *mut smtp_client) -> c_int {
    command(client, Client::getreply)
}

/// Sends `length` bytes as they are (smtplib: send). Returns SMTP_OK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_send_raw(
    client: *mut smtp_client,
    data: *const c_void,
    length: usize,
) -> c_int {
    run(client, |owned| owned.client.send_raw(convert::bytes("the data", data.cast(), length)?))
}

/// NOOP (smtplib: noop).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_noop(client: *mut smtp_client) -> c_int {
    command(client, Client::noop)
}

/// RSET (smtplib: rset).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_rset(client: *mut smtp_client) -> c_int {
    command(client, Client::rset)
}

/// HELP (smtplib: help); the answer is smtp_client_reply_text().
///
/// @param args  NULL or "" for none
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_help(client: *mut smtp_client, args: *const c_char) -> c_int {
    command(client, |client| client.help(convert::optional_text("the argument", args)?))
}

/// VRFY (smtplib: verify, vrfy). The bare address is sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_verify(
    client: *mut smtp_client,
    address: *const c_char,
) -> c_int {
    command(client, |client| client.verify(convert::text("the address", address)?))
}

/// EXPN (smtplib: expn).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_expn(client: *mut smtp_client, list: *const c_char) -> c_int {
    command(client, |client| client.expn(convert::text("the list", list)?))
}

/// MAIL (smtplib: mail). Nothing is greeted and no SIZE added.
///
/// @param sender        "" or "<>" for the null reverse-path
/// @param options       parameters, "keyword" or "keyword=value"; not sent after HELO
/// @param option_count  how many
///
/// With SMTPUTF8 among the options the addresses of this transaction may be UTF-8;
/// SMTP_E_NOT_SUPPORTED if the server does not offer it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_mail(
    client: *mut smtp_client,
    sender: *const c_char,
    options: *const *const c_char,
    option_count: usize,
) -> c_int {
    command(client, |client| {
        let options = convert::texts("an option", options, option_count)?;
        client.mail(convert::text("the sender", sender)?, &options)
    })
}

/// RCPT (smtplib: rcpt).
///
/// @param options       parameters, "keyword" or "keyword=value"; not sent after HELO
/// @param option_count  how many
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_rcpt(
    client: *mut smtp_client,
    recipient: *const c_char,
    options: *const *const c_char,
    option_count: usize,
) -> c_int {
    command(client, |client| {
        let options = convert::texts("an option", options, option_count)?;
        client.rcpt(convert::text("the recipient", recipient)?, &options)
    })
}

/// DATA, then the message, then its final reply (smtplib: data). Line ends become CRLF and lines
/// that begin with a dot get another.
///
/// Returns the final reply's code, whatever it is (over LMTP that of the last recipient);
/// SMTP_E_DATA if DATA itself is not answered with 354.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_data(
    client: *mut smtp_client,
    message: *const c_void,
    length: usize,
) -> c_int {
    // The message is the caller's for the length of this call, and the client's no longer.
    command(client, |client| client.data(convert::bytes("the message", message.cast(), length)?))
}
