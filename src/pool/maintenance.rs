//! What happens to idle connections while nobody asks for them.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::backend::connection::Connection;
use crate::backend::metrics::ConnectionState;
use crate::pool::close_reason::CloseReason;
use crate::pool::inner::Idle;
use crate::pool::key::Sharing;
use crate::pool::{Bounds, Pool};

/// How often [`Pool::maintain`] is to be called.
pub const INTERVAL: Duration = Duration::from_secs(1);

impl Pool {
    /// Closes idle connections that are too old, too long idle, of a former configuration, or that the server has
    /// closed or spoken on; lets waiters in where the limit was raised; and brings the gauges up to date.
    pub fn maintain(&self, generation: u64, bounds: Bounds, backends: &[Arc<Backend>]) {
        let now = Instant::now();
        for shelf in self.shelves.all() {
            shelf.lock().grant(bounds.max_connections);
            let swept = shelf.lock().sweep(|idle, kept| stale(idle, kept, generation, bounds, now));
            for (reason, idle) in swept {
                self.closed(&shelf.slot().backend, reason);
                self.chores.spawn("close", idle.close());
            }
        }
        self.shelves.tidy();
        self.chores.tidy();
        self.record(backends);
    }

    /// As the proxy ends: waits, at most `limit`, for connections that are being cleaned, killed or closed, and closes
    /// those that are idle.
    pub async fn close(&self, limit: Duration) {
        self.chores.settle(limit).await;
        for shelf in self.shelves.all() {
            let swept = shelf.lock().sweep(|_, _| Some(CloseReason::Shutdown));
            for (reason, idle) in swept {
                self.closed(&shelf.slot().backend, reason);
                idle.connection.quit().await;
            }
        }
    }

    fn record(&self, backends: &[Arc<Backend>]) {
        let shelves = self.shelves.all();
        for backend in backends {
            let own = shelves.iter().filter(|shelf| shelf.slot().backend == backend.name());
            let (mut leased, mut idle, mut waiters) = (0, 0, 0);
            for census in own.map(|shelf| shelf.census()) {
                leased += census.leased;
                idle += census.idle;
                waiters += census.waiters;
            }
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

fn stale(idle: &mut Idle, kept: usize, generation: u64, bounds: Bounds, now: Instant) -> Option<CloseReason> {
    if idle.key.generation != generation {
        return Some(CloseReason::Reloaded);
    }
    if now.duration_since(idle.connection.born()) > lifetime(&idle.connection, bounds.max_lifetime) {
        return Some(CloseReason::Lifetime);
    }
    if has_spoken(idle) {
        return Some(CloseReason::Spoke);
    }
    let spare = idle.key.sharing == Sharing::Alone || kept >= bounds.min_idle as usize;
    (spare && now.duration_since(idle.since) > bounds.idle_timeout).then_some(CloseReason::Idle)
}

/// How old a connection may become: up to a tenth less than the configuration says, so that those opened together do not
/// all end together.
pub(super) fn lifetime(connection: &Connection, most: Duration) -> Duration {
    let part = connection.thread().0.wrapping_mul(0x9E37_79B1) >> 16;
    most - most.mul_f64(f64::from(part) / f64::from(u16::MAX) / 10.0)
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
