//! RFC 5322 messages: taking one apart for submission, and building one. Pure: it reads no clock
//! and no file.

pub mod build;
mod read;

pub use read::{Envelope, Submission, submission};
