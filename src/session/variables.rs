//! The variables in which a session differs from its baseline, with the values that the server reported.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::session::baseline::Baseline;

/// Differences from a [`Baseline`], by lower-case name. Cheap to clone and to compare.
#[derive(Clone, Debug, Default)]
pub struct Variables(Option<Arc<Values>>);

type Values = BTreeMap<Box<str>, Box<[u8]>>;

impl Variables {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().flat_map(|values| values.iter()).map(|(name, value)| (&**name, &**value))
    }

    /// The value of one that differs from the baseline.
    pub fn changed(&self, name: &str) -> Option<&[u8]> {
        self.0.as_ref()?.get(name).map(|value| &**value)
    }

    /// The value that is in force.
    pub fn value<'a>(&'a self, name: &str, baseline: &'a Baseline) -> Option<&'a [u8]> {
        self.changed(name).or_else(|| baseline.value(name))
    }

    /// The server reported this value.
    pub fn assign(&mut self, name: &str, value: &[u8], baseline: &Baseline) {
        let default = baseline.value(name) == Some(value);
        if self.changed(name) == Some(value) || (default && self.changed(name).is_none()) {
            return;
        }
        let mut values = self.0.take().map(Arc::unwrap_or_clone).unwrap_or_default();
        if default {
            values.remove(name);
        } else {
            values.insert(name.into(), value.into());
        }
        self.0 = (!values.is_empty()).then(|| Arc::new(values));
    }

    /// Nothing is known to differ any more; for variables without a default.
    pub fn forget(&mut self, name: &str) {
        if self.changed(name).is_some() {
            let mut values = self.0.take().map(Arc::unwrap_or_clone).unwrap_or_default();
            values.remove(name);
            self.0 = (!values.is_empty()).then(|| Arc::new(values));
        }
    }

    /// The same values as differences from another baseline.
    #[must_use]
    pub fn rebased(&self, from: &Baseline, to: &Baseline) -> Self {
        let mut rebased = Self::default();
        for (name, value) in from.settings() {
            let value = self.changed(name).unwrap_or(value);
            if to.value(name).is_some() {
                rebased.assign(name, value, to);
            }
        }
        for (name, value) in self.iter().filter(|(name, _)| from.value(name).is_none()) {
            rebased.assign(name, value, to);
        }
        rebased
    }

    /// What has to be set, and to what, to get from `self` to `to`; both differ from the same baseline. `None` as a value:
    /// the baseline does not know the variable, so it can only be set to its default.
    pub fn changes<'a>(
        &'a self,
        to: &'a Self,
        baseline: &'a Baseline,
    ) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> {
        let set = to.iter().filter(|(name, value)| self.changed(name) != Some(*value));
        let gone = self.iter().filter(|(name, _)| to.changed(name).is_none());
        set.map(|(name, value)| (name, Some(value))).chain(gone.map(|(name, _)| (name, baseline.value(name))))
    }
}

impl PartialEq for Variables {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
            _ => false,
        }
    }
}

impl Eq for Variables {}

impl std::hash::Hash for Variables {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(values: &[(&str, &str)]) -> Baseline {
        let row = |(name, value): &(&str, &str)| {
            [*name, *value, "VARCHAR"].map(|text| Some(text.as_bytes().to_vec())).to_vec()
        };
        Baseline::new(&values.iter().map(row).collect::<Vec<_>>())
    }

    fn variables(values: &[(&str, &str)], baseline: &Baseline) -> Variables {
        let mut variables = Variables::default();
        values.iter().for_each(|(name, value)| variables.assign(name, value.as_bytes(), baseline));
        variables
    }

    #[test]
    fn a_variable_that_is_set_back_to_its_default_is_no_difference() {
        let baseline = baseline(&[("autocommit", "ON")]);
        let there_and_back = variables(&[("autocommit", "OFF"), ("autocommit", "ON")], &baseline);
        assert_eq!(there_and_back, Variables::default());
        assert_eq!(there_and_back.value("autocommit", &baseline), Some(&b"ON"[..]));
    }

    #[test]
    fn changes_lead_from_one_set_to_another() {
        let baseline = baseline(&[("a", "0"), ("b", "0"), ("c", "0")]);
        let from = variables(&[("a", "1"), ("b", "1")], &baseline);
        let to = variables(&[("b", "1"), ("c", "2"), ("d", "3")], &baseline);
        let mut changes: Vec<_> = from.changes(&to, &baseline).collect();
        changes.sort_unstable();
        assert_eq!(changes, [("a", Some(&b"0"[..])), ("c", Some(&b"2"[..])), ("d", Some(&b"3"[..]))]);
        assert_eq!(from.changes(&from, &baseline).count(), 0);
    }

    #[test]
    fn under_another_baseline_a_session_keeps_the_values_that_it_started_with() {
        let (old, new) = (baseline(&[("a", "1"), ("b", "x")]), baseline(&[("a", "2"), ("b", "y")]));
        let session = variables(&[("b", "y")], &old);
        let rebased = session.rebased(&old, &new);
        assert_eq!(rebased.iter().collect::<Vec<_>>(), [("a", &b"1"[..])]);
        assert_eq!(rebased.rebased(&new, &old), session);
    }
}
