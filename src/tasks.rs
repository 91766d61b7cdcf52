//! Named tasks: the only place that calls `tokio::spawn`.
//!
//! Every background task of the proxy is started here, so that each has a name in logs and a panic in one never goes
//! unseen: it is logged, with that name, as it happens.

use std::future::{Future, poll_fn};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
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
    tokio::spawn(watched(name, future))
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
        tidy(&mut tasks);
        tasks.spawn(watched(name, future));
    }

    /// Forgets tasks that have ended: until then each takes as much memory as when it ran. Starting another does so, too;
    /// where many end and none begins, this is to be called now and then.
    pub fn tidy(&self) {
        tidy(&mut self.lock());
    }

    /// Cuts off every task at its next point of rest.
    pub fn abort_all(&self) {
        self.lock().abort_all();
    }

    /// Waits until every task has ended, those too that are started meanwhile, at most `limit`.
    pub async fn settle(&self, limit: Duration) {
        // The lock is held for each look at the tasks, never while waiting.
        let ended = poll_fn(|cx| {
            let mut tasks = self.lock();
            while ready!(tasks.poll_join_next(cx)).is_some() {}
            Poll::Ready(())
        });
        let _ = tokio::time::timeout(limit, ended).await;
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tidy(tasks: &mut JoinSet<()>) {
    while tasks.try_join_next().is_some() {}
}

/// `future` inside a span of its name, with an eye on panics. It is boxed because a wrapper has room for what it was given
/// and, once more, for what it awaits.
fn watched<F: Future>(name: &'static str, future: F) -> impl Future<Output = F::Output> {
    let future = Box::pin(future);
    let watched = async move {
        let _watch = Watch(name);
        future.await
    };
    watched.instrument(tracing::debug_span!(parent: None, "task", name))
}

/// Tells of a panic that drops it. What the panic says, the panic hook has written already.
struct Watch(&'static str);

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.0, "a task panicked; this is a bug, please report it");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::{Event, Level, Subscriber};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

    use super::*;

    /// Counts events at level error.
    #[derive(Clone, Default)]
    struct Errors(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Errors {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            if *event.metadata().level() == Level::ERROR {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_group_that_was_cut_off_settles() {
        let group = Group::default();
        group.spawn("endless", std::future::pending());
        group.abort_all();
        group.settle(LONG).await;
        assert!(group.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_is_waited_for_no_longer_than_the_limit() {
        let group = Group::default();
        group.spawn("endless", std::future::pending());
        group.settle(LONG).await;
        assert_eq!(group.lock().len(), 1);
    }

    #[tokio::test]
    async fn tasks_that_a_task_starts_are_waited_for() {
        let group = Arc::new(Group::default());
        let (inner, ended) = (Arc::clone(&group), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&ended);
        group.spawn("first", async move {
            tokio::task::yield_now().await;
            inner.spawn("second", async move {
                tokio::task::yield_now().await;
                count.fetch_add(1, Ordering::Relaxed);
            });
        });
        group.settle(LONG).await;
        assert_eq!(ended.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_panic_is_logged_and_a_task_that_is_cut_off_is_not() {
        let errors = Errors::default();
        let subscriber = tracing_subscriber::registry().with(errors.clone());
        let _guard = tracing::subscriber::set_default(subscriber);
        let group = Group::default();
        group.spawn("endless", std::future::pending());
        group.spawn("broken", async { panic!("for this test") });
        let alone = spawn("broken alone", async { panic!("for this test") });
        assert!(alone.await.is_err());
        group.abort_all();
        group.settle(LONG).await;
        assert_eq!(errors.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn outside_a_runtime_nothing_is_started() {
        let group = Group::default();
        group.spawn("late", std::future::pending());
        assert!(group.lock().is_empty());
    }
}
