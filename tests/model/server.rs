//! The model of the server: simple and strict, one connection from greeting to end. It knows the
//! protocol from the RFCs and nothing of the library; its plan says where it goes wrong.

use smtpclient::client::Cancel;

use crate::link::{Link, Over, Stream};
use crate::plan::{Act, Haraka, Lie, Place, Plan};
use crate::record::{Delivery, Visit};
use crate::stock;

pub struct Server<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) index: usize,
    pub(crate) cancel: &'a Cancel,
    pub(crate) link: Link,
    pub(crate) visit: Visit,
    pub(crate) counts: [usize; PLACES],
    esmtp: bool,
    greeted: bool,
    pub(crate) sender: Option<String>,
    pub(crate) recipients: Vec<String>,
    pub(crate) offered: Vec<String>,
    pub(crate) binary: bool,
    pub(crate) chunk: Vec<u8>,
    /// A chunk has failed: nothing but RSET helps.
    pub(crate) spoilt: bool,
    /// What failed is kept until RSET.
    pub(crate) held: bool,
    /// So many bytes in hand had arrived before the end of data was answered.
    pub(crate) behind: usize,
    mails: usize,
    resets: usize,
    free_reset: bool,
}

const PLACES: usize = 9;

/// Serves one connection.
pub fn serve(stream: Stream, plan: &Plan, index: usize, cancel: &Cancel) -> Visit {
    let mut link = Link::new(stream);
    link.lazy = plan.habits.lazy;
    link.piece = plan.habits.piece;
    for fault in plan.faults.iter().filter(|fault| fault.connection == index) {
        match (fault.place, fault.act) {
            (Place::Input, Act::Close { drained }) => link.input_ends = Some((fault.nth, drained)),
            (Place::Output, Act::Close { drained }) => {
                link.output_ends = Some((fault.nth, drained));
            }
            _ => {}
        }
    }
    let mut server = Server {
        plan,
        index,
        cancel,
        link,
        visit: Visit::default(),
        counts: [0; PLACES],
        esmtp: false,
        greeted: false,
        sender: None,
        recipients: Vec::new(),
        offered: Vec::new(),
        binary: false,
        chunk: Vec::new(),
        spoilt: false,
        held: false,
        behind: 0,
        mails: 0,
        resets: 0,
        free_reset: true,
    };
    let Err(Over) = server.run();
    let mut visit = server.visit;
    visit.complete = server.link.complete;
    visit.log = server.link.log;
    visit
}

impl Server<'_> {
    fn run(&mut self) -> Result<std::convert::Infallible, Over> {
        self.obey(Place::Greeting, "", |_| (220, "model".to_owned()))?;
        loop {
            let line = self.link.line()?;
            let text = String::from_utf8_lossy(&line).into_owned();
            self.visit.transcript.push(format!("C {}", text.trim_end()));
            if !line.ends_with(b"\r\n") {
                self.violate(format!("a command ends without CR: {text:?}"));
            }
            let text = text.trim_end();
            if text.contains("trap") {
                self.violate(format!("a line of a message ran as a command: {text}"));
            }
            let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
            let verb = verb.to_ascii_uppercase();
            if !self.plan.offers.pipelining && verb != "BDAT" && self.link.buffered() > 0 {
                self.violate(format!("commands in a group behind {verb}, without PIPELINING"));
            }
            if self.behind > 0 {
                self.behind = match self.plan.habits.haraka {
                    Some(Haraka::Group) => self.behind.saturating_sub(line.len()),
                    _ => 0,
                };
                if verb != "BDAT" {
                    self.say(503, "pipelined behind the end of data")?;
                    continue;
                }
            }
            self.command(&verb, rest)?;
        }
    }

    fn command(&mut self, verb: &str, rest: &str) -> Result<(), Over> {
        match verb {
            "EHLO" | "LHLO" | "HELO" => self.hello(verb),
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" => self.data(),
            "BDAT" => self.bdat(rest),
            "RSET" => self.reset(),
            "NOOP" | "VRFY" | "HELP" | "EXPN" => {
                let text = format!("{verb} done");
                self.obey(Place::Other, "", |_| (250, text)).map(drop)
            }
            "QUIT" => {
                self.say(221, "QUIT done")?;
                self.link.flush()?;
                Err(self.link.close(true))
            }
            _ => self.say(500, "no such command"),
        }
    }

    fn hello(&mut self, verb: &str) -> Result<(), Over> {
        self.clear();
        let offers = self.plan.offers;
        let right = (verb == "LHLO") == self.plan.lmtp;
        if !right || (offers.helo_only && verb == "EHLO") {
            return self.say(500, "no such hello");
        }
        let mut lines = vec!["model".to_owned()];
        let flags = [
            (offers.pipelining, "PIPELINING"),
            (offers.chunking, "CHUNKING"),
            (offers.eight_bit, "8BITMIME"),
            (offers.binary, "BINARYMIME"),
            (offers.utf8, "SMTPUTF8"),
            (offers.dsn, "DSN"),
        ];
        lines.extend(flags.iter().filter(|(on, _)| *on).map(|(_, name)| (*name).to_owned()));
        if let Some(size) = offers.size {
            lines.push(format!("SIZE {size}"));
        }
        let limits: String = [
            ("MAILMAX", offers.mail_max),
            ("RCPTMAX", offers.rcpt_max),
            ("RCPTDOMAINMAX", offers.domain_max),
        ]
        .iter()
        .filter_map(|(name, most)| most.map(|most| format!(" {name}={most}")))
        .collect();
        if !limits.is_empty() {
            lines.push(format!("LIMITS{limits}"));
        }
        self.esmtp = verb != "HELO";
        self.offered = if self.esmtp { lines[1..].to_vec() } else { Vec::new() };
        let text = if self.esmtp { lines.join("\n") } else { "model".to_owned() };
        self.greeted = self.obey(Place::Hello, "", |_| (250, text))?;
        Ok(())
    }

    fn mail(&mut self, rest: &str) -> Result<(), Over> {
        let Some(sender) = address(rest) else { return self.say(501, "MAIL without a path") };
        if !self.greeted || self.sender.is_some() || self.held || self.spoilt {
            return self.say(503, &format!("out of order, for <{sender}>"));
        }
        self.mails += 1;
        if self.plan.offers.mail_max.is_some_and(|most| self.mails > most) {
            self.violate(format!("more transactions than LIMITS MAILMAX: <{sender}>"));
        }
        let size = self.check_options(rest);
        let limit = self.plan.offers.size.filter(|limit| *limit > 0);
        let large = limit.is_some_and(|limit| size.is_some_and(|size| size > limit));
        let about = sender.clone();
        let taken = self.obey(Place::Mail, &about, |server| {
            if large {
                server.visit.excused.insert(sender.clone());
                return (552, format!("too large, from <{sender}>"));
            }
            server.binary = rest.to_ascii_uppercase().contains("BODY=BINARYMIME");
            server.sender = Some(sender.clone());
            (250, format!("sender <{sender}>"))
        })?;
        self.held |= !taken && self.plan.habits.keeps_failed;
        Ok(())
    }

    fn rcpt(&mut self, rest: &str) -> Result<(), Over> {
        let Some(path) = address(rest) else { return self.say(501, "RCPT without a path") };
        let Some(sender) = self.sender.clone().filter(|_| !self.spoilt) else {
            return self.say(503, &format!("no sender, for <{path}>"));
        };
        self.check_options(rest);
        let most = self.plan.offers.rcpt_max;
        if most.is_some_and(|most| self.recipients.len() >= most) {
            self.violate(format!("more recipients than LIMITS RCPTMAX: <{sender}>"));
        }
        let about = path.clone();
        self.obey(Place::Rcpt, &about, |server| {
            server.recipients.push(path.clone());
            let code = if path.len() % 3 == 0 { 251 } else { 250 };
            (code, format!("recipient <{path}>"))
        })?;
        let domains: std::collections::HashSet<_> =
            self.recipients.iter().filter_map(|path| path.split('@').nth(1)).collect();
        if self.plan.offers.domain_max.is_some_and(|most| domains.len() > most) {
            self.violate(format!("more domains than LIMITS RCPTDOMAINMAX: <{sender}>"));
        }
        Ok(())
    }

    /// Every keyword must be of an extension that is offered (RFC 5321 section 4.1.1.11). Gives
    /// the value of SIZE.
    fn check_options(&mut self, rest: &str) -> Option<usize> {
        let params = rest.split_once('>').map_or("", |(_, params)| params);
        let mut size = None;
        for param in params.split_whitespace() {
            let (keyword, value) = param.split_once('=').unwrap_or((param, ""));
            let extension = match keyword.to_ascii_uppercase().as_str() {
                "SIZE" => "SIZE",
                "BODY" if value.eq_ignore_ascii_case("BINARYMIME") => "BINARYMIME",
                "BODY" => "8BITMIME",
                "SMTPUTF8" => "SMTPUTF8",
                _ => "DSN",
            };
            if !self.offered.iter().any(|line| line.split(' ').next() == Some(extension)) {
                self.violate(format!("{param}, and {extension} is not offered"));
            }
            if extension == "SIZE" {
                size = value.parse().ok();
            }
        }
        size
    }

    fn reset(&mut self) -> Result<(), Over> {
        if self.plan.habits.exim && !std::mem::take(&mut self.free_reset) {
            self.resets += 1;
            if self.resets > 10 {
                self.say(554, "too many nonmail commands")?;
                self.link.flush()?;
                self.visit.closing = Some((554, false));
                return Err(self.link.close(true));
            }
        }
        self.obey(Place::Reset, "", |server| {
            server.clear();
            (250, "RSET done".to_owned())
        })
        .map(drop)
    }

    pub(crate) fn clear(&mut self) {
        self.sender = None;
        self.recipients.clear();
        self.chunk.clear();
        self.binary = false;
        self.spoilt = false;
        self.held = false;
    }

    /// One message for these recipients is taken.
    pub(crate) fn deliver(&mut self, content: &[u8], mut recipients: Vec<String>) {
        self.free_reset = true;
        let body = stock::id_of(content);
        let expected = body.map(|id| {
            let stock = stock::stock(id);
            if self.binary { &stock.raw } else { &stock.text }
        });
        if self.plan.lie == Some(Lie::Misdelivers) {
            recipients.iter_mut().for_each(|path| path.insert(0, 'x'));
        }
        let delivery = Delivery {
            body,
            whole: expected.is_some_and(|expected| expected == content)
                && self.plan.lie != Some(Lie::Cuts),
            length: content.len(),
            sender: self.sender.clone().unwrap_or_default(),
            recipients,
        };
        if self.plan.lie == Some(Lie::Doubles) {
            self.visit.deliveries.push(delivery.clone());
        }
        if self.plan.lie != Some(Lie::Loses) {
            self.visit.deliveries.push(delivery);
        }
    }
}

/// `<address>` behind the colon.
fn address(rest: &str) -> Option<String> {
    let (_, path) = rest.split_once('<')?;
    Some(path.split_once('>')?.0.to_owned())
}
