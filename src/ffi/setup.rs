//! What smtp_client_open() needs to know: a server, how the way to it is secured, and credentials.

use std::ffi::{c_char, c_int};

use crate::client::{Operation, Security};

use super::boundary::convert;
use super::client::{perform, smtp_client, try_set};

/// For smtp_client_set_security(): what the port calls for (RFC 8314). TLS from the first byte on
/// port 465; none on any other to this machine; elsewhere STARTTLS, which is needed on port 587 and
/// for credentials on any port but 25, and is used on others if the server offers it. With
/// SMTP_PROTOCOL_SMTPS, TLS from the first byte whatever the port. The default.
pub const SMTP_SECURITY_AUTO: c_int = 0;
/// For smtp_client_set_security(): no TLS. The mail crosses the network in clear.
pub const SMTP_SECURITY_NONE: c_int = 1;
/// For smtp_client_set_security(): STARTTLS if the server offers it (RFC 3207), and no TLS if it
/// does not. No defence against whoever can change what the server says.
pub const SMTP_SECURITY_OPPORTUNISTIC: c_int = 2;
/// For smtp_client_set_security(): STARTTLS (RFC 3207), and an error without it: nothing but EHLO
/// and STARTTLS is ever sent in clear.
pub const SMTP_SECURITY_STARTTLS: c_int = 3;
/// For smtp_client_set_security(): TLS from the first byte (RFC 8314 section 3.3).
pub const SMTP_SECURITY_TLS: c_int = 4;

/// Sets everything that smtp_client_open() needs by one URL (RFC 3986):
///
/// - `smtp://[user[:password]@]host[:port]`: SMTP, with the security of SMTP_SECURITY_AUTO and
///   port 25;
/// - `smtps://...`: the same with TLS from the first byte and port 465;
/// - `smtp+starttls://...`: with STARTTLS and port 587;
/// - `lmtp://...`: LMTP, with SMTP_SECURITY_AUTO and port 2003;
/// - `lmtp+unix:///path`: LMTP over a Unix socket.
///
/// It sets the host, the port, the security and the credentials, each also where it does not name
/// them: no user means no credentials, and given addresses are forgotten, since both were those of
/// another server. So smtp_client_set_credentials(), which needs no escapes, comes behind it. The
/// protocol becomes the scheme's, whatever smtp_client_new() was told, from the next connection on;
/// one that is open goes on as it began.
///
/// @param url  8192 bytes at most. User name, password and path may hold percent escapes for what is
///             UTF-8 without control characters, and need them for "%", "@", "/", "?", "#" and
///             spaces, the user name for ":" too. An IPv6 address stands in brackets, its zone behind "%25"
///             (RFC 6874); a name is in ASCII. A copy of the password is kept until another takes
///             its place or the client's end, then wiped, and shown nowhere
///
/// Returns SMTP_OK. SMTP_E_INVALID_ARGUMENT for anything else in it: another scheme, a query, a
/// fragment, a path behind the host, a port that is none. The message says which, without the
/// user name and the password wherever they stand in it. After an error, all is as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_url(
    client: *mut smtp_client,
    url: *const c_char,
) -> c_int {
    try_set(client, |client| client.set_url(convert::text("the URL", url)?))
}

/// Sets the server for smtp_client_open(); addresses given for another are forgotten.
///
/// @param host  as for smtp_client_connect(); what certificates must be for, unless the TLS policy
///              names another
/// @param port  0 for the one in `host`, or else 587 with SMTP_SECURITY_STARTTLS, 465 with
///              SMTP_SECURITY_TLS (both not for LMTP), and the protocol's default otherwise; ignored
///              for a path
///
/// Returns SMTP_OK; SMTP_E_INVALID_ARGUMENT for a host or port that cannot be. Nothing is looked up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_host(
    client: *mut smtp_client,
    host: *const c_char,
    port: c_int,
) -> c_int {
    try_set(client, |client| {
        let port = convert::port(port)?;
        client.set_host(convert::text("the host", host)?, port)
    })
}

/// Sets as whom smtp_client_open() logs in. Without credentials, the default, it does not.
///
/// @param user      in UTF-8, not empty; NULL with a password that is NULL for no credentials
/// @param password  in UTF-8; NULL to name the user alone. Both are kept until others take their
///                  place or the client's end, then wiped, and shown nowhere
///
/// Returns SMTP_OK; SMTP_E_INVALID_ARGUMENT for a password without a user name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_credentials(
    client: *mut smtp_client,
    user: *const c_char,
    password: *const c_char,
) -> c_int {
    try_set(client, |client| {
        let user = convert::optional_text("the user name", user)?;
        let password = convert::optional_text("the password", password)?;
        client.set_credentials(user, password)
    })
}

/// Sets how smtp_client_open() secures the connection. Certificates are checked as the policy of
/// smtp_client_set_tls() says. Other functions are not concerned: smtp_client_connect() goes by the
/// protocol, and smtp_client_starttls() does what it says.
///
/// @param security  SMTP_SECURITY_AUTO (the default), SMTP_SECURITY_NONE,
///                  SMTP_SECURITY_OPPORTUNISTIC, SMTP_SECURITY_STARTTLS or SMTP_SECURITY_TLS
///
/// Returns SMTP_OK; SMTP_E_INVALID_ARGUMENT for another value, and with SMTP_PROTOCOL_SMTPS for all
/// but the first and the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_security(
    client: *mut smtp_client,
    security: c_int,
) -> c_int {
    try_set(client, |client| {
        client.set_security(match security {
            SMTP_SECURITY_AUTO => Security::Auto,
            SMTP_SECURITY_NONE => Security::None,
            SMTP_SECURITY_OPPORTUNISTIC => Security::Opportunistic,
            SMTP_SECURITY_STARTTLS => Security::StartTls,
            SMTP_SECURITY_TLS => Security::Tls,
            _ => return Err(convert::invalid("the security is none of SMTP_SECURITY_*")),
        })
    })
}

/// Sets the addresses of the host for smtp_client_open(), in place of a look-up: where there is no
/// name service, as in a chroot, or a test has a server of its own. The name stays what
/// certificates must be for. They are tried in this order, and forgotten when another host is set.
///
/// @param addresses  IPv4 and IPv6 addresses, the latter with a zone or without, such as
///                   "192.0.2.1" and "fe80::1%eth0"; no names, ports, brackets or paths
/// @param count      0 for a look-up again, and `addresses` may be NULL
///
/// Returns SMTP_OK; SMTP_E_INVALID_ARGUMENT if one is no address, the message saying which;
/// SMTP_E_MISUSE if no host was set before, or a Unix socket was. After an error, all is as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_addresses(
    client: *mut smtp_client,
    addresses: *const *const c_char,
    count: usize,
) -> c_int {
    try_set(client, |client| client.set_addresses(&convert::texts("an address", addresses, count)?))
}

/// Makes sure that there is a connection to the server that was set, ready for mail: looks the name
/// up, connects, secures the connection as smtp_client_set_security() says, sends EHLO and logs in
/// with the credentials, or a token of the source, all within one time limit. With STARTTLS or TLS nothing but EHLO and
/// STARTTLS goes out in clear.
///
/// Cheap enough to be called before each mail: if the connection is there, nothing is sent. A server
/// that has closed it meanwhile, or said so (421), is noticed without asking it, and a new
/// connection made. So it is where host, addresses, credentials or security were set anew since, or
/// another function made the connection. (Where no server was set, any that is there will do.)
///
/// Returns SMTP_OK. The errors of smtp_client_connect(), smtp_client_starttls(),
/// smtp_client_ehlo_or_helo_if_needed(), smtp_client_login() and smtp_client_login_oauth(), the message saying in which phase;
/// SMTP_E_NOT_SUPPORTED if STARTTLS is needed and not offered, SMTP_E_HELO if EHLO is refused then;
/// SMTP_E_MISUSE if no host was set and there is no connection, or for credentials without a
/// password. After an error there is no connection.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_open(client: *mut smtp_client) -> c_int {
    perform(client, |_| Ok(Operation::Open))
}
