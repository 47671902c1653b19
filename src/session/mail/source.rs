//! The message of a transaction: in memory, or read as it goes out.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::wire::Surveyor;

use super::cursor::Progress;
use super::transaction::Transaction;

/// A message up to this size rides in one flight with its envelope; the body of a larger one,
/// in octets, waits until the server has accepted the envelope.
pub const SMALL_MESSAGE: usize = 64 * 1024;

/// How much of a clean message is read at a time: it lies in a processor's cache.
const AHEAD: usize = 128 * 1024;

/// A source of message bytes.
pub trait BodyReader: Send {
    /// Fills `buffer` with the next bytes; 0 is the end, and `None` that there is nothing now: it
    /// is asked again when [`BodyReader::descriptor`] is readable. An error fails the
    /// transaction, and the message is never delivered cut short.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>>;

    /// What to wait for behind a `None`.
    fn descriptor(&self) -> Option<i32> {
        None
    }

    /// What it gives can go out as it is: every line ends with CRLF, the last one too, and none
    /// begins with a dot.
    fn is_clean(&self) -> bool {
        false
    }

    /// It is known to give nothing but ASCII.
    fn is_ascii(&self) -> bool {
        false
    }

    /// Another reader of the same message from its beginning, if it can be read again.
    fn again(&self) -> Option<Box<dyn BodyReader>> {
        None
    }
}

/// The message, in whatever form the caller has it.
#[derive(Default)]
pub enum Body {
    #[default]
    Empty,
    Owned(Vec<u8>),
    /// One for several transactions.
    Shared(Arc<Vec<u8>>),
    Borrowed(&'static [u8]),
    /// A rewritten head before a borrowed rest.
    Parts(Vec<u8>, &'static [u8]),
    /// A reader, and how many bytes it will give if that is known.
    Reader(Box<dyn BodyReader>, Option<u64>),
}

impl Transaction {
    pub fn set_body(&mut self, body: Body) {
        self.body = body;
        self.survey = None;
        self.head.clear();
        self.filled = 0;
        self.whole = false;
        self.spent = false;
    }

    /// The message's size as it was given, if it is known.
    pub fn size(&self) -> Option<u64> {
        match &self.body {
            Body::Reader(_, size) if !self.whole => *size,
            _ => Some(self.parts().iter().map(|part| part.len() as u64).sum()),
        }
    }

    /// The message's bytes, as far as they are in memory.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        match &self.body {
            Body::Empty => [&[], &[]],
            Body::Owned(bytes) => [bytes, &[]],
            Body::Shared(bytes) => [bytes, &[]],
            Body::Borrowed(bytes) => [bytes, &[]],
            Body::Parts(head, rest) => [head, rest],
            Body::Reader(..) => [&self.head, &[]],
        }
    }

    /// Part of the message must still be read.
    pub(super) fn streams(&self) -> bool {
        matches!(self.body, Body::Reader(..)) && !self.whole
    }

    /// Reads the beginning of a reader's message, so that a small one is known in whole, and
    /// surveys what is in memory. False if the reader has nothing now.
    pub(super) fn prepare(&mut self) -> Result<bool> {
        if self.spent && !self.read_again() {
            return Err(Error::new(
                ErrorKind::Misuse,
                "the message reader was read to send this transaction before; set it again",
            ));
        }
        if matches!(self.body, Body::Reader(..)) && self.survey.is_none() && !self.read_head()? {
            return Ok(false);
        }
        if self.survey.is_none() {
            let mut surveyor = Surveyor::new();
            for part in self.parts() {
                surveyor.push(part);
            }
            self.survey = Some(surveyor.finish());
        }
        Ok(true)
    }

    /// Begins anew with a reader that was read; false if that cannot be.
    pub(super) fn read_again(&mut self) -> bool {
        let Body::Reader(reader, size) = &self.body else { return false };
        let Some(reader) = reader.again() else { return false };
        let size = *size;
        self.set_body(Body::Reader(reader, size));
        true
    }

    /// Its message can be sent, though it was sent before.
    pub(super) fn is_readable(&self) -> bool {
        !self.spent || self.can_be_read_again()
    }

    pub(super) fn can_be_read_again(&self) -> bool {
        matches!(&self.body, Body::Reader(reader, _) if reader.again().is_some())
    }

    fn read_head(&mut self) -> Result<bool> {
        let Body::Reader(reader, size) = &mut self.body else { return Ok(true) };
        // Room for its end as well, and no more where there are many small ones.
        let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(SMALL_MESSAGE);
        let room = size.saturating_add(1).clamp(self.filled, SMALL_MESSAGE);
        self.head.resize(room, 0);
        while self.filled < room && !self.whole {
            match reader.read(&mut self.head[self.filled..]) {
                Ok(Some(0)) => self.whole = true,
                Ok(Some(count)) => self.filled += count,
                Ok(None) => return Ok(false),
                Err(error) => {
                    self.spent = true;
                    return Err(error);
                }
            }
        }
        self.head.truncate(self.filled);
        if self.whole {
            self.check_size(self.filled as u64).inspect_err(|_| {
                // What was read is no message, for no other transaction either.
                (self.whole, self.spent) = (false, true);
            })?;
        }
        Ok(true)
    }

    /// Its reader has given all that was announced, and has no more.
    pub(super) fn has_ended(&mut self, read: u64) -> Result<bool> {
        let Body::Reader(reader, _) = &mut self.body else { return Ok(true) };
        match reader.read(&mut [0])? {
            Some(0) => Ok(true),
            Some(more) => self.check_size(read + more as u64).map(|()| false),
            None => Ok(false),
        }
    }

    /// What is not in memory may be other than ASCII.
    pub(super) fn may_stream_eight_bit(&self) -> bool {
        !self.whole && matches!(&self.body, Body::Reader(reader, _) if !reader.is_ascii())
    }

    /// Its reader's bytes need no encoding.
    pub(super) fn streams_clean(&self) -> bool {
        !self.whole && matches!(&self.body, Body::Reader(reader, _) if reader.is_clean())
    }

    /// Reads the next of a clean message over what was read before; `Ended` if there is no more.
    pub(super) fn read_ahead(&mut self) -> Result<Progress> {
        let Body::Reader(reader, _) = &mut self.body else { return Ok(Progress::Ended) };
        self.spent = true;
        self.head.resize(AHEAD, 0);
        let mut filled = 0;
        let mut progress = Progress::Full;
        while filled < AHEAD {
            match reader.read(&mut self.head[filled..])? {
                Some(0) => progress = Progress::Ended,
                Some(count) => filled += count,
                None => progress = Progress::Starved,
            }
            if progress != Progress::Full {
                break;
            }
        }
        self.head.truncate(filled);
        Ok(if filled > 0 { Progress::Full } else { progress })
    }

    /// What to wait for when the reader has nothing.
    pub(super) fn descriptor(&self) -> Option<i32> {
        match &self.body {
            Body::Reader(reader, _) => reader.descriptor(),
            _ => None,
        }
    }

    /// A reader that gives less or more than its size promises is broken, and a message cut
    /// short must not be delivered.
    pub(super) fn check_size(&self, read: u64) -> Result<()> {
        match &self.body {
            Body::Reader(_, Some(size)) if *size != read => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("the message reader gave {read} bytes where {size} were announced"),
            )),
            _ => Ok(()),
        }
    }
}
