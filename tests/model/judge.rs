//! Holds what the client said against what the server did.

use std::collections::HashMap;
use std::time::Duration;

use smtpclient::error::ErrorKind;

use crate::caller::Told;
use crate::plan::{Act, LONG_MS, Place, Plan};
use crate::program::{Op, Source, Tx};
use crate::record::Visit;
use crate::report::{Report, Said};
use crate::stock;

/// A rule that was broken, and how.
#[derive(Debug)]
pub struct Fault {
    pub rule: &'static str,
    pub text: String,
}

type Verdict = Result<(), Fault>;

fn broken(rule: &'static str, text: String) -> Verdict {
    Err(Fault { rule, text })
}

pub struct Judge<'a> {
    pub plan: &'a Plan,
    pub program: &'a [Op],
    pub told: &'a Told,
    pub visits: &'a [Visit],
}

impl Judge<'_> {
    pub fn judge(&self) -> Verdict {
        self.deliveries()?;
        self.recipients()?;
        self.completeness()?;
        for report in &self.told.reports {
            self.consistency(report)?;
            self.attribution(report)?;
            self.unknown(report)?;
            self.last_words(report)?;
        }
        self.protocol()?;
        self.calls()?;
        self.service()
    }

    fn txs(&self) -> impl Iterator<Item = &Tx> {
        self.program.iter().flat_map(Op::transactions)
    }

    fn tx(&self, body: usize) -> &Tx {
        self.txs().find(|tx| tx.body == body).expect("a message of the program")
    }

    /// The server never takes what nobody sent: empty, cut, or to the wrong people.
    fn deliveries(&self) -> Verdict {
        for visit in self.visits {
            for delivery in &visit.deliveries {
                let Some(body) = delivery.body else {
                    if visit.confused {
                        continue;
                    }
                    let rule = if delivery.length == 0 { "empty message" } else { "cut message" };
                    return broken(rule, format!("{delivery:?}"));
                };
                if !delivery.whole {
                    return broken("cut message", format!("{delivery:?}"));
                }
                let tx = self.tx(body);
                let meant = |path: &String| tx.recipients().any(|one| one == *path);
                if delivery.sender != tx.sender() || !delivery.recipients.iter().all(meant) {
                    return broken("shifted envelope", format!("{delivery:?}"));
                }
            }
        }
        Ok(())
    }

    /// The verdict of every recipient is what became of him.
    fn recipients(&self) -> Verdict {
        let mut taken: HashMap<&str, usize> = HashMap::new();
        for visit in self.visits {
            for path in visit.deliveries.iter().flat_map(|delivery| &delivery.recipients) {
                *taken.entry(path).or_default() += 1;
            }
        }
        for report in &self.told.reports {
            for verdict in &report.verdicts {
                let times = taken.get(verdict.address.as_str()).copied().unwrap_or(0);
                let rule = match (verdict.said, times) {
                    (_, 2..) => "taken twice",
                    (Said::Refused, 1) if self.is_unsaid(report, verdict.code) => continue,
                    (Said::Accepted, 0) => "accepted and missing",
                    (Said::Refused, 1) => "refused and taken",
                    (Said::NotTried | Said::NotTaken, 1) => "not tried and taken",
                    _ => continue,
                };
                return broken(rule, format!("<{}>: {verdict:?}, {report:?}", verdict.address));
            }
        }
        Ok(())
    }

    /// Every transaction comes back once, those of a stream in their order.
    fn completeness(&self) -> Verdict {
        let mut expected = Vec::new();
        for (call, op) in self.program.iter().enumerate() {
            if !matches!(op, Op::Submit(_) | Op::Hand { .. }) {
                expected.extend(op.transactions().iter().map(|tx| (call, tx.body)));
            }
        }
        let is_submitted = |report: &&Report| self.told.submitted.contains(&report.body);
        let reports = &self.told.reports;
        let streamed: Vec<usize> = reports.iter().filter(is_submitted).map(|r| r.body).collect();
        if streamed != self.told.submitted {
            let text = format!("submitted {:?}, completed {streamed:?}", self.told.submitted);
            let mut sorted = [streamed, self.told.submitted.clone()];
            sorted.iter_mut().for_each(|list| list.sort_unstable());
            let rule =
                if sorted[0] == sorted[1] { "completed out of order" } else { "lost or doubled" };
            return broken(rule, text);
        }
        let by_hand =
            |report: &&Report| matches!(self.program.get(report.call), Some(Op::Hand { .. }));
        let seen = reports.iter().filter(|report| !is_submitted(report) && !by_hand(report));
        let seen: Vec<_> = seen.map(|report| (report.call, report.body)).collect();
        if seen != expected {
            return broken("lost or doubled", format!("sent {expected:?}, came back {seen:?}"));
        }
        for report in reports.iter().filter(|report| report.transaction) {
            let addresses = report.verdicts.iter().map(|verdict| &verdict.address);
            if !addresses.eq(&self.tx(report.body).recipients().collect::<Vec<_>>()) {
                return broken("recipients changed", format!("{report:?}"));
            }
        }
        Ok(())
    }

    /// Status, recipients and codes say the same.
    fn consistency(&self, report: &Report) -> Verdict {
        let any = |said| report.verdicts.iter().any(|verdict| verdict.said == said);
        let kind = report.error.as_ref().map(|(kind, _)| *kind);
        let (accepted, unknown) = (any(Said::Accepted), any(Said::Unknown));
        let wrong = report.transaction
            && match kind {
                None => !accepted || unknown,
                Some(ErrorKind::OutcomeUnknown) => !unknown,
                Some(ErrorKind::SenderRefused | ErrorKind::RecipientsRefused | ErrorKind::Data) => {
                    accepted || unknown
                }
                Some(_) => false,
            };
        if wrong {
            return broken("status contradicts recipients", format!("{report:?}"));
        }
        for verdict in &report.verdicts {
            let wrong = match verdict.said {
                Said::Refused => !(400..600).contains(&verdict.code),
                Said::Accepted if report.transaction => !(200..300).contains(&verdict.code),
                _ => false,
            };
            if wrong {
                return broken("code contradicts status", format!("{report:?}"));
            }
        }
        Ok(())
    }

    /// The reply that decided for a recipient is his, or his message's.
    fn attribution(&self, report: &Report) -> Verdict {
        if self.visits.iter().any(|visit| visit.confused) {
            return Ok(());
        }
        let message = format!(".b{}@", report.body);
        for verdict in &report.verdicts {
            let decided = match verdict.said {
                Said::Refused | Said::Accepted => verdict.code != 0 && !verdict.text.is_empty(),
                _ => false,
            };
            let own = verdict.text.contains(&message)
                && (!self.plan.lmtp
                    || verdict.said != Said::Accepted
                    || verdict.text.contains(&verdict.address));
            // The farewell of a server that has had enough answers whatever comes next.
            let may = matches!(verdict.code, 421 | 521) || self.plan.refuses_behind_354();
            let farewell = may && verdict.text.starts_with(stock::EXTRA);
            if decided && !own && !farewell {
                return broken("another's reply", format!("{verdict:?} in {report:?}"));
            }
        }
        Ok(())
    }

    /// A fate is unknown only where the message was handed over and the connection lost.
    fn unknown(&self, report: &Report) -> Verdict {
        if report.verdicts.iter().all(|verdict| verdict.said != Said::Unknown) {
            return Ok(());
        }
        let later = self.told.calls.iter().zip(self.program).skip(report.call + 1);
        let answered = later.filter(|(call, op)| {
            let waits = matches!(op, Op::Noop | Op::Rset | Op::Send(_) | Op::Sendmail(_));
            waits && call.connection == report.connection && call.error.is_none()
        });
        let probed = self.told.probe == Some(true) && self.told.connections == report.connection;
        // Unless the server said both.
        let contradicts = self.plan.any(|act| matches!(act, Act::Contradict(_)));
        if (probed || answered.count() > 0) && !contradicts {
            return broken("unknown on a living connection", format!("{report:?}"));
        }
        let Some(visit) = self.visits.get(report.connection.wrapping_sub(1)) else {
            return broken("unknown without a connection", format!("{report:?}"));
        };
        let end = stock::last_words(report.body);
        if visit.complete
            && !visit.confused
            && memchr::memmem::find(&visit.log, end.as_bytes()).is_none()
        {
            return broken("unknown and not handed over", format!("{report:?}"));
        }
        Ok(())
    }

    /// What the server said before it closed decides (RFC 7504, RFC 5321 section 3.8): behind a
    /// 421 or 521 nothing was looked at, and who refuses a message early has refused it.
    fn last_words(&self, report: &Report) -> Verdict {
        let Some(visit) = self.visits.get(report.connection.wrapping_sub(1)) else { return Ok(()) };
        // Who closes of his own accord does not wait for what the server has to say.
        let closes = matches!(self.program.get(report.call), Some(Op::Connect | Op::Close));
        if self.is_interrupted() || !report.transaction || closes || visit.confused {
            return Ok(());
        }
        let contradicts = self.plan.any(|act| matches!(act, Act::Contradict(_)));
        let unknown =
            !contradicts && report.verdicts.iter().any(|verdict| verdict.said == Said::Unknown);
        let ends = |code| code == 421 || code == 521 || (code == 554 && self.plan.habits.exim);
        let said_so = |code| ends(code) && !self.plan.any(|act| act == Act::RefuseAndClose(554));
        match visit.closing {
            Some((code, false)) if unknown && said_so(code) => {
                return broken("unknown behind a 421", format!("{code}: {report:?}"));
            }
            _ => {}
        }
        // LMTP's one reply for all of several recipients passes for that of the first.
        let one = !self.plan.lmtp || report.verdicts.len() == 1;
        let sender = self.tx(report.body).sender();
        let early = visit.early.iter().find(|(refused, _)| one && *refused == sender);
        // A chunk before it may have been refused already: what failed first decides.
        let before = self.plan.any(|act| act == Act::Contradict(report.reply_code));
        match early {
            Some((_, code)) if unknown || (report.reply_code != *code && !before) => {
                broken("early refusal is not told", format!("{code}: {report:?}"))
            }
            _ => Ok(()),
        }
    }

    /// A server that refuses a chunk, takes the message all the same and is not heard saying so.
    fn is_unsaid(&self, report: &Report, code: u16) -> bool {
        let visit = self.visits.get(report.connection.wrapping_sub(1));
        self.plan.any(|act| act == Act::Contradict(code))
            && (visit.is_some_and(|visit| visit.unsaid) || self.is_interrupted())
    }

    /// The caller, a time limit or a cut may end a call before the server is heard.
    fn is_interrupted(&self) -> bool {
        let interrupts = |op: &Op| {
            matches!(op, Op::Audit { .. } | Op::CancelInCompletion | Op::Close | Op::Raw)
                || !op.transactions().iter().all(Tx::is_sound)
        };
        let cuts = |fault: &crate::plan::Fault| {
            matches!(fault.place, Place::Input | Place::Output)
                || matches!(fault.act, Act::Cancel { .. } | Act::Extra(_))
        };
        self.plan.limit_ms < LONG_MS
            || self.plan.faults.iter().any(cuts)
            || self.program.iter().any(interrupts)
    }

    /// The client kept to the RFCs and to what the server offers.
    fn protocol(&self) -> Verdict {
        let own = self.program.iter().any(|op| matches!(op, Op::Put | Op::Raw));
        let by_hand = self.program.iter().filter(|op| matches!(op, Op::Hand { .. }));
        let by_hand: Vec<String> =
            by_hand.flat_map(Op::transactions).map(|tx| format!("<{}>", tx.sender())).collect();
        for what in self.visits.iter().flat_map(|visit| &visit.violations) {
            // The caller's own commands are his own affair.
            let own = (own && what.starts_with("commands in a group"))
                || by_hand.iter().any(|sender| what.contains(sender));
            if !own {
                let rule = match what.split(' ').next() {
                    Some("a") => "body or line end",
                    Some("commands") => "grouping",
                    Some("more") => "LIMITS",
                    Some("the") => "goes on after an early refusal",
                    _ => "option",
                };
                return broken(rule, what.clone());
            }
        }
        Ok(())
    }

    fn calls(&self) -> Verdict {
        let most = Duration::from_millis(self.plan.limit_ms) * (self.txs().count() as u32 + 2);
        let late = |error: Option<&(ErrorKind, String)>| {
            let waited = |(_, text): &(ErrorKind, String)| text.contains("the time limit passed");
            let early_for_all =
                self.plan.lmtp && self.plan.any(|act| matches!(act, Act::Early { .. }));
            self.plan.limit_ms == LONG_MS && !early_for_all && error.is_some_and(waited)
        };
        if let Some(report) = self.told.reports.iter().find(|one| late(one.error.as_ref())) {
            return broken("stuck", format!("{report:?}"));
        }
        for (call, op) in self.told.calls.iter().zip(self.program) {
            if call.took > most + Duration::from_secs(4) {
                return broken("late", format!("{op:?} took {:?}: {:?}", call.took, call.error));
            }
            if late(call.error.as_ref()) {
                return broken("stuck", format!("{op:?}: {:?}", call.error));
            }
            // Whatever the closing does, the greeting is still to be waited for.
            if call.cancelled && *op == Op::Connect && call.kind() != Some(ErrorKind::Cancelled) {
                return broken("cancel lost", format!("{op:?}: {:?}", call.error));
            }
            if let Some(text) = &call.foreign {
                return broken("a foreign reply", format!("{op:?} is answered {text:?}"));
            }
            let sends = matches!(op, Op::Send(_) | Op::Sendmail(_) | Op::Batch(_));
            if call.owed && call.error.is_none() && (sends || matches!(op, Op::Noop | Op::Rset)) {
                return broken("no misuse", format!("{op:?} while a reply was owed"));
            }
        }
        Ok(())
    }

    /// A server that keeps the connection gets every message through that it does not refuse.
    fn service(&self) -> Verdict {
        let tame = self.program.first() == Some(&Op::Connect)
            && self.program.iter().all(Op::is_tame)
            && self.program.iter().skip(1).all(|op| *op != Op::Connect);
        let rsets = self.program.contains(&Op::Rset) || self.plan.habits.haraka.is_some();
        let exim = self.plan.habits.exim && (rsets || self.plan.offers.size.is_some());
        if !tame || !self.plan.keeps_connection() || exim {
            return Ok(());
        }
        let quits = self.program.iter().position(|op| *op == Op::Quit);
        let live = quits.map_or(self.program, |at| &self.program[..at]);
        if self.told.probe == Some(false) {
            return broken("not served: connection lost", format!("{:?}", self.told.calls));
        }
        for tx in live.iter().flat_map(Op::transactions).filter(|tx| !self.may_decline(tx)) {
            let excused = |path: &String| {
                self.visits.iter().any(|visit| {
                    visit.excused.contains(path) || visit.excused.contains(&tx.sender())
                })
            };
            let taken = |path: &String| {
                let mut all = self.visits.iter().flat_map(|visit| &visit.deliveries);
                all.any(|delivery| delivery.recipients.contains(path))
            };
            // One share of a message that is refused speaks for the shares behind it.
            if self.is_split() && tx.recipients().any(|path| excused(&path)) {
                continue;
            }
            if let Some(path) = tx.recipients().find(|path| !excused(path) && !taken(path)) {
                let report = self.told.reports.iter().find(|report| report.body == tx.body);
                let error = report.and_then(|report| report.error.as_ref());
                return broken(
                    not_served(error.map(|(kind, _)| *kind)),
                    format!("<{path}>: {report:?}"),
                );
            }
        }
        Ok(())
    }

    fn is_split(&self) -> bool {
        self.plan.offers.rcpt_max.is_some() || self.plan.offers.domain_max.is_some()
    }

    /// The client has reasons of its own not to send it.
    fn may_decline(&self, tx: &Tx) -> bool {
        let offers = &self.plan.offers;
        let stock = stock::stock(tx.body);
        let limit = offers.size.filter(|limit| *limit > 0);
        let large = limit.is_some_and(|limit| limit < stock.text.len().max(stock.raw.len()));
        let reader = matches!(tx.source, Source::Reader { .. });
        large
            || offers.mail_max.is_some()
            || (self.is_split() && reader)
            || !tx.options.is_empty()
            || tx.notify
    }
}

/// By its error: what is behind it differs.
fn not_served(kind: Option<ErrorKind>) -> &'static str {
    match kind {
        Some(ErrorKind::Protocol) => "not served: protocol",
        Some(ErrorKind::SenderRefused) => "not served: sender refused",
        Some(ErrorKind::RecipientsRefused) => "not served: recipients refused",
        Some(ErrorKind::Data) => "not served: data",
        Some(ErrorKind::OutcomeUnknown) => "not served: outcome unknown",
        Some(ErrorKind::Disconnected) => "not served: disconnected",
        _ => "not served",
    }
}
