//! Until when to wait. The session reads no clock: its driver says what time it is.

use std::time::{Duration, Instant};

use super::Session;

/// How long what is under way may take.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeLimit {
    /// The end of the operation as a whole.
    pub deadline: Option<Instant>,
    /// The time of each transaction: whenever one has come to its end, the next have so long.
    pub each: Option<Duration>,
    /// Every wait has the limit that RFC 5321 section 4.5.3.2 gives its phase.
    pub by_phase: bool,
}

/// When the present wait began, and what it is for.
#[derive(Default)]
pub(super) struct Clock {
    limit: TimeLimit,
    since: Option<Instant>,
    /// Replies, blocks of data and transactions when it began.
    replies: u64,
    blocks: u64,
    settled: u64,
}

/// How much of a body must go out within one phase's limit for the limit to start anew.
const DATA_BLOCK: u64 = 64 * 1024;

impl Session {
    /// An operation begins: its limit holds from now on.
    pub fn set_limit(&mut self, limit: TimeLimit) {
        self.clock = Clock { limit, settled: self.settled(), ..Clock::default() };
    }

    /// Until when to wait; `None` for ever. A wait begins with the operation, and anew with every
    /// reply and every block of data.
    pub fn poll_deadline(&mut self, now: Instant) -> Option<Instant> {
        let (replies, blocks) = (self.replies(), self.total_sent() / DATA_BLOCK);
        let settled = self.settled();
        let phase = self.phase();
        let clock = &mut self.clock;
        if clock.since.is_none() || (clock.replies, clock.blocks) != (replies, blocks) {
            clock.since = Some(now);
            (clock.replies, clock.blocks) = (replies, blocks);
        }
        if clock.settled != settled {
            clock.settled = settled;
            if let Some(each) = clock.limit.each {
                clock.limit.deadline = now.checked_add(each);
            }
        }
        let patience = clock.since.filter(|_| clock.limit.by_phase);
        let wait = patience.and_then(|since| since.checked_add(phase.patience()));
        match (clock.limit.deadline, wait) {
            (Some(operation), Some(wait)) => Some(operation.min(wait)),
            (operation, wait) => operation.or(wait),
        }
    }
}
