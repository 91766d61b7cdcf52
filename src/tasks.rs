//! Named tasks: the only place that calls `tokio::spawn`.
//!
//! Every background task of the proxy is started here, so that each has a name in logs and a panic in one never goes unseen.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// Starts `future` on the runtime under `name`, inside a span of that name.
///
/// The task is detached when the handle is dropped; abort it through the handle.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future.instrument(tracing::debug_span!(parent: None, "task", name)))
}
