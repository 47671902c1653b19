//! AUTH (RFC 4954): mechanisms tried in order, challenges answered, refusals remembered.

use crate::error::{Detail, Error, ErrorKind, Result};
use crate::sasl::{self, MAX_ROUNDS, Mechanism, Secret};

use super::End;
use super::Session;
use super::command::not_offered;
use super::queue::Awaited;
use super::reply::closes;

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
}

impl Exchange {
    fn new(mechanism: Candidate, others: Vec<Candidate>) -> Self {
        Exchange { mechanism, others, held: None, rounds: 0, cancelled: None, refused: None }
    }

    /// What the caller learns when the connection ends: a server that hangs up behind a refusal
    /// has refused, and what it does behind our `*` is not why the login failed.
    pub fn lost(self, error: &Error) -> Option<Error> {
        let hangs_up = error.kind() == ErrorKind::Disconnected;
        let is_silent = self.cancelled.is_some() && error.kind() == ErrorKind::Timeout;
        let before = self.cancelled.or(self.refused).filter(|_| hangs_up || is_silent)?;
        let text = format!("{}; then {}", before.message(), error.message());
        Some(before.with_message(|_| text))
    }
}

impl Session {
    /// Authenticates with the first of `candidates` that the server accepts. The caller has
    /// chosen them among those that the server offers and that may be used on this channel.
    pub fn authenticate(&mut self, mut candidates: Vec<Candidate>) -> Result<()> {
        self.may_start()?;
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
        let verb = format!("AUTH {name}");
        let mut shown = verb.len();
        let mut argument = None;
        if let Some(response) = initial {
            let encoded = encode(&response);
            self.credentials.remember_response(encoded.as_bytes(), response.as_bytes());
            if verb.len() + 1 + encoded.as_bytes().len() + 2 > MAX_AUTH_LINE {
                exchange.held = Some(encoded);
            } else {
                shown += 1;
                argument = Some(encoded);
            }
        }
        let argument = argument.as_ref().map_or(&[][..], Secret::as_bytes);
        let gap: &[u8] = if argument.is_empty() { b"" } else { b" " };
        // Put together at its final size: a buffer that grows leaves a copy behind.
        let line = Secret::from([verb.as_bytes(), gap, argument, b"\r\n"].concat());
        self.exchange = Some(exchange);
        self.send_credential(line, shown);
        Ok(())
    }

    pub(super) fn auth_reply(&mut self) {
        let Some(exchange) = self.exchange.take() else { return };
        match self.last.code() {
            334 => self.challenge(exchange),
            235 => self.finish_exchange(exchange),
            // RFC 4954 section 4: already authenticated. smtplib counts it as success.
            503 if self.is_logged_in && exchange.rounds == 0 && exchange.cancelled.is_none() => {
                self.result = Some(Ok(503));
            }
            // By other means than ours, it says; a mechanism may want it proved.
            503 if exchange.rounds == 0 && exchange.cancelled.is_none() => {
                self.finish_exchange(exchange);
            }
            _ => self.refused(exchange),
        }
    }

    fn challenge(&mut self, mut exchange: Exchange) {
        if exchange.cancelled.is_some() {
            // It goes on although we sent "*": nothing sensible can follow.
            let error = exchange.cancelled.take().unwrap_or_else(|| self.auth_error(&exchange));
            self.result = Some(Err(error.clone()));
            return self.end(error, End::ByServer);
        }
        if let Some(held) = exchange.held.take() {
            let line = [held.as_bytes(), b"\r\n"].concat();
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
                // A mechanism may quote the server, who may have echoed a credential.
                exchange.cancelled = Some(self.credentials.scrub_error(error));
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
        // The parser has the challenge as it came; what is shown of it may be masked.
        let challenge = sasl::decode(self.parser.text())
            .map_err(|error| error.in_context(&format!("AUTH {name}")))?;
        let Some(response) = exchange.mechanism.step(Some(challenge.as_bytes()))? else {
            return Ok(Secret::from(&b"\r\n"[..]));
        };
        // RFC 4954 section 4: here an empty response is an empty line; "=" is for AUTH alone.
        let encoded = sasl::encode(response.as_bytes());
        self.credentials.remember_response(encoded.as_bytes(), response.as_bytes());
        for echo in exchange.mechanism.echoes() {
            self.credentials.remember(echo.as_bytes());
        }
        Ok(Secret::from([encoded.as_bytes(), b"\r\n"].concat()))
    }

    /// The server says that we are logged in. Where we do not think so, it is an impostor, or takes
    /// us for somebody: neither gets a command more, and no other mechanism shows it the password.
    fn finish_exchange(&mut self, mut exchange: Exchange) {
        let proved = match exchange.cancelled.take() {
            Some(error) => Err(error),
            None => exchange.mechanism.success(self.parser.text()),
        };
        match proved {
            Ok(()) => {
                self.is_logged_in = true;
                self.result = Some(Ok(self.last.code()));
            }
            Err(error) => {
                let error = self.credentials.scrub_error(error);
                self.result = Some(Err(error.clone()));
                self.end(error, End::Lost);
            }
        }
    }

    /// smtplib tries the next mechanism whatever the refusal, and reports the last one.
    fn refused(&mut self, mut exchange: Exchange) {
        if let Some(ours) = exchange.cancelled.take() {
            // The server refused nothing: another mechanism, perhaps a weaker, is no answer.
            let text = format!("{}; the server: {}", ours.message(), self.last.describe());
            let code = self.last.code();
            self.result = Some(Err(ours.with_message(|_| text).with_reply_code(code)));
            return;
        }
        let refusal = exchange.mechanism.refused(self.last.code());
        let mut error = self.auth_error(&exchange).with_detail(refusal.detail);
        if let Some(words) = refusal.words {
            let error_with = error.with_message(|text| format!("{text}; {words}"));
            error = self.credentials.scrub_error(error_with);
        }
        let closing = closes(self.last.code());
        match exchange.others.pop() {
            Some(next) if !closing && refusal.detail == Detail::None => {
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
        let name = exchange.mechanism.name().to_ascii_uppercase();
        self.refusal(ErrorKind::Authentication, &format!("AUTH {name}"))
    }

    fn send_credential(&mut self, line: Secret, shown: usize) {
        if shown > 0 && shown + 2 == line.as_bytes().len() {
            self.trace.sent(line.as_bytes());
        } else {
            self.trace.sent_secret(line.as_bytes(), shown);
        }
        self.output.secret_line(line.as_bytes());
        self.label.clear();
        self.label.push_str("AUTH");
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
