//! The whole proxy: the only place that constructs things and holds them together.
//!
//! [`App::start`] builds the first generation and binds every listener; from then on the proxy serves until
//! [`App::drain`]. [`App::reload`] replaces the generation in one step, or changes nothing.

pub mod build;
pub mod demo;
pub mod metrics;
pub mod run;
pub mod scratch;
pub mod signal;
mod tend;
mod views;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::admin::http::{self, AdminState};
use crate::admin::ready::{BackendHealth, BackendState, Readiness};
use crate::app::build::{BuildErrors, Builder};
use crate::app::metrics::{AppMetrics, ReloadOutcome};
use crate::backend::health::Verdict;
use crate::config::model::Address;
use crate::config::{Config, ConfigErrors};
use crate::frontend::context::Frontend;
use crate::frontend::listener::Listener;
use crate::tasks;
use crate::telemetry::Registry;
use crate::tls::TlsError;
use crate::tls::listen::{BindError, Bound};
use crate::tls::mint;

/// Mode of the admin endpoint's unix socket: the proxy's user and group.
const ADMIN_SOCKET_MODE: u32 = 0o660;

/// Time that tasks get to end after they were cut off.
const LAST_WORK: Duration = Duration::from_secs(2);

/// A running proxy.
pub struct App {
    frontend: Arc<Frontend>,
    registry: Arc<Registry>,
    metrics: AppMetrics,
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
    /// What changed takes a restart; each of it.
    #[error("{}", needs_restart(.0))]
    NeedsRestart(Vec<&'static str>),
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
        builder.record(&context, None);
        let metrics = AppMetrics::new(&registry);
        metrics.last_reload.set(now());
        let frontend = Arc::new(Frontend::new(context, &registry));
        // Listeners first: where the admin endpoint answers, every listener is bound.
        let listeners = bind(&config).await?;
        let (admin, admin_address) = match &config.admin.http {
            Some(address) => {
                let (admin, bound) = serve_admin(address, &frontend, &registry).await?;
                (Some(admin), Some(bound))
            }
            None => (None, None),
        };
        let mut app = Self {
            frontend,
            registry,
            metrics,
            builder,
            config,
            file,
            addresses: listeners.iter().map(|(_, listener)| listener.address().clone()).collect(),
            admin_address,
            accepting: Vec::new(),
            background: Vec::new(),
            admin,
        };
        app.announce_minted();
        app.accept(listeners);
        app.background = tend::start(&app.frontend, &app.registry);
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
        let applied = outcome.is_ok();
        self.metrics.reloads.increment(if applied { ReloadOutcome::Applied } else { ReloadOutcome::Refused });
        outcome
    }

    /// Lets sessions finish: no new connections, idle sessions end at once, those in a transaction when it ends. Returns
    /// when all are gone or `deadline` has passed, with the number of sessions that were cut; their statements are killed.
    pub async fn drain(&mut self, deadline: Duration) -> usize {
        self.metrics.draining.set(1.0);
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
        compare(&self.config, &config)?;
        let before = self.frontend.context.load_full();
        let context = Arc::new(self.builder.build(&config, before.generation + 1, Some(&before))?);
        self.frontend.context.store(Arc::clone(&context));
        self.builder.record(&context, Some(&before));
        self.config = config;
        self.metrics.last_reload.set(now());
        Ok(context.generation)
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
}

/// What is fixed when the process starts must be the same.
fn compare(old: &Config, new: &Config) -> Result<(), ReloadError> {
    let binds = |config: &Config| -> Vec<(Vec<Address>, u32)> {
        config.listeners.iter().map(|listener| (listener.bind.clone(), listener.unix_mode)).collect()
    };
    let differences = [
        ("listener.bind and listener.unix_mode", binds(old) != binds(new)),
        ("admin.http", old.admin != new.admin),
        ("log", old.log != new.log),
        ("runtime", old.runtime != new.runtime),
    ];
    let found: Vec<&'static str> =
        differences.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what).collect();
    if found.is_empty() { Ok(()) } else { Err(ReloadError::NeedsRestart(found)) }
}

/// One line for each.
fn needs_restart(differences: &[&'static str]) -> String {
    let line = |what: &&str| format!("{what} cannot change while the proxy runs; restart it for that");
    differences.iter().map(line).collect::<Vec<_>>().join("\n")
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
    let state = state.with_views(views::views(frontend));
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
    Readiness { backends: backends.collect(), draining: frontend.phase.is_draining() }
}

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const PLAIN: &str = "[[listener]]\nbind = \"127.0.0.1:0\"\n\
        [[backend]]\nname = \"db1\"\naddress = \"127.0.0.1:1\"\ntls.mode = \"disabled\"\n\
        [admin]\nhttp = \"127.0.0.1:0\"\n";

    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("sealock.toml")).unwrap()
    }

    #[test]
    fn everything_that_takes_a_restart_is_told_at_once_a_line_each() {
        let changed = PLAIN
            .replace("127.0.0.1:0\"\n[[backend", "127.0.0.1:6033\"\n[[backend")
            .replace("http = \"127.0.0.1:0\"", "http = \"\"");
        let changed = config(&(changed + "[log]\nlevel = \"warn\"\n[runtime]\nworker_threads = 2\n"));
        let text = compare(&config(PLAIN), &changed).unwrap_err().to_string();
        let subjects: Vec<&str> =
            text.lines().map(|line| line.split_once(" cannot change").unwrap().0).collect();
        assert_eq!(subjects, ["listener.bind and listener.unix_mode", "admin.http", "log", "runtime"]);
    }

    #[test]
    fn what_can_change_while_the_proxy_runs_is_no_difference() {
        let changed =
            PLAIN.replace("db1", "db2") + "[pool]\nmax_idle = 0\n[shutdown]\ndrain_timeout = \"1s\"\n";
        assert!(compare(&config(PLAIN), &config(&changed)).is_ok());
    }

    #[tokio::test]
    async fn the_admin_endpoint_does_not_answer_for_a_proxy_that_cannot_listen() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let text = PLAIN.replacen("127.0.0.1:0", &taken.local_addr().unwrap().to_string(), 1);
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("admin.sock");
        let text = text.replace("http = \"127.0.0.1:0\"", &format!("http = \"unix:{}\"", socket.display()));
        let started = App::start(config(&text), None, Arc::default()).await;
        assert!(matches!(started, Err(StartError::Bind(_))));
        assert!(!socket.exists());
    }

    #[tokio::test]
    async fn a_running_proxy_shows_its_series_before_anything_happened() {
        let registry = Arc::new(Registry::new());
        let app = App::start(config(PLAIN), None, Arc::clone(&registry)).await.unwrap();
        let text = registry.render();
        for line in [
            "sealock_draining 0\n",
            "sealock_statement_seconds_count 0\n",
            "sealock_config_reloads_total{outcome=\"refused\"} 0\n",
            "sealock_backend_closes_total{backend=\"db1\",reason=\"broken\"} 0\n",
            "sealock_tls_handshakes_total{side=\"client\",version=\"TLSv1.3\",group=\"X25519\"} 0\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        app.close().await;
    }
}
