//! One MariaDB server: how to reach it, what it is, and the connections to it.
//!
//! `pool` opens connections through [`Backend::connect`] and keeps them; `frontend` relays logins through
//! [`Backend::dial`] and moves bytes over a [`connection::Connection`]. Every connection speaks the canonical dialect
//! (DEPRECATE_EOF and SESSION_TRACK), whatever its client speaks. Nothing falls back to plaintext.

pub mod account_table;
pub mod connection;
pub mod connector;
pub mod control;
pub mod error;
pub mod health;
pub mod kill;
pub mod metrics;
pub mod proxy_header;
pub mod shared;
pub mod statements;
pub mod sync;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::account_table::KnownAccounts;
use crate::backend::health::Health;
use crate::backend::metrics::BackendMetrics;
use crate::config::model::{self, Address};
use crate::telemetry::Registry;
use crate::tls::TlsError;
use crate::tls::client::ClientTls;

/// The id that a MariaDB server gives a connection, as in its process list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BackendThreadId(pub u32);

impl fmt::Display for BackendThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One MariaDB server as the configuration names it.
#[derive(Debug)]
pub struct Backend {
    name: Arc<str>,
    address: Address,
    tls: Option<ClientTls>,
    proxy_protocol: bool,
    connect_timeout: Duration,
    health: Arc<Health>,
    accounts: Arc<KnownAccounts>,
    metrics: BackendMetrics,
}

impl Backend {
    /// Builds it, with the certificates that its TLS needs.
    ///
    /// `former` is the same server in a former generation of the configuration: what was known of it stays known.
    ///
    /// # Errors
    /// [`TlsError`] when a certificate file cannot be used.
    pub fn build(
        config: &model::Backend,
        registry: &Arc<Registry>,
        former: Option<&Self>,
    ) -> Result<Self, TlsError> {
        let tls = ClientTls::build(&config.tls, &config.address)?;
        Ok(Self {
            name: config.name.as_str().into(),
            address: config.address.clone(),
            tls,
            proxy_protocol: config.proxy_protocol,
            connect_timeout: config.connect_timeout,
            health: former.map(|former| Arc::clone(&former.health)).unwrap_or_default(),
            accounts: former.map(|former| Arc::clone(&former.accounts)).unwrap_or_default(),
            metrics: BackendMetrics::new(registry, &config.name),
        })
    }

    /// Name in logs and metrics.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same, to be kept.
    pub fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Time to connect, negotiate TLS and log in; commands of the proxy's own have the same.
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Whether it is told the client's address, so that a connection belongs to that address.
    pub fn announces_clients(&self) -> bool {
        self.proxy_protocol
    }

    /// Whether it is up, and what it said of itself.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// What is known of its accounts.
    pub fn accounts(&self) -> &Arc<KnownAccounts> {
        &self.accounts
    }

    /// TLS towards it; none where that is disabled.
    pub fn tls(&self) -> Option<&ClientTls> {
        self.tls.as_ref()
    }

    /// Its metrics.
    pub fn metrics(&self) -> &BackendMetrics {
        &self.metrics
    }
}
