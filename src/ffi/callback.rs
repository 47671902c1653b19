//! Callbacks that stay registered: a function, its user data, and what to do with that at last.

use std::ffi::{c_int, c_void};

/// Called once when the library no longer needs `user_data`: when the callback is replaced, when
/// its handle is freed, and when registering it fails. Must not throw or longjmp.
#[allow(non_camel_case_types)]
pub type smtp_destroy_callback = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>;

/// The user data of a callback; drops it by the caller's own function.
pub(super) struct UserData {
    pointer: *mut c_void,
    destroy: smtp_destroy_callback,
}

// SAFETY: the handle that owns it is used by one thread at a time, which the busy flag enforces;
// that the data may move between threads with the handle is the header's contract.
unsafe impl Send for UserData {}

impl UserData {
    pub fn new(pointer: *mut c_void, destroy: smtp_destroy_callback) -> Self {
        UserData { pointer, destroy }
    }

    pub fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the caller gave the function for exactly this pointer, and once.
            unsafe { destroy(self.pointer) };
        }
    }
}

/// What a callback said: negative refuses.
pub(super) fn agrees(code: c_int) -> bool {
    code == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destroy_runs_once() {
        unsafe extern "C-unwind" fn count(user: *mut c_void) {
            // SAFETY: the test passes a counter.
            unsafe { *user.cast::<u32>() += 1 };
        }
        let mut counter = 0_u32;
        drop(UserData::new((&raw mut counter).cast(), Some(count)));
        drop(UserData::new((&raw mut counter).cast(), None));
        assert_eq!(counter, 1);
    }
}
