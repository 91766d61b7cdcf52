//! Sealock: an async MySQL-protocol proxy that stands in front of MariaDB, terminates TLS there and pools connections.
//!
//! ARCHITECTURE.md has the picture: the ranks of the modules, the life of a query and the invariants.

pub mod cli;
pub mod config;
pub mod protocol;
pub mod tasks;
pub mod tls;
