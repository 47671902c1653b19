//! RFC 5322 messages: taking one apart for submission, and building one. Pure: it reads no clock
//! and no file.

mod read;

pub use read::{Envelope, Submission, submission};
