//! The event queue of BSD and macOS: kqueue(2), which has a timer of its own.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use super::sys;

pub(super) struct Poller {
    queue: ManuallyDrop<OwnedFd>,
    timer_tag: usize,
    is_inherited: bool,
}

impl Drop for Poller {
    fn drop(&mut self) {
        if !self.is_inherited {
            // SAFETY: once, and nothing uses it behind this.
            unsafe { ManuallyDrop::drop(&mut self.queue) };
        }
    }
}

impl Poller {
    /// Events of its timer bear the tag.
    pub fn new(timer_tag: usize) -> io::Result<Self> {
        // SAFETY: no pointers are passed; the result is checked.
        let fd = unsafe { libc::kqueue() };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and belongs to nobody else.
        let queue = sys::above_standard(unsafe { OwnedFd::from_raw_fd(fd) })?;
        // No child inherits it, but what this process may become would.
        // SAFETY: no pointers are passed.
        unsafe { libc::fcntl(queue.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
        Ok(Poller { queue: ManuallyDrop::new(queue), timer_tag, is_inherited: false })
    }

    pub fn fd(&self) -> RawFd {
        self.queue.as_raw_fd()
    }

    /// In a forked child, which has not got it: its number may be another file's by now.
    pub fn disown(&mut self) {
        self.is_inherited = true;
    }

    /// Every descriptor that a forked child has of it; -1 for none.
    pub fn open(&self) -> [RawFd; 2] {
        [-1; 2]
    }

    /// Watches for input for ever.
    pub fn add_lasting(&self, fd: RawFd, tag: usize) -> io::Result<()> {
        self.change(fd as usize, libc::EVFILT_READ, libc::EV_ADD, 0, tag)
    }

    /// Watches for one event of those that poll(2) has; false for what is always ready.
    pub fn add(&self, fd: RawFd, events: i16, tag: usize) -> io::Result<bool> {
        let once = libc::EV_ADD | libc::EV_ONESHOT;
        for (wanted, filter) in
            [(libc::POLLIN, libc::EVFILT_READ), (libc::POLLOUT, libc::EVFILT_WRITE)]
        {
            if events & wanted != 0 {
                self.change(fd as usize, filter, once, 0, tag)?;
            }
        }
        Ok(true)
    }

    pub fn set_timer(&mut self, time: Duration) {
        let milliseconds = time.as_micros().div_ceil(1000).try_into().unwrap_or(i32::MAX);
        let once = libc::EV_ADD | libc::EV_ONESHOT;
        // There is one timer, and the kernel has room for it.
        let _ = self.change(1, libc::EVFILT_TIMER, once, milliseconds, self.timer_tag);
    }

    /// What has happened, without waiting.
    pub fn take(&mut self, mut each: impl FnMut(usize, i16)) {
        // SAFETY: plain data, for which all zeros are a value.
        let mut events: [libc::kevent; AT_ONCE] = unsafe { std::mem::zeroed() };
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let (fd, room) = (self.queue.as_raw_fd(), AT_ONCE as libc::c_int);
        // SAFETY: list and time live for the call, and the list has the length given.
        let count = unsafe {
            libc::kevent(fd, std::ptr::null(), 0, events.as_mut_ptr(), room, &raw const at_once)
        };
        for event in &events[..usize::try_from(count).unwrap_or(0)] {
            let seen = match event.filter {
                libc::EVFILT_WRITE => libc::POLLOUT,
                _ => libc::POLLIN,
            };
            each(event.udata as usize, seen);
        }
    }

    fn change(
        &self,
        ident: usize,
        filter: i16,
        flags: u16,
        data: i32,
        tag: usize,
    ) -> io::Result<()> {
        // SAFETY: plain data, for which all zeros are a value.
        let mut event: libc::kevent = unsafe { std::mem::zeroed() };
        event.ident = ident as _;
        event.filter = filter;
        event.flags = flags;
        event.data = data as _;
        event.udata = tag as _;
        let nothing = std::ptr::null_mut();
        let fd = self.queue.as_raw_fd();
        // SAFETY: the event lives for the call; none is asked for.
        match unsafe { libc::kevent(fd, &raw const event, 1, nothing, 0, std::ptr::null()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// More than a race of connects has under way; what is beyond it comes with the next look.
const AT_ONCE: usize = 24;
