//! Callbacks of a client: transcript, audit, progress, completion.

use std::ffi::{CString, c_char, c_int, c_void};

use super::boundary::callback::{UserData, smtp_destroy_callback};
use super::boundary::convert;
use super::client::{run, set, smtp_client};
use super::lease;
use super::transaction::smtp_transaction;
use crate::client::{Audit, Completion, DebugSink, Direction, Progress, Transaction};

/// Direction in a debug callback: bytes to the server.
pub const SMTP_DEBUG_SENT: c_int = 1;
/// Direction in a debug callback: bytes from the server.
pub const SMTP_DEBUG_RECEIVED: c_int = 2;
/// Direction in a debug callback: not on the wire, but a note about the connection.
pub const SMTP_DEBUG_INFO: c_int = 3;

/// Event in an audit callback: a connection is about to be made.
pub const SMTP_AUDIT_CONNECT: c_int = 1;
/// Event in an audit callback: bytes are about to be sent, credentials included.
pub const SMTP_AUDIT_SEND: c_int = 2;

/// Gets the transcript, piece by piece.
///
/// `direction` is SMTP_DEBUG_SENT, SMTP_DEBUG_RECEIVED or SMTP_DEBUG_INFO; `data` are `length` bytes
/// as they went over the wire (credentials as "***"), or a line of text for SMTP_DEBUG_INFO; not
/// NUL-terminated, not escaped.
#[allow(non_camel_case_types)]
pub type smtp_debug_callback = Option<
    unsafe extern "C-unwind" fn(
        direction: c_int,
        data: *const c_char,
        length: usize,
        user_data: *mut c_void,
    ),
>;

/// Asked before each connect and each send (smtplib's audit events smtplib.connect, smtplib.send).
/// Returning anything but 0 forbids it.
///
/// `event` is SMTP_AUDIT_CONNECT or SMTP_AUDIT_SEND; `host` and `port` are those of the
/// connection (the path and 0 for a Unix socket); `data` are `length` bytes to be sent, each shown
/// once, in whatever pieces they go out; NULL and 0 for a connect.
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

/// Told how many bytes of the message in transmission have gone to the system, and of how many in
/// all, -1 if that is not known. Bytes are those on the wire, line ends and dots as they are sent.
#[allow(non_camel_case_types)]
pub type smtp_progress_callback =
    Option<unsafe extern "C-unwind" fn(sent: i64, total: i64, user_data: *mut c_void)>;

/// Gets back a submitted transaction with its outcome. It is the caller's again: it may be read,
/// changed and freed here. To be submitted again it must wait for the end of the call that called
/// back, during which the client is busy.
#[allow(non_camel_case_types)]
pub type smtp_completion_callback =
    Option<unsafe extern "C-unwind" fn(transaction: *mut smtp_transaction, user_data: *mut c_void)>;

/// Sets the transcript's level (smtplib: set_debuglevel).
///
/// @param level  0 for none (the default), 1 for a transcript on standard error, 2 for the same with
///               the time of day in UTC. Credentials are shown as "***", control characters escaped
///
/// Writing to standard error neither waits nor raises SIGPIPE: a line that a full pipe does not
/// take is dropped, and the next one that fits says how many were.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_debug_level(
    client: *mut smtp_client,
    level: c_int,
) -> c_int {
    run(client, |owned| {
        let level = u8::try_from(level).ok().filter(|level| *level <= 2);
        let level = level.ok_or_else(|| convert::invalid("the debug level is not 0, 1 or 2"))?;
        owned.driver.client_mut()?.set_debug_level(level);
        Ok(())
    })
}

/// Sends the transcript to a callback in place of standard error; at level 1 if none was set.
///
/// @param callback   NULL goes back to standard error
/// @param user_data  passed to it
/// @param destroy    called once with user_data when it is no longer needed; may be NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_debug_callback(
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

/// Whether the transcript shows credentials: 0 (the default) or 1, never to be left on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_debug_secrets(
    client: *mut smtp_client,
    on: c_int,
) -> c_int {
    set(client, |client| client.set_debug_secrets(on != 0))
}

/// Sets the audit callback. What it forbids ends in SMTP_E_FORBIDDEN; where a part of a command or
/// message has gone already, the connection is closed.
///
/// @param callback   NULL removes it
/// @param user_data  passed to it
/// @param destroy    called once with user_data when it is no longer needed; may be NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_audit_callback(
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

/// Sets the progress callback, called as a message goes out. It may call smtp_client_cancel().
///
/// @param callback   NULL removes it
/// @param user_data  passed to it
/// @param destroy    called once with user_data when it is no longer needed; may be NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_progress_callback(
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

/// Sets the callback that gets each transaction of smtp_client_submit() back.
///
/// @param callback   NULL removes it: transactions become the caller's again without a word
/// @param user_data  passed to it
/// @param destroy    called once with user_data when it is no longer needed; may be NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_completion_callback(
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
    peer: (CString, c_int),
}

impl Auditor {
    fn ask(&self, event: c_int, data: *const c_char, length: usize) -> bool {
        let (host, port) = (self.peer.0.as_ptr(), self.peer.1);
        // SAFETY: all pointers live for the call; user data is what the caller gave.
        unsafe { (self.function)(event, host, port, data, length, self.user.pointer()) == 0 }
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
pub(super) struct Returned {
    function: smtp_completion_callback,
    user: Option<UserData>,
}

impl Returned {
    /// Tells nobody.
    pub fn silent() -> Self {
        Returned { function: None, user: None }
    }
}

impl Completion for Returned {
    fn completed(&mut self, transaction: Box<Transaction>) {
        let user = self.user.as_ref().map_or(std::ptr::null_mut(), UserData::pointer);
        if let (Some(pointer), Some(function)) = (lease::give_back(transaction), self.function) {
            // SAFETY: the handle is alive and idle; user data is what the caller gave.
            unsafe { function(pointer, user) };
        }
    }
}
