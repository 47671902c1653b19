//! Descriptors that wake a `poll`: a small pool for all calls of the process, so that a client
//! that waits for nothing has none. A wake-up that nobody needs is harmless; a write to a
//! descriptor that is somebody else's by then is not, and so none is closed while a waker may be
//! about to write to it.

use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use crate::error::{Error, Result};

use super::sys;

/// One descriptor for one event.
pub struct Wake(OwnedFd);

impl Wake {
    pub fn new() -> Result<Self> {
        sys::event().map(Wake).map_err(|error| Error::io("eventfd", &error))
    }

    /// Makes the descriptor readable.
    pub fn wake(&self) {
        write(self.fd());
    }

    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Somebody may wait: while there is one, idle descriptors are kept.
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

/// The end of a [`Member`]; with the last one all descriptors go.
pub(super) fn leave() {
    if MEMBERS.fetch_sub(1, Ordering::SeqCst) == 1 {
        for place in &IDLE {
            let kept = place.swap(0, Ordering::SeqCst);
            if kept != 0 {
                close_when_quiet(kept - 1);
            }
        }
    }
}

/// A descriptor for one wait; none if the process has no more of them.
pub(super) fn take() -> Option<RawFd> {
    for place in &IDLE {
        let kept = place.load(Ordering::Relaxed);
        let taken = || place.compare_exchange(kept, 0, Ordering::SeqCst, Ordering::Relaxed);
        if kept != 0 && taken().is_ok() {
            return Some(kept - 1);
        }
    }
    open()
}

/// Gives back what [`take`] gave. Nobody may be told of it any more, but who was may still write.
pub(super) fn put(fd: RawFd) {
    let free = |place: &&AtomicI32| {
        place.compare_exchange(0, fd + 1, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    };
    if IDLE.iter().find(free).is_none() {
        close_when_quiet(fd);
    }
}

/// Wakes whoever waits: `place` has the descriptor plus one, 0 if nobody does. Async-signal-safe.
pub(super) fn ring(place: &AtomicI32) {
    WAKERS.fetch_add(1, Ordering::SeqCst);
    let told = place.load(Ordering::SeqCst);
    if told != 0 {
        write(told - 1);
    }
    WAKERS.fetch_sub(1, Ordering::SeqCst);
}

/// Takes back wake-ups.
pub(super) fn drain(fd: RawFd) {
    let mut count = [0_u8; 8];
    // SAFETY: the buffer lives for the call and has the length given.
    unsafe { libc::read(fd, count.as_mut_ptr().cast(), count.len()) };
}

pub(super) fn close(fd: RawFd) {
    // SAFETY: no pointer is passed; the callers own the descriptor.
    unsafe { libc::close(fd) };
}

/// In a forked child: a descriptor shared with the parent would steal its wake-ups.
pub(super) fn forget_the_parents() {
    for place in &IDLE {
        let kept = place.swap(0, Ordering::SeqCst);
        if kept != 0 {
            close(kept - 1);
        }
    }
    // Wakers of other threads are not here.
    WAKERS.store(0, Ordering::SeqCst);
}

/// A waker holds a descriptor for the length of one write.
pub(super) fn close_when_quiet(fd: RawFd) {
    let mut rounds = 0;
    while WAKERS.load(Ordering::SeqCst) != 0 {
        rounds += 1;
        match rounds {
            ..100 => std::thread::yield_now(),
            // It may have less priority than we have.
            _ => std::thread::sleep(Duration::from_micros(50)),
        }
    }
    close(fd);
}

fn open() -> Option<RawFd> {
    sys::event().ok().map(OwnedFd::into_raw_fd)
}

/// Leaves errno as it was.
fn write(fd: RawFd) {
    let one = 1_u64.to_ne_bytes();
    // SAFETY: the buffer lives for the call and has the length given; errno is this thread's.
    unsafe {
        let errno = libc::__errno_location();
        let saved = *errno;
        libc::write(fd, one.as_ptr().cast(), one.len());
        *errno = saved;
    }
}

/// Idle descriptors, each plus one; 0 where there is none. More threads than this may wait at the
/// same time; what is beyond it is opened for one wait.
static IDLE: [AtomicI32; 16] = [const { AtomicI32::new(0) }; 16];
static MEMBERS: AtomicUsize = AtomicUsize::new(0);
/// Who may be about to write to a descriptor.
static WAKERS: AtomicUsize = AtomicUsize::new(0);

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is an open descriptor, and readable.
    fn poll(fd: RawFd) -> i16 {
        let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which lives for the call.
        unsafe { libc::poll(&raw mut entry, 1, 0) };
        entry.revents
    }

    #[test]
    fn rings_reach_whoever_is_told() {
        let fd = take().unwrap();
        assert!(fd > libc::STDERR_FILENO);
        let place = AtomicI32::new(0);
        ring(&place);
        assert_eq!(poll(fd), 0);
        place.store(fd + 1, Ordering::SeqCst);
        ring(&place);
        ring(&place);
        assert_eq!(poll(fd), libc::POLLIN);
        drain(fd);
        assert_eq!(poll(fd), 0);
        close_when_quiet(fd);
    }

    #[test]
    fn more_may_wait_than_are_kept() {
        let _member = Member::new();
        let taken: Vec<RawFd> = (0..IDLE.len() + 8).map(|_| take().unwrap()).collect();
        let mut distinct = taken.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), taken.len());
        taken.into_iter().for_each(put);
        assert!(IDLE.iter().all(|place| place.load(Ordering::SeqCst) >= 0));
    }
}
