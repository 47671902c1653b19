//! Linux's event queue: epoll(7), and timerfd_create(2) for its timer.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use super::sys;

pub(super) struct Poller {
    queue: OwnedFd,
    timer: OwnedFd,
    timer_tag: usize,
}

impl Poller {
    /// Events of its timer bear the tag.
    pub fn new(timer_tag: usize) -> io::Result<Self> {
        // SAFETY: no pointers are passed; the results are checked.
        let queue = own(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: as above.
        let timer = own(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
        let poller = Poller { queue, timer, timer_tag };
        poller.add_lasting(poller.timer.as_raw_fd(), timer_tag)?;
        Ok(poller)
    }

    pub fn fd(&self) -> RawFd {
        self.queue.as_raw_fd()
    }

    /// In a forked child, which has descriptors of its own on it: nothing is to be done.
    pub fn disown(&mut self) {}

    /// Every descriptor that a forked child has of it; -1 for none.
    pub fn open(&self) -> [RawFd; 2] {
        [self.queue.as_raw_fd(), self.timer.as_raw_fd()]
    }

    /// Watches for input for ever.
    pub fn add_lasting(&self, fd: RawFd, tag: usize) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, libc::EPOLLIN as u32, tag)
    }

    /// Watches for one event of those that poll(2) has; false for what is always ready.
    pub fn add(&self, fd: RawFd, events: i16, tag: usize) -> io::Result<bool> {
        // The events of both have the same numbers.
        let events = events as u32 | libc::EPOLLONESHOT as u32;
        let added = self.control(libc::EPOLL_CTL_MOD, fd, events, tag).or_else(|error| match error
            .raw_os_error()
        {
            Some(libc::ENOENT) => self.control(libc::EPOLL_CTL_ADD, fd, events, tag),
            _ => Err(error),
        });
        match added {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => Ok(false),
            added => added.map(|()| true),
        }
    }

    pub fn set_timer(&mut self, time: Duration) {
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let mut value = libc::timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(i32::MAX as _),
            tv_nsec: time.subsec_nanos() as _,
        };
        // Nothing at all would stop it.
        if time.is_zero() {
            value.tv_nsec = 1;
        }
        let setting = libc::itimerspec { it_interval: zero, it_value: value };
        let fd = self.timer.as_raw_fd();
        // SAFETY: the setting lives for the call; the old one is not asked for.
        unsafe { libc::timerfd_settime(fd, 0, &raw const setting, std::ptr::null_mut()) };
    }

    /// What has happened, without waiting.
    pub fn take(&mut self, mut each: impl FnMut(usize, i16)) {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; AT_ONCE];
        let (fd, room) = (self.queue.as_raw_fd(), AT_ONCE as libc::c_int);
        // SAFETY: the list lives for the call and has the length given.
        let count = unsafe { libc::epoll_wait(fd, events.as_mut_ptr(), room, 0) };
        for event in &events[..usize::try_from(count).unwrap_or(0)] {
            let tag = event.u64 as usize;
            if tag == self.timer_tag {
                let mut count = [0_u8; 8];
                let fd = self.timer.as_raw_fd();
                // SAFETY: the buffer lives for the call and has the length given.
                unsafe { libc::read(fd, count.as_mut_ptr().cast(), count.len()) };
            }
            each(tag, event.events as i16);
        }
    }

    fn control(&self, what: libc::c_int, fd: RawFd, events: u32, tag: usize) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: tag as u64 };
        // SAFETY: the event lives for the call.
        match unsafe { libc::epoll_ctl(self.queue.as_raw_fd(), what, fd, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// A descriptor that was just made, if it was.
fn own(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it belongs to nobody else.
    sys::above_standard(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// More than a race of connects has under way; what is beyond it comes with the next look.
const AT_ONCE: usize = 24;
