//! What the caller has set on a client, with defaults that are safe.

use std::time::Duration;

use crate::transport::TlsPolicy;

use super::endpoint::Endpoint;

/// How long an operation may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeoutPolicy {
    /// Every wait has the limit that RFC 5321 section 4.5.3.2 gives its phase.
    #[default]
    Rfc,
    /// No limit.
    Never,
    /// Each call as a whole ends within this time; in a batch, each transaction.
    After(Duration),
}

/// The settings that outlive a connection.
#[derive(Default)]
pub(super) struct Config {
    /// The name for EHLO, if the caller gave one.
    pub hostname: Option<String>,
    pub timeout: TimeoutPolicy,
    pub endpoint: Endpoint,
    /// The last connection was made to it, by `open`, and it was not changed since.
    pub is_opened: bool,
    pub source: Option<(String, u16)>,
    /// The default one is made when it is needed: a new client needs no memory.
    pub tls: Option<TlsPolicy>,
    /// Mechanisms to try, in order; empty for the library's own order.
    pub mechanisms: Vec<String>,
    pub allow_plaintext_auth: bool,
}

/// How long a connection attempt may take by default: RFC 5321 section 4.5.3.2.1 gives the
/// greeting five minutes, and the connection itself no more than that makes sense.
pub(super) const CONNECT: Duration = Duration::from_secs(300);
