//! The whole proxy: the only place that constructs things and holds them together.
//!
//! [`App::start`] builds the first generation and binds every listener; from then on the proxy serves until
//! [`App::drain`]. [`App::reload`] replaces the generation in one step, or changes nothing.

pub mod build;
pub mod demo;
pub mod run;
pub mod scratch;
pub mod signal;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::admin::http::{self, AdminState};
use crate::admin::ready::{BackendHealth, BackendState, Readiness};
use crate::app::build::{BuildErrors, Builder};
use crate::backend::connector::Terms;
use crate::backend::health::Verdict;
use crate::config::model::Address;
use crate::config::{Config, ConfigErrors};
use crate::frontend::context::{Frontend, Phase};
use crate::frontend::limits::ClientLimits;
use crate::frontend::listener::Listener;
use crate::frontend::metrics::FrontendMetrics;
use crate::pool::{Pool, maintenance};
use crate::tasks;
use crate::telemetry::{Counter, Registry, names};
use crate::tls::TlsError;
use crate::tls::listen::{BindError, Bound};
use crate::tls::mint;

/// How often backends are looked at.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// Mode of the admin endpoint's unix socket: the proxy's user and group.
const ADMIN_SOCKET_MODE: u32 = 0o660;

/// Time that tasks get to end after they were cut off.
const LAST_WORK: Duration = Duration::from_secs(2);

/// How often histograms are folded, see [`Registry::run_upkeep`].
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// A running proxy.
pub struct App {
    frontend: Arc<Frontend>,
    registry: Arc<Registry>,
    builder: Builder,
    config: Config,
    file: Option<PathBuf>,
    addresses: Vec<Address>,
    admin_address: Option<Address>,
    accepting: Vec<JoinHandle<()>>,
    background: Vec<JoinHandle<()>>,
    admin: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// Why the proxy does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Certificates cannot be used.
    #[error(transparent)]
    Build(#[from] BuildErrors),
    /// No certificate could be minted for listeners that name none.
    #[error("cannot mint a certificate for the listeners that name none")]
    Mint(#[from] mint::MintError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    /// A listener cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// There is no file to read again.
    #[error("this proxy was not started from a file")]
    NoFile,
    /// The file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A certificate is.
    #[error(transparent)]
    Build(#[from] BuildErrors),
    /// What changed takes a restart.
    #[error("{0} cannot change while the proxy runs; restart it for that")]
    NeedsRestart(&'static str),
}

impl App {
    /// Builds everything and starts to serve. `file` is what [`Self::reload`] will read.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running.
    pub async fn start(
        config: Config,
        file: Option<PathBuf>,
        registry: Arc<Registry>,
    ) -> Result<Self, StartError> {
        let minted = Arc::new(mint::self_signed(&mint::local_names())?);
        let builder = Builder { registry: Arc::clone(&registry), minted };
        let context = builder.build(&config, 1, None)?;
        builder.record(&context);
        let frontend = Arc::new(Frontend {
            context: ArcSwap::from_pointee(context),
            pool: Arc::new(Pool::new(&registry)),
            registry: Arc::default(),
            limits: Arc::new(ClientLimits::default()),
            metrics: FrontendMetrics::new(&registry),
            phase: Phase::default(),
            tasks: tasks::Group::default(),
        });
        let (admin, admin_address) = match &config.admin.http {
            Some(address) => {
                let (admin, bound) = serve_admin(address, &frontend, &registry).await?;
                (Some(admin), Some(bound))
            }
            None => (None, None),
        };
        let listeners = bind(&config).await?;
        let mut app = Self {
            frontend,
            registry,
            builder,
            config,
            file,
            addresses: listeners.iter().map(|(_, listener)| listener.address().clone()).collect(),
            admin_address,
            accepting: Vec::new(),
            background: Vec::new(),
            admin,
        };
        app.registry.gauge(&names::CONFIG_LAST_RELOAD, &[]).set(now());
        app.announce_minted();
        app.accept(listeners);
        app.tend();
        Ok(app)
    }

    /// Where clients can connect, in the order of the configuration.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Where the admin endpoint answers.
    pub fn admin_address(&self) -> Option<&Address> {
        self.admin_address.as_ref()
    }

    /// Reads the configuration and every certificate again and, if all of it can be used, publishes it in one step.
    /// Returns the new generation. Sessions and handshakes under way go on with what they began with.
    ///
    /// # Errors
    /// See [`ReloadError`]; everything stays as it was.
    pub fn reload(&mut self) -> Result<u64, ReloadError> {
        let outcome = self.try_reload();
        let label = if outcome.is_ok() { "applied" } else { "refused" };
        self.reloads(label).increment(1);
        outcome
    }

    /// Lets sessions finish: no new connections, idle sessions end at once, those in a transaction when it ends. Returns
    /// when all are gone or `deadline` has passed, with the number of sessions that were cut; their statements are killed.
    pub async fn drain(&mut self, deadline: Duration) -> usize {
        self.registry.gauge(&names::DRAINING, &[]).set(1.0);
        self.frontend.phase.drain();
        self.accepting.drain(..).for_each(|task| task.abort());
        self.frontend.registry.wake_all();
        let gone = async {
            while !self.frontend.registry.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(deadline, gone).await;
        let cut = self.frontend.registry.len();
        self.frontend.tasks.abort_all();
        self.frontend.tasks.settle(LAST_WORK).await;
        cut
    }

    /// How long a drain may take, as configured now.
    pub fn drain_timeout(&self) -> Duration {
        self.config.shutdown.drain_timeout
    }

    /// Ends what is left: idle backend connections and the admin endpoint.
    pub async fn close(self) {
        self.background.iter().for_each(JoinHandle::abort);
        let limit = self.frontend.context.load().limits.kill_timeout;
        self.frontend.pool.close(limit).await;
        if let Some((stop, task)) = self.admin {
            let _ = stop.send(());
            let _ = tokio::time::timeout(Duration::from_secs(1), task).await;
        }
    }

    fn try_reload(&mut self) -> Result<u64, ReloadError> {
        let file = self.file.as_ref().ok_or(ReloadError::NoFile)?;
        let config = Config::load(file)?;
        self.compare(&config)?;
        let before = self.frontend.context.load_full();
        let context = self.builder.build(&config, before.generation + 1, Some(&before))?;
        let generation = context.generation;
        self.builder.record(&context);
        self.frontend.context.store(Arc::new(context));
        self.config = config;
        self.registry.gauge(&names::CONFIG_LAST_RELOAD, &[]).set(now());
        Ok(generation)
    }

    /// What is fixed when the process starts must be the same.
    fn compare(&self, new: &Config) -> Result<(), ReloadError> {
        let binds = |config: &Config| -> Vec<(Vec<Address>, u32)> {
            config.listeners.iter().map(|listener| (listener.bind.clone(), listener.unix_mode)).collect()
        };
        if binds(&self.config) != binds(new) {
            return Err(ReloadError::NeedsRestart("listener.bind and listener.unix_mode"));
        }
        if self.config.admin != new.admin {
            return Err(ReloadError::NeedsRestart("admin.http"));
        }
        if self.config.log != new.log {
            return Err(ReloadError::NeedsRestart("log"));
        }
        if self.config.runtime != new.runtime {
            return Err(ReloadError::NeedsRestart("runtime"));
        }
        Ok(())
    }

    fn reloads(&self, outcome: &str) -> Counter {
        self.registry.counter(&names::CONFIG_RELOADS, &[outcome])
    }

    fn announce_minted(&self) {
        let context = self.frontend.context.load();
        let unnamed = self.config.listeners.iter().map(|listener| listener.tls.certificate.is_none());
        let mut listeners = context.listeners.iter().zip(unnamed);
        if listeners.any(|(listener, unnamed)| unnamed && listener.tls.is_some()) {
            tracing::warn!(
                fingerprint = %self.builder.minted.fingerprint(),
                "a listener has no certificate; it shows a self-signed one, made at this start, which clients cannot \
                 verify: set listener.tls.certificate and key"
            );
        }
    }

    fn accept(&mut self, listeners: Vec<(usize, Listener)>) {
        for (number, listener) in listeners {
            tracing::info!(address = %listener.address(), "listening");
            let frontend = Arc::clone(&self.frontend);
            let accept = async move { listener.accept(&frontend, number).await };
            self.accepting.push(tasks::spawn("accept", accept));
        }
    }

    fn tend(&mut self) {
        self.background.push(tasks::spawn("probe", probe(Arc::clone(&self.frontend))));
        self.background.push(tasks::spawn("maintain", maintain(Arc::clone(&self.frontend))));
        let registry = Arc::clone(&self.registry);
        let upkeep = async move {
            loop {
                tokio::time::sleep(UPKEEP_INTERVAL).await;
                registry.run_upkeep();
            }
        };
        self.background.push(tasks::spawn("upkeep", upkeep));
    }
}

async fn bind(config: &Config) -> Result<Vec<(usize, Listener)>, BindError> {
    let mut bound = Vec::new();
    for (number, listener) in config.listeners.iter().enumerate() {
        for address in &listener.bind {
            bound.push((number, Listener::bind(address, listener.unix_mode).await?));
        }
    }
    Ok(bound)
}

async fn serve_admin(
    address: &Address,
    frontend: &Arc<Frontend>,
    registry: &Arc<Registry>,
) -> Result<((oneshot::Sender<()>, JoinHandle<()>), Address), BindError> {
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move {
        let _ = stopped.await;
    };
    let watched = Arc::clone(frontend);
    let state = AdminState { registry: Arc::clone(registry), ready: Arc::new(move || readiness(&watched)) };
    let socket = Bound::bind(address, ADMIN_SOCKET_MODE).await?;
    let bound = socket.address(address);
    let task = tasks::spawn("admin", async move {
        let _ = match socket {
            Bound::Tcp(listener) => http::serve(listener, state, stopped).await,
            Bound::Unix(listener, _file) => http::serve(listener, state, stopped).await,
        };
    });
    tracing::info!(address = %bound, "admin endpoint");
    Ok(((stop, task), bound))
}

fn readiness(frontend: &Frontend) -> Readiness {
    let context = frontend.context.load();
    let backends = context.backends.iter().map(|backend| BackendHealth {
        name: backend.name().to_owned(),
        state: match backend.health().verdict() {
            Verdict::Up => BackendState::Up,
            Verdict::Unknown => BackendState::Down { reason: "not reached yet".to_owned() },
            Verdict::Down { reason } => BackendState::Down { reason },
        },
    });
    Readiness { listeners_bound: true, backends: backends.collect(), draining: frontend.phase.is_draining() }
}

/// Looks after backends. With a login each is logged in to; without one only those that are not known to be up are
/// asked for their greeting, since a server counts greetings without a login against the host (`max_connect_errors`).
async fn probe(frontend: Arc<Frontend>) {
    loop {
        let context = frontend.context.load_full();
        for backend in &context.backends {
            match &context.prober {
                Some(login) => {
                    if let Ok(connection) = backend.connect(login, &Terms::default(), None).await {
                        connection.quit().await;
                    }
                }
                None if backend.health().verdict() != Verdict::Up => {
                    drop(backend.dial(&Terms::default(), None).await);
                }
                None => {}
            }
        }
        tokio::time::sleep(PROBE_INTERVAL).await;
    }
}

async fn maintain(frontend: Arc<Frontend>) {
    loop {
        tokio::time::sleep(maintenance::INTERVAL).await;
        let context = frontend.context.load_full();
        frontend.pool.maintain(context.generation, context.bounds(), &context.backends);
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
