//! OAUTHBEARER (RFC 7628) and XOAUTH2 (Google's and Microsoft's form before it): an access token
//! in place of a password. Where a token comes from is not known here.
//!
//! A server that refuses the token says why in a challenge, in JSON; it is answered as each form
//! wants, and the words are kept for the error, without the token wherever they echo it.

use super::{Mechanism, Refusal, Secret, json};
use crate::error::{Detail, Error, ErrorKind, Result, printable};

/// The mechanisms for a token, in the order in which a login tries them: the standard first.
pub const OAUTH: &[&str] = &["OAUTHBEARER", "XOAUTH2"];

/// RFC 4954 section 4: a response line has so many octets at most, its end included.
const MAX_RESPONSE: usize = 12288;

/// How much of each of the server's words an error shows.
const SHOWN: usize = 256;

/// Whether `name` (letter case ignored) is one of [`OAUTH`].
pub fn is_oauth(name: &str) -> bool {
    OAUTH.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The host and port of a connection, where they are known.
pub type Place<'a> = Option<(&'a str, u16)>;

pub struct OAuth {
    is_bearer: bool,
    token: Secret,
    response: Option<Secret>,
    /// The server's error.
    said: Option<Secret>,
}

impl OAuth {
    /// `name` is one of [`OAUTH`]; OAUTHBEARER tells the server which place the token is meant for.
    pub fn new(name: &str, user: &str, token: &[u8], place: Place<'_>) -> Result<Self> {
        check_user(user)?;
        check_token(token)?;
        let is_bearer = name.eq_ignore_ascii_case("OAUTHBEARER");
        let head = match place {
            // RFC 7628 section 3.1, RFC 5801 section 4: in a name, "=" and "," are escaped.
            _ if !is_bearer => format!("user={user}"),
            Some((host, port)) => format!("n,a={},\x01host={host}\x01port={port}", escaped(user)),
            None => format!("n,a={},", escaped(user)),
        };
        let response = [head.as_bytes(), b"\x01auth=Bearer ", token, b"\x01\x01"].concat();
        let length = response.len().div_ceil(3) * 4 + 2;
        let response = Some(Secret::from(response));
        if length > MAX_RESPONSE {
            let text = format!(
                "the token is too long: with it a line has {length} octets, of which RFC 4954 \
                 allows {MAX_RESPONSE}"
            );
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        Ok(OAuth { is_bearer, token: Secret::from(token), response, said: None })
    }

    /// What the server said, and which scope it wants, for an error.
    fn facts(&self, said: &[u8]) -> (String, String) {
        let members = json::members(said).unwrap_or_default();
        let (mut facts, mut scope) = (String::new(), String::new());
        for (name, before, behind) in [
            ("status", "status ", ", "),
            ("error", "", ": "),
            ("error_description", "", ", "),
            ("schemes", "schemes ", ", "),
            ("scope", "; scope needed: ", ""),
        ] {
            let found = members.iter().find(|(one, _)| one.as_bytes() == name.as_bytes());
            let Some((_, value)) = found.filter(|(_, value)| !value.as_bytes().is_empty()) else {
                continue;
            };
            let to = if behind.is_empty() { &mut scope } else { &mut facts };
            to.push_str(before);
            to.push_str(&self.shown(value.as_bytes()));
            to.push_str(behind);
        }
        if facts.is_empty() && scope.is_empty() {
            facts = self.shown(said);
        } else {
            facts.truncate(facts.trim_end_matches([',', ':', ' ']).len());
        }
        (facts, scope)
    }

    /// Words of the server's as an error may show them.
    fn shown(&self, words: &[u8]) -> String {
        let token = self.token.as_bytes();
        let mut clean = Vec::new();
        let mut rest = words;
        while let Some(at) = rest.windows(token.len()).position(|here| here == token) {
            clean.extend_from_slice(&rest[..at]);
            clean.extend_from_slice(b"***");
            rest = &rest[at + token.len()..];
        }
        clean.extend_from_slice(rest);
        printable(&clean, SHOWN)
    }
}

impl Mechanism for OAuth {
    fn name(&self) -> &str {
        if self.is_bearer { "OAUTHBEARER" } else { "XOAUTH2" }
    }

    fn is_plaintext(&self) -> bool {
        true
    }

    /// The token once, then the answer to the server's error, after which it refuses.
    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Option<Secret>> {
        if let Some(response) = self.response.take() {
            return Ok(Some(response));
        }
        if self.said.is_some() {
            let text = format!("AUTH {}: the server challenges behind its error", self.name());
            return Err(Error::new(ErrorKind::Authentication, text));
        }
        self.said = Some(Secret::from(challenge.unwrap_or_default()));
        // RFC 7628 section 3.2.3 wants one octet, and XOAUTH2 none.
        Ok(self.is_bearer.then(|| Secret::from(&b"\x01"[..])))
    }

    fn refused(&mut self, code: u16) -> Refusal {
        let said = self.said.take();
        let settles = code == 535 || (said.is_some() && (500..600).contains(&code));
        let words = said.filter(|said| !said.as_bytes().trim_ascii().is_empty()).map(|said| {
            let (facts, scope) = self.facts(said.as_bytes());
            match settles {
                true => format!("the token was refused ({facts}): get a new one{scope}"),
                false => format!("the server said ({facts}){scope}"),
            }
        });
        Refusal { words, detail: if settles { Detail::Token } else { Detail::None } }
    }
}

/// Whether either form can write the name: neither has a way to write a control character.
pub fn check_user(user: &str) -> Result<()> {
    let text = match user.bytes().position(|byte| byte.is_ascii_control()) {
        Some(offset) => format!("the user name has a control character at offset {offset}"),
        None if user.is_empty() => "the user name is empty".to_owned(),
        None => return Ok(()),
    };
    Err(Error::new(ErrorKind::InvalidArgument, text))
}

/// Whether a token can be sent: RFC 6750 section 2.1 has letters, digits and `-._~+/=`, and what
/// else is printable ASCII is taken too.
pub fn check_token(token: &[u8]) -> Result<()> {
    let text = match token.iter().position(|byte| !byte.is_ascii_graphic()) {
        Some(offset) => {
            let what = match token[offset] {
                b' ' => "a space",
                0..=0x1f | 0x7f => "a control character",
                _ => "a byte that is not ASCII",
            };
            format!("the token has {what} at offset {offset}")
        }
        None if token.is_empty() => "the token is empty".to_owned(),
        None => return Ok(()),
    };
    Err(Error::new(ErrorKind::InvalidArgument, text))
}

fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(secret: Option<Secret>) -> Option<String> {
        secret.map(|secret| String::from_utf8(secret.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn responses() {
        let place = Some(("server.example.com", 587));
        for (name, user, place, expected) in [
            // Google's and Microsoft's documents.
            ("XOAUTH2", "some@x", place, "user=some@x\x01auth=Bearer ya29.v\x01\x01"),
            ("xoauth2", "a,b=c", None, "user=a,b=c\x01auth=Bearer ya29.v\x01\x01"),
            // RFC 7628 section 4.1.
            (
                "OAUTHBEARER",
                "user@example.com",
                place,
                "n,a=user@example.com,\x01host=server.example.com\x01port=587\x01auth=Bearer ya29.v\x01\x01",
            ),
            (
                "OauthBearer",
                "a,b=\u{e9}",
                None,
                "n,a=a=2Cb=3D\u{e9},\x01auth=Bearer ya29.v\x01\x01",
            ),
        ] {
            let mut mechanism = OAuth::new(name, user, b"ya29.v", place).unwrap();
            assert!(is_oauth(name) && mechanism.is_plaintext());
            assert_eq!(mechanism.name(), name.to_ascii_uppercase());
            assert_eq!(text(mechanism.step(None).unwrap()).unwrap(), expected);
            let answer = text(mechanism.step(Some(b"{}")).unwrap());
            assert_eq!(answer.as_deref(), mechanism.is_bearer.then_some("\x01"));
            assert!(mechanism.step(Some(b"{}")).is_err());
        }
        assert!(!is_oauth("PLAIN") && !is_oauth(""));
    }

    #[test]
    fn what_a_refusal_says() {
        let refused = |facts: &str| Some(format!("the token was refused ({facts}): get a new one"));
        let google = refused("status 400, schemes Bearer").unwrap();
        let google = google + "; scope needed: https://mail.google.com/";
        let long = "x".repeat(SHOWN + 9);
        let cases: &[(u16, Option<&str>, Option<String>, bool)] = &[
            (535, None, None, true),
            (454, None, None, false),
            (504, None, None, false),
            (535, Some(""), None, true),
            (
                535,
                Some(r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#),
                Some(google),
                true,
            ),
            (
                550,
                Some(r#"{"status":"invalid_token","error":"x","error_description":"y\nz"}"#),
                refused("status invalid_token, x: y\\nz"),
                true,
            ),
            (
                454,
                Some(r#"{"status":503}"#),
                Some("the server said (status 503)".to_owned()),
                false,
            ),
            (535, Some("no JSON\x07"), refused("no JSON\\x07"), true),
            (535, Some(&long), refused(&format!("{}...", &long[..SHOWN])), true),
            (
                535,
                Some(r#"{"status":"ya29.v is bad, \u0079a29.v"}"#),
                refused("status *** is bad, ***"),
                true,
            ),
        ];
        for (code, said, words, is_bad) in cases {
            let mut mechanism = OAuth::new("XOAUTH2", "u", b"ya29.v", None).unwrap();
            mechanism.step(None).unwrap();
            if let Some(said) = said {
                assert!(mechanism.step(Some(said.as_bytes())).unwrap().is_none());
            }
            let refusal = mechanism.refused(*code);
            let found = (&refusal.words, refusal.detail == Detail::Token);
            assert_eq!(found, (words, *is_bad), "{code} {said:?}");
        }
    }

    #[test]
    fn refused_arguments() {
        let longest = "t".repeat(9213 - "user=u\x01auth=Bearer \x01\x01".len());
        let too_long = longest.clone() + "t";
        for (user, token, expected) in [
            ("", "t", "the user name is empty"),
            ("u\x01auth=", "t", "the user name has a control character at offset 1"),
            ("u", "", "the token is empty"),
            ("u", "ab\r\n", "the token has a control character at offset 2"),
            ("u", "\x01", "the token has a control character at offset 0"),
            ("u", "a b", "the token has a space at offset 1"),
            ("u", "ab\u{e9}", "the token has a byte that is not ASCII at offset 2"),
            ("u", &too_long, "with it a line has 12290 octets"),
        ] {
            let error = OAuth::new("XOAUTH2", user, token.as_bytes(), None).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(expected), "{error}");
        }
        for token in ["eyJ.e-_~+/x==", "odd!\"$%&'()*,:;<>?@[]^`{|}", &longest] {
            OAuth::new("XOAUTH2", "u", token.as_bytes(), None).unwrap();
        }
    }
}
