//! The server's side of AUTH (RFC 4954): PLAIN, LOGIN, CRAM-MD5, XOAUTH2, OAUTHBEARER and EXTERNAL;
//! SCRAM is in `scram`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use super::conn::{Conn, Flow};
use super::scram::Proof;

/// Who may log in.
#[derive(Clone, Default)]
pub(super) struct Users {
    /// Names and passwords (or tokens).
    pub known: Vec<(String, String)>,
    /// What AUTH offers, in that order.
    pub mechanisms: Vec<String>,
    /// Somebody in between takes these out of the offer, by the end of their names.
    pub stripped: Option<&'static str>,
    /// How SCRAM ends.
    pub proof: Proof,
    /// What a refused token is told; as other servers, not at all where it is empty.
    pub token_error: Option<String>,
}

/// Where nothing else was set.
const TOKEN_ERROR: &str = r#"{"status":"401","schemes":"bearer"}"#;

/// RFC 4954 section 4.
const LONGEST_RESPONSE: usize = 12288;

pub(super) const REFUSED: &str = "535 5.7.8 authentication credentials invalid";

impl Users {
    /// What arrives of the offer.
    pub(super) fn offer(&self) -> String {
        let stripped = |name: &&String| self.stripped.is_some_and(|end| name.ends_with(end));
        let names = self.mechanisms.iter().filter(|name| !stripped(name));
        names.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Runs one exchange and returns the user's name and the text of 235, or the reply that refuses.
    pub fn authenticate(
        &self,
        conn: &mut Conn,
        argument: &str,
    ) -> Flow<Result<(String, String), String>> {
        let (mechanism, initial) = match argument.split_once(' ') {
            Some((mechanism, initial)) => (mechanism, Some(initial)),
            None => (argument, None),
        };
        let mechanism = mechanism.to_ascii_uppercase();
        if !self.mechanisms.iter().any(|known| known.eq_ignore_ascii_case(&mechanism)) {
            return Ok(Err("504 5.5.4 unrecognized authentication type".to_owned()));
        }
        let initial = match initial.map(initial_response).transpose() {
            Ok(initial) => initial,
            Err(reply) => return Ok(Err(reply)),
        };
        let user = match mechanism.as_str() {
            name if name.starts_with("SCRAM-SHA-") => return self.scram(conn, &mechanism, initial),
            "EXTERNAL" => self.external(conn, initial),
            "PLAIN" => self.plain(conn, initial),
            "LOGIN" => self.login(conn, initial),
            "CRAM-MD5" => self.cram_md5(conn, initial),
            "XOAUTH2" => self.oauth(conn, initial, false),
            "OAUTHBEARER" => self.oauth(conn, initial, true),
            other => Ok(Err(format!("504 5.5.4 {other} is offered and not spoken here"))),
        };
        Ok(user?.map(|user| (user, "2.7.0 welcome".to_owned())))
    }

    /// Takes whomever the client wants to be.
    fn external(&self, conn: &mut Conn, initial: Option<Vec<u8>>) -> Flow<Result<String, String>> {
        let identity = match initial {
            Some(identity) => Ok(identity),
            None => challenge(conn, b"")?,
        };
        Ok(identity.map(|identity| String::from_utf8_lossy(&identity).into_owned()))
    }

    fn plain(&self, conn: &mut Conn, initial: Option<Vec<u8>>) -> Flow<Result<String, String>> {
        let response = match initial {
            Some(response) => response,
            None => match challenge(conn, b"")? {
                Ok(response) => response,
                Err(reply) => return Ok(Err(reply)),
            },
        };
        let fields: Vec<&[u8]> = response.split(|byte| *byte == 0).collect();
        let [_, user, password] = fields[..] else {
            return Ok(Err("501 5.5.2 malformed PLAIN response".to_owned()));
        };
        Ok(self.check(user, password))
    }

    fn login(&self, conn: &mut Conn, initial: Option<Vec<u8>>) -> Flow<Result<String, String>> {
        let user = match initial {
            Some(user) => user,
            None => match challenge(conn, b"Username:")? {
                Ok(user) => user,
                Err(reply) => return Ok(Err(reply)),
            },
        };
        Ok(challenge(conn, b"Password:")?.and_then(|password| self.check(&user, &password)))
    }

    fn cram_md5(&self, conn: &mut Conn, initial: Option<Vec<u8>>) -> Flow<Result<String, String>> {
        if initial.is_some() {
            conn.fault("CRAM-MD5 has no initial response");
        }
        let question = b"<1896.697170952@loopback.test>";
        let response = match challenge(conn, question)? {
            Ok(response) => String::from_utf8_lossy(&response).into_owned(),
            Err(reply) => return Ok(Err(reply)),
        };
        let Some((user, digest)) = response.rsplit_once(' ') else {
            return Ok(Err("501 5.5.2 malformed CRAM-MD5 response".to_owned()));
        };
        let known = self.known.iter().find(|(name, _)| name == user);
        Ok(match known {
            Some((name, password)) if hmac_md5(password, question) == digest => Ok(name.clone()),
            _ => Err(REFUSED.to_owned()),
        })
    }

    fn oauth(
        &self,
        conn: &mut Conn,
        initial: Option<Vec<u8>>,
        is_bearer: bool,
    ) -> Flow<Result<String, String>> {
        let response = match initial {
            Some(response) => response,
            None => match challenge(conn, b"")? {
                Ok(response) => response,
                Err(reply) => return Ok(Err(reply)),
            },
        };
        let response = String::from_utf8_lossy(&response).into_owned();
        let fields: Vec<&str> = response.split('\u{1}').collect();
        let user = match (is_bearer, fields[0].strip_prefix("n,a=")) {
            (false, _) => fields[0].strip_prefix("user=").map(str::to_owned),
            (true, Some(name)) => name
                .strip_suffix(',')
                .filter(|name| !name.contains(','))
                .map(|name| name.replace("=2C", ",").replace("=3D", "=")),
            (true, None) => None,
        };
        let token = fields.iter().find_map(|field| field.strip_prefix("auth=Bearer "));
        let (Some(user), Some(token)) = (user, token) else {
            return Ok(Err("501 5.5.2 malformed token response".to_owned()));
        };
        if !response.ends_with("\u{1}\u{1}") || (!is_bearer && fields.len() != 4) {
            conn.fault("a token's response has other fields, or no end");
        }
        if let Ok(name) = self.check(user.as_bytes(), token.as_bytes()) {
            return Ok(Ok(name));
        }
        let error = self.token_error.as_deref().unwrap_or(TOKEN_ERROR);
        if error.is_empty() {
            return Ok(Err(REFUSED.to_owned()));
        }
        // The error goes in a challenge; XOAUTH2 answers it with nothing, RFC 7628 with one octet.
        let wanted: &[u8] = if is_bearer { b"\x01" } else { b"" };
        let answer = challenge(conn, error.as_bytes())?;
        if answer.is_ok_and(|answer| answer != wanted) {
            conn.fault("a token's error challenge was not answered as it must be");
        }
        Ok(Err(REFUSED.to_owned()))
    }

    fn check(&self, user: &[u8], password: &[u8]) -> Result<String, String> {
        self.known
            .iter()
            .find(|(name, secret)| name.as_bytes() == user && secret.as_bytes() == password)
            .map(|(name, _)| name.clone())
            .ok_or_else(|| REFUSED.to_owned())
    }
}

/// `=` stands for an empty initial response.
fn initial_response(text: &str) -> Result<Vec<u8>, String> {
    match text {
        "=" => Ok(Vec::new()),
        text => decode(text.as_bytes()),
    }
}

fn decode(text: &[u8]) -> Result<Vec<u8>, String> {
    BASE64_STANDARD.decode(text).map_err(|_| "501 5.5.2 not base64".to_owned())
}

/// Sends a challenge and reads its response.
pub(super) fn challenge(conn: &mut Conn, bytes: &[u8]) -> Flow<Result<Vec<u8>, String>> {
    if !conn.buffered().is_empty() {
        conn.fault("an AUTH response before its challenge");
    }
    conn.reply(&format!("334 {}", BASE64_STANDARD.encode(bytes)));
    let line = conn.command()?;
    if line.len() + 2 > LONGEST_RESPONSE {
        conn.fault("an AUTH response over 12288 octets");
    }
    if line == b"*" {
        return Ok(Err("501 5.7.0 authentication cancelled".to_owned()));
    }
    Ok(decode(&line))
}

fn hmac_md5(key: &str, text: &[u8]) -> String {
    let digest = PKey::hmac(key.as_bytes())
        .and_then(|key| Signer::new(MessageDigest::md5(), &key)?.sign_oneshot_to_vec(text))
        .unwrap_or_default();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
