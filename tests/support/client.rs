//! A client as the tests drive it: every operation to its end, whether it waits or is stepped.

use std::ops::{Deref, DerefMut};
use std::os::fd::OwnedFd;
use std::task::Poll;
use std::time::{Duration, Instant};

use smtpclient::client::{
    self, Bytes, Command, Driver, Mail, Mechanism, Operation, Protocol, Report, Transaction,
};
use smtpclient::error::Result;

/// How operations are driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Waiting,
    /// Whenever the descriptor is readable, and only then.
    AtReadiness,
    /// At any time, mostly in vain.
    AtRandom,
}

const fn way(program: &str) -> Way {
    match program.as_bytes() {
        b"client_stepped" => Way::AtReadiness,
        b"client_random" => Way::AtRandom,
        _ => Way::Waiting,
    }
}

/// The tests of each kind are a program of their own.
const WAY: Way = way(env!("CARGO_CRATE_NAME"));

/// No scenario has a longer silence in it.
const STUCK: Duration = Duration::from_secs(40);

pub struct Client {
    driver: Driver,
    way: Way,
    random: u64,
}

impl Deref for Client {
    type Target = client::Client;

    fn deref(&self) -> &client::Client {
        self.driver.client().expect("no operation outlives its call here")
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut client::Client {
        self.driver.client_mut().expect("no operation outlives its call here")
    }
}

impl Client {
    pub fn new(protocol: Protocol) -> Result<Self> {
        Client::driven(protocol, WAY)
    }

    pub fn driven(protocol: Protocol, way: Way) -> Result<Self> {
        let mut driver = Driver::new(Box::new(client::Client::new(protocol)?));
        driver.set_nonblocking(way != Way::Waiting)?;
        Ok(Client { driver, way, random: 0x9e37_79b9_7f4a_7c15 })
    }

    fn run(&mut self, operation: impl Into<Operation>) -> Result<u16> {
        self.driver.prepare()?;
        let mut came = self.driver.start(operation.into());
        let mut moved = Instant::now();
        loop {
            let Poll::Pending = came else {
                let Poll::Ready(result) = came else { unreachable!() };
                return result;
            };
            match self.way {
                Way::Waiting => panic!("it waits, and is pending"),
                Way::AtReadiness => {
                    let fd = self.driver.poll_fd()?;
                    let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
                    // SAFETY: one entry, which lives for the call.
                    let count = unsafe { libc::poll(&raw mut entry, 1, STUCK.as_millis() as i32) };
                    assert_eq!(count, 1, "the descriptor is silent");
                }
                Way::AtRandom => {
                    assert!(moved.elapsed() < STUCK, "it never ends");
                    self.random ^= self.random << 13;
                    self.random ^= self.random >> 7;
                    self.random ^= self.random << 17;
                    std::thread::sleep(Duration::from_micros(self.random % 4 * 300));
                }
            }
            came = self.driver.process();
            if self.way == Way::AtReadiness {
                moved = Instant::now();
            }
        }
    }

    fn end(&mut self, operation: impl Into<Operation>) -> Result<()> {
        self.run(operation).map(drop)
    }

    pub fn connect(&mut self, host: &str, port: u16) -> Result<()> {
        self.end(Operation::Connect { host: host.to_owned(), port })
    }

    pub fn connect_fd(&mut self, fd: OwnedFd, server_name: Option<&str>) -> Result<()> {
        self.end(Operation::ConnectFd { fd, server_name: server_name.map(str::to_owned) })
    }

    pub fn open(&mut self) -> Result<()> {
        self.end(Operation::Open)
    }

    pub fn probe(&mut self) -> Result<Box<Report>> {
        self.end(Operation::Probe)?;
        Ok((**self).take_report().expect("a probe leaves its report"))
    }

    pub fn starttls(&mut self) -> Result<()> {
        self.end(Operation::StartTls)
    }

    pub fn ehlo(&mut self, name: Option<&str>) -> Result<u16> {
        self.run(Command::Ehlo(name.map(str::to_owned)))
    }

    pub fn helo(&mut self, name: Option<&str>) -> Result<u16> {
        self.run(Command::Helo(name.map(str::to_owned)))
    }

    pub fn ehlo_or_helo_if_needed(&mut self) -> Result<()> {
        self.end(Operation::Greet)
    }

    pub fn login(&mut self, user: &str, password: &str) -> Result<()> {
        let password = password.into();
        self.end(Command::Login { user: user.into(), password })
    }

    pub fn login_by_token(&mut self, user: &str, token: &str) -> Result<()> {
        self.end(Command::LoginByToken { user: user.into(), token: token.into() })
    }

    /// With a token of the source that was set.
    pub fn login_by_source(&mut self, user: Option<&str>) -> Result<()> {
        self.end(Operation::LoginBySource { user: user.map(Into::into) })
    }

    pub fn auth(&mut self, mechanism: Box<dyn Mechanism>) -> Result<()> {
        self.end(Command::Auth(mechanism))
    }

    pub fn auth_builtin(&mut self, mechanism: &str, user: &str, password: &str) -> Result<()> {
        let (user, password) = (user.into(), password.into());
        self.end(Command::Builtin { mechanism: mechanism.to_owned(), user, password })
    }

    pub fn docmd(&mut self, verb: &str, args: Option<&str>) -> Result<u16> {
        let args = args.unwrap_or_default().into();
        self.run(Command::Verb { verb: verb.into(), args })
    }

    pub fn putcmd(&mut self, verb: &str, args: Option<&str>) -> Result<()> {
        let args = args.unwrap_or_default().into();
        self.end(Operation::Put { verb: verb.into(), args })
    }

    pub fn getreply(&mut self) -> Result<u16> {
        self.run(Command::Reply)
    }

    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.end(Operation::Raw(Bytes::Own(bytes.into())))
    }

    pub fn noop(&mut self) -> Result<u16> {
        self.docmd("NOOP", None)
    }

    pub fn rset(&mut self) -> Result<u16> {
        self.docmd("RSET", None)
    }

    pub fn help(&mut self, args: Option<&str>) -> Result<u16> {
        self.docmd("HELP", args)
    }

    pub fn verify(&mut self, address: &str) -> Result<u16> {
        self.run(Command::Query { verb: "VRFY", address: address.to_owned() })
    }

    pub fn expn(&mut self, list: &str) -> Result<u16> {
        self.run(Command::Query { verb: "EXPN", address: list.to_owned() })
    }

    pub fn mail(&mut self, sender: &str, options: &[&str]) -> Result<u16> {
        let options = options.iter().map(ToString::to_string).collect();
        self.run(Command::Mail { sender: sender.to_owned(), options })
    }

    pub fn rcpt(&mut self, recipient: &str, options: &[&str]) -> Result<u16> {
        let options = options.iter().map(ToString::to_string).collect();
        self.run(Command::Rcpt { recipient: recipient.to_owned(), options })
    }

    pub fn data(&mut self, message: &'static [u8]) -> Result<u16> {
        self.run(Command::Data(message))
    }

    pub fn sendmail(&mut self, mail: &Mail<'_>) -> Result<()> {
        let operation = (**self).sendmail(mail)?;
        self.end(operation)
    }

    pub fn send_message(&mut self, mail: &Mail<'_>) -> Result<()> {
        let operation = (**self).send_message(mail)?;
        self.end(operation)
    }

    pub fn send(&mut self, transaction: Box<Transaction>) -> (Box<Transaction>, Result<()>) {
        let mut batch = vec![transaction];
        let result = self.send_batch(&mut batch);
        (batch.pop().expect("it comes back"), result)
    }

    pub fn send_batch(&mut self, batch: &mut Vec<Box<Transaction>>) -> Result<()> {
        std::mem::swap((**self).batch(), batch);
        let result = self.end(Operation::Send);
        std::mem::swap((**self).batch(), batch);
        result
    }

    pub fn submit(&mut self, transaction: Box<Transaction>) -> Result<()> {
        self.end(Operation::Submit(transaction))
    }

    pub fn flush(&mut self) -> Result<()> {
        self.end(Operation::Flush)
    }

    pub fn quit(&mut self) -> Result<u16> {
        self.run(Operation::Quit)
    }

    pub fn close(&mut self) {
        self.driver.close().expect("nothing is pending");
    }
}
