//! C strings, slices and arrays to checked Rust values, and back.

use std::ffi::{CStr, CString, c_char, c_int};

use crate::error::{Error, ErrorKind, Result};

/// Longest array that is taken; a count beyond it is a mistake.
const MOST: usize = 1 << 24;

fn invalid(what: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{what} {why}"))
}

/// A string that must be there.
pub(super) fn text<'a>(what: &str, pointer: *const c_char) -> Result<&'a str> {
    optional_text(what, pointer)?.ok_or_else(|| invalid(what, "is NULL"))
}

/// A string that may be NULL.
pub(super) fn optional_text<'a>(what: &str, pointer: *const c_char) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so NUL-terminated by the header's contract, and alive for the call.
    let bytes = unsafe { CStr::from_ptr(pointer) };
    bytes.to_str().map(Some).map_err(|error| {
        invalid(what, &format!("is not valid UTF-8 at offset {}", error.valid_up_to()))
    })
}

/// Bytes for the length of the call.
pub(super) fn bytes<'a>(what: &str, data: *const u8, length: usize) -> Result<&'a [u8]> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(invalid(what, "is NULL though its length is not 0"));
    }
    if isize::try_from(length).is_err() || data.addr().checked_add(length).is_none() {
        return Err(invalid(what, "has a length that no object can have"));
    }
    // SAFETY: not NULL, of a possible length, and readable by the header's contract.
    Ok(unsafe { std::slice::from_raw_parts(data, length) })
}

/// An array of strings, none NULL.
pub(super) fn texts<'a>(
    what: &str,
    array: *const *const c_char,
    count: usize,
) -> Result<Vec<&'a str>> {
    pointers(what, array, count)?.iter().map(|pointer| text(what, *pointer)).collect()
}

/// An array of pointers.
pub(super) fn pointers<'a, P>(what: &str, array: *const P, count: usize) -> Result<&'a [P]> {
    if count == 0 {
        return Ok(&[]);
    }
    if array.is_null() {
        return Err(invalid(what, "is NULL though its count is not 0"));
    }
    if count > MOST || !array.is_aligned() {
        return Err(invalid(what, &format!("has a count above {MOST}, or is not aligned")));
    }
    // SAFETY: not NULL, aligned, of a possible length, and readable by the header's contract.
    Ok(unsafe { std::slice::from_raw_parts(array, count) })
}

/// A port number.
pub(super) fn port(value: c_int) -> Result<u16> {
    u16::try_from(value).map_err(|_| invalid("the port", "is not from 0 to 65535"))
}

/// A string for C; NULs cannot be shown in it.
pub(super) fn to_c(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| {
        let without = text.replace('\0', "\u{fffd}");
        CString::new(without).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings() {
        assert_eq!(text("x", c"ab".as_ptr()).unwrap(), "ab");
        assert!(text("x", std::ptr::null()).unwrap_err().message().contains("x is NULL"));
        assert!(optional_text("x", std::ptr::null()).unwrap().is_none());
        let error = text("the host", c"a\xff".as_ptr()).unwrap_err();
        assert!(error.message().contains("the host is not valid UTF-8 at offset 1"));
    }

    #[test]
    fn slices() {
        assert_eq!(bytes("x", std::ptr::null(), 0).unwrap(), b"");
        assert!(bytes("x", std::ptr::null(), 1).is_err());
        assert!(bytes("x", b"a".as_ptr(), usize::MAX).is_err());
        assert!(bytes("x", b"a".as_ptr(), isize::MAX as usize + 1).is_err());
        assert!(texts("x", std::ptr::null(), 2).is_err());
        assert!(texts("x", [std::ptr::null()].as_ptr(), 1).is_err());
        assert_eq!(texts("x", [c"a".as_ptr(), c"b".as_ptr()].as_ptr(), 2).unwrap(), ["a", "b"]);
    }
}
