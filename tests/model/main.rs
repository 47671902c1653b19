//! A model of the server runs the client against random programs of calls, over real sockets,
//! and the verdict of every recipient is held against what the server really took.
//!
//! A seed decides the server's plan and the caller's program. A failure prints its seed and the
//! smallest script that still breaks the same rule. Environment:
//!
//! - `SMTPCLIENT_SEED=n` runs that seed alone and prints everything,
//! - `SMTPCLIENT_RUNS=n` and `SMTPCLIENT_SECONDS=n` run more than the suite does,
//! - `SMTPCLIENT_FIRST=n` begins with that seed instead of 0.

mod answer;
mod callbacks;
mod caller;
#[path = "../support/client.rs"]
#[allow(dead_code)]
mod client;
mod content;
mod host;
mod judge;
mod link;
mod plan;
mod program;
mod record;
mod report;
mod rng;
mod run;
mod server;
mod shrink;
mod stock;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use host::Host;
use judge::Fault;
use plan::{Class, Lie, Plan};
use program::Op;
use rng::Rng;
use run::Case;

/// How many runs the suite makes.
const RUNS: u64 = 20_000;

/// Runs at the same time; most wait for each other's threads, and some for a time limit.
const WORKERS: usize = 4;

/// No run takes longer, whatever its server does.
const WATCHDOG: Duration = Duration::from_secs(120);

/// Broken by a machine that is too busy as well: these must break twice more.
const BY_TIME: &[&str] = &["stuck", "late", "not served"];

/// How many rules are shown with their smallest script.
const SHOWN: usize = 12;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn host() -> Host {
    Host::new(Arc::new(Plan::random(&mut Rng::new(0), Class::Calm)))
}

#[test]
fn every_verdict_is_the_truth() {
    if let Some(seed) = number("SMTPCLIENT_SEED") {
        return show(seed);
    }
    let time = number("SMTPCLIENT_SECONDS").map(Duration::from_secs);
    let runs = number("SMTPCLIENT_RUNS").unwrap_or(if time.is_some() { u64::MAX } else { RUNS });
    let first = number("SMTPCLIENT_FIRST").unwrap_or(0);
    let since = Instant::now();
    let next = AtomicU64::new(0);
    let busy: Vec<Mutex<Option<(u64, Instant)>>> = (0..WORKERS).map(|_| Mutex::default()).collect();
    let failures: Mutex<Vec<(u64, Fault)>> = Mutex::default();
    let at_work = AtomicUsize::new(WORKERS);
    thread::scope(|scope| {
        for slot in &busy {
            scope.spawn(|| {
                let mut host = host();
                while time.is_none_or(|time| since.elapsed() < time) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= runs {
                        break;
                    }
                    let seed = first + index;
                    *slot.lock().expect("an unpoisoned lock") = Some((seed, Instant::now()));
                    if let Some(fault) = run_seed(seed, &mut host) {
                        failures.lock().expect("an unpoisoned lock").push((seed, fault));
                    }
                }
                *slot.lock().expect("an unpoisoned lock") = None;
                at_work.fetch_sub(1, Ordering::SeqCst);
            });
        }
        while at_work.load(Ordering::SeqCst) > 0 {
            thread::sleep(Duration::from_millis(20));
            busy.iter().for_each(check_alive);
        }
    });
    let done = next.load(Ordering::Relaxed).min(runs);
    println!("{done} runs in {:?}", since.elapsed());
    let failures = failures.into_inner().expect("an unpoisoned lock");
    assert!(failures.is_empty(), "{}", explain(failures, done));
}

fn run_seed(seed: u64, host: &mut Host) -> Option<Fault> {
    let case = Case::of(seed);
    let fault = case.run(host).0?;
    let again = |host: &mut Host| case.run(host).0.is_some_and(|other| other.rule == fault.rule);
    let by_time = BY_TIME.iter().any(|rule| fault.rule.starts_with(rule));
    (!by_time || (again(host) && again(host))).then_some(fault)
}

/// A run that hangs cannot be stopped from outside: the whole program ends, and says where.
fn check_alive(slot: &Mutex<Option<(u64, Instant)>>) {
    let Some((seed, since)) = *slot.lock().expect("an unpoisoned lock") else { return };
    if since.elapsed() > WATCHDOG {
        eprintln!("SMTPCLIENT_SEED={seed} hangs:\n{}", Case::of(seed));
        std::process::exit(101);
    }
}

/// One failure of each rule, made small.
fn explain(failures: Vec<(u64, Fault)>, runs: u64) -> String {
    let mut rules: BTreeMap<&str, Vec<(u64, String)>> = BTreeMap::new();
    for (seed, fault) in failures {
        rules.entry(fault.rule).or_default().push((seed, fault.text));
    }
    let mut text = String::new();
    for (rule, list) in &rules {
        let seeds: Vec<u64> = list.iter().map(|(seed, _)| *seed).take(8).collect();
        text += &format!("\n{} of {runs} runs: {rule}; seeds {seeds:?}", list.len());
    }
    for (rule, list) in rules.iter().take(SHOWN) {
        let (seed, what) = &list[0];
        text += &format!("\n\n== {rule} (SMTPCLIENT_SEED={seed})\n{what:.600}\n");
        let mut host = host();
        let small = shrink::shrink(&Case::of(*seed), rule, &mut host);
        text += &format!("{small}");
        let seen = (0..8).map(|_| small.run(&mut host)).find(|(fault, _)| fault.is_some());
        if let Some((Some(fault), trace)) = seen {
            text += &format!("{}: {:.600}\n{trace}", fault.rule, fault.text);
        }
    }
    text
}

fn show(seed: u64) {
    let mut host = host();
    let case = Case::of(seed);
    println!("{case}");
    if let Some(fault) = (0..4).find_map(|_| case.run(&mut host).0) {
        panic!("{}", explain(vec![(seed, fault)], 1));
    }
}

/// A judge that finds nothing must be one that would: servers that lie are seen.
#[test]
fn a_lie_is_seen() {
    let mut host = host();
    for (lie, rules) in [
        (Lie::Loses, &["accepted and missing"][..]),
        (Lie::Doubles, &["taken twice"]),
        (Lie::KeepsRefused, &["refused and taken", "not tried and taken"]),
        (Lie::Misdelivers, &["shifted envelope"]),
        (Lie::Cuts, &["cut message"]),
    ] {
        let mut seen = 0;
        for seed in 0..300 {
            let mut case = Case::of(seed);
            case.plan.lie = Some(lie);
            // Where nothing else goes wrong, nothing else takes time.
            if case.plan.keeps_connection() && case.program.iter().all(Op::is_tame) {
                let fault = case.run(&mut host).0;
                seen += usize::from(fault.is_some_and(|fault| rules.contains(&fault.rule)));
            }
        }
        assert!(seen >= 5, "{lie:?} was seen {seen} times");
    }
}

/// The same seed is the same run: what a failure prints can be run again.
#[test]
fn a_seed_decides() {
    for seed in 0..200 {
        assert_eq!(Case::of(seed).to_string(), Case::of(seed).to_string());
    }
    let distinct: std::collections::HashSet<_> =
        (0..200).map(|n| Case::of(n).to_string()).collect();
    assert_eq!(distinct.len(), 200);
}
