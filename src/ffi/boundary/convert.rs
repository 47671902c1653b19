//! C strings, slices and arrays to checked Rust values, and back.
//!
//! Each function trusts its pointer as far as the header's contract goes, and no further; the
//! lifetimes it gives are the caller's to keep within the call. `what` names the parameter in the
//! error.

use std::ffi::{CStr, CString, c_char, c_int};
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::error::{Error, ErrorKind, Result};

/// Longest array that is taken; a count beyond it is a mistake.
const MOST: usize = 1 << 24;

pub fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

pub fn no_memory(what: &str) -> Error {
    Error::new(ErrorKind::NoMemory, format!("{what}: out of memory"))
}

/// A string that must be there.
pub fn text<'a>(what: &str, pointer: *const c_char) -> Result<&'a str> {
    optional_text(what, pointer)?.ok_or_else(|| invalid(format!("{what} is NULL")))
}

/// A string that may be NULL.
pub fn optional_text<'a>(what: &str, pointer: *const c_char) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so NUL-terminated by the header's contract, and alive for the call.
    let bytes = unsafe { CStr::from_ptr(pointer) }.to_bytes();
    if bytes.is_ascii() {
        // SAFETY: ASCII is UTF-8, and to see that costs a fraction of the full check.
        return Ok(Some(unsafe { std::str::from_utf8_unchecked(bytes) }));
    }
    std::str::from_utf8(bytes).map(Some).map_err(|error| {
        invalid(format!("{what} is not valid UTF-8 at offset {}", error.valid_up_to()))
    })
}

/// The same, to keep.
pub fn optional_string(what: &str, pointer: *const c_char) -> Result<Option<String>> {
    Ok(optional_text(what, pointer)?.map(str::to_owned))
}

/// Bytes for the length of the call.
pub fn bytes<'a>(what: &str, data: *const u8, length: usize) -> Result<&'a [u8]> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(invalid(format!("{what} is NULL though its length is {length}")));
    }
    if isize::try_from(length).is_err() || data.addr().checked_add(length).is_none() {
        return Err(invalid(format!("{what} has a length that no object can have: {length}")));
    }
    // SAFETY: not NULL, of a possible length, and readable by the header's contract.
    Ok(unsafe { std::slice::from_raw_parts(data, length) })
}

/// A copy, which may be a large one.
pub fn copy(what: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| no_memory(what))?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// An array of strings, none NULL.
pub fn texts<'a>(what: &str, array: *const *const c_char, count: usize) -> Result<Vec<&'a str>> {
    let pointers = pointers(what, array, count)?;
    if pointers.is_empty() {
        return Ok(Vec::new());
    }
    let mut texts = Vec::new();
    texts.try_reserve_exact(count).map_err(|_| no_memory(what))?;
    for (index, pointer) in pointers.iter().enumerate() {
        texts.push(text(what, *pointer).map_err(|error| error.in_context(&format!("[{index}]")))?);
    }
    Ok(texts)
}

/// An array of pointers.
pub fn pointers<'a, P>(what: &str, array: *const P, count: usize) -> Result<&'a [P]> {
    if count == 0 {
        return Ok(&[]);
    }
    if array.is_null() {
        return Err(invalid(format!("{what}: the array is NULL though its count is {count}")));
    }
    if count > MOST || !array.is_aligned() {
        return Err(invalid(format!("{what}: an array of {count} at {array:p} cannot be")));
    }
    // SAFETY: not NULL, aligned, of a possible length, and readable by the header's contract.
    Ok(unsafe { std::slice::from_raw_parts(array, count) })
}

/// A port number.
pub fn port(value: c_int) -> Result<u16> {
    u16::try_from(value).map_err(|_| invalid(format!("the port {value} is not from 0 to 65535")))
}

/// A descriptor of the caller's, duplicated (close-on-exec).
pub fn descriptor(fd: c_int) -> Result<OwnedFd> {
    if fd < 0 {
        return Err(invalid(format!("the descriptor {fd} is negative")));
    }
    // SAFETY: borrowed for the length of the duplication alone, which checks it.
    let duplicate = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned();
    duplicate.map_err(|error| {
        let kind = match error.raw_os_error() {
            Some(libc::EBADF) => ErrorKind::InvalidArgument,
            _ => ErrorKind::Io,
        };
        Error::io(&format!("duplicating the descriptor {fd}"), &error).with_kind(kind)
    })
}

/// Gives C a number through a pointer that may be NULL.
pub fn give<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: not NULL, so writable by the header's contract.
        unsafe { *to = value };
    }
}

/// A string for C; NULs cannot be shown in it.
pub fn to_c(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| {
        let without = text.replace('\0', "\u{fffd}");
        CString::new(without).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        error.message().to_owned()
    }

    #[test]
    fn strings() {
        assert_eq!(text("x", c"ab".as_ptr()).unwrap(), "ab");
        assert_eq!(text("x", c"".as_ptr()).unwrap(), "");
        assert_eq!(text("x", c"\xc3\xa9".as_ptr()).unwrap(), "\u{e9}");
        assert_eq!(message(text("x", std::ptr::null())), "x is NULL");
        assert!(optional_text("x", std::ptr::null()).unwrap().is_none());
        // A stray byte, an overlong form, a surrogate, a sequence cut off, one past U+10FFFF.
        for (bytes, offset) in [
            (c"a\xff", 1),
            (c"\xc0\xaf", 0),
            (c"ab\xed\xa0\x80", 2),
            (c"abc\xe2\x82", 3),
            (c"\xf4\x90\x80\x80", 0),
        ] {
            let expected = format!("the host is not valid UTF-8 at offset {offset}");
            assert_eq!(message(text("the host", bytes.as_ptr())), expected);
        }
    }

    #[test]
    fn slices() {
        assert_eq!(bytes("x", std::ptr::null(), 0).unwrap(), b"");
        assert_eq!(bytes("x", b"abc".as_ptr(), 2).unwrap(), b"ab");
        assert!(message(bytes("x", std::ptr::null(), 1)).contains("NULL"));
        for length in [usize::MAX, isize::MAX as usize + 1] {
            assert!(message(bytes("x", b"a".as_ptr(), length)).contains("no object"));
        }
        assert_eq!(copy("x", b"abc").unwrap(), b"abc");
    }

    #[test]
    fn arrays() {
        assert!(texts("x", std::ptr::null(), 0).unwrap().is_empty());
        assert_eq!(texts("x", [c"a".as_ptr(), c"b".as_ptr()].as_ptr(), 2).unwrap(), ["a", "b"]);
        assert!(message(texts("x", std::ptr::null(), 2)).contains("count is 2"));
        let with_null = [c"a".as_ptr(), std::ptr::null()];
        assert_eq!(message(texts("an option", with_null.as_ptr(), 2)), "[1]: an option is NULL");
        let with_latin = [c"\xe9".as_ptr()];
        assert!(message(texts("x", with_latin.as_ptr(), 1)).contains("[0]: x is not valid UTF-8"));
        assert!(message(texts("x", with_null.as_ptr(), usize::MAX)).contains("cannot be"));
        let odd = with_null.as_ptr().cast::<u8>().wrapping_add(1).cast::<*const c_char>();
        assert!(message(texts("x", odd, 1)).contains("cannot be"));
    }

    #[test]
    fn numbers_and_descriptors() {
        assert_eq!((port(0).unwrap(), port(65535).unwrap()), (0, 65535));
        assert!(message(port(-1)).contains("-1"));
        assert!(message(port(65536)).contains("65536"));
        assert!(message(descriptor(-1)).contains("negative"));
        assert!(message(descriptor(1_000_000)).contains("1000000"));
        let file = std::fs::File::open("/dev/null").unwrap();
        let duplicate = descriptor(file.as_raw_fd()).unwrap();
        assert_ne!(duplicate.as_raw_fd(), file.as_raw_fd());
        let mut length = 5;
        give(&raw mut length, 3);
        give(std::ptr::null_mut(), 4);
        assert_eq!(length, 3);
    }

    #[test]
    fn no_string_for_c_is_cut_short() {
        assert_eq!(to_c("a\0b").to_str().unwrap(), "a\u{fffd}b");
        assert_eq!(to_c("").to_str().unwrap(), "");
    }
}
