//! The proxy against a real MariaDB, with real clients.
//!
//! One binary, one scratch server (`support::server`), as many proxies as the tests want (`support::proxy`). Every test makes
//! its own schema and its own accounts, so that they run at the same time in any order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that meets what it does not expect is to fail on the spot"
)]

mod accounts;
mod adoption;
mod authentication;
mod bad_input;
mod behaviours;
mod causes;
mod change_user;
mod clients;
mod differential;
mod drain;
mod failover;
mod faults;
mod fleet;
mod leaks;
mod lifecycle;
mod limits;
mod observability;
mod openstack;
mod pool;
mod reload;
mod replication;
mod rotation;
mod shadow;
mod stages;
mod support;
mod transport;
