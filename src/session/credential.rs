//! What must not be seen: credentials on their way out, and a peer's echo of them in replies,
//! traces and error texts, however it is cut.

use zeroize::Zeroizing;

use crate::error::{Error, GROWTH, print};
use crate::sasl::Secret;
use crate::wire::Wiped;

/// What stands in a text in place of a credential.
pub(super) const MASK: &str = "***";

/// Shorter ones would mask words that happen to look like them.
const LEAST: usize = 4;

/// The longest line that is held back until its end is there to be searched.
const MOST_HELD: usize = 16 * 1024;

/// How many credentials of one connection are remembered, the latest: more than any honest login
/// needs.
const MOST_SECRETS: usize = 64;

/// The credentials that went out on a connection, and where the caller's own commands stand.
#[derive(Default)]
pub(super) struct CredentialFilter {
    secrets: Vec<Secret>,
    /// Received bytes whose line has not ended, while there is something to hide.
    held: Wiped,
    /// An AUTH of the caller's own is under way: the next line answers a 334.
    awaited: bool,
    /// The caller's own bytes ended in the midst of a line with a credential.
    in_line: bool,
}

impl CredentialFilter {
    /// Nothing was sent that would have to be hidden.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// These bytes go out, or are what those that go out stand for.
    pub fn remember(&mut self, secret: &[u8]) {
        let known = self.secrets.iter().any(|known| known.as_bytes() == secret);
        if secret.len() < LEAST || known {
            return;
        }
        if self.secrets.len() == MOST_SECRETS {
            self.secrets.remove(0);
        }
        self.secrets.push(Secret::from(secret));
    }

    /// A response as it is sent, and the strings that it is made of (RFC 4616: between NULs).
    pub fn remember_response(&mut self, encoded: &[u8], clear: &[u8]) {
        self.remember(encoded);
        let parts = || clear.split(|byte| matches!(byte, 0 | 1));
        // RFC 7628 section 3.1: what stands beside a token is no secret, and "user=" would hide the
        // end of "unknown user".
        if let Some(token) = parts().find_map(|part| part.strip_prefix(b"auth=Bearer ")) {
            return self.remember(token);
        }
        self.remember(clear);
        for part in parts() {
            self.remember(part);
        }
    }

    /// `bytes` without the credentials in them, whole or cut off at the end.
    pub fn scrub(&self, bytes: &[u8]) -> Vec<u8> {
        let mut clean = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        let behind = bytes.len() - before_the_cut(bytes);
        while !rest.is_empty() {
            let cut = rest.len().saturating_sub(behind);
            // What one is part of is hidden as a whole.
            let hits = self.secrets.iter().filter_map(|one| hidden(rest, cut, one.as_bytes()));
            match hits.max() {
                Some(length) => {
                    clean.extend_from_slice(MASK.as_bytes());
                    rest = &rest[length..];
                }
                None => {
                    clean.push(rest[0]);
                    rest = &rest[1..];
                }
            }
        }
        clean
    }

    fn scrub_text(&self, text: &str) -> String {
        let mut clean = self.scrub(text.as_bytes());
        // A text may show control characters and bytes that are no UTF-8 in another form.
        let mut shown = CredentialFilter::default();
        for secret in &self.secrets {
            let secret = secret.as_bytes();
            if secret.iter().all(|byte| matches!(byte, b' '..=b'~')) {
                continue;
            }
            // With all its room from the start: one that grows would leave a copy behind.
            let mut form = Zeroizing::new(String::with_capacity(GROWTH * secret.len()));
            print(secret, &mut form);
            if form.as_bytes() != secret {
                shown.secrets.push(Secret::from(std::mem::take(&mut *form).into_bytes()));
            }
        }
        if !shown.is_empty() {
            clean = shown.scrub(&clean);
        }
        String::from_utf8_lossy(&clean).into_owned()
    }

    /// The error, whatever of a peer's words went into its text.
    pub fn scrub_error(&self, error: Error) -> Error {
        if self.is_empty() { error } else { error.with_message(|text| self.scrub_text(text)) }
    }

    /// Received bytes as a transcript may show them: whole lines, the rest held back.
    pub fn received(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.push(bytes);
        let whole = match memchr::memrchr(b'\n', &self.held) {
            Some(end) => end + 1,
            None if self.held.len() > MOST_HELD => self.held.len(),
            None => 0,
        };
        let clean = self.scrub(&self.held[..whole]);
        self.held.remove(whole);
        clean
    }

    /// What was held back, when no more of its line comes.
    pub fn release(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        self.scrub(&held)
    }

    /// A command line of the caller's own. Gives how much of it may be seen, if not all;
    /// `challenged` says that the last reply was 334.
    pub fn own_line(&mut self, line: &[u8], challenged: bool) -> Option<usize> {
        let shown = match credential(line) {
            // Whatever answers a 334 is one.
            _ if challenged && self.awaited => Some(0),
            shown => shown,
        };
        self.awaited = is_auth(line) || (self.awaited && challenged);
        if let Some(shown) = shown {
            self.remember_own(&line[shown..]);
        }
        shown
    }

    /// An AUTH of the caller's own is under way.
    pub fn is_amid_auth(&self) -> bool {
        self.awaited
    }

    /// The same for raw bytes, line by line: `visit` gets each and how much of it may be seen.
    pub fn own_bytes(
        &mut self,
        bytes: &[u8],
        challenged: bool,
        mut visit: impl FnMut(&[u8], Option<usize>),
    ) {
        self.awaited &= challenged || self.in_line;
        let hidden = challenged || self.in_line;
        if !hidden && !bytes.split(|byte| *byte == b'\n').any(is_auth) {
            return visit(bytes, None);
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            // Behind AUTH there is nothing but responses.
            let shown = if hidden || self.awaited {
                Some(0)
            } else {
                self.awaited = is_auth(line);
                credential(line)
            };
            if let Some(shown) = shown {
                self.remember_own(&line[shown..]);
            }
            self.in_line = !line.ends_with(b"\n") && (shown.is_some() || is_auth(line));
            visit(line, shown);
        }
    }

    fn remember_own(&mut self, credential: &[u8]) {
        let encoded = credential.trim_ascii();
        self.remember(encoded);
        if let Ok(clear) = crate::sasl::decode(encoded) {
            self.remember_response(encoded, clear.as_bytes());
        }
    }

    /// The caller's own line was taken back.
    pub fn forget_line(&mut self) {
        self.in_line = false;
    }
}

/// How much of `text` begins with the secret: all of the secret, or all of the text up to `cut`
/// where that ends in the midst of it.
fn hidden(text: &[u8], cut: usize, secret: &[u8]) -> Option<usize> {
    if text.starts_with(secret) {
        return Some(secret.len());
    }
    (cut >= LEAST && secret.starts_with(&text[..cut])).then_some(cut)
}

/// Where a text may have been cut: at its end, or with an ellipsis.
fn before_the_cut(text: &[u8]) -> usize {
    let rest = text.trim_ascii_end();
    rest.strip_suffix(b"...").unwrap_or(rest).len()
}

fn is_auth(line: &[u8]) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH"))
}

/// How much of a line may be seen, if not all of it: of AUTH all but what follows the mechanism.
fn credential(line: &[u8]) -> Option<usize> {
    let space = |from: usize| Some(from + line[from..].iter().position(u8::is_ascii_whitespace)?);
    let word =
        |from: usize| Some(from + line[from..].iter().position(|b| !b.is_ascii_whitespace())?);
    if !is_auth(line) {
        return None;
    }
    word(space(word(space(word(0)?)?)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn filter() -> CredentialFilter {
        let mut filter = CredentialFilter::default();
        filter.remember_response(b"AGFubmEAc2VjcmV0", b"\0anna\0secret");
        filter
    }

    #[test]
    fn echoes_are_hidden_whole_and_cut() {
        for (echo, shown) in [
            ("535 no AGFubmEAc2VjcmV0 here", "535 no *** here"),
            ("535 AGFubmEAc2Vj", "535 ***"),
            ("535 anna may not, secret", "535 *** may not, ***"),
            ("535 secr", "535 ***"),
            ("535 AGFubm...", "535 ***..."),
            ("535 sec", "535 sec"),
            ("535 denied", "535 denied"),
        ] {
            assert_eq!(filter().scrub_text(echo), shown);
        }
        let error = Error::new(ErrorKind::Io, "the peer said secret\\x07").with_reply_code(535);
        assert_eq!(filter().scrub_error(error).message(), "the peer said ***\\x07");
    }

    #[test]
    fn of_many_the_latest_are_hidden() {
        let mut filter = CredentialFilter::default();
        for n in 0..2 * MOST_SECRETS {
            filter.remember(format!("secret-{n:03}").as_bytes());
        }
        assert_eq!(filter.scrub_text("535 secret-127"), "535 ***");
        assert_eq!(filter.secrets.len(), MOST_SECRETS);
    }

    #[test]
    fn a_token_is_hidden_without_what_stands_before_it() {
        let mut filter = CredentialFilter::default();
        filter.remember_response(b"eA==", b"user=anna\x01auth=Bearer ya29.v\x01\x01");
        assert_eq!(filter.scrub_text("535 ya29.v is bad"), "535 *** is bad");
    }

    /// It would take minutes if every byte looked at all that follow.
    #[test]
    fn white_space_without_end_costs_its_length() {
        let text = b" ".repeat(400_000);
        assert_eq!(filter().scrub(&text), text);
    }

    #[test]
    fn traces_hold_a_line_back_until_it_is_whole() {
        for cut in 1..30 {
            let mut filter = filter();
            let (a, b) = b"535 AGFubmEAc2VjcmV0 is bad\r\n\n".split_at(cut);
            let mut seen = filter.received(a);
            seen.extend(filter.received(b));
            assert_eq!(seen, b"535 *** is bad\r\n\n", "{cut}");
        }
        let mut filter = filter();
        assert_eq!(filter.received(b"250 x\r\n535 AGFub"), b"250 x\r\n");
        assert_eq!(filter.release(), b"535 ***");
    }

    #[test]
    fn the_callers_own_lines_are_known() {
        let mut filter = CredentialFilter::default();
        assert_eq!(filter.own_line(b"AUTH PLAIN AGFubmEAc2VjcmV0\r\n", false), Some(11));
        assert_eq!(filter.scrub_text("secret and AGFubmEAc2VjcmV0"), "*** and ***");
        assert_eq!(filter.own_line(b"NOOP\r\n", false), None);
        assert_eq!(filter.own_line(b"AUTH LOGIN\r\n", false), None);
        assert_eq!(filter.own_line(b"YW5uYTpwYXNz\r\n", true), Some(0));
        assert_eq!(filter.scrub_text("anna:pass"), "***");
    }
}
