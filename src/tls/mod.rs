//! TLS: sockets, streams that may be encrypted, and the certificates on both sides.
//!
//! `frontend` accepts through [`stream::accept`], `backend` connects through [`stream::connect`]; `app` builds the
//! configurations of both ([`server`], [`client`]) at start and at each reload. Nothing here retries, falls back to
//! plaintext, or skips a verification that was asked for.

pub mod client;
pub mod fingerprint;
pub mod packets;
pub mod read_buffer;
pub mod socket;
pub mod stream;
