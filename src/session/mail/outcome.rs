//! What became of a transaction: one verdict per recipient, and the final one.

use smallvec::SmallVec;

use crate::error::{Error, ErrorKind};

/// What became of the message for one recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecipientStatus {
    /// Never offered to the server, or surely not delivered: sending again is safe.
    #[default]
    NotTried,
    /// The server took responsibility for it.
    Accepted,
    /// The server refused it; the reply says why.
    Refused,
    /// The message was handed over and its reply never came.
    Unknown,
}

/// How far a transaction came, by what the server has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// Nothing of it reached the server.
    #[default]
    None,
    /// MAIL went out.
    Sender,
    /// MAIL was accepted.
    Recipients,
    /// A recipient was accepted.
    Data,
    /// The whole message went out.
    Message,
    /// It was answered, whatever the answer.
    Done,
}

/// A range of bytes in the outcome's store of texts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Text {
    from: u32,
    to: u32,
}

impl Text {
    /// At most `length` bytes of it.
    pub fn first(self, length: usize) -> Text {
        Text { from: self.from, to: self.to.min(self.from + length as u32) }
    }
}

/// Replies of one transaction. Texts share one buffer, which a reused transaction keeps;
/// those of one recipient and of a short final reply fit in it without a block of their own.
#[derive(Default)]
pub(super) struct Outcome {
    pub sent: bool,
    pub phase: Reached,
    pub error: Option<Error>,
    pub reply_code: u16,
    pub reply_text: Text,
    texts: SmallVec<[u8; 64]>,
}

impl Outcome {
    pub fn clear(&mut self) {
        self.sent = false;
        self.phase = Reached::None;
        self.error = None;
        self.reply_code = 0;
        self.reply_text = Text::default();
        self.texts.clear();
    }

    pub fn store(&mut self, text: &[u8]) -> Text {
        let from = self.texts.len() as u32;
        self.texts.extend_from_slice(text);
        Text { from, to: self.texts.len() as u32 }
    }

    pub fn text(&self, text: Text) -> &[u8] {
        self.texts.get(text.from as usize..text.to as usize).unwrap_or_default()
    }

    pub fn set_reply(&mut self, code: u16, text: &[u8]) {
        let text = self.store(text);
        self.share_reply(code, text);
    }

    /// The same for a text that is stored already.
    pub fn share_reply(&mut self, code: u16, text: Text) {
        self.reply_code = code;
        self.reply_text = text;
    }

    #[cfg(test)]
    pub fn size(&self) -> usize {
        self.texts.len()
    }

    pub fn kind(&self) -> Option<ErrorKind> {
        self.error.as_ref().map(Error::kind)
    }
}
