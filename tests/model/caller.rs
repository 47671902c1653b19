//! Runs a program of calls with the real client and notes what it was told.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use smtpclient::client::{Cancel, Mail, Protocol, RecipientStatus, TimeoutPolicy, Transaction};
use smtpclient::error::{Error, ErrorKind, Result};

use crate::callbacks::{Auditor, Done, pair, transaction};
use crate::client::Client;
use crate::host::Host;
use crate::plan::Plan;
use crate::program::{Op, Tx};
use crate::report::{Call, Report, Said, Verdict};
use crate::stock;

pub struct Caller<'a> {
    plan: &'a Plan,
    host: &'a Host,
    client: Client,
    cancel: Cancel,
    done: Done,
    submitted: Vec<usize>,
    /// Replies that the caller has to fetch himself.
    owed: usize,
    pub connections: usize,
    pub calls: Vec<Call>,
    pub reports: Vec<Report>,
}

impl<'a> Caller<'a> {
    pub fn new(plan: &'a Plan, host: &'a Host) -> Self {
        let protocol = if plan.lmtp { Protocol::Lmtp } else { Protocol::Smtp };
        let mut client = Client::driven(protocol, plan.way).expect("a client");
        client.set_timeout(TimeoutPolicy::After(Duration::from_millis(plan.limit_ms)));
        client.set_local_hostname("client.example").expect("a host name");
        let cancel = client.canceller();
        let done = Done::new(cancel.clone());
        client.set_completion(Some(Box::new(done.clone())));
        Caller {
            plan,
            host,
            client,
            cancel,
            done,
            submitted: Vec::new(),
            owed: 0,
            connections: 0,
            calls: Vec::new(),
            reports: Vec::new(),
        }
    }

    pub fn run(mut self, program: &[Op]) -> Told {
        for (index, op) in program.iter().enumerate() {
            self.cancel.clear();
            let owed = self.owed > 0 && self.client.is_connected();
            let since = Instant::now();
            let call = self.call(index, op);
            self.count_owed(op, &call);
            self.calls.push(Call {
                owed,
                cancelled: self.done.fired.swap(false, Ordering::SeqCst),
                took: since.elapsed(),
                connection: self.connections,
                ..call
            });
            self.collect(index);
        }
        // Whether the connection still answers shows how the last call left it.
        let probe = (self.client.is_connected() && self.owed == 0).then(|| {
            self.cancel.clear();
            self.client.noop().is_ok()
        });
        self.client.close();
        self.collect(program.len());
        drop(self.client);
        Told {
            calls: self.calls,
            reports: self.reports,
            submitted: self.submitted,
            connections: self.connections,
            probe,
        }
    }

    fn count_owed(&mut self, op: &Op, call: &Call) {
        match op {
            _ if !self.client.is_connected() => self.owed = 0,
            Op::Connect => self.owed = 0,
            Op::Put | Op::Raw if call.error.is_none() => self.owed += 1,
            Op::Get => self.owed = self.owed.saturating_sub(1),
            _ => {}
        }
    }

    fn call(&mut self, index: usize, op: &Op) -> Call {
        let result = match op {
            Op::Connect => self.connect(index),
            Op::Send(tx) => {
                let (transaction, result) = self.client.send(transaction(tx, &self.cancel));
                self.report(index, &transaction);
                result
            }
            Op::Sendmail(tx) => self.sendmail(index, tx),
            Op::Batch(all) => {
                let mut batch: Vec<_> =
                    all.iter().map(|tx| transaction(tx, &self.cancel)).collect();
                let result = self.client.send_batch(&mut batch);
                for transaction in &batch {
                    self.report(index, transaction);
                }
                result
            }
            Op::Submit(tx) => {
                self.submitted.push(tx.body);
                self.client.submit(transaction(tx, &self.cancel))
            }
            Op::Flush => self.client.flush(),
            Op::Noop => return self.replied(Client::noop, "NOOP done"),
            Op::Rset => return self.replied(Client::rset, "RSET done"),
            Op::Hand { tx, asks, ends } => self.by_hand(index, tx, *asks, *ends),
            Op::Put => self.client.putcmd("NOOP", None),
            Op::Get if self.owed == 0 => Ok(()),
            Op::Get => return self.replied(Client::getreply, "NOOP done"),
            Op::Raw => self.client.send_raw(b"NOOP\r\n"),
            Op::Pipelining(on) => {
                self.client.set_pipelining(*on);
                Ok(())
            }
            Op::Chunking(on) => {
                self.client.set_chunking(*on);
                Ok(())
            }
            Op::Audit { nth, forbids } => {
                let (left, cancel) = (*nth + 1, self.cancel.clone());
                let auditor = Auditor { left, forbids: *forbids, cancel };
                self.client.set_audit(Some(Box::new(auditor)));
                Ok(())
            }
            Op::CancelInCompletion => {
                self.done.armed.store(true, Ordering::SeqCst);
                Ok(())
            }
            Op::Quit => self.client.quit().map(drop),
            Op::Close => {
                self.client.close();
                Ok(())
            }
        };
        Call::new(result.err())
    }

    /// A call whose reply must be its own.
    fn replied(&mut self, call: fn(&mut Client) -> Result<u16>, expected: &str) -> Call {
        let result = call(&mut self.client);
        let text = String::from_utf8_lossy(self.client.reply().bytes()).into_owned();
        // The farewell of a server that has had enough answers whatever comes next.
        let farewell = matches!(result, Ok(421 | 521)) && text.starts_with(stock::EXTRA);
        let foreign =
            result.is_ok() && !text.contains(expected) && !text.starts_with("refused") && !farewell;
        let mut call = Call::new(result.err());
        call.foreign = foreign.then_some(text);
        call
    }

    fn connect(&mut self, index: usize) -> Result<()> {
        let (ours, theirs) = pair(self.plan).expect("a pair of sockets");
        // The server of the last connection sees its end while this call runs.
        self.host.serve(theirs, self.connections, &self.cancel);
        let result = self.client.connect_fd(ours, None);
        self.collect(index);
        self.connections += 1;
        result
    }

    fn sendmail(&mut self, index: usize, tx: &Tx) -> Result<()> {
        let to: Vec<String> = tx.recipients().collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let from = tx.sender();
        let notify: &[&str] = if tx.notify { &["NOTIFY=FAILURE"] } else { &[] };
        let result = self.client.sendmail(&Mail {
            from: Some(&from),
            to: Some(&to),
            message: &stock::stock(tx.body).raw,
            mail_options: &tx.options,
            rcpt_options: notify,
        });
        let refused = self.client.refused();
        let verdicts = to.iter().map(|address| {
            let listed = refused.iter().find(|one| one.address == *address);
            let said = match (&result, listed) {
                (_, Some(_)) => Said::NotTaken,
                (Ok(()), None) => Said::Accepted,
                (Err(error), None) => match error.kind() {
                    // What became of the recipients cannot be read here.
                    ErrorKind::OutcomeUnknown
                    | ErrorKind::Cancelled
                    | ErrorKind::Forbidden
                    | ErrorKind::Protocol => Said::Open,
                    _ => Said::NotTaken,
                },
            };
            Verdict {
                address: (*address).to_owned(),
                said,
                code: listed.map_or(0, |one| one.code),
                text: listed.map_or(String::new(), |one| one.text.clone()),
            }
        });
        self.reports.push(Report {
            call: index,
            body: tx.body,
            connection: self.connections,
            verdicts: verdicts.collect(),
            error: result.as_ref().err().map(|error| (error.kind(), error.message().to_owned())),
            transaction: false,
            reply_code: 0,
        });
        result
    }

    fn by_hand(&mut self, index: usize, tx: &Tx, asks: bool, ends: bool) -> Result<()> {
        let mut verdicts = Vec::new();
        let mut result = self.client.mail(&tx.sender(), &[]).and_then(positive);
        if result.is_ok() {
            for address in tx.recipients() {
                let taken = self.client.rcpt(&address, &[]).and_then(positive);
                let said = if taken.is_ok() { Said::Open } else { Said::NotTaken };
                verdicts.push(Verdict { address, said, code: 0, text: String::new() });
            }
        }
        if asks && result.is_ok() {
            result = self.client.putcmd("NOOP", None);
            result = result.and_then(|()| self.client.getreply()).and_then(positive);
        }
        if ends && result.is_ok() && verdicts.iter().any(|one| one.said == Said::Open) {
            result = self.client.data(&stock::stock(tx.body).raw).and_then(positive);
            // LMTP has a reply for each, and the call shows one.
            let said = match &result {
                _ if self.plan.lmtp => Said::Open,
                Ok(()) => Said::Accepted,
                Err(error) if error.kind() == ErrorKind::OutcomeUnknown => Said::Open,
                Err(error) if error.kind() == ErrorKind::Cancelled => Said::Open,
                Err(_) => Said::NotTaken,
            };
            for verdict in verdicts.iter_mut().filter(|one| one.said == Said::Open) {
                verdict.said = said;
            }
        } else {
            verdicts.iter_mut().for_each(|one| one.said = Said::NotTaken);
        }
        self.reports.push(Report {
            call: index,
            body: tx.body,
            connection: self.connections,
            verdicts,
            error: None,
            transaction: false,
            reply_code: 0,
        });
        result
    }

    fn collect(&mut self, index: usize) {
        let done = std::mem::take(&mut *self.done.list.lock().expect("an unpoisoned lock"));
        for transaction in done {
            self.report(index, &transaction);
            self.reports.last_mut().expect("the report just made").transaction = true;
        }
    }

    fn report(&mut self, index: usize, transaction: &Transaction) {
        let verdicts = (0..transaction.recipient_count()).map(|at| Verdict {
            address: transaction.recipient_address(at).unwrap_or_default().to_owned(),
            said: match transaction.recipient_status(at) {
                Some(RecipientStatus::Accepted) => Said::Accepted,
                Some(RecipientStatus::Refused) => Said::Refused,
                Some(RecipientStatus::Unknown) => Said::Unknown,
                Some(RecipientStatus::NotTried) | None => Said::NotTried,
            },
            code: transaction.recipient_code(at),
            text: String::from_utf8_lossy(transaction.recipient_text(at)).into_owned(),
        });
        self.reports.push(Report {
            call: index,
            body: transaction.token(),
            connection: self.connections,
            verdicts: verdicts.collect(),
            error: transaction.error().map(|error| (error.kind(), error.message().to_owned())),
            transaction: true,
            reply_code: transaction.reply_code(),
        });
    }
}

/// All that the caller was told.
pub struct Told {
    pub calls: Vec<Call>,
    pub reports: Vec<Report>,
    /// What was submitted, in its order.
    pub submitted: Vec<usize>,
    pub connections: usize,
    /// Whether a NOOP behind the program succeeded, if there was a connection for it.
    pub probe: Option<bool>,
}

fn positive(code: u16) -> Result<()> {
    match code {
        200..300 => Ok(()),
        _ => Err(Error::new(ErrorKind::Response, code.to_string())),
    }
}
