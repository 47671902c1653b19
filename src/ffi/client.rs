//! smtp_client: making one, and its settings.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use crate::client::{Cancel, Client, Protocol, TimeoutPolicy, TlsPolicy};
use crate::error::Result;

use super::convert;
use super::guard::{caught, guarded};
use super::handle::{Handle, Kind};
use super::lease::Batch;
use super::observe::Returned;
use super::reply::Strings;
use super::tls::smtp_tls;

/// A client: settings, and any number of connections one after another (smtplib: SMTP, SMTP_SSL,
/// LMTP). Settings outlive a connection; what was learnt about a server does not.
#[allow(non_camel_case_types)]
pub struct smtp_client {
    _opaque: (),
}

/// What a client's handle holds.
pub(super) struct Owned {
    pub client: Client,
    pub strings: Strings,
    pub batch: Batch,
    pub certificate: Vec<u8>,
}

impl Kind for Owned {
    const TAG: u8 = 1;
    const NAME: &'static str = "client";
    type Shared = Cancel;

    /// The connection is in an unknown state: it is closed, and everything on loan goes back.
    fn recover(&mut self) -> bool {
        let closed = caught(|| self.client.close());
        self.batch.give_back();
        if closed.is_err() {
            // Whatever it still holds must not reach a handle that was given back above.
            self.client.set_completion(None);
        }
        closed.is_ok()
    }
}

/// SMTP, RFC 5321; port 25 (smtplib.SMTP).
pub const SMTP_PROTOCOL_SMTP: c_int = 1;
/// SMTP with TLS from the first byte, RFC 8314; port 465 (smtplib.SMTP_SSL).
pub const SMTP_PROTOCOL_SMTPS: c_int = 2;
/// LMTP, RFC 2033; port 2003 (smtplib.LMTP).
pub const SMTP_PROTOCOL_LMTP: c_int = 3;

/// For smtp_client_set_timeout(): no limit at all.
pub const SMTP_TIMEOUT_NONE: c_int = -1;
/// For smtp_client_set_timeout(): RFC 5321 section 4.5.3.2's limit for each wait. The default.
pub const SMTP_TIMEOUT_RFC: c_int = -2;

/// Runs a call of the client that gives no reply code.
pub(super) fn run(client: *mut smtp_client, work: impl FnOnce(&mut Owned) -> Result<()>) -> c_int {
    Handle::run(client, |owned| work(owned).map(|()| 0))
}

pub(super) fn set(client: *mut smtp_client, change: impl FnOnce(&mut Client)) -> c_int {
    run(client, |owned| {
        change(&mut owned.client);
        Ok(())
    })
}

/// Makes a client (smtplib: SMTP(), SMTP_SSL(), LMTP()).
///
/// @param protocol  SMTP_PROTOCOL_SMTP, SMTP_PROTOCOL_SMTPS or SMTP_PROTOCOL_LMTP
///
/// Returns a client without a connection, to be freed with smtp_client_free(). NULL if the protocol
/// is unknown, or no memory or descriptor is left; smtp_last_error() says which.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_new(protocol: c_int) -> *mut smtp_client {
    guarded(std::ptr::null_mut(), || {
        let protocol = match protocol {
            SMTP_PROTOCOL_SMTP => Protocol::Smtp,
            SMTP_PROTOCOL_SMTPS => Protocol::Smtps,
            SMTP_PROTOCOL_LMTP => Protocol::Lmtp,
            _ => return Err(convert::invalid("the protocol is none of SMTP_PROTOCOL_*")),
        };
        let mut client = Client::new(protocol)?;
        client.set_completion(Some(Box::new(Returned::silent())));
        let cancel = client.canceller();
        let owned = Owned {
            client,
            strings: Strings::default(),
            batch: Batch::default(),
            certificate: Vec::new(),
        };
        Handle::create(owned, cancel)
    })
}

/// Frees a client; NULL is allowed. An open connection is closed without QUIT: nothing is
/// sent and nothing waited for (smtp_client_quit() ends it politely). Transactions that were
/// submitted and not completed go to the completion callback first, with their true outcome;
/// then the destroy functions of all callbacks run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_free(client: *mut smtp_client) {
    guarded((), || Handle::<Owned>::free(client));
}

/// Sets the name for EHLO, HELO and LHLO (RFC 5321 section 4.1.1.1; smtplib: local_hostname=).
/// Default: this machine's name if that has a dot, looked up once when it is first needed; else
/// this connection's own address, such as "[192.0.2.1]".
///
/// @param name  without spaces and control characters; it counts from the next hello on
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_local_hostname(
    client: *mut smtp_client,
    name: *const c_char,
) -> c_int {
    run(client, |owned| {
        owned.client.set_local_hostname(convert::text("the local host name", name)?)
    })
}

/// Sets the time limit (smtplib: timeout=). It holds for each call as a whole, name lookup, TLS,
/// and all reads and writes together, so that a server that sends a byte a minute cannot stretch
/// it; in a batch or stream, for each transaction.
///
/// @param milliseconds  1 or more, SMTP_TIMEOUT_NONE, or SMTP_TIMEOUT_RFC (the default: each wait
///                      has the limit of RFC 5321 section 4.5.3.2, two to ten minutes);
///                      SMTP_E_INVALID_ARGUMENT for 0, as in smtplib, and for other numbers
///
/// A call that meets it returns SMTP_E_TIMEOUT and closes the connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_timeout(
    client: *mut smtp_client,
    milliseconds: c_int,
) -> c_int {
    run(client, |owned| {
        owned.client.set_timeout(match milliseconds {
            SMTP_TIMEOUT_NONE => TimeoutPolicy::Never,
            SMTP_TIMEOUT_RFC => TimeoutPolicy::Rfc,
            1.. => TimeoutPolicy::After(Duration::from_millis(milliseconds.unsigned_abs().into())),
            _ => {
                return Err(convert::invalid(
                    "the time limit is neither positive nor one of SMTP_TIMEOUT_*",
                ));
            }
        });
        Ok(())
    })
}

/// Sets the local address to connect from (smtplib: source_address=), for TCP only.
///
/// @param host  an IPv4 or IPv6 address, NULL or "" for any; SMTP_E_INVALID_ARGUMENT for a name
/// @param port  0 for any
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_source_address(
    client: *mut smtp_client,
    host: *const c_char,
    port: c_int,
) -> c_int {
    run(client, |owned| {
        let host = convert::optional_text("the source address", host)?;
        owned.client.set_source_address(host, convert::port(port)?)
    })
}

/// Sets the TLS policy for this client's handshakes from now on (smtplib: context=).
///
/// @param tls  the client keeps a reference of its own: the policy may be freed at once, given to
///             other clients by other threads at the same time, and later changes to it do not
///             reach this client. NULL goes back to the defaults
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_tls(
    client: *mut smtp_client,
    tls: *mut smtp_tls,
) -> c_int {
    run(client, |owned| {
        let policy = if tls.is_null() {
            TlsPolicy::default()
        } else {
            Handle::<TlsPolicy>::read(tls, TlsPolicy::clone)?
        };
        owned.client.set_tls(policy);
        Ok(())
    })
}

/// Whether commands go out without waiting for each reply where the server offers PIPELINING
/// (RFC 2920): 1 (the default) or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_pipelining(client: *mut smtp_client, on: c_int) -> c_int {
    set(client, |client| client.set_pipelining(on != 0))
}

/// Whether messages go out by BDAT where the server offers CHUNKING (RFC 3030): 1 (the default)
/// or 0, which means DATA.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_chunking(client: *mut smtp_client, on: c_int) -> c_int {
    set(client, |client| client.set_chunking(on != 0))
}
