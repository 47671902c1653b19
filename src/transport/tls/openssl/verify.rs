//! Whether a server's certificate is accepted, and if not, why in words.

use std::sync::{Arc, LazyLock, Mutex};

use ::openssl::error::ErrorStack;
use ::openssl::ex_data::Index;
use ::openssl::sha::sha256;
use ::openssl::ssl::{Ssl, SslRef};
use ::openssl::x509::{X509Ref, X509StoreContext, X509StoreContextRef, X509VerifyResult};

use crate::error::Flaw;

use super::super::certificate;
use super::super::fault::Distrust;
use super::super::host_errors::HostErrors;
use super::super::policy::{Pin, Settings, Verify};
use super::registry::locked;
use super::trust::Trust;
use super::{calls, parts};

/// What one connection wants of a certificate, and what it found.
pub(super) struct Check {
    trust: Arc<Trust>,
    verify: Verify,
    pins: Vec<Pin>,
    /// Whom it must be for.
    name: String,
    refusal: Mutex<Option<Distrust>>,
}

impl Check {
    pub fn new(trust: &Arc<Trust>, settings: &Settings, name: &str) -> Self {
        Check {
            trust: Arc::clone(trust),
            verify: settings.verify,
            pins: settings.pins.clone(),
            name: name.to_owned(),
            refusal: Mutex::default(),
        }
    }

    /// Why the certificate was not accepted.
    pub fn refusal(&self) -> Option<Distrust> {
        locked(&self.refusal).take()
    }

    fn judge(
        &self,
        context: &mut X509StoreContextRef,
        leaf: &X509Ref,
        chain: &[&X509Ref],
    ) -> Result<(), Distrust> {
        if self.verify != Verify::None {
            self.trust.provide(chain);
            if !context.verify_cert().unwrap_or(false) {
                return Err(self.why(context.error(), leaf));
            }
        }
        context.set_error(X509VerifyResult::OK);
        if self.pins.is_empty() || self.is_pinned(leaf) {
            return Ok(());
        }
        context.set_error(calls::no_pin());
        Err(Distrust::new(Flaw::Other, "the server's public key is none of the pins"))
    }

    fn is_pinned(&self, leaf: &X509Ref) -> bool {
        let Ok(der) = leaf.to_der() else { return false };
        let key = parts::of(&der).map(|parts| sha256(&der[parts.public_key]));
        key.is_ok_and(|key| self.pins.contains(&key))
    }

    fn why(&self, verdict: X509VerifyResult, leaf: &X509Ref) -> Distrust {
        let is_mismatch = MISMATCHES.contains(&verdict.as_raw());
        let names = is_mismatch.then(|| certificate::no_name_of_kind(leaf, &self.name)).flatten();
        if let Some(names) = names {
            return names;
        }
        let mut why = Distrust::of(verdict.error_string(), &self.name);
        let shown = if is_mismatch { certificate::show_names(leaf) } else { String::new() };
        if !shown.is_empty() {
            why.words.push_str(&format!(", it is for {shown}"));
        }
        let is_unknown = why.flaw == Flaw::Issuer;
        if let Some(complaint) = is_unknown.then(|| self.trust.complaint()).flatten() {
            why.words.push_str(&format!("; {}", complaint.words));
            why.flaw = complaint.flaw;
        }
        why
    }
}

/// Has the connection's certificate decided upon by the check.
pub(super) fn install(ssl: &mut SslRef, check: &Arc<Check>) -> Result<(), ErrorStack> {
    ssl.set_ex_data(index()?, Arc::clone(check));
    Ok(())
}

/// OpenSSL asks whether to accept the certificate.
pub(super) fn decide(
    context: &mut X509StoreContextRef,
    leaf: &X509Ref,
    chain: &[&X509Ref],
) -> bool {
    let ssl = X509StoreContext::ssl_idx().ok().and_then(|index| context.ex_data(index));
    let check = ssl.and_then(|ssl| ssl.ex_data(index().ok()?)).cloned();
    let Some(check) = check else { return false };
    match check.judge(context, leaf, chain) {
        Ok(()) => {
            // OpenSSL would take what was looked for in vain for the outcome of the handshake.
            HostErrors::forget_ours();
            true
        }
        Err(why) => {
            *locked(&check.refusal) = Some(why);
            false
        }
    }
}

/// Where a connection has its check.
fn index() -> Result<Index<Ssl, Arc<Check>>, ErrorStack> {
    static INDEX: LazyLock<Option<Index<Ssl, Arc<Check>>>> =
        LazyLock::new(|| Ssl::new_ex_index().ok());
    INDEX.ok_or_else(ErrorStack::get)
}

/// X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH.
const MISMATCHES: [i32; 2] = [62, 64];
