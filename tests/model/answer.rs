//! How the model answers: as it should, or as its plan has it.

use std::time::Duration;

use crate::link::Over;
use crate::plan::{Act, Fault, Place};
use crate::server::Server;
use crate::stock::EXTRA;

impl Server<'_> {
    /// What the plan has for this occasion.
    pub(crate) fn act(&mut self, place: Place) -> Option<Act> {
        let nth = self.counts[place as usize];
        self.counts[place as usize] += 1;
        let here = |fault: &&Fault| match fault.act {
            // A server that does not know BDAT never does.
            Act::AsCommands(_) => fault.place == place,
            _ => (fault.connection, fault.place, fault.nth) == (self.index, place, nth),
        };
        self.plan.faults.iter().find(here).map(|fault| fault.act)
    }

    /// Obeys a command, or does what the plan has in its place. `about` is the address that is
    /// refused. True if the command was done and its reply is positive.
    pub(crate) fn obey(
        &mut self,
        place: Place,
        about: &str,
        usual: impl FnOnce(&mut Self) -> (u16, String),
    ) -> Result<bool, Over> {
        let act = self.act(place);
        self.act_on(act, place, about, usual)
    }

    pub(crate) fn act_on(
        &mut self,
        act: Option<Act>,
        place: Place,
        about: &str,
        usual: impl FnOnce(&mut Self) -> (u16, String),
    ) -> Result<bool, Over> {
        let refused = format!("refused <{about}>");
        match act {
            Some(Act::Refuse(code)) => {
                self.visit.excused.insert(about.to_owned());
                self.say(code, &refused)?;
                return Ok(false);
            }
            Some(Act::RefuseAndClose(code)) => {
                self.visit.excused.insert(about.to_owned());
                self.say(code, &refused)?;
                self.link.flush()?;
                self.visit.closing = Some((code, self.plan.lmtp && place == Place::Final));
                return Err(self.link.close(true));
            }
            Some(Act::Close { drained }) => {
                self.link.flush()?;
                return Err(self.link.close(drained));
            }
            Some(Act::Stall | Act::Cancel { stall: true }) => {
                if act != Some(Act::Stall) {
                    self.cancel.cancel();
                }
                self.link.flush()?;
                self.link.drain();
                return Err(Over);
            }
            Some(Act::Cancel { stall: false }) => self.cancel.cancel(),
            Some(Act::Slow(time)) => {
                self.link.flush()?;
                std::thread::sleep(Duration::from_millis(time));
            }
            _ => {}
        }
        let (code, text) = usual(self);
        let unsaid = matches!(act, Some(Act::DoneAndClose | Act::CutReply(_)));
        self.visit.unsaid |= unsaid && place == Place::Final;
        match act {
            Some(Act::DoneAndClose) => {
                self.link.flush()?;
                return Err(self.link.close(false));
            }
            Some(Act::CutReply(keep)) => {
                self.link.flush()?;
                let reply = self.reply(code, &text);
                self.link.hold(&reply[..keep.min(reply.len() - 1)]);
                self.link.flush()?;
                return Err(self.link.close(true));
            }
            Some(Act::Extra(extra)) => {
                self.link.flush()?;
                let mut both = self.reply(code, &text);
                both.extend(self.reply(extra, EXTRA));
                self.link.hold(&both);
                self.link.flush_whole()?;
            }
            _ => self.say(code, &text)?,
        }
        Ok(code < 400)
    }

    pub(crate) fn say(&mut self, code: u16, text: &str) -> Result<(), Over> {
        let reply = self.reply(code, text);
        self.link.say(&reply)
    }

    fn reply(&mut self, code: u16, text: &str) -> Vec<u8> {
        self.visit.transcript.push(format!("S {code} {}", text.replace('\n', " / ")));
        let mut lines: Vec<&str> = text.split('\n').collect();
        if self.plan.habits.long_replies {
            lines.push(lines[lines.len() - 1]);
        }
        let last = lines.len() - 1;
        let lines = lines.iter().enumerate();
        lines
            .flat_map(|(at, line)| {
                format!("{code}{}{line}\r\n", if at == last { ' ' } else { '-' }).into_bytes()
            })
            .collect()
    }

    /// Lines of a chunk that was read as commands are no fault of the client's.
    pub(crate) fn violate(&mut self, what: String) {
        if !self.visit.confused {
            self.visit.violations.push(what);
        }
    }
}
