//! What the caller does in one run: a program of calls.

use crate::plan::{Act, Class, Plan};
use crate::rng::Rng;
use crate::stock;

/// One message to its recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tx {
    /// Its number in the stock; no other of the run has it.
    pub body: usize,
    /// The domain of each recipient.
    pub domains: Vec<usize>,
    pub source: Source,
    pub options: Vec<&'static str>,
    pub notify: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Owned,
    Borrowed,
    /// In two parts, cut at so many bytes.
    Parts(usize),
    Reader {
        /// What it announces differs from what it gives by so much; `None` announces nothing.
        announces: Option<i64>,
        step: usize,
        end: ReaderEnd,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderEnd {
    Whole,
    /// It fails at this byte.
    Fails(usize),
    /// It cancels the call at this byte and goes on.
    Cancels(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Closes what is open and connects.
    Connect,
    Send(Tx),
    Sendmail(Tx),
    Batch(Vec<Tx>),
    Submit(Tx),
    Flush,
    Noop,
    Rset,
    /// MAIL and RCPT by hand, a NOOP by `putcmd` and `getreply` behind them if `asks`, and DATA if
    /// `ends`.
    Hand {
        tx: Tx,
        asks: bool,
        ends: bool,
    },
    /// `putcmd` NOOP.
    Put,
    /// `getreply`, if one is owed.
    Get,
    /// A NOOP as bytes of the caller's own.
    Raw,
    Pipelining(bool),
    Chunking(bool),
    /// The audit callback acts once, at its n-th look at bytes from here on.
    Audit {
        nth: usize,
        forbids: bool,
    },
    /// The completion callback cancels whatever call it runs in.
    CancelInCompletion,
    Quit,
    Close,
}

impl Tx {
    pub fn sender(&self) -> String {
        format!("s.b{}@from.example", self.body)
    }

    pub fn recipient(&self, index: usize) -> String {
        format!("r{index}.b{}@d{}.example", self.body, self.domains[index])
    }

    pub fn recipients(&self) -> impl Iterator<Item = String> {
        (0..self.domains.len()).map(|index| self.recipient(index))
    }

    /// The message is what the stock has, announced as it is.
    pub fn is_sound(&self) -> bool {
        match self.source {
            Source::Reader { announces, end, .. } => {
                end == ReaderEnd::Whole && announces.is_none_or(|off| off == 0)
            }
            _ => true,
        }
    }
}

impl Op {
    pub fn transactions(&self) -> &[Tx] {
        match self {
            Op::Send(tx) | Op::Sendmail(tx) | Op::Submit(tx) | Op::Hand { tx, .. } => {
                std::slice::from_ref(tx)
            }
            Op::Batch(all) => all,
            _ => &[],
        }
    }

    pub fn transactions_mut(&mut self) -> &mut [Tx] {
        match self {
            Op::Send(tx) | Op::Sendmail(tx) | Op::Submit(tx) | Op::Hand { tx, .. } => {
                std::slice::from_mut(tx)
            }
            Op::Batch(all) => all,
            _ => &mut [],
        }
    }

    /// Nothing but mail, in the ways that mail is sent.
    pub fn is_tame(&self) -> bool {
        let plain = !matches!(
            self,
            Op::Hand { .. } | Op::Put | Op::Get | Op::Raw | Op::Audit { .. } | Op::Close
        );
        plain && *self != Op::CancelInCompletion && self.transactions().iter().all(Tx::is_sound)
    }
}

pub fn random(rng: &mut Rng, class: Class, plan: &Plan) -> Vec<Op> {
    let mut bodies: Vec<usize> = (0..stock::COUNT).collect();
    let mut make = Maker { wild: class == Class::Wild, large: plan_is_about_size(plan) };
    let mut ops = vec![Op::Connect];
    if plan.is_paced() {
        make.push_stream(rng, &mut bodies, &mut ops);
        return ops;
    }
    let count = if rng.percent(80) { rng.range(1, 5) } else { rng.range(5, 10) };
    for _ in 0..count {
        make.push(rng, &mut bodies, &mut ops);
    }
    if rng.percent(50) {
        ops.push(Op::Quit);
    }
    ops
}

/// Small messages say nothing about refusals in the midst of one.
fn plan_is_about_size(plan: &Plan) -> bool {
    plan.any(|act| matches!(act, Act::Early { .. } | Act::Contradict(_)))
}

struct Maker {
    wild: bool,
    large: bool,
}

impl Maker {
    fn push(&mut self, rng: &mut Rng, bodies: &mut Vec<usize>, ops: &mut Vec<Op>) {
        match rng.below(if self.wild { 34 } else { 20 }) {
            0..5 => ops.push(Op::Send(self.tx(rng, bodies))),
            5..8 => ops.push(Op::Sendmail(self.tx(rng, bodies))),
            8..12 => {
                let count = rng.range(2, 6);
                ops.push(Op::Batch((0..count).map(|_| self.tx(rng, bodies)).collect()));
            }
            12..16 => {
                for _ in 0..rng.range(1, 6) {
                    ops.push(Op::Submit(self.tx(rng, bodies)));
                }
                ops.push(match rng.below(4) {
                    0 => Op::Noop,
                    1 => Op::Rset,
                    2 => Op::Send(self.tx(rng, bodies)),
                    _ => Op::Flush,
                });
            }
            16 => ops.push(Op::Noop),
            17 => ops.push(Op::Rset),
            18 => ops.push(Op::Pipelining(rng.percent(50))),
            19 => ops.push(Op::Chunking(rng.percent(50))),
            20..23 => {
                let (asks, ends) = (rng.percent(30), rng.percent(60));
                ops.push(Op::Hand { tx: self.tx(rng, bodies), asks, ends });
            }
            23..25 => {
                ops.push(Op::Put);
                if rng.percent(60) {
                    ops.push(Op::Get);
                }
            }
            25 => ops.push(Op::Get),
            26 => {
                ops.push(Op::Raw);
                if rng.percent(60) {
                    ops.push(Op::Get);
                }
            }
            27..31 => ops.push(Op::Audit { nth: rng.below(6), forbids: rng.percent(70) }),
            31 => ops.push(Op::CancelInCompletion),
            32 => {
                // Connecting closes first, and gives back what was under way.
                ops.push(Op::Submit(self.tx(rng, bodies)));
                if rng.percent(50) {
                    ops.push(Op::CancelInCompletion);
                }
                ops.push(Op::Connect);
            }
            _ => ops.push(if rng.percent(50) { Op::Quit } else { Op::Close }),
        }
    }

    /// Eight messages, and any call that has to wait for them.
    fn push_stream(&mut self, rng: &mut Rng, bodies: &mut Vec<usize>, ops: &mut Vec<Op>) {
        for _ in 0..8 {
            ops.push(Op::Submit(self.tx(rng, bodies)));
        }
        ops.push(match rng.below(5) {
            0 => Op::Noop,
            1 => Op::Rset,
            2 => Op::Quit,
            3 => Op::Send(self.tx(rng, bodies)),
            _ => Op::Flush,
        });
    }

    fn tx(&self, rng: &mut Rng, bodies: &mut Vec<usize>) -> Tx {
        // Every byte costs time that another run could have.
        let sizes = match rng.below(100) {
            0..60 if self.large => stock::LARGE..stock::COUNT,
            0 => stock::LARGE..stock::COUNT,
            1..9 => stock::MEDIUM..stock::LARGE,
            _ => 0..stock::MEDIUM,
        };
        let fits = |body: &usize| sizes.contains(body);
        let candidates: Vec<usize> = bodies.iter().copied().filter(fits).collect();
        let body = if candidates.is_empty() { bodies[0] } else { rng.pick(&candidates) };
        bodies.retain(|one| *one != body);
        let count = if rng.percent(75) { rng.range(1, 3) } else { rng.range(3, 7) };
        let mut options = Vec::new();
        if rng.percent(12) {
            options.push(rng.pick(&["BODY=8BITMIME", "BODY=BINARYMIME", "SMTPUTF8", "RET=HDRS"]));
        }
        Tx {
            body,
            domains: (0..count).map(|_| rng.below(3)).collect(),
            source: self.source(rng, stock::stock(body).raw.len()),
            options,
            notify: rng.percent(5),
        }
    }

    fn source(&self, rng: &mut Rng, length: usize) -> Source {
        match rng.below(10) {
            0..3 => Source::Borrowed,
            3 => Source::Parts(rng.below(length)),
            4 => {
                let end = match rng.below(10) {
                    0 | 1 if self.wild => ReaderEnd::Fails(rng.below(length)),
                    2 if self.wild => ReaderEnd::Cancels(rng.below(length)),
                    _ => ReaderEnd::Whole,
                };
                let announces = match rng.below(10) {
                    0 if self.wild => Some(-(rng.range(1, 9) as i64)),
                    1 if self.wild => Some(rng.range(1, 9) as i64),
                    2..6 => Some(0),
                    _ => None,
                };
                let step = rng.pick(&[1000, 4096, 65_536, 1 << 20]);
                Source::Reader { announces, step, end }
            }
            _ => Source::Owned,
        }
    }
}
