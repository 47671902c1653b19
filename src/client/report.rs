//! What a probe has seen of a server: plain data. What follows from it is said by
//! [`advice`](super::advice), and what is shown of it is printable, whatever the server sent.

use std::borrow::Cow;

use crate::error::{Detail, Error, ErrorKind, printable};
use crate::session::Protocol;
use crate::transport::{TlsInfo, Transport};

use super::security::Plan;

/// A server as a client with these settings sees it.
#[derive(Clone, Debug)]
pub struct Report {
    /// A name, an address or a path.
    pub host: String,
    /// 0 for a path.
    pub port: u16,
    pub protocol: Protocol,
    /// How the connection was to be secured.
    pub plan: Plan,
    /// How far it came.
    pub phase: Phase,
    pub addresses: Vec<Address>,
    /// Which of them the dialogue went on with.
    pub chosen: usize,
    /// Whom the certificate must be for.
    pub certified: String,
    /// Code and text.
    pub greeting: Option<String>,
    /// The lines of the reply to EHLO, without their codes.
    pub ehlo_clear: Option<String>,
    pub ehlo_tls: Option<String>,
    pub is_encrypted: bool,
    pub offers_starttls: bool,
    /// Those of the last EHLO; `None` before it, empty where there are none.
    pub mechanisms: Option<String>,
    pub tls: TlsFacts,
    /// What came of the credentials, if it came to that.
    pub login: Option<String>,
    /// The login is by an access token of a source's, not by a password.
    pub by_token: bool,
    /// Why no mail could be sent.
    pub error: Option<Error>,
    /// What spoke to us when it was asked in the other way.
    pub other_way: Option<OtherWay>,
}

/// Where a probe is, or where it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Connect,
    Tls,
    Greeting,
    Hello,
    StartTls,
    Login,
    Done,
}

/// One address of the host.
#[derive(Clone, Debug, Default)]
pub struct Address {
    /// Without the port, with its zone; or the path of a Unix socket.
    pub text: String,
    pub milliseconds: u64,
    /// `None` where it worked.
    pub error: Option<Error>,
}

/// What TLS has told, of a connection that was verified or, where that failed, of one that was made
/// to read this alone.
#[derive(Clone, Debug, Default)]
pub struct TlsFacts {
    pub version: Option<String>,
    pub cipher: Option<String>,
    pub group: Option<String>,
    pub names: Option<String>,
    pub subject: Option<String>,
    pub issuer: Option<String>,
    pub not_before: Option<String>,
    pub not_after: Option<String>,
    /// Negative once it has expired.
    pub days_left: Option<i32>,
}

/// The port was spoken to in the wrong way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherWay {
    /// It greets in clear.
    Clear,
    /// It does TLS from the first byte.
    Tls,
}

/// What of a report can be shown as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    Host,
    Security,
    Greeting,
    EhloClear,
    EhloTls,
    TlsVersion,
    TlsCipher,
    TlsGroup,
    CertificateNames,
    CertificateSubject,
    CertificateIssuer,
    CertificateNotBefore,
    CertificateNotAfter,
    AuthMechanisms,
    Login,
    Error,
}

impl Report {
    pub fn new(host: &str, port: u16, protocol: Protocol, plan: Plan) -> Self {
        Report {
            host: host.to_owned(),
            port,
            protocol,
            plan,
            phase: Phase::Connect,
            addresses: Vec::new(),
            chosen: 0,
            certified: host.to_owned(),
            greeting: None,
            ehlo_clear: None,
            ehlo_tls: None,
            is_encrypted: false,
            offers_starttls: false,
            mechanisms: None,
            tls: TlsFacts::default(),
            login: None,
            by_token: false,
            error: None,
            other_way: None,
        }
    }

    /// `None` where the probe did not get so far, or there is no such thing.
    pub fn text(&self, fact: Fact) -> Option<Cow<'_, str>> {
        let tls = &self.tls;
        let kept = match fact {
            Fact::Host => return Some(self.place().into()),
            Fact::Security => return Some(self.security().into()),
            Fact::Error => return self.error.as_ref().map(|error| error.message().into()),
            Fact::Greeting => &self.greeting,
            Fact::EhloClear => &self.ehlo_clear,
            Fact::EhloTls => &self.ehlo_tls,
            Fact::TlsVersion => &tls.version,
            Fact::TlsCipher => &tls.cipher,
            Fact::TlsGroup => &tls.group,
            Fact::CertificateNames => &tls.names,
            Fact::CertificateSubject => &tls.subject,
            Fact::CertificateIssuer => &tls.issuer,
            Fact::CertificateNotBefore => &tls.not_before,
            Fact::CertificateNotAfter => &tls.not_after,
            Fact::AuthMechanisms => &self.mechanisms,
            Fact::Login => &self.login,
        };
        kept.as_deref().map(Cow::from)
    }

    /// Host and port, as they stand in a URL; or the path.
    pub fn place(&self) -> String {
        let host = printable(self.host.as_bytes(), 256);
        match self.port {
            0 => host,
            port if host.contains(':') => format!("[{host}]:{port}"),
            port => format!("{host}:{port}"),
        }
    }

    fn security(&self) -> &'static str {
        match (self.plan, self.is_encrypted) {
            (Plan::Tls, _) => "TLS from the first byte",
            (Plan::StartTls, _) => "STARTTLS",
            (Plan::IfOffered, true) => "STARTTLS, which is offered",
            (Plan::IfOffered, false) => "STARTTLS if it is offered",
            (Plan::Clear, _) => "none",
        }
    }

    /// What opening a connection would have come to.
    pub fn outcome(&self) -> Result<(), ErrorKind> {
        self.error.as_ref().map_or(Ok(()), |error| Err(error.kind()))
    }

    /// The server's certificate was not accepted.
    pub fn is_distrusted(&self) -> bool {
        let detail = self.error.as_ref().map(Error::detail);
        matches!(detail, Some(Detail::Certificate(_)))
    }

    /// The reply to EHLO that was just read.
    pub fn hear_hello(&mut self, lines: &[u8], mechanisms: String, offers_starttls: bool) {
        let shown = Some(printable_lines(lines));
        match self.is_encrypted {
            true => self.ehlo_tls = shown,
            false => self.ehlo_clear = shown,
        }
        self.mechanisms = Some(printable(mechanisms.as_bytes(), LINE));
        self.offers_starttls = offers_starttls;
    }
}

impl TlsFacts {
    /// What the connection tells, as far as its library knows.
    pub fn of(transport: &Transport) -> Self {
        let fact = |what| transport.tls_info(what).ok().flatten();
        TlsFacts {
            version: fact(TlsInfo::Version),
            cipher: fact(TlsInfo::Cipher),
            group: fact(TlsInfo::Group),
            names: fact(TlsInfo::Names),
            subject: fact(TlsInfo::Subject),
            issuer: fact(TlsInfo::Issuer),
            not_before: fact(TlsInfo::NotBefore),
            not_after: fact(TlsInfo::NotAfter),
            days_left: fact(TlsInfo::DaysLeft).and_then(|days| days.parse().ok()),
        }
    }
}

fn printable_lines(text: &[u8]) -> String {
    let lines = text.split(|byte| *byte == b'\n').take(LINES);
    lines.map(|line| printable(line, LINE)).collect::<Vec<_>>().join("\n")
}

/// How much of a line is shown: RFC 5321 section 4.5.3.1.5 gives a reply's line 512 octets.
const LINE: usize = 512;

/// Most lines of a reply to EHLO that are kept.
const LINES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn report(host: &str, port: u16) -> Report {
        Report::new(host, port, Protocol::Smtp, Plan::IfOffered)
    }

    #[test]
    fn places() {
        for (host, port, shown) in [
            ("mail.example.org", 587, "mail.example.org:587"),
            ("2001:db8::1", 25, "[2001:db8::1]:25"),
            ("/run/lmtp", 0, "/run/lmtp"),
        ] {
            assert_eq!(report(host, port).text(Fact::Host).unwrap(), shown);
        }
    }

    #[test]
    fn what_is_shown_is_printable() {
        let mut report = report("x", 25);
        report.hear_hello(b"mail\x1b[31m\nAUTH PLAIN\r", "PLAIN\x07".to_owned(), false);
        assert_eq!(report.text(Fact::EhloClear).unwrap(), "mail\\x1b[31m\nAUTH PLAIN\\r");
        assert_eq!(report.text(Fact::AuthMechanisms).unwrap(), "PLAIN\\x07");
        report.is_encrypted = true;
        report.hear_hello(&b"a\n".repeat(5000), String::new(), false);
        assert_eq!(report.text(Fact::EhloTls).unwrap().lines().count(), LINES);
        assert_eq!(report.text(Fact::AuthMechanisms).unwrap(), "");
    }

    #[test]
    fn nothing_is_made_up() {
        let report = report("x", 25);
        for fact in [Fact::Greeting, Fact::EhloTls, Fact::TlsGroup, Fact::Login, Fact::Error] {
            assert_eq!(report.text(fact), None, "{fact:?}");
        }
        assert_eq!(report.outcome(), Ok(()));
    }
}
