//! The server's side of SCRAM (RFC 5802, RFC 7677) by OpenSSL's primitives, honest or not, and
//! bound to the channel or not.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use openssl::hash::{MessageDigest, hash};
use openssl::pkcs5::pbkdf2_hmac;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use super::auth::{REFUSED, Users, challenge};
use super::conn::{Conn, Flow};

/// How the server ends an exchange in which the client has proved itself; the password is not
/// looked at where it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// Its signature in a challenge, which an empty response answers.
    #[default]
    Challenge,
    /// Its signature in the text of 235.
    Text,
    /// The same in base64.
    Base64,
    /// None; any password will do.
    Missing,
    /// None, not even a challenge: 235 at once.
    AtOnce,
    /// A wrong one in a challenge, for any password.
    Wrong,
    /// A wrong one in the text of 235, for any password.
    WrongText,
    /// An error of SCRAM's own in a challenge (`e=`), then 535.
    Error,
}

const SALT: &[u8] = b"\x00salt, of the server's\xff";
const ITERATIONS: usize = 4096;

impl Users {
    /// The user, and the text of 235.
    pub(super) fn scram(
        &self,
        conn: &mut Conn,
        mechanism: &str,
        initial: Option<Vec<u8>>,
    ) -> Flow<Result<(String, String), String>> {
        let digest = match mechanism {
            name if name.starts_with("SCRAM-SHA-1") => MessageDigest::sha1(),
            _ => MessageDigest::sha256(),
        };
        let first = match initial {
            Some(first) => first,
            None => match challenge(conn, b"")? {
                Ok(first) => first,
                Err(reply) => return Ok(Err(reply)),
            },
        };
        let first = String::from_utf8_lossy(&first).into_owned();
        if self.proof == Proof::AtOnce {
            return Ok(Ok(("nobody".to_owned(), "welcome".to_owned())));
        }
        let parts: Vec<&str> = first.splitn(3, ',').collect();
        let [flag, "", bare] = parts[..] else {
            return Ok(Err("501 5.5.2 malformed gs2-header".to_owned()));
        };
        // RFC 5802 section 6: a client that could bind and saw no offer to has been deceived.
        let binds = self.mechanisms.iter().any(|name| name.ends_with("-PLUS"));
        let data = match flag.strip_prefix("p=") {
            Some(kind) if mechanism.ends_with("-PLUS") => conn.channel_binding(kind),
            None if !mechanism.ends_with("-PLUS") && (flag == "n" || !binds) => Some(Vec::new()),
            _ => None,
        };
        let Some(data) = data else {
            let why =
                if flag == "y" { "server-does-support-channel-binding" } else { "other-error" };
            if let Err(reply) = challenge(conn, format!("e={why}").as_bytes())? {
                return Ok(Err(reply));
            }
            return Ok(Err(REFUSED.to_owned()));
        };
        let attributes: Vec<&str> = bare.split(',').collect();
        let [user, own] = attributes[..] else {
            return Ok(Err("501 5.5.2 malformed client-first-message".to_owned()));
        };
        let (Some(user), Some(own)) = (user.strip_prefix("n="), own.strip_prefix("r=")) else {
            return Ok(Err("501 5.5.2 malformed client-first-message".to_owned()));
        };
        if own.len() < 24 {
            conn.fault("a nonce of SCRAM that is too short");
        }
        let user = user.replace("=2C", ",").replace("=3D", "=");
        let nonce = format!("{own}0123456789/server+");
        let salt = BASE64_STANDARD.encode(SALT);
        let server_first = format!("r={nonce},s={salt},i={ITERATIONS}");
        let last = match challenge(conn, server_first.as_bytes())? {
            Ok(last) => String::from_utf8_lossy(&last).into_owned(),
            Err(reply) => return Ok(Err(reply)),
        };
        let bound = BASE64_STANDARD.encode([flag.as_bytes(), b",,", &data].concat());
        let without_proof = format!("c={bound},r={nonce}");
        let message = format!("{bare},{server_first},{without_proof}");
        let known = self.known.iter().find(|(name, _)| *name == user);
        let password = known.map_or("", |(_, password)| password);
        let (proof, signature) = expected(digest, password, &message);
        let is_right = known.is_some() && last == format!("{without_proof},p={proof}");
        let wrong = BASE64_STANDARD.encode("no such signature");
        let (challenged, text) = match self.proof {
            Proof::Wrong => (Some(format!("v={wrong}")), "welcome".to_owned()),
            Proof::WrongText => (None, format!("v={wrong}")),
            Proof::Missing => (None, "welcome".to_owned()),
            Proof::Error => (Some("e=other-error".to_owned()), String::new()),
            _ if !is_right => return Ok(Err(REFUSED.to_owned())),
            Proof::Text => (None, format!("v={signature} welcome")),
            Proof::Base64 => (None, BASE64_STANDARD.encode(format!("v={signature}"))),
            _ => (Some(format!("v={signature}")), "welcome".to_owned()),
        };
        if let Some(text) = challenged {
            match challenge(conn, text.as_bytes())? {
                Ok(answer) if answer.is_empty() => {}
                Ok(_) => conn.fault("SCRAM's last challenge was not answered with nothing"),
                Err(reply) => return Ok(Err(reply)),
            }
        }
        match self.proof {
            Proof::Error => Ok(Err(REFUSED.to_owned())),
            _ => Ok(Ok((user, text))),
        }
    }
}

/// ClientProof and ServerSignature in base64.
fn expected(digest: MessageDigest, password: &str, message: &str) -> (String, String) {
    let mut salted = vec![0; digest.size()];
    pbkdf2_hmac(password.as_bytes(), SALT, ITERATIONS, digest, &mut salted).expect("PBKDF2");
    let keyed = |key: &[u8], text: &[u8]| {
        let key = PKey::hmac(key).expect("a key");
        let mut signer = Signer::new(digest, &key).expect("HMAC");
        signer.sign_oneshot_to_vec(text).expect("HMAC")
    };
    let client_key = keyed(&salted, b"Client Key");
    let stored_key = hash(digest, &client_key).expect("a hash");
    let signature = keyed(&stored_key, message.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
    let server_key = keyed(&salted, b"Server Key");
    let signature = keyed(&server_key, message.as_bytes());
    (BASE64_STANDARD.encode(proof), BASE64_STANDARD.encode(signature))
}
