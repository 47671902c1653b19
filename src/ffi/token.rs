//! OAuth 2.0: logging in with an access token, and where tokens come from.

use std::any::Any;
use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

use crate::client::{
    Command, Operation, Secret, TokenOwner, TokenReason, TokenRequest, TokenSource,
};
use crate::error::{Error, ErrorKind, Result, SHOWN_TEXT, printable};

use super::boundary::callback::{UserData, smtp_destroy_callback};
use super::boundary::panic::{guarded, thread_code};
use super::boundary::{Handle, Kind, Recent, View, convert};
use super::client::{perform, smtp_client, try_set};

/// A source of access tokens. It keeps the tokens that its callback gives, one for each user name,
/// and may serve any number of clients on any threads.
#[allow(non_camel_case_types)]
pub struct smtp_token_source {
    _opaque: (),
}

/// A token that a source asks its callback for. It lives until it is answered, by
/// smtp_token_give() or smtp_token_fail(), or until the end of its source; it is SMTP_E_MISUSE
/// after that. Not to be freed.
#[allow(non_camel_case_types)]
pub struct smtp_token_request {
    _opaque: (),
}

/// Reason of a request: the source has no token for that user yet.
pub const SMTP_TOKEN_FIRST: c_int = 1;
/// Reason of a request: the token that it has is about to expire, or has expired.
pub const SMTP_TOKEN_EXPIRING: c_int = 2;
/// Reason of a request: the server has refused the token that it had. smtp_token_request_detail()
/// has the server's words.
pub const SMTP_TOKEN_REFUSED: c_int = 3;

/// Asked for an access token when a login needs one and the source has none that is good.
///
/// It answers with smtp_token_give() or smtp_token_fail(), here or later and from any thread; the
/// login waits for that, within its time limit, and smtp_client_cancel() ends the wait. A negative
/// return is an answer, too: there is no token. Every request wants an answer: until it has one,
/// whatever logs in for that user waits for it, and no other is made.
///
/// Runs on the thread of the call that logs in, in which the client is busy, so that with
/// smtp_client_set_nonblocking() it should only begin what takes time. Until a request is answered
/// there is no other for that user of the source; for two users there may be, on two threads. A login
/// in it that would wait for the same request is SMTP_E_MISUSE.
#[allow(non_camel_case_types)]
pub type smtp_token_callback = Option<
    unsafe extern "C-unwind" fn(request: *mut smtp_token_request, user_data: *mut c_void) -> c_int,
>;

/// What a source's handle holds.
struct Owned(TokenSource);

impl Kind for Owned {
    const TAG: u8 = 6;
    const NAME: &'static str = "token source";
    type Recent = [Recent; 0];
}

/// What a request's handle holds.
struct Asked(TokenRequest);

impl Kind for Asked {
    const TAG: u8 = 7;
    const NAME: &'static str = "token request";
    type Recent = [Recent; 0];
}

/// Logs in with an OAuth 2.0 access token: by OAUTHBEARER (RFC 7628) if the server offers it, else
/// by XOAUTH2, or in the order of smtp_client_set_auth_mechanisms(). EHLO is sent first if need be.
///
/// @param user   whose mailbox it is, in UTF-8 without control characters; NULL for the one set by
///               smtp_client_set_token_source(), where `token` is NULL too
/// @param token  the access token, not empty, of printable ASCII without spaces, so short that its
///               line has at most 12288 octets (RFC 4954 section 4), which are 9 KiB of token. A
///               copy is wiped after use. NULL for one of the source that was set by
///               smtp_client_set_token_source(); if the server refuses that, one new token is
///               asked for, and tried on the same connection
///
/// Returns SMTP_OK. SMTP_E_INVALID_ARGUMENT for a user or token that cannot be, before anything is
/// sent, the message saying where and not what; SMTP_E_MISUSE for NULL without a source;
/// SMTP_E_NOT_SUPPORTED if the server does not offer AUTH; SMTP_E_NO_MECHANISM if it takes no tokens,
/// or the mechanisms that were chosen do not; SMTP_E_FORBIDDEN on an unencrypted connection to
/// another machine (see smtp_client_set_allow_plaintext_auth()); SMTP_E_AUTHENTICATION if the server
/// refuses, the message saying with which status and for which scope, and
/// smtp_client_last_error_detail() being SMTP_DETAIL_TOKEN where a new token may help; the same
/// without that if the source gave none. SMTP_E_TIMEOUT and SMTP_E_CANCELLED close the connection.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_login_oauth(
    client: *mut smtp_client,
    user: *const c_char,
    token: *const c_char,
) -> c_int {
    perform(client, |_| {
        if token.is_null() {
            let user = convert::optional_text("the user name", user)?.map(Secret::from);
            return Ok(Operation::LoginBySource { user });
        }
        let user = convert::text("the user name", user)?.into();
        let token = convert::text("the token", token)?.into();
        Ok(Operation::Command(Command::LoginByToken { user, token }))
    })
}

/// Sets where smtp_client_open(), and smtp_client_login_oauth() without a token, get their tokens;
/// password and user of smtp_client_set_credentials() are forgotten.
///
/// @param user    as for smtp_client_login_oauth(); NULL for the one that was set before, by a URL for
///                instance
/// @param source  the client keeps a reference of its own: the source may be freed at once, and
///                given to other clients. NULL for no credentials
///
/// Returns SMTP_OK; SMTP_E_INVALID_ARGUMENT for a user that cannot be, or none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_token_source(
    client: *mut smtp_client,
    user: *const c_char,
    source: *const smtp_token_source,
) -> c_int {
    try_set(client, |client| {
        let user = convert::optional_text("the user name", user)?;
        let source = match source.is_null() {
            true => None,
            false => Some(Handle::read(source, |owned: &Owned| owned.0.clone())?),
        };
        client.set_token_source(user, source)
    })
}

/// Makes a source of tokens.
///
/// A token is kept until a minute before its end, or the last tenth of its life where that is less,
/// or until the server refuses it. Logins that need one at the same time wait for the same request.
/// In a forked child the source has the parent's tokens and asks for new ones by itself; it is
/// SMTP_E_MISUSE there if another thread was using it in the moment of the fork.
///
/// @param callback   asked for tokens; not NULL
/// @param user_data  passed to it
/// @param destroy    called once with user_data when neither the source nor any client needs it any
///                   more, or before this function returns NULL; may be NULL. It may run on any
///                   thread that frees a client or source or answers a request
///
/// Returns the source, to be freed with smtp_token_source_free(); NULL if the callback is NULL
/// (SMTP_E_INVALID_ARGUMENT is smtp_last_error_code()) or there is no memory (SMTP_E_NO_MEMORY).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_token_source_new(
    callback: smtp_token_callback,
    user_data: *mut c_void,
    destroy: smtp_destroy_callback,
) -> *mut smtp_token_source {
    let user = UserData::new(user_data, destroy);
    guarded(std::ptr::null_mut(), || {
        let Some(function) = callback else {
            drop(user);
            return Err(convert::invalid("the token callback is NULL"));
        };
        Handle::create(Owned(TokenSource::new(Box::new(Callback { function, user }))))
    })
}

/// Frees a source; NULL is allowed. Clients that were given it keep what they need of it. With the
/// last of them requests that were not answered end, and its tokens are wiped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_token_source_free(source: *mut smtp_token_source) {
    guarded((), || Handle::<Owned>::free(source));
}

/// Why a token is asked for: SMTP_TOKEN_FIRST, SMTP_TOKEN_EXPIRING or SMTP_TOKEN_REFUSED. Negative
/// for a request that was answered: SMTP_E_MISUSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_token_request_reason(request: *const smtp_token_request) -> c_int {
    Handle::number(request, |asked: &View<'_, Asked>| {
        Ok(match asked.0.reason() {
            TokenReason::First => SMTP_TOKEN_FIRST,
            TokenReason::Expiring => SMTP_TOKEN_EXPIRING,
            TokenReason::Refused(_) => SMTP_TOKEN_REFUSED,
        })
    })
}

/// For whom a token is asked for. NULL for a request that was answered. Valid until the request is
/// answered, or the end of its source.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_token_request_user(
    request: *const smtp_token_request,
) -> *const c_char {
    Handle::string(request, |asked: &View<'_, Asked>| {
        Ok(Some(asked.show(0, 0, asked.0.user().as_bytes())))
    })
}

/// What the login with the token before failed with, for SMTP_TOKEN_REFUSED: the server's words,
/// with status and scope where it named them. NULL for another reason. Valid as
/// smtp_token_request_user().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_token_request_detail(
    request: *const smtp_token_request,
) -> *const c_char {
    Handle::string(request, |asked: &View<'_, Asked>| {
        Ok(match asked.0.reason() {
            TokenReason::Refused(words) => Some(asked.show(1, 0, words.as_bytes())),
            _ => None,
        })
    })
}

/// Answers a request with a token, from any thread.
///
/// @param token             as for smtp_client_login_oauth(); a copy is kept by the source, and
///                          wiped at its end
/// @param lifetime_seconds  how long it is good from now on (OAuth's expires_in); 0 if that is not
///                          known: it is then kept until the server refuses it
///
/// Returns SMTP_OK, also where nobody waits for it any more: the next login uses it. For arguments
/// that cannot be SMTP_E_INVALID_ARGUMENT, which is the answer of those who wait for the token as
/// well. SMTP_E_MISUSE for a request that was answered already, or whose source is gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_token_give(
    request: *mut smtp_token_request,
    token: *const c_char,
    lifetime_seconds: c_int,
) -> c_int {
    answer(request, || {
        let token = Secret::from(convert::text("the token", token)?);
        let life = u64::try_from(lifetime_seconds)
            .map_err(|_| convert::invalid("the lifetime is negative"))?;
        Ok((token, (life != 0).then(|| Duration::from_secs(life))))
    })
}

/// Answers a request: there is no token. Those who wait for it fail with SMTP_E_AUTHENTICATION and
/// this text; the next login asks anew. From any thread.
///
/// @param text  why, in UTF-8; of a long one the first 512 bytes are shown. NULL or "" if there is
///              nothing to say
///
/// Returns SMTP_OK; SMTP_E_MISUSE for a request that was answered already, or whose source is gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_token_fail(
    request: *mut smtp_token_request,
    text: *const c_char,
) -> c_int {
    answer(request, || {
        let text = match convert::optional_text("the text", text)? {
            None | Some("") => "it did not say why".to_owned(),
            Some(text) => printable(text.as_bytes(), SHOWN_TEXT),
        };
        Err(Error::new(ErrorKind::Authentication, text))
    })
}

/// Answers a request, whatever comes of the arguments; of two threads that do, one is the second.
fn answer(
    request: *mut smtp_token_request,
    read: impl FnOnce() -> Result<(Secret, Option<Duration>)>,
) -> c_int {
    let answered = guarded(false, || {
        let request = Handle::read(request, |asked: &Asked| asked.0.clone())?;
        request.answer(read()).map(|()| true)
    });
    if answered { 0 } else { thread_code() }
}

/// The callback of a source.
struct Callback {
    function: unsafe extern "C-unwind" fn(*mut smtp_token_request, *mut c_void) -> c_int,
    user: UserData,
}

// SAFETY: that it may be called on several threads at the same time is the header's contract.
unsafe impl Sync for Callback {}

impl TokenOwner for Callback {
    fn ask(&self, request: TokenRequest) -> Result<Box<dyn Any + Send>> {
        let pointer = Handle::create::<smtp_token_request>(Asked(request))?;
        let ticket = Ticket(pointer.addr());
        // SAFETY: the request is the callback's to use as long as it is; user data is what the
        // caller gave.
        let code = unsafe { (self.function)(pointer, self.user.pointer()) };
        if code < 0 {
            let text = format!("its callback failed with {code}");
            return Err(Error::new(ErrorKind::Authentication, text));
        }
        Ok(Box::new(ticket))
    }
}

/// Ends a request's handle with the request.
struct Ticket(usize);

impl Drop for Ticket {
    fn drop(&mut self) {
        let pointer = std::ptr::without_provenance_mut::<smtp_token_request>(self.0);
        // It is freed here alone, so that it is alive.
        drop(Handle::<Asked>::free(pointer));
    }
}
