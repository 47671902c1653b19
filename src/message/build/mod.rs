//! Building a message.

pub mod base64;
pub mod choice;
mod lines;
pub mod quoted_printable;
