//! Panics on demand inside the guard, so that tests can see every function survive one. Without
//! the feature `test-panic` there is nothing here, and the header never names it.

#[cfg(feature = "test-panic")]
mod armed {
    use std::cell::Cell;
    use std::ffi::c_int;

    thread_local! {
        static CALLS: Cell<c_int> = const { Cell::new(0) };
    }

    /// The `calls`-th guarded call from now on this thread panics; 0 disarms. The number that was
    /// left over.
    #[unsafe(no_mangle)]
    pub extern "C" fn smtp_test_panic_at(calls: c_int) -> c_int {
        CALLS.replace(calls)
    }

    pub fn point() {
        let left = CALLS.get();
        CALLS.set((left - 1).max(0));
        assert!(left != 1, "a panic that a test asked for");
    }
}

#[cfg(feature = "test-panic")]
pub use armed::point;

/// A place where a test may have the library panic.
#[cfg(not(feature = "test-panic"))]
pub fn point() {}
