//! Advice about logins: none offered, none in common, refused, in clear, or to somebody who cannot
//! check them. What large providers mean by their refusals is known by their words. Of tokens it is
//! in `token`.

mod token;

use crate::error::{Detail, Error, ErrorKind};
use crate::sasl::is_oauth;

use super::{Found, Mistake};

impl Found<'_> {
    pub(super) fn of_login(&mut self, error: &Error) {
        let offers_none = self.report.mechanisms.as_deref().unwrap_or_default().is_empty();
        match error.detail() {
            Detail::NoToken => return self.of_no_token(error),
            Detail::Token => return self.of_refused_token(error),
            Detail::Impostor => return self.of_impostor(),
            _ => {}
        }
        match error.kind() {
            ErrorKind::Forbidden => self.of_login_in_clear(),
            ErrorKind::NotSupported if !offers_none => self.of_mechanism(error),
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
            ErrorKind::NoMechanism if self.report.by_token => self.of_mechanism(error),
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

    /// There are mechanisms, and this one does not work.
    fn of_mechanism(&mut self, error: &Error) {
        self.say(
            Mistake::Mechanism,
            format!(
                "this way to log in cannot be used here ({}): choose another that the server \
                 offers with smtp_client_set_auth_mechanisms(), or have one switched on there",
                error.message()
            ),
        );
    }

    fn of_impostor(&mut self) {
        self.say(
            Mistake::Impostor,
            "the server does not show that it knows the password, which it should, or sees another \
             connection than this one: it may be an impostor, or somebody between; do not send the \
             password to it by another mechanism, and ask its administrator",
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
        let said = Said::by(error);
        let code = error.reply_code();
        // What Google means by 5.7.9 is told in its words.
        let is_weak = code == 534 && said.status("5.7.9") && !said.any(&["google.com"]);
        if said.is_microsoft_without_passwords() && !self.report.by_token {
            self.say(
                Mistake::OAuth,
                "Microsoft has login by password switched off for this account or the whole \
                 organisation: its administrator allows authenticated SMTP for the mailbox, and the \
                 program logs in by OAuth 2.0 with smtp_client_login_oauth() or \
                 smtp_client_set_token_source()",
            );
        } else if said.is_microsoft_barred() {
            self.of_barred_account(&said);
        } else if said.any(&["application-specific", "app password"]) && !self.report.by_token {
            self.say(
                Mistake::AppPassword,
                "the password of the account itself is not taken from programs: make an app \
                 password in the account's settings and use that, or OAuth 2.0 with \
                 smtp_client_set_token_source()",
            );
        } else if code == 538 || code == 530 || said.any(&["starttls"]) || said.status("5.7.11") {
            self.of_login_in_clear();
        } else if code / 100 == 4 {
            self.say(
                Mistake::Later,
                "the server cannot check the login now, or has seen too many: try again later, and \
                 tell its administrator if it stays so",
            );
        } else if is_weak || self.report.by_token {
            self.of_mechanism(error);
        } else {
            self.of_password(&said);
        }
    }

    fn of_password(&mut self, said: &Said) {
        self.say(
            Mistake::Password,
            "user name or password is refused: check both; many servers want the whole mail \
             address for a user name, and with two-step login an app password",
        );
        if self.offers_oauth() || said.any(&["support.google.com"]) || said.status("5.7.3") {
            self.say(
                Mistake::OAuth,
                "if they are right, this server takes OAuth 2.0 in place of passwords from \
                 programs: give a token with smtp_client_login_oauth(), or have it fetched with \
                 smtp_client_set_token_source()",
            );
        }
    }

    /// Locked, or kept out by a rule of its organisation's.
    fn of_barred_account(&mut self, said: &Said) {
        let mistake = if self.report.by_token { Mistake::NoLogin } else { Mistake::Password };
        let text = if said.any(&[SMTP_IS_OFF]) {
            "Microsoft has authenticated SMTP switched off for this mailbox or the whole \
             organisation, and no token helps: its administrator has to allow it"
        } else {
            "Microsoft does not let this account log in: its administrator sees why, such as a \
             lock, the security defaults or a rule for access"
        };
        self.say(mistake, text);
    }

    fn offers_oauth(&self) -> bool {
        let offered = self.report.mechanisms.as_deref().unwrap_or_default();
        offered.split(' ').any(is_oauth)
    }
}

/// The words of a refusal, in lower case.
struct Said(String);

impl Said {
    fn by(error: &Error) -> Said {
        Said(error.message().to_ascii_lowercase())
    }

    fn any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.0.contains(word))
    }

    /// An enhanced status code (RFC 3463), the whole of it: 5.7.3 is not in 5.7.30.
    fn status(&self, code: &str) -> bool {
        let is_other = |character: char| !character.is_ascii_digit() && character != '.';
        self.0.split(is_other).any(|word| word.trim_end_matches('.') == code)
    }

    fn is_microsoft_without_passwords(&self) -> bool {
        self.status("5.7.30") || self.any(&[SMTP_IS_OFF, "basic authentication is"])
    }

    /// The same reply has a wrong password, which is none of the administrator's.
    fn is_microsoft_barred(&self) -> bool {
        let is_wrong = self.any(&["credentials were incorrect"]);
        self.is_microsoft_without_passwords() || (self.status("5.7.139") && !is_wrong)
    }
}

const SMTP_IS_OFF: &str = "smtpclientauthentication is disabled";
