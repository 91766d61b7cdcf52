//! What the pool has for one account on one backend: its connections, and what they have taught.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::pool::inner::{Census, Inner};
use crate::pool::key::Slot;
use crate::pool::knowledge::Knowledge;

/// One account on one backend. Its lock is taken twice for each statement of a session that shares connections.
pub struct Shelf {
    slot: Slot,
    inner: Mutex<Inner>,
    knowledge: Mutex<Knowledge>,
}

/// All shelves.
#[derive(Default)]
pub(super) struct Shelves(Mutex<HashMap<Slot, Arc<Shelf>>>);

impl Shelf {
    fn new(slot: Slot) -> Self {
        Self { slot, inner: Mutex::default(), knowledge: Mutex::default() }
    }

    /// Whose it is.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// What there is at this moment.
    pub fn census(&self) -> Census {
        self.lock().census()
    }

    /// What is known of the account's sessions on this backend.
    pub fn knowledge(&self) -> MutexGuard<'_, Knowledge> {
        self.knowledge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    /// The shelf of this account on this backend; a new one if there was none.
    pub fn shelf(&self, slot: &Slot) -> Arc<Shelf> {
        let mut shelves = self.lock();
        if let Some(shelf) = shelves.get(slot) {
            return Arc::clone(shelf);
        }
        let shelf = Arc::new(Shelf::new(slot.clone()));
        shelves.insert(slot.clone(), Arc::clone(&shelf));
        shelf
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Shelf>> {
        self.lock().values().cloned().collect()
    }

    /// Forgets those that nobody uses: what they have learned is learned again.
    pub fn tidy(&self) {
        self.lock().retain(|_, shelf| Arc::strong_count(shelf) > 1 || !shelf.lock().is_empty());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Slot, Arc<Shelf>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot {
        Slot { backend: "db1".into(), account: b"nova".to_vec() }
    }

    #[test]
    fn an_account_has_one_shelf_as_long_as_anybody_uses_it() {
        let shelves = Shelves::default();
        let shelf = shelves.shelf(&slot());
        shelves.tidy();
        assert!(Arc::ptr_eq(&shelf, &shelves.shelf(&slot())));
        drop(shelf);
        shelves.tidy();
        assert!(shelves.all().is_empty());
    }
}
