//! Files that change reload by themselves.
//!
//! The system's reports (inotify) only say *when* to look, and an interval looks anyway: network file systems report
//! nothing, a directory that was replaced reports no more. What counts is whether the bytes differ from those of the last
//! attempt, and stay as they are for `reload.settle`: a certificate and its key are not replaced in one act. Dropping the
//! future ends it; nothing is under way then but a reload, which finishes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use crate::admin::reloads::Trigger;
use crate::app::reload::Reloader;
use crate::app::reload::stamp::Stamp;
use crate::config::Config;
use crate::config::model::Watch;

/// Files that never come to rest are read all the same, after this many looks.
const MOST_LOOKS: usize = 20;

impl Watch {
    /// Whether a changed configuration file is taken over, too.
    pub(super) fn includes_configuration(self) -> bool {
        match self {
            Self::All => true,
            Self::Files | Self::Off => false,
        }
    }
}

impl Reloader {
    /// Reloads whenever files have changed, for as long as it is polled.
    pub async fn watch(self: Arc<Self>) {
        let changed = Arc::new(Notify::new());
        let mut reports = Reports::new(&changed);
        loop {
            let settings = self.lock().config.reload.clone();
            if settings.watch != Watch::Off {
                let own = Arc::clone(&self);
                let (differs, directories) = blocking(move || own.look()).await.unwrap_or_default();
                reports.cover(directories);
                if differs && self.come_to_rest(settings.settle).await {
                    let _noted = self.run(Trigger::Files).await;
                    continue;
                }
            }
            let reported = tokio::time::timeout(settings.interval, changed.notified()).await.is_ok();
            if !reported && settings.watch != Watch::Off && self.journal.files_were_refused() {
                let _noted = self.run(Trigger::Files).await; // a certificate may have become valid
            }
            // Others write in such directories, too: they cost one look each time that this passes.
            tokio::time::sleep(settings.settle).await;
        }
    }

    /// Whether anything differs from the last attempt, and which directories to watch.
    fn look(&self) -> (bool, Vec<PathBuf>) {
        let Some(now) = self.stamp_now() else { return Default::default() };
        (now != self.lock().attempted, now.directories())
    }

    /// Waits until the files stay as they are. Tells whether they still differ then.
    async fn come_to_rest(self: &Arc<Self>, settle: Duration) -> bool {
        let mut last = None;
        for _ in 0..MOST_LOOKS {
            let own = Arc::clone(self);
            let Some(now) = blocking(move || own.stamp_now()).await.flatten() else { return false };
            if last.as_ref() == Some(&now) {
                break;
            }
            last = Some(now);
            tokio::time::sleep(settle).await;
        }
        last.is_some_and(|last| last != self.lock().attempted)
    }

    /// Of the files as they are; none where there is no configuration that could name any.
    fn stamp_now(&self) -> Option<Stamp> {
        let text = {
            let in_force = self.lock();
            if in_force.config.reload.watch.includes_configuration() {
                None
            } else {
                Some(in_force.text.clone())
            }
        };
        let text = match (text, &self.file) {
            (Some(text), _) => text,
            (None, Some(file)) => Config::read_text(file).ok()?,
            (None, None) => return None,
        };
        self.file.as_ref().map(|file| Stamp::of(file, &text))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// What the system reports of directories.
struct Reports {
    watcher: Option<RecommendedWatcher>,
    covered: BTreeSet<PathBuf>,
}

impl Reports {
    fn new(changed: &Arc<Notify>) -> Self {
        let changed = Arc::clone(changed);
        let report = move |event: notify::Result<Event>| {
            if event.is_err() || event.is_ok_and(|event| may_change_bytes(event.kind)) {
                changed.notify_one();
            }
        };
        let watcher = notify::recommended_watcher(report);
        if let Err(error) = &watcher {
            tracing::warn!(%error, "the system cannot report changed files; they are compared every reload.interval");
        }
        Self { watcher: watcher.ok(), covered: BTreeSet::new() }
    }

    /// Watches these directories and no others. Again each time: one that was replaced has to be watched anew.
    fn cover(&mut self, directories: Vec<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        let wanted: BTreeSet<PathBuf> = directories.into_iter().collect();
        for gone in self.covered.difference(&wanted) {
            let _ = watcher.unwatch(gone);
        }
        self.covered = wanted;
        self.covered.retain(|directory| watcher.watch(directory, RecursiveMode::NonRecursive).is_ok());
    }
}

/// Our own reading is reported as well, and must not make us read.
fn may_change_bytes(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}
