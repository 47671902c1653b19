//! Descriptors that wake a `poll`: a small pool for all calls of the process, so that a client
//! that waits for nothing has none. A wake-up that nobody needs is harmless; a write to a
//! descriptor that is somebody else's by then is not, and so none is closed while a waker may be
//! about to write to it.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::error::{Error, Result};

use super::bell::{Bell, Hook};

/// A bell for one event.
pub struct Wake(Bell);

impl Wake {
    pub fn new() -> Result<Self> {
        Bell::new().map(Wake).map_err(|error| Error::io("making a descriptor to wake by", &error))
    }

    /// Makes the descriptor readable.
    pub fn wake(&self) {
        self.0.ring();
    }

    pub fn fd(&self) -> RawFd {
        self.0.fd()
    }

    /// Closes one that will never be dropped.
    pub fn abandon(&self) {
        self.0.close();
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Somebody may wait: while there is one, idle bells are kept.
pub(super) struct Member(());

impl Member {
    pub fn new() -> Self {
        MEMBERS.fetch_add(1, Ordering::SeqCst);
        Member(())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        leave();
    }
}

/// The end of a [`Member`]; with the last one all bells go.
pub(super) fn leave() {
    if MEMBERS.fetch_sub(1, Ordering::SeqCst) == 1 {
        IDLE.iter().filter_map(Hook::take).for_each(close_when_quiet);
    }
}

/// A bell for one wait; none if the process has no more descriptors.
pub(super) fn take() -> Option<Bell> {
    IDLE.iter().find_map(Hook::take).or_else(|| Bell::new().ok())
}

/// Gives back what [`take`] gave. Nobody may be told of it any more, but who was may still ring.
pub(super) fn put(bell: Bell) {
    if !IDLE.iter().any(|hook| hook.offer(bell)) {
        close_when_quiet(bell);
    }
}

/// Wakes whoever waits: its bell hangs there. Async-signal-safe.
pub(super) fn ring(hook: &Hook) {
    WAKERS.fetch_add(1, Ordering::SeqCst);
    if let Some(bell) = hook.bell() {
        bell.ring();
    }
    WAKERS.fetch_sub(1, Ordering::SeqCst);
}

/// In a forked child: a bell shared with the parent would steal its wake-ups.
pub(super) fn forget_the_parents() {
    IDLE.iter().filter_map(Hook::take).for_each(Bell::close);
    // Wakers of other threads are not here.
    WAKERS.store(0, Ordering::SeqCst);
}

/// A waker holds a bell for the length of one write.
pub(super) fn close_when_quiet(bell: Bell) {
    let mut rounds = 0;
    while WAKERS.load(Ordering::SeqCst) != 0 {
        rounds += 1;
        match rounds {
            ..100 => std::thread::yield_now(),
            // It may have less priority than we have.
            _ => std::thread::sleep(Duration::from_micros(50)),
        }
    }
    bell.close();
}

/// Idle bells. More threads than this may wait at the same time; what is beyond it is opened for
/// one wait.
static IDLE: [Hook; 16] = [const { Hook::new() }; 16];
static MEMBERS: AtomicUsize = AtomicUsize::new(0);
/// Who may be about to write to a descriptor.
static WAKERS: AtomicUsize = AtomicUsize::new(0);

#[cfg(test)]
mod tests {
    use super::super::bell::tests::poll;
    use super::*;

    #[test]
    fn rings_reach_whoever_is_told() {
        let bell = take().unwrap();
        assert!(bell.fd() > libc::STDERR_FILENO);
        let hook = Hook::new();
        ring(&hook);
        assert_eq!(poll(bell.fd()), 0);
        hook.hang(Some(bell));
        ring(&hook);
        ring(&hook);
        assert_eq!(poll(bell.fd()), libc::POLLIN);
        bell.silence();
        assert_eq!(poll(bell.fd()), 0);
        close_when_quiet(bell);
    }

    #[test]
    fn more_may_wait_than_are_kept() {
        let _member = Member::new();
        let taken: Vec<Bell> = (0..IDLE.len() + 8).map(|_| take().unwrap()).collect();
        let mut distinct: Vec<RawFd> = taken.iter().map(|bell| bell.fd()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), taken.len());
        taken.into_iter().for_each(put);
        assert!(IDLE.iter().filter_map(Hook::bell).all(|bell| bell.fd() > libc::STDERR_FILENO));
    }
}
