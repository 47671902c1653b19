//! Who waits for a client's operations: the caller of each, or the event loop of the host program.
//!
//! ```text
//!   blocking       start ──────────────── waits ───────────────► result
//!   non-blocking   start ──► Pending      process ──► Pending    process ──► result
//!                              └─ the descriptor of `events` says when ─┘
//! ```

use std::future::Future;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::error::{Error, ErrorKind, Result};
use crate::transport::{Cancel, Events, Park, block_on, cancelled, fork};

use super::{Client, Operation};

/// A client, and how it is driven.
pub struct Driver {
    place: Place,
    park: Park,
    cancel: Cancel,
    is_nonblocking: bool,
    /// The process whose client it is.
    epoch: u32,
    /// Made when first asked for, and kept: the host watches its descriptor.
    events: Option<Events>,
}

enum Place {
    Here(Box<Client>),
    /// In an operation that has not ended.
    Away(Pin<Box<dyn Future<Output = Ended>>>),
    /// A fault has swallowed it.
    Lost,
}

impl Place {
    #[cold]
    fn is_away(&self) -> Error {
        let (kind, text) = match self {
            Place::Lost => (ErrorKind::Internal, "a fault of the library lost the client: free it"),
            _ => (
                ErrorKind::Busy,
                "a call is pending on the client: smtp_client_process() until it has ended",
            ),
        };
        Error::new(kind, text)
    }
}

/// The client comes back with the operation's result, or the panic that it ended in.
type Ended = (Box<Client>, thread::Result<Result<u16>>);

impl Driver {
    pub fn new(client: Box<Client>) -> Self {
        let cancel = client.canceller();
        let place = Place::Here(client);
        let park = Park::default();
        Driver { place, park, cancel, is_nonblocking: false, epoch: fork::epoch(), events: None }
    }

    /// The client, unless an operation is pending.
    #[inline]
    pub fn client(&self) -> Result<&Client> {
        match &self.place {
            Place::Here(client) => Ok(client),
            other => Err(other.is_away()),
        }
    }

    #[inline]
    pub fn client_mut(&mut self) -> Result<&mut Client> {
        match &mut self.place {
            Place::Here(client) => Ok(client),
            other => Err(other.is_away()),
        }
    }

    pub fn is_pending(&self) -> bool {
        matches!(self.place, Place::Away(_))
    }

    pub fn is_nonblocking(&self) -> bool {
        self.is_nonblocking
    }

    /// Whether operations go on in [`Driver::process`] instead of waiting.
    pub fn set_nonblocking(&mut self, on: bool) -> Result<()> {
        self.client()?;
        self.is_nonblocking = on;
        self.watch();
        Ok(())
    }

    /// What becomes readable whenever there is something for [`Driver::process`] to do.
    pub fn poll_fd(&mut self) -> Result<RawFd> {
        if !self.is_nonblocking {
            return Err(Error::new(
                ErrorKind::Misuse,
                "calls of this client wait: smtp_client_set_nonblocking() first",
            ));
        }
        self.check_owner()?;
        if let Some(events) = &self.events {
            return Ok(events.fd());
        }
        let events = Events::new(&self.cancel)?;
        let fd = events.fd();
        self.events = Some(events);
        self.watch();
        Ok(fd)
    }

    /// A forked child shares its parent's connections and queues, and would take their events.
    fn check_owner(&self) -> Result<()> {
        if self.epoch == fork::epoch() {
            return Ok(());
        }
        let text = "the client is that of the parent process: use another client";
        Err(Error::new(ErrorKind::Misuse, text))
    }

    /// The client, ready to begin an operation: whatever a wait takes is there by then.
    pub fn prepare(&mut self) -> Result<&mut Client> {
        if self.is_nonblocking {
            self.poll_fd()?;
        }
        match &mut self.place {
            Place::Here(client) => {
                self.park.join(&mut client.park);
                self.park.set_stepped(self.is_nonblocking);
                Ok(client)
            }
            other => Err(other.is_away()),
        }
    }

    /// Runs an operation, or as much of it as can be done without waiting. The client was prepared
    /// before.
    pub fn start(&mut self, operation: Operation) -> Poll<Result<u16>> {
        match &mut self.place {
            Place::Here(client) if !self.is_nonblocking => {
                let performed = client.perform(operation);
                return Poll::Ready(block_on(&self.park, &self.cancel, performed));
            }
            Place::Here(_) => {}
            other => return Poll::Ready(Err(other.is_away())),
        }
        if let Place::Here(client) = std::mem::replace(&mut self.place, Place::Lost) {
            self.place = Place::Away(Box::pin(run(client, operation)));
        }
        self.step()
    }

    /// Goes on with the operation that is pending; without one, with what is in flight, and tells
    /// what became of an idle connection.
    pub fn process(&mut self) -> Poll<Result<u16>> {
        if let Err(error) = self.check_owner() {
            return Poll::Ready(Err(error));
        }
        match self.is_pending() {
            false => Poll::Ready(self.attend()),
            true if self.look() => self.step(),
            true => Poll::Pending,
        }
    }

    /// Closes the connection, and ends what is pending.
    pub fn close(&mut self) -> Result<()> {
        self.abort();
        self.client_mut()?.close();
        self.watch();
        Ok(())
    }

    /// Ends what is pending as a cancel does.
    pub fn abort(&mut self) {
        for _ in 0..MOST_WAITS {
            let Place::Away(running) = &mut self.place else { break };
            self.park.fail(cancelled());
            if let Poll::Ready((client, _)) = poll(running) {
                self.take_back(client);
            }
        }
    }

    /// Whether what is waited for has come.
    fn look(&mut self) -> bool {
        match &mut self.events {
            Some(events) => events.look(&self.park),
            None => true,
        }
    }

    fn step(&mut self) -> Poll<Result<u16>> {
        let Place::Away(running) = &mut self.place else {
            return Poll::Ready(Err(self.place.is_away()));
        };
        let Poll::Ready((client, result)) = poll(running) else {
            self.cancel.keep(true);
            self.arm();
            return Poll::Pending;
        };
        self.take_back(client);
        self.watch();
        Poll::Ready(result.unwrap_or_else(|panic| resume_unwind(panic)))
    }

    fn take_back(&mut self, client: Box<Client>) {
        self.place = Place::Here(client);
        self.cancel.keep(false);
    }

    fn attend(&mut self) -> Result<u16> {
        self.look();
        let ended = self.client_mut()?.attend();
        self.watch();
        ended.map_or(Ok(0), Err)
    }

    /// From now on the descriptor tells of the connection, no operation being pending.
    pub fn watch(&mut self) {
        match &mut self.place {
            // A forked child leaves alone what its parent watches.
            Place::Here(client)
                if self.is_nonblocking && self.events.as_ref().is_some_and(Events::is_ours) =>
            {
                self.park.join(&mut client.park);
                client.watch();
                self.arm();
            }
            _ => {}
        }
    }

    fn arm(&mut self) {
        if let Some(events) = &mut self.events {
            events.arm(&self.park, matches!(self.place, Place::Away(_)));
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.abort();
    }
}

/// An operation that owns its client: nothing in it refers to anything outside.
async fn run(mut client: Box<Client>, operation: Operation) -> Ended {
    let result = {
        let mut running = std::pin::pin!(client.perform(operation));
        std::future::poll_fn(|context| {
            match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context))) {
                Ok(poll) => poll.map(Ok),
                Err(panic) => Poll::Ready(Err(panic)),
            }
        })
        .await
    };
    (client, result)
}

fn poll(running: &mut Pin<Box<dyn Future<Output = Ended>>>) -> Poll<Ended> {
    running.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// More waits than one that is cancelled can have.
const MOST_WAITS: usize = 1000;
