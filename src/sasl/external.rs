//! EXTERNAL (RFC 4422 appendix A): the server knows the client by other means, such as its
//! certificate, and is told at most whom it wants to act as. No secret crosses the wire, so that
//! it may be used on any channel; whether the other means can be trusted there, the server judges.

use super::{Mechanism, Secret};
use crate::error::Result;

pub(super) struct External {
    /// Empty for the identity that the server knows.
    identity: Secret,
}

impl External {
    pub(super) fn new(identity: Secret) -> Self {
        External { identity }
    }
}

impl Mechanism for External {
    fn name(&self) -> &str {
        "EXTERNAL"
    }

    fn is_plaintext(&self) -> bool {
        false
    }

    fn step(&mut self, _: Option<&[u8]>) -> Result<Option<Secret>> {
        Ok(Some(Secret::from(self.identity.as_bytes())))
    }
}
