//! What a real server will not do on request: captured responses through the translation of dialects, and a scripted
//! backend (`fake`) behind the program itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that meets what it does not expect is to fail on the spot"
)]

mod breaking_off;
mod captures;
mod dialect;
mod fake;
mod logins;
mod misbehaviour;
mod session_track;

#[allow(dead_code, reason = "shared with the suite in tests/mariadb, which uses the rest")]
#[path = "../mariadb/support/mod.rs"]
mod support;
