//! Handles: what a C pointer points to, one call at a time.

use std::cell::UnsafeCell;
use std::ffi::{CString, c_char, c_int};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, ErrorKind, Result};

use super::guard::{caught, result_code, set_thread_error};
use super::{convert, registry};

const IDLE: u32 = 0;
const BUSY: u32 = 1;
/// Freed during a call: the end of the call frees it.
const DYING: u32 = 2;

/// What a handle can be; the first word tells, so that one kind is not taken for another.
pub(super) trait Kind: Sized {
    const MAGIC: u64;
    const NAME: &'static str;
    /// What may be used while a call runs, such as the cancel flag.
    type Shared: Sync;
}

#[repr(C)]
pub(super) struct Handle<T: Kind> {
    magic: u64,
    state: AtomicU32,
    shared: T::Shared,
    last: UnsafeCell<LastError>,
    value: UnsafeCell<T>,
}

/// The last error of a handle.
#[derive(Default)]
pub(super) struct LastError {
    pub message: CString,
    pub code: c_int,
    pub errno: c_int,
}

impl LastError {
    fn set(&mut self, error: &Error) {
        self.message = convert::to_c(error.message());
        self.code = super::error::code(error.kind());
        self.errno = error.os_code();
    }
}

impl<T: Kind> Handle<T> {
    /// A new handle for C.
    pub fn create<P>(value: T, shared: T::Shared) -> *mut P {
        let handle = Box::into_raw(Box::new(Handle {
            magic: T::MAGIC,
            state: AtomicU32::new(IDLE),
            shared,
            last: UnsafeCell::default(),
            value: UnsafeCell::new(value),
        }));
        registry::insert(handle.addr());
        handle.cast()
    }

    /// The handle behind a pointer of C's, if it is alive and of this kind.
    fn find<'a, P>(pointer: *const P) -> Result<&'a Handle<T>> {
        let handle = pointer.cast::<Handle<T>>();
        let aligned = handle.is_aligned() && !handle.is_null();
        // SAFETY: the registry knows the address, so a handle is there, and each kind begins
        // with its magic. A handle that is freed by another thread meanwhile is the caller's
        // race, which the header forbids.
        if aligned && registry::contains(handle.addr()) && unsafe { (*handle).magic } == T::MAGIC {
            // SAFETY: as above.
            return Ok(unsafe { &*handle });
        }
        let what = if handle.is_null() { "is NULL" } else { "is no live handle of that kind" };
        Err(Error::new(ErrorKind::Misuse, format!("the {} {what}", T::NAME)))
    }

    fn enter(&self) -> Result<()> {
        let entered = self.state.compare_exchange(IDLE, BUSY, Ordering::Acquire, Ordering::Relaxed);
        entered.map(drop).map_err(|_| {
            Error::new(
                ErrorKind::Busy,
                format!("the {} is running another call; wait for its end", T::NAME),
            )
        })
    }

    fn leave(&self) {
        let left = self.state.compare_exchange(BUSY, IDLE, Ordering::Release, Ordering::Acquire);
        if left.is_err() {
            // SAFETY: whoever freed it left the rest to this call, which ends here.
            drop(unsafe { Box::from_raw(std::ptr::from_ref(self).cast_mut()) });
        }
    }

    /// Frees a handle, now or at the end of the call that it is running.
    pub fn free<P>(pointer: *mut P) -> Result<()> {
        if pointer.is_null() {
            return Ok(());
        }
        let handle = Self::find(pointer)?;
        if !registry::remove(pointer.addr()) {
            return Ok(());
        }
        let address = std::ptr::from_ref(handle).cast_mut();
        if handle.state.swap(DYING, Ordering::AcqRel) == IDLE {
            // SAFETY: it was made by `create`, no call runs on it, and it is out of the registry.
            drop(unsafe { Box::from_raw(address) });
        }
        Ok(())
    }

    /// Runs one call on a handle: the guard around everything.
    pub fn call<P, R>(
        pointer: *const P,
        failed: impl Fn(c_int) -> R,
        work: impl FnOnce(&mut T) -> Result<R>,
    ) -> R {
        let handle = match Self::find(pointer).and_then(|handle| handle.enter().map(|()| handle)) {
            Ok(handle) => handle,
            Err(error) => {
                set_thread_error(error.message());
                return failed(super::error::code(error.kind()));
            }
        };
        // SAFETY: the busy flag is held, so nobody else touches the value.
        let result = caught(|| work(unsafe { &mut *handle.value.get() }));
        let returned = result.unwrap_or_else(|error| {
            set_thread_error(error.message());
            // SAFETY: the busy flag is held.
            unsafe { &mut *handle.last.get() }.set(&error);
            failed(super::error::code(error.kind()))
        });
        handle.leave();
        returned
    }

    /// A call that gives a code.
    pub fn run<P>(pointer: *const P, work: impl FnOnce(&mut T) -> Result<c_int>) -> c_int {
        Self::call(pointer, |code| code, work)
    }

    /// Reads the last error; `busy` where a call is running.
    pub fn last_error<P, R>(pointer: *const P, busy: R, read: impl FnOnce(&LastError) -> R) -> R {
        let entered = Self::find(pointer).and_then(|handle| handle.enter().map(|()| handle));
        match entered {
            Ok(handle) => {
                // SAFETY: the busy flag is held.
                let value = read(unsafe { &*handle.last.get() });
                handle.leave();
                value
            }
            Err(error) => {
                set_thread_error(error.message());
                busy
            }
        }
    }

    /// What may be used at any time.
    pub fn with_shared<P>(pointer: *const P, work: impl FnOnce(&T::Shared)) -> c_int {
        match Self::find(pointer) {
            Ok(handle) => {
                work(&handle.shared);
                0
            }
            Err(error) => result_code(Err(error)).0,
        }
    }

    /// The value of a handle that another handle's call needs, for the length of `work`.
    pub fn borrow<P, R>(pointer: *const P, work: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        let handle = Self::find(pointer)?;
        handle.enter()?;
        // SAFETY: the busy flag is held.
        let result = work(unsafe { &mut *handle.value.get() });
        handle.leave();
        result
    }

    /// Marks a handle busy beyond the call; [`Handle::release`] ends it.
    pub fn acquire<P>(pointer: *const P) -> Result<&'static UnsafeCell<T>> {
        let handle: &'static Handle<T> = Self::find(pointer)?;
        handle.enter()?;
        Ok(&handle.value)
    }

    /// Ends [`Handle::acquire`]; frees the handle if that was asked for meanwhile. False if it
    /// is gone.
    pub fn release(address: usize) -> bool {
        let handle = std::ptr::with_exposed_provenance::<Handle<T>>(address);
        // SAFETY: the handle is busy since `acquire`, so nobody has freed it.
        let handle = unsafe { &*handle };
        let alive = handle.state.load(Ordering::Acquire) != DYING;
        handle.leave();
        alive
    }

    /// The value of a handle that was acquired and not released.
    ///
    /// # Safety
    /// `address` is of a handle between `acquire` and `release`, and no other reference is used.
    pub unsafe fn acquired<'a>(address: usize) -> &'a mut T {
        let handle = std::ptr::with_exposed_provenance_mut::<Handle<T>>(address);
        // SAFETY: the caller's promise.
        unsafe { &mut *(*handle).value.get() }
    }
}

/// A string that C holds on to: made anew only when what it shows has changed.
#[derive(Default)]
pub(super) struct Shown {
    text: Option<CString>,
}

impl Shown {
    pub fn set(&mut self, bytes: &[u8]) -> *const c_char {
        let fresh = convert::to_c(&String::from_utf8_lossy(bytes));
        if self.text.as_ref() != Some(&fresh) {
            self.text = Some(fresh);
        }
        self.text.as_ref().map_or(c"".as_ptr(), |text| text.as_ptr())
    }
}
