//! Look-ups of names on threads: a bounded number of them, and a queue before it.
//!
//! The system's resolver cannot be interrupted, so that a caller whose time is up leaves a thread
//! behind that ends when the resolver gives up. There are never more than [`THREADS`] of those in
//! the process: look-ups beyond them wait for their turn, first come first served, each no longer
//! than its own caller. Who asks for a name that is being looked up shares the answer. A thread
//! ends when nothing waits, and who got the last answer of it waits for that end: behind a call
//! whose look-up was answered the host sees no thread of ours.
//!
//! ```text
//!  ask() ──> waiting ──> running ──> answered
//!               │            └─ nobody waits any more: runs on, and its answer is dropped
//!               └─ nobody waits any more: leaves the queue
//! ```
//!
//! Where the system gives no thread at all, the look-up runs in the caller's, and his limit holds
//! again behind it; or fails, where the caller is an event loop. A forked child has none of its
//! parent's threads, and touches none of its locks: it begins with a pool of its own.

use std::collections::VecDeque;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::error::{Error, ErrorKind, Result};

use super::promise::Promise;
use super::sys::{Found, PerProcess, Unresolved};
use super::{Limit, fork, sys};

/// What is asked of the name service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub name: CString,
    /// The canonical name is wanted as well.
    pub canonical: bool,
}

pub(super) type Answer = std::result::Result<Found, Unresolved>;

/// Asks the system's name service, within the limit.
pub(super) async fn ask(question: Question, limit: Limit<'_>) -> Result<Answer> {
    static POOL: PerProcess<Pool> = PerProcess::new(Pool::new(system), || Pool::new(system));
    POOL.get().ask(question, limit).await
}

fn system(question: &Question) -> Answer {
    sys::look_up(&question.name, question.canonical)
}

struct Pool {
    look_up: fn(&Question) -> Answer,
    state: Mutex<State>,
}

struct State {
    /// The look-ups that run or wait, in the order they were asked for.
    lookups: VecDeque<Lookup>,
    threads: Vec<(u64, JoinHandle<()>)>,
    next: u64,
}

struct Lookup {
    number: u64,
    question: Question,
    running: bool,
    /// Of the callers that wait for the answer.
    waiters: Vec<Arc<Promise<Outcome>>>,
}

struct Outcome {
    /// None if the look-up panicked.
    answer: Option<Answer>,
    /// The thread that gave it and is about to end.
    thread: Option<JoinHandle<()>>,
}

impl Pool {
    const fn new(look_up: fn(&Question) -> Answer) -> Self {
        let state = State { lookups: VecDeque::new(), threads: Vec::new(), next: 0 };
        Pool { look_up, state: Mutex::new(state) }
    }

    async fn ask(&'static self, question: Question, limit: Limit<'_>) -> Result<Answer> {
        let promise = Promise::new()?;
        match self.enqueue(&question, &promise) {
            true => {}
            false if limit.park.may_block() => return Ok((self.look_up)(&question)),
            false => {
                let text = "the system gives no thread for the name lookup now";
                return Err(Error::new(ErrorKind::ResolveAgain, text));
            }
        }
        let epoch = fork::epoch();
        let kept = promise.kept(limit).await;
        if epoch != fork::epoch() {
            // A child that ends what its parent began touches none of its locks, behind which the
            // promise stays for ever.
            if Arc::strong_count(&promise) > 1 {
                promise.abandon();
            }
            return Err(Error::new(ErrorKind::Cancelled, "the name lookup is that of the parent"));
        }
        let outcome = kept.map_err(|error| {
            self.abandon(&promise);
            // An answer that has come all the same has a thread to wait for.
            promise.take().and_then(|late| late.thread).into_iter().for_each(end);
            error.in_context("name lookup")
        })?;
        outcome.thread.into_iter().for_each(end);
        let missing = || Error::new(ErrorKind::Internal, "the name lookup gave no result");
        outcome.answer.ok_or_else(missing)
    }

    /// Joins the same look-up, or puts a new one at the end of the queue. False if the system
    /// gives no thread to do it.
    fn enqueue(&'static self, question: &Question, promise: &Arc<Promise<Outcome>>) -> bool {
        let mut state = locked(&self.state);
        if let Some(same) = state.lookups.iter_mut().find(|one| one.question == *question) {
            same.waiters.push(Arc::clone(promise));
            return true;
        }
        let number = state.next;
        state.next += 1;
        state.lookups.push_back(Lookup {
            number,
            question: question.clone(),
            running: false,
            waiters: vec![Arc::clone(promise)],
        });
        // No thread is ever idle: each one beyond the running look-ups has still to begin.
        if state.threads.len() < THREADS {
            match self.start(number) {
                Ok(thread) => state.threads.push((number, thread)),
                Err(_) if state.threads.is_empty() => {
                    state.lookups.pop_back();
                    return false;
                }
                Err(_) => {}
            }
        }
        true
    }

    /// A thread that bears the number of the look-up it was made for, whichever it will do.
    fn start(&'static self, number: u64) -> std::io::Result<JoinHandle<()>> {
        let blocked = sys::block_signals();
        let started =
            std::thread::Builder::new().stack_size(STACK).spawn(move || self.serve(number));
        sys::restore_signals(&blocked);
        started
    }

    /// One look-up after another, until none waits.
    fn serve(&self, me: u64) {
        let mut state = locked(&self.state);
        while let Some(next) = state.lookups.iter_mut().find(|one| !one.running) {
            next.running = true;
            let (number, question) = (next.number, next.question.clone());
            drop(state);
            let answer = catch_unwind(AssertUnwindSafe(|| (self.look_up)(&question))).ok();
            state = locked(&self.state);
            state.answer(number, answer, me);
        }
        // Not there any more if an answer took it along; else nobody waits for the end.
        drop(state.take_thread(me));
    }

    /// A caller has gone. A look-up that waits for no one else goes too, unless it runs.
    fn abandon(&self, promise: &Arc<Promise<Outcome>>) {
        let mut state = locked(&self.state);
        for lookup in &mut state.lookups {
            lookup.waiters.retain(|one| !Arc::ptr_eq(one, promise));
        }
        state.lookups.retain(|one| one.running || !one.waiters.is_empty());
        state.rest();
    }
}

impl State {
    fn answer(&mut self, number: u64, answer: Option<Answer>, me: u64) {
        let Some(at) = self.lookups.iter().position(|one| one.number == number) else { return };
        let Some(done) = self.lookups.remove(at) else { return };
        self.rest();
        // With nothing left to do the thread ends, and one of those it answered sees to that.
        let is_last = self.lookups.iter().all(|one| one.running);
        for waiter in done.waiters {
            let thread = if is_last { self.take_thread(me) } else { None };
            waiter.keep(Outcome { answer: answer.clone(), thread });
        }
    }

    fn take_thread(&mut self, number: u64) -> Option<JoinHandle<()>> {
        let at = self.threads.iter().position(|(one, _)| *one == number)?;
        let (_, thread) = self.threads.swap_remove(at);
        self.rest();
        Some(thread)
    }

    /// What is empty takes no memory: nothing is left behind in the host.
    fn rest(&mut self) {
        if self.lookups.is_empty() {
            self.lookups = VecDeque::new();
        }
        if self.threads.is_empty() {
            self.threads = Vec::new();
        }
    }
}

/// It has nothing left to do.
fn end(thread: JoinHandle<()>) {
    drop(thread.join());
}

/// What is under these locks is whole between any two statements.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Most threads in the process. A resolver answers in milliseconds, and one that does not is the
/// same for all of them.
const THREADS: usize = 8;

/// A thread's stack, of which only what is touched is ever there. Name service modules run on it.
const STACK: usize = 1024 * 1024;

#[cfg(test)]
mod tests;
