//! How a connection comes to be private: what the caller asks for, and what that means for one
//! server (RFC 8314, RFC 3207). Pure: it decides, and others do it.

use crate::session::Protocol;

/// What the caller asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// What the port, the place of the server and the credentials call for.
    #[default]
    Auto,
    /// Never TLS.
    None,
    /// STARTTLS where the server offers it, which whoever sits between can take away.
    Opportunistic,
    /// STARTTLS, or nothing.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Go on in clear.
    Clear,
    /// STARTTLS if the server offers it, else go on in clear.
    IfOffered,
    /// STARTTLS; without it nothing is sent but EHLO.
    StartTls,
    /// TLS before the greeting.
    Tls,
}

impl Security {
    /// `is_local` is a peer on this machine: its address is a loopback one, or it is a Unix
    /// socket.
    ///
    /// Credentials are for submission, whatever the port: but for that of relays STARTTLS is needed
    /// then, for the mail itself would go in clear where an attacker hides the offer.
    pub fn plan(
        self,
        protocol: Protocol,
        port: u16,
        is_local: bool,
        has_credentials: bool,
    ) -> Plan {
        let is_for = |submission| port == submission && !protocol.is_lmtp();
        match self {
            _ if protocol == Protocol::Smtps => Plan::Tls,
            Security::Tls => Plan::Tls,
            Security::StartTls => Plan::StartTls,
            Security::Opportunistic => Plan::IfOffered,
            Security::None => Plan::Clear,
            // RFC 8314 section 3.3: there nothing but TLS is understood, on this machine either.
            Security::Auto if is_for(SUBMISSIONS) => Plan::Tls,
            Security::Auto if is_local => Plan::Clear,
            Security::Auto if is_for(SUBMISSION) => Plan::StartTls,
            Security::Auto if has_credentials && port != RELAY => Plan::StartTls,
            Security::Auto => Plan::IfOffered,
        }
    }

    /// The port where the caller names none.
    pub fn default_port(self, protocol: Protocol) -> u16 {
        match self {
            Security::Tls if !protocol.is_lmtp() => SUBMISSIONS,
            Security::StartTls if !protocol.is_lmtp() => SUBMISSION,
            _ => protocol.default_port(),
        }
    }
}

/// Relaying, RFC 5321.
const RELAY: u16 = 25;

/// Message submission, RFC 6409.
const SUBMISSION: u16 = 587;

/// Message submission over TLS, RFC 8314.
const SUBMISSIONS: u16 = 465;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans() {
        use Protocol::{Lmtp, Smtp, Smtps};
        use Security::{Auto, None, Opportunistic, StartTls, Tls};
        // Each for a server elsewhere without and with credentials, and for one on this machine
        // without and with them.
        let cases = [
            (Auto, Smtp, 25, [Plan::IfOffered, Plan::IfOffered, Plan::Clear, Plan::Clear]),
            (Auto, Smtp, 587, [Plan::StartTls, Plan::StartTls, Plan::Clear, Plan::Clear]),
            (Auto, Smtp, 465, [Plan::Tls; 4]),
            (Auto, Smtp, 2525, [Plan::IfOffered, Plan::StartTls, Plan::Clear, Plan::Clear]),
            (Auto, Smtps, 25, [Plan::Tls; 4]),
            (Auto, Smtps, 587, [Plan::Tls; 4]),
            (Auto, Lmtp, 2003, [Plan::IfOffered, Plan::StartTls, Plan::Clear, Plan::Clear]),
            // Ports of submission say nothing of LMTP.
            (Auto, Lmtp, 465, [Plan::IfOffered, Plan::StartTls, Plan::Clear, Plan::Clear]),
            (Auto, Lmtp, 587, [Plan::IfOffered, Plan::StartTls, Plan::Clear, Plan::Clear]),
            // Whoever chose is obeyed, whatever the port.
            (None, Smtp, 587, [Plan::Clear; 4]),
            (None, Smtp, 465, [Plan::Clear; 4]),
            (Opportunistic, Smtp, 587, [Plan::IfOffered; 4]),
            (StartTls, Smtp, 25, [Plan::StartTls; 4]),
            (StartTls, Smtp, 465, [Plan::StartTls; 4]),
            (StartTls, Lmtp, 2003, [Plan::StartTls; 4]),
            (Tls, Smtp, 25, [Plan::Tls; 4]),
            (Tls, Lmtp, 2003, [Plan::Tls; 4]),
            // Save where the client was made for TLS.
            (None, Smtps, 465, [Plan::Tls; 4]),
            (StartTls, Smtps, 587, [Plan::Tls; 4]),
        ];
        for (security, protocol, port, expected) in cases {
            let plan = |is_local, known| security.plan(protocol, port, is_local, known);
            let plans =
                [plan(false, false), plan(false, true), plan(true, false), plan(true, true)];
            assert_eq!(plans, expected, "{security:?} {protocol:?} {port}");
        }
    }

    #[test]
    fn ports_where_none_is_named() {
        for (security, ports) in [
            (Security::Auto, [25, 465, 2003]),
            (Security::None, [25, 465, 2003]),
            (Security::Opportunistic, [25, 465, 2003]),
            (Security::StartTls, [587, 587, 2003]),
            (Security::Tls, [465, 465, 2003]),
        ] {
            let protocols = [Protocol::Smtp, Protocol::Smtps, Protocol::Lmtp];
            assert_eq!(protocols.map(|protocol| security.default_port(protocol)), ports);
        }
    }
}
