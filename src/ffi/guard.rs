//! What stands around every call: panics are caught, errors are stored where C reads them.

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::error::{Error, ErrorKind, Result};

use super::error::code;

/// Bytes of the thread's message, its NUL included.
const THREAD_MESSAGE: usize = 1024;

thread_local! {
    // No destructor and no heap: a thread of the host leaves nothing behind.
    static MESSAGE: Cell<[u8; THREAD_MESSAGE]> = const { Cell::new([0; THREAD_MESSAGE]) };
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<[u8; 256]> = const { RefCell::new([0; 256]) };
}

pub(super) fn thread_error() -> *const c_char {
    MESSAGE.with(|message| message.as_ptr().cast::<c_char>().cast_const())
}

pub(super) fn set_thread_error(text: &str) {
    MESSAGE.with(|message| {
        let mut buffer = [0; THREAD_MESSAGE];
        copy(text, &mut buffer);
        message.set(buffer);
    });
}

/// As much of `text` as fits, cut between characters, NULs left out.
fn copy(text: &str, buffer: &mut [u8]) {
    let end = text.floor_char_boundary(buffer.len() - 1);
    for (to, from) in buffer.iter_mut().zip(text[..end].bytes()) {
        *to = if from == 0 { b' ' } else { from };
    }
}

/// Runs `work`; a panic in it becomes an error, and nothing is printed.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    install_hook();
    let outer = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    result.unwrap_or_else(|_| {
        let text = PANIC.with_borrow(|text| {
            let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
            String::from_utf8_lossy(&text[..end]).into_owned()
        });
        Err(Error::new(
            ErrorKind::Internal,
            format!("a fault of the library, please report it: {text}"),
        ))
    })
}

/// The default hook prints to the host's standard error, and loads symbol tables when
/// RUST_BACKTRACE is set. Ours keeps the message; it is silent only under the guard. (It holds
/// nothing, so that it costs no memory that a host's leak checker would name.)
fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|info| {
            if !GUARDED.get() {
                return eprintln!("{info}");
            }
            let location = info.location().map_or(String::new(), ToString::to_string);
            let payload = info.payload_as_str().unwrap_or("panic");
            PANIC.with(|text| {
                if let Ok(mut text) = text.try_borrow_mut() {
                    text.fill(0);
                    copy(&format!("{payload} at {location}"), &mut text[..]);
                }
            });
        }));
    });
}

/// A call that has no handle to keep its error.
pub(super) fn guarded<T>(failed: T, work: impl FnOnce() -> Result<T>) -> T {
    caught(work).unwrap_or_else(|error| {
        set_thread_error(error.message());
        failed
    })
}

/// The code for a result whose value is nothing, or a reply code.
pub(super) fn result_code(result: Result<c_int>) -> (c_int, Option<Error>) {
    match result {
        Ok(value) => (value, None),
        Err(error) => (code(error.kind()), Some(error)),
    }
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
        let result: Result<()> = caught(|| panic!("broken"));
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.message().contains("broken at src/ffi/guard.rs"), "{error}");
    }

    #[test]
    fn the_thread_message_is_cut_between_characters() {
        set_thread_error(&"\u{e9}".repeat(2000));
        assert_eq!(message().len(), 1022);
        set_thread_error("short\0er");
        assert_eq!(message(), "short er");
    }
}
