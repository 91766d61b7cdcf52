//! `sealock run`: from a configuration file to the end of the process.

use std::path::Path;
use std::sync::Arc;

use crate::admin::reloads::Trigger;
use crate::app::signal::{Request, Signals};
use crate::app::{App, StartError};
use crate::config::Config;
use crate::config::model::LogFormat;
use crate::telemetry::Registry;
use crate::telemetry::logging::{self, Format, LoggingError};

/// Time that background work may take when the process ends.
const LAST_WORK: std::time::Duration = std::time::Duration::from_secs(2);

/// Why `sealock run` ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Logging cannot be set up.
    #[error("logging cannot be set up")]
    Logging(#[from] LoggingError),
    /// The runtime cannot be started.
    #[error("the runtime cannot be started")]
    Runtime(#[source] std::io::Error),
    /// The proxy cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Runs the proxy until it is told to stop. `file` is read again at SIGHUP.
///
/// # Errors
/// See [`RunError`].
pub fn run(config: Config, file: &Path) -> Result<(), RunError> {
    let registry = Arc::new(Registry::new());
    let format = match config.log.format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    logging::init(format, &config.log.level, &registry)?;
    raise_descriptor_limit();
    let runtime = runtime(config.runtime.worker_threads).map_err(RunError::Runtime)?;
    let result = runtime.block_on(serve(config, file, registry));
    runtime.shutdown_timeout(LAST_WORK);
    result
}

/// A runtime with that many worker threads, or one for each core that the process may use.
///
/// # Errors
/// What the operating system says.
pub fn runtime(worker_threads: Option<u32>) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = worker_threads.and_then(|threads| usize::try_from(threads).ok()) {
        builder.worker_threads(threads);
    }
    builder.thread_name("sealock").enable_all().build()
}

async fn serve(config: Config, file: &Path, registry: Arc<Registry>) -> Result<(), RunError> {
    let mut signals = Signals::listen().map_err(RunError::Runtime)?;
    let mut app = App::start(config, Some(file.to_owned()), registry).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "ready");
    while signals.next().await == Request::Reload {
        let _noted = app.reloader().run(Trigger::Signal).await;
    }
    let deadline = app.drain_timeout();
    tracing::info!(?deadline, "draining: open transactions may finish; signal again to end at once");
    tokio::select! {
        cut = app.drain(deadline) => match cut {
            0 => tracing::info!("drained"),
            cut => tracing::warn!(sessions = cut, "the deadline has passed; the sessions left are cut"),
        },
        () = signals.stop() => tracing::warn!("ending at once"),
    }
    app.close().await;
    Ok(())
}

/// Each client takes a descriptor and so does its backend connection: take all that this process may have.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the limit of open file descriptors");
    }
}
