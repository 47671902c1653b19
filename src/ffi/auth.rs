//! Authentication, and auth objects of the caller's own.

use std::ffi::{c_char, c_int, c_void};

use crate::client::{Command, Mechanism, Secret, has_password};
use crate::error::{Error, ErrorKind, Result};

use super::boundary::{Handle, Kind, Recent, View, convert};
use super::client::{command, set, smtp_client, try_set};

/// One step of an authentication, lent to an smtp_auth_callback: it is SMTP_E_MISUSE after that has
/// returned. Not to be freed.
#[allow(non_camel_case_types)]
pub struct smtp_auth_exchange {
    _opaque: (),
}

/// Answers one challenge of the server (RFC 4954 section 4; smtplib: auth object).
///
/// smtp_auth_exchange_challenge() has the challenge, NULL when an initial response is asked for;
/// smtp_auth_exchange_respond() gives the response. Returning 0 without a response declines the
/// initial response, or answers a challenge with nothing. A negative return cancels: "*" is sent,
/// and the call ends in SMTP_E_AUTHENTICATION.
///
/// Called once for each challenge, 16 times at most; the server may challenge even after it
/// could have decided, so the callback keeps its own count in user_data if it needs one.
#[allow(non_camel_case_types)]
pub type smtp_auth_callback = Option<
    unsafe extern "C-unwind" fn(exchange: *mut smtp_auth_exchange, user_data: *mut c_void) -> c_int,
>;

struct Step {
    /// With a NUL behind it.
    challenge: Option<Secret>,
    response: Option<Secret>,
}

impl Kind for Step {
    const TAG: u8 = 4;
    const NAME: &'static str = "auth exchange";
    type Recent = [Recent; 0];
}

/// Logs in with the strongest mechanism that both sides know, and with the next where the server
/// refuses one (RFC 4954; smtplib: login). EHLO is sent first if need be. Mechanisms and their
/// order: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN,
/// or those of smtp_client_set_auth_mechanisms(); smtp_client_auth_builtin() says what each is.
///
/// The SCRAM ones with -PLUS bind the login to the TLS connection, so that nobody in between can
/// pass it on. Where one is used, SCRAM without -PLUS is not tried. Where SCRAM does not take the
/// user name or password (RFC 4013: a control character, say), the others are tried.
///
/// @param user      in UTF-8
/// @param password  in UTF-8; neither is kept, and copies are wiped
///
/// Returns SMTP_OK (235, or 503 if authenticated already). SMTP_E_NOT_SUPPORTED if the server does
/// not offer AUTH (some do only after STARTTLS); SMTP_E_NO_MECHANISM if none is in common, the
/// message naming both sides, and saying so where the server wants OAuth 2.0 (see
/// smtp_client_login_oauth()); SMTP_E_AUTHENTICATION with the last refusal, or
/// if a challenge cannot be answered, when no other mechanism is tried, or if the server
/// does not prove by SCRAM that it knows the password, which ends the connection where it claims a
/// success; SMTP_E_INVALID_ARGUMENT or SMTP_E_NOT_SUPPORTED if only SCRAM is left and does not
/// take the user name or password; SMTP_E_FORBIDDEN if
/// only mechanisms are left that would show the password on an unencrypted connection to another
/// machine (see smtp_client_set_allow_plaintext_auth()).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_login(
    client: *mut smtp_client,
    user: *const c_char,
    password: *const c_char,
) -> c_int {
    command(client, || {
        let user = convert::text("the user name", user)?.into();
        let password = convert::text("the password", password)?.into();
        Ok(Command::Login { user, password })
    })
}

/// Authenticates with a mechanism of the caller's own (smtplib: auth). EHLO is sent first if need
/// be.
///
/// @param mechanism  its name, such as "XOAUTH2" (RFC 4422 section 3.1: 1 to 20 of A-Z, 0-9, "-"
///                   and "_")
/// @param callback   called for the initial response and each challenge, until the call has ended
/// @param user_data  passed to it; may be NULL
///
/// Returns and errors as smtp_client_login(). The mechanism is taken for one that shows the
/// credentials to a listener, so that it is SMTP_E_FORBIDDEN in clear.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_auth(
    client: *mut smtp_client,
    mechanism: *const c_char,
    callback: smtp_auth_callback,
    user_data: *mut c_void,
) -> c_int {
    command(client, || {
        let Some(function) = callback else {
            return Err(convert::invalid("the auth callback is NULL"));
        };
        let name = convert::text("the mechanism", mechanism)?.to_owned();
        Ok(Command::Auth(Box::new(Own { name, function, user_data })))
    })
}

/// Authenticates with one of the library's mechanisms (smtplib: auth with auth_cram_md5, auth_plain
/// or auth_login).
///
/// @param mechanism  "SCRAM-SHA-256" (RFC 7677), "SCRAM-SHA-1" (RFC 5802), either with "-PLUS"
///                   (bound to TLS by RFC 9266 or RFC 5929), "CRAM-MD5" (RFC 2195), "PLAIN"
///                   (RFC 4616), "LOGIN", "OAUTHBEARER" (RFC 7628) or "XOAUTH2", whose password is
///                   an access token, or "EXTERNAL" (RFC 4422: by the client certificate, for
///                   instance)
/// @param user       in UTF-8; for EXTERNAL whom to act as, "" for whomever the server takes the
///                   client for
/// @param password   in UTF-8, NULL for EXTERNAL; neither is kept, and copies are wiped
///
/// Returns and errors as smtp_client_login(); SMTP_E_NOT_SUPPORTED for another mechanism, and for one
/// with -PLUS without TLS. A server that asks SCRAM for fewer than 4096 rounds of its hash, or more
/// than 1000000 (0.2 s of a processor that has instructions for it, else 1 s), gets no answer.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_auth_builtin(
    client: *mut smtp_client,
    mechanism: *const c_char,
    user: *const c_char,
    password: *const c_char,
) -> c_int {
    command(client, || {
        let mechanism = convert::text("the mechanism", mechanism)?.to_owned();
        let user = convert::text("the user name", user)?.into();
        let password = match convert::optional_text("the password", password)? {
            None if !has_password(&mechanism) => "",
            None => convert::text("the password", password)?,
            Some(password) => password,
        };
        Ok(Command::Builtin { mechanism, user, password: password.into() })
    })
}

/// Whether initial responses are sent on the AUTH line (RFC 4954 section 4): 1 (the default) or 0
/// (smtplib: initial_response_ok=).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_initial_response(
    client: *mut smtp_client,
    on: c_int,
) -> c_int {
    set(client, |client| client.set_initial_response(on != 0))
}

/// Which mechanisms smtp_client_login() and smtp_client_login_oauth() try, and in which order; each
/// passes over those of the other.
///
/// @param names  separated by spaces, in any letter case; NULL or "" for the library's own order;
///               SMTP_E_NOT_SUPPORTED for one that it does not know. "EXTERNAL", which that order
///               has not, takes the user for whom to act as and leaves the password unused
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_auth_mechanisms(
    client: *mut smtp_client,
    names: *const c_char,
) -> c_int {
    try_set(client, |client| {
        let names = convert::optional_text("the mechanisms", names)?.unwrap_or("");
        client.set_auth_mechanisms(names)
    })
}

/// Whether credentials may cross an unencrypted connection to another machine, readable by
/// whoever listens: 0 (the default) or 1. One to this machine, decided by its address alone,
/// is always allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_allow_plaintext_auth(
    client: *mut smtp_client,
    on: c_int,
) -> c_int {
    set(client, |client| client.set_allow_plaintext_auth(on != 0))
}

/// The server's challenge, decoded from base64; NULL when an initial response is asked for.
///
/// @param length  gets its length in bytes; may be NULL
///
/// The bytes may be any; a NUL that `length` does not count follows them. Valid until the callback
/// returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_auth_exchange_challenge(
    exchange: *const smtp_auth_exchange,
    length: *mut usize,
) -> *const c_void {
    let found = Handle::look(
        exchange,
        |_| (std::ptr::null(), 0),
        |step: &View<'_, Step>| {
            let bytes = step.challenge.as_ref().map(Secret::as_bytes);
            Ok(bytes.map_or((std::ptr::null(), 0), |bytes| (bytes.as_ptr(), bytes.len() - 1)))
        },
    );
    convert::give(length, found.1);
    found.0.cast()
}

/// Gives the response, before encoding in base64, which is the library's.
///
/// @param data    `length` bytes, copied; the copy is wiped after use
/// @param length  in bytes; 0 is an empty response
///
/// Returns SMTP_OK; SMTP_E_MISUSE a second time in one callback, the first response standing.
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
        let response = convert::bytes("the response", data.cast(), length)?;
        step.response = Some(Secret::from(convert::copy("the response", response)?));
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
        let challenge = challenge.map(|bytes| Secret::from([bytes, b"\0"].concat()));
        let exchange = Handle::create(Step { challenge, response: None })?;
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
