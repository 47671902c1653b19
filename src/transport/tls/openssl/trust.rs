//! What connections with the same trust share in a process: one context of OpenSSL's with one store
//! of roots, whichever client or policy asks first. It goes with the last of them.

use std::sync::{Arc, Mutex};

use ::openssl::asn1::Asn1Time;
use ::openssl::error::ErrorStack;
use ::openssl::ssl::{
    SslContext, SslMethod, SslMode, SslOptions, SslSessionCacheMode, SslVerifyMode, SslVersion,
};
use ::openssl::x509::{X509, X509NameRef, X509Ref};

use crate::error::Result;

use super::super::fault::Distrust;
use super::super::policy::Settings;
use super::registry::{Registry, locked};
use super::roots::{self, Root, Roots};
use super::{calls, setup};

pub(super) struct Trust {
    /// Given by the caller.
    own: Vec<X509>,
    /// The system's, if they are trusted.
    roots: Option<Arc<Roots>>,
    context: SslContext,
    least_version: Option<SslVersion>,
    /// Which of the system's are in the context's store by now.
    provided: Mutex<Vec<usize>>,
}

/// The trust that the settings ask for.
pub(super) fn of(settings: &Settings) -> Result<Arc<Trust>> {
    let own: Vec<X509> = settings.own_roots().cloned().collect();
    let roots = settings.system_roots.then(roots::of_system);
    if let (Some(roots), Some(loaded)) = (&roots, &settings.loaded) {
        roots.have(loaded);
    }
    KNOWN.share(
        |one| one.is_of(&own, roots.as_ref()),
        || Trust::new(own.clone(), roots.clone()).map_err(setup),
    )
}

fn name_of(name: &X509NameRef) -> Vec<u8> {
    name.to_der().unwrap_or_default()
}

fn is_valid_now(root: &X509Ref) -> bool {
    let now = Asn1Time::days_from_now(0);
    now.is_ok_and(|now| root.not_before() <= &*now && root.not_after() >= &*now)
}

fn has_signed(root: &X509Ref, one: &X509Ref) -> bool {
    let is_issuer = name_of(root.subject_name()) == name_of(one.issuer_name());
    is_issuer && root.public_key().is_ok_and(|key| one.verify(&key).unwrap_or(false))
}

static KNOWN: Registry<Trust> = Registry::new();

impl Drop for Trust {
    fn drop(&mut self) {
        KNOWN.forget_gone();
    }
}

impl Trust {
    pub(super) fn new(
        own: Vec<X509>,
        roots: Option<Arc<Roots>>,
    ) -> std::result::Result<Self, ErrorStack> {
        let mut builder = SslContext::builder(SslMethod::tls_client())?;
        builder.set_options(SslOptions::NO_COMPRESSION);
        builder.set_mode(
            SslMode::AUTO_RETRY
                | SslMode::ACCEPT_MOVING_WRITE_BUFFER
                | SslMode::ENABLE_PARTIAL_WRITE
                | SslMode::RELEASE_BUFFERS,
        );
        // Whether a certificate is good enough is decided in `verify`, whatever the policy.
        builder.set_verify(SslVerifyMode::PEER);
        calls::let_decide(&mut builder);
        let least_version = builder.min_proto_version();
        // OpenSSL itself keeps no session, under a lock that a thread may have held that a forked
        // child has lost.
        builder.set_session_cache_mode(
            SslSessionCacheMode::CLIENT
                | SslSessionCacheMode::NO_INTERNAL
                | SslSessionCacheMode::NO_AUTO_CLEAR,
        );
        calls::let_keep(&mut builder);
        for root in &own {
            builder.cert_store_mut().add_cert(root.clone())?;
        }
        if let Some(roots) = &roots {
            roots.add_directories(builder.cert_store_mut())?;
        }
        let (context, provided) = (builder.build(), Mutex::default());
        Ok(Trust { own, roots, context, least_version, provided })
    }

    fn is_of(&self, own: &[X509], roots: Option<&Arc<Roots>>) -> bool {
        let same_roots = match (&self.roots, roots) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        };
        same_roots && self.own == own
    }

    #[cfg(test)]
    pub fn roots(&self) -> Option<&Arc<Roots>> {
        self.roots.as_ref()
    }

    pub fn context(&self) -> &SslContext {
        &self.context
    }

    /// What the system's configuration asks for, if that is more than ours.
    pub fn least_version(&self) -> Option<SslVersion> {
        self.least_version.filter(|version| *version == SslVersion::TLS1_3)
    }

    /// Puts the system's roots that a chain may end in into the store, before it is verified.
    pub fn provide(&self, chain: &[&X509Ref]) {
        let Some(roots) = &self.roots else { return };
        let vouches = |own: &&X509| chain.iter().any(|one| has_signed(own, one));
        let vouching: Vec<&X509> = self.own.iter().filter(vouches).collect();
        // What a root of the caller's own vouches for asks for no other.
        if vouching.iter().any(|own| has_signed(own, own) && is_valid_now(own)) {
            return;
        }
        let issuers = chain.iter().map(|one| name_of(one.issuer_name()));
        let mut wanted: Vec<Vec<u8>> =
            issuers.chain(vouching.iter().map(|own| name_of(own.issuer_name()))).collect();
        let mut looked_up: Vec<Vec<u8>> = Vec::new();
        let mut has_found = false;
        // A root may itself be signed over by another.
        while let Some(name) = wanted.pop() {
            for (number, root) in roots.of_subject(&name) {
                has_found = true;
                self.add(number, &root);
                let issuer = name_of(root.issuer_name());
                if issuer != name && !wanted.contains(&issuer) && !looked_up.contains(&issuer) {
                    wanted.push(issuer);
                }
            }
            looked_up.push(name);
        }
        if !has_found {
            // Names may be the same in another encoding, which OpenSSL knows to compare.
            roots.all().iter().for_each(|(number, root)| self.add(*number, root));
        }
    }

    fn add(&self, number: usize, root: &X509Ref) {
        let mut provided = locked(&self.provided);
        if !provided.contains(&number) {
            calls::add_root(&self.context, root);
            provided.push(number);
        }
    }

    /// Reads all of the system's roots that there are, so that none is looked up later.
    pub fn load(&self) -> (Result<()>, Vec<Arc<Root>>) {
        match &self.roots {
            Some(roots) => (roots.load(), roots.loaded()),
            None => (Ok(()), Vec::new()),
        }
    }

    /// What is wrong with the system's roots, where a chain has found none.
    pub fn complaint(&self) -> Option<Distrust> {
        self.roots.as_ref()?.complaint()
    }
}
