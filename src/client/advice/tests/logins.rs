//! Logins that fail, by passwords and by tokens.

use super::*;

fn refused(code: u16, text: &str) -> Report {
    let message = format!("AUTH PLAIN: {code} {text}");
    let why = error(ErrorKind::Authentication, &message).with_reply_code(code);
    Report { is_encrypted: true, ..failed(587, Phase::Login, why) }
}

fn without_login(kind: ErrorKind, port: u16, mechanisms: &str, in_clear: bool) -> Report {
    Report {
        mechanisms: Some(mechanisms.to_owned()),
        is_encrypted: !in_clear,
        offers_starttls: in_clear,
        ..failed(port, Phase::Login, error(kind, "AUTH: no"))
    }
}

#[test]
fn logins() {
    let oauth = (Mistake::OAuth, "smtp_client_set_token_source()");
    let google = "5.7.8 Username and Password not accepted. https://support.google.com/mail/?p=Bad";
    let cases: &[(Report, &[(Mistake, &str)])] = &[
        (refused(535, "5.7.8 no"), &[(Mistake::Password, "whole mail address")]),
        (refused(454, "4.7.0 temporary failure"), &[(Mistake::Later, "later")]),
        (
            refused(534, "5.7.9 Application-specific password required"),
            &[(Mistake::AppPassword, "app password")],
        ),
        (refused(535, google), &[(Mistake::Password, "app password"), oauth]),
        (
            refused(
                535,
                "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is \
                          disabled for the Tenant",
            ),
            &[(Mistake::OAuth, "smtp_client_login_oauth()")],
        ),
        (
            refused(535, "5.7.139 Authentication unsuccessful, basic authentication is disabled."),
            &[(Mistake::OAuth, "Microsoft")],
        ),
        (
            refused(550, "5.7.30 Basic authentication is not supported for Client Submission."),
            &[(Mistake::OAuth, "Microsoft")],
        ),
        (refused(550, "5.7.30 no"), &[(Mistake::OAuth, "Microsoft")]),
        (
            refused(
                535,
                "5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
            ),
            &[(Mistake::Password, "whole mail address")],
        ),
        (
            refused(
                535,
                "5.7.139 Authentication unsuccessful, user is locked by your organization",
            ),
            &[(Mistake::Password, "administrator")],
        ),
        (
            refused(534, "5.7.9 authentication mechanism is too weak"),
            &[(Mistake::Mechanism, "weak")],
        ),
        (
            refused(534, "5.7.9 log in with your web browser https://support.google.com/mail"),
            &[(Mistake::Password, ""), oauth],
        ),
        (refused(535, "5.7.300 no"), &[(Mistake::Password, "")]),
        (refused(535, "5.7.3 Authentication unsuccessful"), &[(Mistake::Password, ""), oauth]),
        (refused(538, "5.7.11 encryption needed"), &[(Mistake::LoginNeedsTls, "smtps://")]),
        (without_login(ErrorKind::NoMechanism, 587, "XOAUTH2 OAUTHBEARER", false), &[oauth]),
        (
            without_login(ErrorKind::NoMechanism, 587, "GSSAPI", false),
            &[(Mistake::Mechanism, "GSSAPI")],
        ),
        (
            without_login(ErrorKind::NotSupported, 587, "", true),
            &[(Mistake::LoginNeedsTls, "STARTTLS")],
        ),
        (without_login(ErrorKind::NotSupported, 25, "", false), &[(Mistake::NoLogin, "587")]),
        (without_login(ErrorKind::NotSupported, 587, "", false), &[(Mistake::NoLogin, "")]),
        (
            without_login(ErrorKind::Forbidden, 25, "PLAIN", true),
            &[(Mistake::LoginNeedsTls, "smtp+starttls://")],
        ),
        (
            without_login(ErrorKind::NotSupported, 25, "X", true),
            &[(Mistake::Mechanism, "AUTH: no")],
        ),
        (
            without_login(ErrorKind::NotSupported, 587, "X", false),
            &[(Mistake::Mechanism, "offers")],
        ),
        (without_login(ErrorKind::Timeout, 587, "PLAIN", false), &[(Mistake::Silent, "")]),
    ];
    for (report, expected) in cases {
        check(report.error.as_ref().unwrap().message(), report, expected);
    }
}

fn by_token(kind: ErrorKind, message: &str, code: u16, detail: Detail) -> Report {
    let why = error(kind, message).with_reply_code(code).with_detail(detail);
    let mechanisms = Some("LOGIN XOAUTH2".to_owned());
    Report { by_token: true, is_encrypted: true, mechanisms, ..failed(587, Phase::Login, why) }
}

#[test]
fn logins_by_token() {
    let refused = (ErrorKind::Authentication, 535, Detail::Token);
    let other = |code| (ErrorKind::Authentication, code, Detail::None);
    let own = |kind| (kind, 0, Detail::None);
    let none = |kind| (kind, 0, Detail::NoToken);
    for ((kind, code, detail), message, expected) in [
        (none(ErrorKind::Timeout), "waiting for a token: late", (Mistake::NoToken, "in time")),
        (
            none(ErrorKind::Authentication),
            "the token source gave no token: no network",
            (Mistake::NoToken, "no network"),
        ),
        (own(ErrorKind::Timeout), "AUTH: the time limit passed", (Mistake::Silent, "")),
        (refused, "AUTH XOAUTH2: 535 5.7.3 no", (Mistake::Token, "get a new one")),
        (
            refused,
            "AUTH XOAUTH2: 535 5.7.3 no; the token source gave no token: none",
            (Mistake::Token, "scope"),
        ),
        (
            refused,
            "AUTH XOAUTH2: 535 5.7.139 the user credentials were incorrect",
            (Mistake::Token, "user"),
        ),
        (
            refused,
            "AUTH XOAUTH2: 535 5.7.139 SmtpClientAuthentication is disabled for the Tenant",
            (Mistake::NoLogin, "no token helps"),
        ),
        (refused, "AUTH XOAUTH2: 535 5.7.139 locked", (Mistake::NoLogin, "administrator")),
        (other(454), "AUTH XOAUTH2: 454 4.7.0 not now", (Mistake::Later, "")),
        (other(504), "AUTH XOAUTH2: 504 5.7.4 Unrecognized", (Mistake::Mechanism, "5.7.4")),
        (
            own(ErrorKind::NoMechanism),
            "AUTH: the server offers LOGIN XOAUTH2, the client has none",
            (Mistake::Mechanism, "the client has none"),
        ),
    ] {
        check(message, &by_token(kind, message, code, detail), &[expected]);
    }
}

/// Whatever the words: a server's own say nothing.
#[test]
fn impostors() {
    let why = |message: &str, detail| {
        let why = error(ErrorKind::Authentication, message).with_detail(detail);
        Report { is_encrypted: true, ..failed(587, Phase::Login, why) }
    };
    for (message, detail, mistake) in [
        ("AUTH SCRAM-SHA-256: no", Detail::Impostor, Mistake::Impostor),
        ("AUTH SCRAM-SHA-1: 535 the server's signature is wrong", Detail::None, Mistake::Password),
        ("AUTH PLAIN: 535 waiting for a token", Detail::None, Mistake::Password),
    ] {
        check(message, &why(message, detail), &[(mistake, "")]);
    }
}
