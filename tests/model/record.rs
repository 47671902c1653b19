//! What the server saw and did on one connection: the truth that reports are held against.

use std::collections::HashSet;

/// One message that the server decided to deliver.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Which message of the stock it begins as.
    pub body: Option<usize>,
    /// It is that message and all of it.
    pub whole: bool,
    pub length: usize,
    pub sender: String,
    pub recipients: Vec<String>,
}

/// One connection.
#[derive(Debug, Default)]
pub struct Visit {
    pub log: Vec<u8>,
    /// The log has all that the client handed over.
    pub complete: bool,
    pub deliveries: Vec<Delivery>,
    /// Rules of the protocol that the client broke.
    pub violations: Vec<String>,
    /// Senders and recipients that the server refused of its own will, not for what stood before.
    pub excused: HashSet<String>,
    /// The code with which it closed, and whether that answered a message of LMTP's.
    pub closing: Option<(u16, bool)>,
    /// An early refusal: the sender, the code, and whether the client had to hear of it.
    pub early: Vec<(String, u16)>,
    /// It took a message and closed before the reply was out.
    pub unsaid: bool,
    /// A chunk was read as commands: body lines did run, and it was not the client's fault.
    pub confused: bool,
    pub transcript: Vec<String>,
}
