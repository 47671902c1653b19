//! Connections of a client: making, securing, ending and cancelling them.

use std::ffi::{c_char, c_int, c_void};

use crate::client::{Cancel, Client};
use crate::error::{Error, ErrorKind};

use super::client::{Owned, run, set, smtp_client};
use super::convert;
use super::handle::Handle;

/// Connects and reads the greeting (smtplib: connect). An open connection is closed first.
///
/// @param host  name, IPv4 or IPv6 address, "host:port", "[v6]:port", or the path of a Unix
///              socket, which begins with "/"
/// @param port  0 for the one in `host`, or else the protocol's default
///
/// Returns SMTP_OK. SMTP_E_INVALID_ARGUMENT for a host or port that cannot be, before any lookup;
/// SMTP_E_RESOLVE; SMTP_E_IO if no address could be reached, the message naming each;
/// SMTP_E_TIMEOUT; SMTP_E_TLS; SMTP_E_DISCONNECTED if the server hung up without a greeting;
/// SMTP_E_CONNECT if the greeting was not 220, the reply being smtp_client_reply_code().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_connect(
    client: *mut smtp_client,
    host: *const c_char,
    port: c_int,
) -> c_int {
    run(client, |owned| {
        let port = convert::port(port)?;
        owned.client.connect(convert::text("the host", host)?, port)
    })
}

/// Speaks over a connected stream socket of the caller's, and reads the greeting.
///
/// @param fd           duplicated: the caller may close his. The socket is made non-blocking
/// @param server_name  for TLS; NULL if there will be none
///
/// Errors as smtp_client_connect(); SMTP_E_INVALID_ARGUMENT if it is no such socket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_connect_fd(
    client: *mut smtp_client,
    fd: c_int,
    server_name: *const c_char,
) -> c_int {
    run(client, |owned| {
        let name = convert::optional_text("the server name", server_name)?;
        owned.client.connect_fd(convert::descriptor(fd)?, name)
    })
}

/// STARTTLS (RFC 3207; smtplib: starttls) under the client's TLS policy. EHLO is sent first if
/// need be, and must be sent anew afterwards, which the sending functions do by themselves.
///
/// Returns SMTP_OK. SMTP_E_NOT_SUPPORTED if it is not offered; SMTP_E_RESPONSE if it is refused
/// (the connection goes on, in clear); SMTP_E_MISUSE if TLS is active; SMTP_E_PROTOCOL if data was
/// injected behind the reply, and SMTP_E_TLS with the reason: both close the connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_starttls(client: *mut smtp_client) -> c_int {
    run(client, |owned| owned.client.starttls())
}

/// Sends QUIT and closes the connection, whatever comes (smtplib: quit). Waits for the reply
/// for 5 seconds at most.
///
/// Returns the reply code, 0 if the server hung up without one, or an error; the connection is
/// closed in every case.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_quit(client: *mut smtp_client) -> c_int {
    Handle::run(client, |owned: &mut Owned| owned.client.quit().map(c_int::from))
}

/// Closes the connection without a word (smtplib: close). Closing a closed one is no error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_close(client: *mut smtp_client) -> c_int {
    set(client, Client::close)
}

/// Ends the call that is running on this client, which returns SMTP_E_CANCELLED and closes the
/// connection. May be called at any time, from any thread and from a signal handler; without a
/// running call it does nothing. Returns SMTP_OK, or SMTP_E_MISUSE for what is no client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_cancel(client: *mut smtp_client) -> c_int {
    Handle::<Owned>::with_shared(client, Cancel::cancel)
}

/// Whether there is a connection: 1 or 0, or an error. A connection that the server has closed
/// counts until a call notices.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_is_connected(client: *const smtp_client) -> c_int {
    Handle::run(client, |owned: &mut Owned| Ok(owned.client.is_connected().into()))
}

/// Whether the connection is under TLS: 1 or 0, or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_is_encrypted(client: *const smtp_client) -> c_int {
    Handle::run(client, |owned: &mut Owned| Ok(owned.client.is_encrypted().into()))
}

/// The server's certificate in DER, its length in `*length`; NULL without TLS. Valid until the
/// next call of this function on the client, or its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_peer_certificate(
    client: *const smtp_client,
    length: *mut usize,
) -> *const c_void {
    let found = Handle::call(
        client,
        |_| (std::ptr::null(), 0),
        |owned: &mut Owned| {
            let Some(certificate) = owned.client.peer_certificate() else {
                return Ok((std::ptr::null(), 0));
            };
            // What C may hold stays where it is until another connection has another one.
            if owned.certificate != certificate {
                owned.certificate = certificate;
            }
            Ok((owned.certificate.as_ptr(), owned.certificate.len()))
        },
    );
    convert::give(length, found.1);
    found.0.cast()
}

/// The connection's descriptor, for looking only; SMTP_E_DISCONNECTED if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_fd(client: *const smtp_client) -> c_int {
    Handle::run(client, |owned: &mut Owned| {
        owned.client.fd().ok_or_else(|| Error::new(ErrorKind::Disconnected, "not connected"))
    })
}
