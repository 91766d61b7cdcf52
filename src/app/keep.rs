//! What is known of who connects how, and the stages that were set, taken up at start and kept while the proxy runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::model::Migration;
use crate::frontend::context::Frontend;
use crate::migration::ledger::Ledger;
use crate::migration::stages::Stages;
use crate::migration::state_file::{self, LEDGER, STAGES};
use crate::telemetry;

/// How often what has changed is written: what a crash can lose.
const INTERVAL: Duration = Duration::from_secs(10);

/// What earlier processes have counted and set goes on.
pub(super) fn take_up(settings: &Migration) -> (Ledger, Stages) {
    let most = usize::try_from(settings.max_entries).unwrap_or(usize::MAX);
    let directory = settings.state_directory.as_deref();
    let entries = known(directory, LEDGER, "the ledger of who connects how begins anew");
    let settings =
        known(directory, STAGES, "stages that were set at run time are lost; all are as configured");
    (Ledger::new(most, entries), Stages::new(settings))
}

fn known<T: DeserializeOwned>(directory: Option<&Path>, file: &str, otherwise: &'static str) -> Vec<T> {
    let Some(directory) = directory else { return Vec::new() };
    state_file::read(directory, file).unwrap_or_else(|error| {
        tracing::warn!(error = telemetry::chain(&error), "{otherwise}");
        Vec::new()
    })
}

/// Writes what changes, until it is aborted; what it writes then is written to the end.
pub(super) async fn keep(frontend: Arc<Frontend>, directory: PathBuf) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let (frontend, directory) = (Arc::clone(&frontend), directory.clone());
        let _ = tokio::task::spawn_blocking(move || keep_now(&frontend, &directory)).await;
    }
}

/// Writes what has changed, now.
pub(super) fn keep_now(frontend: &Frontend, directory: &Path) {
    write(directory, LEDGER, frontend.ledger.changed_entries());
    write(directory, STAGES, frontend.stages.changed_settings());
}

fn write<T: Serialize>(directory: &Path, file: &str, changed: Option<Vec<T>>) {
    let Some(entries) = changed else { return };
    if let Err(error) = state_file::write(directory, file, entries) {
        tracing::warn!(
            error = telemetry::chain(&error),
            "what is known of clients and stages cannot be kept"
        );
    }
}
