//! Error codes, and what can be asked of a code alone.

use std::ffi::{c_char, c_int};

use crate::error::ErrorKind;

use super::guard;

/// Result of a function. Numbers are never reused or renumbered.
#[allow(non_camel_case_types)]
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum smtp_result {
    /// Success.
    SMTP_OK = 0,
    /// An argument cannot be used (smtplib: ValueError). Nothing was sent.
    SMTP_E_INVALID_ARGUMENT = -1,
    /// The call makes no sense now, or the pointer is NULL, freed, or no such handle.
    SMTP_E_MISUSE = -2,
    /// The handle is running another call, in another thread or around a callback.
    SMTP_E_BUSY = -3,
    /// Not connected, or the server hung up (SMTPServerDisconnected).
    SMTP_E_DISCONNECTED = -4,
    /// The greeting was not 220 (SMTPConnectError).
    SMTP_E_CONNECT = -5,
    /// EHLO and HELO, or LHLO, were refused (SMTPHeloError).
    SMTP_E_HELO = -6,
    /// The server does not offer what the call needs (SMTPNotSupportedError).
    SMTP_E_NOT_SUPPORTED = -7,
    /// The server refused the credentials (SMTPAuthenticationError).
    SMTP_E_AUTHENTICATION = -8,
    /// No authentication mechanism in common (SMTPException).
    SMTP_E_NO_MECHANISM = -9,
    /// MAIL was refused, or would be (SMTPSenderRefused).
    SMTP_E_SENDER_REFUSED = -10,
    /// Every recipient was refused (SMTPRecipientsRefused).
    SMTP_E_RECIPIENTS_REFUSED = -11,
    /// DATA or the message was refused (SMTPDataError); by LMTP, for every recipient whose RCPT had
    /// been accepted.
    SMTP_E_DATA = -12,
    /// A reply that the command does not allow, such as 454 to STARTTLS (SMTPResponseException).
    SMTP_E_RESPONSE = -13,
    /// What came is not SMTP, or longer than the limits allow. The connection was closed.
    SMTP_E_PROTOCOL = -14,
    /// The system reported an error; see smtp_client_last_errno() (OSError).
    SMTP_E_IO = -15,
    /// The host name does not exist, or has no address (socket.gaierror). The code of
    /// getaddrinfo(3), such as EAI_NONAME, is smtp_client_last_errno().
    SMTP_E_RESOLVE = -16,
    /// The time limit passed (TimeoutError). The connection was closed.
    SMTP_E_TIMEOUT = -17,
    /// TLS failed: certificate, handshake or record (ssl.SSLError). The connection was closed.
    SMTP_E_TLS = -18,
    /// The connection was lost after the message was handed over and before its reply: it may
    /// or may not have been delivered. Never sent again by the library.
    SMTP_E_OUTCOME_UNKNOWN = -19,
    /// smtp_client_cancel() ended the call. The connection was closed.
    SMTP_E_CANCELLED = -20,
    /// The audit callback, or the guard over credentials in clear, forbids it.
    SMTP_E_FORBIDDEN = -21,
    /// Out of memory.
    SMTP_E_NO_MEMORY = -22,
    /// A fault of the library itself; please report it.
    SMTP_E_INTERNAL = -23,
    /// The name service could not answer now, and may later (socket.gaierror with EAI_AGAIN).
    SMTP_E_RESOLVE_AGAIN = -24,
}

use smtp_result::*;

const NAMES: [(smtp_result, &std::ffi::CStr); 25] = [
    (SMTP_OK, c"SMTP_OK"),
    (SMTP_E_INVALID_ARGUMENT, c"SMTP_E_INVALID_ARGUMENT"),
    (SMTP_E_MISUSE, c"SMTP_E_MISUSE"),
    (SMTP_E_BUSY, c"SMTP_E_BUSY"),
    (SMTP_E_DISCONNECTED, c"SMTP_E_DISCONNECTED"),
    (SMTP_E_CONNECT, c"SMTP_E_CONNECT"),
    (SMTP_E_HELO, c"SMTP_E_HELO"),
    (SMTP_E_NOT_SUPPORTED, c"SMTP_E_NOT_SUPPORTED"),
    (SMTP_E_AUTHENTICATION, c"SMTP_E_AUTHENTICATION"),
    (SMTP_E_NO_MECHANISM, c"SMTP_E_NO_MECHANISM"),
    (SMTP_E_SENDER_REFUSED, c"SMTP_E_SENDER_REFUSED"),
    (SMTP_E_RECIPIENTS_REFUSED, c"SMTP_E_RECIPIENTS_REFUSED"),
    (SMTP_E_DATA, c"SMTP_E_DATA"),
    (SMTP_E_RESPONSE, c"SMTP_E_RESPONSE"),
    (SMTP_E_PROTOCOL, c"SMTP_E_PROTOCOL"),
    (SMTP_E_IO, c"SMTP_E_IO"),
    (SMTP_E_RESOLVE, c"SMTP_E_RESOLVE"),
    (SMTP_E_TIMEOUT, c"SMTP_E_TIMEOUT"),
    (SMTP_E_TLS, c"SMTP_E_TLS"),
    (SMTP_E_OUTCOME_UNKNOWN, c"SMTP_E_OUTCOME_UNKNOWN"),
    (SMTP_E_CANCELLED, c"SMTP_E_CANCELLED"),
    (SMTP_E_FORBIDDEN, c"SMTP_E_FORBIDDEN"),
    (SMTP_E_NO_MEMORY, c"SMTP_E_NO_MEMORY"),
    (SMTP_E_INTERNAL, c"SMTP_E_INTERNAL"),
    (SMTP_E_RESOLVE_AGAIN, c"SMTP_E_RESOLVE_AGAIN"),
];

impl From<ErrorKind> for smtp_result {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidArgument => SMTP_E_INVALID_ARGUMENT,
            ErrorKind::Misuse => SMTP_E_MISUSE,
            ErrorKind::Busy => SMTP_E_BUSY,
            ErrorKind::Disconnected => SMTP_E_DISCONNECTED,
            ErrorKind::Connect => SMTP_E_CONNECT,
            ErrorKind::Helo => SMTP_E_HELO,
            ErrorKind::NotSupported => SMTP_E_NOT_SUPPORTED,
            ErrorKind::Authentication => SMTP_E_AUTHENTICATION,
            ErrorKind::NoMechanism => SMTP_E_NO_MECHANISM,
            ErrorKind::SenderRefused => SMTP_E_SENDER_REFUSED,
            ErrorKind::RecipientsRefused => SMTP_E_RECIPIENTS_REFUSED,
            ErrorKind::Data => SMTP_E_DATA,
            ErrorKind::Response => SMTP_E_RESPONSE,
            ErrorKind::Protocol => SMTP_E_PROTOCOL,
            ErrorKind::Io => SMTP_E_IO,
            ErrorKind::Resolve => SMTP_E_RESOLVE,
            ErrorKind::ResolveAgain => SMTP_E_RESOLVE_AGAIN,
            ErrorKind::Timeout => SMTP_E_TIMEOUT,
            ErrorKind::Tls => SMTP_E_TLS,
            ErrorKind::OutcomeUnknown => SMTP_E_OUTCOME_UNKNOWN,
            ErrorKind::Cancelled => SMTP_E_CANCELLED,
            ErrorKind::Forbidden => SMTP_E_FORBIDDEN,
            ErrorKind::NoMemory => SMTP_E_NO_MEMORY,
            ErrorKind::Internal => SMTP_E_INTERNAL,
        }
    }
}

pub(super) fn code(kind: ErrorKind) -> c_int {
    smtp_result::from(kind) as c_int
}

/// Message of the last failed call on this thread, in UTF-8: what failed, where, and what the
/// server or the system said. Never NULL; "" if no call has failed; a call that succeeds leaves
/// it alone. At most 1023 bytes. The string is valid until the next failing call on this thread.
///
/// In a language that moves between threads use smtp_client_last_error(), which belongs to the
/// handle.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_last_error() -> *const c_char {
    guard::thread_error()
}

/// Code of that call: one of smtp_result, SMTP_OK if none has failed. Where a function returns NULL
/// in place of a code, such as smtp_client_new(), it tells why.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_last_error_code() -> c_int {
    guard::thread_error_kind().map_or(SMTP_OK as c_int, code)
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
    fn names_and_numbers() {
        for (index, (result, name)) in NAMES.iter().enumerate() {
            assert_eq!(*result as c_int, -(index as c_int));
            assert_eq!(name.to_str().unwrap(), format!("{result:?}"));
        }
    }

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
