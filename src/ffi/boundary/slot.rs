//! One slot of the table of handles. Its word says which handle it is now, and what goes on with
//! it; every step is one compare-and-swap, so that whoever loses a race is told so:
//!
//! ```text
//!            publish                          take: a cancel from before is forgotten
//!   free ───────────────────────► idle ◄────────────────────────────► BUSY
//!    ▲                            │  ▲      give                        │
//!    │ renew: the next generation │  └── enter, leave: READERS + 1, - 1 │ free
//!    └────────── last user ◄──────┴───────────── DYING ◄────────────────┘
//! ```

use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::client::{Signal, fork};

/// A call runs, or the handle is on loan.
const BUSY: u64 = 1 << 2;
/// Freed; whoever uses it last ends it.
const DYING: u64 = 1 << 3;
/// Busy beyond any call: no thread is in here on its behalf.
const LENT: u64 = 1 << 4;
const READER: u64 = 1 << 5;
const READERS: u64 = 0x7fff << 5;
/// The low bits of the epoch in which the users came.
pub(super) const EPOCH_AT: u32 = 20;
pub(super) const EPOCH: u64 = 0xff << EPOCH_AT;
const KIND_AT: u32 = 28;
const GENERATION_AT: u32 = 32;
/// Generation and kind, and not freed.
const NAME: u64 = !0 << KIND_AT | DYING;

const _: () = assert!(Signal::SET | Signal::KEPT == 0b11);

/// Why a handle cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No live handle of this kind.
    Stale,
    Busy,
}

/// What a free has come to.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// Nobody uses it: what it holds is to be ended now.
    Last,
    /// Its users end it; a call on another thread is cancelled, since nobody can reach it any more.
    Deferred,
    /// In a forked child: the thread that was in the midst of it is not here.
    Lost,
}

/// One handle after another.
#[repr(C, align(64))]
pub struct Slot {
    signal: Signal,
    held: AtomicPtr<c_void>,
    /// The thread of the call; 0 without one.
    pub(super) owner: AtomicUsize,
    /// The next free slot, plus one.
    pub(super) next: AtomicU32,
}

const _: () = assert!(size_of::<Slot>() == 64);

impl Slot {
    #[inline(always)]
    pub fn held(&self) -> *mut c_void {
        self.held.load(Ordering::Relaxed)
    }

    pub fn signal(&self) -> &Signal {
        &self.signal
    }

    pub(super) fn word(&self) -> &AtomicU64 {
        self.signal.word()
    }

    pub fn generation(&self) -> u32 {
        (self.word().load(Ordering::Relaxed) >> GENERATION_AT) as u32
    }

    /// A free one becomes a live handle.
    pub fn publish(&self, kind: u8, held: *mut c_void) {
        self.held.store(held, Ordering::Relaxed);
        self.word().store(name(kind, self.generation()) | epoch(), Ordering::Release);
    }

    /// A freed one becomes a free one of that generation.
    pub fn renew(&self, generation: u32) {
        self.held.store(std::ptr::null_mut(), Ordering::Relaxed);
        self.word().store(u64::from(generation) << GENERATION_AT, Ordering::Release);
    }

    /// Takes it for one call, which forgets a cancel from before unless that is to be kept.
    #[inline(always)]
    pub fn take(&self, name: u64) -> Result<(), Refusal> {
        let epoch = epoch();
        let mut state = self.word().load(Ordering::Relaxed);
        let readers = loop {
            if state & NAME != name {
                return Err(Refusal::Stale);
            }
            if state & BUSY != 0 {
                return Err(Refusal::Busy);
            }
            let readers = readers_of(state, epoch);
            let taken = name | kept_of(state) | epoch | BUSY | readers;
            match self.exchange(state, taken) {
                Ok(_) => break readers,
                Err(now) => state = now,
            }
        };
        self.owner.store(fork::thread(), Ordering::Relaxed);
        if readers != 0 {
            self.wait_for_readers();
        }
        Ok(())
    }

    /// Readers look at a few words and run nothing of the caller's.
    #[cold]
    fn wait_for_readers(&self) {
        let mut rounds = 0;
        while self.word().load(Ordering::Acquire) & READERS != 0 {
            rounds += 1;
            match rounds {
                ..100 => std::hint::spin_loop(),
                100..200 => std::thread::yield_now(),
                // It may have less priority than we have.
                _ => std::thread::sleep(Duration::from_micros(50)),
            }
        }
    }

    /// A taken one stays so beyond the call.
    pub fn lend(&self) {
        self.word().fetch_or(LENT, Ordering::AcqRel);
    }

    /// Ends [`Slot::take`]; true if that was its end.
    #[inline(always)]
    pub fn give(&self) -> bool {
        self.owner.store(0, Ordering::Relaxed);
        self.word().fetch_and(!(BUSY | LENT), Ordering::AcqRel) & DYING != 0
    }

    /// Reads beside other readers.
    #[inline(always)]
    pub fn enter(&self, name: u64) -> Result<(), Refusal> {
        let epoch = epoch();
        let mut state = self.word().load(Ordering::Relaxed);
        loop {
            if state & NAME != name {
                return Err(Refusal::Stale);
            }
            let readers = readers_of(state, epoch);
            if state & BUSY != 0 || readers == READERS {
                return Err(Refusal::Busy);
            }
            let entered = name | state & (Signal::SET | Signal::KEPT) | epoch | (readers + READER);
            match self.exchange(state, entered) {
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
    }

    /// Ends [`Slot::enter`]; true if that was its end.
    #[inline(always)]
    pub fn leave(&self) -> bool {
        let left = self.word().fetch_sub(READER, Ordering::AcqRel) - READER;
        left & DYING != 0 && left & (BUSY | READERS) == 0
    }

    /// Sets the cancel bit. Async-signal-safe.
    pub fn cancel(&self, name: u64) -> Result<(), Refusal> {
        let mut state = self.word().load(Ordering::Relaxed);
        loop {
            if state & NAME != name {
                return Err(Refusal::Stale);
            }
            match self.exchange(state, state | Signal::SET) {
                // Should the slot be another handle's by now, it is woken without need.
                Ok(_) => {
                    self.signal.wake();
                    return Ok(());
                }
                Err(now) => state = now,
            }
        }
    }

    /// From now on it is no live handle. Whoever waits in a call that this cancels is still to be
    /// woken.
    pub fn free(&self, name: u64) -> Result<End, Refusal> {
        let epoch = epoch();
        let mut state = self.word().load(Ordering::Relaxed);
        loop {
            if state & NAME != name {
                return Err(Refusal::Stale);
            }
            let users = state & (BUSY | LENT) | readers_of(state, epoch);
            let is_inherited = state & EPOCH != epoch;
            let in_a_call = users & (BUSY | LENT) == BUSY;
            let owner = self.owner.load(Ordering::Relaxed);
            let (freed, end) = match users {
                0 => (name | epoch | DYING, End::Last),
                _ if in_a_call && is_inherited && owner != fork::forker() => {
                    (name | epoch | DYING, End::Lost)
                }
                _ if in_a_call && owner != fork::thread() => {
                    (state | DYING | Signal::SET, End::Deferred)
                }
                _ => (state | DYING, End::Deferred),
            };
            match self.exchange(state, freed) {
                Ok(_) => return Ok(end),
                Err(now) => state = now,
            }
        }
    }

    #[inline(always)]
    fn exchange(&self, from: u64, to: u64) -> Result<u64, u64> {
        self.word().compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed)
    }
}

#[inline(always)]
fn epoch() -> u64 {
    u64::from(fork::epoch()) << EPOCH_AT & EPOCH
}

/// Readers from before a fork are not here.
#[inline(always)]
fn readers_of(state: u64, epoch: u64) -> u64 {
    if state & EPOCH == epoch { state & READERS } else { 0 }
}

/// A cancel of an operation that is pending.
#[inline(always)]
fn kept_of(state: u64) -> u64 {
    if state & Signal::KEPT != 0 { state & (Signal::SET | Signal::KEPT) } else { 0 }
}

/// What the word of a live handle says above its users.
#[inline(always)]
pub fn name(kind: u8, generation: u32) -> u64 {
    u64::from(generation) << GENERATION_AT | u64::from(kind) << KIND_AT
}
