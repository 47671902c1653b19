//! The few states of a connection, and what each wait is for.

use std::time::Duration;

use super::Session;
use super::queue::Awaited;

/// Which protocol the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// SMTP, RFC 5321.
    Smtp,
    /// SMTP with TLS from the first byte, RFC 8314.
    Smtps,
    /// LMTP, RFC 2033.
    Lmtp,
}

impl Protocol {
    pub fn default_port(self) -> u16 {
        match self {
            Protocol::Smtp => 25,
            Protocol::Smtps => 465,
            Protocol::Lmtp => 2003,
        }
    }

    pub fn is_lmtp(self) -> bool {
        self == Protocol::Lmtp
    }
}

/// What is known of the connection's privacy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// Under TLS.
    pub encrypted: bool,
    /// The peer's address is this machine.
    pub loopback: bool,
}

impl Channel {
    /// Whether a password may cross it in clear.
    pub fn is_private(self) -> bool {
        self.encrypted || self.loopback
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Closed,
    Greeting,
    Open,
}

/// What a driver waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Command,
    DataInitiation,
    DataBlock,
    DataTermination,
    Quit,
}

impl Phase {
    /// How long RFC 5321 section 4.5.3.2 wants a client to wait.
    pub fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Phase::Command => 300,
            Phase::DataInitiation => 120,
            Phase::DataBlock => 180,
            Phase::DataTermination => 600,
            // Nobody's mail depends on the reply to QUIT.
            Phase::Quit => 5,
        })
    }
}

impl Session {
    /// What is waited for now; it sets the default limit (RFC 5321 section 4.5.3.2).
    pub fn phase(&self) -> Phase {
        match self.queue.front() {
            None => Phase::DataBlock,
            Some(entry) => match entry.awaited {
                Awaited::Data => Phase::DataInitiation,
                Awaited::Final | Awaited::LoneDot | Awaited::Chunk => {
                    if self.output.is_empty() && self.mail.starved().is_none() {
                        Phase::DataTermination
                    } else {
                        Phase::DataBlock
                    }
                }
                Awaited::Quit | Awaited::Abandoned => Phase::Quit,
                _ => Phase::Command,
            },
        }
    }
}
