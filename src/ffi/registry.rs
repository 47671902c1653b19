//! Which handles are alive: a table of atomics that needs no lock and no heap.
//!
//! So a stale, foreign or mistaken pointer is recognised without reading what it points to: from
//! any thread, in a signal handler, and in a child forked while another thread was in here. An
//! entry is a handle's address with its kind in the low bits, which alignment leaves free.

use std::sync::atomic::{AtomicUsize, Ordering};

const BUCKETS: usize = 4096;
const WAYS: usize = 16;

/// Alignment of every handle; the kind takes the bits below it.
pub(super) const ALIGN: usize = 16;

static LIVE: Registry = Registry::new();

pub(super) fn insert(entry: usize) {
    LIVE.insert(entry);
}

pub(super) fn remove(entry: usize) {
    LIVE.remove(entry);
}

pub(super) fn contains(entry: usize) -> bool {
    LIVE.contains(entry)
}

/// More than some fifty thousand handles are alive, and the table could not take them all: only
/// then a miss proves nothing.
pub(super) fn is_overfull() -> bool {
    LIVE.is_overfull()
}

struct Registry {
    table: [[AtomicUsize; WAYS]; BUCKETS],
    /// Handles that found no place.
    homeless: AtomicUsize,
}

impl Registry {
    const fn new() -> Self {
        Registry {
            table: [const { [const { AtomicUsize::new(0) }; WAYS] }; BUCKETS],
            homeless: AtomicUsize::new(0),
        }
    }

    /// The two buckets where an address may stand; the second serves when the first is full.
    fn buckets(&self, entry: usize) -> impl Iterator<Item = &[AtomicUsize; WAYS]> {
        let address = (entry / ALIGN) as u64;
        // Odd constants of the golden ratio and of pi: the high bits of the products are mixed.
        [0x9e37_79b9_7f4a_7c15_u64, 0x2436_a090_5a1a_1f35].into_iter().map(move |factor| {
            let hash = address.wrapping_mul(factor) >> (u64::BITS - BUCKETS.trailing_zeros());
            &self.table[hash as usize]
        })
    }

    fn replace(&self, from: usize, to: usize, entry: usize) -> bool {
        self.buckets(entry).flatten().any(|way| {
            way.load(Ordering::Relaxed) == from
                && way.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        })
    }

    fn insert(&self, entry: usize) {
        if !self.replace(0, entry, entry) {
            self.homeless.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn remove(&self, entry: usize) {
        if !self.replace(entry, 0, entry) {
            self.homeless.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn contains(&self, entry: usize) -> bool {
        self.buckets(entry).flatten().any(|way| way.load(Ordering::Acquire) == entry)
    }

    fn is_overfull(&self) -> bool {
        self.homeless.load(Ordering::Acquire) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A registry of its own, so that other tests' handles do not meet a full one.
    fn with_registry(test: impl FnOnce(&'static Registry)) {
        static MINE: Registry = Registry::new();
        static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock().unwrap();
        test(&MINE);
        assert!(MINE.table.iter().flatten().all(|way| way.load(Ordering::Acquire) == 0));
        assert!(!MINE.is_overfull());
    }

    fn addresses(count: usize, step: usize) -> impl Iterator<Item = usize> + Clone {
        (1..=count).map(move |n| 0x7f00_0000_0000 + n * step)
    }

    #[test]
    fn knows_what_is_alive_and_of_which_kind() {
        with_registry(|registry| {
            let entries = addresses(2000, 192);
            entries.clone().for_each(|address| registry.insert(address | 2));
            assert!(entries.clone().all(|address| registry.contains(address | 2)));
            assert!(!entries.clone().any(|address| registry.contains(address | 3)));
            entries.clone().for_each(|address| registry.remove(address | 2));
            assert!(!entries.clone().any(|address| registry.contains(address | 2)));
        });
    }

    /// Whatever the allocator's stride, tens of thousands of handles find a place.
    #[test]
    fn holds_many_before_it_is_overfull() {
        for step in [16, 64, 208, 4096, 65536] {
            with_registry(|registry| {
                let entries = addresses(40_000, step);
                entries.clone().for_each(|address| registry.insert(address | 1));
                assert!(!registry.is_overfull(), "{step}");
                entries.for_each(|address| registry.remove(address | 1));
            });
        }
    }

    #[test]
    fn counts_what_found_no_place() {
        with_registry(|registry| {
            let entries = addresses(BUCKETS * WAYS + 1000, 176);
            entries.clone().for_each(|address| registry.insert(address | 1));
            assert!(registry.is_overfull());
            entries.for_each(|address| registry.remove(address | 1));
        });
    }

    #[test]
    fn threads_need_no_lock() {
        with_registry(|registry| {
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    scope.spawn(move || {
                        for round in 0..2000 {
                            let entry = (((thread + 1) << 32) + round * ALIGN) | 1;
                            registry.insert(entry);
                            assert!(registry.contains(entry));
                            registry.remove(entry);
                            assert!(!registry.contains(entry));
                        }
                    });
                }
            });
        });
    }
}
