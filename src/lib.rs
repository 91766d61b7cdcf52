//! Sealock: an async MySQL-protocol proxy that stands in front of MariaDB, terminates TLS there and pools connections.
//!
//! ARCHITECTURE.md has the picture: the ranks of the modules, the life of a query and the invariants.

pub mod admin;
pub mod app;
pub mod auth;
pub mod backend;
pub mod cli;
pub mod config;
pub mod frontend;
pub mod migration;
pub mod pool;
pub mod protocol;
pub mod router;
pub mod session;
pub mod sql;
pub mod tasks;
pub mod telemetry;
pub mod tls;
