//! The model's DATA and BDAT, and the decision about a message.

use std::time::Duration;

use crate::link::Over;
use crate::plan::{Act, Lie, Place, Then};
use crate::server::Server;

impl Server<'_> {
    pub(crate) fn data(&mut self) -> Result<(), Over> {
        if self.link.buffered() > 0 {
            self.violate("commands in a group behind DATA (RFC 2920 section 3.1)".to_owned());
        }
        let Some(sender) = self.sender.clone() else { return self.say(503, "no sender") };
        let none = self.recipients.is_empty();
        if self.spoilt || !self.chunk.is_empty() {
            return self.say(503, &format!("BDAT was begun, for <{sender}>"));
        }
        if none && (self.plan.lmtp || !self.plan.habits.always_354) {
            return self.say(503, &format!("no recipient, for <{sender}>"));
        }
        let act = self.act(Place::Data);
        let goes = self.act_on(act, Place::Data, &sender, |_| (354, "go on".to_owned()))?;
        if !goes {
            if !self.plan.habits.keeps_failed {
                self.clear();
            }
            return Ok(());
        }
        let early = match act {
            Some(Act::Early { at, code, then }) => Some((at, code, then)),
            _ => None,
        };
        match self.read_data(early)? {
            Some(content) => self.finish(&content),
            None => {
                self.clear();
                Ok(())
            }
        }
    }

    /// The message with its dots unstuffed; `None` if it was refused in its midst.
    fn read_data(&mut self, early: Option<(usize, u16, Then)>) -> Result<Option<Vec<u8>>, Over> {
        let mut content = Vec::new();
        loop {
            let line = self.link.line()?;
            if line == b".\r\n" {
                return Ok(Some(content));
            }
            let strict = line.ends_with(b"\r\n") && memchr::memchr_iter(b'\r', &line).count() == 1;
            if !strict {
                self.violate("a bare CR or LF behind DATA (RFC 5321 section 2.3.8)".to_owned());
            }
            content.extend_from_slice(if line[0] == b'.' { &line[1..] } else { &line });
            match early {
                Some((at, code, then)) if content.len() > at => {
                    return self.refuse_midway(code, then).map(|()| None);
                }
                _ => {}
            }
        }
    }

    /// Back in command mode while the body is still coming. What was under way when the client
    /// heard of it is not its fault; whatever comes later would run as commands.
    fn refuse_midway(&mut self, code: u16, then: Then) -> Result<(), Over> {
        let sender = self.sender.clone().unwrap_or_default();
        self.visit.excused.insert(sender.clone());
        self.say(code, &format!("refused early <{sender}>"))?;
        self.link.flush()?;
        if then != Then::Stays {
            self.visit.early.push((sender, code));
            return Err(self.link.close(then == Then::Drains));
        }
        let mut under_way = self.link.heard();
        let mut ended = false;
        while under_way > 0 && !ended {
            let line = self.link.line()?;
            under_way = under_way.saturating_sub(line.len());
            ended = line == b".\r\n";
        }
        if ended {
            return Ok(());
        }
        self.visit.early.push((sender, code));
        let line = self.link.line()?;
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        self.violate(format!(
            "the client goes on after a refusal in the midst of DATA: {text:.60}"
        ));
        Err(self.link.close(true))
    }

    pub(crate) fn bdat(&mut self, rest: &str) -> Result<(), Over> {
        let mut words = rest.split(' ');
        let Some(length) = words.next().and_then(|word| word.parse::<usize>().ok()) else {
            return self.say(501, "BDAT without a length");
        };
        let last = words.next().is_some_and(|word| word.eq_ignore_ascii_case("LAST"));
        let sender = self.sender.clone().unwrap_or_default();
        let group = self.behind > 0;
        self.behind = self.behind.saturating_sub(length);
        let act = self.act(Place::Chunk);
        if let Some(Act::AsCommands(code)) = act {
            self.visit.confused = true;
            self.visit.excused.insert(sender.clone());
            return self.say(code, &format!("no such command, for <{sender}>"));
        }
        if self.sender.is_none() || self.recipients.is_empty() || self.spoilt || group {
            self.link.take(length)?;
            return self.say(503, &format!("no recipient, for <{sender}>"));
        }
        if let Some(Act::Early { at, code, then }) = act {
            let at = at.min(length);
            self.link.take(at)?;
            self.visit.excused.insert(sender.clone());
            // RFC 2033 section 4.2: one for each recipient, here too.
            let replies = if self.plan.lmtp && last { self.recipients.len() } else { 1 };
            for _ in 0..replies {
                self.say(code, &format!("refused early <{sender}>"))?;
            }
            self.link.flush()?;
            if then != Then::Stays {
                self.visit.early.push((sender, code));
                return Err(self.link.close(then == Then::Drains));
            }
            self.link.take(length - at)?;
            self.spoilt = true;
            return Ok(());
        }
        let chunk = self.link.take(length)?;
        if last && (self.plan.lmtp || act.is_none()) {
            let mut content = std::mem::take(&mut self.chunk);
            content.extend_from_slice(&chunk);
            return self.finish(&content);
        }
        let mut content = std::mem::take(&mut self.chunk);
        content.extend_from_slice(&chunk);
        if let (Some(Act::Contradict(code)), false) = (act, last) {
            self.chunk = content;
            return self.say(code, &format!("refused and kept <{sender}>"));
        }
        let taken = self.act_on(act, Place::Chunk, &sender, |server| {
            if last {
                let recipients = std::mem::take(&mut server.recipients);
                server.deliver(&content, recipients);
                server.clear();
                return (250, format!("taken, for <{sender}>"));
            }
            server.chunk = content;
            (250, format!("chunk, for <{sender}>"))
        })?;
        self.spoilt |= !taken;
        Ok(())
    }

    /// The whole message is here: is it taken?
    fn finish(&mut self, content: &[u8]) -> Result<(), Over> {
        let sender = self.sender.clone().unwrap_or_default();
        if self.plan.habits.haraka.is_some() {
            self.behind = self.link.arrived();
        }
        if self.plan.habits.final_ms > 0 {
            self.link.flush()?;
            std::thread::sleep(Duration::from_millis(self.plan.habits.final_ms));
        }
        let recipients = self.recipients.clone();
        if recipients.is_empty() {
            self.clear();
            return self.say(554, &format!("no recipient, for <{sender}>"));
        }
        let limit = self.plan.offers.size.filter(|limit| *limit > 0);
        if limit.is_some_and(|limit| content.len() > limit) {
            self.visit.excused.insert(sender.clone());
            let replies = if self.plan.lmtp { recipients.len() } else { 1 };
            for path in &recipients[..replies] {
                self.say(552, &format!("too large <{path}>, for <{sender}>"))?;
            }
            self.clear();
            return Ok(());
        }
        if !self.plan.lmtp {
            let taken = self.decide(&sender, content, recipients, &sender)?;
            if taken || !self.plan.habits.keeps_failed {
                self.clear();
            }
            return Ok(());
        }
        for path in recipients {
            let about = format!("{path}>, for <{sender}");
            self.decide(&about, content, vec![path.clone()], &path)?;
        }
        self.clear();
        Ok(())
    }

    fn decide(
        &mut self,
        about: &str,
        content: &[u8],
        recipients: Vec<String>,
        excuse: &str,
    ) -> Result<bool, Over> {
        let spare = recipients.clone();
        let taken = self.obey(Place::Final, about, |server| {
            server.deliver(content, recipients);
            (250, format!("taken <{about}>"))
        })?;
        if !taken {
            self.visit.excused.insert(excuse.to_owned());
            if self.plan.lie == Some(Lie::KeepsRefused) {
                self.deliver(content, spare);
            }
        }
        Ok(taken)
    }
}
