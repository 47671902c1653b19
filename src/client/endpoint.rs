//! Where a client goes, how that is secured, and as whom: what `open` builds on.

use zeroize::Zeroizing;

use crate::session::Protocol;

use super::security::{Plan, Security};
use super::token::TokenSource;

/// A server, and what is needed to be let in.
#[derive(Default)]
pub struct Endpoint {
    /// A name, an IP address without brackets, or the path of a Unix socket, which begins with
    /// "/"; empty if none was set.
    pub host: String,
    /// 0 for the default.
    pub port: u16,
    pub security: Security,
    pub credentials: Option<Credentials>,
    /// IP addresses, with a zone or without, in place of a look-up; empty for a look-up.
    pub addresses: Vec<String>,
}

/// Secrets in it are wiped when dropped. No `Debug`: they are shown nowhere.
pub struct Credentials {
    /// Never empty.
    pub user: Zeroizing<String>,
    /// `None` where only the user was named.
    pub password: Option<Zeroizing<String>>,
    /// In place of a password.
    pub source: Option<TokenSource>,
}

impl Endpoint {
    pub fn is_path(&self) -> bool {
        self.host.starts_with('/')
    }

    /// The port to connect to; a path has none.
    pub fn port(&self, protocol: Protocol) -> u16 {
        if self.port == 0 { self.security.default_port(protocol) } else { self.port }
    }

    /// What there is to do on a connection; see [`Security::plan`].
    pub fn plan(&self, protocol: Protocol, is_local: bool) -> Plan {
        let known = self.credentials.is_some();
        self.security.plan(protocol, self.port(protocol), is_local || self.is_path(), known)
    }
}
