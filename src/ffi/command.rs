//! Single SMTP commands. Each returns the server's reply code, whatever it is, and an error only
//! where no valid reply came.

use std::ffi::{c_char, c_int, c_void};

use crate::client::{Bytes, Command, Operation};

use super::boundary::convert;
use super::client::{command, perform, run_code, smtp_client};

/// HELO (RFC 5321 section 4.1.1.1; smtplib: helo). LMTP has none: SMTP_E_MISUSE.
///
/// @param name  what to call ourselves; NULL for the local host name
///
/// Returns the reply code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_helo(client: *mut smtp_client, name: *const c_char) -> c_int {
    command(client, || Ok(Command::Helo(convert::optional_string("the name", name)?)))
}

/// EHLO, or LHLO to an LMTP server (RFC 5321 section 4.1.1.1, RFC 2033 section 4.1; smtplib: ehlo).
/// A reply 2yz replaces what is known of the server's extensions, another clears it.
///
/// @param name  what to call ourselves; NULL for the local host name
///
/// Returns the reply code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_ehlo(client: *mut smtp_client, name: *const c_char) -> c_int {
    command(client, || Ok(Command::Ehlo(convert::optional_string("the name", name)?)))
}

/// EHLO, and HELO if it is refused, unless the server was greeted before (smtplib:
/// ehlo_or_helo_if_needed). To LMTP only LHLO is sent.
///
/// Returns SMTP_OK, or SMTP_E_HELO if all were refused, smtp_client_reply_code() being the last
/// answer. The sending functions, smtp_client_starttls() and the login functions call it by
/// themselves; the functions for single commands do not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_ehlo_or_helo_if_needed(client: *mut smtp_client) -> c_int {
    perform(client, |_| Ok(Operation::Greet))
}

/// Sends any command and reads its reply (smtplib: docmd). Not for commands whose reply is
/// followed by something other than the next command, such as STARTTLS.
///
/// @param verb  such as "XCLIENT"
/// @param args  what follows it after a space; NULL or "" if nothing does
///
/// Returns the reply code; the text is smtp_client_reply_text().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_docmd(
    client: *mut smtp_client,
    verb: *const c_char,
    args: *const c_char,
) -> c_int {
    command(client, || {
        let args = convert::optional_text("the argument", args)?.unwrap_or_default().into();
        let verb = convert::text("the command", verb)?.into();
        Ok(Command::Verb { verb, args })
    })
}

/// Sends any command without waiting for its reply, which smtp_client_getreply() reads (smtplib:
/// putcmd). Until every reply owed has been read, commands and mail are SMTP_E_MISUSE; further calls
/// of this function, smtp_client_send_raw(), smtp_client_quit() and smtp_client_close() are not.
///
/// @param verb  such as "NOOP"
/// @param args  what follows it after a space; NULL or "" if nothing does
///
/// Returns SMTP_OK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_putcmd(
    client: *mut smtp_client,
    verb: *const c_char,
    args: *const c_char,
) -> c_int {
    perform(client, |_| {
        let args = convert::optional_text("the argument", args)?.unwrap_or_default().into();
        let verb = convert::text("the command", verb)?.into();
        Ok(Operation::Put { verb, args })
    })
}

/// Reads one reply, for what smtp_client_putcmd() or smtp_client_send_raw() sent (RFC 5321 section
/// 4.2; smtplib: getreply). Returns the reply code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_getreply(client: *mut smtp_client) -> c_int {
    command(client, || Ok(Command::Reply))
}

/// Sends bytes as they are, unchecked and unchanged (smtplib: send). The replies that they cause are
/// the caller's to read with smtp_client_getreply(): one for each line, but one for a whole message
/// behind 354 or for a chunk behind BDAT. As long as one is owed, or the last line or message has not
/// come to its end, commands and mail are SMTP_E_MISUSE.
///
/// @param data    `length` bytes, of which nothing is checked: line ends and dots included
/// @param length  in bytes
///
/// Returns SMTP_OK when all have gone to the system.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_send_raw(
    client: *mut smtp_client,
    data: *const c_void,
    length: usize,
) -> c_int {
    run_code(client, |owned| {
        let bytes = convert::bytes("the data", data.cast(), length)?;
        // A pending call may outlive what the caller gave.
        owned.driver.prepare()?;
        let bytes = match owned.driver.is_nonblocking() {
            true => Bytes::Own(convert::copy("the data", bytes)?.into()),
            false => Bytes::Lent(bytes),
        };
        owned.start(Operation::Raw(bytes))
    })
}

/// NOOP (RFC 5321 section 4.1.1.9; smtplib: noop). Returns the reply code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_noop(client: *mut smtp_client) -> c_int {
    command(client, || Ok(bare("NOOP")))
}

/// RSET: gives up the mail transaction under way (RFC 5321 section 4.1.1.5; smtplib: rset). Returns
/// the reply code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_rset(client: *mut smtp_client) -> c_int {
    command(client, || Ok(bare("RSET")))
}

/// HELP (RFC 5321 section 4.1.1.8; smtplib: help).
///
/// @param args  what help is wanted on; NULL or "" for nothing in particular
///
/// Returns the reply code; the answer is smtp_client_reply_text().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_help(client: *mut smtp_client, args: *const c_char) -> c_int {
    command(client, || {
        let args = convert::optional_text("the argument", args)?.unwrap_or_default().into();
        Ok(Command::Verb { verb: "HELP".into(), args })
    })
}

/// VRFY (RFC 5321 section 4.1.1.6; smtplib: verify, vrfy).
///
/// @param address  "a@b" or "Name <a@b>"; the bare address is sent
///
/// Returns the reply code; the answer is smtp_client_reply_text(). Most servers answer 252: they
/// do not tell.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_verify(
    client: *mut smtp_client,
    address: *const c_char,
) -> c_int {
    command(client, || {
        let address = convert::text("the address", address)?.to_owned();
        Ok(Command::Query { verb: "VRFY", address })
    })
}

/// EXPN (RFC 5321 section 4.1.1.7; smtplib: expn).
///
/// @param list  a mailing list's name or address; the bare address is sent
///
/// Returns the reply code; the members are smtp_client_reply_text(), one a line.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_expn(client: *mut smtp_client, list: *const c_char) -> c_int {
    command(client, || {
        let address = convert::text("the list", list)?.to_owned();
        Ok(Command::Query { verb: "EXPN", address })
    })
}

/// MAIL: begins a mail transaction (RFC 5321 section 4.1.1.2; smtplib: mail). The server is not
/// greeted first and no parameter is added.
///
/// @param sender        "a@b", "Name <a@b>", or "" or "<>" for the null reverse-path
/// @param options       parameters, "keyword" or "keyword=value"; not sent after HELO
/// @param option_count  how many
///
/// Returns the reply code, whatever it is. With SMTPUTF8 (RFC 6531) among the options the addresses
/// of this transaction may be UTF-8; SMTP_E_NOT_SUPPORTED if the server does not offer it, or what
/// another option needs. It counts for the server's MAILMAX (RFC 9422).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_mail(
    client: *mut smtp_client,
    sender: *const c_char,
    options: *const *const c_char,
    option_count: usize,
) -> c_int {
    command(client, || {
        let options = owned(&convert::texts("an option", options, option_count)?);
        Ok(Command::Mail { sender: convert::text("the sender", sender)?.to_owned(), options })
    })
}

/// RCPT: one recipient of the mail transaction (RFC 5321 section 4.1.1.3; smtplib: rcpt).
///
/// @param recipient     "a@b" or "Name <a@b>"
/// @param options       parameters, "keyword" or "keyword=value"; not sent after HELO
/// @param option_count  how many
///
/// Returns the reply code, whatever it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_rcpt(
    client: *mut smtp_client,
    recipient: *const c_char,
    options: *const *const c_char,
    option_count: usize,
) -> c_int {
    command(client, || {
        let options = owned(&convert::texts("an option", options, option_count)?);
        let recipient = convert::text("the recipient", recipient)?.to_owned();
        Ok(Command::Rcpt { recipient, options })
    })
}

/// DATA, then the message, then its final reply (RFC 5321 section 4.1.1.4; smtplib: data).
///
/// @param message  `length` bytes: bare CR and bare LF become CRLF, a line that begins with a dot
///                 gets another, a missing last line end is added; read during the call alone
/// @param length   in bytes
///
/// Returns the final reply's code, whatever it is (over LMTP that of the last recipient);
/// SMTP_E_DATA if DATA itself is not answered with 354; SMTP_E_OUTCOME_UNKNOWN if the connection
/// was lost, or the time was up, between the message's end and the final reply. SMTP_E_CANCELLED says
/// in its text whether it came there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_data(
    client: *mut smtp_client,
    message: *const c_void,
    length: usize,
) -> c_int {
    // The message is the caller's for the length of this call, and the client's no longer.
    command(client, || Ok(Command::Data(convert::bytes("the message", message.cast(), length)?)))
}

/// A command without an argument.
fn bare(verb: &str) -> Command {
    Command::Verb { verb: verb.into(), args: "".into() }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(str::to_owned).collect()
}
