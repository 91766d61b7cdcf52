//! Prepared statements on one connection: which sessions' statements it knows, by what it takes to be the same.

use std::collections::HashMap;
use std::sync::Arc;

use crate::protocol::definitions::{Definitions, Shown};
use crate::session::statements::StatementKey;

/// Longest definitions of columns that are kept for a statement, in bytes; for those with longer ones it is prepared again.
const KEPT: usize = 64 * 1024;

/// The statements that a connection has prepared, at most so many.
#[derive(Debug)]
pub struct Statements {
    known: HashMap<Arc<StatementKey>, Known>,
    most: usize,
    clock: u64,
}

/// A statement of this connection.
#[derive(Clone, Debug)]
pub struct Known {
    /// The server's id for it.
    pub id: u32,
    /// The parameters' types that were bound here last, two bytes for each.
    pub types: Option<Box<[u8]>>,
    /// Its columns as whoever executed it here last was sent them, where he keeps definitions.
    pub shown: Shown,
    /// What was sent then, unless it is too long to be kept.
    pub definitions: Option<Arc<Definitions>>,
    /// A session has long data or a cursor here: it is not closed for another's sake.
    pub held: bool,
    used: u64,
}

impl Known {
    /// A statement that was just prepared.
    pub fn new(id: u32) -> Self {
        Self { id, types: None, shown: Shown::default(), definitions: None, held: false, used: 0 }
    }

    /// The server has sent these definitions, and takes them to be known from now on.
    pub fn show(&mut self, shown: Shown, definitions: Arc<Definitions>) {
        self.shown = shown;
        self.definitions = Some(definitions).filter(|definitions| definitions.len() <= KEPT);
    }
}

impl Statements {
    /// None yet, and at most `most` ever.
    pub fn new(most: usize) -> Self {
        Self { known: HashMap::new(), most: most.max(1), clock: 0 }
    }

    /// A statement that is known here, which counts as being used.
    pub fn find(&mut self, key: &StatementKey) -> Option<&mut Known> {
        self.clock += 1;
        let known = self.known.get_mut(key)?;
        known.used = self.clock;
        Some(known)
    }

    /// A statement was prepared under this id. Returns the ids that are to be closed for it: that of the same statement
    /// prepared before, or of the one that was not used for longest.
    #[must_use]
    pub fn insert(&mut self, key: Arc<StatementKey>, known: Known) -> Option<u32> {
        self.clock += 1;
        let former = self.known.insert(key, Known { used: self.clock, ..known });
        match former {
            Some(former) => Some(former.id),
            None if self.known.len() > self.most => self.remove_oldest(),
            None => None,
        }
    }

    /// The statement that was not used for longest, and that nobody holds, is not to be known here any more; returns its id,
    /// which is to be closed.
    pub fn remove_oldest(&mut self) -> Option<u32> {
        let free = self.known.iter().filter(|(_, known)| !known.held);
        let oldest = free.min_by_key(|(_, known)| known.used).map(|(key, _)| Arc::clone(key))?;
        self.remove(&oldest)
    }

    /// A statement is not to be known here any more; returns its id, which is to be closed.
    pub fn remove(&mut self, key: &StatementKey) -> Option<u32> {
        self.known.remove(key).map(|known| known.id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::state::Context;

    fn key(text: &str) -> Arc<StatementKey> {
        Arc::new(StatementKey { text: text.as_bytes().into(), context: Context::default(), instance: 0 })
    }

    #[test]
    fn the_statement_that_was_not_used_for_longest_gives_way() {
        let mut statements = Statements::new(2);
        assert_eq!(statements.insert(key("a"), Known::new(1)), None);
        assert_eq!(statements.insert(key("b"), Known::new(2)), None);
        assert_eq!(statements.find(&key("a")).map(|known| known.id), Some(1));
        assert_eq!(statements.insert(key("c"), Known::new(3)), Some(2));
        assert!(statements.find(&key("b")).is_none());
        assert_eq!(statements.len(), 2);
    }

    #[test]
    fn the_same_statement_prepared_again_takes_the_place_of_the_former() {
        let mut statements = Statements::new(1);
        assert_eq!(statements.insert(key("a"), Known::new(1)), None);
        assert_eq!(statements.insert(key("a"), Known::new(2)), Some(1));
        assert_eq!(statements.find(&key("a")).map(|known| known.id), Some(2));
    }

    #[test]
    fn a_statement_that_somebody_holds_does_not_give_way() {
        let mut statements = Statements::new(1);
        assert_eq!(statements.insert(key("a"), Known { held: true, ..Known::new(1) }), None);
        assert_eq!(statements.insert(key("b"), Known { held: true, ..Known::new(2) }), None);
        assert_eq!(statements.insert(key("c"), Known::new(3)), Some(3));
        assert_eq!(statements.len(), 2);
    }
}
