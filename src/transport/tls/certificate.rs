//! Certificates and keys: reading them, and what a server's certificate must have besides what
//! the TLS library verifies.

use std::io::Read;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::x509::{GeneralNameRef, X509, X509Ref, X509VerifyResult};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Flaw, Result, printable};

use super::fault::{self, Distrust};

/// A file that may hold a key.
pub(super) fn read_file(path: &str) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    read_into(Path::new(path), &mut bytes).map(|()| bytes)
}

/// One that everybody may read.
#[cfg(not(any(feature = "native", target_vendor = "apple")))]
pub(super) fn read_public(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_into(path, &mut bytes).map(|()| bytes)
}

fn read_into(path: &Path, bytes: &mut Vec<u8>) -> Result<()> {
    let shown = printable(path.as_os_str().as_bytes(), 256);
    let read = std::fs::File::open(path).and_then(|file| {
        // Room for all of it at once: a buffer that grows leaves copies of a key behind.
        bytes.reserve_exact(file.metadata()?.len().min(MAX_FILE) as usize + 1);
        file.take(MAX_FILE + 1).read_to_end(bytes)
    });
    match read {
        Ok(count) if count as u64 > MAX_FILE => {
            Err(unusable(&format!("{shown} is larger than a certificate file may be")))
        }
        Ok(_) => Ok(()),
        Err(error) => {
            let code = error.raw_os_error().unwrap_or(0);
            Err(unusable(&format!("cannot read {shown}: {error}")).with_os_code(code))
        }
    }
}

/// The certificates in PEM: at least one, and every one readable.
pub(super) fn parse_roots(pem: &[u8]) -> Result<Vec<X509>> {
    match X509::stack_from_pem(pem) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        Ok(_) => Err(unusable("there is no PEM certificate in it")),
        Err(error) => {
            let begins = |at: &usize| pem[*at..].starts_with(b"-----BEGIN ");
            let number = (0..pem.len())
                .filter(begins)
                .position(|at| X509::from_pem(&pem[at..]).is_err())
                .map_or(1, |index| index + 1);
            let why = fault::of_stack(&error);
            Err(unusable(&format!("PEM certificate {number} in it is broken: {why}")))
        }
    }
}

/// What we show of ourselves: the certificate, its chain behind it, and its key.
#[derive(Clone)]
pub(super) struct Identity {
    pub leaf: X509,
    pub chain: Vec<X509>,
    pub key: PKey<Private>,
}

impl Identity {
    /// Of the certificates, the first whose key it is, with those in order that vouch for it.
    pub fn new(mut certificates: Vec<X509>, key: PKey<Private>) -> Result<Self> {
        let is_ours = |one: &X509| one.public_key().is_ok_and(|public| public.public_eq(&key));
        let Some(at) = certificates.iter().position(is_ours) else {
            return Err(unusable("the key does not belong to the certificate"));
        };
        let leaf = certificates.remove(at);
        let mut chain: Vec<X509> = Vec::new();
        let vouches =
            |issuer: &X509, for_whom: &X509| issuer.issued(for_whom) == X509VerifyResult::OK;
        while let Some(next) =
            certificates.iter().position(|issuer| vouches(issuer, chain.last().unwrap_or(&leaf)))
        {
            chain.push(certificates.remove(next));
        }
        chain.extend(certificates);
        Ok(Identity { leaf, chain, key })
    }

    pub fn certificates(&self) -> Vec<X509> {
        std::iter::once(&self.leaf).chain(&self.chain).cloned().collect()
    }

    /// The chain, and the key in PKCS#8.
    #[cfg(any(feature = "native", target_vendor = "apple"))]
    pub fn to_pem(
        &self,
    ) -> std::result::Result<(Vec<u8>, Zeroizing<Vec<u8>>), openssl::error::ErrorStack> {
        let mut chain = self.leaf.to_pem()?;
        for one in &self.chain {
            chain.extend(one.to_pem()?);
        }
        Ok((chain, Zeroizing::new(self.key.private_key_to_pem_pkcs8()?)))
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
    let key = parse_key(&key).map_err(|error| error.in_context(shown))?;
    let certificates = parse_chain(&chain).map_err(|error| error.in_context(file))?;
    Identity::new(certificates, key).map_err(|error| error.in_context(shown))
}

/// A certificate chain from a PEM file, for a key that is known.
pub(super) fn identity_with_key(file: &str, key: PKey<Private>) -> Result<Identity> {
    let certificates = read_file(file).and_then(|chain| parse_chain(&chain));
    certificates
        .and_then(|certificates| Identity::new(certificates, key))
        .map_err(|error| error.in_context(file))
}

fn parse_chain(pem: &[u8]) -> Result<Vec<X509>> {
    let certificates = X509::stack_from_pem(pem).unwrap_or_default();
    if certificates.is_empty() {
        return Err(unusable("there is no PEM certificate in it"));
    }
    Ok(certificates)
}

fn parse_key(pem: &[u8]) -> Result<PKey<Private>> {
    let mut encrypted = false;
    let key = PKey::private_key_from_pem_callback(pem, |_| {
        encrypted = true;
        Err(openssl::error::ErrorStack::get())
    });
    match key {
        Ok(key) => Ok(key),
        Err(_) if encrypted => Err(unusable("the key is encrypted; decrypt it, or use PKCS#12")),
        Err(error) => Err(unusable(&format!("no PEM private key: {}", fault::of_stack(&error)))),
    }
}

pub(super) fn identity_from_pkcs12(data: &[u8], password: &str) -> Result<Identity> {
    let why = |error| unusable(&format!("PKCS#12: {}", fault::of_stack(&error)));
    let parsed = Pkcs12::from_der(data).and_then(|store| store.parse2(password)).map_err(why)?;
    let (Some(leaf), Some(key)) = (parsed.cert, parsed.pkey) else {
        return Err(unusable("PKCS#12: there is no certificate with its key in it"));
    };
    let chain = parsed.ca.into_iter().flatten();
    Identity::new(std::iter::once(leaf).chain(chain).collect(), key)
}

fn unusable(what: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, what)
}

/// RFC 9525 section 2: the names are in the subject alternative name, and nowhere else. Where a
/// library falls back to the common name, this is what refuses it.
#[cfg(any(feature = "native", target_vendor = "apple"))]
pub(super) fn check_names(der: Option<&[u8]>, host: &str) -> Result<()> {
    let certificate = der.and_then(|der| X509::from_der(der).ok());
    match certificate.map(|certificate| no_name_of_kind(&certificate, host)) {
        Some(None) => Ok(()),
        Some(Some(why)) => Err(why.into()),
        None => Err(Distrust::new(Flaw::Other, "the server has shown no certificate").into()),
    }
}

/// Why a certificate with these names cannot be for the host; `None` if it may be.
pub(super) fn no_name_of_kind(certificate: &X509Ref, host: &str) -> Option<Distrust> {
    let Some(names) = certificate.subject_alt_names() else {
        let host = printable(host.as_bytes(), 256);
        let words = format!(
            "host mismatch: the server's certificate is not valid for {host}, it has no subject \
             alternative name"
        );
        return Some(Distrust::new(Flaw::NoName, words));
    };
    let is_address = host.parse::<IpAddr>().is_ok();
    let fits = |name: &GeneralNameRef| {
        if is_address { name.ipaddress().is_some() } else { name.dnsname().is_some() }
    };
    if names.iter().any(fits) {
        return None;
    }
    let shown = show_names(certificate);
    let words = format!(
        "host mismatch: the server's certificate is not valid for {}, it has no subject \
         alternative name with {} ({})",
        printable(host.as_bytes(), 256),
        if is_address { "an address" } else { "a host name" },
        if shown.is_empty() { "but of other kinds" } else { &shown },
    );
    Some(Distrust::new(Flaw::Name, words))
}

/// The subject alternative names, the first of them.
pub(super) fn show_names(certificate: &X509Ref) -> String {
    let names = certificate.subject_alt_names();
    let names = names.iter().flat_map(|names| names.iter()).filter_map(show_name);
    names.take(SHOWN_NAMES).collect::<Vec<_>>().join(", ")
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
