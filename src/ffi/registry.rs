//! Which handles are alive: a table of atomics that needs no lock and no heap.
//!
//! So a stale or foreign pointer is recognised without reading what it points to, from any
//! thread, in a signal handler, and in a child forked while another thread was in here.

use std::sync::atomic::{AtomicUsize, Ordering};

const BUCKETS: usize = 4096;
const WAYS: usize = 16;

static TABLE: [[AtomicUsize; WAYS]; BUCKETS] =
    [const { [const { AtomicUsize::new(0) }; WAYS] }; BUCKETS];

/// Handles that found no place; while there are any, a miss proves nothing.
static OVERFLOW: AtomicUsize = AtomicUsize::new(0);

fn bucket(address: usize) -> &'static [AtomicUsize; WAYS] {
    // Handles are aligned, so that the lowest bits tell nothing.
    let hash = (address >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    &TABLE[hash >> (usize::BITS - BUCKETS.trailing_zeros())]
}

pub(super) fn insert(address: usize) {
    let free = |way: &&AtomicUsize| {
        way.compare_exchange(0, address, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    };
    if !bucket(address).iter().any(|way| free(&way)) {
        OVERFLOW.fetch_add(1, Ordering::AcqRel);
    }
}

/// Takes a handle out; false if it was not in (any more), so that only one caller frees it.
pub(super) fn remove(address: usize) -> bool {
    let taken = bucket(address)
        .iter()
        .any(|way| way.compare_exchange(address, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok());
    taken
        || OVERFLOW
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |count| count.checked_sub(1))
            .is_ok()
}

/// Whether `address` may be a live handle.
pub(super) fn contains(address: usize) -> bool {
    bucket(address).iter().any(|way| way.load(Ordering::Acquire) == address)
        || OVERFLOW.load(Ordering::Acquire) > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_alive() {
        let addresses: Vec<usize> = (1..2000).map(|n| 0x7f00_0000_0000 + n * 192).collect();
        addresses.iter().for_each(|address| insert(*address));
        assert!(addresses.iter().all(|address| contains(*address)));
        for address in &addresses {
            assert!(remove(*address));
        }
        if OVERFLOW.load(Ordering::Acquire) == 0 {
            assert!(!contains(addresses[0]) && !remove(addresses[0]));
        }
    }
}
