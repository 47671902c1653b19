//! The few calls of the C library that no crate wraps.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicPtr, Ordering};

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

/// What the name service knows of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// In the system's order of preference, with port 0.
    pub addresses: Vec<SocketAddr>,
    pub canonical: Option<String>,
}

/// Why a look-up failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unresolved {
    /// One of `EAI_*`.
    pub code: i32,
    pub reason: String,
}

/// getaddrinfo(3), for stream sockets; with the canonical name if that is asked for.
pub(super) fn look_up(name: &CStr, canonical: bool) -> Result<Found, Unresolved> {
    // SAFETY: all-zero is a valid addrinfo: no flags, no pointers.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_flags = if canonical { libc::AI_CANONNAME } else { 0 };
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut list = std::ptr::null_mut();
    // SAFETY: name and hints live for the call; on success the list is ours until it is freed.
    let code = unsafe { libc::getaddrinfo(name.as_ptr(), std::ptr::null(), &hints, &mut list) };
    if code != 0 {
        return Err(unresolved(code));
    }
    let mut found = Found::default();
    let mut next = list;
    // SAFETY: each entry of the list lives until the list is freed.
    while let Some(entry) = unsafe { next.as_ref() } {
        found.addresses.extend(address(entry));
        if !entry.ai_canonname.is_null() {
            // SAFETY: a canonical name is a C string that lives as long as the list.
            let canonical = unsafe { CStr::from_ptr(entry.ai_canonname) };
            found.canonical = canonical.to_str().ok().map(str::to_owned);
        }
        next = entry.ai_next;
    }
    // SAFETY: the list came from getaddrinfo and is not used afterwards.
    unsafe { libc::freeaddrinfo(list) };
    Ok(found)
}

fn unresolved(code: i32) -> Unresolved {
    let reason = if code == libc::EAI_SYSTEM {
        io::Error::last_os_error().to_string()
    } else {
        // SAFETY: gai_strerror gives a constant C string for any code.
        unsafe { CStr::from_ptr(libc::gai_strerror(code)) }.to_string_lossy().into_owned()
    };
    Unresolved { code, reason }
}

fn address(entry: &libc::addrinfo) -> Option<SocketAddr> {
    let length = entry.ai_addrlen;
    if entry.ai_addr.is_null() || length as usize > size_of::<libc::sockaddr_storage>() {
        return None;
    }
    // SAFETY: getaddrinfo gives an address of that length, and it fits into the storage.
    let filled = unsafe {
        socket2::SockAddr::try_init(|storage, filled| {
            let from = entry.ai_addr.cast::<u8>();
            std::ptr::copy_nonoverlapping(from, storage.cast::<u8>(), length as usize);
            *filled = length;
            Ok(())
        })
    };
    filled.ok()?.1.as_socket()
}

/// A descriptor that is none of the standard three: in a process that has closed them, what is
/// printed would go to a server.
pub(super) fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(fd);
    }
    let least = libc::STDERR_FILENO + 1;
    // SAFETY: no pointers are passed; a negative result is checked below.
    let other = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) };
    if other < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(other) })
}

/// eventfd(2), which neither blocks nor survives `exec`.
pub(super) fn event() -> io::Result<OwnedFd> {
    // SAFETY: no pointers are passed; a negative result is checked below.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and belongs to nobody else.
    above_standard(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// One value in each process. A forked child makes a new one and never touches its parent's: a
/// thread that the child has not got may have been changing that, and may hold its locks.
pub(super) struct PerProcess<T> {
    newest: AtomicPtr<Made<T>>,
    make: fn() -> T,
}

struct Made<T> {
    process: u32,
    value: T,
    /// The parent's, which only keeps it from being a leak.
    _before: *mut Made<T>,
}

impl<T: Sync> PerProcess<T> {
    pub const fn new(make: fn() -> T) -> Self {
        PerProcess { newest: AtomicPtr::new(std::ptr::null_mut()), make }
    }

    pub fn get(&'static self) -> &'static T {
        let process = std::process::id();
        loop {
            let before = self.newest.load(Ordering::Acquire);
            // SAFETY: what was once stored is never freed, and never changed but by its own locks.
            if let Some(made) = unsafe { before.as_ref() }.filter(|made| made.process == process) {
                return &made.value;
            }
            let value = (self.make)();
            let made = Box::into_raw(Box::new(Made { process, value, _before: before }));
            let stored =
                self.newest.compare_exchange(before, made, Ordering::AcqRel, Ordering::Acquire);
            if stored.is_err() {
                // SAFETY: it came from a box just now, and nobody has seen it.
                drop(unsafe { Box::from_raw(made) });
            }
        }
    }
}
