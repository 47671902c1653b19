//! Where an operation stops: it says what it waits for, and its driver what came of that.
//!
//! Everything in the library that waits does so here, and knows nothing of how: [`super::block`]
//! sits the wait out, [`super::events`] leaves it to the loop of the host program.
//!
//! ```text
//!   operation ── ask ──► Park ◄── looks ── block: poll(2), until something comes
//!       ▲                 │                events: when the host's loop says so
//!       └──── answer ─────┘
//! ```

use std::cell::{RefCell, RefMut};
use std::future::Future;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::error::{Error, ErrorKind, Result};

use super::Cancel;

/// Shared by an operation and its driver, which are never both at work. It is made with the first
/// operation: a new client needs no memory.
#[derive(Default)]
pub struct Park(Option<Rc<RefCell<Place>>>);

/// What is waited for, and what came.
#[derive(Default)]
pub(super) struct Place {
    /// Where one is ready the wait ends; negative ones are looked past.
    pub fds: Vec<libc::pollfd>,
    pub deadline: Option<Instant>,
    /// Nothing may take the caller's thread.
    pub is_stepped: bool,
    answer: Option<Result<Ready>>,
}

impl Park {
    /// Says what to wait for. Behind the deadline what has arrived may still be read, but nothing
    /// more be written.
    #[inline(always)]
    pub(super) fn ask(&self, fds: &[libc::pollfd], deadline: Option<Instant>) {
        let mut place = self.place();
        place.fds.clear();
        place.fds.extend_from_slice(fds);
        place.deadline = deadline;
        place.answer = None;
    }

    /// What has come of it.
    pub fn answer(&self) -> Answer<'_> {
        Answer(self)
    }

    pub(super) async fn wait(
        &self,
        fds: &[libc::pollfd],
        deadline: Option<Instant>,
    ) -> Result<Ready> {
        self.ask(fds, deadline);
        self.answer().await
    }

    /// Makes both the same, the first time.
    #[inline]
    pub fn join(&mut self, other: &mut Park) {
        if self.0.is_none() {
            other.0 = Some(Rc::clone(self.0.insert(Rc::default())));
        }
    }

    #[inline(always)]
    pub(super) fn place(&self) -> RefMut<'_, Place> {
        // Nothing waits but what is driven, and nothing is driven but by whoever shares it.
        self.0.as_deref().expect("it is shared by then").borrow_mut()
    }

    /// Whether what waits may instead take the caller's thread for as long as it likes.
    pub fn may_block(&self) -> bool {
        !self.place().is_stepped
    }

    pub fn set_stepped(&self, on: bool) {
        self.place().is_stepped = on;
    }

    /// No descriptor is waited for.
    pub fn rest(&self, until: Option<Instant>) {
        self.ask(&[], until);
    }

    /// The wait ends with that.
    pub fn fail(&self, error: Error) {
        self.place().fail(error);
    }
}

impl Place {
    pub fn fail(&mut self, error: Error) {
        self.answer = Some(Err(error));
    }

    /// Whether the wait is over: by a cancel, by what the descriptors have shown, or by the clock.
    #[inline]
    pub fn is_over(&mut self, cancel: &Cancel, now: Instant) -> bool {
        if self.answer.is_some() {
            return true;
        }
        if cancel.is_set() {
            self.fail(cancelled());
            return true;
        }
        let late = self.deadline.is_some_and(|deadline| now >= deadline);
        let counts = if late { !libc::POLLOUT } else { !0 };
        if let Some(index) = self.fds.iter().position(|entry| entry.revents & counts != 0) {
            self.answer = Some(Ok(Ready::of(index, self.fds[index].revents)));
        } else if late {
            self.fail(timed_out());
        }
        self.answer.is_some()
    }
}

/// What a wait ends in that was cancelled.
pub fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the call was cancelled").with_os_code(libc::ECANCELED)
}

/// What a wait ends in whose time is up.
pub fn timed_out() -> Error {
    Error::new(ErrorKind::Timeout, "the time limit passed").with_os_code(libc::ETIMEDOUT)
}

/// Comes with the driver's answer.
pub struct Answer<'a>(&'a Park);

impl Future for Answer<'_> {
    type Output = Result<Ready>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0.place().answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }
}

/// What a wait found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Which of the descriptors, the first of them that was ready.
    pub(super) index: usize,
    /// The first descriptor is.
    pub readable: bool,
    pub writable: bool,
}

impl Ready {
    /// There is something to read.
    pub const INPUT: Ready = Ready { index: 0, readable: true, writable: false };

    fn of(index: usize, seen: i16) -> Self {
        let seen = if index == 0 { seen } else { 0 };
        // An error or hang-up shows itself in the read or write that follows.
        let broken = seen & BROKEN != 0;
        let readable = broken || seen & libc::POLLIN != 0;
        let writable = broken || seen & libc::POLLOUT != 0;
        Ready { index, readable, writable }
    }
}

/// What says that the next read or write will fail or find the end.
const BROKEN: i16 = libc::POLLERR | libc::POLLHUP | libc::POLLNVAL;

/// One descriptor to wait for.
pub(super) fn watch(fd: RawFd, events: i16) -> libc::pollfd {
    libc::pollfd { fd, events, revents: 0 }
}
