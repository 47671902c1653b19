//! Certificates and keys: reading them, and telling in words what is wrong with them.

use std::error::Error as _;
use std::io;

use native_tls::{Certificate, Identity};
use openssl::pkey::PKey;
use openssl::x509::X509;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result, printable};

/// Most names of a certificate that an error shows.
const SHOWN_NAMES: usize = 8;

pub(super) fn read_file(path: &str) -> Result<Zeroizing<Vec<u8>>> {
    std::fs::read(path).map(Zeroizing::new).map_err(|error| {
        let code = error.raw_os_error().unwrap_or(0);
        Error::new(
            ErrorKind::InvalidArgument,
            format!("cannot read {}: {error}", printable(path.as_bytes(), 256)),
        )
        .with_os_code(code)
    })
}

pub(super) fn parse_roots(pem: &[u8]) -> Result<Vec<Certificate>> {
    match Certificate::stack_from_pem(pem) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        Ok(_) => Err(unusable("there is no PEM certificate in it")),
        Err(error) => Err(unusable(&format!("no PEM certificate: {}", reason(&error)))),
    }
}

/// A certificate chain and its key from PEM files: PKCS#8, PKCS#1 or SEC1.
pub(super) fn identity_from_files(file: &str, key_file: Option<&str>) -> Result<Identity> {
    let chain = read_file(file)?;
    let key = match key_file {
        Some(key_file) => read_file(key_file)?,
        None => chain.clone(),
    };
    let shown = key_file.unwrap_or(file);
    let key = pkcs8(&key).map_err(|error| error.in_context(shown))?;
    let certificates = X509::stack_from_pem(&chain).unwrap_or_default();
    let leaf = certificates
        .first()
        .ok_or_else(|| unusable("there is no PEM certificate in it").in_context(file))?;
    if !leaf.public_key().is_ok_and(|public| public.public_eq(&key.1)) {
        return Err(unusable("the key does not belong to the certificate").in_context(shown));
    }
    Identity::from_pkcs8(&chain, &key.0).map_err(|error| unusable(&reason(&error)).in_context(file))
}

/// native-tls takes PKCS#8 alone; OpenSSL reads the others.
fn pkcs8(pem: &[u8]) -> Result<(Zeroizing<Vec<u8>>, PKey<openssl::pkey::Private>)> {
    let mut encrypted = false;
    let key = PKey::private_key_from_pem_callback(pem, |_| {
        encrypted = true;
        Err(openssl::error::ErrorStack::get())
    });
    let key = match key {
        Ok(key) => key,
        Err(_) if encrypted => {
            return Err(unusable("the key is encrypted; decrypt it, or use PKCS#12"));
        }
        Err(error) => return Err(unusable(&format!("no PEM private key: {}", stack(&error)))),
    };
    let pem = key.private_key_to_pem_pkcs8().map_err(|error| unusable(&stack(&error)))?;
    Ok((Zeroizing::new(pem), key))
}

pub(super) fn identity_from_pkcs12(data: &[u8], password: &str) -> Result<Identity> {
    Identity::from_pkcs12(data, password)
        .map_err(|error| unusable(&format!("PKCS#12: {}", reason(&error))))
}

fn unusable(what: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, what)
}

/// RFC 9525 section 2: the names are in the subject alternative name, and nowhere else. OpenSSL
/// falls back to the common name where there is none.
pub(super) fn check_names(der: Option<&[u8]>, host: &str) -> Result<()> {
    let address = host.parse::<std::net::IpAddr>().is_ok();
    let certificate = der.and_then(|der| X509::from_der(der).ok());
    let names = certificate.as_ref().and_then(|certificate| certificate.subject_alt_names());
    let named = names.is_some_and(|names| {
        names
            .iter()
            .any(|name| if address { name.ipaddress().is_some() } else { name.dnsname().is_some() })
    });
    if named {
        return Ok(());
    }
    let kind = if address { "address" } else { "host name" };
    Err(Error::new(
        ErrorKind::Tls,
        format!("TLS: the server's certificate has no subject alternative name with a {kind}"),
    ))
}

/// Why a handshake failed.
pub(super) fn handshake_reason(error: &native_tls::Error, host: &str) -> String {
    let text = error.to_string();
    // native-tls appends the verification result in brackets.
    let verdict = text.rsplit_once('(').and_then(|(_, tail)| tail.strip_suffix(')'));
    if let Some(verdict) = verdict.filter(|_| text.contains("certificate verify failed")) {
        let host = printable(host.as_bytes(), 256);
        return match verdict.to_ascii_lowercase().as_str() {
            "certificate has expired" => "the server's certificate has expired".to_owned(),
            "certificate is not yet valid" => {
                "the server's certificate is not yet valid".to_owned()
            }
            "self-signed certificate" | "self signed certificate" => {
                "the server's certificate is self-signed".to_owned()
            }
            "hostname mismatch" | "ip address mismatch" => {
                format!("host mismatch: the server's certificate is not valid for {host}")
            }
            other
                if other.contains("issuer")
                    || other.contains("in certificate chain")
                    || other.contains("first certificate") =>
            {
                format!("unknown issuer: the server's certificate is not trusted ({other})")
            }
            other => format!("the server's certificate is not accepted: {other}"),
        };
    }
    reason(error)
}

/// OpenSSL's reasons, without its source lines.
pub(super) fn reason(error: &native_tls::Error) -> String {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(errors) = cause.downcast_ref::<openssl::error::ErrorStack>() {
            return stack(errors);
        }
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return cause.to_string();
        }
        source = cause.source();
    }
    let text = error.to_string();
    if text.contains("unexpected EOF") || text.is_empty() {
        return "the server closed the connection during the handshake".to_owned();
    }
    strip_codes(&text)
}

fn stack(errors: &openssl::error::ErrorStack) -> String {
    let reasons: Vec<&str> =
        errors.errors().iter().filter_map(openssl::error::Error::reason).collect();
    if reasons.is_empty() {
        "the TLS library gave no reason".to_owned()
    } else {
        reasons.join(", ")
    }
}

/// `error:0A000086:SSL routines:tls_post_process:reason:file.c:12:` to `reason`.
fn strip_codes(text: &str) -> String {
    match text.split(':').nth(4) {
        Some(reason) if text.starts_with("error:") => reason.trim().to_owned(),
        _ => text.lines().take(SHOWN_NAMES).collect::<Vec<_>>().join(" "),
    }
}

/// What a failed read or write under TLS means.
pub(super) enum Failure {
    /// The stream ended, with or without close_notify.
    Ended,
    /// An alert or a broken record.
    Tls(String),
    /// The socket failed.
    Io,
}

pub(super) fn io_reason(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Failure::Ended;
    }
    let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<openssl::ssl::Error>())
    else {
        return Failure::Io;
    };
    let Some(errors) = inner.ssl_error() else { return Failure::Io };
    let text = stack(errors);
    if text.contains("unexpected eof") { Failure::Ended } else { Failure::Tls(text) }
}
