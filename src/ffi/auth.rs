//! Authentication, and auth objects of the caller's own.

use std::ffi::{c_char, c_int, c_void};

use crate::client::{Mechanism, Secret};
use crate::error::{Error, ErrorKind, Result};

use super::client::{run, smtp_client};
use super::convert;
use super::handle::{Handle, Kind};

/// One step of an authentication, valid during the callback alone.
#[allow(non_camel_case_types)]
pub struct smtp_auth_exchange {
    _opaque: (),
}

/// Answers one challenge of the server (smtplib: auth object).
///
/// smtp_auth_exchange_challenge() has the challenge, NULL when an initial response is asked for;
/// smtp_auth_exchange_respond() gives the response. Returning 0 without a response declines the
/// initial response, or answers a challenge with nothing. A negative return cancels: "*" is sent,
/// and the call ends in SMTP_E_AUTHENTICATION.
#[allow(non_camel_case_types)]
pub type smtp_auth_callback = Option<
    unsafe extern "C-unwind" fn(exchange: *mut smtp_auth_exchange, user_data: *mut c_void) -> c_int,
>;

struct Step {
    challenge: Option<Secret>,
    response: Option<Secret>,
}

impl Kind for Step {
    const TAG: u8 = 4;
    const NAME: &'static str = "auth exchange";
    type Shared = ();
}

/// Logs in with the strongest mechanism that both sides know, and with the next where the server
/// refuses one (smtplib: login). EHLO is sent first if need be.
///
/// Returns SMTP_OK (235, or 503 if authenticated already). SMTP_E_NOT_SUPPORTED if the server does
/// not offer AUTH; SMTP_E_NO_MECHANISM; SMTP_E_AUTHENTICATION with the last refusal;
/// SMTP_E_FORBIDDEN if the credentials would cross an unencrypted connection to another machine
/// (see smtp_client_set_allow_plaintext_auth()). The strings are not kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_login(
    client: *mut smtp_client,
    user: *const c_char,
    password: *const c_char,
) -> c_int {
    run(client, |owned| {
        let user = convert::text("the user name", user)?;
        owned.client.login(user, convert::text("the password", password)?)
    })
}

/// Authenticates with a mechanism of the caller's own (smtplib: auth).
///
/// @param mechanism  its name, such as "XOAUTH2" (RFC 4422: 1 to 20 of A-Z, 0-9, "-" and "_")
/// @param callback   called for the initial response and each challenge, during this call only
/// @param user_data  passed to it
///
/// Returns and errors as smtp_client_login(). It is taken for one that reveals the credentials
/// to a listener.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_auth(
    client: *mut smtp_client,
    mechanism: *const c_char,
    callback: smtp_auth_callback,
    user_data: *mut c_void,
) -> c_int {
    run(client, |owned| {
        let Some(function) = callback else {
            return Err(convert::invalid("the auth callback is NULL"));
        };
        let name = convert::text("the mechanism", mechanism)?.to_owned();
        owned.client.auth(Box::new(Own { name, function, user_data }))
    })
}

/// Authenticates with one of the library's mechanisms: "CRAM-MD5", "PLAIN" or "LOGIN" (smtplib:
/// auth with auth_cram_md5, auth_plain, auth_login). Returns and errors as smtp_client_login().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_auth_builtin(
    client: *mut smtp_client,
    mechanism: *const c_char,
    user: *const c_char,
    password: *const c_char,
) -> c_int {
    run(client, |owned| {
        let mechanism = convert::text("the mechanism", mechanism)?;
        let user = convert::text("the user name", user)?;
        owned.client.auth_builtin(mechanism, user, convert::text("the password", password)?)
    })
}

/// Whether initial responses are sent on the AUTH line: 1 (the default) or 0 (smtplib:
/// initial_response_ok=).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_initial_response(
    client: *mut smtp_client,
    on: c_int,
) -> c_int {
    run(client, |owned| {
        owned.client.set_initial_response(on != 0);
        Ok(())
    })
}

/// Which mechanisms smtp_client_login() tries, in which order: names separated by spaces; NULL or
/// "" for the library's own order. SMTP_E_NOT_SUPPORTED for one that it does not know.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_auth_mechanisms(
    client: *mut smtp_client,
    names: *const c_char,
) -> c_int {
    run(client, |owned| {
        let names = convert::optional_text("the mechanisms", names)?.unwrap_or("");
        owned.client.set_auth_mechanisms(names)
    })
}

/// Whether credentials may cross an unencrypted connection to another machine: 0 (the default)
/// or 1. A connection to this machine, by its address, is always allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_allow_plaintext_auth(
    client: *mut smtp_client,
    on: c_int,
) -> c_int {
    run(client, |owned| {
        owned.client.set_allow_plaintext_auth(on != 0);
        Ok(())
    })
}

/// The server's challenge, decoded, its length in `*length` (which may be NULL); NULL when an
/// initial response is asked for. Not NUL-terminated. Valid during the callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_auth_exchange_challenge(
    exchange: *const smtp_auth_exchange,
    length: *mut usize,
) -> *const c_void {
    let found = Handle::call(
        exchange,
        |_| (std::ptr::null(), 0),
        |step: &mut Step| {
            let bytes = step.challenge.as_ref().map(Secret::as_bytes);
            Ok(bytes.map_or((std::ptr::null(), 0), |bytes| (bytes.as_ptr(), bytes.len())))
        },
    );
    convert::give(length, found.1);
    found.0.cast()
}

/// Gives the response: `length` bytes, copied, encoded in base64 by the library. Once a callback;
/// a second time is SMTP_E_MISUSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_auth_exchange_respond(
    exchange: *mut smtp_auth_exchange,
    data: *const c_void,
    length: usize,
) -> c_int {
    Handle::run(exchange, |step: &mut Step| {
        if step.response.is_some() {
            return Err(Error::new(ErrorKind::Misuse, "this challenge has a response already"));
        }
        step.response =
            Some(Secret::from(convert::bytes("the response", data.cast(), length)?.to_vec()));
        Ok(0)
    })
}

/// A mechanism that asks the caller's callback.
struct Own {
    name: String,
    function: unsafe extern "C-unwind" fn(*mut smtp_auth_exchange, *mut c_void) -> c_int,
    user_data: *mut c_void,
}

// SAFETY: it lives for one call, on the thread that made the call.
unsafe impl Send for Own {}

impl Mechanism for Own {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_plaintext(&self) -> bool {
        true
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Option<Secret>> {
        let challenge = challenge.map(|bytes| Secret::from(bytes.to_vec()));
        let exchange = Handle::create(Step { challenge, response: None }, ())?;
        // SAFETY: the exchange lives until it is freed below; user data is what the caller gave.
        let code = unsafe { (self.function)(exchange, self.user_data) };
        let response = Handle::borrow(exchange, |step: &mut Step| Ok(step.response.take()));
        Handle::<Step>::free(exchange)?;
        if code < 0 {
            return Err(Error::new(
                ErrorKind::Authentication,
                format!("AUTH {}: the callback cancelled with {code}", self.name),
            ));
        }
        response
    }
}
