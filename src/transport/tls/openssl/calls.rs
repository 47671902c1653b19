//! The few calls of OpenSSL that the crate openssl has not, or leaves the proof to its user.

use std::ffi::{CStr, OsStr, OsString, c_char, c_int, c_long, c_void};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ::openssl::error::ErrorStack;
use ::openssl::ssl::{SslContextBuilder, SslContextRef, SslRef, SslSession, SslSessionRef};
use ::openssl::stack::StackRef;
use ::openssl::x509::{X509, X509Ref, X509StoreContextRef, X509VerifyResult};
use foreign_types::{ForeignType, ForeignTypeRef};
use openssl_sys as ffi;

use super::{tickets, verify};

unsafe extern "C" {
    fn SSL_CTX_set_cert_verify_callback(
        context: *mut ffi::SSL_CTX,
        callback: Option<unsafe extern "C" fn(*mut ffi::X509_STORE_CTX, *mut c_void) -> c_int>,
        argument: *mut c_void,
    );
    fn SSL_free_buffers(ssl: *mut ffi::SSL) -> c_int;
    fn SSL_rstate_string(ssl: *const ffi::SSL) -> *const c_char;
    fn X509_STORE_CTX_get0_cert(context: *const ffi::X509_STORE_CTX) -> *mut ffi::X509;
    fn X509_STORE_CTX_get0_untrusted(
        context: *const ffi::X509_STORE_CTX,
    ) -> *mut ffi::stack_st_X509;
}

/// Has [`verify::decide`] verify what servers show, in place of OpenSSL alone.
pub(super) fn let_decide(builder: &mut SslContextBuilder) {
    // SAFETY: the context is valid, and the callback lives as long as the library.
    unsafe {
        SSL_CTX_set_cert_verify_callback(
            builder.as_ptr(),
            Some(asked_to_decide),
            std::ptr::null_mut(),
        );
    }
}

unsafe extern "C" fn asked_to_decide(context: *mut ffi::X509_STORE_CTX, _: *mut c_void) -> c_int {
    let decide = || {
        // SAFETY: OpenSSL lends the verification to its callback; the certificate and the stack
        // live as long as that, and the stack is not changed meanwhile.
        unsafe {
            let leaf = X509_STORE_CTX_get0_cert(context);
            if leaf.is_null() {
                return false;
            }
            let chain = X509_STORE_CTX_get0_untrusted(context);
            let chain: Vec<&X509Ref> = match chain.is_null() {
                true => Vec::new(),
                false => StackRef::<X509>::from_ptr(chain).iter().collect(),
            };
            let context = X509StoreContextRef::from_ptr_mut(context);
            verify::decide(context, X509Ref::from_ptr(leaf), &chain)
        }
    };
    c_int::from(catch_unwind(AssertUnwindSafe(decide)).unwrap_or(false))
}

/// Has [`tickets::keep`] keep the sessions that servers give.
pub(super) fn let_keep(builder: &mut SslContextBuilder) {
    // SAFETY: the context is valid, and the callback lives as long as the library.
    unsafe { ffi::SSL_CTX_sess_set_new_cb(builder.as_ptr(), Some(asked_to_keep)) };
}

/// 1 keeps the reference that OpenSSL gives.
unsafe extern "C" fn asked_to_keep(ssl: *mut ffi::SSL, session: *mut ffi::SSL_SESSION) -> c_int {
    let keep = || {
        // SAFETY: OpenSSL lends the connection to its callback, and gives it a reference of the
        // session, which lives on whatever becomes of the callback.
        unsafe { tickets::keep(SslRef::from_ptr(ssl), SslSession::from_ptr(session)) };
    };
    let _ = catch_unwind(AssertUnwindSafe(keep));
    1
}

/// One more root for the store of a context, which may be in use.
pub(super) fn add_root(context: &SslContextRef, root: &X509Ref) {
    // SAFETY: both are valid; the store takes a reference of its own, under its own lock.
    unsafe { ffi::X509_STORE_add_cert(context.cert_store().as_ptr(), root.as_ptr()) };
}

/// Shows a session that is one of the same context's.
pub(super) fn show_session(ssl: &mut SslRef, session: &SslSessionRef) -> Result<(), ErrorStack> {
    // SAFETY: tickets are kept beside the context that they are of, and go with it.
    unsafe { ssl.set_session(session) }
}

/// OpenSSL's number for the group of the key exchange, 0 where there was none or it does not tell
/// (before 3.0).
pub(super) fn negotiated_group(ssl: &SslRef) -> c_int {
    const SSL_CTRL_GET_NEGOTIATED_GROUP: c_int = 134;
    let nothing: (c_long, *mut c_void) = (0, std::ptr::null_mut());
    // SAFETY: the connection is valid; the command takes no pointer, and one that is unknown gives 0.
    let number =
        unsafe { ffi::SSL_ctrl(ssl.as_ptr(), SSL_CTRL_GET_NEGOTIATED_GROUP, nothing.0, nothing.1) };
    c_int::try_from(number).unwrap_or(0)
}

/// Gives back the buffers for records, if nothing is in them: older OpenSSLs themselves do not look
/// whether a record's header was taken whose body is still to come (CVE-2024-4741).
pub(super) fn free_buffers(ssl: &SslRef) {
    // SAFETY: the connection is valid, the text is never freed, and between two records nothing
    // refers to the buffers.
    unsafe {
        if CStr::from_ptr(SSL_rstate_string(ssl.as_ptr())) == AWAITS_HEADER {
            SSL_free_buffers(ssl.as_ptr());
        }
    }
}

/// SSL_rstate_string(3).
const AWAITS_HEADER: &CStr = c"RH";

/// What a verification ends in where the key is none of the pins
/// (X509_V_ERR_APPLICATION_VERIFICATION).
pub(super) fn no_pin() -> X509VerifyResult {
    // SAFETY: it is one of OpenSSL's numbers.
    unsafe { X509VerifyResult::from_raw(ffi::X509_V_ERR_APPLICATION_VERIFICATION) }
}

/// What the environment says, but to a program that runs with more rights than who started it
/// (secure_getenv(3)).
pub(super) fn variable(name: &str) -> Option<OsString> {
    if is_privileged() { None } else { std::env::var_os(name) }
}

/// The program runs with more rights than who started it.
pub(super) fn is_privileged() -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: no pointer is passed.
    let is_privileged = unsafe { libc::getauxval(libc::AT_SECURE) != 0 };
    #[cfg(any(target_os = "freebsd", target_os = "openbsd", target_os = "dragonfly"))]
    // SAFETY: it takes nothing, and cannot fail.
    let is_privileged = unsafe { libc::issetugid() != 0 };
    #[cfg(not(any(
        target_os = "linux",
        target_os = "freebsd",
        target_os = "openbsd",
        target_os = "dragonfly"
    )))]
    // SAFETY: none of these can fail, or takes a pointer.
    let is_privileged =
        unsafe { libc::getuid() != libc::geteuid() || libc::getgid() != libc::getegid() };
    is_privileged
}

/// The file and the directories where this OpenSSL was built to look for roots.
pub(super) fn default_places() -> (OsString, OsString) {
    // SAFETY: both give a string that is never freed.
    unsafe { (text(ffi::X509_get_default_cert_file()), text(ffi::X509_get_default_cert_dir())) }
}

/// # Safety
///
/// A string that lives for the call.
unsafe fn text(text: *const c_char) -> OsString {
    // SAFETY: as the caller says.
    OsStr::from_bytes(unsafe { CStr::from_ptr(text) }.to_bytes()).to_owned()
}
