//! What the library is and has.

use std::ffi::{c_char, c_int};

use crate::client::is_known_mechanism;

use super::boundary::{convert, panic};

/// Version of the library that is running, such as "0.1.0"; SMTPCLIENT_VERSION is that of the
/// header. A constant string, never NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// Whether the library has a feature: 1 if so, 0 if not or if the name is unknown.
///
/// @param name  "smtp", "lmtp", "tls", "smtputf8", "pipelining", "chunking", or "auth:" with a
///              mechanism, such as "auth:CRAM-MD5"
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_has_feature(name: *const c_char) -> c_int {
    panic::guarded(0, || {
        let name = convert::text("the feature", name)?;
        let known = ["smtp", "lmtp", "tls", "smtputf8", "pipelining", "chunking"].contains(&name);
        let mechanism = name.strip_prefix("auth:").is_some_and(is_known_mechanism);
        Ok(c_int::from(known || mechanism))
    })
}
