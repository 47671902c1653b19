//! The few calls of the C library that no crate wraps.

use std::ffi::{CStr, CString};
use std::fs::{File, Metadata};
use std::io;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileTypeExt;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// For send(2): no SIGPIPE. Where there is no such flag, a socket has it as an option, which
/// socket2 sets on those that it makes.
#[cfg(not(target_vendor = "apple"))]
pub(super) const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
pub(super) const NO_SIGNAL: libc::c_int = 0;

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

/// Writes what can be written without waiting for anything, and raises no signal. The flags of
/// the descriptor, which others share, stay as they are.
pub(super) fn write_at_once(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let kind = status(fd)?.file_type();
    if kind.is_socket() {
        let flags = libc::MSG_DONTWAIT | NO_SIGNAL;
        // SAFETY: the buffer lives for the call and has the length given.
        unsignalled(|| unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) })
    } else if kind.is_fifo() || kind.is_char_device() {
        match reopen(fd) {
            // Whole or not at all, up to this length, where it is a pipe (pipe(7)).
            Ok(own) => write(own.as_raw_fd(), &bytes[..bytes.len().min(libc::PIPE_BUF)]),
            // Of a named pipe: nobody reads it.
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => Err(error),
            Err(_) => write_if_ready(fd, bytes),
        }
    } else {
        write(fd, bytes)
    }
}

/// What fstat(2) says of an open descriptor, by its widest numbers on any system.
pub(super) fn status(fd: RawFd) -> io::Result<Metadata> {
    // SAFETY: lent for the call: it is never dropped, and so not closed.
    ManuallyDrop::new(unsafe { File::from_raw_fd(fd) }).metadata()
}

/// What a descriptor is open on once more, not blocking, which the other one is none the wiser
/// of. Not for files: there it would begin at the beginning.
#[cfg(all(target_os = "linux", not(feature = "test-portable")))]
fn reopen(fd: RawFd) -> io::Result<OwnedFd> {
    let path = CString::new(format!("/proc/self/fd/{fd}"))?;
    let flags = libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the path is a C string that lives for the call; the result is checked.
    let own = unsafe { libc::open(path.as_ptr(), flags) };
    if own < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(own) })
}

/// Where /dev/fd gives the very same opening again, whose flags others share.
#[cfg(any(not(target_os = "linux"), feature = "test-portable"))]
fn reopen(_: RawFd) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The next best: a pipe that is ready takes a `PIPE_BUF` without blocking, unless somebody else
/// fills it in this very moment.
pub(super) fn write_if_ready(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let mut entry = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one entry, which lives for the call.
    if unsafe { libc::poll(&mut entry, 1, 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    match entry.revents {
        libc::POLLOUT => write(fd, &bytes[..bytes.len().min(libc::PIPE_BUF)]),
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Err(io::Error::from_raw_os_error(libc::EPIPE)),
    }
}

fn write(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the buffer lives for the call and has the length given.
    unsignalled(|| unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
}

/// A write without the signals that it may raise: SIGPIPE of a pipe that nobody reads, SIGXFSZ
/// of a file that is full, SIGTTOU of a terminal that belongs to another job.
fn unsignalled(call: impl Fn() -> isize) -> io::Result<usize> {
    let mut held = MaybeUninit::<libc::sigset_t>::uninit();
    let mut pending = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the sets live for the calls, which initialise them.
    let pending = unsafe {
        libc::sigemptyset(held.as_mut_ptr());
        for signal in [libc::SIGPIPE, libc::SIGXFSZ, libc::SIGTTOU] {
            libc::sigaddset(held.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, held.as_ptr(), before.as_mut_ptr());
        libc::sigpending(pending.as_mut_ptr());
        pending.assume_init()
    };
    let written = uninterrupted(call);
    match written.as_ref().map_err(io::Error::raw_os_error) {
        Err(Some(libc::EPIPE)) => take_back(libc::SIGPIPE, &pending),
        Err(Some(libc::EFBIG)) => take_back(libc::SIGXFSZ, &pending),
        _ => {}
    }
    // SAFETY: pthread_sigmask has filled the set.
    restore_signals(&SignalMask(unsafe { before.assume_init() }));
    written
}

/// Removes a signal that was raised in this thread, where it is blocked; one that was pending
/// before is somebody else's.
fn take_back(signal: i32, pending: &libc::sigset_t) {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the sets live for the calls; sigemptyset initialises the new one.
    unsafe {
        if libc::sigismember(pending, signal) == 1 {
            return;
        }
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        take_pending(signal, &set.assume_init());
    }
}

/// Takes the signal of the set, if it is pending.
#[cfg(not(any(target_vendor = "apple", target_os = "openbsd", feature = "test-portable")))]
fn take_pending(_signal: i32, set: &libc::sigset_t) {
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the set and the time live for the calls.
    while unsafe { libc::sigtimedwait(set, std::ptr::null_mut(), &at_once) } < 0
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
}

/// Without sigtimedwait(2): one that is pending is there at once.
#[cfg(any(target_vendor = "apple", target_os = "openbsd", feature = "test-portable"))]
fn take_pending(signal: i32, set: &libc::sigset_t) {
    let mut pending = MaybeUninit::<libc::sigset_t>::uninit();
    let mut taken = 0;
    // SAFETY: the sets and the number live for the calls; sigpending initialises its set.
    unsafe {
        libc::sigpending(pending.as_mut_ptr());
        if libc::sigismember(pending.as_ptr(), signal) == 1 {
            libc::sigwait(set, &mut taken);
        }
    }
}

fn uninterrupted(call: impl Fn() -> isize) -> io::Result<usize> {
    loop {
        match usize::try_from(call()) {
            Ok(count) => return Ok(count),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
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
    OPENED.fetch_add(1, Ordering::Relaxed);
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

/// How many descriptors the library has opened, each of which may have the number of another that
/// was closed.
pub(super) fn opened() -> usize {
    OPENED.load(Ordering::Relaxed)
}

static OPENED: AtomicUsize = AtomicUsize::new(0);

/// TCP_NODELAY: what is written goes out at once. (socket2 0.5 and 0.6 name it differently.)
pub(super) fn set_nodelay(fd: RawFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    let size = size_of_val(&on) as libc::socklen_t;
    let value = (&raw const on).cast();
    // SAFETY: the option's value is an int that lives throughout the call.
    match unsafe { libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, value, size) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// eventfd(2), which neither blocks nor survives `exec`.
#[cfg(all(target_os = "linux", not(feature = "test-portable")))]
pub(super) fn event() -> io::Result<OwnedFd> {
    // SAFETY: no pointers are passed; a negative result is checked below.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and belongs to nobody else.
    above_standard(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The ends of a pipe, for reading and for writing, which do not survive `exec`.
#[cfg(any(test, not(target_os = "linux"), feature = "test-portable"))]
pub(super) fn pipe() -> io::Result<[OwnedFd; 2]> {
    let mut ends = [-1; 2];
    // SAFETY: there is room for the two descriptors.
    if unsafe { new_pipe(ends.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptors were just made and belong to nobody else.
    let ends = ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    for end in &ends {
        // SAFETY: no pointers are passed.
        if unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(ends)
}

/// From its first moment on, where the system can do that.
#[cfg(all(
    any(test, not(target_os = "linux")),
    not(any(target_vendor = "apple", feature = "test-portable"))
))]
unsafe fn new_pipe(ends: *mut RawFd) -> libc::c_int {
    // SAFETY: the caller's.
    unsafe { libc::pipe2(ends, libc::O_CLOEXEC) }
}

#[cfg(any(target_vendor = "apple", feature = "test-portable"))]
use libc::pipe as new_pipe;

#[cfg(any(not(target_os = "linux"), feature = "test-portable"))]
pub(super) fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: no pointers are passed.
    match unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Of a descriptor that is the caller's.
pub(super) fn close(fd: RawFd) {
    // SAFETY: no pointer is passed.
    unsafe { libc::close(fd) };
}

/// One value in each process. A forked child makes a new one and never touches its parent's: a
/// thread that the child has not got may have been changing that, and may hold its locks.
/// The first process has it without the heap, where a host's leak checker would name it.
pub(super) struct PerProcess<T> {
    first: T,
    /// Whose the first is; 0 before anybody asked.
    owner: AtomicU32,
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
    /// `first` is what `make` makes.
    pub const fn new(first: T, make: fn() -> T) -> Self {
        let newest = AtomicPtr::new(std::ptr::null_mut());
        PerProcess { first, owner: AtomicU32::new(0), newest, make }
    }

    pub fn get(&'static self) -> &'static T {
        let process = std::process::id();
        let (seen, order) = (Ordering::AcqRel, Ordering::Acquire);
        let owner = self.owner.compare_exchange(0, process, seen, order).unwrap_or_else(|own| own);
        if owner == 0 || owner == process {
            return &self.first;
        }
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
