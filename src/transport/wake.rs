//! Waking one caller that waits in `poll`, from another thread.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, RawFd};

use crate::error::{Error, Result};

use super::sys;

/// A descriptor that becomes readable, once and for all. (The end of a pipe would not do: a child
/// that another thread forks meanwhile would hold it open.)
pub(super) struct Wake(File);

impl Wake {
    pub fn new() -> Result<Self> {
        let event = sys::event().map_err(|error| Error::io("eventfd", &error))?;
        Ok(Wake(File::from(event)))
    }

    pub fn wake(&self) {
        // It can fail only where it has been woken 2^64 times.
        let _ = (&self.0).write(&1_u64.to_ne_bytes());
    }

    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
