//! Makes a failing run small: whatever can be left out without losing the fault goes.

use std::time::{Duration, Instant};

use crate::host::Host;
use crate::plan::{Habits, Offers};
use crate::program::{Op, Source};
use crate::run::Case;
use crate::stock;

/// How long one run is worked on.
const PATIENCE: Duration = Duration::from_secs(10);

/// What two threads do is not the same every time.
const TRIES: usize = 4;

/// The smallest case found that breaks the same rule.
pub fn shrink(case: &Case, rule: &str, host: &mut Host) -> Case {
    let since = Instant::now();
    let mut best = case.clone();
    let mut at = 0;
    loop {
        let candidates = smaller(&best);
        let mut found = false;
        // Goes on where it was: what did not help before will hardly help now.
        for step in 0..candidates.len() {
            let index = (at + step) % candidates.len();
            if since.elapsed() > PATIENCE {
                return best;
            }
            if breaks(&candidates[index], rule, host) {
                best = candidates[index].clone();
                at = index;
                found = true;
                break;
            }
        }
        if !found {
            return best;
        }
    }
}

pub fn breaks(case: &Case, rule: &str, host: &mut Host) -> bool {
    (0..TRIES).any(|_| case.run(host).0.is_some_and(|fault| fault.rule == rule))
}

fn smaller(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut other = case.clone();
        change(&mut other);
        all.push(other);
    };
    for index in (1..case.program.len()).rev() {
        with(&|case| {
            case.program.remove(index);
        });
    }
    for index in 0..case.plan.faults.len() {
        with(&|case| {
            case.plan.faults.remove(index);
        });
    }
    for (index, op) in case.program.iter().enumerate() {
        if let Op::Batch(list) = op {
            for one in 0..list.len() {
                with(&|case| {
                    if let Op::Batch(list) = &mut case.program[index] {
                        list.remove(one);
                    }
                });
            }
        }
        for (place, tx) in op.transactions().iter().enumerate() {
            if tx.domains.len() > 1 {
                with(&|case| {
                    case.program[index].transactions_mut()[place].domains.pop();
                });
            }
            let plain = (0..tx.body).find(|body| is_unused(case, *body) && *body < stock::MEDIUM);
            if let Some(body) = plain {
                with(&|case| case.program[index].transactions_mut()[place].body = body);
            }
            with(&|case| case.program[index].transactions_mut()[place].options.clear());
            with(&|case| case.program[index].transactions_mut()[place].notify = false);
            with(&|case| case.program[index].transactions_mut()[place].source = Source::Owned);
        }
    }
    for index in 0..case.plan.faults.len() {
        with(&|case| case.plan.faults[index].nth /= 2);
        with(&|case| {
            case.plan.faults[index].nth = case.plan.faults[index].nth.saturating_sub(1);
        });
    }
    for change in PLAINER_HABITS {
        with(&|case| change(&mut case.plan.habits));
    }
    for change in FEWER_OFFERS {
        with(&|case| change(&mut case.plan.offers));
    }
    with(&|case| case.plan.tcp = false);
    with(&|case| case.plan.small_buffers = false);
    with(&|case| case.plan.lmtp = false);
    let whole = format!("{case}");
    all.retain(|other| format!("{other}") != whole);
    all
}

fn is_unused(case: &Case, body: usize) -> bool {
    body < stock::COUNT
        && case.program.iter().flat_map(Op::transactions).all(|other| other.body != body)
}

const PLAINER_HABITS: &[fn(&mut Habits)] = &[
    |habits| *habits = Habits::default(),
    |habits| habits.keeps_failed = false,
    |habits| habits.haraka = None,
    |habits| habits.exim = false,
    |habits| habits.always_354 = false,
    |habits| habits.lazy = false,
    |habits| habits.long_replies = false,
    |habits| habits.piece = 0,
    |habits| habits.final_ms = 0,
];

const FEWER_OFFERS: &[fn(&mut Offers)] = &[
    |offers| offers.pipelining = false,
    |offers| {
        offers.chunking = false;
        offers.binary = false;
    },
    |offers| offers.size = None,
    |offers| offers.eight_bit = false,
    |offers| offers.binary = false,
    |offers| offers.utf8 = false,
    |offers| offers.dsn = false,
    |offers| offers.mail_max = None,
    |offers| offers.rcpt_max = None,
    |offers| offers.domain_max = None,
    |offers| offers.helo_only = false,
];
