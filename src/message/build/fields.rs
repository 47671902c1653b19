//! The header of a message in the making, and the envelope that it stands for.

use std::collections::HashSet;

use crate::error::Result;
use crate::message::Envelope;
use crate::wire::Path;

use super::check::{self, invalid};
use super::header::{self, Date};
use super::list::{self, Entry, Mailbox, mailboxes};
use super::{Fresh, Role};

#[derive(Default)]
pub(super) struct Fields {
    pub from: Vec<Entry>,
    sender: Option<Mailbox>,
    reply_to: Vec<Entry>,
    to: Vec<Entry>,
    cc: Vec<Entry>,
    bcc: Vec<Entry>,
    pub subject: Option<String>,
    date: Made<Date>,
    message_id: Made<String>,
    others: Vec<(String, String)>,
}

/// What is made where it is not given.
#[derive(Clone, Copy, Default)]
enum Made<T> {
    #[default]
    Missing,
    Given(T),
    Ours(T),
}

impl<T> Made<T> {
    fn get(&self) -> Option<&T> {
        match self {
            Made::Missing => None,
            Made::Given(value) | Made::Ours(value) => Some(value),
        }
    }

    fn forget_made(&mut self) {
        if matches!(self, Made::Ours(_)) {
            *self = Made::Missing;
        }
    }
}

impl Fields {
    pub fn list(&mut self, role: Role) -> &mut Vec<Entry> {
        match role {
            Role::From => &mut self.from,
            Role::ReplyTo => &mut self.reply_to,
            Role::To => &mut self.to,
            Role::Cc => &mut self.cc,
            Role::Bcc => &mut self.bcc,
        }
    }

    pub fn set_date(&mut self, date: Date) {
        self.date = Made::Given(date);
    }

    /// Adds a field by its name; both were checked for what no field may hold.
    pub fn add(&mut self, name: &str, value: &str) -> Result<()> {
        let lower = name.to_ascii_lowercase();
        let role = match lower.as_str() {
            "from" => Some(Role::From),
            "reply-to" => Some(Role::ReplyTo),
            "to" => Some(Role::To),
            "cc" => Some(Role::Cc),
            "bcc" => Some(Role::Bcc),
            _ => None,
        };
        if let Some(role) = role {
            let entries = list::read(name, None, value)?;
            self.list(role).extend(entries);
            return Ok(());
        }
        match lower.as_str() {
            "sender" => self.set_sender(value),
            "subject" if self.subject.is_none() => {
                self.subject = Some(value.to_owned());
                Ok(())
            }
            "message-id" if !matches!(self.message_id, Made::Given(_)) => {
                let id = value.strip_prefix('<').and_then(|id| id.strip_suffix('>'));
                let id = id.filter(|id| id.contains('@'));
                let id =
                    id.ok_or_else(|| invalid("Message-ID must be of the form <left@right>"))?;
                check::message_id(name, id)?;
                self.message_id = Made::Given(value.to_owned());
                Ok(())
            }
            "date" => Err(invalid("Date has a function of its own, which takes the time")),
            "mime-version" => Err(invalid("MIME-Version is the library's to write")),
            // Those of a message that exists; and Resent-Bcc would be seen.
            _ if lower.starts_with("resent-") => {
                Err(invalid(format!("{name} is for a message that was sent before")))
            }
            _ if lower.starts_with("content-") => {
                Err(invalid(format!("{name} is the library's to write")))
            }
            _ if self.has(&lower) => Err(invalid(format!("there is a {name} already"))),
            _ => self.add_other(name, &lower, value),
        }
    }

    fn set_sender(&mut self, value: &str) -> Result<()> {
        let list = list::read("Sender", None, value)?;
        let [Entry::Mailbox(one)] = &list[..] else {
            return Err(invalid("Sender must be one address (RFC 5322 section 3.6.2)"));
        };
        if self.sender.is_some() {
            return Err(invalid("there is a Sender already"));
        }
        self.sender = Some(one.clone());
        Ok(())
    }

    /// The field may stand once, and does.
    fn has(&self, lower: &str) -> bool {
        let given = |name: &str| self.others.iter().any(|(one, _)| one.eq_ignore_ascii_case(name));
        matches!(lower, "subject" | "message-id")
            || (matches!(lower, "in-reply-to" | "references" | "list-unsubscribe") && given(lower))
    }

    fn add_other(&mut self, name: &str, lower: &str, value: &str) -> Result<()> {
        if is_structured(lower) {
            if !value.is_ascii() {
                return Err(invalid(format!("{name} can hold nothing but ASCII")));
            }
            if !header::is_foldable(name, value) {
                let text = "has a word that does not fit a line of 998 bytes";
                return Err(invalid(format!("{name} {text} (RFC 5322 section 2.1.1)")));
            }
        }
        self.others.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// What is missing, or does not go together.
    pub fn check(&self) -> Result<()> {
        let mut authors = mailboxes(&self.from);
        if authors.next().is_none() {
            return Err(invalid("the message has no From address"));
        }
        if authors.next().is_some() && self.sender.is_none() {
            return Err(invalid(
                "the message has several From addresses: one must be its Sender (RFC 5322 section \
                 3.6.2)",
            ));
        }
        Ok(())
    }

    pub fn forget_made(&mut self) {
        self.date.forget_made();
        self.message_id.forget_made();
    }

    /// Makes what was not given.
    pub fn complete(&mut self, fresh: &Fresh) -> Result<()> {
        if self.date.get().is_none() {
            self.date = Made::Ours(fresh.now);
        }
        self.message_id(|| Ok(fresh.random)).map(drop)
    }

    pub fn message_id(&mut self, random: impl FnOnce() -> Result<[u8; 32]>) -> Result<&str> {
        if self.message_id.get().is_none() {
            let author = mailboxes(&self.from).next();
            let author = author.ok_or_else(|| {
                invalid("a Message-ID has the domain of the From address: set that before")
            })?;
            // The half that no boundary is made of.
            let bits = hex(&random()?[16..]);
            self.message_id = Made::Ours(format!("<{bits}@{}>", right_side(&author.path)));
        }
        Ok(self.known_id().unwrap_or_default())
    }

    pub fn known_id(&self) -> Option<&str> {
        self.message_id.get().map(String::as_str)
    }

    /// An address is not ASCII and has no form that is: the mail goes by SMTPUTF8 (RFC 6531) or
    /// not at all.
    pub fn needs_utf8(&self) -> bool {
        let lists = [&self.from, &self.reply_to, &self.to, &self.cc, &self.bcc];
        let all = lists.into_iter().flat_map(|list| mailboxes(list)).chain(&self.sender);
        all.into_iter().any(|one| !one.path.is_ascii())
    }

    /// The reverse-path, and each mailbox that is named once as forward-path.
    pub fn envelope(&self) -> Result<Envelope> {
        let sender = self.sender.as_ref().or_else(|| mailboxes(&self.from).next());
        let sender = sender.map_or_else(Path::null, |one| one.path.clone());
        let mut seen = HashSet::new();
        let mut recipients = Vec::new();
        for one in [&self.to, &self.cc, &self.bcc].into_iter().flat_map(|list| mailboxes(list)) {
            // Domains are the same in either case, local parts the recipient's to say (RFC 5321
            // section 2.4).
            let path = &one.path;
            if seen.insert((path.local_part(), path.domain().to_ascii_lowercase())) {
                recipients.push(path.clone());
            }
        }
        Ok(Envelope::new(sender, recipients, self.needs_utf8()))
    }

    /// Writes all that is not about the body. Bcc is for the envelope alone (RFC 5322 section
    /// 3.6.3).
    pub fn write(&self, out: &mut Vec<u8>, utf8: bool) {
        if let Some(date) = self.date.get() {
            header::date(out, date);
        }
        header::mailboxes(out, "From", &self.from, utf8);
        if let Some(sender) = &self.sender {
            header::mailboxes(out, "Sender", &[Entry::Mailbox(sender.clone())], utf8);
        }
        for (name, list) in [("Reply-To", &self.reply_to), ("To", &self.to), ("Cc", &self.cc)] {
            if !list.is_empty() {
                header::mailboxes(out, name, list, utf8);
            }
        }
        if self.to.is_empty() && self.cc.is_empty() {
            // A header that names nobody is taken for that of a broken program.
            out.extend_from_slice(b"To: undisclosed-recipients:;\r\n");
        }
        if let Some(subject) = &self.subject {
            header::unstructured(out, "Subject", subject, utf8);
        }
        if let Some(id) = self.message_id.get() {
            header::structured(out, "Message-ID", id);
        }
        for (name, value) in &self.others {
            match is_structured(&name.to_ascii_lowercase()) {
                true => header::structured(out, name, value),
                false => header::unstructured(out, name, value, utf8),
            }
        }
    }
}

/// Encoded words may not stand in it (RFC 2047 section 5).
fn is_structured(lower: &str) -> bool {
    let listed = || PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) && lower != "list-id";
    STRUCTURED.contains(&lower) || listed()
}

/// What stands right of the `@` in a Message-ID. An address in itself may be none.
fn right_side(author: &Path) -> String {
    let domain = author.domain();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if !domain.is_empty() && domain.bytes().all(fits) {
        return domain.to_ascii_lowercase();
    }
    "localhost.invalid".to_owned()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const STRUCTURED: &[&str] = &[
    "archived-at",
    "authentication-results",
    "auto-submitted",
    "autocrypt",
    "disposition-notification-to",
    "dkim-signature",
    "errors-to",
    "feedback-id",
    "in-reply-to",
    "precedence",
    "received",
    "received-spf",
    "references",
    "return-path",
];

const PREFIXES: &[&str] = &["arc-", "list-"];
