//! Slots and their words, without anything in them.

use super::*;
use crate::client::fork;
use crate::ffi::boundary::slot::{EPOCH, EPOCH_AT, End, Refusal};

const KIND: u8 = 13;

/// A live handle that holds nothing.
fn publish() -> usize {
    reserve().unwrap().publish(KIND, std::ptr::null_mut())
}

fn found(value: usize) -> (&'static Slot, u64) {
    find(value, KIND).unwrap()
}

fn end(value: usize) {
    let (slot, name) = found(value);
    assert_eq!(slot.free(name), Ok(End::Last));
    recycle(value);
}

#[test]
fn pointers_keep_what_is_packed_into_them() {
    let last = (1 << pointer::GENERATION_BITS) - 1;
    for kind in [1, 7, 15] {
        for index in [0, 1, 63, 64, MOST - 1] {
            for generation in [0, 1, last] {
                let value = pointer::pack(kind, index, generation);
                assert_eq!(pointer::unpack(value), Some((kind, index, generation)));
                assert_eq!(value % 2, 1, "no object of more than a byte stands there");
            }
        }
    }
    let own = Box::new(0_u64);
    for value in [0, 4096, std::ptr::from_ref(&*own).addr()] {
        assert_eq!(pointer::unpack(value), None, "{value:#x}");
    }
    for value in [1, 5, usize::MAX] {
        assert!(find(value, KIND).is_none(), "{value:#x}");
        // With 32 bits there is no room for more than an odd number.
        assert!(pointer::WRAPS || pointer::unpack(value).is_none(), "{value:#x}");
    }
}

#[test]
fn segments_follow_one_another_without_a_gap() {
    assert_eq!(place(0), (0, 0));
    let mut before = place(0);
    for index in 1..100_000 {
        let now = place(index);
        let follows = now == (before.0, before.1 + 1)
            || now == (before.0 + 1, 0) && before.1 + 1 == (FIRST as usize) << before.0;
        assert!(follows, "{index}: {before:?}, {now:?}");
        before = now;
    }
    assert_eq!(place(MOST - 1).0, SEGMENTS.len() - 1);
}

#[test]
fn a_freed_handle_is_never_another_one() {
    let mut all = std::collections::HashSet::new();
    for _ in 0..5000 {
        let value = publish();
        assert!(all.insert(value));
        let (slot, name) = found(value);
        end(value);
        assert_eq!(slot.take(name), Err(Refusal::Stale));
        assert_eq!(slot.enter(name), Err(Refusal::Stale));
        assert_eq!(slot.cancel(name), Err(Refusal::Stale));
        assert_eq!(slot.free(name), Err(Refusal::Stale));
    }
}

#[test]
fn there_is_a_place_for_each_of_many() {
    // Other tests take theirs meanwhile.
    let many = 100_000.min(MOST / 2);
    let values: Vec<usize> = (0..many).map(|_| publish()).collect();
    let mut distinct = values.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), values.len());
    for value in &values {
        let (slot, name) = found(*value);
        assert_eq!(slot.enter(name), Ok(()));
        assert!(!slot.leave());
    }
    values.into_iter().for_each(end);
}

#[test]
fn a_slot_that_is_not_published_is_free_again() {
    let before = FRESH.load(Ordering::Relaxed);
    for _ in 0..100_000 {
        drop(reserve().unwrap());
    }
    // Other tests take their own meanwhile.
    assert!(FRESH.load(Ordering::Relaxed) < before + 150_000);
    end(publish());
}

#[test]
fn taking_forgets_a_cancel_and_a_later_one_stays() {
    let value = publish();
    let (slot, name) = found(value);
    slot.cancel(name).unwrap();
    slot.take(name).unwrap();
    assert_eq!(slot.word().load(Ordering::SeqCst) & Signal::SET, 0);
    slot.cancel(name).unwrap();
    assert_eq!(slot.take(name), Err(Refusal::Busy));
    assert_eq!(slot.enter(name), Err(Refusal::Busy));
    assert_ne!(slot.word().load(Ordering::SeqCst) & Signal::SET, 0);
    assert!(!slot.give());
    // A reader does not take it back.
    slot.enter(name).unwrap();
    assert_ne!(slot.word().load(Ordering::SeqCst) & Signal::SET, 0);
    slot.leave();
    end(value);
}

#[test]
fn the_last_user_ends_what_was_freed() {
    let value = publish();
    let (slot, name) = found(value);
    slot.enter(name).unwrap();
    slot.enter(name).unwrap();
    assert_eq!(slot.free(name), Ok(End::Deferred));
    assert!(!slot.leave());
    assert!(slot.leave());
    recycle(value);

    let value = publish();
    let (slot, name) = found(value);
    slot.take(name).unwrap();
    slot.lend();
    assert_eq!(slot.free(name), Ok(End::Deferred));
    assert_eq!(slot.free(name), Err(Refusal::Stale));
    assert!(slot.give());
    recycle(value);
}

/// The word as a fork leaves it in the child.
fn inherit(slot: &Slot) {
    let word = slot.word();
    let before = word.load(Ordering::SeqCst);
    let older = (before & EPOCH).wrapping_sub(1 << EPOCH_AT) & EPOCH;
    word.store(before & !EPOCH | older, Ordering::SeqCst);
}

#[test]
fn a_fork_leaves_no_readers_and_no_calls_of_other_threads() {
    let value = publish();
    let (slot, name) = found(value);
    slot.enter(name).unwrap();
    inherit(slot);
    slot.take(name).unwrap();
    assert!(!slot.give());
    slot.enter(name).unwrap();
    inherit(slot);
    assert_eq!(slot.free(name), Ok(End::Last));
    recycle(value);

    // A call on another thread, one on the thread that forked, and a loan.
    for (owner, lent, expected) in [
        (fork::forker() + 1, false, End::Lost),
        (fork::forker(), false, End::Deferred),
        (fork::forker() + 1, true, End::Deferred),
    ] {
        let value = publish();
        let (slot, name) = found(value);
        slot.take(name).unwrap();
        slot.owner.store(owner, Ordering::SeqCst);
        if lent {
            slot.lend();
        }
        inherit(slot);
        assert_eq!(slot.take(name), Err(Refusal::Busy));
        assert_eq!(slot.free(name), Ok(expected));
        recycle(value);
    }
}

#[test]
fn threads_need_no_lock() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..5000 {
                    let values = [(); 3].map(|()| publish());
                    for value in values {
                        let (slot, name) = found(value);
                        assert_eq!(slot.take(name), Ok(()), "{round}");
                        assert!(!slot.give());
                    }
                    values.into_iter().for_each(end);
                }
            });
        }
    });
}

#[test]
fn one_of_free_and_take_wins() {
    for _ in 0..2000 {
        let value = publish();
        let (slot, name) = found(value);
        let ends = AtomicUsize::new(0);
        let ended = || {
            ends.fetch_add(1, Ordering::SeqCst);
            recycle(value);
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                if slot.take(name).is_ok() && slot.give() {
                    ended();
                }
            });
            scope.spawn(|| {
                if slot.enter(name).is_ok() && slot.leave() {
                    ended();
                }
            });
            scope.spawn(|| {
                if slot.free(name) == Ok(End::Last) {
                    ended();
                }
            });
        });
        assert_eq!(ends.load(Ordering::SeqCst), 1);
    }
}
