//! The ledger of who connects how, taken up at start and kept while the proxy runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::model::Migration;
use crate::migration::ledger::Ledger;
use crate::migration::state_file;
use crate::telemetry;

/// How often what has changed is written: what a crash can lose.
const INTERVAL: Duration = Duration::from_secs(10);

/// What earlier processes have counted goes on.
pub(super) fn take_up(settings: &Migration) -> Ledger {
    let known = settings.state_directory.as_ref().map(|directory| state_file::read(directory));
    let known = known.unwrap_or(Ok(Vec::new())).unwrap_or_else(|error| {
        tracing::warn!(error = telemetry::chain(&error), "the ledger of who connects how begins anew");
        Vec::new()
    });
    Ledger::new(usize::try_from(settings.max_entries).unwrap_or(usize::MAX), known)
}

/// Writes what changes, until it is aborted; what it writes then is written to the end.
pub(super) async fn keep(ledger: Arc<Ledger>, directory: PathBuf) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let (ledger, directory) = (Arc::clone(&ledger), directory.clone());
        let _ = tokio::task::spawn_blocking(move || keep_now(&ledger, &directory)).await;
    }
}

/// Writes what has changed, now.
pub(super) fn keep_now(ledger: &Ledger, directory: &std::path::Path) {
    let Some(entries) = ledger.changed_entries() else { return };
    if let Err(error) = state_file::write(directory, entries) {
        tracing::warn!(error = telemetry::chain(&error), "the ledger of who connects how cannot be kept");
    }
}
