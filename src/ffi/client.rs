//! smtp_client: making one, its settings, its connection.

use std::ffi::{c_char, c_int, c_void};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::client::{
    Audit, Cancel, Client, Completion, DebugSink, Direction, Progress, Protocol, TimeoutPolicy,
    TlsPolicy, Transaction,
};
use crate::error::{Error, ErrorKind, Result};

use super::callback::{UserData, agrees, smtp_destroy_callback};
use super::convert;
use super::guard::guarded;
use super::handle::{Handle, Kind};
use super::reply::Strings;
use super::tls::smtp_tls;
use super::transaction::{Lease, smtp_transaction};

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
    /// Kept between batches, so that one costs no memory in the steady state.
    pub batch: Vec<Box<Transaction>>,
    pub leases: Vec<Lease>,
    pub certificate: Vec<u8>,
}

impl Kind for Owned {
    const MAGIC: u64 = 0x736d_7470_2d63_6c69;
    const NAME: &'static str = "client";
    type Shared = Cancel;
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

/// Direction of bytes in a debug callback: to the server.
pub const SMTP_DEBUG_SENT: c_int = 1;
/// From the server.
pub const SMTP_DEBUG_RECEIVED: c_int = 2;
/// Not on the wire: a note about the connection.
pub const SMTP_DEBUG_INFO: c_int = 3;

/// An audit callback is asked about a connect.
pub const SMTP_AUDIT_CONNECT: c_int = 1;
/// An audit callback is asked about a send: `data` are the bytes, credentials included.
pub const SMTP_AUDIT_SEND: c_int = 2;

/// Gets the transcript: `length` bytes at `data`, not NUL-terminated, valid during the call.
#[allow(non_camel_case_types)]
pub type smtp_debug_callback = Option<
    unsafe extern "C-unwind" fn(
        direction: c_int,
        data: *const c_char,
        length: usize,
        user_data: *mut c_void,
    ),
>;

/// Asked before each connect and each send (smtplib's audit events). Returning anything but 0
/// forbids it.
///
/// `event` is SMTP_AUDIT_CONNECT or SMTP_AUDIT_SEND; `host` and `port` are those of the
/// connection; `data` and `length` are the bytes to be sent, NULL and 0 for a connect. All
/// valid during the call.
#[allow(non_camel_case_types)]
pub type smtp_audit_callback = Option<
    unsafe extern "C-unwind" fn(
        event: c_int,
        host: *const c_char,
        port: c_int,
        data: *const c_char,
        length: usize,
        user_data: *mut c_void,
    ) -> c_int,
>;

/// Told how many bytes of the present message went out, and of how many (-1 if unknown).
#[allow(non_camel_case_types)]
pub type smtp_progress_callback =
    Option<unsafe extern "C-unwind" fn(sent: i64, total: i64, user_data: *mut c_void)>;

/// Gets back a submitted transaction with its outcome. It may be read, changed, or freed here,
/// but not submitted: the client is busy.
#[allow(non_camel_case_types)]
pub type smtp_completion_callback =
    Option<unsafe extern "C-unwind" fn(transaction: *mut smtp_transaction, user_data: *mut c_void)>;

/// Runs a call of the client that gives no reply code.
pub(super) fn run(client: *mut smtp_client, work: impl FnOnce(&mut Owned) -> Result<()>) -> c_int {
    Handle::run(client, |owned| work(owned).map(|()| 0))
}

fn set(client: *mut smtp_client, change: impl FnOnce(&mut Client)) -> c_int {
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
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "the protocol is none of SMTP_PROTOCOL_*",
                ));
            }
        };
        let mut client = Client::new(protocol)?;
        client.set_completion(Some(Box::new(Returned { function: None, user: None })));
        let cancel = client.canceller();
        let owned = Owned {
            client,
            strings: Strings::default(),
            batch: Vec::new(),
            leases: Vec::new(),
            certificate: Vec::new(),
        };
        Ok(Handle::create(owned, cancel))
    })
}

/// Frees a client; NULL is allowed. An open connection is closed without QUIT; nothing is
/// sent and nothing waited for. Inside one of the client's own callbacks it takes effect when
/// the outer call ends.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_free(client: *mut smtp_client) {
    guarded((), || Handle::<Owned>::free(client));
}

/// Sets the name for EHLO, HELO and LHLO (smtplib: local_hostname=). Copied. Default: this
/// machine's FQDN, or else the address literal of the connection.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_set_local_hostname(
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
pub extern "C" fn smtp_client_set_timeout(client: *mut smtp_client, milliseconds: c_int) -> c_int {
    run(client, |owned| {
        owned.client.set_timeout(match milliseconds {
            SMTP_TIMEOUT_NONE => TimeoutPolicy::Never,
            SMTP_TIMEOUT_RFC => TimeoutPolicy::Rfc,
            1.. => TimeoutPolicy::After(Duration::from_millis(milliseconds.unsigned_abs().into())),
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
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
pub extern "C" fn smtp_client_set_source_address(
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
pub extern "C" fn smtp_client_set_tls(client: *mut smtp_client, tls: *mut smtp_tls) -> c_int {
    run(client, |owned| {
        let policy = if tls.is_null() {
            TlsPolicy::default()
        } else {
            Handle::<TlsPolicy>::borrow(tls, |policy| Ok(policy.clone()))?
        };
        owned.client.set_tls(policy);
        Ok(())
    })
}

/// Whether PIPELINING (RFC 2920) is used where it is offered: 1 (the default) or 0.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_set_pipelining(client: *mut smtp_client, on: c_int) -> c_int {
    set(client, |client| client.set_pipelining(on != 0))
}

/// Whether CHUNKING (RFC 3030) is used where it is offered: 1 (the default) or 0.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_set_chunking(client: *mut smtp_client, on: c_int) -> c_int {
    set(client, |client| client.set_chunking(on != 0))
}

/// Sets the transcript's level (smtplib: set_debuglevel): 0 none, 1 on standard error, 2 the same
/// with the time of day in UTC. Credentials are shown as ***.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_set_debug_level(client: *mut smtp_client, level: c_int) -> c_int {
    run(client, |owned| {
        let level = u8::try_from(level).ok().filter(|level| *level <= 2);
        let level = level.ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "the debug level is not 0, 1 or 2")
        })?;
        owned.client.set_debug_level(level);
        Ok(())
    })
}

/// Sends the transcript to a callback in place of standard error, at level 1 if none was set.
/// NULL goes back to standard error.
///
/// @param destroy  may be NULL; called once with user_data when it is no longer needed
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_set_debug_callback(
    client: *mut smtp_client,
    callback: smtp_debug_callback,
    user_data: *mut c_void,
    destroy: smtp_destroy_callback,
) -> c_int {
    let user = UserData::new(user_data, destroy);
    set(client, |client| match callback {
        Some(function) => client.set_debug_sink(Some(Box::new(Debug { function, user }))),
        None => client.set_debug_sink(None),
    })
}

/// Whether the transcript shows credentials: 0 (the default) or 1.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_set_debug_secrets(client: *mut smtp_client, on: c_int) -> c_int {
    set(client, |client| client.set_debug_secrets(on != 0))
}

/// Sets the audit callback; NULL removes it. What it forbids ends in SMTP_E_FORBIDDEN.
///
/// @param destroy  may be NULL; called once with user_data when it is no longer needed
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_set_audit_callback(
    client: *mut smtp_client,
    callback: smtp_audit_callback,
    user_data: *mut c_void,
    destroy: smtp_destroy_callback,
) -> c_int {
    let user = UserData::new(user_data, destroy);
    set(client, |client| match callback {
        Some(function) => {
            let peer = (c"".into(), 0);
            client.set_audit(Some(Box::new(Auditor { function, user, peer })));
        }
        None => client.set_audit(None),
    })
}

/// Sets the progress callback; NULL removes it.
///
/// @param destroy  may be NULL; called once with user_data when it is no longer needed
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_set_progress_callback(
    client: *mut smtp_client,
    callback: smtp_progress_callback,
    user_data: *mut c_void,
    destroy: smtp_destroy_callback,
) -> c_int {
    let user = UserData::new(user_data, destroy);
    set(client, |client| match callback {
        Some(function) => client.set_progress(Some(Box::new(Meter { function, user }))),
        None => client.set_progress(None),
    })
}

/// Sets what smtp_client_submit() gives its transactions back through; NULL removes it.
///
/// @param destroy  may be NULL; called once with user_data when it is no longer needed
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_set_completion_callback(
    client: *mut smtp_client,
    callback: smtp_completion_callback,
    user_data: *mut c_void,
    destroy: smtp_destroy_callback,
) -> c_int {
    let user = UserData::new(user_data, destroy);
    set(client, |client| {
        client.set_completion(Some(Box::new(Returned { function: callback, user: Some(user) })));
    })
}

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
pub extern "C" fn smtp_client_connect(
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
pub extern "C" fn smtp_client_connect_fd(
    client: *mut smtp_client,
    fd: c_int,
    server_name: *const c_char,
) -> c_int {
    run(client, |owned| {
        let name = convert::optional_text("the server name", server_name)?;
        if fd < 0 {
            return Err(Error::new(ErrorKind::InvalidArgument, "the descriptor is negative"));
        }
        // SAFETY: borrowed for the length of dup(2) alone, which checks it.
        let duplicate = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned();
        let duplicate = duplicate.map_err(|error| {
            Error::io("duplicating the descriptor", &error).with_kind(ErrorKind::InvalidArgument)
        })?;
        owned.client.connect_fd(duplicate, name)
    })
}

/// STARTTLS (RFC 3207; smtplib: starttls) under the client's TLS policy. EHLO is sent first if
/// need be, and must be sent anew afterwards, which the sending functions do by themselves.
///
/// Returns SMTP_OK. SMTP_E_NOT_SUPPORTED if it is not offered; SMTP_E_RESPONSE if it is refused
/// (the connection goes on, in clear); SMTP_E_MISUSE if TLS is active; SMTP_E_PROTOCOL if data was
/// injected behind the reply, and SMTP_E_TLS with the reason: both close the connection.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_starttls(client: *mut smtp_client) -> c_int {
    run(client, |owned| owned.client.starttls())
}

/// Sends QUIT and closes the connection, whatever comes (smtplib: quit). Waits for the reply
/// for 5 seconds at most.
///
/// Returns the reply code, 0 if the server hung up without one, or an error; the connection is
/// closed in every case.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_quit(client: *mut smtp_client) -> c_int {
    Handle::run(client, |owned: &mut Owned| owned.client.quit().map(c_int::from))
}

/// Closes the connection without a word (smtplib: close). Closing a closed one is no error.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_close(client: *mut smtp_client) -> c_int {
    set(client, Client::close)
}

/// Ends the call that is running on this client, which returns SMTP_E_CANCELLED and closes the
/// connection. May be called at any time, from any thread and from a signal handler; without a
/// running call it does nothing. Returns SMTP_OK, or SMTP_E_MISUSE for what is no client.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_cancel(client: *mut smtp_client) -> c_int {
    Handle::<Owned>::with_shared(client, Cancel::cancel)
}

/// Whether there is a connection: 1 or 0, or an error. A connection that the server has closed
/// counts until a call notices.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_is_connected(client: *const smtp_client) -> c_int {
    Handle::run(client, |owned: &mut Owned| Ok(owned.client.is_connected().into()))
}

/// Whether the connection is under TLS: 1 or 0, or an error.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_is_encrypted(client: *const smtp_client) -> c_int {
    Handle::run(client, |owned: &mut Owned| Ok(owned.client.is_encrypted().into()))
}

/// The server's certificate in DER, its length in `*length`; NULL without TLS. Valid until the
/// next call of this function on the client, or its end.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_peer_certificate(
    client: *const smtp_client,
    length: *mut usize,
) -> *const c_void {
    let found = Handle::call(
        client,
        |_| (std::ptr::null(), 0),
        |owned: &mut Owned| {
            owned.certificate = owned.client.peer_certificate().unwrap_or_default();
            let none = owned.certificate.is_empty();
            let data = if none { std::ptr::null() } else { owned.certificate.as_ptr() };
            Ok((data, owned.certificate.len()))
        },
    );
    if !length.is_null() {
        // SAFETY: not NULL, so writable by the header's contract.
        unsafe { *length = found.1 };
    }
    found.0.cast()
}

/// The connection's descriptor, for looking only; SMTP_E_DISCONNECTED if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_fd(client: *const smtp_client) -> c_int {
    Handle::run(client, |owned: &mut Owned| {
        owned.client.fd().ok_or_else(|| Error::new(ErrorKind::Disconnected, "not connected"))
    })
}

struct Debug {
    function: unsafe extern "C-unwind" fn(c_int, *const c_char, usize, *mut c_void),
    user: UserData,
}

impl DebugSink for Debug {
    fn trace(&mut self, direction: Direction, bytes: &[u8]) {
        let direction = match direction {
            Direction::Sent => SMTP_DEBUG_SENT,
            Direction::Received => SMTP_DEBUG_RECEIVED,
            Direction::Info => SMTP_DEBUG_INFO,
        };
        // SAFETY: the bytes live for the call; user data is what the caller gave.
        unsafe {
            (self.function)(direction, bytes.as_ptr().cast(), bytes.len(), self.user.pointer())
        };
    }
}

struct Auditor {
    function: unsafe extern "C-unwind" fn(
        c_int,
        *const c_char,
        c_int,
        *const c_char,
        usize,
        *mut c_void,
    ) -> c_int,
    user: UserData,
    peer: (std::ffi::CString, c_int),
}

impl Auditor {
    fn ask(&self, event: c_int, data: *const c_char, length: usize) -> bool {
        let (host, port) = (self.peer.0.as_ptr(), self.peer.1);
        // SAFETY: all pointers live for the call; user data is what the caller gave.
        agrees(unsafe { (self.function)(event, host, port, data, length, self.user.pointer()) })
    }
}

impl Audit for Auditor {
    fn connect(&mut self, host: &str, port: u16) -> bool {
        self.peer = (convert::to_c(host), port.into());
        self.ask(SMTP_AUDIT_CONNECT, std::ptr::null(), 0)
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        self.ask(SMTP_AUDIT_SEND, bytes.as_ptr().cast(), bytes.len())
    }
}

struct Meter {
    function: unsafe extern "C-unwind" fn(i64, i64, *mut c_void),
    user: UserData,
}

impl Progress for Meter {
    fn sent(&mut self, sent: u64, total: Option<u64>) {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        // SAFETY: user data is what the caller gave.
        unsafe { (self.function)(signed(sent), total.map_or(-1, signed), self.user.pointer()) };
    }
}

/// Gives submitted transactions back to their handles, and tells the caller.
struct Returned {
    function: smtp_completion_callback,
    user: Option<UserData>,
}

impl Completion for Returned {
    fn completed(&mut self, transaction: Box<Transaction>) {
        let lease = Lease::of(&transaction);
        lease.put_back(transaction);
        let user = self.user.as_ref().map_or(std::ptr::null_mut(), UserData::pointer);
        if let (Some(pointer), Some(function)) = (lease.end(), self.function) {
            // SAFETY: the handle is alive and idle; user data is what the caller gave.
            unsafe { function(pointer, user) };
        }
    }
}
