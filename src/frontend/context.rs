//! What sessions run with: one generation of the configuration, and what outlives generations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use crate::auth::Accounts;
use crate::auth::certificate_rule::CertificateRules;
use crate::backend::Backend;
use crate::backend::connector::Login;
use crate::backend::health::Verdict;
use crate::config::model::{self, ListenerTlsMode};
use crate::frontend::account_watch::AccountWatch;
use crate::frontend::limits::ClientLimits;
use crate::frontend::metrics::FrontendMetrics;
use crate::frontend::registry::Registry;
use crate::frontend::rotation::Retirement;
use crate::migration::ledger::Ledger;
use crate::migration::shadow::Shadows;
use crate::migration::stage::Policy;
use crate::migration::stages::Stages;
use crate::pool::{Bounds, Pool};
use crate::tasks;
use crate::telemetry;
use crate::tls::server::ServerTls;
use crate::tls::shadow::Candidate;

/// One generation of the configuration, built and validated as a whole and published in one step.
pub struct Context {
    /// 1 at start, one more with each reload.
    pub number: u64,
    /// The number since which backend connections are opened as they are now: older ones are given to nobody. Behind
    /// [`Self::number`] when what changed was on the clients' side only.
    pub generation: u64,
    /// Listeners in the order of the configuration.
    pub listeners: Vec<ListenerContext>,
    /// Backends in order of preference.
    pub backends: Vec<Arc<Backend>>,
    /// Accounts with known passwords.
    pub accounts: Accounts,
    /// What is asked of the certificates of accounts' clients.
    pub certificate_rules: CertificateRules,
    /// How clients prove who they are.
    pub auth: model::Auth,
    /// The proxy's own login.
    pub service: Option<Login>,
    /// A login for health probes.
    pub prober: Option<Login>,
    /// TLS of all listeners.
    pub tls: model::Tls,
    /// What is tried, as configured, and the number of the generation that brought it.
    pub shadow: (Vec<Option<model::Shadow>>, u64),
    /// What is asked of clients in plaintext.
    pub stages: Policy,
    /// Bounds on clients.
    pub limits: model::Limits,
    /// Bounds on backend connections.
    pub pool: model::Pool,
}

/// What one listener asks of its clients.
pub struct ListenerContext {
    /// Whether TLS is offered or demanded.
    pub mode: ListenerTlsMode,
    /// Certificate and protocol versions; there unless TLS is disabled.
    pub tls: Option<ServerTls>,
    /// What is tried on handshakes beside it.
    pub shadow: Option<Candidate>,
    /// When that certificate is replaced.
    pub retirement: Arc<Retirement>,
    /// Networks whose connections start with a PROXY header.
    pub proxy_protocol_from: Vec<IpNet>,
}

/// What all sessions share, for as long as the process lives.
pub struct Frontend {
    /// The generation in force.
    pub context: ArcSwap<Context>,
    /// Backend connections.
    pub pool: Arc<Pool>,
    /// Clients by id.
    pub registry: Arc<Registry>,
    /// Counts of clients.
    pub limits: Arc<ClientLimits>,
    /// When the servers' account tables are read.
    pub account_watch: AccountWatch,
    /// Who connects how.
    pub ledger: Arc<Ledger>,
    /// What a candidate would have broken.
    pub shadows: Arc<Shadows>,
    /// What is asked of accounts' clients in plaintext, as of now.
    pub stages: Arc<Stages>,
    /// Metrics.
    pub metrics: FrontendMetrics,
    /// Whether the proxy is still taking work.
    pub phase: Phase,
    /// A task for each client.
    pub tasks: tasks::Group,
}

/// Whether the proxy is taking work.
#[derive(Default)]
pub struct Phase(AtomicU8);

const DRAINING: u8 = 1;

/// Entries of a ledger that nobody keeps.
const LEDGER_IN_MEMORY: usize = 1000;

impl Phase {
    /// From now on no session begins anything new.
    pub fn drain(&self) {
        self.0.store(DRAINING, Ordering::Release);
    }

    /// Whether sessions are to end at their next safe point.
    pub fn is_draining(&self) -> bool {
        self.0.load(Ordering::Acquire) == DRAINING
    }
}

impl Frontend {
    /// The front of a proxy that starts with this generation.
    pub fn new(context: Context, telemetry: &Arc<telemetry::Registry>) -> Self {
        let ledger = Ledger::new(LEDGER_IN_MEMORY, Vec::new());
        Self::going_on(context, telemetry, ledger, Stages::new(Vec::new()))
    }

    /// The same, which goes on counting in this ledger and with these stages.
    pub fn going_on(
        context: Context,
        telemetry: &Arc<telemetry::Registry>,
        ledger: Ledger,
        stages: Stages,
    ) -> Self {
        Self {
            context: ArcSwap::from_pointee(context),
            pool: Arc::new(Pool::new(telemetry)),
            registry: Arc::default(),
            limits: Arc::default(),
            account_watch: AccountWatch::default(),
            ledger: Arc::new(ledger),
            shadows: Arc::default(),
            stages: Arc::new(stages),
            metrics: FrontendMetrics::new(telemetry),
            phase: Phase::default(),
            tasks: tasks::Group::default(),
        }
    }
}

impl Context {
    /// What is known of each backend, in order.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.backends.iter().map(|backend| backend.health().verdict()).collect()
    }

    /// The number of the generation that brought the candidate in force; none without one.
    pub fn shadow_since(&self) -> Option<u64> {
        let (shadows, since) = &self.shadow;
        shadows.iter().any(Option::is_some).then_some(*since)
    }

    /// What the listener of that number asks of its clients.
    pub fn listener(&self, index: usize) -> Option<&ListenerContext> {
        self.listeners.get(index)
    }

    /// How long a client waits for a backend connection.
    pub fn acquire_timeout(&self) -> Duration {
        self.pool.acquire_timeout
    }

    /// What governs backend connections.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            max_connections: self.pool.max_connections,
            max_idle: self.pool.max_idle,
            min_idle: self.pool.min_idle,
            max_statements: usize::try_from(self.pool.max_statements).unwrap_or(usize::MAX),
            idle_timeout: self.pool.idle_timeout,
            max_lifetime: self.pool.max_lifetime,
            kill_timeout: self.limits.kill_timeout,
        }
    }
}
