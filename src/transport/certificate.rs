//! Certificates and keys: reading them, and what a server's certificate must have besides what
//! the TLS library verifies.

use std::io::Read;
use std::net::IpAddr;

use native_tls::{Certificate, Identity};
use openssl::pkey::PKey;
use openssl::x509::{GeneralNameRef, X509};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result, printable};

use super::fault;

pub(super) fn read_file(path: &str) -> Result<Zeroizing<Vec<u8>>> {
    let shown = printable(path.as_bytes(), 256);
    let mut bytes = Zeroizing::new(Vec::new());
    let read = std::fs::File::open(path).and_then(|file| {
        // Room for all of it at once: a buffer that grows leaves copies of a key behind.
        bytes.reserve_exact(file.metadata()?.len().min(MAX_FILE) as usize + 1);
        file.take(MAX_FILE + 1).read_to_end(&mut bytes)
    });
    match read {
        Ok(count) if count as u64 > MAX_FILE => {
            Err(unusable(&format!("{shown} is larger than a certificate file may be")))
        }
        Ok(_) => Ok(bytes),
        Err(error) => {
            let code = error.raw_os_error().unwrap_or(0);
            Err(unusable(&format!("cannot read {shown}: {error}")).with_os_code(code))
        }
    }
}

pub(super) fn parse_roots(pem: &[u8]) -> Result<Vec<Certificate>> {
    match Certificate::stack_from_pem(pem) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        Ok(_) => Err(unusable("there is no PEM certificate in it")),
        Err(error) => Err(unusable(&format!("no PEM certificate: {}", fault::reason(&error)))),
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
    Identity::from_pkcs8(&chain, &key.0)
        .map_err(|error| unusable(&fault::reason(&error)).in_context(file))
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
        Err(error) => {
            return Err(unusable(&format!("no PEM private key: {}", fault::of_stack(&error))));
        }
    };
    let pem = key.private_key_to_pem_pkcs8().map_err(|error| unusable(&fault::of_stack(&error)))?;
    Ok((Zeroizing::new(pem), key))
}

pub(super) fn identity_from_pkcs12(data: &[u8], password: &str) -> Result<Identity> {
    Identity::from_pkcs12(data, password)
        .map_err(|error| unusable(&format!("PKCS#12: {}", fault::reason(&error))))
}

fn unusable(what: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, what)
}

/// RFC 9525 section 2: the names are in the subject alternative name, and nowhere else. OpenSSL
/// falls back to the common name where that has none of the kind asked for.
pub(super) fn check_names(der: Option<&[u8]>, host: &str) -> Result<()> {
    let certificate = der.and_then(|der| X509::from_der(der).ok());
    let Some(names) = certificate.and_then(|certificate| certificate.subject_alt_names()) else {
        return Err(fault::certificate("the server's certificate has no subject alternative name"));
    };
    let is_address = host.parse::<IpAddr>().is_ok();
    let fits = |name: &GeneralNameRef| {
        if is_address { name.ipaddress().is_some() } else { name.dnsname().is_some() }
    };
    if names.iter().any(fits) {
        return Ok(());
    }
    let shown: Vec<String> = names.iter().filter_map(show_name).take(SHOWN_NAMES).collect();
    Err(fault::certificate(&format!(
        "host mismatch: the server's certificate is not valid for {}, it has no subject \
         alternative name with {} ({})",
        printable(host.as_bytes(), 256),
        if is_address { "an address" } else { "a host name" },
        if shown.is_empty() { "but of other kinds".to_owned() } else { shown.join(", ") },
    )))
}

fn show_name(name: &GeneralNameRef) -> Option<String> {
    if let Some(name) = name.dnsname().or_else(|| name.email()).or_else(|| name.uri()) {
        return Some(printable(name.as_bytes(), 64));
    }
    let bytes = name.ipaddress()?;
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok().map(|ip| ip.to_string())
}

/// Most names of a certificate that an error shows.
const SHOWN_NAMES: usize = 8;

/// Every authority there is fits into a fraction of this; `/dev/zero` does not.
const MAX_FILE: u64 = 16 * 1024 * 1024;
