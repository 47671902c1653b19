//! LOGIN (draft-murchison-sasl-login): the user name, then the password, each to a prompt of the
//! server's. It never reads the prompts: servers word them differently, smtplib counts as well.

use super::{Mechanism, Secret};
use crate::error::Result;

pub(super) struct Login {
    user: Secret,
    password: Secret,
    user_sent: bool,
}

impl Login {
    pub(super) fn new(user: Secret, password: Secret) -> Self {
        Login { user, password, user_sent: false }
    }
}

impl Mechanism for Login {
    fn name(&self) -> &str {
        "LOGIN"
    }

    fn is_plaintext(&self) -> bool {
        true
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Option<Secret>> {
        let answer =
            if challenge.is_none() || !self.user_sent { &self.user } else { &self.password };
        self.user_sent = true;
        Ok(Some(Secret::from(answer.as_bytes())))
    }
}
