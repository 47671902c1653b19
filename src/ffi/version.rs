//! What the library is and has.

use std::ffi::{c_char, c_int};

use crate::client::{IS_TLS_FULL, is_known_mechanism};

use super::boundary::{convert, panic};

/// Version of the library that is running, such as "0.1.0"; SMTPCLIENT_VERSION is that of the
/// header. A constant string, never NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// The same as one number, made as SMTPCLIENT_VERSION_NUMBER is, to be compared with it: 0x000203
/// is 0.2.3. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn smtp_client_version_number() -> c_int {
    NUMBER
}

const NUMBER: c_int = part(env!("CARGO_PKG_VERSION_MAJOR")) << 16
    | part(env!("CARGO_PKG_VERSION_MINOR")) << 8
    | part(env!("CARGO_PKG_VERSION_PATCH"));

const fn part(digits: &str) -> c_int {
    match u8::from_str_radix(digits, 10) {
        Ok(number) => number as c_int,
        Err(_) => panic!("no part of a version is above 255"),
    }
}

/// Whether the library has a feature: 1 if so, 0 if not or if the name is unknown.
///
/// @param name  "smtp", "lmtp", "tls", "smtputf8", "idna" (domains that are not ASCII, in A-labels
///              where the server takes no UTF-8), "pipelining", "chunking", "mime" (messages that
///              the library writes), "containment" (a fault of the library itself is
///              SMTP_E_INTERNAL; without it, the process is aborted), "tls-info",
///              "tls-resumption", "tls-pins", "tls-key-uri" (what OpenSSL does for us, and
///              native-tls does not), "saslprep" (user names and passwords that are not ASCII in SCRAM),
///              or "auth:" with a mechanism, such as "auth:CRAM-MD5". A library made by
///              `make MINIMAL=1` lacks "idna", "saslprep" and "containment"
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_has_feature(name: *const c_char) -> c_int {
    panic::guarded(0, || {
        let name = convert::text("the feature", name)?;
        let known =
            ["smtp", "lmtp", "tls", "smtputf8", "pipelining", "chunking", "mime"].contains(&name);
        let idna = name == "idna" && cfg!(feature = "idna");
        let saslprep = name == "saslprep" && cfg!(feature = "saslprep");
        let containment = name == "containment" && cfg!(panic = "unwind");
        let tls = ["tls-info", "tls-resumption", "tls-pins", "tls-key-uri"].contains(&name)
            && IS_TLS_FULL;
        let mechanism = name.strip_prefix("auth:").is_some_and(is_known_mechanism);
        Ok(c_int::from(known || idna || saslprep || containment || tls || mechanism))
    })
}
