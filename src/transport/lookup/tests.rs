//! The pool with look-ups that are as slow as a test wants them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::super::Cancel;
use super::super::tests::drive;
use super::*;

fn pool(look_up: fn(&Question) -> Answer) -> &'static Pool {
    Box::leak(Box::new(Pool::new(look_up)))
}

fn question(name: &str) -> Question {
    Question { name: CString::new(name).unwrap(), canonical: false }
}

/// The name comes back as the canonical one.
fn echo(question: &Question) -> Answer {
    let canonical = question.name.to_str().ok().map(str::to_owned);
    Ok(Found { addresses: Vec::new(), canonical })
}

fn slow(question: &Question) -> Answer {
    std::thread::sleep(Duration::from_millis(500));
    echo(question)
}

fn within(pool: &'static Pool, name: &str, milliseconds: u64) -> Result<Answer> {
    let cancel = Cancel::new()?;
    let deadline = Some(Instant::now() + Duration::from_millis(milliseconds));
    drive(deadline, &cancel, async |limit| pool.ask(question(name), limit).await)
}

/// Runs until the pool has come to that, or fails.
fn until(what: &str, reached: impl Fn() -> bool) {
    let start = Instant::now();
    while !reached() {
        assert!(start.elapsed() < Duration::from_secs(10), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_idle(pool: &Pool) -> bool {
    let state = locked(&pool.state);
    state.threads.is_empty() && state.lookups.is_empty()
}

#[test]
fn an_answer_leaves_nothing_behind() {
    let pool = pool(echo);
    for name in ["one.example", "two.example"] {
        let found = within(pool, name, 5000).unwrap().unwrap();
        assert_eq!(found.canonical.as_deref(), Some(name));
        assert!(is_idle(pool), "no thread once the call has returned");
    }
}

#[test]
fn a_lookup_ends_with_its_limit_and_not_with_the_resolver() {
    let pool = pool(slow);
    let start = Instant::now();
    assert_eq!(within(pool, "late.example", 50).unwrap_err().kind(), ErrorKind::Timeout);
    let cancel = Cancel::new().unwrap();
    let other = cancel.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        other.cancel();
    });
    let ask = async |limit: Limit<'_>| pool.ask(question("cancelled.example"), limit).await;
    let error = drive(None, &cancel, ask).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    thread.join().unwrap();
    assert!(start.elapsed() < Duration::from_millis(400));
    until("the threads end with their look-ups", || is_idle(pool));
}

/// What 300 connects with a limit of 5 ms leave against a name service that is down.
#[test]
fn abandoned_lookups_leave_the_queue_and_few_threads() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static AT_ONCE: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    fn counted(question: &Question) -> Answer {
        RUNS.fetch_add(1, Ordering::SeqCst);
        MOST.fetch_max(AT_ONCE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_secs(3));
        AT_ONCE.fetch_sub(1, Ordering::SeqCst);
        echo(question)
    }
    let pool = pool(counted);
    for number in 0..300 {
        let error = within(pool, &format!("host-{number}.example"), 5).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        let state = locked(&pool.state);
        assert!(state.threads.len() <= THREADS && state.lookups.len() <= THREADS);
        // With its waiter goes the descriptor that would have woken it.
        assert!(state.lookups.iter().all(|one| one.running && one.waiters.is_empty()));
    }
    until("the threads end with their look-ups", || is_idle(pool));
    assert_eq!(MOST.load(Ordering::SeqCst), THREADS);
    assert_eq!(RUNS.load(Ordering::SeqCst), THREADS, "nobody looks up for those who are gone");
}

/// More callers than threads, each of whom has the time.
#[test]
fn everybody_gets_a_turn() {
    fn short(question: &Question) -> Answer {
        std::thread::sleep(Duration::from_millis(20));
        echo(question)
    }
    let pool = pool(short);
    let callers: Vec<_> = (0..4 * THREADS)
        .map(|number| {
            std::thread::spawn(move || {
                let name = format!("host-{number}.example");
                let found = within(pool, &name, 20_000).unwrap().unwrap();
                assert_eq!(found.canonical, Some(name));
            })
        })
        .collect();
    for caller in callers {
        caller.join().unwrap();
    }
    assert!(is_idle(pool));
}

#[test]
fn the_same_name_is_looked_up_once() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    fn counted(question: &Question) -> Answer {
        RUNS.fetch_add(1, Ordering::SeqCst);
        slow(question)
    }
    let pool = pool(counted);
    assert_eq!(within(pool, "same.example", 20).unwrap_err().kind(), ErrorKind::Timeout);
    let ask = || within(pool, "same.example", 5000).unwrap().unwrap();
    let callers: Vec<_> = (0..5).map(|_| std::thread::spawn(ask)).collect();
    for caller in callers {
        assert_eq!(caller.join().unwrap().canonical.as_deref(), Some("same.example"));
    }
    assert_eq!(RUNS.load(Ordering::SeqCst), 1);
    assert!(is_idle(pool));
    // What failed then need not fail now: nothing is kept.
    ask();
    assert_eq!(RUNS.load(Ordering::SeqCst), 2);
}

#[test]
fn a_panic_is_an_error_and_no_lost_caller() {
    let pool = pool(|_| panic!("a name service module at its worst"));
    assert_eq!(within(pool, "a.example", 5000).unwrap_err().kind(), ErrorKind::Internal);
    assert!(is_idle(pool));
}

/// The child has neither the thread that looks up nor the one that held the lock.
#[test]
#[allow(unsafe_code)]
fn a_forked_child_looks_up_for_itself() {
    static POOL: PerProcess<Pool> = PerProcess::new(Pool::new(slow), || Pool::new(slow));
    let parents = POOL.get();
    assert!(std::ptr::eq(parents, POOL.get()));
    assert_eq!(within(parents, "parent.example", 20).unwrap_err().kind(), ErrorKind::Timeout);
    let held = locked(&parents.state);
    // SAFETY: the child uses nothing that another thread of this program could have locked but
    // what it is about, and the allocator, which the C library makes usable behind a fork.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: as above; it must not hang for ever, nor run the parent's exit handlers.
        unsafe { libc::alarm(20) };
        let good = within(POOL.get(), "child.example", 10_000).is_ok_and(|found| found.is_ok());
        // SAFETY: no memory is involved.
        unsafe { libc::_exit(if good { 0 } else { 1 }) };
    }
    drop(held);
    let mut status = -1;
    // SAFETY: the status lives for the call.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    until("the parent's thread ends", || is_idle(parents));
}
