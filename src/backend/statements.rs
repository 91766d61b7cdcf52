//! Prepared statements on one connection: which sessions' statements it knows, by what it takes to be the same.

use std::collections::HashMap;
use std::sync::Arc;

use crate::session::statements::StatementKey;

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
    used: u64,
}

impl Known {
    /// A statement that was just prepared.
    pub fn new(id: u32) -> Self {
        Self { id, types: None, used: 0 }
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
    pub fn insert(&mut self, key: Arc<StatementKey>, id: u32) -> Option<u32> {
        self.clock += 1;
        let former = self.known.insert(key, Known { id, types: None, used: self.clock });
        if former.is_some() || self.known.len() <= self.most {
            return former.map(|former| former.id);
        }
        let oldest = self.known.iter().min_by_key(|(_, known)| known.used);
        let oldest = oldest.map(|(key, _)| Arc::clone(key))?;
        self.known.remove(&oldest).map(|known| known.id)
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
        assert_eq!(statements.insert(key("a"), 1), None);
        assert_eq!(statements.insert(key("b"), 2), None);
        assert_eq!(statements.find(&key("a")).map(|known| known.id), Some(1));
        assert_eq!(statements.insert(key("c"), 3), Some(2));
        assert!(statements.find(&key("b")).is_none());
        assert_eq!(statements.len(), 2);
    }

    #[test]
    fn the_same_statement_prepared_again_takes_the_place_of_the_former() {
        let mut statements = Statements::new(1);
        assert_eq!(statements.insert(key("a"), 1), None);
        assert_eq!(statements.insert(key("a"), 2), Some(1));
        assert_eq!(statements.find(&key("a")).map(|known| known.id), Some(2));
    }
}
