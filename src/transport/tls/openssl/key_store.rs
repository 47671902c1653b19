//! Keys from OpenSSL's stores, by URI (ossl_store(7)): files, and what a provider or an engine
//! brings, such as PKCS#11 (RFC 7512).

use std::ffi::{CString, c_char, c_int, c_void};

use ::openssl::error::ErrorStack;
use ::openssl::pkey::{PKey, Private};
use ::openssl::x509::X509;
use foreign_types::ForeignType;
use openssl_sys as ffi;

use crate::error::{Error, ErrorKind, Result};

use super::super::fault;

enum Store {}
enum Info {}

unsafe extern "C" {
    fn OSSL_STORE_open(
        uri: *const c_char,
        ui_method: *const c_void,
        ui_data: *mut c_void,
        post_process: *const c_void,
        post_process_data: *mut c_void,
    ) -> *mut Store;
    fn OSSL_STORE_load(store: *mut Store) -> *mut Info;
    fn OSSL_STORE_eof(store: *mut Store) -> c_int;
    fn OSSL_STORE_close(store: *mut Store) -> c_int;
    fn OSSL_STORE_INFO_get1_PKEY(info: *const Info) -> *mut ffi::EVP_PKEY;
    fn OSSL_STORE_INFO_get1_CERT(info: *const Info) -> *mut ffi::X509;
    fn OSSL_STORE_INFO_free(info: *mut Info);
    fn UI_null() -> *const c_void;
}

/// The first private key, and all certificates.
pub(super) fn load(uri: &str) -> Result<(PKey<Private>, Vec<X509>)> {
    let unusable = |what: &str| Error::new(ErrorKind::InvalidArgument, what);
    let text = CString::new(uri).map_err(|_| unusable("the URI has a NUL in it"))?;
    let (mut key, mut certificates) = (None, Vec::new());
    // SAFETY: the URI lives for the call, and UI_null() asks nobody for a password.
    let store = unsafe {
        let nothing = std::ptr::null_mut();
        OSSL_STORE_open(text.as_ptr(), UI_null(), nothing, std::ptr::null(), nothing)
    };
    let failed = || {
        let why = fault::of_stack(&ErrorStack::get());
        unusable(&format!("OpenSSL cannot open the client key's URI: {why}"))
    };
    if store.is_null() {
        return Err(failed());
    }
    // SAFETY: the store is open until it is closed, here; what `get1` gives is ours.
    unsafe {
        let mut in_vain = 0;
        // A store that fails for good need not come to its end.
        while OSSL_STORE_eof(store) == 0 && in_vain < MOST_IN_VAIN {
            let info = OSSL_STORE_load(store);
            if info.is_null() {
                in_vain += 1;
                continue;
            }
            let (found, certificate) =
                (OSSL_STORE_INFO_get1_PKEY(info), OSSL_STORE_INFO_get1_CERT(info));
            OSSL_STORE_INFO_free(info);
            if !found.is_null() {
                key.get_or_insert(PKey::<Private>::from_ptr(found));
            }
            if !certificate.is_null() {
                certificates.push(X509::from_ptr(certificate));
            }
        }
        OSSL_STORE_close(store);
    }
    match key {
        Some(key) => Ok((key, certificates)),
        None => {
            let why = fault::of_stack(&ErrorStack::get());
            Err(unusable(&format!("there is no private key behind the client key's URI: {why}")))
        }
    }
}

/// How often a store may give nothing: for each file of a directory that is none of its own.
const MOST_IN_VAIN: usize = 10_000;
