//! A contestant's turn under a load.

use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use crate::client::{Handshake, Target};
use crate::process::Process;
use crate::scrape::Buckets;
use crate::stage::{Running, Stage};
use crate::usage::{self, Meter};

/// What clients may take beyond the load's own time.
const GRACE: Duration = Duration::from_secs(60);

/// Who runs now, and for how long.
pub struct Turn<'a> {
    /// Where it happens.
    pub stage: &'a Stage,
    /// Whose turn it is.
    pub running: &'a Running,
    /// What clients run on.
    pub runtime: &'a Runtime,
    /// How long the load is to last, where it has no length of its own.
    pub duration: Duration,
}

impl Turn<'_> {
    /// How clients reach the contestant.
    pub fn target(&self, handshake: Handshake) -> anyhow::Result<Target> {
        self.stage.target(self.running, handshake)
    }

    /// Runs clients to their end; a contestant that leaves one waiting for ever has failed.
    pub fn block_on<T>(&self, clients: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let limit = self.duration + GRACE;
        let ended = self.runtime.block_on(async { tokio::time::timeout(limit, clients).await });
        ended.with_context(|| format!("clients still wait after {limit:?}"))?
    }

    /// Measures what is used from now on.
    pub fn meter(&self) -> anyhow::Result<Meter> {
        Meter::start(self.process_id())
    }

    /// Resident memory of the proxy above what it had when it was new. What former turns left in its allocator is in it,
    /// but that is used again before more is asked for.
    pub fn grown_kib(&self) -> Option<f64> {
        let now = self.process_id().and_then(|id| usage::rss_kib(id).ok());
        now.zip(self.running.rss_when_new).map(|(now, new)| now - new)
    }

    /// The most of that since a meter was started.
    pub fn grown_at_most_kib(&self) -> Option<f64> {
        let peak = self.process_id().and_then(|id| usage::peak_kib(id).ok());
        peak.zip(self.running.rss_when_new).map(|(peak, new)| peak - new)
    }

    /// A histogram of the proxy's own, where it has any.
    pub fn buckets(&self, metric: &str) -> anyhow::Result<Option<Buckets>> {
        self.running.admin.map(|admin| Buckets::read(admin, metric)).transpose()
    }

    fn process_id(&self) -> Option<u32> {
        self.running.process.as_ref().map(Process::id)
    }
}
