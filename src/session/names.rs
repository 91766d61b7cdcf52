//! Names of things that a session has on its connection: temporary tables, handlers, locks, prepared statements.

use std::collections::BTreeSet;

/// A set of names, or the knowledge that there is something without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    known: BTreeSet<Box<[u8]>>,
    nameless: bool,
}

impl Names {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && !self.nameless
    }

    /// One more.
    pub fn insert(&mut self, name: &[u8]) {
        self.known.insert(name.into());
    }

    /// One more whose name is not known: only [`Self::clear`] makes the set empty again.
    pub fn insert_nameless(&mut self) {
        self.nameless = true;
    }

    /// One less.
    pub fn remove(&mut self, name: &[u8]) {
        self.known.remove(name);
    }

    /// None is left.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Those with a name; `None` when there is one without.
    pub fn all(&self) -> Option<impl Iterator<Item = &[u8]>> {
        (!self.nameless).then(|| self.known.iter().map(|name| &**name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_is_empty_when_the_last_name_has_gone() {
        let mut names = Names::default();
        names.insert(b"a");
        names.insert(b"b");
        names.remove(b"a");
        assert!(!names.is_empty());
        names.remove(b"b");
        assert!(names.is_empty());
    }

    #[test]
    fn something_without_a_name_stays_until_everything_goes() {
        let mut names = Names::default();
        names.insert_nameless();
        names.remove(b"a");
        assert!(!names.is_empty() && names.all().is_none());
        names.clear();
        assert!(names.is_empty());
    }
}
