//! What is counted for each backend.

use std::sync::Arc;

use crate::backend::error::ConnectOutcome;
use crate::telemetry::label::Side;
use crate::telemetry::{Counter, Family, Gauge, Histogram, Registry, names};
use crate::tls::metrics::TlsMetrics;

/// What a pooled or leased connection is doing, as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// In use by a client.
    Leased,
    /// Waiting for one.
    Idle,
}

crate::label!(ConnectionState { Leased => "leased", Idle => "idle" });

/// Handles for one backend, resolved once.
pub struct BackendMetrics {
    /// Whether it is up.
    pub up: Gauge,
    /// Attempts to connect.
    pub connects: Family<ConnectOutcome>,
    /// Time to connect.
    pub connect_seconds: Histogram,
    /// Open connections.
    pub connections: Family<ConnectionState, Gauge>,
    /// Clients waiting for a connection.
    pub waiters: Gauge,
    /// Clients that waited in vain.
    pub timeouts: Counter,
    /// Statements killed because their client went away.
    pub kills: Counter,
    /// Connections reset for the next session.
    pub resets: Counter,
    /// Times that a connection was brought to another session's state.
    pub syncs: Counter,
    /// Commands sent for that.
    pub sync_statements: Counter,
    /// Bytes of those.
    pub sync_bytes: Counter,
    /// TLS handshakes.
    pub tls: TlsMetrics,
}

impl BackendMetrics {
    pub(super) fn new(registry: &Arc<Registry>, backend: &str) -> Self {
        Self {
            up: registry.gauge(&names::BACKEND_UP, &[backend]),
            connects: registry.counters(&names::BACKEND_CONNECTS, &[backend]),
            connect_seconds: registry.histogram(&names::BACKEND_CONNECT, &[backend]),
            connections: registry.gauges(&names::BACKEND_CONNECTIONS, &[backend]),
            waiters: registry.gauge(&names::POOL_WAITERS, &[backend]),
            timeouts: registry.counter(&names::POOL_TIMEOUTS, &[backend]),
            kills: registry.counter(&names::STATEMENTS_KILLED, &[]),
            resets: registry.counter(&names::POOL_RESETS, &[backend]),
            syncs: registry.counter(&names::POOL_SYNCS, &[backend]),
            sync_statements: registry.counter(&names::POOL_SYNC_STATEMENTS, &[backend]),
            sync_bytes: registry.counter(&names::POOL_SYNC_BYTES, &[backend]),
            tls: TlsMetrics::new(registry, Side::Backend),
        }
    }
}

impl std::fmt::Debug for BackendMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BackendMetrics").finish_non_exhaustive()
    }
}
