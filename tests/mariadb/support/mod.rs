//! What the suites share: servers, proxies and clients.

pub mod capabilities;
pub mod chance;
pub mod client;
pub mod compare;
pub mod login;
pub mod proxy;
pub mod relay;
pub mod response;
pub mod server;
pub mod tls;
pub mod wire;

use std::time::{Duration, Instant};

/// Waits until `holds` and fails with `promise` when it does not within twenty seconds.
pub fn eventually(promise: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "in vain: {promise}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
