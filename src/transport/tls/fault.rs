//! What went wrong under TLS, in words, and in which class: the socket's failures stay the
//! system's, all else is TLS. OpenSSL's source lines and codes stay out.

use std::io;

use openssl::error::ErrorStack;

use crate::error::{Detail, Error, ErrorKind, Flaw, printable};

use super::failed;

pub(super) fn tls(reason: &str) -> Error {
    Error::new(ErrorKind::Tls, format!("TLS: {reason}"))
}

/// Why a certificate is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Distrust {
    pub flaw: Flaw,
    pub words: String,
}

impl Distrust {
    pub fn new(flaw: Flaw, words: impl Into<String>) -> Self {
        Distrust { flaw, words: words.into() }
    }

    /// From the words of X509_verify_cert_error_string(3).
    pub fn of(verdict: &str, host: &str) -> Self {
        let what = "the server's certificate";
        match verdict.to_ascii_lowercase().as_str() {
            "certificate has expired" => Self::new(Flaw::Expired, format!("{what} has expired")),
            "certificate is not yet valid" => {
                Self::new(Flaw::NotYetValid, format!("{what} is not yet valid"))
            }
            "self-signed certificate" | "self signed certificate" => {
                Self::new(Flaw::SelfSigned, format!("{what} is self-signed"))
            }
            "hostname mismatch" | "ip address mismatch" => {
                let host = printable(host.as_bytes(), 256);
                Self::new(Flaw::Name, format!("host mismatch: {what} is not valid for {host}"))
            }
            other if is_unknown_issuer(other) => {
                let words = format!("unknown issuer: {what} is not trusted ({other})");
                Self::new(Flaw::Issuer, words)
            }
            other => Self::new(Flaw::Other, format!("{what} is not accepted: {other}")),
        }
    }
}

/// The server's certificate was not accepted.
impl From<Distrust> for Error {
    fn from(why: Distrust) -> Self {
        tls(&why.words).with_detail(Detail::Certificate(why.flaw))
    }
}

/// The stream ended without close_notify.
pub(super) fn is_cut_off_by(errors: &ErrorStack) -> bool {
    errors.errors().iter().filter_map(openssl::error::Error::reason).any(is_cut_off)
}

pub(super) fn is_cut_off(text: &str) -> bool {
    text.contains("unexpected eof") || text == "unexpected EOF"
}

/// An error of the socket under TLS, or of our limits on it.
pub(super) fn of_socket(what: &str, error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(_) => failed(what, error),
        None => tls(&error.to_string()),
    }
}

/// Whether the chain has ended in nothing that is trusted.
fn is_unknown_issuer(verdict: &str) -> bool {
    ["issuer", "in certificate chain", "first certificate"]
        .iter()
        .any(|words| verdict.contains(words))
}

/// OpenSSL's reasons.
pub(super) fn of_stack(errors: &ErrorStack) -> String {
    let reasons: Vec<String> =
        errors.errors().iter().filter_map(openssl::error::Error::reason).map(in_words).collect();
    if reasons.is_empty() {
        "the TLS library gave no reason".to_owned()
    } else {
        reasons.join(", ")
    }
}

pub(super) fn in_words(reason: &str) -> String {
    match reason {
        "wrong version number" | "http request" | "packet length too long" => {
            format!("what the server sent is not TLS ({reason})")
        }
        "unsupported protocol" | "no protocols available" | "tlsv1 alert protocol version" => {
            format!("no TLS version in common with the server ({reason})")
        }
        "tlsv13 alert certificate required" => {
            format!("the server requires a client certificate ({reason})")
        }
        _ => match reason.split_once(" alert ") {
            Some((_, alert)) => format!("the server ended it with the alert \"{alert}\""),
            None => reason.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_in_words() {
        let cases = [
            ("certificate has expired", "has expired", Flaw::Expired),
            ("certificate is not yet valid", "not yet valid", Flaw::NotYetValid),
            ("self-signed certificate", "is self-signed", Flaw::SelfSigned),
            ("self signed certificate", "is self-signed", Flaw::SelfSigned),
            (
                "Hostname mismatch",
                "host mismatch: the server's certificate is not valid for h\\x07",
                Flaw::Name,
            ),
            ("IP address mismatch", "host mismatch", Flaw::Name),
            ("unable to get local issuer certificate", "unknown issuer", Flaw::Issuer),
            ("self-signed certificate in certificate chain", "unknown issuer", Flaw::Issuer),
            ("unable to verify the first certificate", "unknown issuer", Flaw::Issuer),
            (
                "EE certificate key too weak",
                "not accepted: ee certificate key too weak",
                Flaw::Other,
            ),
            ("unsuitable certificate purpose", "purpose", Flaw::Other),
        ];
        for (verdict, expected, flaw) in cases {
            let why = Distrust::of(verdict, "h\x07");
            assert!(why.words.contains(expected) && why.flaw == flaw, "{verdict}: {why:?}");
        }
    }

    #[test]
    fn reasons_in_words() {
        let cases = [
            ("wrong version number", "not TLS"),
            ("tlsv1 alert protocol version", "no TLS version in common"),
            ("tlsv13 alert certificate required", "requires a client certificate"),
            ("sslv3 alert handshake failure", "the alert \"handshake failure\""),
            ("dh key too small", "dh key too small"),
        ];
        for (reason, expected) in cases {
            let words = in_words(reason);
            assert!(words.contains(expected), "{reason}: {words}");
        }
    }
}
