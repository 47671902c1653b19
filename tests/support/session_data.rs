//! The part of a [`Session`] that takes messages: DATA, BDAT, and the judgement at their end.

use std::sync::Arc;

use super::conn::{Conn, Flow};
use super::data::Body;
use super::path;
use super::session::{Envelope, Session, Turn};

impl Session<'_> {
    pub(super) fn data(&mut self, conn: &mut Conn, given: Option<String>) -> Flow<()> {
        let problem = match &self.mail {
            None => Some("503 5.5.1 MAIL first"),
            Some(mail) if mail.chunks.is_some() => Some("503 5.5.1 BDAT goes on"),
            Some(mail) if mail.message.recipients.is_empty() => Some("554 5.5.1 no recipients"),
            Some(mail) if path::value(&mail.message.mail_params, "BODY") == Some("BINARYMIME") => {
                Some("503 5.5.1 BINARYMIME needs BDAT")
            }
            _ => None,
        };
        let reply = match (given, problem) {
            (Some(reply), _) => reply,
            (None, Some(reply)) => reply.to_owned(),
            (None, None) => "354 go ahead".to_owned(),
        };
        self.say(conn, &reply)?;
        if !reply.starts_with("354") {
            return Ok(());
        }
        let mut body = Body::new(self.engine.discard);
        body.read_dotted(conn)?;
        self.finish(conn, body)
    }

    pub(super) fn bdat(&mut self, conn: &mut Conn, argument: &[u8]) -> Flow<()> {
        let text = String::from_utf8_lossy(argument).to_ascii_uppercase();
        let (length, last) = match text.strip_suffix(" LAST") {
            Some(length) => (length.parse::<u64>(), true),
            None => (text.parse::<u64>(), false),
        };
        let Ok(length) = length else {
            return self.say(conn, "501 5.5.4 BDAT needs a length");
        };
        let turn = self.turn("BDAT", conn)?;
        if let Turn::Done = turn {
            return Ok(());
        }
        let engine = self.engine;
        let mail = self.mail.as_mut().filter(|mail| !mail.broken);
        let valid = mail.filter(|mail| !mail.message.recipients.is_empty());
        let Some(mail) = valid.filter(|_| engine.offers("CHUNKING").is_some()) else {
            Body::new(true).read_chunk(conn, length)?;
            return self.say(conn, "503 5.5.1 no transaction for BDAT");
        };
        let mut body = mail.chunks.take().unwrap_or_else(|| Body::new(engine.discard));
        body.read_chunk(conn, length)?;
        let refusal = match turn {
            Turn::Answer(reply) => Some(reply),
            _ => None,
        };
        if last && refusal.is_none() {
            return self.finish(conn, body);
        }
        let reply = refusal.unwrap_or_else(|| format!("250 2.0.0 {length} octets"));
        mail.broken = !reply.starts_with('2');
        mail.chunks = Some(body);
        self.say(conn, &reply)
    }

    /// The whole message is there: judge, record and answer.
    fn finish(&mut self, conn: &mut Conn, body: Body) -> Flow<()> {
        let Envelope { mut message, .. } = self.mail.take().unwrap_or_default();
        message.encrypted = conn.is_tls();
        for fault in self.engine.body_faults(&message, &body) {
            conn.fault(fault);
        }
        body.finish(&mut message);
        let replies = match self.turn("END-OF-DATA", conn) {
            Ok(Turn::Usual) => self.engine.final_replies(&message),
            Ok(Turn::Answer(reply)) => vec![reply],
            Ok(Turn::Done) => vec![],
            Err(end) => {
                conn.log(|log| log.messages.push(Arc::new(message)));
                return Err(end);
            }
        };
        message.reply = replies.join("\n");
        let message = Arc::new(message);
        if let Some(call) = self.engine.on_message.as_ref().filter(|_| message.is_accepted()) {
            call(&message);
        }
        conn.log(|log| log.messages.push(message));
        for reply in replies {
            self.say(conn, &reply)?;
        }
        Ok(())
    }
}
