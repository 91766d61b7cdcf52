//! What is counted of TLS handshakes, the same on both sides of the proxy.
//!
//! `frontend` and `backend` keep one [`TlsMetrics`] each and show it every handshake that came to an end. Handshakes that
//! were given up for lack of time do not come by; whoever gave up counts them.

use std::sync::Arc;

use rustls::ProtocolVersion;

use crate::config::model::TlsVersion;
use crate::telemetry::label::Side;
use crate::telemetry::{Counter, Family, Label as _, Registry, names};
use crate::tls::cause::HandshakeCause;
use crate::tls::provider;
use crate::tls::stream::{HandshakeError, MaybeTls, TlsInfo};

/// Group of a TLS 1.2 session that was resumed: there was no key exchange.
const NO_GROUP: &str = "none";

/// Handles for one side.
pub struct TlsMetrics {
    registry: Arc<Registry>,
    side: Side,
    /// On the clients' side failures are refusals, and counted there.
    failures: Option<Family<HandshakeCause>>,
    resumptions: Family<TlsVersion>,
}

impl TlsMetrics {
    /// Resolves a counter for each cause of failure and for each version and group that can be agreed on.
    pub fn new(registry: &Arc<Registry>, side: Side) -> Self {
        let failures = match side {
            Side::Backend => Some(registry.counters(&names::TLS_HANDSHAKE_FAILURES, &[side.label()])),
            Side::Client => None,
        };
        let resumptions = registry.counters(&names::TLS_RESUMPTIONS, &[side.label()]);
        let metrics = Self { registry: Arc::clone(registry), side, failures, resumptions };
        for (version, group) in possible() {
            let _zero = metrics.completed(version, group);
        }
        metrics
    }

    /// Counts a handshake that succeeded or failed.
    pub fn observe(&self, outcome: &Result<MaybeTls, HandshakeError>) {
        match outcome {
            Ok(stream) => stream.tls_info().iter().for_each(|info| self.succeeded(info)),
            Err(error) => self.failures.iter().for_each(|failures| failures.increment(error.cause())),
        }
    }

    fn succeeded(&self, info: &TlsInfo) {
        if info.resumed {
            self.resumptions.increment(info.version);
        }
        self.completed(info.version, info.group.unwrap_or(NO_GROUP)).increment(1);
    }

    /// Looked up by name: handshakes are far dearer than that.
    fn completed(&self, version: TlsVersion, group: &str) -> Counter {
        self.registry.counter(&names::TLS_HANDSHAKES, &[self.side.label(), version.protocol_name(), group])
    }
}

crate::label!(TlsVersion { V1_2 => "TLSv1.2", V1_3 => "TLSv1.3" });

/// What a handshake can end with.
fn possible() -> Vec<(TlsVersion, &'static str)> {
    let mut possible = vec![(TlsVersion::V1_2, NO_GROUP)];
    for group in &provider().kx_groups {
        let Some(name) = group.name().as_str() else { continue };
        if group.usable_for_version(ProtocolVersion::TLSv1_2) {
            possible.push((TlsVersion::V1_2, name));
        }
        if group.usable_for_version(ProtocolVersion::TLSv1_3) {
            possible.push((TlsVersion::V1_3, name));
        }
    }
    possible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_agreed_on_is_there_before_the_first_handshake() {
        let registry = Arc::new(Registry::new());
        let _metrics = TlsMetrics::new(&registry, Side::Client);
        let text = registry.render();
        for labels in [
            r#"version="TLSv1.3",group="X25519MLKEM768""#,
            r#"version="TLSv1.3",group="X25519""#,
            r#"version="TLSv1.2",group="X25519""#,
            r#"version="TLSv1.2",group="none""#,
        ] {
            let line = format!("sealock_tls_handshakes_total{{side=\"client\",{labels}}} 0\n");
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert!(!text.contains(r#"version="TLSv1.2",group="X25519MLKEM768""#), "{text}");
    }

    #[test]
    fn both_outcomes_are_counted_on_their_side() {
        let registry = Arc::new(Registry::new());
        let metrics = TlsMetrics::new(&registry, Side::Backend);
        metrics.observe(&Err(HandshakeError::Closed));
        metrics.succeeded(&TlsInfo {
            version: TlsVersion::V1_3,
            cipher: "TLS13_AES_256_GCM_SHA384",
            group: Some("X25519"),
            resumed: false,
            peer_leaf_fingerprint: None,
            peer_certificate: None,
        });
        let text = registry.render();
        for line in [
            "sealock_tls_handshake_failures_total{side=\"backend\",cause=\"closed\"} 1\n",
            "sealock_tls_handshakes_total{side=\"backend\",version=\"TLSv1.3\",group=\"X25519\"} 1\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
