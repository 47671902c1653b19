//! The codes that C sees, one for each kind of error.

use std::ffi::c_int;

use crate::error::ErrorKind;

/// Result of a function. Numbers are never reused or renumbered.
#[allow(non_camel_case_types)]
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum smtp_result {
    /// The call goes on in smtp_client_process(): see smtp_client_set_nonblocking().
    ///
    /// What to do: watch smtp_client_poll_fd(), and call smtp_client_process() when it is readable.
    SMTP_PENDING = 1,
    /// Success.
    SMTP_OK = 0,
    /// An argument cannot be used (smtplib: ValueError). Nothing was sent.
    ///
    /// What to do: correct what the message names, mostly an address, an option or a path. The same
    /// call never succeeds.
    SMTP_E_INVALID_ARGUMENT = -1,
    /// The call makes no sense now, or the pointer is NULL, freed, or no such handle.
    ///
    /// What to do: correct the program: connect first, read the replies that are owed, or give a
    /// handle that lives.
    SMTP_E_MISUSE = -2,
    /// The handle is running another call, in another thread or around a callback.
    ///
    /// What to do: wait until the other call has returned, give each thread a client of its own,
    /// or, in a callback, do it after the call.
    SMTP_E_BUSY = -3,
    /// Not connected, or the server hung up (SMTPServerDisconnected).
    ///
    /// What to do: connect anew and send again what is SMTP_RECIPIENT_NOT_TRIED.
    SMTP_E_DISCONNECTED = -4,
    /// The greeting was not 220 (SMTPConnectError).
    ///
    /// What to do: read smtp_client_reply_text(). 4yz: try again later. 554: the server serves this
    /// machine not at all, by its address perhaps.
    SMTP_E_CONNECT = -5,
    /// EHLO and HELO, or LHLO, were refused (SMTPHeloError).
    ///
    /// What to do: read smtp_client_reply_text(); give a name that the server takes with
    /// smtp_client_set_local_hostname().
    SMTP_E_HELO = -6,
    /// The server does not offer what the call needs (SMTPNotSupportedError).
    ///
    /// What to do: do without what the message names, or use a server that offers it. Many offer
    /// AUTH only after STARTTLS, and STARTTLS only before.
    SMTP_E_NOT_SUPPORTED = -7,
    /// The server refused the credentials (SMTPAuthenticationError).
    ///
    /// What to do: check user and password. Where both are right the server may want a password
    /// made for programs, or a token (OAuth 2.0). 454: try again later.
    SMTP_E_AUTHENTICATION = -8,
    /// No authentication mechanism in common (SMTPException).
    ///
    /// What to do: compare what the message names of both sides: the server may offer more after
    /// STARTTLS, smtp_client_set_auth_mechanisms() may allow too few, and smtp_client_auth() can
    /// speak any other.
    SMTP_E_NO_MECHANISM = -9,
    /// MAIL was refused, or would be (SMTPSenderRefused).
    ///
    /// What to do: read smtp_client_reply_text(). 4yz: send again later. 5yz: log in first, or use
    /// a sender that this server allows.
    SMTP_E_SENDER_REFUSED = -10,
    /// Every recipient was refused (SMTPRecipientsRefused).
    ///
    /// What to do: look at each with smtp_client_recipient_code(). 4yz: send again later. 5yz: tell
    /// the sender; the address is wrong, or this server does not deliver to it.
    SMTP_E_RECIPIENTS_REFUSED = -11,
    /// DATA or the message was refused (SMTPDataError); by LMTP, for every recipient whose RCPT had
    /// been accepted.
    ///
    /// What to do: read smtp_client_reply_text(). 4yz: send again later. 5yz: the message itself is
    /// not wanted, for its size or its content.
    SMTP_E_DATA = -12,
    /// A reply that the command does not allow, such as 454 to STARTTLS (SMTPResponseException).
    ///
    /// What to do: read smtp_client_reply_code() and smtp_client_reply_text(). 4yz: try again
    /// later.
    SMTP_E_RESPONSE = -13,
    /// What came is not SMTP, or longer than the limits allow. The connection was closed.
    ///
    /// What to do: check host and port: a server that is none for mail looks like this.
    SMTP_E_PROTOCOL = -14,
    /// The system reported an error; see smtp_client_last_errno() (OSError).
    ///
    /// What to do: read errno: ECONNREFUSED, nothing listens there; EHOSTUNREACH or ENETUNREACH, no
    /// way to it. Try again later.
    SMTP_E_IO = -15,
    /// The host name does not exist, or has no address (socket.gaierror). The code of
    /// getaddrinfo(3), such as EAI_NONAME, is smtp_client_last_errno().
    ///
    /// What to do: correct the name.
    SMTP_E_RESOLVE = -16,
    /// The time limit passed (TimeoutError). The connection was closed.
    ///
    /// What to do: try again later, or allow more time with smtp_client_set_timeout(). A firewall
    /// that drops packets looks like this: the detail is SMTP_DETAIL_CONNECTING then.
    SMTP_E_TIMEOUT = -17,
    /// TLS failed: certificate, handshake or record (ssl.SSLError). The connection was closed.
    ///
    /// What to do: read the message. Where the certificate was not accepted
    /// (SMTP_DETAIL_CERTIFICATE) connect by a name that it has, or trust who issued it with
    /// smtp_tls_add_ca_file(). A port that does not begin with TLS looks like this too. Do not send in
    /// clear instead.
    SMTP_E_TLS = -18,
    /// The connection was lost after the message was handed over and before its reply: it may
    /// or may not have been delivered. Never sent again by the library.
    ///
    /// What to do: decide whether twice is better than never. If so, send again with the same
    /// Message-ID, by which the two can be known for one; if not, tell the sender.
    SMTP_E_OUTCOME_UNKNOWN = -19,
    /// smtp_client_cancel() ended the call. The connection was closed.
    ///
    /// What to do: nothing, if that was wanted. smtp_client_recipient_status() says for whom it
    /// came too late.
    SMTP_E_CANCELLED = -20,
    /// The audit callback, or the guard over credentials in clear, forbids it.
    ///
    /// What to do: call smtp_client_starttls() first or use SMTP_PROTOCOL_SMTPS; where the network
    /// can be trusted, smtp_client_set_allow_plaintext_auth(). If the audit callback forbids it,
    /// that is as wanted.
    SMTP_E_FORBIDDEN = -21,
    /// Out of memory.
    ///
    /// What to do: try again with more memory free, or give a large message by
    /// smtp_transaction_set_message_fd() or smtp_transaction_set_reader().
    SMTP_E_NO_MEMORY = -22,
    /// A fault of the library itself; please report it.
    ///
    /// What to do: report it, with the message.
    SMTP_E_INTERNAL = -23,
    /// The name service could not answer now, and may later (socket.gaierror with EAI_AGAIN).
    ///
    /// What to do: try again later; if it stays so, see whether this machine reaches its name
    /// server.
    SMTP_E_RESOLVE_AGAIN = -24,
}

use smtp_result::*;

/// Each code with its name, in order.
pub const NAMES: [(smtp_result, &std::ffi::CStr); 26] = [
    (SMTP_PENDING, c"SMTP_PENDING"),
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
            ErrorKind::Pending => SMTP_PENDING,
        }
    }
}

pub fn code(kind: ErrorKind) -> c_int {
    smtp_result::from(kind) as c_int
}

/// The kind that a code stands for; `None` for SMTP_OK and for what is no code.
pub fn kind(code: c_int) -> Option<ErrorKind> {
    KINDS.into_iter().find(|kind| self::code(*kind) == code)
}

const KINDS: [ErrorKind; NAMES.len() - 1] = [
    ErrorKind::InvalidArgument,
    ErrorKind::Misuse,
    ErrorKind::Busy,
    ErrorKind::Disconnected,
    ErrorKind::Connect,
    ErrorKind::Helo,
    ErrorKind::NotSupported,
    ErrorKind::Authentication,
    ErrorKind::NoMechanism,
    ErrorKind::SenderRefused,
    ErrorKind::RecipientsRefused,
    ErrorKind::Data,
    ErrorKind::Response,
    ErrorKind::Protocol,
    ErrorKind::Io,
    ErrorKind::Resolve,
    ErrorKind::ResolveAgain,
    ErrorKind::Timeout,
    ErrorKind::Tls,
    ErrorKind::OutcomeUnknown,
    ErrorKind::Cancelled,
    ErrorKind::Forbidden,
    ErrorKind::NoMemory,
    ErrorKind::Internal,
    ErrorKind::Pending,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (index, (result, name)) in NAMES.iter().enumerate() {
            assert_eq!(*result as c_int, 1 - index as c_int);
            assert_eq!(name.to_str().unwrap(), format!("{result:?}"));
            let back = kind(*result as c_int).map(smtp_result::from);
            assert_eq!(back, Some(*result).filter(|result| *result != SMTP_OK));
        }
    }
}
