//! Drives an operation to its end on the caller's thread: where it waits, poll(2) does.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::error::Error;

use super::cancel::{Cancel, Waiting};
use super::park::{Park, watch};

/// Runs an operation whose waits are in `park`, until it ends, which a cancel hastens.
pub fn block_on<T>(park: &Park, cancel: &Cancel, operation: impl Future<Output = T>) -> T {
    let mut operation = pin!(operation);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match operation.as_mut().poll(&mut context) {
            Poll::Ready(result) => return result,
            Poll::Pending => sit_out(park, cancel),
        }
    }
}

/// Waits until what was asked for has come. An interrupted wait goes on with what is left of its
/// time.
fn sit_out(park: &Park, cancel: &Cancel) {
    let place = &mut *park.place();
    let waiting = cancel.wait(&place.fds);
    let longest = if waiting.fd().is_some() { i32::MAX } else { UNWOKEN };
    let mut now = Instant::now();
    // From here on a cancel wakes the wait; one that came before is seen now.
    let mut is_over = cancel.is_set() && place.is_over(cancel, now);
    while !is_over {
        let left = place.deadline.map(|deadline| deadline.saturating_duration_since(now));
        let timeout = match left {
            None if longest == i32::MAX => -1,
            None => longest,
            // Rounded up, so that the last millisecond is not a busy loop.
            Some(left) => {
                i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(longest).min(longest)
            }
        };
        match poll(&mut place.fds, &waiting, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => place.fail(Error::io("poll", &error)),
            Ok(()) => is_over = place.is_over(cancel, now),
        }
        if !is_over {
            now = Instant::now();
            is_over = place.is_over(cancel, now);
        }
    }
}

/// poll(2) over the descriptors and what a cancel wakes.
fn poll(fds: &mut Vec<libc::pollfd>, waiting: &Waiting<'_>, timeout: i32) -> io::Result<()> {
    fds.push(watch(waiting.fd().unwrap_or(-1), libc::POLLIN));
    // SAFETY: the list lives for the call and has the length given.
    let count = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) };
    let woken = fds.pop().is_some_and(|entry| entry.revents != 0);
    if count < 0 {
        return Err(io::Error::last_os_error());
    }
    if woken {
        waiting.drain();
    }
    Ok(())
}

/// How often, in milliseconds, a wait looks for a cancel that cannot wake it, because the process
/// has no descriptor left.
const UNWOKEN: i32 = 50;
