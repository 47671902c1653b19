//! What a client can be asked to do that may have to wait: each operation once, for every way of
//! driving it.

mod command;
mod connect;
mod login;
mod open;
mod probe;
mod secure;
mod send;
mod token_login;

pub use command::Command;
pub use send::{Mail, Refused};

pub(super) use send::Pending;

use std::os::fd::OwnedFd;
use std::time::Instant;

use crate::error::Result;
use crate::message::Submission;
use crate::sasl::Secret;
use crate::session::Transaction;

use super::Client;

/// One call, with all that it needs: it may outlive what its arguments were made of.
pub enum Operation {
    /// A host and port, `host:port`, or the path of a Unix socket.
    Connect {
        host: String,
        port: u16,
    },
    /// A connected stream socket; the name is for TLS.
    ConnectFd {
        fd: OwnedFd,
        server_name: Option<String>,
    },
    /// What it takes for a connection to the server that was set, if there is none.
    Open,
    /// What opening would come to, and why: see [`Client::take_report`]. It sends no mail.
    Probe,
    StartTls,
    /// EHLO, and HELO if it is refused, unless the server was greeted before.
    Greet,
    /// Login with a token of the source that was set; as the user that was set with it, or another.
    LoginBySource {
        user: Option<Secret>,
    },
    /// What is answered by one reply, or one exchange.
    Command(Command),
    /// A command whose reply [`Command::Reply`] fetches (smtplib: `putcmd`).
    Put {
        verb: Secret,
        args: Secret,
    },
    /// The caller's own bytes (smtplib: `send`).
    Raw(Bytes),
    /// What [`Client::sendmail`] or [`Client::send_message`] has made.
    Deliver {
        transaction: Box<Transaction>,
        submission: Option<Box<Submission>>,
    },
    /// The transactions in [`Client::batch`], as many in flight as the server lets.
    Send,
    /// One transaction of a stream, which comes back through the completion sink.
    Submit(Box<Transaction>),
    /// The outcome of everything submitted.
    Flush,
    Quit,
}

/// Bytes that the caller lends for the length of the call, or a copy, which may hold a credential.
pub enum Bytes {
    Lent(&'static [u8]),
    Own(Secret),
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Lent(bytes) => bytes,
            Bytes::Own(bytes) => bytes.as_bytes(),
        }
    }
}

impl From<Command> for Operation {
    fn from(command: Command) -> Self {
        Operation::Command(command)
    }
}

/// What an operation needs before it begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Connection,
    /// The name by which we greet.
    OwnName,
    /// A server that was greeted.
    Greeting,
    /// The same, or others in flight before it.
    Room,
}

impl Operation {
    fn needs(&self) -> Needs {
        match self {
            Operation::Connect { .. } | Operation::ConnectFd { .. } => Needs::Nothing,
            Operation::Open | Operation::Probe => Needs::Nothing,
            Operation::Command(command) => command.needs(),
            Operation::Put { .. } | Operation::Raw(_) | Operation::Flush | Operation::Quit => {
                Needs::Connection
            }
            Operation::StartTls | Operation::Greet | Operation::LoginBySource { .. } => {
                Needs::Greeting
            }
            Operation::Deliver { .. } | Operation::Send => Needs::Greeting,
            Operation::Submit(_) => Needs::Room,
        }
    }
}

/// The deadline of an operation whose connection is there and greeted if need be, or why it is not.
type Begun = Result<Option<Instant>>;

impl Client {
    /// Runs one operation from its beginning to its end. Gives the reply code where it is one
    /// command, else 0.
    pub async fn perform(&mut self, operation: Operation) -> Result<u16> {
        if let Operation::Command(command) = &operation {
            command.check()?;
        }
        if let Operation::LoginBySource { user } = &operation {
            self.check_source(user.as_ref())?;
        }
        // Left by one that a fault has cut short.
        self.whole = None;
        let needs = operation.needs();
        let begun = match needs {
            Needs::Nothing => Ok(None),
            // Behind others it waits for nothing.
            Needs::Room if !self.session.is_quiet() => Ok(None),
            _ if self.has(needs) => Ok(self.begun()),
            _ => self.begin(needs).await,
        };
        let none = |()| 0;
        match operation {
            Operation::Connect { host, port } => self.connect(host, port).await.map(none),
            Operation::ConnectFd { fd, server_name } => {
                self.connect_fd(fd, server_name.as_deref()).await.map(none)
            }
            // Seldom run, and the largest: kept apart, it costs the others no room.
            Operation::Open => Box::pin(self.open()).await.map(none),
            Operation::LoginBySource { user } => {
                let deadline = begun?;
                Box::pin(self.login_by_source(user, deadline)).await.map(none)
            }
            Operation::Probe => Box::pin(self.probe()).await.map(none),
            Operation::Deliver { transaction, submission } => {
                let begun = self.deliver(transaction, submission, begun);
                let sent = self.send_all(begun).await;
                self.delivered(sent).map(none)
            }
            Operation::Send => self.send_all(begun).await.map(none),
            Operation::Submit(transaction) => self.submit(transaction, begun).await.map(none),
            Operation::Quit => self.quit(begun).await,
            Operation::StartTls => self.start_tls(begun?).await.map(none),
            Operation::Greet | Operation::Flush => begun.map(|_| 0),
            Operation::Command(command) => {
                let deadline = begun?;
                let gives_code = command.gives_code();
                let started = self.start(command);
                let code = self.operate(started, deadline).await?;
                Ok(if gives_code { code } else { 0 })
            }
            Operation::Put { verb, args } => {
                let deadline = begun?;
                let started = self.session.put(verb.as_text()?, args.as_text()?);
                self.write_out(started, deadline).await.map(none)
            }
            Operation::Raw(bytes) => self.send_raw(bytes.as_slice(), begun?).await.map(none),
        }
    }

    /// The beginning of what needs a connection: what was submitted comes to its end, and the
    /// server is greeted where that is needed and was not done. Gives the operation's own deadline.
    async fn begin(&mut self, needs: Needs) -> Begun {
        self.check_connected()?;
        if !self.session.is_quiet() {
            self.flush().await?;
        }
        let deadline = self.begun();
        if self.has(needs) {
            return Ok(deadline);
        }
        if self.lacks_name() {
            self.look_up_own_name(deadline).await?;
        }
        if needs != Needs::OwnName {
            let started = self.greet();
            self.operate(started, deadline).await?;
        }
        Ok(deadline)
    }

    /// Nothing is to be done before it begins.
    fn has(&self, needs: Needs) -> bool {
        let is_ready = match needs {
            Needs::Nothing | Needs::Connection => true,
            Needs::OwnName => !self.lacks_name(),
            Needs::Greeting | Needs::Room => self.session.greeting().is_greeted(),
        };
        is_ready && self.transport.is_some() && self.session.is_quiet()
    }

    fn begun(&mut self) -> Option<Instant> {
        // What an earlier call left unread is no result of this one.
        self.answer = None;
        self.call_deadline()
    }
}
