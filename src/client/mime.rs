//! A message that the library has built on its way into a transaction.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::message::build::{Built, Stream};
use crate::session::{Body, BodyReader, Transaction};

/// Gives `transaction` the envelope and the bytes of `built`, and the options that it needs (RFC
/// 6531 section 3.4).
pub fn set_mime(transaction: &mut Transaction, built: &Arc<Built>) -> Result<()> {
    let envelope = built.envelope();
    if envelope.recipients().next().is_none() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "the message has no recipient in To, Cc or Bcc",
        ));
    }
    let reader = MimeReader(Stream::new(built)?);
    transaction.set_envelope(envelope.sender(), envelope.recipients())?;
    transaction.set_message_options(if envelope.needs_utf8() { UTF8 } else { &[] })?;
    transaction.set_body(Body::Reader(Box::new(reader), built.size()));
    Ok(())
}

/// The keyword of each option, and the option.
const UTF8: &[(&str, &str)] = &[("SMTPUTF8", "SMTPUTF8"), ("BODY", "BODY=8BITMIME")];

/// Random bits of the system.
pub fn random<const BYTES: usize>() -> Result<[u8; BYTES]> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(|error| {
        Error::new(ErrorKind::Io, format!("the system gives no random bytes: {error}"))
            .with_os_code(error.raw_os_error().unwrap_or(0))
    })?;
    Ok(random)
}

struct MimeReader(Stream);

impl BodyReader for MimeReader {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        self.0.read(buffer)
    }

    fn descriptor(&self) -> Option<i32> {
        self.0.descriptor()
    }

    fn is_clean(&self) -> bool {
        !self.0.built().has_dot_lines()
    }

    fn is_ascii(&self) -> bool {
        !self.0.built().is_eight_bit()
    }

    fn again(&self) -> Option<Box<dyn BodyReader>> {
        let stream = Stream::new(self.0.built()).ok()?;
        Some(Box::new(MimeReader(stream)))
    }
}
