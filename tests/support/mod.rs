//! Test servers: SMTP and LMTP over TCP, Unix sockets and TLS, on threads of their own.
//!
//! A [`Server`] treats its n-th connection with the n-th [`Script`] it was given, and every further
//! one with its [`Engine`], a strict server that behaves. Everything is recorded: see [`Record`].
//!
//! ```ignore
//! let server = Server::engine(Engine::new().refuse("bob@b.example", "550 5.1.1 no such user"));
//! client.connect("127.0.0.1", server.port())?;
//! let record = server.finish();             // panics if the client broke the protocol's rules
//! assert_eq!(record.messages()[0].content, b"Subject: x\r\n\r\nbody\r\n");
//!
//! let server = Server::script(Script::new()
//!     .reply("220 test").expect("EHLO ").reply("250-test\r\n250 SIZE 10")
//!     .expect("MAIL FROM:<a@b.example>").send(b"421 4.3.2 clos").close());
//!
//! // An engine that misbehaves at one point: n-th time 1-based, 0 = every time.
//! Engine::new().answer("RCPT", 2, "421 4.3.2 bye").at("END-OF-DATA", 1, Script::new().reset());
//! ```
//!
//! No server outlives its value or its own deadline, whatever the client does.
// Each test program uses a part of it.
#![allow(dead_code, unused_imports)]

mod auth;
pub mod certs;
mod client;
mod conn;
mod data;
mod engine;
mod hub;
mod judge;
pub mod modes;
pub mod options;
mod path;
mod record;
mod scram;
mod script;
mod server;
mod session;
mod session_data;
mod stream;
mod temp;
mod tls;

pub use certs::{Kind, authority, client_identity};
pub use client::Client;
pub use engine::Engine;
pub use record::{Connection, End, Message, Recipient, Record, TlsFacts};
pub use scram::Proof;
pub use script::Script;
pub use server::{Builder, Server, closed_port};
pub use temp::TempDir;
pub use tls::ServerTls;
