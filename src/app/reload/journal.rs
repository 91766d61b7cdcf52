//! The last reloads, for those who ask what became of them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::admin::reloads::ReloadRow;

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

    pub(super) fn add(&self, row: ReloadRow) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.push_front(row);
        rows.truncate(MOST);
    }
}
