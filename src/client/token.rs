//! Where access tokens come from: a source asks its owner for them, keeps them, and shares them
//! between clients.
//!
//! ```text
//!            no token, or about to expire                give
//!   nothing ──────────────────────────────► asking ──────────────► kept ──┐
//!      ▲                                      │  ▲                  │     │ about to expire
//!      └──────────────── fail ────────────────┘  └──── refused ◄────┘◄────┘
//! ```
//!
//! For each user one request at most is under way, for which all calls wait that come meanwhile; it
//! stays until it is answered, even where nobody waits any more. No lock is held while the owner is
//! asked. A forked child begins with its parent's tokens and none of its requests.

use std::any::Any;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant};

use crate::error::{Detail, Error, ErrorKind, Result};
use crate::sasl::{Secret, check_token};
use crate::transport::{Limit, Promise, fork, timed_out};

/// Whom a source asks.
pub trait TokenOwner: Send + Sync {
    /// Asks for a token. The answer comes by [`TokenRequest::answer`], now or later; an error is one.
    /// What is given back is kept until then, or the source's end.
    fn ask(&self, request: TokenRequest) -> Result<Box<dyn Any + Send>>;
}

/// Why a token is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenReason {
    First,
    /// The one before is about to expire, or has.
    Expiring,
    /// The server refused the one before, in these words.
    Refused(String),
}

/// Tokens, and whom to ask for them. A copy is the same source.
#[derive(Clone)]
pub struct TokenSource(Arc<Shared>);

struct Shared {
    owner: Box<dyn TokenOwner>,
    /// The process whose state it is.
    epoch: AtomicU32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of tokens and requests, so that no two are taken for the same.
    count: u64,
    /// A login costs more than a look through thousands of them.
    users: Vec<Account>,
}

struct Account {
    user: String,
    token: Option<Token>,
    /// What the server said when it refused the one before.
    refused: Option<String>,
    asking: Option<Asking>,
}

struct Asking {
    number: u64,
    waiters: Vec<Arc<Promise<Outcome>>>,
    /// The thread on which the owner is being asked.
    thread: Option<usize>,
    /// The owner's, who drops by it what the request takes.
    ticket: Option<Box<dyn Any + Send>>,
}

type Outcome = Result<Token>;

/// An access token.
#[derive(Clone)]
pub struct Token {
    number: u64,
    secret: Arc<Secret>,
    /// From when on another is asked for; `None` if only a refusal tells.
    renewed: Option<Instant>,
}

impl Token {
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    fn is_fresh(&self) -> bool {
        // After a sleep of the machine's, which this clock does not count, the server tells.
        self.renewed.is_none_or(|then| Instant::now() < then)
    }
}

impl Account {
    fn is_of_use(&self) -> bool {
        let has_token = self.token.as_ref().is_some_and(Token::is_fresh);
        has_token || self.refused.is_some() || self.asking.is_some()
    }
}

/// Fewer are not looked through.
const LEAST_PRUNED: usize = 64;

/// What a call comes to, at first.
enum Begun {
    Known(Token),
    /// Somebody is to give it; whom this call must ask for it, if it is the first.
    Waits(Arc<Promise<Outcome>>, Option<TokenRequest>),
}

impl TokenSource {
    pub fn new(owner: Box<dyn TokenOwner>) -> Self {
        let (epoch, state) = (AtomicU32::new(fork::epoch()), Mutex::default());
        TokenSource(Arc::new(Shared { owner, epoch, state }))
    }

    /// The token of that user: a kept one, or what the owner gives within the limit, however late
    /// he is asked.
    pub(super) async fn token(&self, user: &str, limit: Limit<'_>) -> Result<Token> {
        let outcome = match self.begin(user, limit.park.may_block())? {
            Begun::Known(token) => Ok(token),
            Begun::Waits(promise, request) => {
                if let Some(request) = request {
                    self.0.ask(request);
                }
                let epoch = fork::epoch();
                let kept = promise.kept(limit).await;
                if kept.is_err() && epoch == fork::epoch() {
                    self.leave(user, &promise);
                }
                kept.map_err(not_come)?
            }
        };
        // The owner has taken the caller's thread for as long as he liked.
        if limit.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(not_come(timed_out()));
        }
        outcome
    }

    fn begin(&self, user: &str, blocks: bool) -> Result<Begun> {
        let promise = {
            let mut state = self.0.lock()?;
            let account = state.account(user);
            if let Some(token) = account.token.as_ref().filter(|token| token.is_fresh()) {
                return Ok(Begun::Known(token.clone()));
            }
            drop(state);
            Promise::new()?
        };
        let mut state = self.0.lock()?;
        state.count += 1;
        let number = state.count;
        let account = state.account(user);
        // It may have come since.
        if let Some(token) = account.token.as_ref().filter(|token| token.is_fresh()) {
            return Ok(Begun::Known(token.clone()));
        }
        if let Some(asking) = &mut account.asking {
            if blocks && asking.thread == Some(fork::thread()) {
                let text =
                    "a login in the token callback would wait for that callback's own answer";
                return Err(Error::new(ErrorKind::Misuse, text));
            }
            asking.waiters.push(Arc::clone(&promise));
            return Ok(Begun::Waits(promise, None));
        }
        let reason = match (&account.refused, &account.token) {
            (Some(words), _) => TokenReason::Refused(words.clone()),
            (None, Some(_)) => TokenReason::Expiring,
            (None, None) => TokenReason::First,
        };
        let waiters = vec![Arc::clone(&promise)];
        let thread = Some(fork::thread());
        account.asking = Some(Asking { number, waiters, thread, ticket: None });
        let source = Arc::downgrade(&self.0);
        let request = TokenRequest { source, user: user.to_owned(), number, reason };
        Ok(Begun::Waits(promise, Some(request)))
    }

    /// A call has gone. The request stays: its answer serves the next one.
    fn leave(&self, user: &str, promise: &Arc<Promise<Outcome>>) {
        let Ok(mut state) = self.0.lock() else { return };
        if let Some(asking) = &mut state.account(user).asking {
            asking.waiters.retain(|one| !Arc::ptr_eq(one, promise));
        }
    }

    /// The server refused that token: it is given to nobody any more.
    pub(super) fn refuse(&self, user: &str, token: &Token, words: &str) -> Result<()> {
        let mut state = self.0.lock()?;
        let account = state.account(user);
        // Another client may have a newer one already.
        if account.token.as_ref().is_some_and(|kept| kept.number == token.number) {
            account.token = None;
            account.refused = Some(words.to_owned());
        }
        Ok(())
    }
}

impl Shared {
    fn ask(&self, request: TokenRequest) {
        let (user, number) = (request.user.clone(), request.number);
        match self.owner.ask(request) {
            Ok(ticket) => self.keep(&user, number, ticket),
            // Unless it was answered all the same.
            Err(error) => drop(self.answer(&user, number, Err(as_failure(error)))),
        }
    }

    fn keep(&self, user: &str, number: u64, ticket: Box<dyn Any + Send>) {
        // Answered already, it is dropped behind the lock.
        let mut ticket = Some(ticket);
        if let Ok(mut state) = self.lock() {
            let asking = state.account(user).asking.as_mut();
            if let Some(asking) = asking.filter(|asking| asking.number == number) {
                (asking.ticket, asking.thread) = (ticket.take(), None);
            }
        }
        drop(ticket);
    }

    fn answer(&self, user: &str, number: u64, answer: Result<Given>) -> Result<()> {
        let mut state = self.lock()?;
        state.count += 1;
        let count = state.count;
        let account = state.account(user);
        let asking = account.asking.take_if(|asking| asking.number == number);
        let asking = asking.ok_or_else(answered)?;
        let outcome = answer.map(|given| Token {
            number: count,
            secret: Arc::new(given.secret),
            renewed: given.renewed,
        });
        if let Ok(token) = &outcome {
            account.token = Some(token.clone());
            account.refused = None;
        }
        drop(state);
        for waiter in asking.waiters {
            waiter.keep(outcome.clone());
        }
        Ok(())
    }

    fn lock(&self) -> Result<MutexGuard<'_, State>> {
        let epoch = fork::epoch();
        if self.epoch.load(Ordering::Relaxed) == epoch {
            // What is under it is whole between any two statements.
            return Ok(self.state.lock().unwrap_or_else(PoisonError::into_inner));
        }
        // In a forked child: a thread of the parent may hold it for ever.
        for _ in 0..TRIES {
            let mut state = match self.state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(PAUSE);
                    continue;
                }
            };
            if self.epoch.swap(epoch, Ordering::Relaxed) != epoch {
                state.users.iter_mut().for_each(|account| account.asking = None);
            }
            return Ok(state);
        }
        let text = "the token source was in use as the process forked: make another";
        Err(Error::new(ErrorKind::Misuse, text))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let is_ours = self.epoch.load(Ordering::Relaxed) == fork::epoch();
        if !is_ours && matches!(self.state.try_lock(), Err(TryLockError::WouldBlock)) {
            // A thread that is not here was changing it.
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(std::mem::take(state));
        }
    }
}

impl State {
    fn account(&mut self, user: &str) -> &mut Account {
        let known = self.users.iter().position(|account| account.user == user);
        let at = known.unwrap_or_else(|| {
            // Now and then those are forgotten of whom there is nothing to know.
            if self.users.len() >= LEAST_PRUNED && self.users.len().is_power_of_two() {
                self.users.retain(Account::is_of_use);
            }
            let user = user.to_owned();
            self.users.push(Account { user, token: None, refused: None, asking: None });
            self.users.len() - 1
        });
        &mut self.users[at]
    }
}

struct Given {
    secret: Secret,
    renewed: Option<Instant>,
}

/// A question to the owner, who answers it once: of its copies the first that does.
#[derive(Clone)]
pub struct TokenRequest {
    source: Weak<Shared>,
    user: String,
    number: u64,
    reason: TokenReason,
}

impl TokenRequest {
    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn reason(&self) -> &TokenReason {
        &self.reason
    }

    /// A token that is good for that long, or until the server refuses it, or why there is none. A
    /// token that cannot be sent is no token, and an error here as well.
    pub fn answer(&self, answer: Result<(Secret, Option<Duration>)>) -> Result<()> {
        let source = self.source.upgrade().ok_or_else(answered)?;
        let checked = answer.and_then(|(secret, life)| {
            check_token(secret.as_bytes())?;
            let renewed = life.and_then(|life| Instant::now().checked_add(life - margin(life)));
            Ok(Given { secret, renewed })
        });
        let invalid = checked.as_ref().err().filter(|error| is_argument(error)).cloned();
        source.answer(&self.user, self.number, checked.map_err(as_failure))?;
        invalid.map_or(Ok(()), Err)
    }
}

fn is_argument(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::NoMemory)
}

/// The login waits for the token no longer.
pub(super) fn not_come(error: Error) -> Error {
    error.in_context("waiting for a token").with_detail(Detail::NoToken)
}

/// As the login sees it that waits for the token.
fn as_failure(error: Error) -> Error {
    let error = error.in_context("the token source gave no token").with_detail(Detail::NoToken);
    if error.kind() == ErrorKind::NoMemory {
        error
    } else {
        error.with_kind(ErrorKind::Authentication)
    }
}

fn answered() -> Error {
    Error::new(ErrorKind::Misuse, "the token request was answered, or its source is gone")
}

/// How long before its end a token is not used any more: a login must come to its end with it, on a
/// slow server too, and the end was counted from when the answer arrived. Of a short life a tenth.
fn margin(life: Duration) -> Duration {
    (life / 10).min(Duration::from_secs(60))
}

/// How often, and how far apart, a child tries a lock that its own threads hold for microseconds.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(1);
