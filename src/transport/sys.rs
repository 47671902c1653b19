//! The few calls of the C library that no crate wraps.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;

/// The signal mask before [`block_signals`].
pub(super) struct SignalMask(libc::sigset_t);

/// Blocks every signal in this thread, so that a thread started now inherits that and the host's
/// handlers never run on it.
pub(super) fn block_signals() -> SignalMask {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets live for the calls; sigfillset and pthread_sigmask initialise them.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        SignalMask(before.assume_init())
    }
}

pub(super) fn restore_signals(mask: &SignalMask) {
    // SAFETY: the set was filled by pthread_sigmask.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &mask.0, std::ptr::null_mut()) };
}

/// The number of a network interface.
pub(super) fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name is a C string that lives for the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// gethostname(2)
pub(super) fn host_name() -> Option<String> {
    let mut buffer = [0_u8; 256];
    // SAFETY: the buffer lives for the call and is one byte longer than the length given.
    let failed = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) } != 0;
    let name = CStr::from_bytes_until_nul(&buffer).ok()?.to_str().ok()?;
    (!failed && !name.is_empty()).then(|| name.to_owned())
}

/// The canonical name of a host, by getaddrinfo(3).
pub(super) fn canonical_name(name: &CString) -> Option<String> {
    // SAFETY: all-zero is a valid addrinfo: no flags, no pointers.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_flags = libc::AI_CANONNAME;
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut list = std::ptr::null_mut();
    // SAFETY: name and hints live for the call; on success the list is ours until it is freed.
    if unsafe { libc::getaddrinfo(name.as_ptr(), std::ptr::null(), &hints, &mut list) } != 0 {
        return None;
    }
    // SAFETY: getaddrinfo succeeded, so the list has a first entry.
    let canonical = unsafe { (*list).ai_canonname };
    let found = if canonical.is_null() {
        None
    } else {
        // SAFETY: a canonical name is a C string that lives as long as the list.
        unsafe { CStr::from_ptr(canonical) }.to_str().ok().map(str::to_owned)
    };
    // SAFETY: the list came from getaddrinfo and is not used afterwards.
    unsafe { libc::freeaddrinfo(list) };
    found
}
