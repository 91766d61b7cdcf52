//! Keys that nobody knows, with what was probably meant.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use crate::config::document::{Document, join};
use crate::config::nearest::nearest;

/// Refuses every key of the file that the reference does not list.
pub(super) fn refuse_unknown(document: &Document<'_>, root: &DeTable<'_>) {
    walk(document, root, "");
}

/// A key path without its indices: `listener[0].tls` is `listener.tls`.
pub(super) fn without_indices(path: &str) -> String {
    path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect()
}

fn walk(document: &Document<'_>, table: &DeTable<'_>, path: &str) {
    let section = without_indices(path);
    let known = children(&section);
    for (name, value) in table {
        let name = name.get_ref().as_ref();
        let path = join(path, name);
        if !known.contains(name) {
            refuse(document, &path, &section, name, &known);
        } else if !children(&join(&section, name)).is_empty() {
            descend(document, value.get_ref(), &path);
        }
    }
}

fn descend(document: &Document<'_>, value: &DeValue<'_>, path: &str) {
    match value {
        DeValue::Table(table) => walk(document, table, path),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                descend(document, item.get_ref(), &format!("{path}[{index}]"));
            }
        }
        _ => {} // reading the section says that it is none
    }
}

fn refuse(document: &Document<'_>, path: &str, section: &str, name: &str, known: &BTreeSet<&'static str>) {
    let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    let hint = nearest(name, known.iter().copied())
        .map(|name| format!("did you mean `{name}`?"))
        .or_else(|| elsewhere(section, name).map(|section| format!("[{section}] has a key of that name")));
    document.refuse(path, "an unknown key", &names.join(", "), hint);
}

/// Names of keys and sections directly inside a section.
fn children(section: &str) -> BTreeSet<&'static str> {
    crate::config::reference()
        .filter_map(|doc| match section {
            "" => Some(doc.path),
            _ => doc.path.strip_prefix(section)?.strip_prefix('.'),
        })
        .filter_map(|rest| rest.split('.').next())
        .collect()
}

/// The only other section with a key of that name.
fn elsewhere(section: &str, name: &str) -> Option<&'static str> {
    let mut sections =
        crate::config::reference().filter(|doc| doc.name() == name && doc.section() != section);
    let found = sections.next()?.section();
    sections.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_no_part_of_a_key() {
        assert_eq!(without_indices("listener[0].bind[12]"), "listener.bind");
        assert_eq!(without_indices("pool.mode"), "pool.mode");
    }

    #[test]
    fn children_of_a_section_are_its_keys_and_sections() {
        assert!(children("").contains("listener"));
        assert!(children("listener").contains("tls"));
        assert!(children("listener.tls").contains("mode"));
        assert!(children("listener.tls.mode").is_empty());
    }
}
