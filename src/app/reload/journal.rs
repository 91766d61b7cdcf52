//! The last reloads, for those who ask what became of them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::admin::reloads::{Outcome, ReloadRow, Trigger};

/// Reloads that are remembered.
const MOST: usize = 100;

/// What has been reloaded.
#[derive(Default)]
pub struct Journal(Mutex<VecDeque<ReloadRow>>);

impl Journal {
    /// The latest first.
    pub fn rows(&self) -> Vec<ReloadRow> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Whether changed files were refused last, and may have become good by the mere passing of time.
    pub(super) fn files_were_refused(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .front()
            .is_some_and(|last| last.trigger == Trigger::Files && last.outcome == Outcome::Refused)
    }

    /// Whether the last reload was refused for these very reasons.
    pub(super) fn last_was_refused_for(&self, problems: &[String]) -> bool {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.front().is_some_and(|last| last.outcome == Outcome::Refused && last.problems == problems)
    }

    pub(super) fn add(&self, row: ReloadRow) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.push_front(row);
        rows.truncate(MOST);
    }
}
