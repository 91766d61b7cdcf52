//! How long a client has been silent, without a timer for every command.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// Becomes ready when nothing was noted for the whole limit.
///
/// The timer is set again only when it fires, so a command costs a reading of the clock and no more.
#[derive(Debug)]
pub struct IdleTimer {
    limit: Duration,
    since: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl IdleTimer {
    /// A timer that fires after `limit`; a limit of zero means never.
    pub fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), sleep: None }
    }

    /// The client has done something.
    pub fn touch(&mut self) {
        self.since = Instant::now();
    }

    /// Ready once the client has been silent for the whole limit.
    pub fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.limit.is_zero() {
            return Poll::Pending;
        }
        loop {
            let due = self.since + self.limit;
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            ready!(sleep.as_mut().poll(cx));
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_fires_a_whole_limit_after_the_last_touch() {
        let mut timer = IdleTimer::new(Duration::from_secs(10));
        let started = Instant::now();
        let early = tokio::time::timeout(Duration::from_secs(6), poll_fn(|cx| timer.poll_idle(cx))).await;
        assert!(early.is_err());
        timer.touch();
        poll_fn(|cx| timer.poll_idle(cx)).await;
        assert_eq!(started.elapsed().as_secs(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_of_zero_never_fires() {
        let mut timer = IdleTimer::new(Duration::ZERO);
        let waited =
            tokio::time::timeout(Duration::from_secs(1 << 20), poll_fn(|cx| timer.poll_idle(cx))).await;
        assert!(waited.is_err());
    }
}
