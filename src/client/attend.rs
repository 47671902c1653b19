//! A connection on which no call is under way: a stream goes on by itself, and what becomes of one
//! that is idle is noticed, without a wait.

use std::time::Instant;

use crate::error::Error;
use crate::transport::{Io, Limit, timed_out};

use super::Client;
use super::drive::Until;

impl Client {
    /// What can be done without waiting where no call is under way: a stream of transactions goes
    /// on, and an idle connection tells what became of it. Gives the reason if it has ended.
    pub(super) fn attend(&mut self) -> Option<Error> {
        for _ in 0..TURNS {
            // Behind the deadline what has arrived still counts, but nothing more is sent.
            let is_late = self.watched_until().is_some_and(|end| Instant::now() >= end);
            let has_ended = self.transport.is_none() || (!is_late && self.advance(Until::Never));
            if has_ended || self.is_by_hand() {
                break;
            }
            match self.receive() {
                Ok(Io::Blocked) => {
                    if is_late {
                        self.session.lost(timed_out());
                    }
                    break;
                }
                Ok(Io::Done(0)) => self.session.handle_eof(None),
                Ok(Io::Done(count)) => self.take_in(count),
                Err(error) => self.session.lost(error),
            }
            self.session.judge_idle();
        }
        self.hang_up()
    }

    /// Says in the park what [`attend`](Self::attend) is to be called for.
    pub(super) fn watch(&mut self) {
        let deadline = self.watched_until();
        let limit = Limit { deadline, park: &self.park };
        match &self.transport {
            Some(_) if self.is_by_hand() => self.park.rest(None),
            Some(transport) => {
                if transport.has_buffered() || !transport.ask(self.wants(transport), limit) {
                    self.park.rest(Some(Instant::now()));
                }
            }
            None => self.park.rest(None),
        }
    }

    fn watched_until(&mut self) -> Option<Instant> {
        let is_under_way = !self.session.is_quiet();
        is_under_way.then(|| self.session.poll_deadline(Instant::now())).flatten()
    }

    /// What comes is the caller's to collect: it stays where it is.
    fn is_by_hand(&self) -> bool {
        self.session.owes_replies()
    }
}

/// How often what has arrived is taken in a row before others get their turn.
const TURNS: usize = 16;
