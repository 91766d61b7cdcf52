//! What happens to idle connections while nobody asks for them.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::backend::metrics::ConnectionState;
use crate::pool::close_reason::CloseReason;
use crate::pool::inner::Idle;
use crate::pool::{Bounds, Pool};

/// How often [`Pool::maintain`] is to be called.
pub const INTERVAL: Duration = Duration::from_secs(1);

impl Pool {
    /// Closes idle connections that are too old, too long idle, of a former configuration, or that the server has
    /// closed or spoken on; lets waiters in where the limit was raised; and brings the gauges up to date.
    pub fn maintain(&self, generation: u64, bounds: Bounds, backends: &[Arc<Backend>]) {
        let now = Instant::now();
        self.lock().grant_all(bounds.max_connections);
        let swept = self.lock().sweep(|idle| stale(idle, generation, bounds, now));
        for (slot, reason, idle) in swept {
            self.closed(&slot.backend, reason);
            self.chores.spawn("close", idle.connection.quit());
        }
        self.record(backends);
    }

    /// As the proxy ends: waits, at most `limit`, for connections that are being cleaned, killed or closed, and closes
    /// those that are idle.
    pub async fn close(&self, limit: Duration) {
        self.chores.settle(limit).await;
        let swept = self.lock().sweep(|_| Some(CloseReason::Shutdown));
        for (slot, reason, idle) in swept {
            self.closed(&slot.backend, reason);
            idle.connection.quit().await;
        }
    }

    fn record(&self, backends: &[Arc<Backend>]) {
        let inner = self.lock();
        let census = inner.census();
        for backend in backends {
            let (leased, idle, waiters) = census.get(backend.name()).copied().unwrap_or_default();
            let metrics = backend.metrics();
            metrics.connections.set(ConnectionState::Leased, f64::from(leased));
            metrics.connections.set(ConnectionState::Idle, count(idle));
            metrics.waiters.set(count(waiters));
        }
    }
}

/// Whether the server has sent something, or closed, while the connection was idle.
pub(super) fn has_spoken(idle: &mut Idle) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    idle.connection.poll_fill(&mut cx).is_ready() || !idle.connection.buffer.is_empty()
}

fn stale(idle: &mut Idle, generation: u64, bounds: Bounds, now: Instant) -> Option<CloseReason> {
    if idle.key.generation != generation {
        return Some(CloseReason::Reloaded);
    }
    if now.duration_since(idle.connection.born()) > bounds.max_lifetime {
        return Some(CloseReason::Lifetime);
    }
    if now.duration_since(idle.since) > bounds.idle_timeout {
        return Some(CloseReason::Idle);
    }
    has_spoken(idle).then_some(CloseReason::Spoke)
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
