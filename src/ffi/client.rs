//! smtp_client: making one, and its settings.

use std::borrow::Cow;
use std::ffi::{c_char, c_int};
use std::task::Poll;
use std::time::Duration;

use crate::client::{
    Cancel, Client, Command, Driver, Operation, Protocol, TimeoutPolicy, TlsPolicy,
};
use crate::error::Result;

use super::boundary::code::smtp_result::SMTP_PENDING;
use super::boundary::panic::{caught, guarded};
use super::boundary::{Handle, Kind, Recent, View, convert, memory};
use super::lease::Batch;
use super::tls::{self, smtp_tls};

/// A client: settings, and any number of connections one after another (smtplib: SMTP, SMTP_SSL,
/// LMTP). Settings outlive a connection; what was learnt about a server does not.
#[allow(non_camel_case_types)]
pub struct smtp_client {
    _opaque: (),
}

/// What a client's handle holds.
pub(super) struct Owned {
    pub driver: Driver,
    pub batch: Batch,
}

impl Owned {
    /// The client, unless an operation is pending.
    pub fn client(&self) -> Result<&Client> {
        self.driver.client()
    }

    /// Runs an operation, or begins it where calls do not wait. Gives the reply code, if it is one
    /// command, or 0; or SMTP_PENDING.
    pub fn start(&mut self, operation: Operation) -> Result<c_int> {
        let came = self.driver.start(operation);
        self.ended(came)
    }

    /// What an operation has come to. Transactions that it had on loan go back with its end.
    pub fn ended(&mut self, came: Poll<Result<u16>>) -> Result<c_int> {
        let Poll::Ready(result) = came else { return Ok(SMTP_PENDING as c_int) };
        self.give_back();
        result.map(c_int::from)
    }

    pub fn give_back(&mut self) {
        if self.batch.is_lent() && !self.driver.is_pending() {
            match self.driver.client_mut() {
                Ok(client) => self.batch.give_back(client.batch()),
                Err(_) => self.batch.give_back(&mut Vec::new()),
            }
        }
    }
}

impl Drop for Owned {
    /// What is pending ends here, and what it had on loan goes back.
    fn drop(&mut self) {
        self.driver.abort();
        self.give_back();
    }
}

// SAFETY: what reads a client beside other readers reads its settings, its last reply, what it
// learnt of the server and what its socket is: plain data, which changes in calls alone.
unsafe impl Sync for Owned {}

/// What a client shows to C.
#[derive(Clone, Copy)]
pub(super) enum Shows {
    Reply,
    Enhanced,
    Helo,
    Ehlo,
    LocalHostname,
    SourceAddress,
    Certificate,
    TlsInfo,
    ExtensionParams,
    ExtensionName,
    RefusedAddress,
    RefusedText,
    RefusedEnhanced,
    RecipientAddress,
    RecipientText,
}

/// Reads a string of the client's that C may keep.
pub(super) fn text(
    client: *const smtp_client,
    shows: Shows,
    read: impl FnOnce(&Client) -> Option<Cow<'_, [u8]>>,
) -> *const c_char {
    Handle::text(client, shows as usize, |owned: &Owned| Ok(read(owned.client()?)))
}

/// Reads one of many.
pub(super) fn text_at(
    client: *const smtp_client,
    shows: Shows,
    index: usize,
    read: impl FnOnce(&Client) -> Option<Cow<'_, [u8]>>,
) -> *const c_char {
    Handle::string(client, |owned: &View<'_, Owned>| {
        let text = read(owned.client()?);
        Ok(text.map(|text| owned.show(shows as usize, index, &text)))
    })
}

impl Kind for Owned {
    const TAG: u8 = 1;
    const NAME: &'static str = "client";
    const WAITS: bool = true;
    /// Up to [`Shows::LocalHostname`].
    type Recent = [Recent; 5];

    /// The connection is in an unknown state: it is closed, and everything on loan goes back.
    fn recover(&mut self) -> bool {
        let closed = caught(|| self.driver.close()).and_then(|closed| closed);
        self.give_back();
        if let (Err(_), Ok(client)) = (&closed, self.driver.client_mut()) {
            // Whatever it still holds must not reach a handle that was given back above.
            client.set_completion(None);
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

/// Runs a call of the client that gives a code.
pub(super) fn run_code(
    client: *mut smtp_client,
    work: impl FnOnce(&mut Owned) -> Result<c_int>,
) -> c_int {
    Handle::run(client, work)
}

/// Runs an operation of the client's.
pub(super) fn perform(
    client: *mut smtp_client,
    prepare: impl FnOnce(&mut Client) -> Result<Operation>,
) -> c_int {
    run_code(client, |owned| {
        let operation = prepare(owned.driver.prepare()?)?;
        owned.start(operation)
    })
}

/// Runs an operation that is a command.
pub(super) fn command(
    client: *mut smtp_client,
    prepare: impl FnOnce() -> Result<Command>,
) -> c_int {
    perform(client, |_| prepare().map(Operation::Command))
}

/// Changes a setting.
pub(super) fn set(client: *mut smtp_client, change: impl FnOnce(&mut Client)) -> c_int {
    try_set(client, |client| {
        change(client);
        Ok(())
    })
}

/// Changes a setting to what may be none.
pub(super) fn try_set(
    client: *mut smtp_client,
    change: impl FnOnce(&mut Client) -> Result<()>,
) -> c_int {
    run(client, |owned| change(owned.driver.client_mut()?))
}

/// Makes a client (smtplib: SMTP, SMTP_SSL, LMTP).
///
/// @param protocol  SMTP_PROTOCOL_SMTP, SMTP_PROTOCOL_SMTPS or SMTP_PROTOCOL_LMTP
///
/// Returns a client without a connection, to be freed with smtp_client_free(). NULL if the protocol
/// is unknown (SMTP_E_INVALID_ARGUMENT is smtp_last_error_code()) or there is no memory
/// (SMTP_E_NO_MEMORY). A client has no descriptor before it connects.
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
        Handle::create_with(|signal| {
            let place = memory::allocate()?;
            let client = Client::cancelled_by(Cancel::of(signal)?, protocol);
            let driver = Driver::new(memory::filled(place, client));
            Ok(Owned { driver, batch: Batch::default() })
        })
    })
}

/// Frees a client; NULL is allowed. An open connection is closed without QUIT: nothing is
/// sent and nothing waited for (smtp_client_quit() ends it politely). Transactions that were
/// submitted and not completed go to the completion callback first, with their true outcome;
/// then the destroy functions of all callbacks run.
///
/// In a callback of this client it takes effect when the call that runs has ended. A call that
/// another thread is running on it is cancelled as by smtp_client_cancel(), since nothing else could
/// end it from now on, and the client is freed at its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_free(client: *mut smtp_client) {
    guarded((), || Handle::<Owned>::free(client));
}

/// Sets the name for EHLO, HELO and LHLO (RFC 5321 section 4.1.1.1; smtplib: local_hostname=).
/// Default: this machine's name if that has a dot, looked up when it is first needed and kept; else
/// this connection's own address, such as "[192.0.2.1]".
///
/// @param name  without spaces and control characters; it counts from the next hello on
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_local_hostname(
    client: *mut smtp_client,
    name: *const c_char,
) -> c_int {
    try_set(client, |client| client.set_local_hostname(convert::text("the local host name", name)?))
}

/// Sets the time limit (smtplib: timeout=). It holds for each call as a whole, name lookup, TLS,
/// and all reads and writes together, so that a server that sends a byte a minute cannot stretch
/// it; in a batch or stream, for each transaction, whichever call waits for its end.
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
    try_set(client, |client| {
        client.set_timeout(match milliseconds {
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
    try_set(client, |client| {
        let host = convert::optional_text("the source address", host)?;
        client.set_source_address(host, convert::port(port)?)
    })
}

/// The name that smtp_client_set_local_hostname() has set, NULL if none was. Valid until another
/// is set and asked for, or the client's end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_local_hostname(client: *const smtp_client) -> *const c_char {
    text(client, Shows::LocalHostname, |client| {
        client.local_hostname().map(|name| name.as_bytes().into())
    })
}

/// The time limit in milliseconds, SMTP_TIMEOUT_NONE or SMTP_TIMEOUT_RFC. 0, which is no limit, for
/// a client that cannot be used: then smtp_last_error_code() is SMTP_E_BUSY or SMTP_E_MISUSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_timeout(client: *const smtp_client) -> c_int {
    Handle::look(
        client,
        |_| 0,
        |owned: &View<'_, Owned>| {
            Ok(match owned.client()?.timeout() {
                TimeoutPolicy::Never => SMTP_TIMEOUT_NONE,
                TimeoutPolicy::Rfc => SMTP_TIMEOUT_RFC,
                TimeoutPolicy::After(time) => {
                    c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX)
                }
            })
        },
    )
}

/// The local address that smtp_client_set_source_address() has set, NULL for any. Valid until
/// another is set and asked for, or the client's end.
///
/// @param port  gets the local port, 0 for any; may be NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_source_address(
    client: *const smtp_client,
    port: *mut c_int,
) -> *const c_char {
    let mut own_port = 0;
    let host = Handle::string(client, |owned: &View<'_, Owned>| {
        let Some((host, port)) = owned.client()?.source_address() else { return Ok(None) };
        own_port = c_int::from(port);
        let show = || owned.show(Shows::SourceAddress as usize, 0, host.as_bytes());
        Ok((!host.is_empty()).then(show))
    });
    convert::give(port, own_port);
    host
}

/// Sets the TLS policy for this client's handshakes from now on (smtplib: context=).
///
/// @param tls  the client keeps a reference of its own: the policy may be freed at once, given to
///             other clients by other threads at the same time, and later changes to it do not
///             reach this client. NULL goes back to the defaults
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_tls(
    client: *mut smtp_client,
    tls: *const smtp_tls,
) -> c_int {
    try_set(client, |client| {
        let policy = if tls.is_null() {
            TlsPolicy::default()
        } else {
            Handle::<tls::Owned>::read(tls, tls::Owned::policy)?
        };
        client.set_tls(policy);
        Ok(())
    })
}

/// Whether commands go out without waiting for each reply where the server offers PIPELINING
/// (RFC 2920): 1 (the default) or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_pipelining(client: *mut smtp_client, on: c_int) -> c_int {
    set(client, |client| client.set_pipelining(on != 0))
}

/// How many transactions may be in flight without their final reply: fewer where less is to be at
/// stake when the connection is lost, for each of them may then be SMTP_E_OUTCOME_UNKNOWN.
///
/// @param transactions  0 (the default) adapts to the connection, 1 never runs ahead;
///                      SMTP_E_INVALID_ARGUMENT for a negative number
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_window(
    client: *mut smtp_client,
    transactions: c_int,
) -> c_int {
    try_set(client, |client| {
        let window = usize::try_from(transactions);
        client.set_window(window.map_err(|_| convert::invalid("the window is negative"))?);
        Ok(())
    })
}

/// Whether messages go out by BDAT where the server offers CHUNKING (RFC 3030): 1 (the default)
/// or 0, which means DATA.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_chunking(client: *mut smtp_client, on: c_int) -> c_int {
    set(client, |client| client.set_chunking(on != 0))
}
