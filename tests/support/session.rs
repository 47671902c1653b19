//! The conversation of an [`Engine`]: commands in, replies out, the protocol's rules watched. What
//! a client may not do is answered as a strict server would and noted as a fault where the reply
//! alone would not tell.

use super::conn::{Conn, Flow};
use super::data::Body;
use super::engine::{Engine, Instead};
use super::path::{self, Argument};
use super::record::{Message, Recipient};

/// The state of one connection.
pub(super) struct Session<'a> {
    pub(super) engine: &'a Engine,
    hello: bool,
    login: Option<String>,
    pub(super) mail: Option<Envelope>,
    mails: usize,
    /// How often each point was reached.
    reached: Vec<(String, usize)>,
}

#[derive(Default)]
pub(super) struct Envelope {
    pub message: Message,
    /// Chunks so far (RFC 3030); after one that was refused, the rest is refused too.
    pub chunks: Option<Body>,
    pub broken: bool,
}

/// Whether a command was dealt with in full by a deviation.
pub(super) enum Turn {
    Usual,
    Answer(String),
    Done,
}

/// RFC 5321 4.5.3.1.4; extensions lengthen MAIL and RCPT, generously here.
const LONGEST_COMMAND: usize = 512;
const LONGEST_ENVELOPE: usize = 2048;

/// RFC 2920 3.1: these end a group of pipelined commands.
const LAST_OF_GROUP: &[&str] = &["EHLO", "DATA", "VRFY", "EXPN", "QUIT", "NOOP", "AUTH", "HELO"];

impl<'a> Session<'a> {
    pub fn new(engine: &'a Engine) -> Session<'a> {
        Session { engine, hello: false, login: None, mail: None, mails: 0, reached: Vec::new() }
    }

    pub fn greet(&mut self, conn: &mut Conn) -> Flow<()> {
        match self.turn("GREETING", conn)? {
            Turn::Usual => conn.reply(&self.engine.greeting),
            Turn::Answer(reply) => self.say(conn, &reply)?,
            Turn::Done => {}
        }
        Ok(())
    }

    pub fn run(&mut self, conn: &mut Conn) -> Flow<()> {
        loop {
            let line = conn.command()?;
            let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
            let verb = String::from_utf8_lossy(&line[..end]).to_ascii_uppercase();
            let argument = line.get(end + 1..).unwrap_or(b"");
            self.watch(conn, &verb, line.len() + 2);
            // A chunk's bytes follow its command whatever the answer will be.
            if verb == "BDAT" {
                self.bdat(conn, argument)?;
                continue;
            }
            match self.turn(&verb, conn)? {
                Turn::Usual => self.obey(conn, &verb, argument)?,
                Turn::Answer(reply) => self.obey_with(conn, &verb, argument, reply)?,
                Turn::Done => {}
            }
        }
    }

    /// The rules that no reply enforces.
    fn watch(&self, conn: &Conn, verb: &str, length: usize) {
        let longest = match verb {
            "MAIL" | "RCPT" => LONGEST_ENVELOPE,
            _ => LONGEST_COMMAND,
        };
        if length > longest {
            conn.fault(format!("{verb} with {length} octets"));
        }
        if conn.buffered().is_empty() || verb == "BDAT" {
            return;
        }
        if self.engine.offers("PIPELINING").is_none() {
            conn.fault(format!("bytes behind {verb} without PIPELINING"));
        }
        // QUIT may end a group and nothing may follow it; behind the others a reply is needed.
        if LAST_OF_GROUP.contains(&verb) {
            conn.fault(format!("bytes behind {verb}, which must end a group"));
        }
    }

    pub(super) fn turn(&mut self, point: &str, conn: &mut Conn) -> Flow<Turn> {
        if self.engine.deviations.is_empty() {
            return Ok(Turn::Usual);
        }
        let time = match self.reached.iter_mut().find(|(known, _)| known == point) {
            Some((_, times)) => {
                *times += 1;
                *times
            }
            None => {
                self.reached.push((point.to_owned(), 1));
                1
            }
        };
        let deviation = self
            .engine
            .deviations
            .iter()
            .find(|one| one.point == point && (one.time == 0 || one.time == time));
        match deviation.map(|one| &one.instead) {
            None => Ok(Turn::Usual),
            Some(Instead::Answer(reply)) => Ok(Turn::Answer(reply.clone())),
            Some(Instead::Run(script)) => {
                conn.flush()?;
                script.run(conn)?;
                Ok(Turn::Done)
            }
        }
    }

    /// A reply, and the end of the connection if it is a 421.
    pub(super) fn say(&mut self, conn: &mut Conn, reply: &str) -> Flow<()> {
        conn.reply(reply);
        match reply.starts_with("421") {
            true => Err(conn.close()),
            false => Ok(()),
        }
    }

    fn obey(&mut self, conn: &mut Conn, verb: &str, argument: &[u8]) -> Flow<()> {
        let text = String::from_utf8_lossy(argument).into_owned();
        let reply = match verb {
            "EHLO" | "HELO" | "LHLO" => self.hello(conn, verb, &text),
            "STARTTLS" => return self.starttls(conn, &text),
            "AUTH" => return self.auth(conn, &text),
            "MAIL" => self.mail(argument),
            "RCPT" => self.rcpt(argument),
            "DATA" => return self.data(conn, None),
            "RSET" => {
                self.mail = None;
                "250 2.0.0 reset".to_owned()
            }
            "NOOP" => "250 2.0.0 ok".to_owned(),
            "HELP" => "214 2.0.0 see RFC 5321".to_owned(),
            "VRFY" if !text.is_empty() => format!("252 2.1.5 will try {text}"),
            "EXPN" => "502 5.5.1 no lists here".to_owned(),
            "QUIT" => {
                conn.reply("221 2.0.0 bye");
                return Err(conn.close());
            }
            _ => "500 5.5.2 command unrecognized".to_owned(),
        };
        self.say(conn, &reply)
    }

    /// The command's effect as the given reply's first digit decides, and that reply.
    fn obey_with(&mut self, conn: &mut Conn, verb: &str, arg: &[u8], reply: String) -> Flow<()> {
        let accepted = reply.starts_with('2');
        match verb {
            "MAIL" if accepted => drop(self.mail(arg)),
            "RCPT" if accepted => drop(self.rcpt(arg)),
            "RSET" if accepted => self.mail = None,
            "EHLO" | "HELO" | "LHLO" => self.hello = accepted,
            "DATA" => return self.data(conn, Some(reply)),
            "QUIT" => {
                conn.reply(&reply);
                return Err(conn.close());
            }
            "STARTTLS" if reply.starts_with("220") => {
                conn.reply(&reply);
                return self.secure(conn);
            }
            _ => {}
        }
        self.say(conn, &reply)
    }

    fn hello(&mut self, conn: &Conn, verb: &str, name: &str) -> String {
        let known = match verb {
            "HELO" => !self.engine.lmtp,
            "EHLO" => !self.engine.lmtp && self.engine.esmtp,
            _ => self.engine.lmtp,
        };
        if !known {
            return "500 5.5.1 command unrecognized".to_owned();
        }
        if name.is_empty() || name.contains(' ') {
            return format!("501 5.5.4 {verb} needs a name");
        }
        self.hello = true;
        self.mail = None;
        let mut lines = vec![format!("loopback.test hello {name}")];
        if verb != "HELO" {
            lines.extend(self.engine.extensions.iter().cloned());
            if self.can_starttls(conn) {
                lines.push("STARTTLS".to_owned());
            }
            if self.can_auth(conn) {
                lines.push(format!("AUTH {}", self.engine.users.offer()));
            }
        }
        let last = lines.len() - 1;
        let line = |(at, text): (usize, &String)| match at == last {
            true => format!("250 {text}"),
            false => format!("250-{text}"),
        };
        lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
    }

    fn can_starttls(&self, conn: &Conn) -> bool {
        self.engine.starttls && conn.can_tls() && !conn.is_tls()
    }

    fn can_auth(&self, conn: &Conn) -> bool {
        !self.engine.users.mechanisms.is_empty() && (conn.is_tls() || !self.engine.auth_needs_tls)
    }

    fn starttls(&mut self, conn: &mut Conn, argument: &str) -> Flow<()> {
        if !self.can_starttls(conn) {
            return self.say(conn, "503 5.5.1 no TLS now");
        }
        if !argument.is_empty() {
            return self.say(conn, "501 5.5.4 STARTTLS takes nothing");
        }
        conn.reply("220 2.0.0 go ahead");
        self.secure(conn)
    }

    /// The handshake; all that was known of the client is forgotten (RFC 3207 4.2).
    fn secure(&mut self, conn: &mut Conn) -> Flow<()> {
        conn.start_tls()?;
        self.hello = false;
        self.login = None;
        self.mail = None;
        Ok(())
    }

    fn auth(&mut self, conn: &mut Conn, argument: &str) -> Flow<()> {
        let reply = if !self.hello || !self.can_auth(conn) {
            "503 5.5.1 no AUTH now".to_owned()
        } else if self.login.is_some() {
            "503 5.5.1 already authenticated".to_owned()
        } else if self.mail.is_some() {
            "503 5.5.1 no AUTH within a transaction".to_owned()
        } else {
            match self.engine.users.authenticate(conn, argument)? {
                Err(reply) => reply,
                Ok((name, text)) => {
                    conn.log(|log| log.login = Some(name.clone()));
                    self.login = Some(name);
                    format!("235 {text}")
                }
            }
        };
        self.say(conn, &reply)
    }

    fn mail(&mut self, argument: &[u8]) -> String {
        let argument = match self.envelope_argument(argument, b"FROM:") {
            Ok(argument) => argument,
            Err(reply) => return reply,
        };
        if self.mail.is_some() {
            return "503 5.5.1 nested MAIL".to_owned();
        }
        if self.engine.require_auth && self.login.is_none() {
            return "530 5.7.0 authentication required".to_owned();
        }
        if let Some(reply) = self.engine.mail_refusal(&argument) {
            return reply;
        }
        let refused = self.engine.refused_senders.iter();
        if let Some(reply) = listed(refused, &argument.path) {
            return reply;
        }
        self.mails += 1;
        if self.engine.limit("MAILMAX").is_some_and(|most| self.mails > most) {
            return "451 4.5.3 too many messages on this connection".to_owned();
        }
        let message =
            Message { sender: argument.path, mail_params: argument.params, ..Message::default() };
        self.mail = Some(Envelope { message, ..Envelope::default() });
        "250 2.1.0 sender ok".to_owned()
    }

    fn rcpt(&mut self, argument: &[u8]) -> String {
        let argument = match self.envelope_argument(argument, b"TO:") {
            Ok(argument) => argument,
            Err(reply) => return reply,
        };
        let engine = self.engine;
        let Some(mail) = &mut self.mail else {
            return "503 5.5.1 MAIL first".to_owned();
        };
        let refusal = engine.rcpt_refusal(&argument, &mail.message);
        let Argument { path: address, params } = argument;
        match refusal {
            Some(reply) => {
                mail.message.refused.push((address, reply.clone()));
                reply
            }
            None => {
                mail.message.recipients.push(Recipient { address, params });
                "250 2.1.5 recipient ok".to_owned()
            }
        }
    }

    fn envelope_argument(&self, argument: &[u8], prefix: &[u8]) -> Result<Argument, String> {
        if !self.hello {
            return Err("503 5.5.1 say hello first".to_owned());
        }
        match argument.split_at_checked(prefix.len()) {
            Some((head, rest)) if head.eq_ignore_ascii_case(prefix) => path::parse(rest),
            _ => Err("501 5.5.4 syntax error".to_owned()),
        }
    }
}

/// The reply for an address in a list of refusals.
pub(super) fn listed<'a>(
    mut list: impl Iterator<Item = &'a (String, String)>,
    address: &str,
) -> Option<String> {
    list.find(|(known, _)| known.eq_ignore_ascii_case(address)).map(|(_, reply)| reply.clone())
}
