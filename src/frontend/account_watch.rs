//! When the servers' account tables are read: `app` does it, and logins ask for it when a table does not explain them.
//!
//! Asking is limited to once a second over all clients, so that wrong passwords cost the server no more than that.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

/// Least time between two readings that logins ask for.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest that a login waits for a reading: servers that take longer have `backend.connect_timeout` for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Between who reads the account tables and who needs them.
#[derive(Debug)]
pub struct AccountWatch {
    wanted: Notify,
    asked: Mutex<Option<Instant>>,
    rounds: watch::Sender<u64>,
}

impl Default for AccountWatch {
    fn default() -> Self {
        Self { wanted: Notify::new(), asked: Mutex::default(), rounds: watch::Sender::new(0) }
    }
}

/// Whether the tables were read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// Just now.
    Again,
    /// Not so soon after the last time.
    Lately,
}

impl AccountWatch {
    /// Waits until every table has been tried once since the start.
    pub async fn begun(&self) {
        self.after(0).await;
    }

    /// Has the tables read again and waits for it, unless somebody has lately.
    pub async fn look_again(&self) -> Looked {
        if !self.may_ask() {
            return Looked::Lately;
        }
        let round = *self.rounds.borrow();
        self.wanted.notify_one();
        self.after(round).await;
        Looked::Again
    }

    /// Has the tables read again, without waiting.
    pub fn suggest(&self) {
        if self.may_ask() {
            self.wanted.notify_one();
        }
    }

    /// The configuration has changed: reads now.
    pub fn hurry(&self) {
        self.wanted.notify_one();
    }

    /// For who reads: all tables have been tried.
    pub fn round_done(&self) {
        self.rounds.send_modify(|rounds| *rounds += 1);
    }

    /// For who reads: waits until somebody asks, at most `interval`.
    pub async fn wanted(&self, interval: Duration) {
        let _ = tokio::time::timeout(interval, self.wanted.notified()).await;
    }

    async fn after(&self, round: u64) {
        let mut rounds = self.rounds.subscribe();
        let done = rounds.wait_for(|now| *now > round);
        let _ = tokio::time::timeout(PATIENCE, done).await;
    }

    fn may_ask(&self) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let may = asked.is_none_or(|at| at.elapsed() >= PAUSE);
        if may {
            *asked = Some(Instant::now());
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_flood_of_logins_has_the_tables_read_once() {
        let watch = Arc::new(AccountWatch::default());
        let reader = Arc::clone(&watch);
        let reading = crate::tasks::spawn("read", async move {
            reader.wanted(Duration::from_secs(60)).await;
            reader.round_done();
        });
        assert_eq!(watch.look_again().await, Looked::Again);
        assert_eq!(watch.look_again().await, Looked::Lately);
        reading.await.unwrap();
        watch.begun().await;
    }
}
