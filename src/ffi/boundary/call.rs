//! The guard around every call: looks the handle up, takes it and forgets an old cancel in one
//! step, catches panics, keeps the error, and ends at last what was freed meanwhile.

use std::borrow::Cow;
use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ops::Deref;

use crate::client::{Signal, fork};
use crate::error::{Error, ErrorKind, Result};

use super::code::code;
use super::fault;
use super::memory::{allocate, filled};
use super::panic::{KeptErrno, caught, set_thread_error};
use super::slot::{End, Refusal, Slot};
use super::table;
use super::text::{LastError, Recent, Shown, Spin};

/// What a handle can be.
pub trait Kind: Sized {
    /// From 1 to 15, each kind its own.
    const TAG: u8;
    const NAME: &'static str;
    /// Its calls may wait: it was made with the signal that ends them.
    const WAITS: bool = false;
    /// Room for the texts that it shows by [`Handle::text`].
    type Recent: Default + AsRef<[Recent]>;

    /// Brings the value back into order after a panic; false if it is beyond that.
    fn recover(&mut self) -> bool {
        true
    }
}

/// Calls on handles that hold a `T`. There is no object of this type: a handle is a value that
/// points to nothing, and what it stands for is in the table.
pub struct Handle<T>(PhantomData<T>);

/// What stands behind a handle.
struct Held<T: Kind> {
    /// What C was shown last: the one part that readers change.
    shown: Spin<Shown>,
    recent: T::Recent,
    /// Counts the calls that may have changed the value.
    age: u64,
    /// A panic left the value in disorder; nothing runs on it any more.
    broken: bool,
    value: T,
}

/// What a reader of a handle sees.
pub struct View<'a, T: Kind>(&'a Held<T>);

impl<T: Kind> Deref for View<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: Kind> View<'_, T> {
    /// The text as C may keep it, until this function shows another for this index. `function` is
    /// the noun's own number for it.
    pub fn show(&self, function: usize, index: usize, text: &[u8]) -> *const c_char {
        self.0.shown.with(|shown| shown.text(function, index, text))
    }

    /// The same for bytes.
    pub fn show_bytes(&self, function: usize, bytes: &[u8]) -> *const u8 {
        self.0.shown.with(|shown| shown.bytes(function, bytes))
    }
}

impl<T: Kind> Handle<T> {
    /// A new handle for C.
    pub fn create<P>(value: T) -> Result<*mut P> {
        Self::create_with(|_| Ok(value))
    }

    /// A new handle, made with the signal that cancels its calls.
    pub fn create_with<P>(make: impl FnOnce(&'static Signal) -> Result<T>) -> Result<*mut P> {
        fork::watch()?;
        let place = allocate::<Held<T>>()?;
        let reserved = table::reserve().ok_or_else(Error::out_of_memory)?;
        let value = make(reserved.signal())?;
        let (shown, recent) = (Spin::default(), T::Recent::default());
        let held = filled(place, Held { shown, recent, age: 1, broken: false, value });
        let held = Box::into_raw(held).cast::<c_void>();
        Ok(std::ptr::without_provenance_mut(reserved.publish(T::TAG, held)))
    }

    /// Frees a handle, now or at the end of the call that it is running.
    pub fn free<P>(pointer: *mut P) -> Result<()> {
        if pointer.is_null() {
            return Ok(());
        }
        let handle = pointer.addr();
        let (slot, name) = Self::find(handle)?;
        match slot.free(name).map_err(|refusal| refused(T::NAME, handle, refusal))? {
            End::Last => Self::end(slot, handle),
            // Should the slot be another handle's by now, it is woken without need.
            End::Deferred => slot.signal().wake(),
            // What the lost thread was changing stays as it is, and its slot with it: no
            // destructor may run on it.
            End::Lost if T::WAITS => slot.signal().abandon(),
            End::Lost => {}
        }
        Ok(())
    }

    /// Ends what a freed handle held. Destroy functions of the caller's run here.
    #[cold]
    fn end(slot: &Slot, handle: usize) {
        let _errno = KeptErrno::new();
        let held = slot.held().cast::<Held<T>>();
        // SAFETY: made by `create_with`, and freed: of all users this is the last. A panic in a
        // value's drop has nobody left to tell.
        let _ = caught(|| drop(unsafe { Box::from_raw(held) }));
        table::recycle(handle);
    }

    #[inline(always)]
    fn find(handle: usize) -> Result<(&'static Slot, u64)> {
        table::find(handle, T::TAG).ok_or_else(|| refused(T::NAME, handle, Refusal::Stale))
    }

    /// Takes a handle for one call.
    #[inline(always)]
    fn take(handle: usize) -> Result<Taken<T>> {
        let (slot, name) = Self::find(handle)?;
        slot.take(name).map_err(|refusal| refused(T::NAME, handle, refusal))?;
        Ok(Taken { slot, handle, kind: PhantomData })
    }

    /// Runs one call on a handle.
    pub fn call<P, R>(
        pointer: *const P,
        failed: impl FnOnce(c_int) -> R,
        work: impl FnOnce(&mut T) -> Result<R>,
    ) -> R {
        let (mut work, mut done) = (Some(work), None);
        let code = Self::guard(pointer.addr(), &mut |value| {
            match (work.take(), value) {
                (Some(work), Some(value)) => done = Some(work(value)?),
                (work, _) => drop(work),
            }
            Ok(())
        });
        done.unwrap_or_else(|| failed(code))
    }

    /// The guard itself, once for each kind: inlined into every exported function, it would be half
    /// of the library. `work` is run on the value, or, where that cannot be had, with none, to drop
    /// what it holds. Gives the error's code, or 0.
    #[inline(never)]
    fn guard(handle: usize, work: &mut dyn FnMut(Option<&mut T>) -> Result<()>) -> c_int {
        let _errno = KeptErrno::new();
        let result = match Self::take(handle) {
            Ok(mut taken) => {
                let held = taken.held();
                let result = held.run(work);
                result.inspect_err(|error| held.keep(error))
            }
            Err(error) => {
                // What a setter was given is destroyed here, before its error is the last one.
                let _ = caught(|| work(None));
                Err(error)
            }
        };
        result.map_or_else(|error| set_thread_error(&error), |()| 0)
    }

    /// A call that gives a code.
    pub fn run<P>(pointer: *const P, work: impl FnOnce(&mut T) -> Result<c_int>) -> c_int {
        Self::call(pointer, |code| code, work)
    }

    /// Reads what others may be reading at the same time. Runs nothing of the caller's, and takes
    /// no longer than it must: a call that begins meanwhile waits for its end.
    pub fn look<P, R>(
        pointer: *const P,
        failed: impl FnOnce(c_int) -> R,
        read: impl FnOnce(&View<'_, T>) -> Result<R>,
    ) -> R
    where
        T: Sync,
    {
        let (mut read, mut done) = (Some(read), None);
        let code = Self::guard_look(pointer.addr(), &mut |view| {
            if let Some(read) = read.take() {
                done = Some(read(view)?);
            }
            Ok(())
        });
        done.unwrap_or_else(|| failed(code))
    }

    /// As [`guard`](Self::guard).
    #[inline(never)]
    fn guard_look(handle: usize, read: &mut dyn FnMut(&View<'_, T>) -> Result<()>) -> c_int {
        let _errno = KeptErrno::new();
        let result = Self::entered(handle).and_then(|entered| {
            let held = entered.held();
            let view = View(held);
            let result = match held.broken {
                true => Err(unusable(T::NAME)),
                false => caught(|| {
                    fault::point();
                    read(&view)
                })
                .and_then(|result| result),
            };
            result.inspect_err(|error| held.keep(error))
        });
        result.map_or_else(|error| set_thread_error(&error), |()| 0)
    }

    /// Reads a number or a code.
    pub fn number<P>(pointer: *const P, read: impl FnOnce(&View<'_, T>) -> Result<c_int>) -> c_int
    where
        T: Sync,
    {
        Self::look(pointer, |code| code, read)
    }

    /// Reads a count; 0 where it cannot be had.
    pub fn count<P>(pointer: *const P, read: impl FnOnce(&View<'_, T>) -> Result<usize>) -> usize
    where
        T: Sync,
    {
        Self::look(pointer, |_| 0, read)
    }

    /// Reads a string; NULL where there is none, or it cannot be had.
    pub fn string<P>(
        pointer: *const P,
        read: impl FnOnce(&View<'_, T>) -> Result<Option<*const c_char>>,
    ) -> *const c_char
    where
        T: Sync,
    {
        let null = std::ptr::null();
        Self::look(pointer, |_| null, |view| Ok(read(view)?.unwrap_or(null)))
    }

    /// Reads the text that this function shows, as C may keep it until that has changed; NULL where
    /// there is none, or it cannot be had. `read` is asked once and not again before a call has run.
    pub fn text<P>(
        pointer: *const P,
        function: usize,
        read: impl for<'a> FnOnce(&'a T) -> Result<Option<Cow<'a, [u8]>>>,
    ) -> *const c_char
    where
        T: Sync,
    {
        Self::recent(pointer.addr(), function).unwrap_or_else(|| {
            Self::string(pointer, |view| {
                let Held { recent, age, value, .. } = view.0;
                let Some(text) = read(value)? else { return Ok(None) };
                let text = view.show(function, 0, &text);
                recent.as_ref()[function].set(*age, text);
                Ok(Some(text))
            })
        })
    }

    #[inline(never)]
    fn recent(handle: usize, function: usize) -> Option<*const c_char> {
        let (slot, name) = table::find(handle, T::TAG)?;
        slot.enter(name).ok()?;
        let entered = Entered::<T> { slot, handle, kind: PhantomData };
        let held = entered.held();
        held.recent.as_ref().get(function)?.get(held.age)
    }

    /// Reads the last error, or says why that cannot be done now; leaves no error itself.
    pub fn last_error<P, R>(pointer: *const P, read: impl FnOnce(&LastError) -> R) -> Result<R> {
        let entered = Self::entered(pointer.addr())?;
        Ok(entered.held().shown.with(|shown| read(&shown.last)))
    }

    /// The last error's text for C, never NULL.
    pub fn last_message<P>(pointer: *const P) -> *const c_char {
        let shown = Self::last_error(pointer, LastError::message);
        shown.unwrap_or_else(|error| match error.kind() {
            ErrorKind::Busy => c"a call is running on this handle".as_ptr(),
            _ => c"".as_ptr(),
        })
    }

    /// The last error's code, or that which says why it cannot be read.
    pub fn last_code<P>(pointer: *const P) -> c_int {
        Self::last_error(pointer, |last| last.code).unwrap_or_else(|error| code(error.kind()))
    }

    /// The last error's errno.
    pub fn last_errno<P>(pointer: *const P) -> c_int {
        Self::last_error(pointer, |last| last.errno).unwrap_or(0)
    }

    /// Cancels the call that runs, from a signal handler too: an error's text is made nowhere.
    pub fn cancel<P>(pointer: *const P) -> c_int {
        match table::find(pointer.addr(), T::TAG).map(|(slot, name)| slot.cancel(name)) {
            Some(Ok(())) => 0,
            _ => code(ErrorKind::Misuse),
        }
    }

    /// Changes the value of a handle in the midst of another handle's call.
    pub fn borrow<P, R>(pointer: *const P, work: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        work(&mut Self::take(pointer.addr())?.held().value)
    }

    /// Reads the value of a handle in the midst of another handle's call.
    pub fn read<P, R>(pointer: *const P, work: impl FnOnce(&T) -> R) -> Result<R>
    where
        T: Sync,
    {
        Ok(work(&Self::entered(pointer.addr())?.held().value))
    }

    #[inline(always)]
    fn entered(handle: usize) -> Result<Entered<T>> {
        let (slot, name) = Self::find(handle)?;
        slot.enter(name).map_err(|refusal| refused(T::NAME, handle, refusal))?;
        Ok(Entered { slot, handle, kind: PhantomData })
    }

    /// Takes a handle beyond the present call, until [`Handle::release`]; its value stands for it
    /// meanwhile.
    pub fn acquire<P>(pointer: *const P) -> Result<usize> {
        let taken = Self::take(pointer.addr())?;
        taken.slot.lend();
        std::mem::forget(taken);
        Ok(pointer.addr())
    }

    /// The value of an acquired handle.
    ///
    /// # Safety
    /// `handle` came from `acquire`, was not released, and no other reference is in use.
    pub unsafe fn acquired<'a>(handle: usize) -> &'a mut T {
        // An acquired handle has its slot, freed or not.
        let (slot, _) = table::find(handle, T::TAG).expect("its value came from the table");
        // SAFETY: it is busy since `acquire`, and so nobody else's; the contract says the rest.
        let held = unsafe { &mut *slot.held().cast::<Held<T>>() };
        held.age += 1;
        &mut held.value
    }

    /// Ends [`Handle::acquire`]; false if the handle was freed meanwhile, and is gone now.
    ///
    /// # Safety
    /// `handle` came from `acquire`, and was not released.
    pub unsafe fn release(handle: usize) -> bool {
        // As above.
        let (slot, _) = table::find(handle, T::TAG).expect("its value came from the table");
        let is_freed = slot.give();
        if is_freed {
            Self::end(slot, handle);
        }
        !is_freed
    }
}

/// A handle taken for one call.
struct Taken<T: Kind> {
    slot: &'static Slot,
    handle: usize,
    kind: PhantomData<T>,
}

impl<T: Kind> Taken<T> {
    fn held(&mut self) -> &mut Held<T> {
        // SAFETY: it is busy with this call, so that nobody else touches it.
        let held: &mut Held<T> = unsafe { &mut *self.slot.held().cast() };
        held.age += 1;
        held
    }
}

impl<T: Kind> Drop for Taken<T> {
    fn drop(&mut self) {
        if self.slot.give() {
            Handle::<T>::end(self.slot, self.handle);
        }
    }
}

/// A handle entered for reading.
struct Entered<T: Kind> {
    slot: &'static Slot,
    handle: usize,
    kind: PhantomData<T>,
}

impl<T: Kind> Entered<T> {
    fn held(&self) -> &Held<T> {
        // SAFETY: while it is being read no call changes it, nor ends it.
        unsafe { &*self.slot.held().cast() }
    }
}

impl<T: Kind> Drop for Entered<T> {
    fn drop(&mut self) {
        if self.slot.leave() {
            Handle::<T>::end(self.slot, self.handle);
        }
    }
}

impl<T: Kind> Held<T> {
    #[cold]
    #[inline(never)]
    fn keep(&self, error: &Error) {
        self.shown.with(|shown| shown.last.set(error));
    }

    fn run(&mut self, work: &mut dyn FnMut(Option<&mut T>) -> Result<()>) -> Result<()> {
        if self.broken {
            let _ = caught(|| work(None));
            return Err(unusable(T::NAME));
        }
        let work = || {
            fault::point();
            work(Some(&mut self.value))
        };
        caught(work).unwrap_or_else(|panic| {
            self.broken = !caught(|| self.value.recover()).unwrap_or(false);
            Err(panic)
        })
    }
}

#[cold]
#[inline(never)]
fn refused(name: &str, handle: usize, refusal: Refusal) -> Error {
    match refusal {
        Refusal::Busy => Error::new(
            ErrorKind::Busy,
            format!("the {name} is in use: another call, or a send, has not ended"),
        ),
        Refusal::Stale => {
            let what = if handle == 0 { "is NULL" } else { "is no live handle of its kind" };
            Error::new(ErrorKind::Misuse, format!("the {name} {what}"))
        }
    }
}

#[cold]
#[inline(never)]
fn unusable(name: &str) -> Error {
    let text = format!("an earlier fault left the {name} unusable: free it");
    Error::new(ErrorKind::Internal, text)
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

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
        type Recent = [Recent; 1];

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
        type Recent = [Recent; 0];
    }

    type Pointer = *mut std::ffi::c_void;
    type Handle = super::Handle<Probe>;

    const MISUSE: c_int = -2;
    const BUSY_CODE: c_int = -3;
    const INTERNAL: c_int = -23;

    fn probe() -> (Pointer, Arc<AtomicUsize>) {
        let ends = Arc::<AtomicUsize>::default();
        let value = Probe { ends: ends.clone(), recovers: true, number: 7 };
        (Handle::create(value).unwrap(), ends)
    }

    fn ends(ends: &Arc<AtomicUsize>) -> usize {
        ends.load(Ordering::SeqCst)
    }

    fn message(pointer: Pointer) -> String {
        // SAFETY: a live probe's, which no other thread uses.
        let text = unsafe { std::ffi::CStr::from_ptr(Handle::last_message(pointer)) };
        text.to_str().unwrap().to_owned()
    }

    #[test]
    fn only_live_handles_of_the_kind_are_believed() {
        let (pointer, ended) = probe();
        assert_eq!(Handle::run(pointer, |probe| Ok(probe.number as c_int)), 7);
        let foreign = Box::into_raw(Box::new([0_u64; 64]));
        let inside = pointer.cast::<u8>().wrapping_add(16).cast();
        for wrong in [std::ptr::null_mut(), inside, foreign.cast(), 16 as Pointer, 5 as Pointer] {
            assert_eq!(Handle::run(wrong, |_| Ok(0)), MISUSE, "{wrong:?}");
            assert_eq!(Handle::cancel(wrong), MISUSE, "{wrong:?}");
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
            assert_eq!(Handle::cancel(pointer), 0);
            let address = pointer.addr();
            let elsewhere = std::thread::spawn(move || {
                Handle::run(std::ptr::without_provenance::<u8>(address), |_| Ok(0))
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
                assert_eq!(Handle::run(pointer, |probe| Ok(probe.number as c_int)), 8);
                Handle::free(pointer).unwrap();
            }
        }
    }

    #[test]
    fn readers_share_and_the_last_of_them_ends_what_was_freed() {
        let (pointer, ended) = probe();
        let number = Handle::read(pointer, |probe| {
            Handle::free(pointer).unwrap();
            assert!(Handle::read(pointer, |_| ()).is_err());
            assert_eq!(ends(&ended), 0);
            probe.number
        });
        assert_eq!((number.unwrap(), ends(&ended)), (7, 1));
        let (pointer, _) = probe();
        let both = Handle::read(pointer, |a| Handle::read(pointer, |b| a.number + b.number));
        assert_eq!(both.unwrap().unwrap(), 14);
        let code = Handle::run(pointer, |_| {
            assert_eq!(Handle::number(pointer, |_| Ok(1)), BUSY_CODE);
            Ok(1)
        });
        assert_eq!(code, 1);
        Handle::free(pointer).unwrap();
    }

    #[test]
    fn a_text_is_read_once_between_two_calls() {
        let (pointer, _) = probe();
        let reads = AtomicUsize::new(0);
        let text = || {
            let text = Handle::text(pointer, 0, |probe: &Probe| {
                reads.fetch_add(1, Ordering::SeqCst);
                Ok((probe.number != 0).then(|| probe.number.to_string().into_bytes().into()))
            });
            // SAFETY: just shown.
            let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
            text.map(|text| text.to_str().unwrap().to_owned())
        };
        let set = |number| {
            let code = Handle::run(pointer, |probe| {
                probe.number = number;
                Ok(0)
            });
            assert_eq!(code, 0);
        };
        let read = |count| assert_eq!(reads.swap(0, Ordering::SeqCst), count);
        for number in [7, 8, 8] {
            assert_eq!([text(), text()], [Some(number.to_string()), Some(number.to_string())]);
            read(1);
            set(8);
        }
        // What is not there is looked for each time.
        set(0);
        assert_eq!([text(), text()], [None, None]);
        read(2);
        // A call of another handle's that borrows it, and a loan, are calls too.
        Handle::borrow(pointer, |probe| {
            probe.number = 9;
            Ok(())
        })
        .unwrap();
        assert_eq!(text().unwrap(), "9");
        let loan = Handle::acquire(pointer).unwrap();
        assert!(text().is_none(), "busy");
        // SAFETY: acquired above, once.
        unsafe {
            Handle::acquired(loan).number = 10;
            Handle::release(loan);
        }
        assert_eq!(text().unwrap(), "10");
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
            assert!(
                message(pointer).contains("torn at src/ffi/boundary/call.rs"),
                "{}",
                message(pointer)
            );
            let after = Handle::run(pointer, |probe| Ok(probe.number as c_int));
            assert_eq!(after, if recovers { 0 } else { INTERNAL });
            Handle::free(pointer).unwrap();
            assert_eq!(ends(&ended), 1);
        }
    }

    #[test]
    fn one_of_many_threads_gets_in() {
        let (pointer, ended) = probe();
        let address = pointer.addr();
        let entered = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let pointer = std::ptr::without_provenance::<u8>(address);
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
}
