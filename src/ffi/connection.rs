//! Connections of a client: making, securing, ending and cancelling them.

use std::ffi::{c_char, c_int, c_void};

use crate::client::{Operation, TlsInfo};
use crate::error::{Error, ErrorKind};

use super::boundary::{Handle, View, convert};
use super::client::{Owned, Shows, perform, run, smtp_client};

/// Connects and reads the greeting (RFC 5321 section 3.1; smtplib: connect). An open connection
/// is closed first. All addresses of the host are tried, IPv6 and IPv4, within the time limit;
/// with SMTP_PROTOCOL_SMTPS the TLS handshake comes next.
///
/// @param host  name, IPv4 or IPv6 address, "host:port", "[v6]:port", or the path of a Unix
///              socket, which begins with "/"
/// @param port  0 for the one in `host`, or else the protocol's default; ignored for a path
///
/// Returns SMTP_OK, the greeting being smtp_client_reply_text(). SMTP_E_INVALID_ARGUMENT for a
/// host or port that cannot be, before any lookup; SMTP_E_FORBIDDEN by the audit callback;
/// SMTP_E_RESOLVE if the name does not exist and SMTP_E_RESOLVE_AGAIN if that cannot be found out
/// now, smtp_client_last_errno() being getaddrinfo's code; SMTP_E_IO if no address could be
/// reached, the message naming each with its reason; SMTP_E_TIMEOUT; SMTP_E_CANCELLED; SMTP_E_TLS;
/// SMTP_E_DISCONNECTED if the server hung up without a greeting; SMTP_E_PROTOCOL if that is no
/// SMTP; SMTP_E_CONNECT if it is not 220, smtp_client_reply_code() being what it is. After an
/// error there is no connection.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_connect(
    client: *mut smtp_client,
    host: *const c_char,
    port: c_int,
) -> c_int {
    perform(client, |_| {
        let port = convert::port(port)?;
        Ok(Operation::Connect { host: convert::text("the host", host)?.to_owned(), port })
    })
}

/// Speaks over a connected stream socket of the caller's, and reads the greeting. An open
/// connection is closed first.
///
/// @param fd           a connected TCP or Unix stream socket. It is duplicated: the caller's own
///                     stays his to close, but must not be read or written any more, and
///                     becomes non-blocking
/// @param server_name  whom its certificate must be for; NULL for "localhost".
///                     SMTP_E_INVALID_ARGUMENT for what is no host name or IP address
///
/// Returns and errors as smtp_client_connect(); SMTP_E_INVALID_ARGUMENT if it is no such socket.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_connect_fd(
    client: *mut smtp_client,
    fd: c_int,
    server_name: *const c_char,
) -> c_int {
    perform(client, |_| {
        let server_name = convert::optional_string("the server name", server_name)?;
        Ok(Operation::ConnectFd { fd: convert::descriptor(fd)?, server_name })
    })
}

/// Speaks over a connected stream socket whose greeting the caller has read already: one of a
/// pool, say, or one that a proxy handed over. Nothing is read and nothing sent; the next call is
/// the first on the connection, and EHLO is sent when one needs it. An open connection is closed
/// first. smtp_client_reply_code() is 0 until the first reply.
///
/// @param fd           as for smtp_client_connect_fd(); what the caller has read ends with the
///                     greeting's last line, and what he has not is the server's next reply
/// @param server_name  as for smtp_client_connect_fd()
///
/// Returns SMTP_OK. SMTP_E_INVALID_ARGUMENT for a descriptor or a name that cannot be;
/// SMTP_E_FORBIDDEN by the audit callback; SMTP_E_MISUSE with SMTP_PROTOCOL_SMTPS, where the
/// greeting is under TLS. SMTP_E_MISUSE and a name that cannot be change nothing; after any other
/// error there is no connection.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_adopt_fd(
    client: *mut smtp_client,
    fd: c_int,
    server_name: *const c_char,
) -> c_int {
    run(client, |owned| {
        let name = convert::optional_text("the server name", server_name)?;
        owned.driver.client_mut()?.adopt_fd(convert::descriptor(fd)?, name)?;
        owned.driver.watch();
        Ok(())
    })
}

/// STARTTLS (RFC 3207; smtplib: starttls) under the client's TLS policy. EHLO is sent first if
/// need be. Everything learnt before is forgotten: EHLO must be sent anew, which the sending and
/// login functions do by themselves.
///
/// Returns SMTP_OK: the connection is encrypted, and the server is who it should be. On any error
/// it is NOT encrypted. SMTP_E_NOT_SUPPORTED if STARTTLS is not offered and SMTP_E_RESPONSE if it
/// is refused leave the connection open, in clear; SMTP_E_MISUSE if TLS is active already;
/// SMTP_E_PROTOCOL if data was injected behind the reply, and SMTP_E_TLS with the reason (expired,
/// self-signed, unknown issuer, another host, ...), close the connection.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_starttls(client: *mut smtp_client) -> c_int {
    perform(client, |_| Ok(Operation::StartTls))
}

/// Sends QUIT and closes the connection (RFC 5321 section 4.1.1.10; smtplib: quit). Waits for the
/// reply for 5 seconds at most, and within the time limit.
///
/// Returns the reply code; 0 if the server hung up without one, which is no error of any mail (and
/// leaves smtp_client_reply_code() and its text those of the reply before); or an error. The
/// connection is closed in every case.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_quit(client: *mut smtp_client) -> c_int {
    perform(client, |_| Ok(Operation::Quit))
}

/// Closes the connection without a word (smtplib: close). Closing a closed one is no error.
/// Transactions that were submitted and not completed go to the completion callback. A call that is
/// pending ends as if it were cancelled, and its result is not told any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_close(client: *mut smtp_client) -> c_int {
    run(client, |owned| {
        let closed = owned.driver.close();
        owned.give_back();
        closed
    })
}

/// Ends the call that is running on this client, in whatever phase: it returns SMTP_E_CANCELLED
/// and closes the connection. Does not wait for that.
///
/// May be called at any time, from any thread, from a callback and from a signal handler; it takes
/// no lock, uses no heap, and leaves errno alone. Whoever has seen that the call runs (SMTP_E_BUSY
/// came back, or one of its callbacks runs) ends it for certain. Without a running call it does
/// nothing: it is forgotten when the next one begins. (A call whose last reply is here already may
/// still return that.)
///
/// Returns SMTP_OK, or SMTP_E_MISUSE for what is no client (without a message).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_cancel(client: *mut smtp_client) -> c_int {
    Handle::<Owned>::cancel(client)
}

/// Whether there is a connection: 1 or 0, or an error. One that the server has closed counts
/// until a call notices; smtp_client_noop() asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_is_connected(client: *const smtp_client) -> c_int {
    Handle::number(client, |owned: &View<'_, Owned>| Ok(owned.client()?.is_connected().into()))
}

/// Whether the connection is under TLS: 1 or 0 (also without a connection), or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_is_encrypted(client: *const smtp_client) -> c_int {
    Handle::number(client, |owned: &View<'_, Owned>| Ok(owned.client()?.is_encrypted().into()))
}

/// The server's certificate (X.509 in DER).
///
/// @param length  gets its length in bytes, 0 if there is none; may be NULL
///
/// NULL without TLS, and for a client that cannot be used. Valid until this function is called
/// for another connection of the client, or the client's end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_peer_certificate(
    client: *const smtp_client,
    length: *mut usize,
) -> *const c_void {
    let found = Handle::look(
        client,
        |_| (std::ptr::null(), 0),
        |owned: &View<'_, Owned>| {
            let Some(certificate) = owned.client()?.peer_certificate() else {
                return Ok((std::ptr::null(), 0));
            };
            let shown = owned.show_bytes(Shows::Certificate as usize, &certificate);
            Ok((shown, certificate.len()))
        },
    );
    convert::give(length, found.1);
    found.0.cast()
}

/// Version of TLS: "TLSv1.3"
pub const SMTP_TLS_INFO_VERSION: c_int = 1;
/// Cipher suite by its name in the RFCs: "TLS_AES_256_GCM_SHA384"
pub const SMTP_TLS_INFO_CIPHER: c_int = 2;
/// Group of the key exchange by IANA's name: "x25519", "X25519MLKEM768"; none before OpenSSL 3.0
pub const SMTP_TLS_INFO_GROUP: c_int = 3;
/// Whether the session is one from before: "yes" or "no"
pub const SMTP_TLS_INFO_RESUMED: c_int = 4;
/// Subject of the server's certificate: "CN=mail.example.org, O=Example"
pub const SMTP_TLS_INFO_SUBJECT: c_int = 5;
/// Who issued it
pub const SMTP_TLS_INFO_ISSUER: c_int = 6;
/// When it expires, in UTC (RFC 3339): "2026-12-31T23:59:59Z"
pub const SMTP_TLS_INFO_NOT_AFTER: c_int = 7;
/// For whom it is, the first eight names: "mail.example.org, smtp.example.org"
pub const SMTP_TLS_INFO_NAMES: c_int = 8;

/// A fact of the TLS connection, as text.
///
/// @param what  one of SMTP_TLS_INFO_*
///
/// Returns the text; valid until the next call of this function with the same `what` on the client.
/// NULL without TLS, where the connection has no such thing, and on an error:
/// SMTP_E_INVALID_ARGUMENT for what is none of them, SMTP_E_NOT_SUPPORTED by native-tls
/// (`smtp_client_has_feature("tls-info")` is 0).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_tls_info(
    client: *const smtp_client,
    what: c_int,
) -> *const c_char {
    let null = std::ptr::null();
    Handle::look(
        client,
        |_| null,
        |owned: &View<'_, Owned>| {
            let fact = match what {
                SMTP_TLS_INFO_VERSION => TlsInfo::Version,
                SMTP_TLS_INFO_CIPHER => TlsInfo::Cipher,
                SMTP_TLS_INFO_GROUP => TlsInfo::Group,
                SMTP_TLS_INFO_RESUMED => TlsInfo::Resumed,
                SMTP_TLS_INFO_SUBJECT => TlsInfo::Subject,
                SMTP_TLS_INFO_ISSUER => TlsInfo::Issuer,
                SMTP_TLS_INFO_NOT_AFTER => TlsInfo::NotAfter,
                SMTP_TLS_INFO_NAMES => TlsInfo::Names,
                _ => return Err(convert::invalid("the fact is none of SMTP_TLS_INFO_*")),
            };
            let text = owned.client()?.tls_info(fact)?;
            let place = what.unsigned_abs() as usize;
            Ok(text
                .map_or(null, |text| owned.show(Shows::TlsInfo as usize, place, text.as_bytes())))
        },
    )
}

/// The descriptor of the connection's socket, to be looked at (its addresses, its options) and
/// neither read, written nor closed; SMTP_E_DISCONNECTED if there is none. Valid until the
/// connection ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_fd(client: *const smtp_client) -> c_int {
    Handle::number(client, |owned: &View<'_, Owned>| {
        owned.client()?.fd().ok_or_else(|| Error::new(ErrorKind::Disconnected, "not connected"))
    })
}
