//! The certificates of a generation, as `admin` shows them.

use time::OffsetDateTime;

use crate::admin::certificates::{Certificates, IdentityRow, RevocationRow, Usage};
use crate::app::expiry::{backend_name, listener_name};
use crate::frontend::context::Context;
use crate::tls::certificate::Certificate;
use crate::tls::identity::Identity;
use crate::tls::inspect::Entry;
use crate::tls::problem::date;
use crate::tls::revocation::RevocationList;
use crate::tls::trust::Authorities;

/// Everything that `context` shows and trusts; the system's certificate store is left out.
pub(super) fn in_use(context: &Context) -> Certificates {
    let mut identities = Vec::new();
    for (index, listener) in context.listeners.iter().enumerate() {
        let Some(tls) = &listener.tls else { continue };
        let name = listener_name(index);
        identities.push(chain(&name, Usage::Server, tls.identity()));
        let lists = tls.policy().revocation().lists().iter().map(revocation).collect();
        let authorities = tls.policy().authorities();
        identities.extend(
            authorities
                .map(|all| IdentityRow { revocation_lists: lists, ..trusted(&name, Usage::ClientCa, all) }),
        );
    }
    for backend in &context.backends {
        let Some(tls) = backend.tls() else { continue };
        let name = backend_name(backend.name());
        identities.extend(tls.identity().map(|identity| chain(&name, Usage::Client, identity)));
        identities.extend(tls.authorities().map(|all| trusted(&name, Usage::ServerCa, all)));
    }
    Certificates { generation: context.number, identities }
}

fn chain(name: &str, usage: Usage, identity: &Identity) -> IdentityRow {
    let file = identity.file();
    let file = file.is_absolute().then(|| file.display().to_string());
    row(name, usage, file, identity.chain())
}

fn trusted(name: &str, usage: Usage, authorities: &Authorities) -> IdentityRow {
    row(name, usage, Some(authorities.file().display().to_string()), authorities.certificates())
}

fn row(name: &str, usage: Usage, file: Option<String>, certificates: &[Certificate]) -> IdentityRow {
    let now = OffsetDateTime::now_utc();
    IdentityRow {
        identity: name.to_owned(),
        usage,
        file,
        certificates: certificates.iter().map(|certificate| Entry::of(certificate, now)).collect(),
        revocation_lists: Vec::new(),
    }
}

fn revocation(list: &RevocationList) -> RevocationRow {
    RevocationRow {
        file: list.file.display().to_string(),
        issuer: list.issuer.clone(),
        this_update: date(list.this_update),
        next_update: list.next_update.map(date),
        revoked: list.revoked,
    }
}
