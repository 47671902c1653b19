//! Advice about access tokens: where none came, and where one is refused.

use crate::error::{Error, ErrorKind};

use super::super::{Found, Mistake};
use super::Said;

impl Found<'_> {
    pub(super) fn of_no_token(&mut self, error: &Error) {
        let text = if error.kind() == ErrorKind::Timeout {
            "the token source did not answer in time, which is none of the server's: see what the \
             callback waits for, or give it more time with smtp_client_set_timeout()"
                .to_owned()
        } else {
            format!(
                "there is no token to log in with ({}): see why the callback has none; the server \
                 has nothing to do with it",
                error.message()
            )
        };
        self.say(Mistake::NoToken, text);
    }

    pub(super) fn of_refused_token(&mut self, error: &Error) {
        let said = Said::by(error);
        if said.is_microsoft_barred() {
            return self.of_barred_account(&said);
        }
        self.say(
            Mistake::Token,
            "the access token is refused: get a new one, for the scope that the server wants for \
             SMTP, and for the same user as the login's; where it is a program's own, the mailbox \
             must have been given to it",
        );
    }
}
