//! When what is in use ends: metrics for each certificate and revocation list, and what an operator should look at.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::frontend::context::Context;
use crate::telemetry::{Label as _, Registry, names};
use crate::tls::certificate::Certificate;
use crate::tls::identity::Identity;
use crate::tls::problem::date;

/// Which certificate of an identity, as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Leaf,
    Intermediate,
    Ca,
}

crate::label!(Part { Leaf => "leaf", Intermediate => "intermediate", Ca => "ca" });

/// Everything that ends, by the name that it has in the configuration.
#[derive(Default)]
struct Ends {
    certificates: BTreeMap<(String, Part), OffsetDateTime>,
    /// Of listeners with TLS; none where no list says when it ends.
    lists: BTreeMap<String, Option<OffsetDateTime>>,
}

/// Name of a listener in metrics and views.
pub(super) fn listener_name(index: usize) -> String {
    format!("listener[{index}]")
}

/// Name of a backend in metrics and views.
pub(super) fn backend_name(name: &str) -> String {
    format!("backend.{name}")
}

/// Records when what `context` uses ends, and that what only `before` used is gone.
pub(super) fn record(registry: &Registry, context: &Context, before: Option<&Context>) {
    let (ends, former) = (Ends::of(context), before.map(Ends::of).unwrap_or_default());
    let not_after = |(identity, part): &(String, Part)| {
        registry.gauge(&names::CERTIFICATE_NOT_AFTER, &[identity, part.label()])
    };
    let next_update = |identity: &String| registry.gauge(&names::CRL_NEXT_UPDATE, &[identity]);
    let gone = former.certificates.keys().filter(|key| !ends.certificates.contains_key(key));
    gone.for_each(|key| not_after(key).set(f64::NAN));
    let gone = former.lists.keys().filter(|key| !ends.lists.contains_key(*key));
    gone.for_each(|key| next_update(key).set(f64::NAN));
    ends.certificates.iter().for_each(|(key, moment)| not_after(key).set(timestamp(*moment)));
    ends.lists.iter().for_each(|(key, moment)| next_update(key).set(moment.map_or(f64::NAN, timestamp)));
}

/// What works and still deserves a look: a certificate that ends before the one it replaces, files that are half out of date.
pub(super) fn warnings(context: &Context, before: Option<&Context>) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, listener) in context.listeners.iter().enumerate() {
        let Some(tls) = &listener.tls else { continue };
        let name = listener_name(index);
        warnings.extend(tls.policy().cautions().map(|caution| format!("{name}: {caution}")));
        let former = before.and_then(|before| before.listener(index)?.tls.as_ref());
        warnings.extend(former.and_then(|former| sooner(&name, former.identity(), tls.identity())));
    }
    for backend in &context.backends {
        let Some(tls) = backend.tls() else { continue };
        let name = backend_name(backend.name());
        let cautions = tls.authorities().into_iter().flat_map(|authorities| authorities.cautions());
        warnings.extend(cautions.map(|caution| format!("{name}: {caution}")));
        let former =
            before.and_then(|before| before.backends.iter().find(|old| old.name() == backend.name()));
        let former = former.and_then(|former| former.tls()?.identity());
        let pair = former.zip(tls.identity());
        warnings.extend(pair.and_then(|(former, identity)| sooner(&name, former, identity)));
    }
    warnings
}

fn sooner(name: &str, former: &Identity, identity: &Identity) -> Option<String> {
    let (old, new) = (former.not_after(), identity.not_after());
    (new < old && former.fingerprint() != identity.fingerprint()).then(|| {
        let file = identity.file().display();
        format!(
            "{name}: {file}: the new certificate ends on {}, sooner than the one it replaces ({})",
            date(new),
            date(old)
        )
    })
}

impl Ends {
    fn of(context: &Context) -> Self {
        let mut ends = Self::default();
        for (index, listener) in context.listeners.iter().enumerate() {
            let Some(tls) = &listener.tls else { continue };
            let name = listener_name(index);
            ends.identity(&name, tls.identity());
            let authorities = tls.policy().authorities();
            ends.put(&name, Part::Ca, authorities.map(|all| all.certificates()).unwrap_or_default());
            let lists = tls.policy().revocation().lists().iter();
            let first = lists.filter_map(|list| list.next_update).min();
            ends.lists.insert(name, first);
        }
        for tls in context.backends.iter().filter_map(|backend| Some((backend.name(), backend.tls()?))) {
            let (name, tls) = (backend_name(tls.0), tls.1);
            tls.identity().into_iter().for_each(|identity| ends.identity(&name, identity));
            ends.put(&name, Part::Ca, tls.authorities().map(|all| all.certificates()).unwrap_or_default());
        }
        ends
    }

    fn identity(&mut self, name: &str, identity: &Identity) {
        if let Some((leaf, above)) = identity.chain().split_first() {
            self.put(name, Part::Leaf, std::slice::from_ref(leaf));
            self.put(name, Part::Intermediate, above);
        }
    }

    fn put(&mut self, name: &str, part: Part, certificates: &[Certificate]) {
        if let Some(first) = certificates.iter().map(|certificate| certificate.not_after).min() {
            self.certificates.insert((name.to_owned(), part), first);
        }
    }
}

/// Exact up to 2⁵³ seconds.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn timestamp(moment: OffsetDateTime) -> f64 {
    moment.unix_timestamp() as f64
}
