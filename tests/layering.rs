//! The ranks of the modules: each imports from strictly lower ones only.
//!
//! ARCHITECTURE.md has the table for people; this is the one that counts. A module that is not in it fails the test, so that
//! nobody forgets to think about where it belongs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a source that cannot be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the lowest rank to the highest.
const RANKS: &[&[&str]] = &[
    &["config", "protocol", "sql", "telemetry", "tasks"],
    &["auth", "tls", "session"],
    &["backend", "cache", "migration"],
    &["pool", "router"],
    &["frontend"],
    &["admin"],
    &["app"],
    &["cli"],
    &["main"],
];

fn rank(module: &str) -> Option<usize> {
    RANKS.iter().position(|modules| modules.contains(&module))
}

#[test]
fn modules_import_from_lower_ranks_only() {
    let mut broken = Vec::new();
    for file in sources(&root()) {
        let module = top_level_module(&file);
        if module == "lib" {
            continue;
        }
        let own = rank(&module).unwrap_or_else(|| panic!("{module} has no rank: {}", file.display()));
        let text = fs::read_to_string(&file).unwrap();
        let path = if module == "main" { "sealock::" } else { "crate::" };
        for imported in imports(&text, path).into_iter().filter(|imported| *imported != module) {
            match rank(&imported) {
                Some(other) if other < own => {}
                Some(_) => broken.push(format!("{}: {module} may not use {imported}", file.display())),
                None => {
                    broken.push(format!("{}: `crate::{imported}` is no module with a rank", file.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_form_of_import_is_seen() {
    let text = "use crate::auth::Salt;\nuse crate::{config::{self, Config}, tls};\n\
                let x = crate::pool::new(crate::sql::lexer::new());\ncrate::label!(Kind);\nsealock::tls\n\
                // crate::router is only mentioned here\n/// as is [`crate::frontend`] in documentation\n";
    let expected = ["auth", "config", "pool", "sql", "tls"].map(str::to_owned);
    assert_eq!(imports(text, "crate::"), BTreeSet::from(expected));
}

#[test]
fn every_module_of_the_library_has_a_rank() {
    let text = fs::read_to_string(root().join("lib.rs")).unwrap();
    let declared: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(declared.len() > 5, "{declared:?}");
    for module in declared {
        assert!(rank(module).is_some(), "{module} has no rank");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn top_level_module(file: &Path) -> String {
    let first = file.strip_prefix(root()).unwrap().components().next().unwrap();
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The top-level modules that a source names after `path`; comments and macros do not count.
fn imports(text: &str, path: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(path) {
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            Some(list) => found.extend(names_in_list(list)),
            None => found.extend(name(rest)),
        }
    }
    found
}

/// The first names of `a::b, c, d::{e, f}}`, up to the brace that closes the list.
fn names_in_list(list: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let mut names: Vec<String> = name(list.trim_start()).into_iter().collect();
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.extend(name(list[at + 1..].trim_start())),
            _ => {}
        }
    }
    names
}

fn name(text: &str) -> Option<String> {
    let end = text
        .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .unwrap_or(text.len());
    let name = &text[..end];
    let module =
        name.starts_with(|character: char| character.is_ascii_lowercase()) && !text[end..].starts_with('!');
    module.then(|| name.to_owned())
}
