//! Leaves an operation's waits to the event loop of the host program: one descriptor, readable
//! whenever there is something to do.
//!
//! Behind it are the descriptors that the operation waits for, a timer for its deadline, and what a
//! cancel wakes. Each descriptor is watched for one event and no longer: what is left of an older
//! wait, of a socket say that a forked child keeps open, speaks up once at most.

use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

use super::bell::Bell;
use super::cancel::Cancel;
use super::park::Park;
use super::{Poller, fork, sys, wake};

pub struct Events {
    poller: Poller,
    cancel: Cancel,
    wake: Bell,
    /// Which wait the poller watches for, so that it is told from older ones.
    round: usize,
    /// What it watches, where it may watch that on.
    watched: Option<(RawFd, i16, usize)>,
    /// When the timer goes off.
    timer: Option<Instant>,
    /// The process that it belongs to.
    epoch: u32,
}

impl Events {
    /// Nothing happens but by a wait that `cancel` can end.
    pub fn new(cancel: &Cancel) -> Result<Self> {
        let poller = Poller::new(TIMER).map_err(|error| Error::io("an event queue", &error))?;
        let wake = Bell::new().map_err(|error| Error::io("an event queue", &error))?;
        let cancel = cancel.clone();
        let epoch = fork::epoch();
        let events = Events { poller, cancel, wake, round: 0, watched: None, timer: None, epoch };
        let added = events.poller.add_lasting(wake.fd(), WAKE);
        added.map_err(|error| Error::io("an event queue", &error))?;
        events.cancel.wakes(Some(wake), events.poller.open());
        Ok(events)
    }

    /// Readable whenever there is something to do.
    pub fn fd(&self) -> RawFd {
        self.poller.fd()
    }

    /// Not that of the process which forked this one.
    pub fn is_ours(&self) -> bool {
        self.epoch == fork::epoch()
    }

    /// Whether what the park was asked for has come.
    pub fn look(&mut self, park: &Park) -> bool {
        let place = &mut *park.place();
        let (round, wake) = (self.round, self.wake);
        let (mut came, mut rang) = (false, false);
        self.poller.take(|tag, events| match tag {
            WAKE => wake.silence(),
            TIMER => rang = true,
            tag if tag >> INDEX_BITS == round => {
                if let Some(entry) = place.fds.get_mut(tag & INDEX) {
                    entry.revents |= events;
                    came = true;
                }
            }
            _ => {}
        });
        if came {
            self.watched = None;
        }
        if rang {
            self.timer = None;
        }
        let is_over = place.is_over(&self.cancel, Instant::now());
        if !is_over {
            self.set_timer(place.deadline);
        }
        is_over
    }

    /// Sees to it that the descriptor tells when what the park was asked for comes. Where the system
    /// has no room for that, an operation that is pending ends with the error; where none is, it is
    /// tried again.
    pub fn arm(&mut self, park: &Park, is_pending: bool) {
        self.cancel.wakes(Some(self.wake), self.poller.open());
        let place = &mut *park.place();
        self.set_timer(place.deadline);
        // One descriptor, of ours, and no other was opened that might have its number.
        let alone = match &place.fds[..] {
            [one, rest @ ..] if rest.iter().all(|other| other.fd < 0) => {
                Some((one.fd, one.events, sys::opened()))
            }
            _ => None,
        };
        if alone.is_some() && alone == self.watched {
            return;
        }
        self.round = (self.round + 1) & (usize::MAX >> (INDEX_BITS + 1));
        self.watched = alone;
        for index in 0..place.fds.len().min(INDEX) {
            let entry = place.fds[index];
            if entry.fd < 0 || entry.events == 0 {
                continue;
            }
            match self.poller.add(entry.fd, entry.events, self.round << INDEX_BITS | index) {
                Ok(true) => continue,
                // A file is always ready.
                Ok(false) => place.fds[index].revents = entry.events,
                Err(error) => {
                    self.watched = None;
                    if !is_pending {
                        self.set_timer(Instant::now().checked_add(AGAIN));
                        continue;
                    }
                    place.fail(Error::io("an event queue", &error));
                }
            }
            self.set_timer(Some(Instant::now()));
        }
    }

    /// A timer that goes off too early is set anew then: that is rarer than that limits change.
    fn set_timer(&mut self, end: Option<Instant>) {
        let Some(end) = end else { return };
        if self.timer.is_none_or(|set| end < set) {
            self.poller.set_timer(end.saturating_duration_since(Instant::now()));
            self.timer = Some(end);
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.cancel.wakes(None, [-1; 2]);
        if self.is_ours() {
            wake::close_when_quiet(self.wake);
        } else {
            self.wake.close();
            self.poller.disown();
        }
    }
}

/// When an idle connection is watched again that could not be.
const AGAIN: Duration = Duration::from_secs(1);

/// Above the index of a descriptor stands the number of the wait.
const INDEX_BITS: u32 = 8;
const INDEX: usize = (1 << INDEX_BITS) - 1;
const WAKE: usize = usize::MAX;
const TIMER: usize = usize::MAX - 1;

#[cfg(test)]
#[allow(unsafe_code)]
mod tests {
    use super::super::park::watch;
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    fn is_readable(fd: RawFd, milliseconds: i32) -> bool {
        let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which lives for the call.
        unsafe { libc::poll(&raw mut entry, 1, milliseconds) == 1 }
    }

    struct Loop {
        park: Park,
        cancel: Cancel,
        events: Events,
    }

    fn host() -> Loop {
        let cancel = Cancel::new().unwrap();
        let events = Events::new(&cancel).unwrap();
        let mut park = Park::default();
        park.join(&mut Park::default());
        Loop { park, cancel, events }
    }

    impl Loop {
        fn ask(&mut self, fds: &[libc::pollfd], milliseconds: Option<u64>) {
            let end = milliseconds.map(|time| Instant::now() + Duration::from_millis(time));
            self.park.ask(fds, end);
            self.events.arm(&self.park, true);
        }

        fn look(&mut self) -> bool {
            self.events.look(&self.park)
        }
    }

    #[test]
    fn the_descriptor_tells_of_input_a_deadline_and_a_cancel() {
        let mut host = host();
        let fd = host.events.fd();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let input = [watch(ours.as_raw_fd(), libc::POLLIN)];
        host.ask(&input, Some(60_000));
        assert!(!is_readable(fd, 20) && !host.look());
        theirs.write_all(b"x").unwrap();
        assert!(is_readable(fd, 5000) && host.look());
        // What is there still is told anew; a shorter limit than the last one holds.
        host.ask(&input, Some(60_000));
        assert!(is_readable(fd, 5000) && host.look());
        host.ask(&[], Some(30));
        assert!(!host.look());
        assert!(is_readable(fd, 5000) && host.look());
        host.ask(&[], None);
        assert!(!is_readable(fd, 20) && !host.look());
        host.cancel.cancel();
        assert!(is_readable(fd, 5000) && host.look());
        host.cancel.clear();
        host.ask(&[], None);
        assert!(!is_readable(fd, 20), "a wake-up is taken back");
    }

    #[test]
    fn a_socket_with_the_number_of_another_is_watched() {
        let mut host = host();
        let fd = host.events.fd();
        for _ in 0..3 {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let ours = super::super::Socket::adopt(ours.into()).unwrap();
            host.ask(&[watch(ours.fd(), libc::POLLIN)], None);
            assert!(!is_readable(fd, 0));
            (&theirs).write_all(b"x").unwrap();
            assert!(is_readable(fd, 5000) && host.look());
        }
    }

    #[test]
    fn a_file_is_always_ready() {
        let mut host = host();
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        host.ask(&[watch(-1, 0), watch(file.as_raw_fd(), libc::POLLIN)], None);
        assert!(is_readable(host.events.fd(), 5000) && host.look());
    }

    /// A child that keeps a socket open must not make its parent's loop spin.
    #[test]
    fn what_is_left_of_an_older_wait_speaks_once() {
        let mut host = host();
        let fd = host.events.fd();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let _kept = ours.try_clone().unwrap();
        host.ask(&[watch(ours.as_raw_fd(), libc::POLLIN)], None);
        drop(ours);
        theirs.write_all(b"x").unwrap();
        host.ask(&[], None);
        assert!(!host.look());
        assert!(!is_readable(fd, 20));
    }
}
