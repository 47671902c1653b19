//! What is shared by whoever in the process asks for the same, and goes with the last of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::super::super::sys::PerProcess;

/// A forked child begins with an empty one.
pub(super) struct Registry<T: 'static>(PerProcess<Mutex<Vec<Weak<T>>>>);

impl<T: Send + Sync> Registry<T> {
    pub const fn new() -> Self {
        Registry(PerProcess::new(Mutex::new(Vec::new()), || Mutex::new(Vec::new())))
    }

    /// The one that fits, or else a new one.
    pub fn share<E>(
        &'static self,
        fits: impl Fn(&T) -> bool,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let mut known = locked(self.0.get());
        let live: Vec<Arc<T>> = known.iter().filter_map(Weak::upgrade).collect();
        let shared = match live.iter().find(|one| fits(one)) {
            Some(same) => Arc::clone(same),
            None => {
                let new = Arc::new(make()?);
                known.retain(|one| one.strong_count() > 0);
                known.push(Arc::downgrade(&new));
                new
            }
        };
        // Who of the others goes with `live`, goes behind the lock.
        drop(known);
        Ok(shared)
    }

    /// Called where one is dropped: nothing is left behind in the host. Whoever holds the lock
    /// does the same.
    pub fn forget_gone(&'static self) {
        if let Ok(mut known) = self.0.get().try_lock() {
            known.retain(|one| one.strong_count() > 0);
            known.shrink_to_fit();
        }
    }
}

/// What is under these locks is whole between any two statements.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
