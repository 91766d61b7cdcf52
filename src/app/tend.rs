//! What runs beside the clients: probes of the backends, upkeep of the pool and of the metrics.
//!
//! `app` calls [`start`] once. Each goes on until it is aborted, which may happen at any point: a probe's connection
//! closes, and nothing else is under way.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::app::accounts;
use crate::app::reload::Reloader;
use crate::app::stages;
use crate::backend::Backend;
use crate::backend::connector::Terms;
use crate::backend::error::ConnectError;
use crate::backend::health::Verdict;
use crate::config::model::Stage;
use crate::frontend::context::Frontend;
use crate::pool::maintenance;
use crate::tasks;
use crate::telemetry;
use crate::telemetry::{Registry, names};

/// How often backends are looked at.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// How often histograms are folded, see [`Registry::run_upkeep`].
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Starts all of it.
pub(super) fn start(
    frontend: &Arc<Frontend>,
    reloader: &Arc<Reloader>,
    registry: &Arc<Registry>,
) -> Vec<JoinHandle<()>> {
    vec![
        tasks::spawn("probe", probe(Arc::clone(frontend))),
        tasks::spawn("maintain", maintain(Arc::clone(frontend))),
        tasks::spawn("upkeep", upkeep(Arc::clone(registry))),
        tasks::spawn("census", census(Arc::clone(frontend), Arc::clone(reloader), Arc::clone(registry))),
        tasks::spawn("accounts", accounts::keep_reading(Arc::clone(frontend), Arc::clone(registry))),
    ]
}

/// Looks after backends. With a login each is logged in to; without one only those that are not known to be up are
/// asked for their greeting, since a server counts greetings without a login against the host (`max_connect_errors`).
async fn probe(frontend: Arc<Frontend>) {
    let mut refused = false;
    loop {
        let context = frontend.context.load_full();
        for backend in &context.backends {
            match &context.prober {
                Some(login) => match backend.connect(login, &Terms::default(), None).await {
                    Ok(connection) => {
                        refused = false;
                        connection.quit().await;
                    }
                    Err(error) if !error.is_outage() => {
                        tell_once(&mut refused, backend.name(), &error);
                    }
                    Err(_) => {}
                },
                None if backend.health().verdict() != Verdict::Up => {
                    drop(backend.dial(&Terms::default(), None).await);
                }
                None => {}
            }
        }
        drop(context);
        tokio::time::sleep(PROBE_INTERVAL).await;
    }
}

/// A probe's login that is refused is an operator's business, but not every five seconds.
fn tell_once(told: &mut bool, backend: &str, error: &ConnectError) {
    if !std::mem::replace(told, true) {
        let error = telemetry::chain(error);
        tracing::warn!(
            backend,
            error,
            "the health probe's login is refused; it is that of [service], else of the first [[account]] with a password"
        );
    }
}

async fn maintain(frontend: Arc<Frontend>) {
    let mut roll = Roll::default();
    loop {
        let context = frontend.context.load_full();
        roll.call(context.generation, &context.backends);
        frontend.tasks.tidy();
        frontend.pool.maintain(context.generation, context.bounds(), &roll.everyone());
        drop(context);
        tokio::time::sleep(maintenance::INTERVAL).await;
    }
}

async fn upkeep(registry: Arc<Registry>) {
    loop {
        tokio::time::sleep(UPKEEP_INTERVAL).await;
        registry.run_upkeep();
    }
}

/// Counts accounts by how far they have come.
async fn census(frontend: Arc<Frontend>, reloader: Arc<Reloader>, registry: Arc<Registry>) {
    let stages = registry.gauges::<Stage>(&names::ACCOUNTS, &[]);
    let ready = registry.gauge(&names::ACCOUNTS_READY, &[]);
    loop {
        let quiet = reloader.config().migration.quiet_period;
        stages::record(&stages::adoption(&frontend, quiet), &stages, &ready);
        tokio::time::sleep(UPKEEP_INTERVAL).await;
    }
}

/// Backends in force and, for their series, those that a reload took away: nobody observes them any more, but clients
/// that came before the reload may still have connections to them.
#[derive(Default)]
struct Roll {
    generation: u64,
    present: Vec<Arc<Backend>>,
    gone: Vec<Arc<Backend>>,
}

impl Roll {
    /// Takes the generation in force in, and shows as not up those that are gone: again each time, since a login that
    /// began under a former generation may just have found one up.
    fn call(&mut self, generation: u64, backends: &[Arc<Backend>]) {
        if generation != self.generation {
            let former = std::mem::replace(&mut self.present, backends.to_vec());
            self.gone.extend(former);
            self.gone.retain(|old| backends.iter().all(|new| new.name() != old.name()));
            self.generation = generation;
        }
        self.gone.iter().for_each(|backend| backend.metrics().up.set(0.0));
    }

    fn everyone(&self) -> Vec<Arc<Backend>> {
        [self.present.as_slice(), self.gone.as_slice()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn backends(registry: &Arc<Registry>, names: &[&str]) -> Vec<Arc<Backend>> {
        let mut text = "[[listener]]\nbind = \"127.0.0.1:0\"\n".to_owned();
        for name in names {
            text += &format!(
                "[[backend]]\nname = \"{name}\"\naddress = \"127.0.0.1:1\"\ntls.mode = \"disabled\"\n"
            );
        }
        let config = Config::parse(&text, std::path::Path::new("sealock.toml")).unwrap();
        let build = |backend| Arc::new(Backend::build(backend, registry, None).unwrap());
        config.backends.iter().map(build).collect()
    }

    fn names(backends: &[Arc<Backend>]) -> Vec<&str> {
        backends.iter().map(|backend| backend.name()).collect()
    }

    #[test]
    fn a_backend_that_a_reload_took_away_is_remembered_until_it_is_back() {
        let registry = Arc::new(Registry::new());
        let mut roll = Roll::default();
        roll.call(1, &backends(&registry, &["db1", "db2"]));
        assert!(roll.gone.is_empty());
        roll.call(2, &backends(&registry, &["db1"]));
        assert_eq!((names(&roll.present), names(&roll.gone)), (vec!["db1"], vec!["db2"]));
        roll.call(3, &backends(&registry, &["db1", "db3"]));
        assert_eq!(names(&roll.everyone()), ["db1", "db3", "db2"]);
        roll.call(4, &backends(&registry, &["db2"]));
        assert_eq!((names(&roll.present), names(&roll.gone)), (vec!["db2"], vec!["db1", "db3"]));
    }

    #[test]
    fn a_backend_that_is_gone_is_not_up_whatever_a_late_login_found() {
        let registry = Arc::new(Registry::new());
        let mut roll = Roll::default();
        let first = backends(&registry, &["db1", "db2"]);
        roll.call(1, &first);
        first.iter().for_each(|backend| backend.metrics().up.set(1.0));
        let second = backends(&registry, &["db1"]);
        roll.call(2, &second);
        first.iter().for_each(|backend| backend.metrics().up.set(1.0));
        roll.call(2, &second);
        let text = registry.render();
        assert!(text.contains("sealock_backend_up{backend=\"db1\"} 1\n"), "{text}");
        assert!(text.contains("sealock_backend_up{backend=\"db2\"} 0\n"), "{text}");
    }
}
