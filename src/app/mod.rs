//! The whole proxy: the only place that constructs things and holds them together.
//!
//! [`App::start`] builds the first generation and binds every listener; from then on the proxy serves until
//! [`App::drain`]. A [`reload::Reloader`] replaces the generation in one step, or changes nothing.

mod accounts;
pub mod build;
mod certificates;
pub mod demo;
mod expiry;
mod keep;
pub mod metrics;
pub mod reload;
pub mod run;
pub mod scratch;
pub mod signal;
mod stages;
mod tend;
mod views;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::admin::command::{Commands, Doing};
use crate::admin::http::{self, AdminState};
use crate::admin::ready::{BackendHealth, BackendState, Readiness};
use crate::admin::reloads::{ReloadRow, Trigger};
use crate::admin::stages::StageChange;
use crate::app::build::{BuildErrors, Builder};
use crate::app::metrics::AppMetrics;
use crate::app::reload::Reloader;
use crate::backend::health::Verdict;
use crate::config::Config;
use crate::config::model::Address;
use crate::frontend::context::Frontend;
use crate::frontend::listener::Listener;
use crate::tasks;
use crate::telemetry::{Gauge, Registry};
use crate::tls::TlsError;
use crate::tls::listen::{BindError, Bound};

/// Mode of the admin endpoint's unix socket: the proxy's user and group.
const ADMIN_SOCKET_MODE: u32 = 0o660;

/// Time that tasks get to end after they were cut off.
const LAST_WORK: Duration = Duration::from_secs(2);

/// A running proxy.
pub struct App {
    frontend: Arc<Frontend>,
    registry: Arc<Registry>,
    draining: Gauge,
    state_directory: Option<PathBuf>,
    reloader: Arc<Reloader>,
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
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    /// A listener cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
}

impl App {
    /// Builds everything and starts to serve. `file` is what a reload will read.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running.
    pub async fn start(
        config: Config,
        file: Option<PathBuf>,
        registry: Arc<Registry>,
    ) -> Result<Self, StartError> {
        let builder = Builder::new(Arc::clone(&registry))?;
        let context = builder.build(&config, 1, None)?;
        builder.record(&context, None);
        let metrics = AppMetrics::new(&registry);
        metrics.last_reload.set(now());
        let (ledger, stages) = keep::take_up(&config.migration);
        let frontend = Arc::new(Frontend::going_on(context, &registry, ledger, stages));
        announce_minted(&config, &frontend, &builder);
        let draining = metrics.draining.clone();
        let reloader =
            Arc::new(Reloader::new(Arc::clone(&frontend), builder, metrics, file.clone(), config.clone()));
        // Listeners first: where the admin endpoint answers, every listener is bound.
        let listeners = bind(&config).await?;
        let (admin, admin_address) = match &config.admin.http {
            Some(address) => {
                let (admin, bound) = serve_admin(address, &frontend, &reloader, &registry).await?;
                (Some(admin), Some(bound))
            }
            None => (None, None),
        };
        let mut app = Self {
            frontend,
            registry,
            draining,
            state_directory: config.migration.state_directory.clone(),
            reloader,
            addresses: listeners.iter().map(|(_, listener)| listener.address().clone()).collect(),
            admin_address,
            accepting: Vec::new(),
            background: Vec::new(),
            admin,
        };
        app.accept(listeners);
        app.background = tend::start(&app.frontend, &app.reloader, &app.registry);
        if file.is_some() {
            app.background.push(tasks::spawn("watch", Arc::clone(&app.reloader).watch()));
        }
        if let Some(directory) = app.state_directory.clone() {
            let keep = keep::keep(Arc::clone(&app.frontend), directory);
            app.background.push(tasks::spawn("keep", keep));
        }
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

    /// What replaces the generation in force.
    pub fn reloader(&self) -> &Arc<Reloader> {
        &self.reloader
    }

    /// Lets sessions finish: no new connections, idle sessions end at once, those in a transaction when it ends. Returns
    /// when all are gone or `deadline` has passed, with the number of sessions that were cut; their statements are killed.
    pub async fn drain(&mut self, deadline: Duration) -> usize {
        self.draining.set(1.0);
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
        self.reloader.config().shutdown.drain_timeout
    }

    /// Ends what is left: idle backend connections and the admin endpoint.
    pub async fn close(self) {
        self.background.iter().for_each(JoinHandle::abort);
        let limit = self.frontend.context.load().limits.kill_timeout;
        self.frontend.pool.close(limit).await;
        if let Some(directory) = &self.state_directory {
            keep::keep_now(&self.frontend, directory);
        }
        if let Some((stop, task)) = self.admin {
            let _ = stop.send(());
            let _ = tokio::time::timeout(Duration::from_secs(1), task).await;
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

fn announce_minted(config: &Config, frontend: &Frontend, builder: &Builder) {
    let context = frontend.context.load();
    let unnamed = config.listeners.iter().map(|listener| listener.tls.certificate.is_none());
    let mut listeners = context.listeners.iter().zip(unnamed);
    if listeners.any(|(listener, unnamed)| unnamed && listener.tls.is_some()) {
        tracing::warn!(
            fingerprint = %builder.common.minted.fingerprint(),
            "a listener has no certificate; it shows a self-signed one, made at this start, which clients cannot \
             verify: set listener.tls.certificate and key"
        );
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
    reloader: &Arc<Reloader>,
    registry: &Arc<Registry>,
) -> Result<((oneshot::Sender<()>, JoinHandle<()>), Address), BindError> {
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move {
        let _ = stopped.await;
    };
    let watched = Arc::clone(frontend);
    let state = AdminState { registry: Arc::clone(registry), ready: Arc::new(move || readiness(&watched)) };
    let state =
        state.with_views(views::views(frontend, reloader)).with_commands(commands(frontend, reloader));
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

fn commands(frontend: &Arc<Frontend>, reloader: &Arc<Reloader>) -> Commands {
    let (staged, settings) = (Arc::clone(frontend), Arc::clone(reloader));
    let reloader = Arc::clone(reloader);
    let stage = move |change: StageChange| stages::set(&staged, &settings.config().migration, &change);
    let reload = move || -> Doing<Option<ReloadRow>> {
        let reloader = Arc::clone(&reloader);
        Box::pin(async move { reloader.run(Trigger::Command).await })
    };
    Commands { reload: Arc::new(reload), stage: Arc::new(stage) }
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
            "sealock_account_logins_total{account=\"(other)\",transport=\"tls\"} 0\n",
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
