//! Named tasks: the only place that calls `tokio::spawn`.
//!
//! Every background task of the proxy is started here, so that each has a name in logs and a panic in one never goes unseen.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
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

/// Tasks that are waited for, or cut off, together.
#[derive(Default)]
pub struct Group(Mutex<JoinSet<()>>);

impl Group {
    /// Starts `future` under `name`. Outside a runtime, as when one ends, the future is dropped instead.
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if Handle::try_current().is_err() {
            return;
        }
        let mut tasks = self.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(future.instrument(tracing::debug_span!(parent: None, "task", name)));
    }

    /// Cuts off every task at its next point of rest.
    pub fn abort_all(&self) {
        self.lock().abort_all();
    }

    /// Waits until every task has ended, at most `limit`.
    pub async fn settle(&self, limit: Duration) {
        let ended = async {
            while self.is_busy() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(limit, ended).await;
    }

    fn is_busy(&self) -> bool {
        let mut tasks = self.lock();
        while tasks.try_join_next().is_some() {}
        !tasks.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_group_that_was_cut_off_settles() {
        let group = Group::default();
        group.spawn("endless", std::future::pending());
        assert!(group.is_busy());
        group.abort_all();
        group.settle(Duration::from_secs(5)).await;
        assert!(!group.is_busy());
    }

    #[test]
    fn outside_a_runtime_nothing_is_started() {
        let group = Group::default();
        group.spawn("late", std::future::pending());
        assert!(group.lock().is_empty());
    }
}
