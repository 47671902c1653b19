//! Cancelling a call from any thread or signal handler: a flag, and a descriptor that wakes
//! `poll`. The flag alone says whether a cancel came; the descriptor only wakes, and may do so
//! without need.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// Shared by a client and whoever may cancel its calls.
#[derive(Clone)]
pub struct Cancel(Arc<Inner>);

struct Inner {
    set: AtomicBool,
    event: OwnedFd,
}

impl Cancel {
    pub fn new() -> Result<Self> {
        // SAFETY: no pointers are passed; a negative result is checked below.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(Error::io("eventfd", &std::io::Error::last_os_error()));
        }
        // SAFETY: the descriptor was just made and belongs to nobody else.
        let event = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Cancel(Arc::new(Inner { set: AtomicBool::new(false), event })))
    }

    /// Ends the wait under way, or the next one. Async-signal-safe: an atomic store and one
    /// `write`, `errno` left as it was.
    pub fn cancel(&self) {
        self.0.set.store(true, Ordering::SeqCst);
        let one = 1_u64.to_ne_bytes();
        // SAFETY: the buffer lives for the call and has the length given; errno is this thread's.
        unsafe {
            let errno = libc::__errno_location();
            let saved = *errno;
            libc::write(self.fd(), one.as_ptr().cast(), one.len());
            *errno = saved;
        }
    }

    pub fn is_set(&self) -> bool {
        self.0.set.load(Ordering::SeqCst)
    }

    /// Forgets a cancel that came when nothing was running.
    pub fn clear(&self) {
        if self.0.set.swap(false, Ordering::SeqCst) {
            self.drain();
        }
    }

    /// Takes back the wake-up. One that comes between the two halves of [`Cancel::clear`], or of
    /// [`Cancel::cancel`], leaves the descriptor readable with the flag down: whoever sees that
    /// drains it, and only then looks at the flag again, so that no cancel is lost.
    pub(super) fn drain(&self) {
        let mut count = [0_u8; 8];
        // SAFETY: the buffer lives for the call and has the length given.
        unsafe { libc::read(self.fd(), count.as_mut_ptr().cast(), count.len()) };
    }

    pub(super) fn fd(&self) -> RawFd {
        self.0.event.as_raw_fd()
    }

    /// What the race of a cancel with a clear leaves: readable, and no flag.
    #[cfg(test)]
    pub(super) fn wake_without_cause(&self) {
        self.cancel();
        self.0.set.store(false, Ordering::SeqCst);
    }

    #[cfg(test)]
    pub(super) fn is_drained(&self) -> bool {
        let mut count = [0_u8; 8];
        // SAFETY: the buffer lives for the call and has the length given.
        let read = unsafe { libc::read(self.fd(), count.as_mut_ptr().cast(), count.len()) };
        read < 0
    }
}
