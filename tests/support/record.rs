//! What a server saw: connections, command lines, messages, flights, and what was wrong with them.

use std::sync::Arc;

/// Everything since the server started.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub connections: Vec<Connection>,
}

/// One connection, in the order in which they were accepted.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Every line that came as a command or an AUTH response, without its line end.
    pub commands: Vec<Vec<u8>>,
    /// Every message whose end arrived, accepted or not.
    pub messages: Vec<Arc<Message>>,
    /// How often bytes came after the server had answered all before: round trips. Exact when the
    /// server was told to [`settle`](super::Builder::settle); else at least the true number.
    pub flights: usize,
    /// The first bytes received, decrypted, up to [`KEPT`].
    pub received: Vec<u8>,
    /// How many bytes were received, decrypted.
    pub received_len: u64,
    pub tls: Option<TlsFacts>,
    /// Why a TLS handshake failed.
    pub tls_error: Option<String>,
    /// The user who logged in.
    pub login: Option<String>,
    /// Rules of the protocol that the client broke.
    pub faults: Vec<String>,
    /// Where the conversation left the script.
    pub failure: Option<String>,
    pub ended: Option<End>,
}

/// How much of a connection's raw input is kept.
pub const KEPT: usize = 4 * 1024 * 1024;

/// How a connection ended, seen from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The client closed, with close_notify under TLS.
    Eof,
    /// The client closed a TLS connection without close_notify.
    Truncated,
    /// The system or the TLS layer reported an error.
    Error(String),
    /// Nothing came within the server's own deadline.
    Deadline,
    /// The server was told to stop.
    Stopped,
    /// The server closed.
    Closed,
    /// The conversation left the script.
    Failed(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.3`
    pub version: String,
    pub cipher: String,
    /// The name the client asked for by SNI.
    pub server_name: Option<String>,
    /// The client's certificate, DER.
    pub client_certificate: Option<Vec<u8>>,
}

/// One message and its envelope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Without angle brackets.
    pub sender: String,
    pub mail_params: Vec<String>,
    /// The accepted recipients.
    pub recipients: Vec<Recipient>,
    /// The refused ones, with the reply each got.
    pub refused: Vec<(String, String)>,
    /// The bytes exactly as they came, for DATA with stuffing and final dot.
    pub wire: Vec<u8>,
    /// The message: unstuffed, without the final dot.
    pub content: Vec<u8>,
    /// Length of `content`, also when it was discarded.
    pub size: u64,
    /// FNV-1a of `content`, also when it was discarded.
    pub hash: u64,
    /// BDAT chunks; 0 for DATA.
    pub chunks: usize,
    pub encrypted: bool,
    /// The reply to its end, or those per recipient under LMTP, joined by `\n`.
    pub reply: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipient {
    pub address: String,
    pub params: Vec<String>,
}

impl Message {
    /// Accepted at its end.
    pub fn is_accepted(&self) -> bool {
        self.reply.starts_with('2')
    }

    pub fn addresses(&self) -> Vec<&str> {
        self.recipients.iter().map(|recipient| recipient.address.as_str()).collect()
    }
}

impl Connection {
    /// The commands as text.
    pub fn lines(&self) -> Vec<String> {
        self.commands.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    /// The commands' verbs in upper case.
    pub fn verbs(&self) -> Vec<String> {
        let verb = |line: String| line.split(' ').next().unwrap_or("").to_ascii_uppercase();
        self.lines().into_iter().map(verb).collect()
    }
}

impl Record {
    /// The messages of all connections.
    pub fn messages(&self) -> Vec<Arc<Message>> {
        self.connections.iter().flat_map(|one| one.messages.iter().cloned()).collect()
    }

    /// The command lines of all connections.
    pub fn lines(&self) -> Vec<String> {
        self.connections.iter().flat_map(Connection::lines).collect()
    }

    pub fn flights(&self) -> usize {
        self.connections.iter().map(|one| one.flights).sum()
    }

    pub fn faults(&self) -> Vec<String> {
        self.connections.iter().flat_map(|one| one.faults.iter().cloned()).collect()
    }

    /// Where conversations left their scripts.
    pub fn failures(&self) -> Vec<String> {
        self.connections.iter().filter_map(|one| one.failure.clone()).collect()
    }
}

/// FNV-1a, 64 bits: enough to tell messages apart in a test.
pub fn fnv(mut hash: u64, bytes: &[u8]) -> u64 {
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    }
    hash
}

/// The start value of [`fnv`].
pub const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
