//! smtp_tls: whom to trust and what to show.

use std::ffi::{c_char, c_int, c_void};
use std::sync::OnceLock;

use crate::client::{TlsPolicy, TlsVersion, Verify};
use crate::error::Result;

use super::boundary::panic::guarded;
use super::boundary::{Handle, Kind, Recent, convert};

/// A TLS policy (smtplib: ssl.SSLContext, keyfile, certfile). By default the system's roots are
/// trusted, the certificate must be valid for the host by its subject alternative name (RFC 9525),
/// TLS 1.2 and 112 bits of security (OpenSSL's level 2) are the least, and sessions are resumed. One
/// policy may be given to many clients.
#[allow(non_camel_case_types)]
pub struct smtp_tls {
    _opaque: (),
}

/// What a policy's handle holds. Before it is used there is nothing: making a handle must not need
/// memory that cannot be asked for.
#[derive(Default)]
pub(super) struct Owned(OnceLock<TlsPolicy>);

impl Owned {
    #[inline(never)]
    pub fn policy(&self) -> TlsPolicy {
        self.0.get_or_init(TlsPolicy::default).clone()
    }

    #[inline(never)]
    fn change(&mut self) -> &mut TlsPolicy {
        self.0.get_or_init(TlsPolicy::default);
        // It is there by now.
        self.0.get_mut().expect("a policy")
    }
}

impl Kind for Owned {
    const TAG: u8 = 3;
    const NAME: &'static str = "TLS policy";
    type Recent = [Recent; 0];
}

/// Verify the chain, the dates and that the certificate is for the host. The default.
pub const SMTP_TLS_VERIFY_FULL: c_int = 1;
/// Verify the chain and the dates, whatever host the certificate is for.
pub const SMTP_TLS_VERIFY_CERTIFICATE: c_int = 2;
/// Verify nothing: protects against listeners, not against impostors.
pub const SMTP_TLS_VERIFY_NONE: c_int = 3;

/// TLS 1.2 (RFC 5246)
pub const SMTP_TLS_VERSION_1_2: c_int = 12;
/// TLS 1.3 (RFC 8446)
pub const SMTP_TLS_VERSION_1_3: c_int = 13;

fn set(tls: *mut smtp_tls, change: impl FnOnce(&mut TlsPolicy) -> Result<()>) -> c_int {
    Handle::run(tls, |owned: &mut Owned| change(owned.change()).map(|()| 0))
}

fn version(value: c_int) -> Result<TlsVersion> {
    match value {
        SMTP_TLS_VERSION_1_2 => Ok(TlsVersion::Tls12),
        SMTP_TLS_VERSION_1_3 => Ok(TlsVersion::Tls13),
        _ => Err(convert::invalid("the TLS version is none of SMTP_TLS_VERSION_*")),
    }
}

/// Makes a policy with the defaults.
///
/// Returns the policy, to be freed with smtp_tls_free(); NULL only if out of memory
/// (SMTP_E_NO_MEMORY).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn smtp_tls_new() -> *mut smtp_tls {
    guarded(std::ptr::null_mut(), || Handle::create(Owned::default()))
}

/// Frees a policy; NULL is allowed. Clients that were given it keep what they need.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_free(tls: *mut smtp_tls) {
    guarded((), || Handle::<Owned>::free(tls));
}

/// Message of the last failed call on this policy. Never NULL, "" if none has failed. Valid until
/// the next failing call on it, or its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_last_error(tls: *const smtp_tls) -> *const c_char {
    Handle::<Owned>::last_message(tls)
}

/// Code of that call: one of smtp_result, SMTP_OK if none has failed; SMTP_E_BUSY while a call is
/// running, SMTP_E_MISUSE for what is no policy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_last_error_code(tls: *const smtp_tls) -> c_int {
    Handle::<Owned>::last_code(tls)
}

/// The system's errno that belongs to that error; 0 if it had none, while a call is running, and
/// for what is no policy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_last_errno(tls: *const smtp_tls) -> c_int {
    Handle::<Owned>::last_errno(tls)
}

/// Trusts the certificates in a PEM file, in place of those from the files given before; those of
/// smtp_tls_add_ca_pem() and the system's roots stay trusted.
///
/// @param path  read now. SMTP_E_INVALID_ARGUMENT if it cannot be read or has no certificate; then
///              nothing is changed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_set_ca_file(tls: *mut smtp_tls, path: *const c_char) -> c_int {
    set(tls, |policy| policy.set_ca_file(convert::text("the CA file", path)?))
}

/// Trusts the certificates in one more PEM file as well as those trusted before.
///
/// @param path  as smtp_tls_set_ca_file()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_add_ca_file(tls: *mut smtp_tls, path: *const c_char) -> c_int {
    set(tls, |policy| policy.add_ca_file(convert::text("the CA file", path)?))
}

/// Trusts certificates in memory as well as those trusted before.
///
/// @param pem     `length` bytes of PEM, copied. SMTP_E_INVALID_ARGUMENT if there is no certificate
///                in it
/// @param length  in bytes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_add_ca_pem(
    tls: *mut smtp_tls,
    pem: *const c_void,
    length: usize,
) -> c_int {
    set(tls, |policy| policy.add_ca_pem(convert::bytes("the PEM", pem.cast(), length)?))
}

/// Whether the system's roots are trusted: 1 (the default) or 0. With 0 only the certificates
/// given here are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_set_system_roots(tls: *mut smtp_tls, on: c_int) -> c_int {
    set(tls, |policy| {
        policy.set_system_roots(on != 0);
        Ok(())
    })
}

/// Shows the server a client certificate (smtplib: certfile, keyfile).
///
/// @param cert_file  PEM file with the certificate and its chain
/// @param key_file   PEM file with the key: PKCS#8, PKCS#1 or SEC1, not encrypted; NULL if it is
///                   in cert_file
///
/// Both are read now. SMTP_E_INVALID_ARGUMENT if one cannot be read or used, or if the two do not
/// belong together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_set_client_certificate(
    tls: *mut smtp_tls,
    cert_file: *const c_char,
    key_file: *const c_char,
) -> c_int {
    set(tls, |policy| {
        let key_file = convert::optional_text("the key file", key_file)?;
        policy.set_client_certificate(convert::text("the certificate file", cert_file)?, key_file)
    })
}

/// Shows the server a client certificate with its key from PKCS#12 (RFC 7292).
///
/// @param data      `length` bytes, copied. SMTP_E_INVALID_ARGUMENT if they cannot be used or the
///                  password is wrong
/// @param length    in bytes
/// @param password  NULL or "" if there is none
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_set_client_pkcs12(
    tls: *mut smtp_tls,
    data: *const c_void,
    length: usize,
    password: *const c_char,
) -> c_int {
    set(tls, |policy| {
        let password = convert::optional_text("the password", password)?.unwrap_or("");
        policy.set_client_pkcs12(convert::bytes("the PKCS#12", data.cast(), length)?, password)
    })
}

/// Shows the server a client certificate whose key stays where it is: in a store of OpenSSL's
/// (ossl_store(7)), such as a token behind PKCS#11 ("pkcs11:object=mail", RFC 7512) for which
/// OpenSSL's configuration names a provider or an engine. "file:" works everywhere.
///
/// @param uri  opened now. SMTP_E_INVALID_ARGUMENT if OpenSSL cannot open it, if there is no
///             private key, or if it does not belong to the certificate; SMTP_E_NOT_SUPPORTED by
///             native-tls
///
/// The certificate is the one that the store has beside the key; else the one that was set before,
/// or that smtp_tls_set_client_certificate() sets behind this with NULL for the key file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_set_client_key_uri(
    tls: *mut smtp_tls,
    uri: *const c_char,
) -> c_int {
    set(tls, |policy| policy.set_client_key_uri(convert::text("the URI", uri)?))
}

/// What is verified of the server.
///
/// @param mode  SMTP_TLS_VERIFY_FULL (the default), SMTP_TLS_VERIFY_CERTIFICATE or
///              SMTP_TLS_VERIFY_NONE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_set_verify(tls: *mut smtp_tls, mode: c_int) -> c_int {
    set(tls, |policy| {
        policy.set_verify(match mode {
            SMTP_TLS_VERIFY_FULL => Verify::Full,
            SMTP_TLS_VERIFY_CERTIFICATE => Verify::Certificate,
            SMTP_TLS_VERIFY_NONE => Verify::None,
            _ => return Err(convert::invalid("the mode is none of SMTP_TLS_VERIFY_*")),
        });
        Ok(())
    })
}

/// Wants of the server's public key that it is one of the pins, whatever else is verified, under
/// SMTP_TLS_VERIFY_NONE too. Another is SMTP_E_TLS with SMTP_DETAIL_CERTIFICATE.
///
/// @param pin  "sha256//" and the SHA-256 of the key in DER in base64, as curl's --pinnedpubkey
///             takes it (RFC 7469 section 2.4); several with ";" between them. It is added to those
///             set before. SMTP_E_INVALID_ARGUMENT for anything else, SMTP_E_NOT_SUPPORTED by
///             native-tls
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_add_pin(tls: *mut smtp_tls, pin: *const c_char) -> c_int {
    set(tls, |policy| policy.add_pin(convert::text("the pin", pin)?))
}

/// Whether sessions are resumed (RFC 5077, RFC 8446 section 2.2): 1 (the default) or 0. The tickets
/// of servers are kept in the policy, up to 64, and shown by whichever client of it connects to the
/// same host and port under the same name; what is changed here later forgets them. A ticket that a
/// server refuses is no error. 1 is SMTP_E_NOT_SUPPORTED by native-tls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_set_resumption(tls: *mut smtp_tls, on: c_int) -> c_int {
    set(tls, |policy| policy.set_resumption(on != 0))
}

/// Reads now all that a handshake will need: the system's roots, if they are trusted, and what the
/// TLS library loads at first use. A program calls it before chroot(2), or before it drops the
/// privilege to read them. Otherwise a root is read when a certificate asks for it, from the places
/// that OpenSSL knows and SSL_CERT_FILE and SSL_CERT_DIR override.
///
/// Returns SMTP_OK; SMTP_E_TLS if something could not be read, such as a missing directory that the
/// environment names, or a broken certificate in a file: the rest is loaded all the same. Clients
/// that are given the policy from now on share it, in a child of a later fork(2) too, as do all in the
/// process with the same trust.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_load(tls: *mut smtp_tls) -> c_int {
    set(tls, |policy| policy.load())
}

/// The least version of TLS.
///
/// @param minimum  SMTP_TLS_VERSION_1_2 (the default, unless OpenSSL's configuration asks for more)
///                 or SMTP_TLS_VERSION_1_3
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_set_min_version(tls: *mut smtp_tls, minimum: c_int) -> c_int {
    set(tls, |policy| {
        policy.set_min_version(version(minimum)?);
        Ok(())
    })
}

/// The greatest version of TLS. Without this call there is no limit.
///
/// @param maximum  SMTP_TLS_VERSION_1_2 or SMTP_TLS_VERSION_1_3
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_set_max_version(tls: *mut smtp_tls, maximum: c_int) -> c_int {
    set(tls, |policy| {
        policy.set_max_version(version(maximum)?);
        Ok(())
    })
}

/// The name that the certificate must be valid for, and that is asked for by SNI, in place of the
/// host connected to.
///
/// @param name  a host name, or an IP address; SMTP_E_INVALID_ARGUMENT for what is neither
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_tls_set_server_name(
    tls: *mut smtp_tls,
    name: *const c_char,
) -> c_int {
    set(tls, |policy| policy.set_server_name(convert::text("the server name", name)?))
}
