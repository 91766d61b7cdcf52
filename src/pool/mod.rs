//! Backend connections: how many there may be, who waits for one, and which can be used again.
//!
//! `frontend` asks for a [`Lease`] and drops it when its client leaves; what happens to the connection then is decided
//! in [`lease`] and carried out in a task, so that dropping never waits. One lock guards all counts ([`inner`]); it is
//! taken when a client comes or goes, never per statement.
//!
//! Invariants: a lease is never shared; idle and leased connections of an account on a backend together never exceed
//! `pool.max_connections`, but for the moment in which a session that logs in again swaps one for another; a connection
//! that is not known to be clean is closed, not kept.

pub mod acquire;
pub mod close_reason;
pub mod inner;
pub mod key;
pub mod lease;
pub mod maintenance;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use acquire::{AcquireError, Request};
pub use lease::Lease;

use crate::pool::close_reason::CloseReason;
use crate::pool::inner::Inner;
use crate::tasks;
use crate::telemetry::{Histogram, Label as _, Registry, names};

/// All backend connections that are kept or lent, over all backends and accounts.
pub struct Pool {
    inner: Mutex<Inner>,
    registry: Arc<Registry>,
    acquire_seconds: Histogram,
    /// Connections being cleaned, killed or closed.
    chores: tasks::Group,
}

impl Pool {
    /// An empty pool.
    pub fn new(registry: &Arc<Registry>) -> Self {
        Self {
            inner: Mutex::default(),
            registry: Arc::clone(registry),
            acquire_seconds: registry.histogram(&names::POOL_ACQUIRE, &[]),
            chores: tasks::Group::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the end of a connection. Looked up by name: connections end far less often than statements.
    fn closed(&self, backend: &str, reason: CloseReason) {
        self.registry.counter(&names::BACKEND_CLOSES, &[backend, reason.label()]).increment(1);
    }
}

/// What of the configuration governs a connection.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections per backend and account, idle ones included.
    pub max_connections: u32,
    /// Idle ones of them.
    pub max_idle: u32,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// Age after which a connection is not used again.
    pub max_lifetime: Duration,
    /// Time to kill an abandoned statement, or to clean a connection.
    pub kill_timeout: Duration,
}
