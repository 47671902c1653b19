//! What the server of one run is like: what it offers, its habits, and where it goes wrong.

use crate::client::Way;
use crate::rng::Rng;

#[derive(Clone, Debug)]
pub struct Plan {
    pub lmtp: bool,
    pub offers: Offers,
    pub habits: Habits,
    pub faults: Vec<Fault>,
    /// TCP over the loopback interface instead of a socket pair.
    pub tcp: bool,
    /// The smallest socket buffers the system grants, on both sides.
    pub small_buffers: bool,
    /// The client's time limit for a call, or a transaction in a stream.
    pub limit_ms: u64,
    /// How the client is driven.
    pub way: Way,
    /// What makes the server a liar: only for showing that the judge sees it.
    pub lie: Option<Lie>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    pub pipelining: bool,
    pub chunking: bool,
    pub size: Option<usize>,
    pub eight_bit: bool,
    pub binary: bool,
    pub utf8: bool,
    pub dsn: bool,
    pub mail_max: Option<usize>,
    pub rcpt_max: Option<usize>,
    pub domain_max: Option<usize>,
    /// EHLO is refused: HELO alone (RFC 5321 section 3.2).
    pub helo_only: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// A transaction that failed stays until RSET, its recipients with it (as Postfix keeps one
    /// whose SIZE it refused).
    pub keeps_failed: bool,
    /// What arrived behind the end of data before that was answered is refused with 503.
    pub haraka: Option<Haraka>,
    /// The eleventh RSET closes, but for the first one behind each accepted message.
    pub exim: bool,
    /// DATA is answered 354 though every recipient was refused (RFC 2920 section 3.1).
    pub always_354: bool,
    /// Replies are gathered until there is nothing left to read.
    pub lazy: bool,
    /// Replies of two lines.
    pub long_replies: bool,
    /// Replies go out in pieces of so many bytes.
    pub piece: usize,
    /// How long the reply to each message takes.
    pub final_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haraka {
    /// The first command alone.
    First,
    /// All that had arrived.
    Group,
}

/// `act` at the `nth` (from 0) of `place` on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub connection: usize,
    pub place: Place,
    pub nth: usize,
    pub act: Act,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Greeting,
    Hello,
    Mail,
    Rcpt,
    Data,
    Chunk,
    /// The reply to a message; in LMTP to one recipient of it.
    Final,
    Reset,
    Other,
    /// The n-th byte from the client.
    Input,
    /// The n-th byte to the client.
    Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Refuse(u16),
    RefuseAndClose(u16),
    /// Without a reply; drained: what the client still sends is read.
    Close {
        drained: bool,
    },
    /// Done, and the connection closed before the reply.
    DoneAndClose,
    /// The command is obeyed, the connection closed in the midst of its reply.
    CutReply(usize),
    /// Nothing is ever said again.
    Stall,
    Slow(u64),
    /// A reply too many, in one piece with the right one.
    Extra(u16),
    /// Refused in the midst of the body.
    Early {
        at: usize,
        code: u16,
        then: Then,
    },
    /// A chunk that is not the last is refused and kept all the same.
    Contradict(u16),
    /// BDAT is refused, and its chunk read as commands.
    AsCommands(u16),
    /// The client's call is cancelled when the command arrives.
    Cancel {
        stall: bool,
    },
}

/// What follows an early refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The connection stays: behind DATA in command mode, behind BDAT with the rest of the chunk.
    Stays,
    HangsUp,
    /// Nothing is said any more, and what still comes is read.
    Drains,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// What was accepted is thrown away.
    Loses,
    /// It is kept twice.
    Doubles,
    /// What was refused is kept.
    KeepsRefused,
    /// It goes to the wrong recipient.
    Misdelivers,
    /// Half of it is kept.
    Cuts,
}

/// What may go wrong in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nothing.
    Calm,
    /// Refusals; the connection stays.
    Refusing,
    /// The connection is lost, replies are late, missing or too many.
    Losing,
    /// The server as before, and the caller does all that callers do.
    Wild,
}

impl Plan {
    pub fn random(rng: &mut Rng, class: Class) -> Self {
        let lmtp = rng.percent(20);
        let tcp = rng.percent(15);
        let mut plan = Plan {
            lmtp,
            offers: offers(rng, lmtp),
            habits: habits(rng),
            faults: Vec::new(),
            tcp,
            // TCP with such buffers waits for its own timers.
            small_buffers: !tcp && rng.percent(25),
            limit_ms: LONG_MS,
            way: Way::Waiting,
            lie: None,
        };
        match class {
            Class::Calm if rng.percent(1) => plan.pace(),
            Class::Calm => {}
            Class::Refusing => {
                for _ in 0..rng.range(1, 4) {
                    plan.faults.push(refusal(rng));
                }
            }
            Class::Losing => {
                for _ in 0..rng.below(3) {
                    plan.faults.push(refusal(rng));
                }
                for _ in 0..rng.range(1, 2) {
                    plan.add_loss(rng);
                }
            }
            Class::Wild => {
                for _ in 0..rng.below(3) {
                    plan.faults.push(refusal(rng));
                }
                if rng.percent(40) {
                    plan.add_loss(rng);
                }
                if rng.percent(30) {
                    let place = rng.pick(&[Place::Mail, Place::Rcpt, Place::Data, Place::Final]);
                    let act = Act::Cancel { stall: rng.percent(50) };
                    plan.faults.push(fault(rng, place, act));
                }
            }
        }
        if plan.stalls() {
            plan.limit_ms = rng.range(10, 40) as u64;
        }
        plan
    }

    /// Every message takes its time, and several of them more than the limit of one.
    fn pace(&mut self) {
        self.offers = Offers { pipelining: true, chunking: true, ..Offers::default() };
        self.habits.final_ms = 30;
        self.limit_ms = 170;
    }

    pub fn is_paced(&self) -> bool {
        self.habits.final_ms > 0
    }

    fn add_loss(&mut self, rng: &mut Rng) {
        let place = rng.pick(&[
            Place::Greeting,
            Place::Hello,
            Place::Mail,
            Place::Rcpt,
            Place::Rcpt,
            Place::Data,
            Place::Chunk,
            Place::Final,
            Place::Final,
            Place::Final,
            Place::Reset,
            Place::Other,
        ]);
        let drained = rng.percent(50);
        let loss = match rng.below(22) {
            0..3 => {
                let nth = if rng.percent(50) { rng.below(400) } else { rng.below(30_000) };
                let act = Act::Close { drained };
                return self.faults.push(Fault {
                    connection: rng.below(2),
                    place: Place::Input,
                    nth,
                    act,
                });
            }
            3..5 => {
                let (nth, act) = (rng.below(900), Act::Close { drained });
                return self.faults.push(Fault {
                    connection: rng.below(2),
                    place: Place::Output,
                    nth,
                    act,
                });
            }
            5..9 => Act::RefuseAndClose(rng.pick(&[421, 421, 521, 550, 451, 554, 571])),
            9 => Act::Close { drained },
            10 => Act::DoneAndClose,
            11 => Act::CutReply(rng.below(30)),
            12 => Act::Stall,
            13 => Act::Slow(rng.range(1, 4) as u64),
            14 => Act::RefuseAndClose(521),
            // In the midst of LMTP's replies to one message it would be the next recipient's.
            15 if !(self.offers.pipelining || self.lmtp && place == Place::Final) => {
                Act::Extra(rng.pick(&[250, 354, 550, 421]))
            }
            15..18 if !self.tcp => {
                self.small_buffers = true;
                let place = if self.offers.chunking { Place::Chunk } else { Place::Data };
                let (at, code) = (rng.below(8000), rng.pick(&[552, 451, 571]));
                let then = rng.pick(&[Then::Stays, Then::Stays, Then::HangsUp, Then::Drains]);
                let act = Act::Early { at, code, then };
                let fault = fault(rng, place, act);
                return self.faults.push(Fault { nth: fault.nth.min(1), ..fault });
            }
            18 if self.offers.chunking => {
                let act = Act::Contradict(rng.pick(&[452, 552]));
                return self.faults.push(Fault { nth: 0, ..fault(rng, Place::Chunk, act) });
            }
            18..20 if self.offers.chunking => {
                let act = Act::AsCommands(rng.pick(&[500, 502, 503]));
                let fault = fault(rng, Place::Chunk, act);
                return self.faults.push(Fault { nth: fault.nth.min(1), ..fault });
            }
            _ => Act::RefuseAndClose(421),
        };
        let loss = fault(rng, place, loss);
        let first = matches!(place, Place::Greeting | Place::Hello);
        self.faults.push(Fault { nth: if first { 0 } else { loss.nth }, ..loss });
    }

    /// Some reply never comes: only the time limit, or a cancel, ends the call.
    pub fn stalls(&self) -> bool {
        self.any(|act| matches!(act, Act::Stall | Act::Cancel { stall: true }))
    }

    pub fn any(&self, is: impl Fn(Act) -> bool) -> bool {
        self.faults.iter().any(|fault| is(fault.act))
    }

    /// A reply too many behind 354 is the refusal of a message that has not begun.
    pub fn refuses_behind_354(&self) -> bool {
        let extra =
            |fault: &Fault| fault.place == Place::Data && matches!(fault.act, Act::Extra(400..));
        self.faults.iter().any(extra)
    }

    /// The connection stays, and every reply comes in its turn: whatever is not delivered was
    /// refused.
    pub fn keeps_connection(&self) -> bool {
        (self.limit_ms == LONG_MS || self.is_paced())
            && self.faults.iter().all(|fault| match fault.act {
                Act::Refuse(code) => {
                    code != 421 && code != 521 && !matches!(fault.place, Place::Hello)
                }
                Act::Slow(_) => true,
                _ => false,
            })
    }
}

/// Long enough for anything that is not stuck, on a busy machine.
pub const LONG_MS: u64 = 1500;

fn offers(rng: &mut Rng, lmtp: bool) -> Offers {
    let maybe = |rng: &mut Rng, chance, from, to| rng.percent(chance).then(|| rng.range(from, to));
    let pipelining = rng.percent(70);
    let chunking = rng.percent(50);
    let binary = chunking && rng.percent(50);
    if !lmtp && rng.percent(3) {
        return Offers { helo_only: true, ..Offers::default() };
    }
    Offers {
        pipelining,
        chunking,
        size: if rng.percent(30) { Some(0) } else { maybe(rng, 12, 400, 60_000) },
        eight_bit: binary || rng.percent(70),
        binary,
        utf8: rng.percent(50),
        dsn: rng.percent(50),
        mail_max: maybe(rng, 6, 1, 4),
        rcpt_max: maybe(rng, 10, 1, 3),
        domain_max: maybe(rng, 6, 1, 2),
        helo_only: false,
    }
}

fn habits(rng: &mut Rng) -> Habits {
    let haraka = rng.percent(12).then(|| rng.pick(&[Haraka::First, Haraka::Group]));
    Habits {
        // Who refuses RSET and keeps what failed cannot be used in a pipeline at all.
        keeps_failed: haraka.is_none() && rng.percent(35),
        haraka,
        exim: rng.percent(12),
        always_354: rng.percent(40),
        lazy: rng.percent(40),
        long_replies: rng.percent(15),
        piece: if rng.percent(10) { rng.range(6, 60) } else { 0 },
        final_ms: 0,
    }
}

fn refusal(rng: &mut Rng) -> Fault {
    let place = rng.pick(&[
        Place::Mail,
        Place::Rcpt,
        Place::Rcpt,
        Place::Rcpt,
        Place::Data,
        Place::Chunk,
        Place::Final,
        Place::Final,
    ]);
    // 503 to BDAT is what a server says that does not know it.
    let sequence = if matches!(place, Place::Chunk | Place::Final) { 554 } else { 503 };
    let code = rng.pick(&[450, 451, 452, 550, 552, 553, 554, 571, 499, 599, sequence]);
    fault(rng, place, Act::Refuse(code))
}

fn fault(rng: &mut Rng, place: Place, act: Act) -> Fault {
    let nth = if rng.percent(70) { rng.below(3) } else { rng.below(9) };
    Fault { connection: usize::from(rng.percent(10)), place, nth, act }
}
