//! What wakes a `poll`: one descriptor to watch and one to write to. With eventfd(2) they are the
//! same; elsewhere they are the ends of a pipe.

use std::io;
use std::os::fd::{IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering;

use super::{errno, sys};

/// An open one. It is a number or two: whoever has the last copy closes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bell {
    watched: RawFd,
    rung: RawFd,
}

impl Bell {
    /// Neither end blocks, survives `exec`, or is one of the standard three.
    pub fn new() -> io::Result<Self> {
        let (watched, rung) = open()?;
        let rung = rung.map(IntoRawFd::into_raw_fd);
        let watched = watched.into_raw_fd();
        Ok(Bell { watched, rung: rung.unwrap_or(watched) })
    }

    /// What becomes readable.
    pub fn fd(self) -> RawFd {
        self.watched
    }

    /// Makes it readable, if it is not. Async-signal-safe; leaves errno as it was.
    pub fn ring(self) {
        // What eventfd wants. A pipe that is full is readable already.
        let one = 1_u64.to_ne_bytes();
        let saved = errno::get();
        // SAFETY: the buffer lives for the call and has the length given.
        unsafe { libc::write(self.rung, one.as_ptr().cast(), one.len()) };
        errno::set(saved);
    }

    /// Takes back every ring.
    pub fn silence(self) {
        let mut rings = [0_u8; 512];
        let length = rings.len();
        // SAFETY: the buffer lives for the call and has the length given.
        let mut read = || unsafe { libc::read(self.watched, rings.as_mut_ptr().cast(), length) };
        while usize::try_from(read()) == Ok(length) {}
    }

    pub fn close(self) {
        // SAFETY: no pointer is passed; the caller has the last copy.
        unsafe {
            libc::close(self.watched);
            if self.rung != self.watched {
                libc::close(self.rung);
            }
        }
    }
}

/// Where a bell hangs, or none. One word, so that any thread and any signal handler may look.
#[derive(Default)]
pub(super) struct Hook(packed::Atomic);

impl Hook {
    pub const fn new() -> Self {
        Hook(packed::Atomic::new(0))
    }

    pub fn bell(&self) -> Option<Bell> {
        packed::unpack(self.0.load(Ordering::SeqCst))
    }

    pub fn hang(&self, bell: Option<Bell>) {
        self.0.store(bell.map_or(0, packed::pack), Ordering::SeqCst);
    }

    /// False if another hangs there.
    pub fn offer(&self, bell: Bell) -> bool {
        let (seen, other) = (Ordering::SeqCst, Ordering::Relaxed);
        self.0.compare_exchange(0, packed::pack(bell), seen, other).is_ok()
    }

    pub fn take(&self) -> Option<Bell> {
        // Most are empty, and many threads look.
        self.bell().and_then(|_| packed::unpack(self.0.swap(0, Ordering::SeqCst)))
    }
}

/// A bell in one word: 0 is none.
#[cfg(all(target_os = "linux", not(feature = "test-portable")))]
mod packed {
    use super::Bell;

    pub type Atomic = std::sync::atomic::AtomicI32;

    pub fn pack(bell: Bell) -> i32 {
        bell.watched + 1
    }

    pub fn unpack(word: i32) -> Option<Bell> {
        (word != 0).then(|| Bell { watched: word - 1, rung: word - 1 })
    }
}

#[cfg(any(not(target_os = "linux"), feature = "test-portable"))]
mod packed {
    use super::Bell;

    pub type Atomic = std::sync::atomic::AtomicU64;

    /// Neither is negative, nor the standard input's 0.
    pub fn pack(bell: Bell) -> u64 {
        (bell.watched as u64) << 32 | bell.rung as u64
    }

    pub fn unpack(word: u64) -> Option<Bell> {
        (word != 0).then_some(Bell { watched: (word >> 32) as i32, rung: word as i32 })
    }
}

/// What to watch, and what to write to if that is another.
#[cfg(all(target_os = "linux", not(feature = "test-portable")))]
fn open() -> io::Result<(OwnedFd, Option<OwnedFd>)> {
    Ok((sys::event()?, None))
}

#[cfg(any(not(target_os = "linux"), feature = "test-portable"))]
fn open() -> io::Result<(OwnedFd, Option<OwnedFd>)> {
    let end = |fd| {
        let fd = sys::above_standard(fd)?;
        sys::set_nonblocking(&fd).map(|()| fd)
    };
    let [watched, rung] = sys::pipe()?;
    Ok((end(watched)?, Some(end(rung)?)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Whether it is an open descriptor, and readable.
    pub fn poll(fd: RawFd) -> i16 {
        let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which lives for the call.
        unsafe { libc::poll(&raw mut entry, 1, 0) };
        entry.revents
    }

    #[test]
    fn one_ring_or_many_are_silenced_at_once() {
        let bell = Bell::new().unwrap();
        assert!(bell.watched > libc::STDERR_FILENO && bell.rung > libc::STDERR_FILENO);
        for rings in [1, 2, 64, 65, 100_000] {
            assert_eq!(poll(bell.fd()), 0);
            errno::set(7);
            (0..rings).for_each(|_| bell.ring());
            assert_eq!(errno::get(), 7);
            assert_eq!(poll(bell.fd()), libc::POLLIN);
            bell.silence();
        }
        assert_eq!(poll(bell.fd()), 0);
        bell.close();
    }

    #[test]
    fn neither_end_blocks_or_survives_exec() {
        let bell = Bell::new().unwrap();
        for fd in [bell.watched, bell.rung] {
            // SAFETY: no pointers are passed.
            let (own, shared) =
                unsafe { (libc::fcntl(fd, libc::F_GETFD), libc::fcntl(fd, libc::F_GETFL)) };
            assert_eq!(own & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
            assert_eq!(shared & libc::O_NONBLOCK, libc::O_NONBLOCK);
        }
        bell.close();
    }

    #[test]
    fn a_hook_gives_back_what_hangs_on_it() {
        let hook = Hook::new();
        let (one, other) = (Bell::new().unwrap(), Bell::new().unwrap());
        assert_eq!(hook.take(), None);
        assert!(hook.offer(one) && !hook.offer(other));
        assert_eq!(hook.bell(), Some(one));
        assert_eq!((hook.take(), hook.bell()), (Some(one), None));
        hook.hang(Some(other));
        assert_eq!(hook.take(), Some(other));
        one.close();
        other.close();
    }
}
