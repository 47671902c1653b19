//! What SCRAM computes (RFC 5802 section 3): from the password the proof that the client sends, and
//! the signature that it expects of the server.
//!
//! The crates that hash wipe nothing, so that every key is made in one frame, and the stack below is
//! overwritten behind it; what comes out is wiped when dropped.

use hmac::digest::{Digest, FixedOutput, KeyInit, Update};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::sasl::burn_stack;

/// The hash that a mechanism is named after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// RFC 5802.
    Sha1,
    /// RFC 7677.
    Sha256,
}

/// The longest output.
const LONGEST: usize = 32;

/// The output of a hash: a key, a proof or a signature.
pub(super) struct Output {
    bytes: Zeroizing<[u8; LONGEST]>,
    length: usize,
}

impl Output {
    fn new(length: usize) -> Self {
        Output { bytes: Zeroizing::new([0; LONGEST]), length }
    }

    fn fill(&mut self, bytes: &[u8]) {
        self.bytes[..self.length].copy_from_slice(&bytes[..self.length]);
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Takes the same time wherever they differ.
    pub fn is(&self, other: &[u8]) -> bool {
        self.as_bytes().ct_eq(other).into()
    }
}

/// What the computation takes.
pub(super) struct Terms<'a> {
    /// After SASLprep.
    pub password: &'a [u8],
    pub salt: &'a [u8],
    pub iterations: u32,
    /// AuthMessage.
    pub exchange: &'a [u8],
}

/// What comes of it.
pub(super) struct Keys {
    /// ClientProof.
    pub proof: Output,
    /// ServerSignature.
    pub signature: Output,
}

impl Hash {
    pub fn keys(self, terms: &Terms<'_>) -> Result<Keys> {
        let keys = match self {
            Hash::Sha1 => keys::<Hmac<Sha1>, Sha1>(terms),
            Hash::Sha256 => keys::<Hmac<Sha256>, Sha256>(terms),
        };
        burn_stack();
        keys
    }
}

/// Not inlined, so that its frame, and those of what it calls, lie where [`burn_stack`] writes.
#[inline(never)]
fn keys<M, D>(terms: &Terms<'_>) -> Result<Keys>
where
    M: Mac + KeyInit + Update + FixedOutput + Clone + Sync,
    D: Digest,
{
    let length = <D as Digest>::output_size();
    let mut salted = Output::new(length);
    pbkdf2::pbkdf2::<M>(terms.password, terms.salt, terms.iterations, &mut salted.bytes[..length])
        .map_err(|_| no_key())?;
    let client_key = keyed::<M>(length, salted.as_bytes(), b"Client Key")?;
    let server_key = keyed::<M>(length, salted.as_bytes(), b"Server Key")?;
    let mut stored_key = Output::new(length);
    stored_key.fill(&D::digest(client_key.as_bytes()));
    let mut proof = keyed::<M>(length, stored_key.as_bytes(), terms.exchange)?;
    for (byte, key) in proof.bytes.iter_mut().zip(client_key.as_bytes()) {
        *byte ^= key;
    }
    let signature = keyed::<M>(length, server_key.as_bytes(), terms.exchange)?;
    Ok(Keys { proof, signature })
}

fn keyed<M: Mac + KeyInit>(length: usize, key: &[u8], text: &[u8]) -> Result<Output> {
    let mut mac = <M as KeyInit>::new_from_slice(key).map_err(|_| no_key())?;
    mac.update(text);
    let mut output = Output::new(length);
    output.fill(&mac.finalize().into_bytes());
    Ok(output)
}

fn no_key() -> Error {
    Error::new(ErrorKind::Internal, "HMAC refused its key")
}
