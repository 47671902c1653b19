//! Commands and exchanges with one result each, and what the caller sends by himself.

use std::time::Instant;

use crate::error::Result;
use crate::sasl::{Mechanism, Secret};

use super::{Client, Needs, login};

/// What the session runs by itself, once it is begun.
pub enum Command {
    /// EHLO, or LHLO; `None` is the local host name.
    Ehlo(Option<String>),
    /// HELO; `None` is the local host name.
    Helo(Option<String>),
    /// The strongest mechanism that both sides know (smtplib: `login`).
    Login {
        user: Secret,
        password: Secret,
    },
    /// The same with an access token.
    LoginByToken {
        user: Secret,
        token: Secret,
    },
    /// A mechanism of the caller's own (smtplib: `auth`).
    Auth(Box<dyn Mechanism>),
    /// One of ours, by its name (smtplib: `auth`).
    Builtin {
        mechanism: String,
        user: Secret,
        password: Secret,
    },
    /// Any command (smtplib: `docmd`), which may hold a credential.
    Verb {
        verb: Secret,
        args: Secret,
    },
    /// A reply that is owed (smtplib: `getreply`).
    Reply,
    /// VRFY or EXPN.
    Query {
        verb: &'static str,
        address: String,
    },
    Mail {
        sender: String,
        options: Vec<String>,
    },
    Rcpt {
        recipient: String,
        options: Vec<String>,
    },
    /// DATA and the message; the final reply's code, whatever it is (smtplib: `data`).
    Data(&'static [u8]),
}

impl Command {
    pub(super) fn needs(&self) -> Needs {
        match self {
            Command::Ehlo(None) | Command::Helo(None) => Needs::OwnName,
            _ if !self.gives_code() => Needs::Greeting,
            _ => Needs::Connection,
        }
    }

    /// Its result is the reply's code; else that is a matter of the exchange.
    pub(super) fn gives_code(&self) -> bool {
        !matches!(
            self,
            Command::Login { .. }
                | Command::LoginByToken { .. }
                | Command::Auth(_)
                | Command::Builtin { .. }
        )
    }

    /// What can be told without a connection, is told before anything is sent.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Command::Login { user, password } => login::check(user.as_text()?, password),
            Command::LoginByToken { user, token } => login::check_token(user.as_text()?, token),
            Command::Auth(mechanism) => login::check_mechanism(&**mechanism),
            Command::Builtin { mechanism, user, password } => {
                login::check_builtin(mechanism, user, password)
            }
            _ => Ok(()),
        }
    }
}

impl Client {
    pub(super) fn start(&mut self, command: Command) -> Result<()> {
        match command {
            Command::Ehlo(name) => {
                let name = self.hello_name(name)?;
                self.session.ehlo(&name)
            }
            Command::Helo(name) => {
                let name = self.hello_name(name)?;
                self.session.helo(&name)
            }
            Command::Login { user, password } => self.login(user.as_text()?, &password),
            Command::LoginByToken { user, token } => self.login_by_token(user.as_text()?, &token),
            Command::Auth(mechanism) => self.auth(mechanism),
            Command::Builtin { mechanism, user, password } => {
                self.auth_builtin(&mechanism, user.as_text()?, &password)
            }
            Command::Verb { verb, args } => self.session.command(verb.as_text()?, args.as_text()?),
            Command::Reply => self.session.collect(),
            Command::Query { verb, address } => self.session.address_query(verb, &address),
            Command::Mail { sender, options } => self.session.mail(&sender, &borrowed(&options)),
            Command::Rcpt { recipient, options } => {
                self.session.rcpt(&recipient, &borrowed(&options))
            }
            Command::Data(message) => self.session.data(message),
        }
    }

    pub(super) async fn send_raw(&mut self, bytes: &[u8], deadline: Option<Instant>) -> Result<()> {
        for piece in bytes.chunks(SEND_PIECE) {
            let started = self.session.raw(piece);
            self.write_out(started, deadline).await?;
        }
        Ok(())
    }
}

fn borrowed(options: &[String]) -> Vec<&str> {
    options.iter().map(String::as_str).collect()
}

/// How much of the caller's own bytes is buffered at a time.
const SEND_PIECE: usize = 256 * 1024;
