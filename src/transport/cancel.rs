//! Cancelling a call from any thread or signal handler: a bit that says that a cancel came, and
//! where a wait is told of it. The bit alone counts; to be woken without need is harmless.

use std::os::fd::RawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use crate::error::Result;

use super::bell::{Bell, Hook};
use super::{fork, sys, wake};

/// What a client shares with whoever may cancel its calls. The word's other bits are its owner's:
/// so one step can begin a call and forget an old cancel.
pub struct Signal {
    word: AtomicU64,
    /// What wakes the wait under way.
    waiting: Hook,
    /// The descriptors that the wait looks at, each plus one; 0 where there is none.
    watched: [AtomicI32; WATCHED],
    /// The connection's descriptor, plus one, and which file that was.
    held: AtomicI32,
    held_file: AtomicU64,
}

impl Signal {
    /// In [`Signal::word`]: a cancel came.
    pub const SET: u64 = 1;
    /// In [`Signal::word`]: a cancel lasts from one call to the next, an operation being pending.
    pub const KEPT: u64 = 1 << 1;

    pub const fn new() -> Self {
        Signal {
            word: AtomicU64::new(0),
            waiting: Hook::new(),
            watched: [const { AtomicI32::new(0) }; WATCHED],
            held: AtomicI32::new(0),
            held_file: AtomicU64::new(0),
        }
    }

    pub fn word(&self) -> &AtomicU64 {
        &self.word
    }

    /// Wakes the wait under way; [`Signal::SET`] is set by then. Async-signal-safe.
    pub fn wake(&self) {
        wake::ring(&self.waiting);
    }

    /// In a forked child: the call that ran here ran on a thread that does not exist any more.
    /// Closes its descriptors.
    pub fn abandon(&self) {
        let watched = self.watched.each_ref().map(|place| place.swap(0, Ordering::SeqCst));
        let held = self.held.swap(0, Ordering::SeqCst);
        // What is being watched is certainly open and ours; what is held may have been closed
        // since, and its number be another file's.
        let is_ours = held != 0
            && !watched.contains(&held)
            && socket_number(held - 1) == Some(self.held_file.load(Ordering::SeqCst));
        let held = if is_ours { held } else { 0 };
        for place in watched.into_iter().chain([held]).filter(|place| *place != 0) {
            sys::close(place - 1);
        }
        if let Some(bell) = self.waiting.take() {
            bell.close();
        }
        wake::leave();
    }

    fn is_set(&self) -> bool {
        self.word.load(Ordering::SeqCst) & Signal::SET != 0
    }
}

impl Default for Signal {
    fn default() -> Self {
        Signal::new()
    }
}

/// A handle on a [`Signal`], shared by a client and whoever may cancel its calls.
pub struct Cancel {
    source: Source,
    /// The first of them may wait; the others say when.
    _member: Option<wake::Member>,
}

#[derive(Clone)]
enum Source {
    Own(Arc<Signal>),
    Lasting(&'static Signal),
}

impl Clone for Cancel {
    fn clone(&self) -> Self {
        Cancel { source: self.source.clone(), _member: None }
    }
}

impl Cancel {
    pub fn new() -> Result<Self> {
        fork::watch()?;
        let source = Source::Own(Arc::default());
        Ok(Cancel { source, _member: Some(wake::Member::new()) })
    }

    /// Of a signal that somebody else owns.
    pub fn of(signal: &'static Signal) -> Result<Self> {
        fork::watch()?;
        Ok(Cancel { source: Source::Lasting(signal), _member: Some(wake::Member::new()) })
    }

    /// Ends the wait under way, or the next one, and every one after it until
    /// [`Cancel::clear`]. Async-signal-safe, and `errno` is left as it was.
    pub fn cancel(&self) {
        self.signal().word.fetch_or(Signal::SET, Ordering::SeqCst);
        self.signal().wake();
    }

    pub fn is_set(&self) -> bool {
        self.signal().is_set()
    }

    /// Forgets a cancel.
    pub fn clear(&self) {
        self.signal().word.fetch_and(!Signal::SET, Ordering::SeqCst);
    }

    /// Whether a cancel lasts from one call to the next.
    pub fn keep(&self, on: bool) {
        let word = &self.signal().word;
        match on {
            true => word.fetch_or(Signal::KEPT, Ordering::SeqCst),
            false => word.fetch_and(!Signal::KEPT, Ordering::SeqCst),
        };
    }

    /// What a cancel makes readable, there being no wait of its own, and what is open besides.
    pub(super) fn wakes(&self, bell: Option<Bell>, open: [RawFd; 2]) {
        for (place, fd) in self.signal().watched.iter().zip(open) {
            place.store(fd + 1, Ordering::Relaxed);
        }
        self.signal().waiting.hang(bell);
    }

    /// Tells what the connection's descriptor is, for [`Signal::abandon`].
    pub fn holds(&self, fd: RawFd) {
        let Some(number) = socket_number(fd) else { return };
        self.signal().held_file.store(number, Ordering::SeqCst);
        self.signal().held.store(fd + 1, Ordering::SeqCst);
    }

    /// The start of a wait for these descriptors. Whoever looks at the flag after this is woken
    /// by every cancel that the look did not see.
    pub(super) fn wait(&self, fds: &[libc::pollfd]) -> Waiting<'_> {
        let signal = self.signal();
        for (place, entry) in signal.watched.iter().zip(fds) {
            place.store(entry.fd + 1, Ordering::Relaxed);
        }
        let wake = wake::take();
        signal.waiting.hang(wake);
        Waiting { signal, wake }
    }

    fn signal(&self) -> &Signal {
        match &self.source {
            Source::Own(signal) => signal,
            Source::Lasting(signal) => signal,
        }
    }
}

/// A wait that a cancel can wake.
pub(super) struct Waiting<'a> {
    signal: &'a Signal,
    wake: Option<Bell>,
}

impl Waiting<'_> {
    /// What becomes readable; `None` where the process has no descriptor left, and the flag must
    /// be looked at from time to time.
    pub fn fd(&self) -> Option<RawFd> {
        self.wake.map(Bell::fd)
    }

    /// Takes back the wake-up; the flag is looked at after it.
    pub fn drain(&self) {
        if let Some(bell) = self.wake {
            bell.silence();
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.signal.waiting.hang(None);
        for place in &self.signal.watched {
            place.store(0, Ordering::Relaxed);
        }
        if let Some(bell) = self.wake {
            wake::put(bell);
        }
    }
}

/// The number by which the system knows a socket, whatever descriptors it has.
fn socket_number(fd: RawFd) -> Option<u64> {
    let status = sys::status(fd).ok()?;
    status.file_type().is_socket().then(|| status.ino())
}

/// So many descriptors of a wait are remembered: as many as leave a slot of the table of handles
/// its size. A race of connects has seldom more under way.
const WATCHED: usize = 5 - size_of::<Hook>() / size_of::<AtomicI32>();
