//! What a caller hands to the client: sockets, transactions, body readers, and callbacks that
//! forbid or cancel.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use smtpclient::client::{Audit, Body, BodyReader, Cancel, Completion, Transaction};
use smtpclient::error::{Error, ErrorKind, Result};

use crate::link::Stream;
use crate::plan::Plan;
use crate::program::{ReaderEnd, Source, Tx};
use crate::stock;

pub fn transaction(tx: &Tx, cancel: &Cancel) -> Box<Transaction> {
    let mut transaction = Box::new(Transaction::new());
    transaction.set_token(tx.body);
    transaction.set_sender(&tx.sender()).expect("a sender");
    let notify: &[&str] = if tx.notify { &["NOTIFY=FAILURE"] } else { &[] };
    for address in tx.recipients() {
        transaction.add_recipient(&address, notify).expect("a recipient");
    }
    for option in &tx.options {
        transaction.add_mail_option(option).expect("an option");
    }
    let raw = &stock::stock(tx.body).raw;
    transaction.set_body(match tx.source {
        Source::Owned => Body::Owned(raw.clone()),
        Source::Borrowed => Body::Borrowed(raw),
        Source::Parts(at) => {
            let at = at.min(raw.len());
            Body::Parts(raw[..at].to_vec(), &raw[at..])
        }
        Source::Reader { announces, step, end } => {
            let size = announces.map(|off| raw.len().saturating_add_signed(off as isize) as u64);
            let reader = Reader { rest: raw, given: 0, step, end, cancel: cancel.clone() };
            Body::Reader(Box::new(reader), size)
        }
    });
    transaction
}

struct Reader {
    rest: &'static [u8],
    given: usize,
    step: usize,
    end: ReaderEnd,
    cancel: Cancel,
}

impl BodyReader for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        let count = buffer.len().min(self.step).min(self.rest.len());
        match self.end {
            ReaderEnd::Fails(at) if self.given + count > at => {
                return Err(Error::new(ErrorKind::Io, "the reader of the model fails"));
            }
            ReaderEnd::Cancels(at) if (self.given..self.given + count).contains(&at) => {
                self.cancel.cancel();
            }
            _ => {}
        }
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        self.given += count;
        Ok(Some(count))
    }
}

#[derive(Clone)]
pub struct Done {
    pub list: Arc<Mutex<Vec<Box<Transaction>>>>,
    /// The next completion cancels the call that it runs in.
    pub armed: Arc<AtomicBool>,
    /// It has.
    pub fired: Arc<AtomicBool>,
    cancel: Cancel,
}

impl Done {
    pub fn new(cancel: Cancel) -> Self {
        Done { list: Arc::default(), armed: Arc::default(), fired: Arc::default(), cancel }
    }
}

impl Completion for Done {
    fn completed(&mut self, transaction: Box<Transaction>) {
        if self.armed.swap(false, Ordering::SeqCst) {
            self.fired.store(true, Ordering::SeqCst);
            self.cancel.cancel();
        }
        self.list.lock().expect("an unpoisoned lock").push(transaction);
    }
}

/// Acts once, at its n-th look at bytes.
pub struct Auditor {
    pub left: usize,
    pub forbids: bool,
    pub cancel: Cancel,
}

impl Audit for Auditor {
    fn connect(&mut self, _host: &str, _port: u16) -> bool {
        true
    }

    fn send(&mut self, _bytes: &[u8]) -> bool {
        let acts = self.left == 1;
        self.left = self.left.saturating_sub(1);
        if acts && !self.forbids {
            self.cancel.cancel();
        }
        !(acts && self.forbids)
    }
}

/// The client's end, and the server's.
pub fn pair(plan: &Plan) -> io::Result<(OwnedFd, Stream)> {
    let shrink = |socket: socket2::SockRef<'_>| -> io::Result<()> {
        if plan.small_buffers {
            socket.set_recv_buffer_size(1)?;
            socket.set_send_buffer_size(1)?;
        }
        Ok(())
    };
    if !plan.tcp {
        let (ours, theirs) = UnixStream::pair()?;
        shrink((&ours).into())?;
        shrink((&theirs).into())?;
        return Ok((ours.into(), Stream::Unix(theirs)));
    }
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let ours = TcpStream::connect(listener.local_addr()?)?;
    let (theirs, _) = listener.accept()?;
    shrink((&ours).into())?;
    shrink((&theirs).into())?;
    ours.set_nodelay(true)?;
    theirs.set_nodelay(true)?;
    Ok((ours.into(), Stream::Tcp(theirs)))
}
