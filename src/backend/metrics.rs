//! What is counted for each backend.

use std::sync::Arc;

use crate::backend::error::{ConnectError, ConnectOutcome};
use crate::telemetry::label::Side;
use crate::telemetry::{Counter, Family, Gauge, Histogram, Label as _, Registry, names};
use crate::tls::packets::PacketStream;
use crate::tls::stream::HandshakeCause;

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
    /// TLS handshakes that failed.
    pub tls_failures: Family<HandshakeCause>,
    registry: Arc<Registry>,
    /// Statements killed because their client went away.
    pub kills: Counter,
}

impl BackendMetrics {
    pub(super) fn new(registry: &Arc<Registry>, backend: &str) -> Self {
        Self {
            registry: Arc::clone(registry),
            tls_failures: registry.counters(&names::TLS_HANDSHAKE_FAILURES, &[Side::Backend.label()]),
            up: registry.gauge(&names::BACKEND_UP, &[backend]),
            connects: registry.counters(&names::BACKEND_CONNECTS, &[backend]),
            connect_seconds: registry.histogram(&names::BACKEND_CONNECT, &[backend]),
            connections: registry.gauges(&names::BACKEND_CONNECTIONS, &[backend]),
            waiters: registry.gauge(&names::POOL_WAITERS, &[backend]),
            timeouts: registry.counter(&names::POOL_TIMEOUTS, &[backend]),
            kills: registry.counter(&names::STATEMENTS_KILLED, &[]),
        }
    }
}

impl BackendMetrics {
    /// An attempt to start TLS has come to its end.
    pub(super) fn observe_tls(&self, attempt: &Result<PacketStream, ConnectError>) {
        match attempt {
            Ok(packets) => {
                let Some(info) = packets.stream().tls_info() else { return };
                let values = [Side::Backend.label(), info.version_name(), info.group.unwrap_or("none")];
                self.registry.counter(&names::TLS_HANDSHAKES, &values).increment(1);
            }
            Err(ConnectError::Tls(error)) => self.tls_failures.increment(error.cause()),
            Err(_) => {}
        }
    }
}

impl std::fmt::Debug for BackendMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BackendMetrics").finish_non_exhaustive()
    }
}
