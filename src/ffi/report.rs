//! smtp_report: what a probe has seen of a server, and what to do about it.

use std::ffi::{c_char, c_int};

use crate::client::{Address, Advice, Fact, Mistake, Operation, Report, advice};
use crate::error::{Error, ErrorKind, Result};

use super::boundary::code::code;
use super::boundary::code::smtp_result::{SMTP_OK, SMTP_PENDING};
use super::boundary::panic::guarded;
use super::boundary::{Handle, Kind, Recent, View, convert};
use super::client::{Owned as Client, smtp_client};

/// What smtp_client_probe() has seen. It belongs to no client, and never changes. Every text in it
/// is printable UTF-8, whatever the server sent, and holds no secret.
#[allow(non_camel_case_types)]
pub struct smtp_report {
    _opaque: (),
}

/// Host and port, or the path: "mail.example.org:587". Always there
pub const SMTP_REPORT_HOST: c_int = 1;
/// How the connection was to be secured: "STARTTLS". Always there
pub const SMTP_REPORT_SECURITY: c_int = 2;
/// The server's greeting, with its code: "220 mail.example.org ESMTP"
pub const SMTP_REPORT_GREETING: c_int = 3;
/// Reply to EHLO or LHLO before TLS, or without: the server's name and what it offers, lines
/// separated by "\n", without codes
pub const SMTP_REPORT_EHLO_CLEAR: c_int = 4;
/// Reply to EHLO or LHLO under TLS
pub const SMTP_REPORT_EHLO_TLS: c_int = 5;
/// Version of TLS: "TLSv1.3"
pub const SMTP_REPORT_TLS_VERSION: c_int = 6;
/// Cipher suite by its name in the RFCs
pub const SMTP_REPORT_TLS_CIPHER: c_int = 7;
/// Group of the key exchange by IANA's name
pub const SMTP_REPORT_TLS_GROUP: c_int = 8;
/// For whom the certificate is, the first eight names
pub const SMTP_REPORT_CERTIFICATE_NAMES: c_int = 9;
/// Subject of the certificate
pub const SMTP_REPORT_CERTIFICATE_SUBJECT: c_int = 10;
/// Who issued the certificate
pub const SMTP_REPORT_CERTIFICATE_ISSUER: c_int = 11;
/// From when on the certificate is valid, in UTC (RFC 3339)
pub const SMTP_REPORT_CERTIFICATE_NOT_BEFORE: c_int = 12;
/// When the certificate expires, in UTC (RFC 3339)
pub const SMTP_REPORT_CERTIFICATE_NOT_AFTER: c_int = 13;
/// The mechanisms for login that the last EHLO offered, separated by spaces; "" if none
pub const SMTP_REPORT_AUTH_MECHANISMS: c_int = 14;
/// What became of the login: "accepted (235)", or why it failed
pub const SMTP_REPORT_LOGIN: c_int = 15;
/// Why no mail could be sent: the message that smtp_client_open() would leave
pub const SMTP_REPORT_ERROR: c_int = 16;

/// There is no such host.
pub const SMTP_ADVICE_NAME: c_int = 1;
/// No name server answers.
pub const SMTP_ADVICE_NAME_SERVICE: c_int = 2;
/// Nothing listens at host and port.
pub const SMTP_ADVICE_REFUSED: c_int = 3;
/// Nothing comes back from host and port.
pub const SMTP_ADVICE_NO_ANSWER: c_int = 4;
/// The network lets nothing out to port 25.
pub const SMTP_ADVICE_PORT_25: c_int = 5;
/// Mail could be sent, and some addresses of the host do not answer.
pub const SMTP_ADVICE_ADDRESSES: c_int = 6;
/// A port that wants TLS from the first byte was spoken to in clear.
pub const SMTP_ADVICE_TLS_FIRST: c_int = 7;
/// A port that greets in clear was spoken to in TLS.
pub const SMTP_ADVICE_CLEAR_FIRST: c_int = 8;
/// STARTTLS is needed and not offered.
pub const SMTP_ADVICE_NO_STARTTLS: c_int = 9;
/// The certificate is for another name, or for none.
pub const SMTP_ADVICE_CERTIFICATE_NAME: c_int = 10;
/// The certificate, or one in its chain, has expired.
pub const SMTP_ADVICE_CERTIFICATE_EXPIRED: c_int = 11;
/// The certificate is not valid yet.
pub const SMTP_ADVICE_CERTIFICATE_NOT_YET_VALID: c_int = 12;
/// Nobody whom this machine trusts has issued the certificate.
pub const SMTP_ADVICE_CERTIFICATE_ISSUER: c_int = 13;
/// This machine has no root certificates at all.
pub const SMTP_ADVICE_NO_ROOTS: c_int = 14;
/// The certificate expires in less than 14 days.
pub const SMTP_ADVICE_CERTIFICATE_EXPIRES: c_int = 15;
/// The certificate is not accepted for another reason.
pub const SMTP_ADVICE_CERTIFICATE: c_int = 16;
/// The server wants a certificate of the client.
pub const SMTP_ADVICE_CLIENT_CERTIFICATE: c_int = 17;
/// The TLS handshake fails.
pub const SMTP_ADVICE_TLS: c_int = 18;
/// The server turns this machine away.
pub const SMTP_ADVICE_UNWANTED: c_int = 19;
/// The server has no time now.
pub const SMTP_ADVICE_LATER: c_int = 20;
/// What answers is no mail server.
pub const SMTP_ADVICE_NOT_SMTP: c_int = 21;
/// The server falls silent or hangs up.
pub const SMTP_ADVICE_SILENT: c_int = 22;
/// User name or password is wrong.
pub const SMTP_ADVICE_PASSWORD: c_int = 23;
/// The account wants a password made for programs.
pub const SMTP_ADVICE_APP_PASSWORD: c_int = 24;
/// The server wants OAuth 2.0 where a password was given.
pub const SMTP_ADVICE_OAUTH: c_int = 25;
/// The login is for encrypted connections.
pub const SMTP_ADVICE_LOGIN_NEEDS_TLS: c_int = 26;
/// The server offers no login, or does not let this account log in.
pub const SMTP_ADVICE_NO_LOGIN: c_int = 27;
/// Client and server have no mechanism for login in common, or none that can be used.
pub const SMTP_ADVICE_MECHANISM: c_int = 28;
/// The server does not know the password that it is to check: it may be an impostor.
pub const SMTP_ADVICE_IMPOSTOR: c_int = 29;
/// The server refuses the access token.
pub const SMTP_ADVICE_TOKEN: c_int = 30;
/// The token source gave no access token, or not in time.
pub const SMTP_ADVICE_NO_TOKEN: c_int = 31;

/// What a report's handle holds.
struct Owned {
    report: Box<Report>,
    advice: Vec<Advice>,
}

impl Kind for Owned {
    const TAG: u8 = 8;
    const NAME: &'static str = "report";
    type Recent = [Recent; 0];
}

/// What a report shows to C.
#[derive(Clone, Copy)]
enum Shows {
    Text,
    Address,
    AddressError,
    Advice,
}

impl Owned {
    fn address(&self, index: usize) -> Result<&Address> {
        let address = self.report.addresses.get(index);
        address.ok_or_else(|| convert::invalid(format!("there is no address {index}")))
    }

    fn advice(&self, index: usize) -> Result<&Advice> {
        let advice = self.advice.get(index);
        advice.ok_or_else(|| convert::invalid(format!("there is no advice {index}")))
    }
}

fn number(report: *const smtp_report, read: impl FnOnce(&Owned) -> Result<c_int>) -> c_int {
    Handle::number(report, |owned: &View<'_, Owned>| read(owned))
}

/// Reads one text of many.
fn text_at(
    report: *const smtp_report,
    shows: Shows,
    index: usize,
    read: impl FnOnce(&Owned) -> Result<&str>,
) -> *const c_char {
    Handle::string(report, |owned: &View<'_, Owned>| {
        let text = read(owned)?;
        Ok(Some(owned.show(shows as usize, index, text.as_bytes())))
    })
}

fn fact(what: c_int) -> Result<Fact> {
    Ok(match what {
        SMTP_REPORT_HOST => Fact::Host,
        SMTP_REPORT_SECURITY => Fact::Security,
        SMTP_REPORT_GREETING => Fact::Greeting,
        SMTP_REPORT_EHLO_CLEAR => Fact::EhloClear,
        SMTP_REPORT_EHLO_TLS => Fact::EhloTls,
        SMTP_REPORT_TLS_VERSION => Fact::TlsVersion,
        SMTP_REPORT_TLS_CIPHER => Fact::TlsCipher,
        SMTP_REPORT_TLS_GROUP => Fact::TlsGroup,
        SMTP_REPORT_CERTIFICATE_NAMES => Fact::CertificateNames,
        SMTP_REPORT_CERTIFICATE_SUBJECT => Fact::CertificateSubject,
        SMTP_REPORT_CERTIFICATE_ISSUER => Fact::CertificateIssuer,
        SMTP_REPORT_CERTIFICATE_NOT_BEFORE => Fact::CertificateNotBefore,
        SMTP_REPORT_CERTIFICATE_NOT_AFTER => Fact::CertificateNotAfter,
        SMTP_REPORT_AUTH_MECHANISMS => Fact::AuthMechanisms,
        SMTP_REPORT_LOGIN => Fact::Login,
        SMTP_REPORT_ERROR => Fact::Error,
        _ => return Err(convert::invalid("the fact is none of SMTP_REPORT_*")),
    })
}

fn advice_code(mistake: Mistake) -> c_int {
    match mistake {
        Mistake::Name => SMTP_ADVICE_NAME,
        Mistake::NameService => SMTP_ADVICE_NAME_SERVICE,
        Mistake::Refused => SMTP_ADVICE_REFUSED,
        Mistake::NoAnswer => SMTP_ADVICE_NO_ANSWER,
        Mistake::Port25 => SMTP_ADVICE_PORT_25,
        Mistake::Addresses => SMTP_ADVICE_ADDRESSES,
        Mistake::TlsFirst => SMTP_ADVICE_TLS_FIRST,
        Mistake::ClearFirst => SMTP_ADVICE_CLEAR_FIRST,
        Mistake::NoStartTls => SMTP_ADVICE_NO_STARTTLS,
        Mistake::CertificateName => SMTP_ADVICE_CERTIFICATE_NAME,
        Mistake::CertificateExpired => SMTP_ADVICE_CERTIFICATE_EXPIRED,
        Mistake::CertificateNotYetValid => SMTP_ADVICE_CERTIFICATE_NOT_YET_VALID,
        Mistake::CertificateIssuer => SMTP_ADVICE_CERTIFICATE_ISSUER,
        Mistake::NoRoots => SMTP_ADVICE_NO_ROOTS,
        Mistake::CertificateExpires => SMTP_ADVICE_CERTIFICATE_EXPIRES,
        Mistake::Certificate => SMTP_ADVICE_CERTIFICATE,
        Mistake::ClientCertificate => SMTP_ADVICE_CLIENT_CERTIFICATE,
        Mistake::Tls => SMTP_ADVICE_TLS,
        Mistake::Unwanted => SMTP_ADVICE_UNWANTED,
        Mistake::Later => SMTP_ADVICE_LATER,
        Mistake::NotSmtp => SMTP_ADVICE_NOT_SMTP,
        Mistake::Silent => SMTP_ADVICE_SILENT,
        Mistake::Password => SMTP_ADVICE_PASSWORD,
        Mistake::AppPassword => SMTP_ADVICE_APP_PASSWORD,
        Mistake::OAuth => SMTP_ADVICE_OAUTH,
        Mistake::LoginNeedsTls => SMTP_ADVICE_LOGIN_NEEDS_TLS,
        Mistake::NoLogin => SMTP_ADVICE_NO_LOGIN,
        Mistake::Mechanism => SMTP_ADVICE_MECHANISM,
        Mistake::Impostor => SMTP_ADVICE_IMPOSTOR,
        Mistake::Token => SMTP_ADVICE_TOKEN,
        Mistake::NoToken => SMTP_ADVICE_NO_TOKEN,
    }
}

fn take(client: &mut Client) -> Result<*mut smtp_report> {
    let report = client.driver.client_mut()?.take_report().ok_or_else(|| {
        Error::new(ErrorKind::Misuse, "there is no report: smtp_client_probe() first")
    })?;
    let advice = advice(&report);
    Handle::create(Owned { report, advice })
}

/// Finds out what smtp_client_open() would come to, and why, without sending mail: looks the name
/// up, tries every address, goes on as smtp_client_open() does over the one that it would choose, and
/// ends with QUIT. If there is a connection it is closed first; afterwards there is none. The time
/// limit is that of the whole, and a minute where it is SMTP_TIMEOUT_RFC.
///
/// What is wrong is what was asked for, and no error of the call: a server that refuses, falls silent
/// or has a bad certificate gives a report that says so. Where TLS and clear text may have been
/// mixed up, or the certificate was not accepted, a second connection finds out which: nothing goes
/// over it but EHLO and STARTTLS, for nobody there was verified; facts of TLS in the report may be
/// of such a one.
///
/// Where calls do not wait (smtp_client_set_nonblocking()) it returns NULL, with
/// smtp_client_last_error_code() being SMTP_PENDING; when smtp_client_process() has returned SMTP_OK,
/// smtp_client_report() gives the report.
///
/// Returns the report, to be freed with smtp_report_free(). NULL for what is the caller's:
/// SMTP_E_MISUSE if no host was set, or for credentials without a password; SMTP_E_CANCELLED,
/// SMTP_E_FORBIDDEN by the audit callback, SMTP_E_BUSY, SMTP_E_INVALID_ARGUMENT, SMTP_E_NO_MEMORY.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_probe(client: *mut smtp_client) -> *mut smtp_report {
    Handle::call(
        client,
        |_| std::ptr::null_mut(),
        |owned: &mut Client| {
            owned.driver.prepare()?;
            if owned.start(Operation::Probe)? == SMTP_PENDING as c_int {
                let text = "the probe goes on in smtp_client_process(), and at its end \
                            smtp_client_report() gives the report";
                return Err(Error::new(ErrorKind::Pending, text));
            }
            take(owned)
        },
    )
}

/// The report of a probe that has ended in smtp_client_process(). It is given once.
///
/// Returns the report, to be freed with smtp_report_free(). NULL if there is none: SMTP_E_BUSY while
/// the probe is pending, else SMTP_E_MISUSE; or SMTP_E_NO_MEMORY.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_report(client: *mut smtp_client) -> *mut smtp_report {
    Handle::call(client, |_| std::ptr::null_mut(), take)
}

/// Frees a report, and with it every text that it gave; NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_free(report: *mut smtp_report) {
    guarded((), || Handle::<Owned>::free(report));
}

/// What smtp_client_open() would return: SMTP_OK if mail could be sent, as far as can be told
/// without sending any; else an error, whose message is SMTP_REPORT_ERROR. SMTP_E_MISUSE also for
/// what is no report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_code(report: *const smtp_report) -> c_int {
    number(report, |owned| Ok(owned.report.outcome().map_or_else(code, |()| SMTP_OK as c_int)))
}

/// The server's reply code that belongs to that error, such as 535; 0 if none does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_reply_code(report: *const smtp_report) -> c_int {
    number(report, |owned| Ok(owned.report.error.as_ref().map_or(0, |one| one.reply_code().into())))
}

/// A fact, as text.
///
/// @param what  one of SMTP_REPORT_*
///
/// Returns the text, valid until the report is freed. NULL if the probe did not come so far, if
/// there is no such thing, or if the library does not know it ("tls-info" of smtp_client_has_feature()
/// is 0), and for a number that is none (SMTP_E_INVALID_ARGUMENT).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_text(
    report: *const smtp_report,
    what: c_int,
) -> *const c_char {
    Handle::string(report, |owned: &View<'_, Owned>| {
        let text = owned.report.text(fact(what)?);
        let place = what.unsigned_abs() as usize;
        Ok(text.map(|text| owned.show(Shows::Text as usize, place, text.as_bytes())))
    })
}

/// Days until the server's certificate expires, rounded down; 0 once it has
/// (SMTP_REPORT_CERTIFICATE_NOT_AFTER says when). SMTP_E_NOT_SUPPORTED if no certificate was seen.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_days_left(report: *const smtp_report) -> c_int {
    number(report, |owned| {
        let days = owned.report.tls.days_left.map(|days| days.max(0));
        let text = "the probe has seen no certificate, or cannot read its dates";
        days.ok_or_else(|| Error::new(ErrorKind::NotSupported, text))
    })
}

/// How many addresses the host has, all of which were tried; 0 if it was not found. A Unix socket
/// counts for one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_address_count(report: *const smtp_report) -> usize {
    Handle::count(report, |owned: &View<'_, Owned>| Ok(owned.report.addresses.len()))
}

/// An address, such as "2001:db8::1", or the path of a Unix socket. They stand in the order in
/// which smtp_client_open() tries them.
///
/// @param index  from 0
///
/// NULL if there is no such address. Valid until the report is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_address(
    report: *const smtp_report,
    index: usize,
) -> *const c_char {
    text_at(report, Shows::Address, index, |owned| Ok(&owned.address(index)?.text))
}

/// Why no connection to that address could be made; "" if one could. NULL if there is no such
/// address. Valid until the report is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_address_error(
    report: *const smtp_report,
    index: usize,
) -> *const c_char {
    text_at(report, Shows::AddressError, index, |owned| {
        Ok(owned.address(index)?.error.as_ref().map_or("", |error| error.message()))
    })
}

/// The errno that belongs to it, such as ECONNREFUSED; 0 if none does. SMTP_E_INVALID_ARGUMENT if
/// there is no such address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_address_errno(
    report: *const smtp_report,
    index: usize,
) -> c_int {
    number(report, |owned| Ok(owned.address(index)?.error.as_ref().map_or(0, Error::os_code)))
}

/// How long it took to connect to that address, or to fail. SMTP_E_INVALID_ARGUMENT if there is no
/// such address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_address_milliseconds(
    report: *const smtp_report,
    index: usize,
) -> c_int {
    number(report, |owned| {
        Ok(c_int::try_from(owned.address(index)?.milliseconds).unwrap_or(c_int::MAX))
    })
}

/// How many pieces of advice there are; 0 if nothing is wrong, or nothing that is known here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_advice_count(report: *const smtp_report) -> usize {
    Handle::count(report, |owned: &View<'_, Owned>| Ok(owned.advice.len()))
}

/// What is wrong and what to do about it, in one or two sentences for a person, the most important
/// first. NULL if there is no such advice. Valid until the report is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_advice(
    report: *const smtp_report,
    index: usize,
) -> *const c_char {
    text_at(report, Shows::Advice, index, |owned| Ok(&owned.advice(index)?.text))
}

/// The same for a program: one of SMTP_ADVICE_*. SMTP_E_INVALID_ARGUMENT if there is no such advice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_report_advice_kind(
    report: *const smtp_report,
    index: usize,
) -> c_int {
    number(report, |owned| Ok(advice_code(owned.advice(index)?.mistake)))
}
