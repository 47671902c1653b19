//! Commands sent, replies awaited, in order: each reply is awaited as something.

use std::collections::VecDeque;

/// What a reply answers, and so what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    Greeting,
    /// EHLO, LHLO or HELO; `falls_back`: a refused EHLO is followed by HELO.
    Hello {
        helo: bool,
        falls_back: bool,
    },
    Command,
    /// MAIL, RCPT and RSET by hand.
    BareMail {
        utf8: bool,
    },
    BareRcpt,
    BareReset,
    /// A reply to `putcmd` or to raw bytes, which the caller collects.
    Collected,
    StartTls,
    Auth,
    /// A reply to `putcmd` or to raw bytes that nobody collected before QUIT.
    Abandoned,
    Quit,
    /// RSET that the engine sent; `pipelined`: behind the end of a message not answered yet.
    Reset {
        pipelined: bool,
    },
    Mail,
    Rcpt(u32),
    Data,
    /// A BDAT that is not the last.
    Chunk,
    /// The end of the data, or the last BDAT.
    Final,
    /// A lone dot after 354 without a recipient.
    LoneDot,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub awaited: Awaited,
    /// The transaction it belongs to, if any.
    pub flight: u64,
    /// Where the command ends in the stream of bytes sent.
    pub end: u64,
}

impl Entry {
    pub fn is_mail(&self) -> bool {
        use Awaited::*;
        matches!(self.awaited, Reset { .. } | Mail | Rcpt(_) | Data | Chunk | Final | LoneDot)
    }

    /// The reply may come before the command is out: a message may be refused while it is sent.
    pub fn is_body(&self) -> bool {
        matches!(self.awaited, Awaited::Final | Awaited::Chunk)
    }
}

#[derive(Default)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
}

impl Queue {
    pub fn push(&mut self, awaited: Awaited, flight: u64, end: u64) {
        self.entries.push_back(Entry { awaited, flight, end });
    }

    pub fn front(&self) -> Option<Entry> {
        self.entries.front().copied()
    }

    pub fn back_mut(&mut self) -> Option<&mut Entry> {
        self.entries.back_mut()
    }

    pub fn pop(&mut self) {
        self.entries.pop_front();
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
