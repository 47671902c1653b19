//! What another thread gives, perhaps, and one operation waits for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, ErrorKind, Result};

use super::park::watch;
use super::wake::Wake;
use super::{Limit, fork};

/// Kept once: a value given later is dropped.
pub struct Promise<T> {
    wake: Wake,
    state: Mutex<State<T>>,
}

enum State<T> {
    Open,
    Kept(T),
    Taken,
}

impl<T> Promise<T> {
    pub fn new() -> Result<Arc<Self>> {
        Ok(Arc::new(Promise { wake: Wake::new()?, state: Mutex::new(State::Open) }))
    }

    /// Gives the value, from any thread.
    pub fn keep(&self, value: T) {
        let mut state = self.state();
        if matches!(*state, State::Open) {
            *state = State::Kept(value);
            self.wake.wake();
        }
    }

    /// Waits for the value, which is taken.
    pub async fn kept(&self, limit: Limit<'_>) -> Result<T> {
        if let Some(value) = self.take() {
            return Ok(value);
        }
        let epoch = fork::epoch();
        let fds = [watch(self.wake.fd(), libc::POLLIN)];
        let waited = limit.park.wait(&fds, limit.deadline).await;
        // A forked child touches no lock of its parent's: whoever would give it is not here.
        if epoch != fork::epoch() {
            return Err(Error::new(ErrorKind::Cancelled, "it was asked for in the parent process"));
        }
        waited?;
        let missing = || Error::new(ErrorKind::Internal, "a wait ended without what it was for");
        self.take().ok_or_else(missing)
    }

    /// Closes what wakes the wait, of one that will never be dropped.
    pub(super) fn abandon(&self) {
        self.wake.abandon();
    }

    /// The value, if it is there.
    pub(super) fn take(&self) -> Option<T> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Kept(value) => Some(value),
            other => {
                *state = other;
                None
            }
        }
    }

    /// What is under it is whole between any two statements.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
