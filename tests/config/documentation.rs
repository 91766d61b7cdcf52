//! docs/configuration.md and config/sealock.toml list every key that the code reads, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sealock::config::{KeyDefault, reference};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The sections of docs/configuration.md as the code knows them.
fn tables() -> String {
    let mut section = "";
    let mut text = String::new();
    for doc in reference() {
        if doc.section() != section {
            section = doc.section();
            let heading = match section {
                "listener" | "backend" | "account" | "certificate_rule" => format!("[[{section}]]"),
                _ => format!("[{section}]"),
            };
            text +=
                &format!("\n## `{heading}`\n\n| key | accepted | default | meaning |\n|---|---|---|---|\n");
        }
        text += &format!("{doc}\n");
    }
    text
}

#[test]
fn the_manual_is_what_the_code_says() {
    let manual = read("docs/configuration.md");
    let listed = manual.split_once("\n## `[[listener]]`").map_or("", |(_, rest)| rest);
    let expected = tables();
    let expected = expected.split_once("\n## `[[listener]]`").unwrap().1;
    assert!(
        listed == expected,
        "docs/configuration.md must end with these sections:\n\n## `[[listener]]`{expected}"
    );
}

/// Keys of the annotated file, also those in comments, with their text after ` = `.
fn annotated() -> Vec<(String, String)> {
    let text = read("config/sealock.toml");
    let mut section = String::new();
    let mut keys = Vec::new();
    for line in text.lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        let is_key = |key: &str| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).to_owned();
        } else if let Some((key, value)) = line.split_once(" = ").filter(|(key, _)| is_key(key)) {
            keys.push((format!("{section}.{key}"), value.to_owned()));
        }
    }
    keys
}

#[test]
fn the_annotated_file_has_every_key_in_its_section_once() {
    let listed = annotated();
    let paths: BTreeSet<&str> = listed.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, reference().map(|doc| doc.path).collect());
    assert_eq!(paths.len(), listed.len());
}

#[test]
fn the_annotated_file_shows_every_default() {
    let listed = annotated();
    for doc in reference() {
        if let KeyDefault::Toml(default) = doc.default {
            let (_, shown) = listed.iter().find(|(path, _)| path == doc.path).unwrap();
            assert_eq!(shown, default, "{}", doc.path);
        }
    }
}

#[test]
fn no_key_is_documented_twice_or_in_silence() {
    let paths: BTreeSet<&str> = reference().map(|doc| doc.path).collect();
    assert_eq!(paths.len(), reference().count());
    for doc in reference() {
        assert!(!doc.accepts.is_empty() && !doc.text.is_empty(), "{}", doc.path);
        assert!(!doc.accepts.contains('|') && !doc.text.contains('|'), "{} breaks its table", doc.path);
    }
}
