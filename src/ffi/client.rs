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

/// A client: settings, and any number of connections one after another. One call at a time; only
/// smtp_client_cancel() may be called at any time.
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

/// For smtp_client_set_timeout(): no limit.
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
/// Free it with smtp_client_free(). NULL if the protocol is unknown or there is no memory (or
/// descriptor) left; smtp_last_error() says which. Nothing is sent.
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

/// Frees a client; NULL is allowed. An open connection is closed without QUIT; nothing is
/// sent and nothing waited for. Inside one of the client's own callbacks it takes effect when
/// the outer call ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_free(client: *mut smtp_client) {
    guarded((), || Handle::<Owned>::free(client));
}

/// Sets the name for EHLO, HELO and LHLO (smtplib: local_hostname=). Copied. Default: this
/// machine's FQDN, or else the address literal of the connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_local_hostname(
    client: *mut smtp_client,
    name: *const c_char,
) -> c_int {
    run(client, |owned| {
        owned.client.set_local_hostname(convert::text("the local host name", name)?)
    })
}

/// Sets the time limit in milliseconds for each call as a whole, name lookup and TLS included
/// (smtplib: timeout=); in a batch, for each transaction. 0 is SMTP_E_INVALID_ARGUMENT, as in
/// smtplib.
///
/// @param milliseconds  1 or more, SMTP_TIMEOUT_NONE, or SMTP_TIMEOUT_RFC (the default: each wait
///                      has RFC 5321 section 4.5.3.2's limit)
///
/// After SMTP_E_TIMEOUT the connection is closed.
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

/// Sets the local address to connect from (smtplib: source_address=).
///
/// @param host  an IP address; NULL or "" for any
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

/// Sets the TLS policy; the client keeps its own reference. NULL goes back to the defaults.
/// Changes made to `tls` afterwards do not reach the client.
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

/// Whether PIPELINING (RFC 2920) is used where it is offered: 1 (the default) or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_pipelining(client: *mut smtp_client, on: c_int) -> c_int {
    set(client, |client| client.set_pipelining(on != 0))
}

/// Whether CHUNKING (RFC 3030) is used where it is offered: 1 (the default) or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_chunking(client: *mut smtp_client, on: c_int) -> c_int {
    set(client, |client| client.set_chunking(on != 0))
}
