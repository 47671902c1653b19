//! The last error of a thread, and what can be asked of a code alone.

use std::ffi::{c_char, c_int};

use crate::error::Detail;

use super::boundary::code::NAMES;
use super::boundary::code::smtp_result::*;
use super::boundary::panic;

/// Detail of an error: nothing more is known of it than its code says.
///
/// What to do: what the code's own text says.
pub const SMTP_DETAIL_NONE: c_int = 0;
/// Detail of SMTP_E_TLS: the server's certificate was not accepted.
///
/// What to do: connect by a name that the certificate has, or give one with
/// smtp_tls_set_server_name(); trust who issued it with smtp_tls_add_ca_file(). An expired one is
/// the server's to renew.
pub const SMTP_DETAIL_CERTIFICATE: c_int = 1;
/// Detail of SMTP_E_TIMEOUT: there was no connection yet.
///
/// What to do: check host, port and firewall; trying again later is safe, since nothing was sent.
pub const SMTP_DETAIL_CONNECTING: c_int = 2;
/// Detail of SMTP_E_TIMEOUT or SMTP_E_DISCONNECTED: the greeting had not come yet.
///
/// What to do: try again later, which is safe, since nothing was sent. Speaking in clear to a port
/// for TLS looks like this too.
pub const SMTP_DETAIL_GREETING: c_int = 3;
/// Detail of SMTP_E_INVALID_ARGUMENT or SMTP_E_NOT_SUPPORTED: an address or option in UTF-8 needs
/// the mail option SMTPUTF8, or a server that offers it.
///
/// What to do: add the option SMTPUTF8, or use smtp_client_send_message(), which adds it by itself;
/// where the server does not offer it, only an address in ASCII reaches it.
pub const SMTP_DETAIL_NEEDS_SMTPUTF8: c_int = 4;
/// Detail of SMTP_E_AUTHENTICATION: the server refused an access token (OAuth 2.0).
///
/// What to do: get a new token, for the scope that the message names if it names one, and log in with
/// that. Where a new one is refused too, it is for another user or service, or the mailbox does not
/// allow SMTP.
pub const SMTP_DETAIL_TOKEN: c_int = 5;
/// Detail of SMTP_E_AUTHENTICATION, SMTP_E_TIMEOUT or SMTP_E_CANCELLED: no access token came to log
/// in with. The server has nothing to do with it.
///
/// What to do: see why the callback of the token source had none, or what it waited for. Behind
/// SMTP_E_AUTHENTICATION the connection serves for another login; behind the others it is closed.
pub const SMTP_DETAIL_NO_TOKEN: c_int = 6;
/// Detail of SMTP_E_AUTHENTICATION: the server did not prove that it knows the password, or says that
/// the login is bound to another connection than its own (SCRAM, RFC 5802): it is an impostor, or
/// somebody stands between. No other mechanism is tried after that.
///
/// What to do: do not send the password there by another mechanism, and tell the server's
/// administrator.
pub const SMTP_DETAIL_IMPOSTOR: c_int = 7;

pub(super) fn detail(detail: Detail) -> c_int {
    match detail {
        Detail::None => SMTP_DETAIL_NONE,
        Detail::Certificate(_) => SMTP_DETAIL_CERTIFICATE,
        Detail::Connecting => SMTP_DETAIL_CONNECTING,
        Detail::Greeting => SMTP_DETAIL_GREETING,
        Detail::NeedsUtf8 => SMTP_DETAIL_NEEDS_SMTPUTF8,
        Detail::Token => SMTP_DETAIL_TOKEN,
        Detail::NoToken => SMTP_DETAIL_NO_TOKEN,
        Detail::Impostor => SMTP_DETAIL_IMPOSTOR,
    }
}

/// Message of the last failed call on this thread, in UTF-8: what failed, where, and what the
/// server or the system said. Never NULL; "" if no call has failed; a call that succeeds leaves
/// it alone. At most 1023 bytes. The string is valid until the next failing call on this thread.
///
/// In a language that moves between threads use smtp_client_last_error(), which belongs to the
/// handle.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_last_error() -> *const c_char {
    panic::thread_error()
}

/// Code of that call: one of smtp_result, SMTP_OK if no call has failed. It tells why a function
/// that returns no code gave 0 or NULL: SMTP_E_BUSY, SMTP_E_MISUSE, SMTP_E_NO_MEMORY, ... A call
/// that succeeds leaves it alone, so that a 0 that is a count may stand beside an older error's.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_last_error_code() -> c_int {
    panic::thread_code()
}

/// Name of a code, such as "SMTP_E_TIMEOUT"; "SMTP_E_?" for a number that is none. A constant
/// string, never NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_error_name(code: c_int) -> *const c_char {
    let known = NAMES.iter().find(|(result, _)| *result as c_int == code);
    known.map_or(c"SMTP_E_?", |(_, name)| name).as_ptr()
}

/// Whether the same call may succeed later: 1 if so, else 0.
///
/// @param code        what a function returned, or smtp_transaction_status()
/// @param reply_code  the server's reply code that belongs to it, 0 if none: 4yz is temporary
///                    and 5yz permanent (RFC 5321 section 4.2.1). Counts only for errors that are a
///                    reply's, so that smtp_client_reply_code() may be given in every case. Of
///                    several recipients refused with different codes it is the last one's; each
///                    one's own tells more
///
/// SMTP_E_OUTCOME_UNKNOWN is not temporary, for sending again may deliver twice; nor is
/// SMTP_E_CANCELLED, which may have come when the message was handed over already (the error's text
/// and the transaction say so). Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_error_is_temporary(code: c_int, reply_code: c_int) -> c_int {
    let known = NAMES.iter().find(|(result, _)| *result as c_int == code);
    c_int::from(match known.map(|(result, _)| *result) {
        Some(
            SMTP_E_BUSY | SMTP_E_DISCONNECTED | SMTP_E_IO | SMTP_E_RESOLVE_AGAIN | SMTP_E_TIMEOUT
            | SMTP_E_NO_MEMORY,
        ) => true,
        Some(SMTP_E_CONNECT) => matches!(reply_code / 100, 0 | 4),
        Some(
            SMTP_E_HELO
            | SMTP_E_AUTHENTICATION
            | SMTP_E_SENDER_REFUSED
            | SMTP_E_RECIPIENTS_REFUSED
            | SMTP_E_DATA
            | SMTP_E_RESPONSE,
        ) => reply_code / 100 == 4,
        Some(_) => false,
        // A reply code that a function returned.
        None => code / 100 == 4,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary() {
        for (result, reply, expected) in [
            (SMTP_OK, 0, 0),
            (SMTP_E_TIMEOUT, 0, 1),
            (SMTP_E_DATA, 450, 1),
            (SMTP_E_DATA, 554, 0),
            (SMTP_E_RECIPIENTS_REFUSED, 452, 1),
            (SMTP_E_CONNECT, 554, 0),
            (SMTP_E_OUTCOME_UNKNOWN, 0, 0),
            (SMTP_E_RESOLVE, 0, 0),
            (SMTP_E_RESOLVE_AGAIN, 0, 1),
            (SMTP_E_TLS, 0, 0),
            (SMTP_E_TLS, 454, 0),
            (SMTP_E_TIMEOUT, 550, 1),
            (SMTP_E_DISCONNECTED, 550, 1),
            (SMTP_E_CONNECT, 0, 1),
            (SMTP_E_CONNECT, 421, 1),
            (SMTP_E_RESPONSE, 454, 1),
            (SMTP_E_INVALID_ARGUMENT, 450, 0),
        ] {
            assert_eq!(smtp_error_is_temporary(result as c_int, reply), expected, "{result:?}");
        }
        for (code, expected) in [(450, 1), (550, 0), (250, 0), (-99, 0), (i32::MIN, 0)] {
            assert_eq!(smtp_error_is_temporary(code, 0), expected, "{code}");
        }
    }
}
