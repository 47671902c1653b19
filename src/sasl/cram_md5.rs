//! CRAM-MD5 (RFC 2195): the challenge, keyed with the password. The password never crosses the
//! wire, but the server is not authenticated, and whoever sees an exchange can guess at leisure.

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use md5::Md5;
use zeroize::Zeroizing;

use super::{Mechanism, Secret, burn_stack};
use crate::error::{Error, ErrorKind, Result};

pub(super) struct CramMd5 {
    user: Secret,
    password: Secret,
}

impl CramMd5 {
    pub(super) fn new(user: Secret, password: Secret) -> Self {
        CramMd5 { user, password }
    }
}

impl Mechanism for CramMd5 {
    fn name(&self) -> &str {
        "CRAM-MD5"
    }

    fn is_plaintext(&self) -> bool {
        false
    }

    /// The server speaks first (RFC 2195 section 2).
    fn initial(&self) -> bool {
        false
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Option<Secret>> {
        let Some(challenge) = challenge else { return Ok(None) };
        let digest = keyed_digest(self.password.as_bytes(), challenge);
        burn_stack();
        let digest = digest?;
        let mut response = Vec::with_capacity(self.user.as_bytes().len() + 1 + 2 * digest.len());
        response.extend_from_slice(self.user.as_bytes());
        response.push(b' ');
        for byte in digest.iter() {
            response.push(HEX[usize::from(byte >> 4)]);
            response.push(HEX[usize::from(byte & 15)]);
        }
        Ok(Some(Secret::from(response)))
    }
}

/// Not inlined, so that its frame, and those of what it calls, lie where [`burn_stack`] writes.
#[inline(never)]
fn keyed_digest(key: &[u8], text: &[u8]) -> Result<Zeroizing<[u8; 16]>> {
    let mut mac = <Hmac<Md5> as KeyInit>::new_from_slice(key)
        .map_err(|_| Error::new(ErrorKind::Internal, "HMAC-MD5 refused its key"))?;
    mac.update(text);
    Ok(Zeroizing::new(mac.finalize().into_bytes().into()))
}

/// RFC 2195 section 2 wants lower case.
const HEX: &[u8; 16] = b"0123456789abcdef";
