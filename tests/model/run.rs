//! One run: a plan and a program from a seed, client against server, and the judgement.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::caller::{Caller, Told};
use crate::client::Way;
use crate::host::Host;
use crate::judge::{Fault, Judge};
use crate::plan::{Act, Class, Plan};
use crate::program::{self, Op};
use crate::record::Visit;
use crate::rng::Rng;

#[derive(Clone)]
pub struct Case {
    pub plan: Plan,
    pub program: Vec<Op>,
}

/// What a run has shown, for printing.
#[derive(Default)]
pub struct Trace {
    pub calls: Vec<String>,
    pub connections: Vec<Vec<String>>,
}

impl Case {
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let class = match rng.below(20) {
            0..4 => Class::Calm,
            4..10 => Class::Refusing,
            10..15 => Class::Losing,
            _ => Class::Wild,
        };
        let mut plan = Plan::random(&mut rng, class);
        let program = program::random(&mut rng, class, &plan);
        let streams = program.iter().any(|op| matches!(op, Op::Submit(_)));
        // A cancel finds a call that waits, unless the call is one that does not wait.
        if plan.stalls() && !streams && !plan.any(|act| act == Act::Stall) {
            plan.limit_ms = crate::plan::LONG_MS;
        }
        plan.way = rng.pick(&[Way::Waiting, Way::Waiting, Way::AtReadiness, Way::AtRandom]);
        Case { plan, program }
    }

    pub fn run(&self, host: &mut Host) -> (Option<Fault>, Trace) {
        host.set_plan(Arc::new(self.plan.clone()));
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let told = Caller::new(&self.plan, host).run(&self.program);
            let visits = host.visits(told.connections);
            let judge =
                Judge { plan: &self.plan, program: &self.program, told: &told, visits: &visits };
            let fault = judge.judge().err();
            let trace = if fault.is_some() { trace(&told, &visits) } else { Trace::default() };
            (fault, trace)
        }));
        caught.unwrap_or_else(|panic| {
            // The server thread may still be busy with this one.
            *host = Host::new(Arc::new(self.plan.clone()));
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            (Some(Fault { rule: "panic", text: text.unwrap_or_default() }), Trace::default())
        })
    }
}

fn trace(told: &Told, visits: &[Visit]) -> Trace {
    let mut calls: Vec<String> = Vec::new();
    for (index, call) in told.calls.iter().enumerate() {
        calls.push(format!("call {index}: {:?} ({:?})", call.error, call.took));
        for report in told.reports.iter().filter(|report| report.call == index) {
            calls.push(format!("    message {}: {:?}", report.body, report.error));
            for verdict in &report.verdicts {
                calls.push(format!(
                    "        {:?} {} {:?} <{}>",
                    verdict.said, verdict.code, verdict.text, verdict.address
                ));
            }
        }
    }
    let connections = visits.iter().map(|visit| visit.transcript.clone()).collect();
    Trace { calls, connections }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.plan;
        writeln!(f, "server: {}", if plan.lmtp { "LMTP" } else { "SMTP" })?;
        writeln!(f, "  {:?}", plan.offers)?;
        writeln!(f, "  {:?}", plan.habits)?;
        for fault in &plan.faults {
            writeln!(
                f,
                "  connection {}: {:?} number {}: {:?}",
                fault.connection, fault.place, fault.nth, fault.act
            )?;
        }
        let link = if plan.tcp { "TCP" } else { "a socket pair" };
        let small = if plan.small_buffers { ", small buffers" } else { "" };
        writeln!(f, "  over {link}{small}; time limit {} ms", plan.limit_ms)?;
        writeln!(f, "client:")?;
        for (index, op) in self.program.iter().enumerate() {
            writeln!(f, "  {index}: {op:?}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.calls {
            writeln!(f, "  {line}")?;
        }
        for (index, lines) in self.connections.iter().enumerate() {
            writeln!(f, "connection {index}:")?;
            for line in lines {
                let shown: String = line.chars().take(120).collect();
                writeln!(f, "  {shown}")?;
            }
        }
        Ok(())
    }
}
