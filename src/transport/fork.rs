//! What a fork leaves behind. A child has only the thread that forked: what any other thread was
//! in the midst of stays as it was for ever. The epoch tells things of the parent's from the
//! child's own, and the forking thread is the one whose calls still run.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use crate::error::{Error, ErrorKind, Result};

use super::wake;

/// How many forks lie between the process that loaded the library and this one.
static EPOCH: AtomicU32 = AtomicU32::new(0);
/// The thread that made this process.
static FORKER: AtomicUsize = AtomicUsize::new(0);
static WATCHED: AtomicBool = AtomicBool::new(false);

/// From now on forks are counted.
pub fn watch() -> Result<()> {
    if WATCHED.load(Ordering::Acquire) || WATCHED.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    // SAFETY: the handler is a function of this library, which stays mapped.
    if unsafe { libc::pthread_atfork(None, None, Some(in_child)) } != 0 {
        WATCHED.store(false, Ordering::Release);
        return Err(Error::new(ErrorKind::NoMemory, String::new()));
    }
    Ok(())
}

pub fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
}

/// Which thread this is.
pub fn thread() -> usize {
    // SAFETY: asks, and changes nothing.
    unsafe { libc::pthread_self() as usize }
}

/// Which thread forked this process: of the parent's, the only one that is still there.
pub fn forker() -> usize {
    FORKER.load(Ordering::Relaxed)
}

extern "C" fn in_child() {
    FORKER.store(thread(), Ordering::Relaxed);
    EPOCH.fetch_add(1, Ordering::SeqCst);
    wake::forget_the_parents();
}
