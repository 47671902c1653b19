//! Advice about the server's certificate.

use crate::error::{Error, Flaw};

use super::{ASK, Found, Mistake};

impl Found<'_> {
    pub(super) fn of_certificate(&mut self, error: &Error, flaw: Flaw) {
        let host = &self.report.certified;
        let names = match self.report.tls.names.as_deref() {
            None | Some("") => "others".to_owned(),
            Some(names) => names.to_owned(),
        };
        let date = |date: &Option<String>| date.clone().unwrap_or_else(|| "a day".to_owned());
        match flaw {
            Flaw::Name => self.say(
                Mistake::CertificateName,
                format!(
                    "the certificate is not for {host} but for {names}: connect to one of these \
                     names, or, where the server is known to be the right one, say which with \
                     smtp_tls_set_server_name()"
                ),
            ),
            // RFC 9525 section 2: the common name counts for nothing.
            Flaw::NoName => self.say(
                Mistake::CertificateName,
                "the certificate names nobody in its subject alternative name, so that no name to \
                 connect to fits it: its administrator has to have it issued anew",
            ),
            Flaw::Expired if self.report.tls.days_left.is_none_or(|days| days < 0) => {
                let since = date(&self.report.tls.not_after);
                self.say(
                    Mistake::CertificateExpired,
                    format!(
                        "the certificate has expired on {since}: the server's administrator has to \
                         renew it (if that day is still to come, this machine's clock is wrong)"
                    ),
                );
            }
            Flaw::Expired => self.say(
                Mistake::CertificateExpired,
                "a certificate in the chain of the server's has expired: the server's administrator \
                 has to send the new chain, or this machine's roots are out of date",
            ),
            Flaw::NotYetValid => {
                let from = date(&self.report.tls.not_before);
                self.say(
                    Mistake::CertificateNotYetValid,
                    format!(
                        "the certificate is valid from {from} on: set this machine's clock, if it \
                         is not the server's administrator who was too early"
                    ),
                );
            }
            Flaw::NoRoots => self.say(
                Mistake::NoRoots,
                "this machine has no root certificates to trust: install the package \
                 ca-certificates, or name a file of them with smtp_tls_set_ca_file()",
            ),
            Flaw::SelfSigned => self.say(
                Mistake::CertificateIssuer,
                "the certificate is signed by itself alone: if it is the right one, trust it with \
                 smtp_tls_set_ca_file(), given the certificate in a file by its administrator, not \
                 as it came over this network",
            ),
            Flaw::Issuer => {
                let issuer = self.report.tls.issuer.as_deref().unwrap_or("nobody known");
                let text = format!(
                    "the certificate is issued by {issuer}, whom this machine does not trust: if \
                     it is a company's own authority, name its certificate with \
                     smtp_tls_set_ca_file(); if it is a public one, the server does not send the \
                     intermediate certificate, which its administrator has to mend"
                );
                self.say(Mistake::CertificateIssuer, text);
            }
            Flaw::Other => self.say(
                Mistake::Certificate,
                format!("the certificate is not accepted ({}): {ASK}", error.message()),
            ),
        }
    }

    pub(super) fn of_days(&mut self) {
        let days = match self.report.tls.days_left {
            Some(days @ 0..SOON) if !self.report.is_distrusted() => days,
            _ => return,
        };
        let text = format!(
            "the certificate expires in {days} days: the server's administrator should see why it \
             was not renewed"
        );
        self.say(Mistake::CertificateExpires, text);
    }
}

/// Renewal comes a month before the end; where it did not, somebody should know.
const SOON: i32 = 14;
