//! A section of the file, asked for its keys one by one.

use toml::de::{DeTable, DeValue};

use crate::config::document::{Document, join};
use crate::config::key::{Key, KeyDefault};
use crate::config::value::{Node, Value};

/// One table of the file, or the absence of it. Whatever answers `None` has recorded a problem.
pub(super) struct Section<'a> {
    document: &'a Document<'a>,
    path: String,
    table: Option<&'a DeTable<'a>>,
}

/// Builds a struct of values that may have failed to parse: all are read before the first failure counts.
macro_rules! assemble {
    ($type:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        $(let $field = $value;)*
        Some($type { $($field: $field?),* })
    }};
}
pub(super) use assemble;

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn root(document: &'a Document<'a>, table: &'a DeTable<'a>) -> Self {
        Self { document, path: String::new(), table: Some(table) }
    }

    /// The value of a key, or its default.
    pub(super) fn value<T: Value>(&self, key: &Key<T>) -> Option<T> {
        match (self.optional(key)?, key.doc().default) {
            (Some(value), _) => Some(value),
            (None, KeyDefault::Toml(default)) => self.default(key, default),
            (None, _) => {
                self.document.miss(&self.path_of(key.doc().name()), key.doc().accepts);
                None
            }
        }
    }

    /// The value of a key, if it is there.
    pub(super) fn optional<T: Value>(&self, key: &Key<T>) -> Option<Option<T>> {
        match self.raw(key.doc().name()) {
            Some(value) => self.read(key, value).map(Some),
            None => Some(None),
        }
    }

    /// A table inside this one.
    pub(super) fn table(&self, name: &str) -> Option<Section<'a>> {
        let path = self.path_of(name);
        match self.raw(name) {
            None => Some(self.inner(path, None)),
            Some(DeValue::Table(table)) => Some(self.inner(path, Some(table))),
            Some(other) => {
                let accepted =
                    format!("a [{}] section, once", crate::config::unknown::without_indices(&path));
                self.document.refuse(&path, other.type_str(), &accepted, None);
                None
            }
        }
    }

    /// The tables of an array of tables; those that are no tables are `None`.
    pub(super) fn tables(&self, name: &str) -> Vec<Option<Section<'a>>> {
        let accepted = format!("[[{name}]] sections, in double brackets");
        match self.raw(name) {
            None => Vec::new(),
            Some(DeValue::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let path = format!("{}[{index}]", self.path_of(name));
                    match item.get_ref() {
                        DeValue::Table(table) => Some(self.inner(path, Some(table))),
                        other => {
                            self.document.refuse(&path, other.type_str(), &accepted, None);
                            None
                        }
                    }
                })
                .collect(),
            Some(other) => {
                self.document.refuse(&self.path_of(name), other.type_str(), &accepted, None);
                vec![None]
            }
        }
    }

    /// Whether the section is in the file.
    pub(super) fn exists(&self) -> bool {
        self.table.is_some()
    }

    /// Whether a key is in the section.
    pub(super) fn has<T: Value>(&self, key: &Key<T>) -> bool {
        self.raw(key.doc().name()).is_some()
    }

    /// Whether a key says `true` or `false`, before any check.
    pub(super) fn truth(&self, key: &Key<bool>) -> Option<bool> {
        self.raw(key.doc().name())?.as_bool()
    }

    /// The texts of a key with their key paths, before any check: one text, or each of a list.
    pub(super) fn texts(&self, name: &str) -> Vec<(String, String)> {
        let path = self.path_of(name);
        match self.raw(name) {
            Some(DeValue::String(text)) => vec![(path, text.to_string())],
            Some(DeValue::Array(items)) => items
                .iter()
                .enumerate()
                .filter_map(|(i, item)| Some((format!("{path}[{i}]"), item.get_ref().as_str()?.to_owned())))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Records that a key does not fit the others. `None`, to be returned.
    pub(super) fn refuse<T: Value, R>(
        &self,
        key: &Key<T>,
        found: impl Into<String>,
        accepted: &str,
    ) -> Option<R> {
        self.document.refuse(&self.path_of(key.doc().name()), found, accepted, None);
        None
    }

    /// Records a problem when only one of two keys is given that need each other.
    pub(super) fn refuse_lonely<T: Value, U: Value>(&self, one: &Key<T>, other: &Key<U>) {
        let (first, second) = (one.doc().name(), other.doc().name());
        let accepted = format!("`{first}` and `{second}` together, or neither");
        let missing = match (self.has(one), self.has(other)) {
            (true, false) => (second, first),
            (false, true) => (first, second),
            _ => return,
        };
        let found = format!("nothing, though `{}` is given", missing.1);
        self.document.refuse(&self.path_of(missing.0), found, &accepted, None);
    }

    /// Records a problem, at `key`, unless exactly one of several keys is given. `None` after that.
    pub(super) fn refuse_unless_one<T: Value>(
        &self,
        key: &Key<T>,
        given: &[&str],
        accepted: &str,
    ) -> Option<()> {
        match given {
            [_] => Some(()),
            [] => {
                self.document.miss(&self.path_of(key.doc().name()), accepted);
                None
            }
            several => {
                let names: Vec<String> = several.iter().map(|name| format!("`{name}`")).collect();
                let last = several.last().copied().unwrap_or_default();
                self.document.refuse(&self.path_of(last), names.join(" and "), accepted, None);
                None
            }
        }
    }

    /// The file this is a part of.
    pub(super) fn document(&self) -> &'a Document<'a> {
        self.document
    }

    /// The path of a key of this section.
    pub(super) fn path_of(&self, name: &str) -> String {
        join(&self.path, name)
    }

    fn inner(&self, path: String, table: Option<&'a DeTable<'a>>) -> Section<'a> {
        Section { document: self.document, path, table }
    }

    fn raw(&self, name: &str) -> Option<&'a DeValue<'a>> {
        Some(self.table?.get(name)?.get_ref())
    }

    fn read<T: Value>(&self, key: &Key<T>, value: &DeValue<'_>) -> Option<T> {
        debug_assert!(
            crate::config::reference().any(|doc| doc.path == key.doc().path),
            "{} is read but not listed in its section's KEYS",
            key.doc().path
        );
        let node = Node::new(self.document, self.path_of(key.doc().name()), value, key.doc().accepts);
        let parsed = T::read(&node)?;
        if key.admits(&parsed) { Some(parsed) } else { node.refuse(T::describe(value)) }
    }

    /// Defaults go through the parser that values in the file go through.
    fn default<T: Value>(&self, key: &Key<T>, default: &str) -> Option<T> {
        match DeValue::parse(default) {
            Ok(value) => self.read(key, value.get_ref()),
            Err(error) => self.refuse(key, error.message(), key.doc().accepts),
        }
    }
}
