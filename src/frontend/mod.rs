//! The client's side: from an accepted connection to the last byte of the last response.
//!
//! `app` binds the listeners ([`listener`]) and publishes each generation of the configuration ([`context::Context`]).
//! A connection goes through [`handshake`], whose states consume one another, and then through the loop in [`serve`],
//! in one task that owns both sides. Dropping that task's future closes the client and gives the backend connection to
//! the pool, which kills what still runs on it.

pub mod account_watch;
pub mod activity;
mod binlog;
mod change_user;
pub mod client;
pub mod client_stream;
pub mod context;
pub mod entrance;
pub mod error;
pub mod handshake;
pub mod idle;
pub mod limits;
pub mod listener;
pub mod login;
pub mod login_error;
pub mod metrics;
pub mod multiplex;
pub mod proxy_protocol;
mod recheck;
pub mod refusal;
pub mod registry;
mod relay;
pub mod relay_login;
pub mod rewrite;
pub mod rotation;
mod send;
pub mod serve;
pub mod session;
pub mod standing;
