//! What an operator asks a running proxy, over HTTP: metrics, health, who is connected, how full the pools are.
//!
//! Built by `app`, which hands in what is read and commanded here; only [`command`] changes anything. The endpoint has no
//! authentication, so the configuration lets it listen on loopback or a unix socket only.
//!
//! The read models ([`sessions`], [`pools`], [`ready`]) are plain data that both sides know: the endpoint writes them as
//! JSON and `sealock status` reads them. Field names are stable: fields are added, not renamed.

mod connections;

pub mod accounts;
pub mod certificates;
pub mod command;
pub mod http;
pub mod pools;
pub mod ready;
pub mod reloads;
pub mod sessions;
pub mod stages;
pub mod views;
