//! Building a message.

pub mod base64;
