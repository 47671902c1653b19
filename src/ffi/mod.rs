//! The C surface: the only module that C sees, and the only one that trusts a pointer.
//!
//! Every function converts its arguments, runs one call of the client under the guard, and turns
//! the outcome into a code; anything longer belongs elsewhere. The header is generated from
//! these files in the order of build.rs, so their doc comments are written for a C reader; what
//! holds for every function stands once, in prologue.h.
//!
//! The pointer contract, for every function: a handle is NULL or came from its `*_new`; a string
//! is NULL or NUL-terminated; an array is NULL or has the count given with it. What can be
//! checked of that is checked, without reading the memory in question. `boundary` is what they all
//! stand on.
#![allow(clippy::missing_safety_doc)]

pub mod auth;
pub mod client;
pub mod command;
pub mod connection;
pub mod envelope;
pub mod error;
pub mod events;
pub mod mail;
pub mod message;
pub mod mime;
pub mod next_try;
pub mod observe;
pub mod recipient;
pub mod reply;
pub mod report;
pub mod setup;
pub mod tls;
pub mod token;
pub mod transaction;
pub mod version;

mod boundary;
mod content;
mod lease;
