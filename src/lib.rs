//! An SMTP and LMTP client with a C interface.
//!
//! [`client::Client`] is the blocking client; [`session::Session`] is the protocol without I/O
//! beneath it. C programs see `include/smtpclient.h`, which is generated from `ffi`.

#![deny(unsafe_code, unused_must_use)]

pub mod client;
pub mod error;
#[allow(unsafe_code)]
pub mod ffi;
pub mod message;
pub mod sasl;
pub mod session;
pub mod transport;
pub mod wire;
