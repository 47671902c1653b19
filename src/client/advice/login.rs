//! Advice about logins: none offered, none in common, refused, or in clear. What large providers mean
//! by their refusals is known by their words.

use crate::error::{Error, ErrorKind};

use super::{Found, Mistake};

impl Found<'_> {
    pub(super) fn of_login(&mut self, error: &Error) {
        match error.kind() {
            ErrorKind::Forbidden => self.of_login_in_clear(),
            ErrorKind::NotSupported if !self.report.is_encrypted && self.report.offers_starttls => {
                self.of_login_in_clear();
            }
            ErrorKind::NotSupported if self.report.port == 25 => self.say(
                Mistake::NoLogin,
                "the server offers no login on port 25, which is for mail from server to server: \
                 use port 587 with smtp+starttls://, or 465 with smtps://",
            ),
            ErrorKind::NotSupported => self.say(
                Mistake::NoLogin,
                "the server offers no login: leave the credentials out if it takes mail from this \
                 machine without, or use its submission port, 587 or 465",
            ),
            ErrorKind::NoMechanism if self.offers_oauth() => self.of_oauth(),
            ErrorKind::NoMechanism => self.say(
                Mistake::Mechanism,
                format!(
                    "the server offers no login that the client knows ({}): have a common one \
                     switched on there, allow more with smtp_client_set_auth_mechanisms(), or bring \
                     it with smtp_client_auth()",
                    self.report.mechanisms.as_deref().unwrap_or("none")
                ),
            ),
            ErrorKind::Authentication => self.of_refused_login(error),
            _ => {}
        }
    }

    fn of_login_in_clear(&mut self) {
        self.say(
            Mistake::LoginNeedsTls,
            "the login is for encrypted connections alone: use smtp+starttls:// or \
             SMTP_SECURITY_STARTTLS, or smtps:// on port 465",
        );
    }

    fn of_oauth(&mut self) {
        self.say(
            Mistake::OAuth,
            "the server takes no passwords from programs but OAuth 2.0: give a token with \
             smtp_client_login_oauth(), or have it fetched with smtp_client_set_token_source()",
        );
    }

    fn of_refused_login(&mut self, error: &Error) {
        let text = error.message().to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let code = error.reply_code();
        if says(&["smtpclientauthentication", "5.7.139"]) {
            self.say(
                Mistake::OAuth,
                "Microsoft has login by password switched off for this account or the whole \
                 organisation: its administrator allows authenticated SMTP for the mailbox, and the \
                 program logs in by OAuth 2.0 with smtp_client_login_oauth() or \
                 smtp_client_set_token_source()",
            );
        } else if says(&["application-specific", "app password", "5.7.9"]) {
            self.say(
                Mistake::AppPassword,
                "the password of the account itself is not taken from programs: make an app \
                 password in the account's settings and use that, or OAuth 2.0 with \
                 smtp_client_set_token_source()",
            );
        } else if code == 538 || code == 530 || says(&["starttls", "5.7.11"]) {
            self.of_login_in_clear();
        } else if code / 100 == 4 {
            self.say(
                Mistake::Later,
                "the server cannot check the login now, or has seen too many: try again later, and \
                 tell its administrator if it stays so",
            );
        } else {
            self.say(
                Mistake::Password,
                "user name or password is refused: check both; many servers want the whole mail \
                 address for a user name, and with two-step login an app password",
            );
            if self.offers_oauth() || says(&["support.google.com", "5.7.3"]) {
                self.say(
                    Mistake::OAuth,
                    "if they are right, this server takes OAuth 2.0 in place of passwords from \
                     programs: give a token with smtp_client_login_oauth(), or have it fetched with \
                     smtp_client_set_token_source()",
                );
            }
        }
    }

    fn offers_oauth(&self) -> bool {
        let offered = self.report.mechanisms.as_deref().unwrap_or_default();
        offered
            .split(' ')
            .any(|one| ["XOAUTH2", "OAUTHBEARER"].iter().any(|name| one.eq_ignore_ascii_case(name)))
    }
}
