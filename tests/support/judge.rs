//! What an [`Engine`] thinks of an envelope and of a message: the refusals, the replies at the end
//! of data, and the faults of a body.

use super::data::Body;
use super::engine::Engine;
use super::path::{self, Argument};
use super::record::Message;
use super::session::listed;

/// MAIL parameters and the extension that each belongs to.
const MAIL_PARAMS: &[(&str, &str)] = &[
    ("SIZE", "SIZE"),
    ("BODY", "8BITMIME"),
    ("SMTPUTF8", "SMTPUTF8"),
    ("AUTH", "AUTH"),
    ("RET", "DSN"),
    ("ENVID", "DSN"),
    ("REQUIRETLS", "REQUIRETLS"),
    ("MT-PRIORITY", "MT-PRIORITY"),
    ("BY", "DELIVERBY"),
    ("HOLDFOR", "FUTURERELEASE"),
    ("HOLDUNTIL", "FUTURERELEASE"),
];

const RCPT_PARAMS: &[(&str, &str)] = &[("NOTIFY", "DSN"), ("ORCPT", "DSN")];

impl Engine {
    pub(super) fn mail_refusal(&self, argument: &Argument) -> Option<String> {
        let Argument { path: address, params } = argument;
        if let Some(reply) = self.unknown_param(params, MAIL_PARAMS) {
            return Some(reply);
        }
        if !address.is_ascii() && path::value(params, "SMTPUTF8").is_none() {
            return Some("553 5.6.7 SMTPUTF8 is needed for this address".to_owned());
        }
        let binary = path::value(params, "BODY") == Some("BINARYMIME");
        if binary && self.offers("BINARYMIME").is_none() {
            return Some("555 5.5.4 BINARYMIME is not offered".to_owned());
        }
        let limit = self.size_limit();
        match path::value(params, "SIZE").map(str::parse::<u64>) {
            Some(Err(_)) => Some("501 5.5.4 SIZE is no number".to_owned()),
            Some(Ok(size)) if limit.is_some_and(|limit| size > limit) => {
                Some("552 5.3.4 message too big".to_owned())
            }
            _ => None,
        }
    }

    pub(super) fn rcpt_refusal(&self, argument: &Argument, mail: &Message) -> Option<String> {
        let Argument { path: address, params } = argument;
        if let Some(reply) = self.unknown_param(params, RCPT_PARAMS) {
            return Some(reply);
        }
        if address.is_empty() {
            return Some("501 5.1.3 an empty recipient".to_owned());
        }
        if !address.is_ascii() && path::value(&mail.mail_params, "SMTPUTF8").is_none() {
            return Some("553 5.6.7 SMTPUTF8 is needed for this address".to_owned());
        }
        if self.limit("RCPTMAX").is_some_and(|most| mail.recipients.len() >= most) {
            return Some("452 4.5.3 too many recipients".to_owned());
        }
        if self.limit("RCPTDOMAINMAX").is_some_and(|most| domains(address, mail) > most) {
            return Some("452 4.5.3 too many domains".to_owned());
        }
        listed(self.refused.iter(), address)
    }

    fn size_limit(&self) -> Option<u64> {
        self.offers("SIZE")?.parse().ok().filter(|limit| *limit > 0)
    }

    fn unknown_param(&self, params: &[String], known: &[(&str, &str)]) -> Option<String> {
        params.iter().find_map(|param| {
            let keyword = param.split('=').next().unwrap_or(param);
            let owner = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword));
            let offered = match owner {
                Some((_, "AUTH")) => !self.users.mechanisms.is_empty(),
                Some((_, extension)) => self.offers(extension).is_some(),
                None => false,
            };
            (!offered).then(|| format!("555 5.5.4 parameter {keyword} not recognized"))
        })
    }

    /// The replies to a whole message: one, or under LMTP one per recipient.
    pub(super) fn final_replies(&self, message: &Message) -> Vec<String> {
        let limit = self.size_limit();
        if limit.is_some_and(|limit| message.size > limit) {
            let count = if self.lmtp { message.recipients.len() } else { 1 };
            return vec!["552 5.3.4 message too big".to_owned(); count];
        }
        if !self.lmtp {
            return vec![format!("250 2.0.0 taken, {} octets", message.size)];
        }
        let usual = |address: &str| format!("250 2.1.5 <{address}> delivered");
        message
            .addresses()
            .into_iter()
            .map(|address| {
                listed(self.final_replies.iter(), address).unwrap_or_else(|| usual(address))
            })
            .filter(|reply| !reply.is_empty())
            .collect()
    }

    pub(super) fn body_faults(&self, message: &Message, body: &Body) -> Vec<String> {
        let mut faults = Vec::new();
        let params = &message.mail_params;
        let kind = path::value(params, "BODY");
        if kind != Some("BINARYMIME") {
            if body.bare {
                faults.push("a bare CR or LF in a message".to_owned());
            }
            if !body.ends_whole() {
                faults.push("a message that does not end in CRLF".to_owned());
            }
        }
        if body.eight_bit && kind.is_none() && self.offers("8BITMIME").is_some() {
            faults.push("8-bit content without BODY=8BITMIME".to_owned());
        }
        match path::value(params, "SIZE").map(str::parse::<u64>) {
            Some(Ok(size)) if size != body.size() => {
                faults.push(format!("SIZE={size} for a message of {} octets", body.size()));
            }
            _ => {}
        }
        faults
    }
}

fn domains(address: &str, mail: &Message) -> usize {
    let of = |address: &str| address.rsplit('@').next().unwrap_or("").to_ascii_lowercase();
    let mut all: Vec<String> = mail.addresses().into_iter().map(of).collect();
    all.push(of(address));
    all.sort();
    all.dedup();
    all.len()
}
