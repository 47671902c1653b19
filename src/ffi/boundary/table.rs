//! Which handles are alive: a table of slots that needs no lock and no heap, so that it answers
//! from any thread, in a signal handler, and in a child that was forked while another thread was
//! in here.
//!
//! A handle is a pointer's value that points to nothing: kind, slot and generation. Slots stand in
//! segments that are never unmapped, each twice as long as the one before.

use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::client::Signal;

use super::slot::{Slot, name};

/// What is in a pointer's value: no object stands at an odd address, and none where the high byte
/// is that of a handle.
mod pointer {
    #[cfg(target_pointer_width = "64")]
    mod width {
        pub const INDEX_BITS: u32 = 24;
        pub const GENERATION_BITS: u32 = 27;
        pub const HIGH: usize = 0x5a << 56;
        /// A slot that has been through all generations is not used again.
        pub const WRAPS: bool = false;
    }
    #[cfg(not(target_pointer_width = "64"))]
    mod width {
        pub const INDEX_BITS: u32 = 16;
        pub const GENERATION_BITS: u32 = 11;
        pub const HIGH: usize = 0;
        pub const WRAPS: bool = true;
    }
    pub use width::{GENERATION_BITS, INDEX_BITS, WRAPS};

    const KIND_AT: u32 = 1;
    const INDEX_AT: u32 = 5;
    const GENERATION_AT: u32 = INDEX_AT + INDEX_BITS;
    /// What is the same in every handle.
    const FIXED: usize = !(((1 << (GENERATION_AT + GENERATION_BITS - KIND_AT)) - 1) << KIND_AT);

    pub fn pack(kind: u8, index: u32, generation: u32) -> usize {
        width::HIGH
            | (generation as usize) << GENERATION_AT
            | (index as usize) << INDEX_AT
            | usize::from(kind) << KIND_AT
            | 1
    }

    /// Kind, index and generation.
    #[inline(always)]
    pub fn unpack(value: usize) -> Option<(u8, u32, u32)> {
        let kind = (value >> KIND_AT & 0xf) as u8;
        let index = (value >> INDEX_AT) as u32 & ((1 << INDEX_BITS) - 1);
        let generation = (value >> GENERATION_AT) as u32 & ((1 << GENERATION_BITS) - 1);
        (value & FIXED == width::HIGH | 1).then_some((kind, index, generation))
    }
}

/// The slot of a pointer's value, and what it must be called to be this handle.
#[inline(always)]
pub fn find(value: usize, kind: u8) -> Option<(&'static Slot, u64)> {
    let (its_kind, index, generation) = pointer::unpack(value)?;
    if its_kind != kind {
        return None;
    }
    Some((slot(index)?, name(kind, generation)))
}

/// A free slot, which is so again if it is not published.
pub struct Reserved(u32, &'static Slot);

impl Reserved {
    pub fn signal(&self) -> &'static Signal {
        self.1.signal()
    }

    /// Makes it a live handle; the pointer's value.
    pub fn publish(self, kind: u8, held: *mut c_void) -> usize {
        let (index, slot) = (self.0, self.1);
        std::mem::forget(self);
        slot.publish(kind, held);
        pointer::pack(kind, index, slot.generation())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        push_freed(self.0);
    }
}

/// A free slot; none without memory for it.
pub fn reserve() -> Option<Reserved> {
    let index = READY.pop().or_else(|| refill(SPREAD)).or_else(fresh).or_else(|| refill(1))?;
    Some(Reserved(index, slot(index)?))
}

/// The end of a handle whose value is gone.
pub fn recycle(value: usize) {
    let Some((_, index, generation)) = pointer::unpack(value) else { return };
    let Some(slot) = slot(index) else { return };
    let next = (generation + 1) & ((1 << pointer::GENERATION_BITS) - 1);
    slot.renew(next);
    if next != 0 || pointer::WRAPS {
        push_freed(index);
    }
}

fn push_freed(index: u32) {
    FREED_COUNT.fetch_add(1, Ordering::Relaxed);
    FREED.push(index, index);
}

/// Turns the freed ones, if there are so many, into those to be used next, the oldest first.
fn refill(least: usize) -> Option<u32> {
    if FREED_COUNT.load(Ordering::Relaxed) < least {
        return None;
    }
    let mut newest = FREED.take_all();
    let last = newest?;
    let mut count = 0;
    let mut first = None;
    while let Some(index) = newest {
        let place = &slot(index)?.next;
        newest = place.load(Ordering::Relaxed).checked_sub(1);
        place.store(first.map_or(0, |first: u32| first + 1), Ordering::Relaxed);
        first = Some(index);
        count += 1;
    }
    FREED_COUNT.fetch_sub(count, Ordering::Relaxed);
    let oldest = first?;
    if let Some(second) = slot(oldest)?.next.load(Ordering::Relaxed).checked_sub(1) {
        READY.push(second, last);
    }
    Some(oldest)
}

/// A slot that was never used.
fn fresh() -> Option<u32> {
    let mut index = FRESH.load(Ordering::Relaxed);
    loop {
        if index >= MOST || !map_segment(index) {
            return None;
        }
        match FRESH.compare_exchange(index, index + 1, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return Some(index),
            Err(now) => index = now,
        }
    }
}

/// Slots in a list; the head counts its changes, so that one that was away meanwhile is not taken
/// for the same.
struct List(AtomicU64);

impl List {
    /// Puts a chain in front.
    fn push(&self, first: u32, last: u32) {
        let Some(last) = slot(last) else { return };
        self.change(|head| {
            last.next.store(head, Ordering::Relaxed);
            Some(first + 1)
        });
    }

    fn pop(&self) -> Option<u32> {
        let head = self.change(|head| {
            let first = slot(head.checked_sub(1)?)?;
            // If another thread takes it first, this is nonsense, and the exchange fails.
            Some(first.next.load(Ordering::Relaxed))
        });
        head.and_then(|head| head.checked_sub(1))
    }

    fn take_all(&self) -> Option<u32> {
        self.change(|head| (head != 0).then_some(0)).and_then(|head| head.checked_sub(1))
    }

    /// The head before the change.
    fn change(&self, mut to: impl FnMut(u32) -> Option<u32>) -> Option<u32> {
        let mut now = self.0.load(Ordering::Acquire);
        loop {
            let next = (now >> 32).wrapping_add(1) << 32 | u64::from(to(now as u32)?);
            match self.0.compare_exchange(now, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(now as u32),
                Err(other) => now = other,
            }
        }
    }
}

/// Segment and offset of an index.
#[inline(always)]
fn place(index: u32) -> (usize, usize) {
    let counted = index + FIRST;
    let segment = counted.ilog2() - FIRST.ilog2();
    (segment as usize, (counted - (FIRST << segment)) as usize)
}

#[inline(always)]
fn slot(index: u32) -> Option<&'static Slot> {
    let (segment, offset) = place(index);
    let start = SEGMENTS.get(segment)?.load(Ordering::Acquire);
    // SAFETY: a segment, once there, is never unmapped, and has FIRST << segment slots.
    (!start.is_null()).then(|| unsafe { &*start.add(offset) })
}

/// Makes sure that the index has its segment. Pages of the system's, which are zero, as a free
/// slot is, and there only once they are used.
fn map_segment(index: u32) -> bool {
    let (segment, _) = place(index);
    let Some(start) = SEGMENTS.get(segment) else { return false };
    if !start.load(Ordering::Acquire).is_null() {
        return true;
    }
    let length = (size_of::<Slot>() * FIRST as usize) << segment;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: no address is asked for, so that nothing else is disturbed.
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), length, access, flags, -1, 0) };
    if mapped == libc::MAP_FAILED {
        return false;
    }
    let null = std::ptr::null_mut();
    let won = start.compare_exchange(null, mapped.cast(), Ordering::AcqRel, Ordering::Relaxed);
    if won.is_err() {
        // SAFETY: mapped above, and nobody has seen it.
        unsafe { libc::munmap(mapped, length) };
    }
    true
}

/// Slots of the first segment: one page.
const FIRST: u32 = 64;
const SEGMENT_COUNT: u32 = pointer::INDEX_BITS - FIRST.ilog2();
const MOST: u32 = FIRST * ((1 << SEGMENT_COUNT) - 1);
/// So many slots must be free before the oldest is used again: so each generation lasts.
const SPREAD: usize = if pointer::WRAPS { 1024 } else { 64 };

static SEGMENTS: [AtomicPtr<Slot>; SEGMENT_COUNT as usize] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; SEGMENT_COUNT as usize];
static FRESH: AtomicU32 = AtomicU32::new(0);
static READY: List = List(AtomicU64::new(0));
static FREED: List = List(AtomicU64::new(0));
static FREED_COUNT: AtomicUsize = AtomicUsize::new(0);

#[cfg(test)]
mod tests;
