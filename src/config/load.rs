//! From a file to a [`Config`], or to everything that is wrong with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::document::Document;
use crate::config::error::{ConfigErrors, Problem};
use crate::config::key::KeyDoc;
use crate::config::model::Config;
use crate::config::section::{Section, assemble};
use crate::config::{
    account, admin, auth, backend, certificate_rule, limits, listener, log, migration, pool, reload, rules,
    runtime, service, shadow, shutdown, tls, unknown,
};

/// Every key, section by section in the order of docs/configuration.md.
pub fn reference() -> impl Iterator<Item = &'static KeyDoc> {
    const SECTIONS: [&[KeyDoc]; 16] = [
        listener::KEYS,
        shadow::KEYS,
        backend::KEYS,
        account::KEYS,
        certificate_rule::KEYS,
        auth::KEYS,
        pool::KEYS,
        limits::KEYS,
        service::KEYS,
        tls::KEYS,
        reload::KEYS,
        migration::KEYS,
        shutdown::KEYS,
        log::KEYS,
        admin::KEYS,
        runtime::KEYS,
    ];
    SECTIONS.into_iter().flatten()
}

impl Config {
    /// Reads a configuration file and the secret files that it names.
    ///
    /// # Errors
    /// Every problem there is: see [`ConfigErrors`].
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        Self::parse(&Self::read_text(path)?, path)
    }

    /// Reads a configuration file without looking at what is in it.
    ///
    /// # Errors
    /// It cannot be read, or is not UTF-8.
    pub fn read_text(path: &Path) -> Result<String, ConfigErrors> {
        std::fs::read_to_string(path).map_err(|error| {
            let (file, accepted) = (path.to_owned(), "a readable file of TOML in UTF-8".to_owned());
            let found = error.to_string();
            let problem = Problem { file, line: None, key: String::new(), found, accepted, hint: None };
            ConfigErrors::new(vec![problem])
        })
    }

    /// The files that a text names as far as it can be understood, there or not: certificates, keys, secrets.
    pub fn files_named_by(text: &str, file: &Path) -> BTreeSet<PathBuf> {
        let (document, table) = Document::parse(text, file);
        let _config = read(&Section::root(&document, &table));
        document.into_files()
    }

    /// Parses the text of a configuration file. `file` is named in problems, and relative paths start at its directory.
    ///
    /// # Errors
    /// Every problem there is: see [`ConfigErrors`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigErrors> {
        let (document, table) = Document::parse(text, file);
        let config = read(&Section::root(&document, &table));
        unknown::refuse_unknown(&document, &table);
        match (document.into_errors(), config) {
            (None, Some(config)) => Ok(config),
            (errors, config) => {
                debug_assert!(errors.is_some() || config.is_some(), "a value failed without saying why");
                Err(errors.unwrap_or_else(|| ConfigErrors::new(Vec::new())))
            }
        }
    }
}

fn read(root: &Section<'_>) -> Option<Config> {
    rules::check(root);
    assemble!(Config {
        listeners: each(root, "listener", listener::read),
        backends: each(root, "backend", backend::read),
        accounts: each(root, "account", account::read),
        certificate_rules: each(root, "certificate_rule", certificate_rule::read),
        auth: root.table("auth").and_then(|section| auth::read(&section)),
        pool: root.table("pool").and_then(|section| pool::read(&section)),
        limits: root.table("limits").and_then(|section| limits::read(&section)),
        service: root.table("service").and_then(|section| service::read(&section)),
        tls: root.table("tls").and_then(|section| tls::read(&section)),
        reload: root.table("reload").and_then(|section| reload::read(&section)),
        migration: root.table("migration").and_then(|section| migration::read(&section)),
        shutdown: root.table("shutdown").and_then(|section| shutdown::read(&section)),
        log: root.table("log").and_then(|section| log::read(&section)),
        admin: root.table("admin").and_then(|section| admin::read(&section)),
        runtime: root.table("runtime").and_then(|section| runtime::read(&section)),
    })
}

/// Reads all sections of a name, also after one that failed.
fn each<T>(root: &Section<'_>, name: &str, read: fn(&Section<'_>) -> Option<T>) -> Option<Vec<T>> {
    let all: Vec<Option<T>> = root.tables(name).into_iter().map(|section| read(&section?)).collect();
    all.into_iter().collect()
}
