//! The classic mistakes, found in what a probe has seen, each with its remedy. Pure: facts in,
//! sentences out.

mod certificate;
mod login;

use std::net::IpAddr;

use crate::error::{Detail, Error, ErrorKind};

use super::report::{Address, OtherWay, Phase, Report};

/// What is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    pub mistake: Mistake,
    /// One or two sentences.
    pub text: String,
}

/// What can be told apart by a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mistake {
    /// There is no such host.
    Name,
    /// No name server answers.
    NameService,
    /// Nothing listens there.
    Refused,
    /// Nothing comes back.
    NoAnswer,
    /// The network lets nothing out to port 25.
    Port25,
    /// Some addresses do not answer.
    Addresses,
    /// A port that wants TLS first was spoken to in clear.
    TlsFirst,
    /// A port that is greeted in clear was spoken to in TLS.
    ClearFirst,
    /// STARTTLS is needed and not offered.
    NoStartTls,
    /// The certificate is for others, or for nobody.
    CertificateName,
    CertificateExpired,
    CertificateNotYetValid,
    /// Nobody who is trusted vouches for it.
    CertificateIssuer,
    /// The system trusts nobody at all.
    NoRoots,
    /// It is accepted for some days more.
    CertificateExpires,
    /// Something else is wrong with it.
    Certificate,
    /// It is a client's certificate that is wanted.
    ClientCertificate,
    /// No TLS that both sides speak.
    Tls,
    /// The server turns us away.
    Unwanted,
    /// The server has no time for us now.
    Later,
    /// What is there is no mail server.
    NotSmtp,
    /// The server falls silent, or hangs up.
    Silent,
    /// User name or password is wrong.
    Password,
    /// The password of the account is not that for programs.
    AppPassword,
    /// The server wants OAuth 2.0.
    OAuth,
    /// Login is for encrypted connections.
    LoginNeedsTls,
    /// The server has no login, or none for this account.
    NoLogin,
    /// No mechanism in common, or none that can be used.
    Mechanism,
    /// The server does not know the password that it is to check, or somebody stands between.
    Impostor,
    /// The server refuses the access token.
    Token,
    /// There is no access token to show.
    NoToken,
}

/// What is wrong, in the order in which it is to be mended.
pub fn advice(report: &Report) -> Vec<Advice> {
    let mut found = Found { report, advice: Vec::new() };
    match &report.error {
        Some(error) => found.of_failure(error),
        None => found.of_addresses(),
    }
    found.of_days();
    found.advice
}

struct Found<'a> {
    report: &'a Report,
    advice: Vec<Advice>,
}

impl Found<'_> {
    fn say(&mut self, mistake: Mistake, text: impl Into<String>) {
        self.advice.push(Advice { mistake, text: text.into() });
    }

    fn of_failure(&mut self, error: &Error) {
        let place = self.report.place();
        match (self.report.other_way, error.kind(), self.report.phase) {
            (Some(way), ..) => self.of_other_way(way),
            (_, ErrorKind::Resolve, _) => self.say(
                Mistake::Name,
                format!(
                    "there is no host {}: correct the name, or have it entered in the name service",
                    self.report.host
                ),
            ),
            (_, ErrorKind::ResolveAgain, _) => self.say(
                Mistake::NameService,
                "no name server answers: see whether this machine has a network and a working \
                 /etc/resolv.conf",
            ),
            (_, _, Phase::Connect) => self.of_connecting(),
            (_, ErrorKind::Tls, _) => match error.detail() {
                Detail::Certificate(flaw) => self.of_certificate(error, flaw),
                _ => self.of_tls(error),
            },
            (_, ErrorKind::Protocol, Phase::Greeting) => self.say(
                Mistake::NotSmtp,
                format!("what answers at {place} is no mail server: check host and port"),
            ),
            (_, ErrorKind::Connect, Phase::Greeting) => self.of_greeting(error),
            (_, ErrorKind::NotSupported, Phase::StartTls) => self.of_no_starttls(),
            (_, ErrorKind::Response, Phase::StartTls) => self.say(
                Mistake::Tls,
                format!("the server offers STARTTLS and then refuses it: {ASK}. {NOT_IN_CLEAR}"),
            ),
            (_, _, Phase::Login) if !is_broken(error) || error.detail() == Detail::NoToken => {
                self.of_login(error);
            }
            _ if error.reply_code() == 421 => self.of_greeting(error),
            _ if is_broken(error) => self.say(
                Mistake::Silent,
                format!(
                    "the server at {place} accepts connections and then falls silent or hangs up: \
                     a server in trouble, one that blocks this machine's address, or a firewall \
                     between; its administrator can tell from its log"
                ),
            ),
            _ => {}
        }
    }

    fn of_other_way(&mut self, way: OtherWay) {
        let port = self.port();
        match way {
            OtherWay::Tls => self.say(
                Mistake::TlsFirst,
                format!(
                    "{port} speaks TLS from the first byte, and was spoken to in clear: use \
                     smtps://, or SMTP_SECURITY_TLS"
                ),
            ),
            OtherWay::Clear => self.say(
                Mistake::ClearFirst,
                format!(
                    "{port} speaks in clear first, and was spoken to in TLS: use STARTTLS, that is \
                     smtp+starttls://, or SMTP_SECURITY_STARTTLS with SMTP_PROTOCOL_SMTP"
                ),
            ),
        }
    }

    fn of_connecting(&mut self) {
        let Report { addresses, port, .. } = self.report;
        let place = self.report.place();
        if addresses.is_empty() {
            return;
        }
        let fails = |one: &Address, kind: fn(&Error) -> bool| one.error.as_ref().is_some_and(kind);
        let is_any = |kind| addresses.iter().any(|one| fails(one, kind));
        let (refused, silent) = (is_any(is_refused), is_any(is_silent));
        // A relay in the house that is down is reached by nobody, whatever the network lets out.
        let is_shut_in =
            |one: &Address| !is_near(one) && (fails(one, is_refused) || fails(one, is_silent));
        if *port == 25 && addresses.iter().any(is_shut_in) {
            self.say(
                Mistake::Port25,
                "port 25 is closed to this machine: most networks of homes, offices and clouds let \
                 no mail out there; use the provider's submission server instead, on port 587 with \
                 smtp+starttls:// or on 465 with smtps://",
            );
        } else if refused {
            self.say(
                Mistake::Refused,
                format!(
                    "nothing listens at {place}: check host and port, see whether the server runs, \
                     and on which address"
                ),
            );
        } else if silent {
            self.say(
                Mistake::NoAnswer,
                format!(
                    "nothing comes back from {place}: check host and port, then whether a firewall \
                     here, there or between drops the packets"
                ),
            );
        }
    }

    /// What works is slowed down by what does not.
    fn of_addresses(&mut self) {
        let hurts = |one: &&Address| {
            let error = one.error.as_ref();
            !is_own(one) && error.is_some_and(|error| is_silent(error) || is_refused(error))
        };
        let dead: Vec<&str> =
            self.report.addresses.iter().filter(hurts).map(|one| one.text.as_str()).collect();
        if !dead.is_empty() {
            let text = format!(
                "of the addresses of {} these do not answer: {}; mail goes to the others, after a \
                 delay: have them mended, or taken out of the name service",
                self.report.host,
                dead.join(", ")
            );
            self.say(Mistake::Addresses, text);
        }
    }

    fn of_tls(&mut self, error: &Error) {
        let message = error.message();
        if ["client certificate", "certificate required"].iter().any(|one| message.contains(one)) {
            return self.say(
                Mistake::ClientCertificate,
                "the server wants a certificate of this client: set it with \
                 smtp_tls_set_client_certificate()",
            );
        }
        let text = if message.contains("TLS version") {
            "server and client have no version of TLS in common: the server is too old, or \
             smtp_tls_set_min_version() and smtp_tls_set_max_version() ask for too much"
                .to_owned()
        } else {
            format!("the TLS handshake fails ({message}): {ASK}")
        };
        self.say(Mistake::Tls, text);
    }

    fn of_greeting(&mut self, error: &Error) {
        if error.reply_code() / 100 == 4 {
            return self.say(
                Mistake::Later,
                "the server has no time for this machine now, or holds it back for a while: try \
                 again later, with fewer connections at a time",
            );
        }
        self.say(
            Mistake::Unwanted,
            "the server turns this machine's address away: it may be on a block list, or lack a \
             name in the reverse zone; send by the provider's submission server instead, on port \
             587 or 465 with a login",
        );
    }

    fn of_no_starttls(&mut self) {
        let is_masked = self.report.ehlo_clear.iter().flat_map(|text| text.lines());
        let is_masked = is_masked.clone().any(|line| line.starts_with(MASK));
        let why = if is_masked {
            "something between, such as a firewall that inspects mail, overwrites the offer: have \
             that switched off"
        } else {
            "the server has no TLS, or something between takes the offer away: try from another \
             network, or port 465 with smtps://"
        };
        let text = format!("{} does not offer STARTTLS: {why}. {NOT_IN_CLEAR}", self.port());
        self.say(Mistake::NoStartTls, text);
    }

    fn port(&self) -> String {
        match self.report.port {
            0 => self.report.place(),
            port => format!("port {port}"),
        }
    }
}

/// The connection has ended, or nothing comes.
fn is_broken(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Disconnected | ErrorKind::Io)
}

fn is_refused(error: &Error) -> bool {
    error.os_code() == libc::ECONNREFUSED
}

fn is_silent(error: &Error) -> bool {
    error.kind() == ErrorKind::Timeout || error.os_code() == libc::ETIMEDOUT
}

/// On this machine.
fn is_own(address: &Address) -> bool {
    let text = &address.text;
    text.starts_with('/') || text.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// On this machine, or in a network of the house's own: what a provider closes lies beyond.
fn is_near(address: &Address) -> bool {
    let without_zone = address.text.split('%').next().unwrap_or_default();
    is_own(address)
        || match without_zone.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(four)) => four.is_private() || four.is_link_local() || four.is_loopback(),
            Ok(IpAddr::V6(six)) => six.is_unique_local() || six.is_unicast_link_local(),
            Err(_) => false,
        }
}

const ASK: &str = "the server's administrator has to look at its TLS";

/// What some firewalls write over the names of extensions.
const MASK: &str = concat!("XX", "XX");

const NOT_IN_CLEAR: &str = "Do not send in clear instead";

#[cfg(test)]
mod tests;
