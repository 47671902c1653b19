//! PLAIN (RFC 4616): one message with everything in it. It has no secrecy of its own; whether the
//! channel is safe enough is not decided here.

use super::{Mechanism, Secret};
use crate::error::Result;

pub(super) struct Plain {
    user: Secret,
    password: Secret,
}

impl Plain {
    pub(super) fn new(user: Secret, password: Secret) -> Self {
        Plain { user, password }
    }
}

impl Mechanism for Plain {
    fn name(&self) -> &str {
        "PLAIN"
    }

    fn is_plaintext(&self) -> bool {
        true
    }

    /// The same message each time: a server that overlooked the initial response asks for it
    /// again with an empty challenge, and smtplib answers that too.
    fn step(&mut self, _challenge: Option<&[u8]>) -> Result<Option<Secret>> {
        // RFC 4616 section 2: no authorization identity, so the server derives it from the user.
        let (user, password) = (self.user.as_bytes(), self.password.as_bytes());
        Ok(Some(Secret::from([b"\0".as_slice(), user, b"\0", password].concat())))
    }
}
