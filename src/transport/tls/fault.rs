//! What went wrong under TLS, in words, and in which class: the socket's failures stay the
//! system's, all else is TLS. OpenSSL's source lines and codes stay out.

use std::io;

use openssl::error::ErrorStack;

use crate::error::{Detail, Error, ErrorKind, printable};

use super::failed;

pub(super) fn tls(reason: &str) -> Error {
    Error::new(ErrorKind::Tls, format!("TLS: {reason}"))
}

/// The server's certificate was not accepted.
pub(super) fn certificate(reason: &str) -> Error {
    tls(reason).with_detail(Detail::Certificate)
}

/// What is wrong with a certificate, from the words of X509_verify_cert_error_string(3).
pub(super) fn of_certificate(verdict: &str, host: &str) -> String {
    match verdict.to_ascii_lowercase().as_str() {
        "certificate has expired" => "the server's certificate has expired".to_owned(),
        "certificate is not yet valid" => "the server's certificate is not yet valid".to_owned(),
        "self-signed certificate" | "self signed certificate" => {
            "the server's certificate is self-signed".to_owned()
        }
        "hostname mismatch" | "ip address mismatch" => {
            let host = printable(host.as_bytes(), 256);
            format!("host mismatch: the server's certificate is not valid for {host}")
        }
        other if is_unknown_issuer(other) => {
            format!("unknown issuer: the server's certificate is not trusted ({other})")
        }
        other => format!("the server's certificate is not accepted: {other}"),
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
pub(super) fn is_unknown_issuer(verdict: &str) -> bool {
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
            ("certificate has expired", "has expired"),
            ("certificate is not yet valid", "not yet valid"),
            ("self-signed certificate", "is self-signed"),
            ("self signed certificate", "is self-signed"),
            (
                "Hostname mismatch",
                "host mismatch: the server's certificate is not valid for h\\x07",
            ),
            ("IP address mismatch", "host mismatch"),
            ("unable to get local issuer certificate", "unknown issuer"),
            ("self-signed certificate in certificate chain", "unknown issuer"),
            ("unable to verify the first certificate", "unknown issuer"),
            ("EE certificate key too weak", "not accepted: ee certificate key too weak"),
            ("unsuitable certificate purpose", "purpose"),
        ];
        for (verdict, expected) in cases {
            let words = of_certificate(verdict, "h\x07");
            assert!(words.contains(expected), "{verdict}: {words}");
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
