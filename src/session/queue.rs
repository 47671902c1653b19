//! Commands sent, replies awaited, in order.

use std::collections::VecDeque;

/// What a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    Greeting,
    Hello,
    /// EHLO that falls back to HELO.
    FirstHello,
    Command,
    StartTls,
    Auth,
    Quit,
    /// RSET that the engine sent after a failed transaction.
    Reset,
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
        matches!(self.awaited, Reset | Mail | Rcpt(_) | Data | Chunk | Final | LoneDot)
    }
}

#[derive(Default)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    /// Replies owed to commands that the caller put himself.
    owed: usize,
    /// The caller sent bytes of his own: what they call forth cannot be known.
    pub raw: bool,
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
        self.owed = 0;
        self.raw = false;
    }

    /// A command was put whose reply the caller will collect.
    pub fn owe(&mut self) {
        self.owed += 1;
    }

    pub fn owed(&self) -> usize {
        self.owed
    }

    pub fn collected(&mut self) {
        self.owed = self.owed.saturating_sub(1);
    }
}
