//! Callbacks that stay registered: a function, its user data, and what to do with that at last.

use std::ffi::c_void;

/// Called once when the library no longer needs `user_data`: when the callback is replaced or
/// removed, when its handle is freed, and when registering it fails (then before the function
/// that failed returns). Runs on the thread that makes that call; a call on the handle itself
/// from here is SMTP_E_BUSY or SMTP_E_MISUSE.
#[allow(non_camel_case_types)]
pub type smtp_destroy_callback = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>;

/// The user data of a callback.
pub struct UserData {
    pointer: *mut c_void,
    destroy: smtp_destroy_callback,
}

// SAFETY: the handle that owns it is used by one thread at a time, which the busy flag enforces;
// that the data may move between threads with the handle is the header's contract.
unsafe impl Send for UserData {}

// SAFETY: what is shared gives the pointer alone; the last owner destroys.
unsafe impl Sync for UserData {}

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

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C-unwind" fn count(user: *mut c_void) {
        // SAFETY: the tests pass a counter.
        unsafe { *user.cast::<u32>() += 1 };
    }

    #[test]
    fn destroy_runs_once() {
        let mut counter = 0_u32;
        let pointer = (&raw mut counter).cast();
        drop(UserData::new(pointer, Some(count)));
        drop(UserData::new(pointer, None));
        assert_eq!(counter, 1);
        let mut slot = Some(UserData::new(pointer, Some(count)));
        slot.take();
        drop(slot);
        assert_eq!(counter, 2);
    }
}
