//! A strict server that behaves, and how to configure it: what it offers, whom it refuses, and
//! where it is to misbehave. The conversation itself is in `session`.

use std::sync::Arc;
use std::time::Duration;

use super::auth::Users;
use super::conn::{Conn, Flow};
use super::record::Message;
use super::scram::Proof;
use super::script::Script;
use super::session::Session;

/// What to do at a point of the conversation other than the usual.
#[derive(Clone)]
pub(super) enum Instead {
    /// This reply; the server takes it for its own decision.
    Answer(String),
    /// A script; where it does not end the connection, the next command is awaited.
    Run(Script),
}

#[derive(Clone)]
pub(super) struct Deviation {
    pub point: String,
    /// 1-based; 0 = every time.
    pub time: usize,
    pub instead: Instead,
}

/// Called with every accepted message.
pub(super) type OnMessage = Arc<dyn Fn(&Message) + Send + Sync>;

/// The configuration. The default offers all the extensions that it knows.
#[derive(Clone)]
pub struct Engine {
    pub(super) lmtp: bool,
    pub(super) esmtp: bool,
    pub(super) greeting: String,
    pub(super) extensions: Vec<String>,
    pub(super) starttls: bool,
    pub(super) users: Users,
    pub(super) auth_needs_tls: bool,
    pub(super) require_auth: bool,
    pub(super) refused_senders: Vec<(String, String)>,
    pub(super) refused: Vec<(String, String)>,
    pub(super) final_replies: Vec<(String, String)>,
    pub(super) deviations: Vec<Deviation>,
    pub(super) pace: Option<(usize, Duration)>,
    pub(super) discard: bool,
    pub(super) on_message: Option<OnMessage>,
}

const EXTENSIONS: &[&str] = &[
    "PIPELINING",
    "SIZE 104857600",
    "8BITMIME",
    "SMTPUTF8",
    "CHUNKING",
    "BINARYMIME",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "HELP",
];

impl Default for Engine {
    fn default() -> Engine {
        Engine::new()
    }
}

impl Engine {
    pub fn new() -> Engine {
        Engine {
            lmtp: false,
            esmtp: true,
            greeting: "220 loopback.test ESMTP ready".to_owned(),
            extensions: EXTENSIONS.iter().map(|one| (*one).to_owned()).collect(),
            starttls: true,
            users: Users::default(),
            auth_needs_tls: false,
            require_auth: false,
            refused_senders: Vec::new(),
            refused: Vec::new(),
            final_replies: Vec::new(),
            deviations: Vec::new(),
            pace: None,
            discard: false,
            on_message: None,
        }
    }

    /// LMTP (RFC 2033): LHLO, and after the data one reply per recipient.
    pub fn lmtp() -> Engine {
        Engine::new().into_lmtp()
    }

    /// The same behaviour for LMTP.
    pub fn into_lmtp(self) -> Engine {
        Engine { lmtp: true, greeting: "220 loopback.test LMTP ready".to_owned(), ..self }
    }

    /// Answers EHLO and offers nothing.
    pub fn basic() -> Engine {
        Engine { extensions: Vec::new(), starttls: false, ..Engine::new() }
    }

    /// Knows HELO alone.
    pub fn without_ehlo() -> Engine {
        Engine { esmtp: false, ..Engine::basic() }
    }

    /// The whole greeting, code included; lines separated by `\n`.
    pub fn greeting(mut self, reply: &str) -> Engine {
        self.greeting = reply.to_owned();
        self
    }

    /// No longer offers that extension (STARTTLS and AUTH too).
    pub fn without(mut self, keyword: &str) -> Engine {
        self.extensions.retain(|line| !keyword_of(line).eq_ignore_ascii_case(keyword));
        match keyword.to_ascii_uppercase().as_str() {
            "STARTTLS" => self.starttls = false,
            "AUTH" => self.users.mechanisms.clear(),
            "CHUNKING" => self = self.without("BINARYMIME"),
            _ => {}
        }
        self
    }

    /// One more line in the EHLO reply, instead of one with the same keyword.
    pub fn with(mut self, line: &str) -> Engine {
        self.extensions.retain(|known| !keyword_of(known).eq_ignore_ascii_case(keyword_of(line)));
        self.extensions.push(line.to_owned());
        self
    }

    /// Exactly these EHLO lines, beside STARTTLS and AUTH.
    pub fn only(mut self, lines: &[&str]) -> Engine {
        self.extensions = lines.iter().map(|line| (*line).to_owned()).collect();
        self
    }

    /// The SIZE limit; 0 offers SIZE without one.
    pub fn size(self, limit: u64) -> Engine {
        self.with(&format!("SIZE {limit}"))
    }

    /// Somebody who may log in; offers all mechanisms if none were chosen yet.
    pub fn user(mut self, name: &str, password: &str) -> Engine {
        self.users.known.push((name.to_owned(), password.to_owned()));
        if self.users.mechanisms.is_empty() {
            self = self.mechanisms("PLAIN LOGIN CRAM-MD5 XOAUTH2");
        }
        self
    }

    /// What AUTH offers, separated by spaces.
    pub fn mechanisms(mut self, names: &str) -> Engine {
        self.users.mechanisms = names.split_whitespace().map(str::to_owned).collect();
        self
    }

    /// Offers no mechanism whose name ends so, and speaks it all the same.
    pub fn stripped_of(mut self, end: &'static str) -> Engine {
        self.users.stripped = Some(end);
        self
    }

    /// How SCRAM ends.
    pub fn proof(mut self, proof: Proof) -> Engine {
        self.users.proof = proof;
        self
    }

    /// What a refused token is told in a challenge; nothing if it is empty.
    pub fn token_error(mut self, text: &str) -> Engine {
        self.users.token_error = Some(text.to_owned());
        self
    }

    /// Offers and takes AUTH under TLS alone.
    pub fn auth_needs_tls(mut self) -> Engine {
        self.auth_needs_tls = true;
        self
    }

    /// Refuses MAIL before a login.
    pub fn require_auth(mut self) -> Engine {
        self.require_auth = true;
        self
    }

    /// Answers RCPT for that address (letter case ignored) with `reply`.
    pub fn refuse(mut self, address: &str, reply: &str) -> Engine {
        self.refused.push((address.to_owned(), reply.to_owned()));
        self
    }

    /// Answers MAIL from that address with `reply`.
    pub fn refuse_sender(mut self, address: &str, reply: &str) -> Engine {
        self.refused_senders.push((address.to_owned(), reply.to_owned()));
        self
    }

    /// LMTP: answers the data for that recipient with `reply`; several lines by `\n`; the empty
    /// reply is none at all.
    pub fn final_reply(mut self, address: &str, reply: &str) -> Engine {
        self.final_replies.push((address.to_owned(), reply.to_owned()));
        self
    }

    /// Replies so at a point, and acts as if that had been the server's own decision. A point is
    /// `GREETING`, a verb in upper case, or `END-OF-DATA` (the reply to a whole message, by DATA or
    /// BDAT). `time` counts from 1 on each connection; 0 is every time.
    pub fn answer(self, point: &str, time: usize, reply: &str) -> Engine {
        self.deviate(point, time, Instead::Answer(reply.to_owned()))
    }

    /// Runs a script at a point instead of what the server would do there.
    pub fn at(self, point: &str, time: usize, script: Script) -> Engine {
        self.deviate(point, time, Instead::Run(script))
    }

    fn deviate(mut self, point: &str, time: usize, instead: Instead) -> Engine {
        let point = point.to_ascii_uppercase();
        self.deviations.push(Deviation { point, time, instead });
        self
    }

    /// Cuts every write into pieces of that many bytes, with a pause after each.
    pub fn pace(mut self, piece: usize, pause: Duration) -> Engine {
        self.pace = Some((piece, pause));
        self
    }

    /// Keeps of each message its length and hash alone.
    pub fn discard(mut self) -> Engine {
        self.discard = true;
        self
    }

    /// Calls this with every accepted message, before its reply goes out.
    pub fn on_message(mut self, call: impl Fn(&Message) + Send + Sync + 'static) -> Engine {
        self.on_message = Some(Arc::new(call));
        self
    }

    /// The value of an offered extension; empty if it has none.
    pub(super) fn offers(&self, keyword: &str) -> Option<&str> {
        self.extensions
            .iter()
            .find(|line| keyword_of(line).eq_ignore_ascii_case(keyword))
            .map(|line| line.split_once([' ', '=']).map_or("", |(_, value)| value))
    }

    /// A number in the LIMITS extension (RFC 9422).
    pub(super) fn limit(&self, name: &str) -> Option<usize> {
        let limits = self.offers("LIMITS")?;
        limits.split(' ').find_map(|one| one.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    }

    /// The whole conversation.
    pub(super) fn run(&self, conn: &mut Conn) -> Flow<()> {
        if let Some((piece, pause)) = self.pace {
            conn.set_pace(piece, pause);
        }
        let mut session = Session::new(self);
        session.greet(conn)?;
        session.run(conn)
    }

    /// The conversation behind the greeting.
    pub(super) fn serve(&self, conn: &mut Conn) -> Flow<()> {
        Session::new(self).run(conn)
    }
}

fn keyword_of(line: &str) -> &str {
    line.split([' ', '=']).next().unwrap_or(line)
}
