//! What the attachments of a C program are read from: its memory, a descriptor, or a callback.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::{ErrorKind as Io, Read, Seek};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::client::Content;
use crate::error::{Error, ErrorKind, Result};

use super::boundary::callback::UserData;
use super::boundary::convert;

/// Memory of the caller's.
pub(super) struct Borrowed {
    bytes: &'static [u8],
    /// Tells him that it is not needed any more.
    _release: UserData,
}

impl Borrowed {
    /// The caller's promise makes the bytes outlive this.
    pub fn content(bytes: &'static [u8], release: UserData) -> Arc<dyn Content> {
        Arc::new(Borrowed { bytes, _release: release })
    }
}

impl AsRef<[u8]> for Borrowed {
    fn as_ref(&self) -> &[u8] {
        self.bytes
    }
}

/// The content of a descriptor from where it stands.
pub(super) fn of_descriptor(fd: c_int) -> Result<Arc<dyn Content>> {
    let file = File::from(convert::descriptor(fd)?);
    check_readable(&file)?;
    if !file.metadata().is_ok_and(|data| data.is_file()) {
        return Ok(Arc::new(Pipe { file, begun: AtomicBool::new(false) }));
    }
    let start = (&file).stream_position().map_err(|error| Error::io("the descriptor", &error))?;
    let length = file.metadata().map_or(0, |data| data.len());
    // Files of /proc and the like have no size, and yet something in them.
    let sized = length > start || file.read_at(&mut [0], start).is_ok_and(|count| count == 0);
    Ok(Arc::new(Regular { file, start, size: sized.then(|| length.saturating_sub(start)) }))
}

/// A directory, or what was opened for writing alone, is found now rather than in mid-message.
fn check_readable(file: &File) -> Result<()> {
    // SAFETY: F_GETFL takes no argument and changes nothing.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    let write_only = flags >= 0 && flags & libc::O_ACCMODE == libc::O_WRONLY;
    if write_only || file.metadata().is_ok_and(|data| data.is_dir()) {
        return Err(convert::invalid("the descriptor cannot be read from"));
    }
    Ok(())
}

/// A file, read by position: its offset, which it shares with the caller's, stays.
struct Regular {
    file: File,
    start: u64,
    size: Option<u64>,
}

impl Content for Regular {
    fn size(&self) -> Option<u64> {
        self.size
    }

    /// What was added to it meanwhile is not part of the message.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<Option<usize>> {
        let rest = self.size.map_or(u64::MAX, |size| size.saturating_sub(offset));
        let most = usize::try_from(rest).map_or(buffer.len(), |rest| rest.min(buffer.len()));
        let read = || self.file.read_at(&mut buffer[..most], self.start + offset);
        repeat(read).map(Some).map_err(|error| Error::io("reading it", &error))
    }
}

/// Whatever can be read once.
struct Pipe {
    file: File,
    begun: AtomicBool,
}

impl Content for Pipe {
    fn size(&self) -> Option<u64> {
        None
    }

    fn check(&self) -> Result<()> {
        once(self.begun.load(Ordering::Acquire))
    }

    fn begin(&self) -> Result<()> {
        once(self.begun.swap(true, Ordering::AcqRel))
    }

    /// What has nothing is waited for by the client, within its time limit; the caller's descriptor
    /// stays in blocking mode, which the two share.
    fn read(&self, _: u64, buffer: &mut [u8]) -> Result<Option<usize>> {
        if !has_input(&self.file) {
            return Ok(None);
        }
        match repeat(|| (&self.file).read(buffer)) {
            Err(error) if error.kind() == Io::WouldBlock => Ok(None),
            read => read.map(Some).map_err(|error| Error::io("reading it", &error)),
        }
    }

    fn descriptor(&self) -> Option<c_int> {
        Some(self.file.as_raw_fd())
    }
}

fn repeat(mut read: impl FnMut() -> std::io::Result<usize>) -> std::io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == Io::Interrupted => {}
            result => return result,
        }
    }
}

fn has_input(file: &File) -> bool {
    wait_for_input(file.as_raw_fd(), 0)
}

/// Waits for so many milliseconds, or, if they are negative, for ever.
pub(super) fn wait_for_input(fd: c_int, milliseconds: c_int) -> bool {
    let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry that lives for the call.
    let ready = unsafe { libc::poll(&raw mut entry, 1, milliseconds) };
    ready > 0
}

type Function = unsafe extern "C-unwind" fn(*mut c_void, usize, *mut c_void) -> isize;

/// A callback that gives the bytes. Of all who share it, only the one that has begun to read calls
/// it.
pub(super) struct Callback {
    function: Function,
    user: UserData,
    size: Option<u64>,
    begun: AtomicBool,
}

impl Callback {
    pub fn content(function: Function, user: UserData, size: Option<u64>) -> Arc<dyn Content> {
        Arc::new(Callback { function, user, size, begun: AtomicBool::new(false) })
    }
}

impl Content for Callback {
    fn size(&self) -> Option<u64> {
        self.size
    }

    fn check(&self) -> Result<()> {
        once(self.begun.load(Ordering::Acquire))
    }

    fn begin(&self) -> Result<()> {
        once(self.begun.swap(true, Ordering::AcqRel))
    }

    fn read(&self, _: u64, buffer: &mut [u8]) -> Result<Option<usize>> {
        // SAFETY: the function and its data are the caller's, who gave them for each other.
        unsafe { call(self.function, &self.user, buffer) }.map(Some)
    }
}

fn once(begun: bool) -> Result<()> {
    if begun {
        return Err(Error::new(
            ErrorKind::Misuse,
            "it can be read once, and was; clear the message and attach it again",
        ));
    }
    Ok(())
}

/// Asks a callback for the next bytes.
unsafe fn call(function: Function, user: &UserData, buffer: &mut [u8]) -> Result<usize> {
    let (data, capacity) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: the buffer is valid for the capacity; user data is what the caller gave.
    let count = unsafe { function(data, capacity, user.pointer()) };
    match usize::try_from(count) {
        Ok(count) if count <= capacity => Ok(count),
        Ok(count) => Err(convert::invalid(format!(
            "the reader returned {count} for a buffer of {capacity} bytes"
        ))),
        Err(_) => Err(Error::new(ErrorKind::Cancelled, format!("the reader gave up with {count}"))),
    }
}
