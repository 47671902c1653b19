//! SCRAM (RFC 5802; SHA-256 by RFC 7677): both sides prove that they know the password, neither
//! tells it. A mechanism with -PLUS also proves that both see the same TLS connection (RFC 5929,
//! RFC 9266): somebody in between, with a certificate that the client trusts, cannot pass it on.
//!
//! The server's proof counts as much as its "235": without it, no login has succeeded.

mod keys;
mod message;

use super::{Binding, Mechanism, Occasion, Refusal, Secret, decode, encode, saslprep};
use crate::error::{Detail, Error, ErrorKind, Result};

use keys::{Hash, Output, Terms};
use message::{Final, broken, shown};

/// Names, whether they bind, and hashes; strongest first.
const KINDS: [(&str, bool, Hash); 4] = [
    ("SCRAM-SHA-256-PLUS", true, Hash::Sha256),
    ("SCRAM-SHA-256", false, Hash::Sha256),
    ("SCRAM-SHA-1-PLUS", true, Hash::Sha1),
    ("SCRAM-SHA-1", false, Hash::Sha1),
];

pub(super) struct Scram {
    name: &'static str,
    hash: Hash,
    /// gs2-header, and behind it the channel's data where it is bound.
    binding: Vec<u8>,
    header_length: usize,
    nonce: String,
    /// After SASLprep.
    password: Secret,
    /// client-first-message-bare.
    first: Secret,
    state: State,
    /// server-error-value.
    refusal: Option<String>,
}

enum State {
    Begun,
    /// The client's first message is out.
    Introduced,
    /// The client's proof is out; the server's is to be this.
    Proved(Output),
    /// So is the server's, and it is right.
    Verified,
    /// The exchange has failed, or the server has refused: nothing more can be answered.
    Over,
}

impl Scram {
    /// `None` if `name` is another mechanism's.
    pub(super) fn new(
        name: &str,
        user: &str,
        password: &str,
        occasion: Occasion,
    ) -> Option<Result<Self>> {
        let (name, binds, hash) =
            KINDS.into_iter().find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
        Some(Self::prepared(name, binds, hash, user, password, occasion))
    }

    fn prepared(
        name: &'static str,
        binds: bool,
        hash: Hash,
        user: &str,
        password: &str,
        occasion: Occasion,
    ) -> Result<Self> {
        let Occasion { nonce, binding, offers_plus } = occasion;
        if nonce.is_empty() || !nonce.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') {
            return Err(Error::new(ErrorKind::Internal, format!("{name} was given no nonce")));
        }
        let binding = gs2(name, binds, binding, offers_plus)?;
        let user = saslprep::prepare("the user name", user)?;
        let password = saslprep::prepare("the password", password)?;
        let mut first = Vec::with_capacity(3 * user.as_bytes().len() + nonce.len() + 5);
        first.extend_from_slice(b"n=");
        for byte in user.as_bytes() {
            match byte {
                b',' => first.extend_from_slice(b"=2C"),
                b'=' => first.extend_from_slice(b"=3D"),
                byte => first.push(*byte),
            }
        }
        first.extend_from_slice(b",r=");
        first.extend_from_slice(nonce.as_bytes());
        let (binding, header_length) = binding;
        Ok(Scram {
            name,
            hash,
            binding,
            header_length,
            nonce,
            password,
            first: Secret::from(first),
            state: State::Begun,
            refusal: None,
        })
    }

    fn introduction(&self) -> Secret {
        Secret::from([&self.binding[..self.header_length], self.first.as_bytes()].concat())
    }

    /// Answers server-first-message with client-final-message.
    fn prove(&mut self, challenge: &[u8]) -> Result<Option<Secret>> {
        let server = match message::first(challenge, &self.nonce)? {
            Ok(server) => server,
            Err(why) => return Ok(self.told(why)),
        };
        let without_proof =
            [b"c=", encode(&self.binding).as_bytes(), b",r=", server.nonce.as_bytes()].concat();
        // AuthMessage.
        let exchange =
            Secret::from([self.first.as_bytes(), b",", challenge, b",", &without_proof].concat());
        let keys = self.hash.keys(&Terms {
            password: self.password.as_bytes(),
            salt: server.salt.as_bytes(),
            iterations: server.iterations,
            exchange: exchange.as_bytes(),
        })?;
        let proof = encode(keys.proof.as_bytes());
        self.state = State::Proved(keys.signature);
        Ok(Some(Secret::from([&without_proof, &b",p="[..], proof.as_bytes()].concat())))
    }

    /// Answers server-final-message with nothing (RFC 4954 section 4: a success has no room for it).
    fn verify(&mut self, expected: &Output, challenge: &[u8]) -> Result<Option<Secret>> {
        match message::last(challenge)? {
            Final::Signature(signature) if expected.is(signature.as_bytes()) => {
                self.state = State::Verified;
                Ok(None)
            }
            Final::Signature(_) => Err(impostor()),
            Final::Refusal(why) => Ok(self.told(why)),
        }
    }

    /// The server says why; the refusal itself is the reply to the empty response.
    fn told(&mut self, why: &str) -> Option<Secret> {
        self.refusal = Some(shown(why));
        None
    }
}

/// What an honest server says where the offer that we saw, or the channel that we bind to, is not its
/// own (RFC 5802 section 7).
const ALARMS: [&str; 2] = ["channel-bindings-dont-match", "server-does-support-channel-binding"];

/// The gs2-header with what it is followed by in the channel binding, and its length. Its flag is an
/// answer to whom could have changed the server's list of mechanisms (RFC 5802 section 6):
///
/// - `p`: bound. A server that does not see the same connection refuses.
/// - `y`: the client could bind, but the server does not offer to. Part of what both sides sign, so
///   that a server that did offer it knows that somebody has stripped it from the list, and
///   must refuse. Were it said to a server that is known to offer -PLUS, it would be untrue, and
///   refused for that reason.
/// - `n`: the client does not bind: there is nothing to bind to, or its owner has chosen a
///   mechanism without -PLUS though the server offers both. A login never chooses so by itself: it
///   would undo the binding for whoever just refuses -PLUS.
fn gs2(
    name: &str,
    binds: bool,
    binding: Option<Binding>,
    offers_plus: bool,
) -> Result<(Vec<u8>, usize)> {
    let (flag, data) = match binding {
        Some((kind, data)) if binds => (format!("p={kind}"), data),
        None if binds => {
            return Err(Error::new(
                ErrorKind::NotSupported,
                format!("{name} binds the login to TLS, and here is none to bind it to"),
            ));
        }
        Some(_) if !offers_plus => ("y".to_owned(), Vec::new()),
        _ => ("n".to_owned(), Vec::new()),
    };
    let header = format!("{flag},,").into_bytes();
    let length = header.len();
    Ok(([header, data].concat(), length))
}

fn impostor() -> Error {
    broken("the server's signature is wrong: it does not know the password".to_owned())
        .with_detail(Detail::Impostor)
}

impl Mechanism for Scram {
    fn name(&self) -> &str {
        self.name
    }

    /// Whoever listens can try passwords out, but reads none.
    fn is_plaintext(&self) -> bool {
        false
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Option<Secret>> {
        let answered = match (std::mem::replace(&mut self.state, State::Over), challenge) {
            (State::Begun, None | Some(b"")) => {
                self.state = State::Introduced;
                Ok(Some(self.introduction()))
            }
            (State::Begun, Some(_)) => {
                Err(broken("the server speaks first, where the client has to".to_owned()))
            }
            (State::Introduced, Some(challenge)) => self.prove(challenge),
            (State::Proved(expected), Some(challenge)) => self.verify(&expected, challenge),
            _ => Err(broken("the server challenges when all is said".to_owned())),
        };
        answered.map_err(|error| error.in_context(&format!("AUTH {}", self.name)))
    }

    /// Some servers have their last message in the text of 235, as it is or in base64.
    fn success(&mut self, final_text: &[u8]) -> Result<()> {
        let verified = match std::mem::replace(&mut self.state, State::Over) {
            State::Verified => Ok(()),
            State::Proved(expected) => match said_in(final_text) {
                Some(signature) if expected.is(signature.as_bytes()) => Ok(()),
                Some(_) => Err(impostor()),
                None => Err(unproved()),
            },
            _ => Err(unproved()),
        };
        verified.map_err(|error| error.in_context(&format!("AUTH {}", self.name)))
    }

    fn refused(&mut self, _code: u16) -> Refusal {
        let words = self.refusal.as_ref().map(|why| format!("before, it said {why}"));
        let is_alarm = self.refusal.as_deref().is_some_and(|why| ALARMS.contains(&why));
        Refusal { words, detail: if is_alarm { Detail::Impostor } else { Detail::None } }
    }

    /// With salt and nonces, which go in clear, the server's proof lets passwords be tried out.
    fn echoes(&self) -> Vec<Secret> {
        let State::Proved(signature) = &self.state else { return Vec::new() };
        let text = [b"v=", encode(signature.as_bytes()).as_bytes()].concat();
        vec![encode(&text), Secret::from(text)]
    }
}

fn unproved() -> Error {
    broken("the server did not prove that it knows the password".to_owned())
        .with_detail(Detail::Impostor)
}

/// The signature in a text, if one is there.
fn said_in(text: &[u8]) -> Option<Secret> {
    text.split(u8::is_ascii_whitespace).find_map(|word| {
        let decoded = decode(word).ok();
        let word = decoded.as_ref().map_or(word, Secret::as_bytes);
        match message::last(word) {
            Ok(Final::Signature(signature)) => Some(signature),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests;
