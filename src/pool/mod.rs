//! Backend connections: how many there may be, who waits for one, and which can be used again.
//!
//! `frontend` asks for a [`Lease`] and drops it when its client leaves; what happens to the connection then is decided
//! in [`lease`] and carried out in a task, so that dropping never waits. A session has a connection to itself
//! ([`Pool::acquire`]), or borrows one of those that it shares with others for as long as something pins it
//! ([`Pool::borrow`]). Each account on each backend is a [`shelf`] with a lock of its own.
//!
//! Invariants: a lease is never shared; idle and leased connections of an account on a backend together never exceed
//! `pool.max_connections`, but for the moment in which a session that logs in again swaps one for another; a connection
//! that is not known to be clean is closed, not kept.

pub mod acquire;
pub mod borrow;
pub mod close_reason;
pub mod inner;
pub mod key;
pub mod knowledge;
pub mod lease;
pub mod maintenance;
pub mod shelf;

use std::sync::Arc;
use std::time::Duration;

pub use acquire::{AcquireError, Request};
pub use inner::Wish;
pub use lease::Lease;

use crate::pool::close_reason::CloseReason;
use crate::pool::key::{Sharing, Slot};
use crate::pool::shelf::{Shelf, Shelves};
use crate::tasks;
use crate::telemetry::{Histogram, Label as _, Registry, names};

/// All backend connections that are kept or lent, over all backends and accounts.
pub struct Pool {
    shelves: Shelves,
    registry: Arc<Registry>,
    acquire_seconds: Histogram,
    /// Connections being cleaned, killed or closed.
    chores: tasks::Group,
}

impl Pool {
    /// An empty pool.
    pub fn new(registry: &Arc<Registry>) -> Self {
        Self {
            shelves: Shelves::default(),
            registry: Arc::clone(registry),
            acquire_seconds: registry.histogram(&names::POOL_ACQUIRE, &[]),
            chores: tasks::Group::default(),
        }
    }

    /// The connections of this account on this backend.
    pub fn shelf(&self, slot: &Slot) -> Arc<Shelf> {
        self.shelves.shelf(slot)
    }

    /// All accounts on all backends that have connections.
    pub fn shelves(&self) -> Vec<Arc<Shelf>> {
        self.shelves.all()
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
    /// Idle ones that wait for a session of their own.
    pub max_idle: u32,
    /// Idle ones that are kept for sessions that share, whatever their age.
    pub min_idle: u32,
    /// Prepared statements on each connection that is shared.
    pub max_statements: usize,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// Age after which a connection is not used again.
    pub max_lifetime: Duration,
    /// Time to kill an abandoned statement, or to clean a connection.
    pub kill_timeout: Duration,
}

impl Bounds {
    /// Most connections that may be idle.
    fn most_idle(&self, sharing: Sharing) -> u32 {
        match sharing {
            Sharing::Alone => self.max_idle,
            Sharing::Shared => self.max_connections,
        }
    }
}
