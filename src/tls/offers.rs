//! Which key-exchange groups clients offer: what tells whether an estate is ready for X25519MLKEM768, or still without it.
//!
//! Offers are counted at each ClientHello, by a closed list of groups; what was agreed on is in [`crate::tls::metrics`].

use std::sync::Arc;

use rustls::NamedGroup;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::telemetry::{Family, Registry, names};

/// A group that clients offer, as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferedGroup {
    /// The hybrid that withstands quantum computers (draft-ietf-tls-ecdhe-mlkem).
    X25519MlKem768,
    /// The same over P-256.
    Secp256r1MlKem768,
    /// X25519 (RFC 7748).
    X25519,
    /// X448 (RFC 7748).
    X448,
    /// P-256.
    Secp256r1,
    /// P-384.
    Secp384r1,
    /// P-521.
    Secp521r1,
    /// Finite fields (RFC 7919).
    Ffdhe,
    /// Anything else, GREASE (RFC 8701) included; once a ClientHello.
    Other,
    /// The client does not say.
    Unsaid,
}

crate::label!(OfferedGroup {
    X25519MlKem768 => "X25519MLKEM768",
    Secp256r1MlKem768 => "secp256r1MLKEM768",
    X25519 => "X25519",
    X448 => "X448",
    Secp256r1 => "secp256r1",
    Secp384r1 => "secp384r1",
    Secp521r1 => "secp521r1",
    Ffdhe => "ffdhe",
    Other => "other",
    Unsaid => "unsaid",
});

/// Counts offers, and shows every client the same certificate.
#[derive(Debug)]
pub(super) struct CountingResolver {
    pub(super) certificate: SingleCertAndKey,
    pub(super) offers: Arc<Offers>,
}

impl ResolvesServerCert for CountingResolver {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.offers.observe(client_hello.named_groups());
        self.certificate.resolve(client_hello)
    }
}

/// Counters of offers.
pub struct Offers(Family<OfferedGroup>);

impl Offers {
    /// Resolves them.
    pub fn new(registry: &Registry) -> Self {
        Self(registry.counters(&names::TLS_OFFERED_GROUPS, &[]))
    }

    fn observe(&self, groups: Option<&[NamedGroup]>) {
        let mut offered: Vec<OfferedGroup> =
            groups.map_or_else(|| vec![OfferedGroup::Unsaid], |groups| groups.iter().map(offered).collect());
        offered.sort_unstable_by_key(|group| *group as u8);
        offered.dedup();
        offered.into_iter().for_each(|group| self.0.increment(group));
    }
}

impl std::fmt::Debug for Offers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Offers")
    }
}

fn offered(group: &NamedGroup) -> OfferedGroup {
    match *group {
        NamedGroup::X25519MLKEM768 => OfferedGroup::X25519MlKem768,
        NamedGroup::secp256r1MLKEM768 => OfferedGroup::Secp256r1MlKem768,
        NamedGroup::X25519 => OfferedGroup::X25519,
        NamedGroup::X448 => OfferedGroup::X448,
        NamedGroup::secp256r1 => OfferedGroup::Secp256r1,
        NamedGroup::secp384r1 => OfferedGroup::Secp384r1,
        NamedGroup::secp521r1 => OfferedGroup::Secp521r1,
        NamedGroup::FFDHE2048
        | NamedGroup::FFDHE3072
        | NamedGroup::FFDHE4096
        | NamedGroup::FFDHE6144
        | NamedGroup::FFDHE8192 => OfferedGroup::Ffdhe,
        _ => OfferedGroup::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_group_counts_once_a_client_hello_however_often_it_is_there() {
        let registry = Registry::new();
        let offers = Offers::new(&registry);
        let grease = [NamedGroup::Unknown(0x0a0a), NamedGroup::Unknown(0x1a1a), NamedGroup::X25519];
        offers.observe(Some(&grease));
        offers.observe(Some(&[NamedGroup::X25519MLKEM768, NamedGroup::FFDHE2048, NamedGroup::FFDHE3072]));
        offers.observe(None);
        let text = registry.render();
        for (group, count) in
            [("other", 1), ("X25519", 1), ("X25519MLKEM768", 1), ("ffdhe", 1), ("unsaid", 1), ("X448", 0)]
        {
            let line = format!("sealock_tls_offered_groups_total{{group=\"{group}\"}} {count}\n");
            assert!(text.contains(&line), "{line} in {text}");
        }
    }
}
