//! Handles: what a C pointer points to, one call at a time.
//!
//! A pointer is believed only if the registry knows it as a live handle of the kind asked for.
//! The state word then decides who may touch the value: one call, or readers that share it. A
//! free during a call leaves the end of it to whoever is last.

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::ffi::{CString, c_char, c_int};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::error::{Error, ErrorKind, Result};

use super::error::code;
use super::guard::{KeptErrno, caught, set_thread_error};
use super::{convert, fault, registry};

/// A call runs; below it the number of calls that only read.
const BUSY: u32 = 1 << 30;
/// Freed during a call.
const DYING: u32 = 1 << 31;

/// The first word of a live handle, the kind in its low bits; 0 once it is freed.
const MAGIC: u64 = 0x736d_7470_636c_6900;

/// What a handle can be.
pub(super) trait Kind: Sized {
    /// From 1 to 15, each kind its own.
    const TAG: u8;
    const NAME: &'static str;
    /// What may be used while a call runs, such as the cancel flag.
    type Shared: Sync;

    /// Brings the value back into order after a panic; false if it is beyond that.
    fn recover(&mut self) -> bool {
        true
    }
}

#[repr(C, align(16))]
pub(super) struct Handle<T: Kind> {
    magic: AtomicU64,
    state: AtomicU32,
    shared: T::Shared,
    held: UnsafeCell<Held<T>>,
}

const _: () = assert!(registry::ALIGN == 16);

/// What the running call has to itself.
struct Held<T> {
    last: LastError,
    /// A panic left the value in disorder; nothing runs on it any more.
    broken: bool,
    value: T,
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
        self.code = code(error.kind());
        self.errno = error.os_code();
    }
}

impl<T: Kind> Handle<T> {
    /// A new handle for C.
    pub fn create<P>(value: T, shared: T::Shared) -> Result<*mut P> {
        let held = Held { last: LastError::default(), broken: false, value };
        let handle = Handle {
            magic: AtomicU64::new(MAGIC | u64::from(T::TAG)),
            state: AtomicU32::new(0),
            shared,
            held: UnsafeCell::new(held),
        };
        // SAFETY: the layout of a handle is not of size 0.
        let place = unsafe { std::alloc::alloc(Layout::new::<Self>()) }.cast::<Self>();
        if place.is_null() {
            return Err(convert::no_memory(T::NAME));
        }
        // SAFETY: just allocated with this type's layout.
        unsafe { place.write(handle) };
        registry::insert(Self::entry(place));
        Ok(place.cast())
    }

    fn entry(handle: *const Self) -> usize {
        handle.addr() | usize::from(T::TAG)
    }

    /// The handle behind a pointer of C's, if it is alive and of this kind. No heap, no lock.
    fn lookup<'a>(handle: *const Self) -> Option<&'a Self> {
        if handle.is_null() || !handle.is_aligned() {
            return None;
        }
        let magic = MAGIC | u64::from(T::TAG);
        // SAFETY: an address in the registry is a live handle of this kind. In an overfull one a
        // pointer must be trusted to be readable; its first word tells. A handle that another
        // thread frees meanwhile is the caller's race, which the header forbids.
        let is_live = registry::contains(Self::entry(handle))
            || registry::is_overfull()
                && unsafe { &*handle }.magic.load(Ordering::Acquire) == magic;
        // SAFETY: as above.
        is_live.then(|| unsafe { &*handle })
    }

    fn find<'a, P>(pointer: *const P) -> Result<&'a Self> {
        Self::lookup(pointer.cast()).ok_or_else(|| {
            let what = if pointer.is_null() { "is NULL" } else { "is no live handle of its kind" };
            Error::new(ErrorKind::Misuse, format!("the {} {what}", T::NAME))
        })
    }

    fn enter(&self) -> Result<()> {
        let entered = self.state.compare_exchange(0, BUSY, Ordering::Acquire, Ordering::Relaxed);
        entered.map(drop).map_err(|_| busy::<T>())
    }

    /// Finds a handle and takes it for one call.
    fn take<'a, P>(pointer: *const P) -> Result<&'a Self> {
        let handle = Self::find(pointer)?;
        handle.enter().map(|()| handle)
    }

    /// Ends a call or a reading; false if that was the handle's end.
    fn leave(&self, held: u32) -> bool {
        let left = self.state.fetch_sub(held, Ordering::AcqRel) - held;
        if left == DYING {
            self.destroy();
        }
        left & DYING == 0
    }

    /// Frees it. Destroy functions of the caller's run here.
    fn destroy(&self) {
        let handle = std::ptr::from_ref(self).cast_mut();
        // SAFETY: made by `create`, out of the registry, and nobody uses it any more. A panic in
        // a value's drop has nobody left to tell.
        let _ = caught(|| drop(unsafe { Box::from_raw(handle) }));
    }

    /// Frees a handle, now or at the end of the call that it is running.
    pub fn free<P>(pointer: *mut P) -> Result<()> {
        if pointer.is_null() {
            return Ok(());
        }
        let handle = Self::find(pointer)?;
        // Whoever clears the magic frees it; nobody else.
        if handle.magic.swap(0, Ordering::AcqRel) == 0 {
            return Err(Error::new(ErrorKind::Misuse, format!("the {} is freed twice", T::NAME)));
        }
        registry::remove(Self::entry(handle));
        if handle.state.fetch_or(DYING, Ordering::AcqRel) == 0 {
            handle.destroy();
        }
        Ok(())
    }

    /// Runs one call on a handle: the guard around everything.
    pub fn call<P, R>(
        pointer: *const P,
        failed: impl Fn(c_int) -> R,
        work: impl FnOnce(&mut T) -> Result<R>,
    ) -> R {
        let _errno = KeptErrno::new();
        let handle = match Self::take(pointer) {
            Ok(handle) => handle,
            Err(error) => {
                set_thread_error(&error);
                return failed(code(error.kind()));
            }
        };
        // SAFETY: the busy flag is held, so nobody else touches it.
        let held = unsafe { &mut *handle.held.get() };
        let returned = held.run(work).unwrap_or_else(|error| {
            set_thread_error(&error);
            held.last.set(&error);
            failed(code(error.kind()))
        });
        handle.leave(BUSY);
        returned
    }

    /// A call that gives a code.
    pub fn run<P>(pointer: *const P, work: impl FnOnce(&mut T) -> Result<c_int>) -> c_int {
        Self::call(pointer, |code| code, work)
    }

    /// Reads the last error, or says why that cannot be done now.
    pub fn last_error<P, R>(pointer: *const P, read: impl FnOnce(&LastError) -> R) -> Result<R> {
        let handle = Self::take(pointer)?;
        // SAFETY: the busy flag is held.
        let value = read(unsafe { &(*handle.held.get()).last });
        handle.leave(BUSY);
        Ok(value)
    }

    /// The last error's text for C, never NULL.
    pub fn last_message<P>(pointer: *const P) -> *const c_char {
        let shown = Self::last_error(pointer, |last| last.message.as_ptr());
        shown.unwrap_or_else(|error| match error.kind() {
            ErrorKind::Busy => c"a call is running on this handle".as_ptr(),
            _ => c"".as_ptr(),
        })
    }

    /// What may be used at any time, in a signal handler too: an error's text is made nowhere.
    pub fn with_shared<P>(pointer: *const P, work: impl FnOnce(&T::Shared)) -> c_int {
        match Self::lookup(pointer.cast()) {
            Some(handle) => {
                work(&handle.shared);
                0
            }
            None => code(ErrorKind::Misuse),
        }
    }

    /// Changes the value of a handle in the midst of another handle's call.
    pub fn borrow<P, R>(pointer: *const P, work: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        let handle = Self::take(pointer)?;
        // SAFETY: the busy flag is held.
        let result = work(unsafe { &mut (*handle.held.get()).value });
        handle.leave(BUSY);
        result
    }

    /// Reads the value of a handle that many may read at the same time.
    pub fn read<P, R>(pointer: *const P, work: impl FnOnce(&T) -> R) -> Result<R>
    where
        T: Sync,
    {
        let handle = Self::find(pointer)?;
        let one_more = |state: u32| (state < BUSY - 1).then_some(state + 1);
        let entered = handle.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, one_more);
        entered.map_err(|_| busy::<T>())?;
        // SAFETY: while it is being read, no call gets the busy flag.
        let result = work(unsafe { &(*handle.held.get()).value });
        handle.leave(1);
        Ok(result)
    }

    /// Takes a handle beyond the present call, until [`Handle::release`]; its address stands for
    /// it meanwhile.
    pub fn acquire<P>(pointer: *const P) -> Result<usize> {
        Self::take(pointer)?;
        Ok(pointer.expose_provenance())
    }

    /// The value of an acquired handle.
    ///
    /// # Safety
    /// `address` came from `acquire`, was not released, and no other reference is in use.
    pub unsafe fn acquired<'a>(address: usize) -> &'a mut T {
        let handle = std::ptr::with_exposed_provenance::<Self>(address);
        // SAFETY: the busy flag is held since `acquire`.
        unsafe { &mut (*(*handle).held.get()).value }
    }

    /// Ends [`Handle::acquire`]; false if the handle was freed meanwhile, and is gone now.
    ///
    /// # Safety
    /// `address` came from `acquire`, and was not released.
    pub unsafe fn release(address: usize) -> bool {
        let handle = std::ptr::with_exposed_provenance::<Self>(address);
        // SAFETY: the busy flag is held since `acquire`, so that nobody has destroyed it.
        unsafe { &*handle }.leave(BUSY)
    }
}

impl<T: Kind> Held<T> {
    fn run<R>(&mut self, work: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        if self.broken {
            return Err(Error::new(
                ErrorKind::Internal,
                format!("an earlier fault left the {} unusable: free it", T::NAME),
            ));
        }
        let work = |value: &mut T| {
            fault::point();
            work(value)
        };
        caught(|| work(&mut self.value)).unwrap_or_else(|panic| {
            self.broken = !caught(|| self.value.recover()).unwrap_or(false);
            Err(panic)
        })
    }
}

fn busy<T: Kind>() -> Error {
    let text = format!("the {} is in use: another call, or a send, has not ended", T::NAME);
    Error::new(ErrorKind::Busy, text)
}

/// A string that C holds on to: made anew only when what it shows has changed.
#[derive(Default)]
pub(super) struct Shown {
    text: Option<CString>,
}

impl Shown {
    pub fn set(&mut self, bytes: &[u8]) -> *const c_char {
        if self.text.as_ref().is_none_or(|text| text.as_bytes() != bytes) {
            let fresh = convert::to_c(&String::from_utf8_lossy(bytes));
            // What was made valid is compared as it became.
            if self.text.as_ref() != Some(&fresh) {
                self.text = Some(fresh);
            }
        }
        self.text.as_ref().map_or(c"".as_ptr(), |text| text.as_ptr())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts its ends; does whatever a test wants.
    struct Probe {
        ends: Arc<AtomicUsize>,
        recovers: bool,
        number: u32,
    }

    impl Kind for Probe {
        const TAG: u8 = 14;
        const NAME: &'static str = "probe";
        type Shared = AtomicUsize;

        fn recover(&mut self) -> bool {
            self.number = 0;
            assert!(self.number == 0);
            self.recovers
        }
    }

    impl Drop for Probe {
        fn drop(&mut self) {
            self.ends.fetch_add(1, Ordering::SeqCst);
        }
    }

    struct Other;

    impl Kind for Other {
        const TAG: u8 = 15;
        const NAME: &'static str = "other";
        type Shared = ();
    }

    type Pointer = *mut std::ffi::c_void;
    type Handle = super::Handle<Probe>;

    const MISUSE: c_int = -2;
    const BUSY_CODE: c_int = -3;
    const INTERNAL: c_int = -23;

    fn probe() -> (Pointer, Arc<AtomicUsize>) {
        let ends = Arc::<AtomicUsize>::default();
        let value = Probe { ends: ends.clone(), recovers: true, number: 7 };
        (Handle::create(value, AtomicUsize::new(0)).unwrap(), ends)
    }

    fn ends(ends: &Arc<AtomicUsize>) -> usize {
        ends.load(Ordering::SeqCst)
    }

    fn message(pointer: Pointer) -> String {
        Handle::last_error(pointer, |last| last.message.to_str().unwrap().to_owned()).unwrap()
    }

    #[test]
    fn only_live_handles_of_the_kind_are_believed() {
        let (pointer, ended) = probe();
        assert_eq!(Handle::run(pointer, |probe| Ok(probe.number.cast_signed())), 7);
        let foreign = Box::into_raw(Box::new([0_u64; 64]));
        let inside = pointer.cast::<u8>().wrapping_add(16).cast();
        for wrong in [std::ptr::null_mut(), inside, foreign.cast(), 16 as Pointer, 5 as Pointer] {
            assert_eq!(Handle::run(wrong, |_| Ok(0)), MISUSE, "{wrong:?}");
            assert_eq!(Handle::with_shared(wrong, |_| ()), MISUSE, "{wrong:?}");
            assert_eq!(Handle::free(wrong).is_ok(), wrong.is_null(), "{wrong:?}");
        }
        assert_eq!(super::Handle::<Other>::run(pointer, |_| Ok(0)), MISUSE);
        assert!(super::Handle::<Other>::free(pointer).is_err());
        assert_eq!(message(pointer), "", "another kind's error is not this one's");
        Handle::free(pointer).unwrap();
        assert_eq!(ends(&ended), 1);
        // SAFETY: made by Box::into_raw above.
        drop(unsafe { Box::from_raw(foreign) });
    }

    #[test]
    fn a_freed_handle_is_none() {
        let (pointer, ended) = probe();
        Handle::free(pointer).unwrap();
        assert!(Handle::free(pointer).is_err());
        assert_eq!(Handle::run(pointer, |_| Ok(0)), MISUSE);
        assert_eq!(ends(&ended), 1);
    }

    #[test]
    fn a_second_call_is_busy_and_disturbs_nothing() {
        let (pointer, ended) = probe();
        let failed = Handle::run(pointer, |_| Err(Error::new(ErrorKind::Io, "first")));
        assert_eq!((failed, message(pointer).as_str()), (-15, "first"));
        let code = Handle::run(pointer, |_| {
            assert_eq!(Handle::run(pointer, |_| Ok(0)), BUSY_CODE);
            assert!(Handle::last_error(pointer, |_| ()).is_err());
            assert!(Handle::acquire(pointer).is_err());
            assert_eq!(
                Handle::with_shared(pointer, |count| {
                    count.fetch_add(1, Ordering::SeqCst);
                }),
                0
            );
            let address = pointer.expose_provenance();
            let elsewhere = std::thread::spawn(move || {
                Handle::run(std::ptr::with_exposed_provenance::<u8>(address), |_| Ok(0))
            });
            assert_eq!(elsewhere.join().unwrap(), BUSY_CODE);
            Ok(1)
        });
        assert_eq!((code, message(pointer).as_str()), (1, "first"));
        Handle::free(pointer).unwrap();
        assert_eq!(ends(&ended), 1);
    }

    #[test]
    fn a_free_during_a_call_waits_for_its_end() {
        let (pointer, ended) = probe();
        let code = Handle::run(pointer, |probe| {
            Handle::free(pointer).unwrap();
            assert!(Handle::free(pointer).is_err());
            assert_eq!(Handle::run(pointer, |_| Ok(0)), MISUSE);
            assert_eq!(probe.ends.load(Ordering::SeqCst), 0);
            Ok(5)
        });
        assert_eq!((code, ends(&ended)), (5, 1));
    }

    #[test]
    fn an_acquired_handle_is_busy_until_released() {
        for freed in [false, true] {
            let (pointer, ended) = probe();
            let address = Handle::acquire(pointer).unwrap();
            assert_eq!(Handle::run(pointer, |_| Ok(0)), BUSY_CODE);
            if freed {
                Handle::free(pointer).unwrap();
            }
            // SAFETY: acquired above, released once below.
            let alive = unsafe {
                Handle::acquired(address).number = 8;
                assert_eq!(ends(&ended), 0);
                Handle::release(address)
            };
            assert_eq!((alive, ends(&ended)), (!freed, usize::from(freed)));
            if !freed {
                assert_eq!(Handle::run(pointer, |probe| Ok(probe.number.cast_signed())), 8);
                Handle::free(pointer).unwrap();
            }
        }
    }

    #[test]
    fn readers_share_and_keep_callers_out() {
        let (pointer, ended) = probe();
        let number = Handle::read(pointer, |probe| {
            assert_eq!(Handle::run(pointer, |_| Ok(0)), BUSY_CODE);
            Handle::free(pointer).unwrap();
            assert_eq!(ends(&ended), 0);
            probe.number
        });
        assert_eq!((number.unwrap(), ends(&ended)), (7, 1));
        let (pointer, _) = probe();
        let both = Handle::read(pointer, |a| Handle::read(pointer, |b| a.number + b.number));
        assert_eq!(both.unwrap().unwrap(), 14);
        assert_eq!(Handle::run(pointer, |_| Ok(1)), 1);
        Handle::free(pointer).unwrap();
    }

    #[test]
    fn a_panic_is_an_error_and_the_handle_recovers_or_is_given_up() {
        for recovers in [true, false] {
            let (pointer, ended) = probe();
            Handle::run(pointer, |probe| {
                probe.recovers = recovers;
                Ok(0)
            });
            assert_eq!(Handle::run(pointer, |_| panic!("torn")), INTERNAL);
            assert!(message(pointer).contains("torn at src/ffi/handle.rs"), "{}", message(pointer));
            let after = Handle::run(pointer, |probe| Ok(probe.number.cast_signed()));
            assert_eq!(after, if recovers { 0 } else { INTERNAL });
            Handle::free(pointer).unwrap();
            assert_eq!(ends(&ended), 1);
        }
    }

    #[test]
    fn one_of_many_threads_gets_in() {
        let (pointer, ended) = probe();
        let address = pointer.expose_provenance();
        let entered = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let pointer = std::ptr::with_exposed_provenance::<u8>(address);
                    for _ in 0..2000 {
                        let code = Handle::run(pointer, |probe| {
                            assert_eq!(entered.fetch_add(1, Ordering::SeqCst), 0);
                            probe.number += 1;
                            entered.fetch_sub(1, Ordering::SeqCst);
                            Ok(0)
                        });
                        assert!(code == 0 || code == BUSY_CODE);
                    }
                });
            }
        });
        Handle::free(pointer).unwrap();
        assert_eq!(ends(&ended), 1);
    }

    #[test]
    fn shown_strings_stay_where_they_are_until_they_change() {
        let mut shown = Shown::default();
        let first = shown.set(b"a\xffb\0c");
        assert_eq!(shown.set(b"a\xffb\0c"), first);
        // SAFETY: just shown.
        let text = unsafe { std::ffi::CStr::from_ptr(first) };
        assert_eq!(text.to_str().unwrap(), "a\u{fffd}b\u{fffd}c");
        // SAFETY: as above.
        let text = unsafe { std::ffi::CStr::from_ptr(shown.set(b"")) };
        assert_eq!(text, c"");
    }
}
