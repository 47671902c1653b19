//! Facts, and what is advised.

mod logins;

use super::super::Plan;
use super::super::report::TlsFacts;
use super::*;
use crate::error::{Detail, Flaw};
use crate::session::Protocol;

fn report(port: u16) -> Report {
    Report::new("mail.example.org", port, Protocol::Smtp, Plan::StartTls)
}

fn failed(port: u16, phase: Phase, error: Error) -> Report {
    Report { phase, error: Some(error), ..report(port) }
}

fn error(kind: ErrorKind, message: &str) -> Error {
    Error::new(kind, message)
}

/// Names are given as 198.51.100.1 and so on.
fn addresses(failures: &[(&str, Option<i32>)]) -> Vec<Address> {
    let one = |(text, code): &(&str, Option<i32>)| {
        let error = code.map(|code| {
            let kind = if code == libc::ETIMEDOUT { ErrorKind::Timeout } else { ErrorKind::Io };
            error(kind, "connect").with_os_code(code)
        });
        Address { text: (*text).to_owned(), milliseconds: 1, error }
    };
    failures.iter().map(one).collect()
}

fn unreached(port: u16, failures: &[(&str, Option<i32>)]) -> Report {
    let found = failed(port, Phase::Connect, error(ErrorKind::Io, "cannot connect"));
    Report { addresses: addresses(failures), ..found }
}

fn distrusted(flaw: Flaw, tls: TlsFacts) -> Report {
    let why = error(ErrorKind::Tls, "TLS: why").with_detail(Detail::Certificate(flaw));
    Report { tls, ..failed(587, Phase::StartTls, why) }
}

fn facts() -> TlsFacts {
    TlsFacts {
        names: Some("other.example".to_owned()),
        issuer: Some("CN=Company".to_owned()),
        not_before: Some("2100-01-01T00:00:00Z".to_owned()),
        not_after: Some("2021-01-01T00:00:00Z".to_owned()),
        days_left: Some(400),
        ..TlsFacts::default()
    }
}

#[track_caller]
fn check(what: &str, report: &Report, expected: &[(Mistake, &str)]) {
    let found = advice(report);
    let mistakes: Vec<Mistake> = found.iter().map(|one| one.mistake).collect();
    let wanted: Vec<Mistake> = expected.iter().map(|(mistake, _)| *mistake).collect();
    assert_eq!(mistakes, wanted, "{what}: {found:?}");
    for (advice, (_, words)) in found.iter().zip(expected) {
        assert!(advice.text.contains(words), "{what}: {} lacks {words}", advice.text);
        assert!(!advice.text.contains("  ") && !advice.text.ends_with('.'), "{}", advice.text);
    }
}

#[test]
fn nothing_wrong_nothing_to_say() {
    check("all is well", &Report { tls: facts(), ..report(587) }, &[]);
}

#[test]
fn hosts_that_are_not_reached() {
    let (gone, silent, no_way) = (libc::ECONNREFUSED, libc::ETIMEDOUT, libc::ENETUNREACH);
    let elsewhere = "198.51.100.1";
    let lookup = |kind| failed(25, Phase::Connect, error(kind, "cannot resolve"));
    check("no name", &lookup(ErrorKind::Resolve), &[(Mistake::Name, "mail.example.org")]);
    let again = lookup(ErrorKind::ResolveAgain);
    check("no name server", &again, &[(Mistake::NameService, "resolv.conf")]);
    for (port, address, code, expected) in [
        (587, elsewhere, gone, Some((Mistake::Refused, "nothing listens"))),
        (587, elsewhere, silent, Some((Mistake::NoAnswer, "firewall"))),
        (25, elsewhere, silent, Some((Mistake::Port25, "587"))),
        (25, elsewhere, gone, Some((Mistake::Port25, "587"))),
        (25, "2001:db8::1", gone, Some((Mistake::Port25, "587"))),
        // A relay in the house that is down.
        (25, "192.168.1.2", gone, Some((Mistake::Refused, "whether the server runs"))),
        (25, "10.0.0.1", gone, Some((Mistake::Refused, ""))),
        (25, "172.16.3.4", gone, Some((Mistake::Refused, ""))),
        (25, "169.254.3.4", gone, Some((Mistake::Refused, ""))),
        (25, "::ffff:10.0.0.1", gone, Some((Mistake::Refused, ""))),
        (25, "fd00::1", gone, Some((Mistake::Refused, ""))),
        (25, "fe80::1%eth0", gone, Some((Mistake::Refused, ""))),
        (25, "10.0.0.1", silent, Some((Mistake::NoAnswer, "firewall"))),
        // Nobody filters what does not leave this machine.
        (25, "127.0.0.1", gone, Some((Mistake::Refused, "whether the server runs"))),
        (25, "::1", gone, Some((Mistake::Refused, ""))),
        (587, elsewhere, no_way, None),
    ] {
        let report = unreached(port, &[(address, Some(code))]);
        let expected: Vec<_> = expected.into_iter().collect();
        check(&format!("{port} {address} {code}"), &report, &expected);
    }
    let both = unreached(587, &[("2001:db8::1", Some(no_way)), (elsewhere, Some(gone))]);
    check("one of two", &both, &[(Mistake::Refused, "")]);
    let mixed = unreached(25, &[("10.0.0.1", Some(no_way)), (elsewhere, Some(silent))]);
    check("near and far", &mixed, &[(Mistake::Port25, "")]);
}

#[test]
fn addresses_that_only_cost_time() {
    for (code, expected) in [
        (libc::ETIMEDOUT, &[(Mistake::Addresses, "198.51.100.1")][..]),
        (libc::ECONNREFUSED, &[(Mistake::Addresses, "198.51.100.1")]),
        // This machine has no such network, and knows it at once.
        (libc::ENETUNREACH, &[]),
    ] {
        let addresses = addresses(&[("198.51.100.1", Some(code)), ("198.51.100.2", None)]);
        check("some", &Report { addresses, ..report(587) }, expected);
    }
    let own = addresses(&[("::1", Some(libc::ECONNREFUSED)), ("127.0.0.1", None)]);
    check("localhost", &Report { addresses: own, ..report(587) }, &[]);
}

#[test]
fn ports_that_are_spoken_to_in_the_wrong_way() {
    let late = || error(ErrorKind::Timeout, "the greeting").with_detail(Detail::Greeting);
    for (port, way, phase, expected) in [
        (465, OtherWay::Tls, Phase::Greeting, (Mistake::TlsFirst, "port 465")),
        (465, OtherWay::Tls, Phase::Greeting, (Mistake::TlsFirst, "smtps://")),
        (587, OtherWay::Clear, Phase::Tls, (Mistake::ClearFirst, "smtp+starttls://")),
    ] {
        let found = Report { other_way: Some(way), ..failed(port, phase, late()) };
        check("other way", &found, &[expected]);
    }
    check("neither", &failed(465, Phase::Greeting, late()), &[(Mistake::Silent, "silent")]);
    let lost = error(ErrorKind::Disconnected, "the server closed the connection");
    check("hangs up", &failed(587, Phase::Hello, lost), &[(Mistake::Silent, "hangs up")]);
}

#[test]
fn greetings() {
    let turned = |code, text: &str| {
        failed(25, Phase::Greeting, error(ErrorKind::Connect, text).with_reply_code(code))
    };
    check("554", &turned(554, "554 no"), &[(Mistake::Unwanted, "block list")]);
    check("421", &turned(421, "421 busy"), &[(Mistake::Later, "later")]);
    let web = failed(80, Phase::Greeting, error(ErrorKind::Protocol, "no code"));
    check("no mail server", &web, &[(Mistake::NotSmtp, "mail.example.org:80")]);
    let bye = error(ErrorKind::Helo, "EHLO: 421 bye").with_reply_code(421);
    check("421 to EHLO", &failed(25, Phase::Hello, bye), &[(Mistake::Later, "")]);
}

#[test]
fn starttls_that_is_missing() {
    let missing = |ehlo: &str| {
        let why = error(ErrorKind::NotSupported, "STARTTLS: the server does not offer it");
        Report { ehlo_clear: Some(ehlo.to_owned()), ..failed(587, Phase::StartTls, why) }
    };
    let none = missing("mail.example.org\nSIZE 1");
    check("not offered", &none, &[(Mistake::NoStartTls, "port 587 does not offer STARTTLS")]);
    let why = error(ErrorKind::Response, "STARTTLS: 454 not now").with_reply_code(454);
    let broken = failed(587, Phase::StartTls, why);
    check("refused", &broken, &[(Mistake::Tls, "then refuses it")]);
    let masked = missing(&format!("mail.example.org\n{MASK}{MASK}A"));
    check("overwritten", &masked, &[(Mistake::NoStartTls, "overwrites")]);
}

#[test]
fn certificates() {
    let old = TlsFacts { days_left: Some(-3), ..facts() };
    let cases: &[(Flaw, TlsFacts, Mistake, &str)] = &[
        (
            Flaw::Name,
            facts(),
            Mistake::CertificateName,
            "not for mail.example.org but for other.example: connect to one",
        ),
        (
            Flaw::Name,
            TlsFacts::default(),
            Mistake::CertificateName,
            "not for mail.example.org but for others",
        ),
        (
            Flaw::NoName,
            TlsFacts::default(),
            Mistake::CertificateName,
            "names nobody in its subject alternative name",
        ),
        (Flaw::Expired, old, Mistake::CertificateExpired, "2021-01-01"),
        (Flaw::Expired, facts(), Mistake::CertificateExpired, "in the chain"),
        (Flaw::NotYetValid, facts(), Mistake::CertificateNotYetValid, "2100-01-01"),
        (Flaw::SelfSigned, facts(), Mistake::CertificateIssuer, "smtp_tls_set_ca_file()"),
        (Flaw::Issuer, facts(), Mistake::CertificateIssuer, "CN=Company"),
        (Flaw::NoRoots, facts(), Mistake::NoRoots, "ca-certificates"),
        (Flaw::Other, facts(), Mistake::Certificate, "why"),
    ];
    for (flaw, tls, mistake, words) in cases {
        check(&format!("{flaw:?}"), &distrusted(*flaw, tls.clone()), &[(*mistake, words)]);
    }
    // As it was set with smtp_tls_set_server_name().
    let other = distrusted(Flaw::Name, facts());
    let other = Report { certified: "set.example".to_owned(), ..other };
    check("another name", &other, &[(Mistake::CertificateName, "not for set.example but")]);
    for (message, mistake) in [
        ("TLS: no TLS version in common with the server (x)", Mistake::Tls),
        ("TLS: the server ended it with the alert \"handshake failure\"", Mistake::Tls),
        ("TLS: the server requires a client certificate (x)", Mistake::ClientCertificate),
    ] {
        let found = failed(465, Phase::Tls, error(ErrorKind::Tls, message));
        check(message, &found, &[(mistake, "")]);
    }
}

#[test]
fn certificates_that_expire_soon() {
    for (days, expected) in [
        (14, &[][..]),
        (13, &[(Mistake::CertificateExpires, "13 days")]),
        (0, &[(Mistake::CertificateExpires, "0 days")]),
    ] {
        let tls = TlsFacts { days_left: Some(days), ..facts() };
        check("soon", &Report { tls: tls.clone(), ..report(587) }, expected);
        // What is refused already has a reason of its own.
        let found = distrusted(Flaw::Issuer, tls);
        check("refused", &found, &[(Mistake::CertificateIssuer, "")]);
    }
}
