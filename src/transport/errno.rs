//! This thread's `errno`, whose address each C library gives by a name of its own.

use std::ffi::c_int;

pub fn get() -> c_int {
    // SAFETY: the address is this thread's own, and always good.
    unsafe { *location() }
}

pub fn set(value: c_int) {
    // SAFETY: as above, and nobody holds a reference to it.
    unsafe { *location() = value };
}

#[cfg(any(target_os = "linux", target_os = "dragonfly", target_os = "hurd"))]
use libc::__errno_location as location;

#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
use libc::__error as location;

#[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
use libc::__errno as location;

#[cfg(any(target_os = "illumos", target_os = "solaris"))]
use libc::___errno as location;
