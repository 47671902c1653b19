//! AUTH (RFC 4954): mechanisms tried in order, challenges answered, refusals remembered.

use crate::error::{Error, ErrorKind, Result};
use crate::sasl::{self, MAX_ROUNDS, Mechanism, Secret};

use super::Session;
use super::command::not_offered;
use super::debug::MASK;
use super::queue::Awaited;

/// RFC 4954 section 4 lets an AUTH line be 12288 octets long, but RFC 5321's 512 is what every
/// server takes; a longer initial response goes behind the 334.
const MAX_AUTH_LINE: usize = 512;

/// A mechanism that may be tried.
pub type Candidate = Box<dyn Mechanism>;

/// One AUTH exchange under way.
pub(super) struct Exchange {
    mechanism: Candidate,
    /// Those to try when the server refuses this one, in reverse order.
    others: Vec<Candidate>,
    /// An initial response too long for the AUTH line.
    held: Option<Secret>,
    rounds: usize,
    /// Why the exchange was cancelled with `*`.
    cancelled: Option<Error>,
    /// The refusal of the mechanism before this one.
    refused: Option<Error>,
    /// What was sent, so that a server's echo of it can be hidden.
    responses: Vec<Secret>,
}

impl Exchange {
    fn new(mechanism: Candidate, others: Vec<Candidate>) -> Self {
        Exchange {
            mechanism,
            others,
            held: None,
            rounds: 0,
            cancelled: None,
            refused: None,
            responses: Vec::new(),
        }
    }

    /// What the caller learns when the connection ends: a server that hangs up behind a refusal
    /// has refused.
    pub fn lost(self, error: &Error) -> Option<Error> {
        let refused = self.refused.filter(|_| error.kind() == ErrorKind::Disconnected)?;
        let text = format!("{}; then {}", refused.message(), error.message());
        Some(Error::new(refused.kind(), text).with_reply_code(refused.reply_code()))
    }

    /// `text` without the credentials that a server may have echoed.
    pub fn scrub(&self, text: &str) -> String {
        let mut scrubbed = text.to_owned();
        for response in &self.responses {
            // Shorter ones would mask words that happen to look like them.
            if response.as_bytes().len() >= 4
                && let Ok(secret) = std::str::from_utf8(response.as_bytes())
            {
                scrubbed = scrubbed.replace(secret, MASK);
            }
        }
        scrubbed
    }
}

impl Session {
    /// Authenticates with the first of `candidates` that the server accepts. The caller has
    /// chosen them among those that the server offers and that may be used on this channel.
    pub fn authenticate(&mut self, mut candidates: Vec<Candidate>) -> Result<()> {
        self.check_idle()?;
        if !self.capabilities.has("AUTH") {
            return Err(not_offered("AUTH", "AUTH"));
        }
        candidates.reverse();
        match candidates.pop() {
            Some(first) => self.begin_exchange(Exchange::new(first, candidates)),
            None => Err(Error::new(ErrorKind::NoMechanism, "AUTH: no mechanism to try")),
        }
    }

    fn begin_exchange(&mut self, mut exchange: Exchange) -> Result<()> {
        let initial = if self.options.initial_response && exchange.mechanism.initial() {
            exchange.mechanism.step(None)?
        } else {
            None
        };
        let name = exchange.mechanism.name().to_ascii_uppercase();
        let mut line = format!("AUTH {name}").into_bytes();
        let mut shown = line.len();
        if let Some(response) = initial {
            let encoded = encode(&response);
            if line.len() + 1 + encoded.as_bytes().len() + 2 > MAX_AUTH_LINE {
                exchange.held = Some(encoded);
            } else {
                line.push(b' ');
                shown = line.len();
                line.extend_from_slice(encoded.as_bytes());
                exchange.responses.push(encoded);
            }
        }
        line.extend_from_slice(b"\r\n");
        self.exchange = Some(exchange);
        self.send_credential(Secret::from(line), shown);
        Ok(())
    }

    pub(super) fn auth_reply(&mut self) {
        let Some(exchange) = self.exchange.take() else { return };
        match self.last.code() {
            334 => self.challenge(exchange),
            235 => self.finish_exchange(exchange),
            // RFC 4954 section 4: already authenticated. smtplib counts it as success.
            503 if exchange.rounds == 0 && exchange.cancelled.is_none() => {
                self.result = Some(Ok(503));
            }
            _ => self.refused(exchange),
        }
    }

    fn challenge(&mut self, mut exchange: Exchange) {
        if exchange.cancelled.is_some() {
            // It goes on although we sent "*": nothing sensible can follow.
            let error = exchange.cancelled.take().unwrap_or_else(|| self.auth_error(&exchange));
            self.result = Some(Err(error.clone()));
            return self.end(error);
        }
        if let Some(held) = exchange.held.take() {
            let line = [held.as_bytes(), b"\r\n"].concat();
            exchange.responses.push(held);
            self.exchange = Some(exchange);
            return self.send_credential(Secret::from(line), 0);
        }
        exchange.rounds += 1;
        match self.respond(&mut exchange) {
            Ok(line) => {
                self.exchange = Some(exchange);
                self.send_credential(line, 0);
            }
            Err(error) => {
                exchange.cancelled = Some(error);
                self.exchange = Some(exchange);
                self.issue("*", "", Awaited::Auth);
            }
        }
    }

    fn respond(&mut self, exchange: &mut Exchange) -> Result<Secret> {
        let name = exchange.mechanism.name().to_owned();
        if exchange.rounds > MAX_ROUNDS {
            return Err(Error::new(
                ErrorKind::Authentication,
                format!("AUTH {name}: the server sent more than {MAX_ROUNDS} challenges"),
            ));
        }
        let challenge = sasl::decode(self.last.bytes())
            .map_err(|error| error.in_context(&format!("AUTH {name}")))?;
        let response = exchange.mechanism.step(Some(challenge.as_bytes()))?;
        let mut line = Vec::new();
        if let Some(response) = response {
            // RFC 4954 section 4: here an empty response is an empty line; "=" is for AUTH alone.
            let encoded = sasl::encode(response.as_bytes());
            line.extend_from_slice(encoded.as_bytes());
            exchange.responses.push(encoded);
        }
        line.extend_from_slice(b"\r\n");
        Ok(Secret::from(line))
    }

    fn finish_exchange(&mut self, mut exchange: Exchange) {
        self.result = Some(match exchange.cancelled.take() {
            Some(error) => Err(error),
            None => exchange.mechanism.success(self.last.bytes()).map(|()| 235),
        });
    }

    /// smtplib tries the next mechanism whatever the refusal, and reports the last one.
    fn refused(&mut self, mut exchange: Exchange) {
        if let Some(ours) = exchange.cancelled.take() {
            // The server refused nothing: another mechanism, perhaps a weaker, is no answer.
            self.result = Some(Err(ours));
            return;
        }
        let error = self.auth_error(&exchange);
        let closing = self.last.code() == 421;
        match exchange.others.pop() {
            Some(next) if !closing => {
                let others = std::mem::take(&mut exchange.others);
                let mut following = Exchange::new(next, others);
                following.refused = Some(error);
                if let Err(error) = self.begin_exchange(following) {
                    self.exchange = None;
                    self.result = Some(Err(error));
                }
            }
            _ => self.result = Some(Err(error)),
        }
    }

    fn auth_error(&self, exchange: &Exchange) -> Error {
        let text = exchange.scrub(&self.last.describe());
        Error::new(
            ErrorKind::Authentication,
            format!("AUTH {}: {text}", exchange.mechanism.name().to_ascii_uppercase()),
        )
        .with_reply_code(self.last.code())
    }

    fn send_credential(&mut self, line: Secret, shown: usize) {
        if shown > 0 && shown + 2 == line.as_bytes().len() {
            self.trace.sent(line.as_bytes());
        } else {
            self.trace.sent_secret(line.as_bytes(), shown);
        }
        self.output.buffer().extend_from_slice(line.as_bytes());
        self.output.mark_secret();
        self.queue.push(Awaited::Auth, 0, self.output.end());
    }
}

/// An initial response; an empty one is `=` (RFC 4954 section 4).
fn encode(response: &Secret) -> Secret {
    if response.as_bytes().is_empty() {
        Secret::from(b"=".to_vec())
    } else {
        sasl::encode(response.as_bytes())
    }
}
