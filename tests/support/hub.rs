//! What a server and its connections share: the record, the sockets that may have to be shut, and
//! how far the server is on its way to its end.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use super::record::{Connection, Record};
use super::stream::Socket;

/// How far a server is on its way to its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Running,
    /// Nothing that merely waits goes on.
    Finishing,
    Stopped,
}

/// What the server and its connections share.
pub(super) struct Hub {
    record: Mutex<Record>,
    recorded: Condvar,
    phase: Mutex<Phase>,
    phased: Condvar,
    sockets: Mutex<HashMap<usize, Weak<Socket>>>,
    /// From where the connection comes behind which none is accepted.
    last: Mutex<Option<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Hub {
    pub fn new() -> Arc<Hub> {
        Arc::new(Hub {
            record: Mutex::default(),
            recorded: Condvar::new(),
            phase: Mutex::new(Phase::Running),
            phased: Condvar::new(),
            sockets: Mutex::default(),
            last: Mutex::default(),
        })
    }

    pub fn set_last(&self, peer: String) {
        *lock(&self.last) = Some(peer);
    }

    pub fn is_last(&self, peer: &str) -> bool {
        lock(&self.last).as_deref() == Some(peer)
    }

    pub fn record(&self) -> Record {
        lock(&self.record).clone()
    }

    /// Waits until the record satisfies `wanted`; false if the limit passes first.
    pub fn wait_for(&self, limit: Duration, wanted: impl Fn(&Record) -> bool) -> bool {
        let until = Instant::now() + limit;
        let mut record = lock(&self.record);
        while !wanted(&record) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            record = match self.recorded.wait_timeout(record, left) {
                Ok((record, _)) => record,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        true
    }

    pub fn with<T>(&self, index: usize, change: impl FnOnce(&mut Connection) -> T) -> T {
        let mut record = lock(&self.record);
        let result = change(&mut record.connections[index]);
        self.recorded.notify_all();
        result
    }

    /// A place in the record for one more connection.
    pub fn enter(&self, socket: &Arc<Socket>) -> usize {
        let mut record = lock(&self.record);
        let index = record.connections.len();
        record.connections.push(Connection::default());
        lock(&self.sockets).insert(index, Arc::downgrade(socket));
        self.recorded.notify_all();
        index
    }

    pub fn phase(&self) -> Phase {
        *lock(&self.phase)
    }

    pub fn advance(&self, to: Phase) {
        let mut phase = lock(&self.phase);
        *phase = (*phase).max(to);
        self.phased.notify_all();
        if *phase == Phase::Stopped {
            for socket in lock(&self.sockets).values().filter_map(Weak::upgrade) {
                socket.shutdown(std::net::Shutdown::Both);
            }
        }
    }

    /// Sleeps, unless the server comes to its end.
    pub fn sleep(&self, duration: Duration) -> Phase {
        let until = Instant::now() + duration;
        let mut phase = lock(&self.phase);
        while *phase == Phase::Running {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            phase = match self.phased.wait_timeout(phase, left) {
                Ok((phase, _)) => phase,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        *phase
    }
}
