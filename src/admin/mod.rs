//! What an operator asks a running proxy: metrics and health over HTTP.
//!
//! Built by `app`, which hands in what is read here; nothing in this module changes the proxy. The endpoint has no
//! authentication, so the configuration lets it listen on loopback or a unix socket only.

pub mod http;
pub mod ready;
