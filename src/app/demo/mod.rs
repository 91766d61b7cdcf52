//! `sealock demo`: all of it on one machine, from nothing, for somebody who wants to see it work.
//!
//! A scratch MariaDB on a unix socket, a CA and a server certificate minted for the occasion, the proxy in front of it; then a
//! client over verified TLS that shows what was negotiated. `cli` calls [`run()`].
//!
//! Invariant: everything lives in the scratch server's directory, which goes away with this process however that ends. A signal
//! while the server starts is obeyed once the server can be removed, a second one at once.

mod ports;
mod recipes;
mod screen;
mod self_check;
mod stage;
mod summary;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::app::scratch::{Options as ScratchOptions, ScratchError, ScratchServer};
use crate::app::signal::Signals;
use crate::app::{App, run};
use crate::telemetry::Registry;
use crate::telemetry::logging::{self, Format, LoggingError};

pub use ports::{PortError, Ports};
pub use self_check::CheckError;
pub use stage::StageError;

use screen::Screen;
use stage::Stage;

/// How often the screen moves while something is waited for.
const TICK: Duration = Duration::from_millis(100);

/// How long clients may go on after Ctrl-C.
const DRAIN: Duration = Duration::from_secs(2);

/// Time that background work may take when the demo ends.
const LAST_WORK: Duration = Duration::from_secs(1);

/// What the demo is to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where it listens.
    pub ports: Ports,
    /// When it ends.
    pub until: Until,
}

/// When the demo ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Once it has been shown to work.
    SelfCheck,
    /// When it is told to.
    Signal,
}

/// Why the demo failed. Each message says what to do; nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A port cannot be had.
    #[error(transparent)]
    Ports(#[from] PortError),
    /// There is no MariaDB.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// The proxy does not start.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// It runs and does not work.
    #[error("the self-check failed")]
    Check(#[from] CheckError),
    /// A signal came before the self-check was over.
    #[error("stopped before it was ready")]
    Interrupted,
    /// Threads or signals cannot be set up.
    #[error("the runtime cannot be started")]
    Runtime(#[source] io::Error),
    /// Warnings cannot be shown.
    #[error(transparent)]
    Logging(#[from] LoggingError),
}

/// Performs the demo. Blocks until it is over and everything is removed.
///
/// # Errors
/// See [`DemoError`].
pub fn run(options: &Options) -> Result<ExitCode, DemoError> {
    let registry = Arc::new(Registry::new());
    logging::init(Format::Text, "warn", &registry)?;
    options.ports.check()?;
    let runtime = run::runtime(None).map_err(DemoError::Runtime)?;
    let (mut screen, mut server) = (Screen::standard(), None);
    let result = runtime.block_on(perform(options, &registry, &mut screen, &mut server));
    if server.is_some() {
        screen.step("removing everything");
    }
    runtime.shutdown_timeout(LAST_WORK); // before the server, whose loss would be news to sessions that are left
    drop(server);
    screen.end();
    result.map(|()| ExitCode::SUCCESS)
}

/// The demo up to where everything can be removed; `server` is filled in once there is one.
async fn perform(
    options: &Options,
    registry: &Arc<Registry>,
    screen: &mut Screen,
    server: &mut Option<ScratchServer>,
) -> Result<(), DemoError> {
    let mut signals = Signals::listen().map_err(DemoError::Runtime)?;
    screen.line("Sealock demo: a scratch MariaDB, and TLS in front of it. It is all gone when this ends.\n");
    let server = server.insert(start_server(screen, &mut signals).await?);
    let app = tokio::select! {
        presented = present(options, server, registry, screen) => presented?,
        _ = signals.next() => return Err(DemoError::Interrupted),
    };
    attend(app, options.until, registry, screen, &mut signals).await;
    Ok(())
}

/// Starts the server in a thread that may block, and keeps the screen moving.
async fn start_server(screen: &mut Screen, signals: &mut Signals) -> Result<ScratchServer, DemoError> {
    let (tell, mut steps) = mpsc::unbounded_channel();
    let options = ScratchOptions { statements: stage::statements(), ..ScratchOptions::default() };
    let mut starting = tokio::task::spawn_blocking(move || {
        ScratchServer::start(&options, &mut |step| drop(tell.send(step.to_owned())))
    });
    let mut ticks = tokio::time::interval(TICK);
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            _ = signals.next() => {
                if stopping {
                    return Err(DemoError::Interrupted);
                }
                stopping = true;
                screen.step("stopping");
            }
            Some(step) = steps.recv(), if !stopping => screen.step(&step),
            started = &mut starting => {
                screen.end();
                let server = started.map_err(|panic| DemoError::Runtime(panic.into()))?;
                return if stopping { Err(DemoError::Interrupted) } else { Ok(server?) };
            }
            _ = ticks.tick() => screen.tick(),
        }
    }
}

/// Puts the proxy in front of the server, checks it as a client, and shows how to use it.
async fn present(
    options: &Options,
    server: &ScratchServer,
    registry: &Arc<Registry>,
    screen: &mut Screen,
) -> Result<App, DemoError> {
    screen.step("minting a CA and a server certificate");
    let stage = Stage::prepare(server.directory(), options.ports)?;
    screen.step("starting the proxy");
    let app = stage.open(registry).await?;
    screen.step("connecting as a client over TLS, and verifying it");
    let found = self_check::check(&stage.client_view(&app)?).await?;
    screen.end();
    screen.line(&found.to_string());
    if options.until == Until::Signal {
        screen.line(&recipes::text(&stage.place(&app)?));
    }
    Ok(app)
}

/// Stays for as long as it should, and lets clients go.
async fn attend(mut app: App, until: Until, registry: &Registry, screen: &mut Screen, signals: &mut Signals) {
    if until == Until::Signal {
        screen.line("Ctrl-C ends it.\n");
        summary::show(screen, registry, signals).await;
    }
    tokio::select! {
        _ = app.drain(DRAIN) => {}
        _ = signals.next() => {}
    }
    app.close().await;
}
