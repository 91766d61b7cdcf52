//! The configuration: one TOML file, parsed into a form that can be run as it is.
//!
//! `app` loads it at start and at every reload, `sealock check` loads it to show what is wrong. The invariant: a
//! [`Config`] that exists is runnable. Values are in range, paths absolute, files there, secrets read; what the code
//! after it does not have to check again. When anything is wrong there is no `Config` but a [`ConfigErrors`] with
//! *every* problem, so reading never stops at the first one: each value parses itself (`value`), records what is
//! wrong with it in the `document`, and answers `None`.
//!
//! One file a section. The keys of a section are constants that carry path, accepted form, default and meaning; what
//! the file is read with, what errors say and what docs/configuration.md lists are therefore the same thing.
//!
//! Loading is synchronous and reads a handful of small files; nothing here is ever cancelled half-way.

mod account;
mod address;
mod admin;
mod auth;
mod backend;
mod certificate_rule;
mod choice;
mod document;
pub mod error;
mod files;
pub mod key;
mod limits;
mod listener;
mod load;
mod log;
mod migration;
pub mod model;
mod nearest;
mod pool;
mod reload;
mod rules;
mod runtime;
mod secret;
mod section;
mod service;
mod shadow;
mod shutdown;
mod tls;
mod unknown;
mod value;

pub use error::{ConfigErrors, Problem};
pub use key::{KeyDefault, KeyDoc};
pub use load::reference;
pub use model::{
    Account, Address, Admin, Auth, AuthPlugin, Backend, BackendLogin, BackendTls, BackendTlsMode, Config,
    Credential, Limits, Listener, ListenerTls, ListenerTlsMode, Log, LogFormat, Pool, PoolMode, Runtime,
    Secret, Service, Shutdown, TlsVersion,
};
