//! Strings handed out: C holds on to what it was shown, so each place that shows something keeps
//! it until it shows something else. Readers share a handle, and so this has a lock of its own,
//! held for a few instructions.

use std::cell::UnsafeCell;
use std::ffi::{CString, c_char, c_int};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::client::fork;
use crate::error::Error;

use super::code::code;
use super::convert;

/// What a handle has shown: by function, and by index within it.
#[derive(Default)]
pub struct Shown {
    places: Vec<Vec<Option<Vec<u8>>>>,
    pub last: LastError,
}

impl Shown {
    /// The text as a C string, made valid UTF-8 and without NULs: made anew only when what the
    /// place shows has changed.
    pub fn text(&mut self, function: usize, index: usize, bytes: &[u8]) -> *const c_char {
        let place = self.place(function, index);
        // What had to be mended is compared as it became.
        if !shows(place, bytes) {
            let text = convert::to_c(&String::from_utf8_lossy(bytes)).into_bytes();
            if !shows(place, &text) {
                *place = Some(with_nul(&text));
            }
        }
        place.as_ref().map_or(c"".as_ptr(), |kept| kept.as_ptr().cast())
    }

    /// The bytes as they are.
    pub fn bytes(&mut self, function: usize, bytes: &[u8]) -> *const u8 {
        let place = self.place(function, 0);
        if !shows(place, bytes) {
            *place = Some(with_nul(bytes));
        }
        place.as_ref().map_or(std::ptr::null(), Vec::as_ptr)
    }

    fn place(&mut self, function: usize, index: usize) -> &mut Option<Vec<u8>> {
        if self.places.len() <= function {
            self.places.resize_with(function + 1, Vec::new);
        }
        let places = &mut self.places[function];
        if places.len() <= index {
            places.resize_with(index + 1, || None);
        }
        &mut places[index]
    }
}

fn shows(place: &Option<Vec<u8>>, bytes: &[u8]) -> bool {
    place.as_ref().is_some_and(|kept| kept.split_last().is_some_and(|(_, text)| text == bytes))
}

fn with_nul(bytes: &[u8]) -> Vec<u8> {
    [bytes, b"\0"].concat()
}

/// A text that was shown, for readers to find without the lock: good as long as the handle has the
/// age that it was shown at.
#[derive(Default)]
pub struct Recent {
    age: AtomicU64,
    text: AtomicPtr<c_char>,
}

impl Recent {
    pub fn get(&self, age: u64) -> Option<*const c_char> {
        let is_good = self.age.load(Ordering::Acquire) == age;
        is_good.then(|| self.text.load(Ordering::Relaxed).cast_const())
    }

    /// At one age a place shows one text, whoever of the readers is first.
    pub fn set(&self, age: u64, text: *const c_char) {
        self.text.store(text.cast_mut(), Ordering::Relaxed);
        self.age.store(age, Ordering::Release);
    }
}

/// The last error of a handle.
#[derive(Default)]
pub struct LastError {
    /// None yet: an empty one would need memory already.
    message: Option<CString>,
    pub code: c_int,
    pub errno: c_int,
    pub detail: crate::error::Detail,
}

impl LastError {
    /// For C, never NULL.
    pub fn message(&self) -> *const c_char {
        self.message.as_ref().map_or(c"".as_ptr(), |message| message.as_ptr())
    }

    pub fn set(&mut self, error: &Error) {
        self.message = Some(convert::to_c(error.message()));
        self.code = code(error.kind());
        self.errno = error.os_code();
        self.detail = error.detail();
    }
}

/// A lock for a few instructions. In a forked child it cannot be lost with a thread that held it:
/// whoever wants it next takes it, and what was being changed is given up unread.
#[derive(Default)]
pub struct Spin<T> {
    /// The epoch of whoever holds it, plus one; 0 if nobody does.
    holder: AtomicU32,
    value: UnsafeCell<ManuallyDrop<T>>,
}

// SAFETY: the value is reached by one thread at a time, which the lock enforces.
unsafe impl<T: Send> Sync for Spin<T> {}

impl<T: Default> Spin<T> {
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let held = self.lock();
        // SAFETY: the lock is held until `held` is dropped.
        let result = work(unsafe { &mut *self.value.get() });
        drop(held);
        result
    }

    fn lock(&self) -> Locked<'_> {
        let mine = fork::epoch().wrapping_add(1).max(1);
        match self.holder.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Locked(&self.holder),
            Err(_) => self.lock_held(mine),
        }
    }

    #[cold]
    fn lock_held(&self, mine: u32) -> Locked<'_> {
        loop {
            let holder =
                match self.holder.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return Locked(&self.holder),
                    Err(holder) => holder,
                };
            if holder == mine {
                std::thread::yield_now();
            } else if self
                .holder
                .compare_exchange(holder, mine, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
            {
                // SAFETY: the lock is held now. What stood there may be torn, and is not looked at.
                unsafe { self.value.get().write(ManuallyDrop::default()) };
                return Locked(&self.holder);
            }
        }
    }
}

impl<T> Drop for Spin<T> {
    fn drop(&mut self) {
        if *self.holder.get_mut() == 0 {
            // SAFETY: nobody is in the midst of changing it, and this is its end.
            unsafe { ManuallyDrop::drop(self.value.get_mut()) };
        }
    }
}

/// Unlocks, however the work ends.
struct Locked<'a>(&'a AtomicU32);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn shown_strings_stay_where_they_are_until_they_change() {
        let mut shown = Shown::default();
        let first = shown.text(1, 0, b"a\xffb\0c");
        assert_eq!(shown.text(1, 0, b"a\xffb\0c"), first);
        for (function, index) in [(1, 1), (1, 300), (0, 0), (40, 0)] {
            shown.text(function, index, b"other");
        }
        assert_eq!(shown.text(1, 0, b"a\xffb\0c"), first);
        // SAFETY: just shown.
        let text = |pointer| unsafe { CStr::from_ptr(pointer) }.to_str().unwrap();
        assert_eq!(text(first), "a\u{fffd}b\u{fffd}c");
        assert_eq!(text(shown.text(1, 0, b"")), "");
        assert_eq!(text(shown.text(1, 300, b"other")), "other");
    }

    #[test]
    fn bytes_are_shown_as_they_are() {
        let mut shown = Shown::default();
        let first = shown.bytes(0, b"\0\xff");
        assert_eq!(shown.bytes(0, b"\0\xff"), first);
        // SAFETY: just shown, two bytes long.
        assert_eq!(unsafe { std::slice::from_raw_parts(first, 2) }, b"\0\xff");
    }

    #[test]
    fn one_at_a_time_holds_the_lock() {
        let spin = Spin::<u64>::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5000).for_each(|_| spin.with(|count| *count += 1)));
            }
        });
        assert_eq!(spin.with(|count| *count), 20_000);
    }

    #[test]
    fn a_lock_that_was_lost_with_its_thread_is_taken_over() {
        let spin = Spin::<String>::default();
        spin.with(|text| text.push_str("torn"));
        spin.holder.store(fork::epoch().wrapping_add(7), Ordering::SeqCst);
        assert_eq!(spin.with(|text| std::mem::replace(text, "new".into())), "");
        assert_eq!(spin.with(|text| text.clone()), "new");
    }
}
