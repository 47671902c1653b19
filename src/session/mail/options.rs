//! The one table of ESMTP parameters: which extension each belongs to, and what becomes of it
//! where the server does not offer that.

use crate::error::{Detail, Error, ErrorKind, Result};
use crate::session::command::not_offered;
use crate::session::{Greeting, Session};
use crate::wire::{Capabilities, Param};

/// What to do where the server lacks the extension.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    /// Leave it out: no mail means something else without it.
    Drop,
    /// Refuse the mail, but leave it out after HELO, as smtplib does.
    Refuse,
    /// Refuse the mail always: it must not be sent without.
    Never,
}

/// (keyword, extension, what without it). A keyword that is not here goes to every server that
/// accepted EHLO.
const TABLE: &[(&str, &str, Without)] = &[
    ("SIZE", "SIZE", Without::Drop),
    ("BODY", "8BITMIME", Without::Drop),
    ("AUTH", "AUTH", Without::Drop),
    ("SMTPUTF8", "SMTPUTF8", Without::Never),
    ("REQUIRETLS", "REQUIRETLS", Without::Never),
    // RFC 3461
    ("RET", "DSN", Without::Refuse),
    ("ENVID", "DSN", Without::Refuse),
    ("NOTIFY", "DSN", Without::Refuse),
    ("ORCPT", "DSN", Without::Refuse),
    // RFC 2852, RFC 4865, RFC 6710, RFC 7293, RFC 3865
    ("BY", "DELIVERBY", Without::Refuse),
    ("HOLDFOR", "FUTURERELEASE", Without::Refuse),
    ("HOLDUNTIL", "FUTURERELEASE", Without::Refuse),
    ("MT-PRIORITY", "MT-PRIORITY", Without::Refuse),
    ("RRVS", "RRVS", Without::Refuse),
    ("SOLICIT", "NO-SOLICITING", Without::Refuse),
];

/// These change which replies come (PRDR one per recipient and 353, RFC 1845 355): a client that
/// does not speak them would take one reply for another.
const CHANGES_DIALOGUE: &[&str] = &["PRDR", "TRANSID"];

impl Session {
    /// Whether a mail with this option of MAIL or RCPT may be sent to this server.
    pub(in crate::session) fn check_option(
        &self,
        command: &str,
        param: &Param,
        utf8: bool,
    ) -> Result<()> {
        if !utf8 && !param.as_str().is_ascii() {
            let text = format!(
                "the option {} is not ASCII; that needs the mail option SMTPUTF8",
                param.as_str()
            );
            return Err(Error::new(ErrorKind::InvalidArgument, text).with_detail(Detail::NeedsUtf8));
        }
        if CHANGES_DIALOGUE.iter().any(|keyword| param.is(keyword)) {
            let text = format!(
                "{}: this option changes the dialogue, which the library does not speak",
                param.keyword()
            );
            return Err(Error::new(ErrorKind::NotSupported, text));
        }
        if is_binary(param) {
            let offered = self.capabilities.binary_mime() && self.chunks();
            return if offered { Ok(()) } else { Err(not_offered(param.as_str(), command)) };
        }
        let Some((_, extension, without)) = known(param) else { return Ok(()) };
        let esmtp = self.greeting.does_esmtp();
        let fits = match without {
            Without::Drop => true,
            Without::Refuse => !esmtp || self.capabilities.has(extension),
            Without::Never => esmtp && self.capabilities.has(extension),
        };
        if fits {
            return Ok(());
        }
        let error = not_offered(&format!("{} ({extension})", param.as_str()), command);
        Err(if param.is("SMTPUTF8") { error.with_detail(Detail::NeedsUtf8) } else { error })
    }
}

/// Whether an option that [`Session::check_option`] has let through is written.
pub(in crate::session) fn is_written(
    param: &Param,
    greeting: &Greeting,
    capabilities: &Capabilities,
) -> bool {
    if !greeting.does_esmtp() {
        return false;
    }
    match known(param) {
        Some((_, extension, Without::Drop)) => is_binary(param) || capabilities.has(extension),
        _ => true,
    }
}

fn known(param: &Param) -> Option<&'static (&'static str, &'static str, Without)> {
    TABLE.iter().find(|(keyword, ..)| param.is(keyword))
}

/// BODY=BINARYMIME (RFC 3030 section 3).
pub(super) fn is_binary(param: &Param) -> bool {
    param.is("BODY") && param.value().is_some_and(|v| v.eq_ignore_ascii_case("BINARYMIME"))
}
