//! What stands around every call: panics are caught, errors are stored where C reads them.

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Once, OnceLock};

use crate::client::errno;
use crate::error::{Error, ErrorKind, Result};

use super::code::code;
use super::fault;

/// Bytes of the thread's message, its NUL included.
const THREAD_MESSAGE: usize = 1024;

thread_local! {
    // No destructor and no heap: a thread of the host leaves nothing behind.
    static CODE: Cell<c_int> = const { Cell::new(0) };
    static MESSAGE: Cell<[u8; THREAD_MESSAGE]> = const { Cell::new([0; THREAD_MESSAGE]) };
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<[u8; 256]> = const { RefCell::new([0; 256]) };
}

pub fn thread_error() -> *const c_char {
    MESSAGE.with(|message| message.as_ptr().cast::<c_char>().cast_const())
}

/// The code of the thread's last failed call; 0 if none has failed.
pub fn thread_code() -> c_int {
    CODE.get()
}

/// Makes it the last error of this thread; gives its code. (Inlined into every function it would be
/// most of the library.)
#[cold]
#[inline(never)]
pub fn set_thread_error(error: &Error) -> c_int {
    let code = code(error.kind());
    CODE.set(code);
    MESSAGE.with(|message| {
        let mut buffer = [0; THREAD_MESSAGE];
        copy(error.message(), &mut buffer);
        message.set(buffer);
    });
    code
}

/// As much of `text` as fits, cut between characters, NULs left out.
fn copy(text: &str, buffer: &mut [u8]) {
    let room = buffer.len() - 1;
    let end = (0..=text.len().min(room)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    for (to, from) in buffer.iter_mut().zip(text[..end].bytes()) {
        *to = if from == 0 { b' ' } else { from };
    }
}

/// Runs `work`; a panic in it becomes an error, and nothing is printed.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T> {
    install_hook();
    let result = GUARDED.with(|guarded| {
        let outer = guarded.replace(true);
        let result = panic::catch_unwind(AssertUnwindSafe(work));
        guarded.set(outer);
        result
    });
    result.map_err(|_| fault_of_ours())
}

/// What the hook has kept of the panic.
#[cold]
#[inline(never)]
fn fault_of_ours() -> Error {
    let text = PANIC.with_borrow(|text| {
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        String::from_utf8_lossy(&text[..end]).into_owned()
    });
    Error::new(ErrorKind::Internal, format!("a fault of the library, please report it: {text}"))
}

/// The host's errno, as it was before a call: put back at its end.
pub struct KeptErrno(c_int);

impl KeptErrno {
    pub fn new() -> Self {
        KeptErrno(errno::get())
    }
}

impl Drop for KeptErrno {
    fn drop(&mut self) {
        errno::set(self.0);
    }
}

/// A call that has no handle to keep its error.
pub fn guarded<T>(failed: T, work: impl FnOnce() -> Result<T>) -> T {
    let (mut work, mut done) = (Some(work), None);
    guard(&mut || {
        if let Some(work) = work.take() {
            done = Some(work()?);
        }
        Ok(())
    });
    done.unwrap_or(failed)
}

/// The guard itself, which is not inlined into every function.
#[inline(never)]
fn guard(work: &mut dyn FnMut() -> Result<()>) {
    let _errno = KeptErrno::new();
    let work = || {
        fault::point();
        work()
    };
    if let Err(error) = caught(work).and_then(|result| result) {
        set_thread_error(&error);
    }
}

/// The default hook prints to the host's standard error, and loads symbol tables when
/// RUST_BACKTRACE is set. Ours keeps the message under the guard, and leaves every other panic to
/// the hook before it. (Neither is on the heap, where a host's leak checker would name it.)
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Only the first of all calls comes here, so that the cell is empty.
        let _ = PREVIOUS.set(panic::take_hook());
        panic::set_hook(Box::new(hook));
    });
}

static PREVIOUS: OnceLock<Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>> = OnceLock::new();

fn hook(info: &PanicHookInfo<'_>) {
    if !GUARDED.get() {
        return PREVIOUS.get().map_or((), |previous| previous(info));
    }
    let location = info.location().map_or(String::new(), ToString::to_string);
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let payload = text.or(payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic");
    PANIC.with(|text| {
        if let Ok(mut text) = text.try_borrow_mut() {
            text.fill(0);
            copy(&format!("{payload} at {location}"), &mut text[..]);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    fn message() -> String {
        // SAFETY: the thread's message always ends with a NUL.
        unsafe { CStr::from_ptr(thread_error()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let error = caught(|| panic!("broken")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.message().contains("broken at src/ffi/boundary/panic.rs"), "{error}");
        // A text that is none, and one too long, after it.
        let error = caught(|| panic::panic_any(7)).unwrap_err();
        assert!(error.message().contains("it: panic at src/ffi/boundary/panic.rs"), "{error}");
        let error = caught(|| panic!("{}", "\u{e9}".repeat(500))).unwrap_err();
        assert!(error.message().ends_with('\u{e9}'), "{error}");
    }

    #[test]
    fn guards_nest() {
        let outer = caught(|| {
            let inner = caught(|| panic!("inner"));
            assert!(inner.is_err() && GUARDED.get());
            5
        });
        assert_eq!(outer.unwrap(), 5);
        assert!(!GUARDED.get());
    }

    #[test]
    fn a_call_without_a_handle_leaves_its_error_to_the_thread() {
        let failed = guarded(-1, || Err(Error::new(ErrorKind::Io, "no luck")));
        assert_eq!((failed, message().as_str()), (-1, "no luck"));
        assert_eq!(guarded(-1, || Ok(3)), 3);
        assert_eq!(message(), "no luck", "success leaves it alone");
        assert_eq!(thread_code(), -15);
        assert_eq!(guarded(-1, || panic!("no good")), -1);
        assert!(message().contains("no good"), "{}", message());
    }

    #[test]
    fn errno_is_the_hosts() {
        errno::set(7);
        guarded(0, || {
            errno::set(libc::EAGAIN);
            Ok(1)
        });
        assert_eq!(errno::get(), 7);
    }

    #[test]
    fn the_thread_message_is_cut_between_characters() {
        for (text, length) in [("\u{e9}".repeat(2000), 1022), ("x".repeat(1024), 1023)] {
            set_thread_error(&Error::new(ErrorKind::Io, text));
            assert_eq!(message().len(), length);
        }
        set_thread_error(&Error::new(ErrorKind::Io, "short\0er"));
        assert_eq!(message(), "short er");
        let other = std::thread::spawn(message).join().unwrap();
        assert_eq!(other, "", "each thread has its own");
    }
}
