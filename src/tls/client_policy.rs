//! What a listener asks of its clients' certificates: nothing, or one of these CAs that none of these lists revokes.
//!
//! [`crate::tls::server`] builds one for each listener at each reload. Its digest says whether two policies are the same;
//! TLS tickets are bound to it, so that nobody resumes past a CA or a revocation that came later.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::config::model::{ClientCertificate, ListenerTls};
use crate::tls::problem::{Problem, Problems};
use crate::tls::provider;
use crate::tls::revocation::RevocationLists;
use crate::tls::trust::{Authorities, Vouching};

/// What a listener asks of its clients' certificates.
#[derive(Clone, Debug)]
pub struct ClientPolicy {
    verifier: Arc<dyn ClientCertVerifier>,
    authorities: Option<Authorities>,
    revocation: RevocationLists,
    digest: PolicyDigest,
}

/// Equal for equal policies, in every process.
pub type PolicyDigest = [u8; 32];

impl ClientPolicy {
    /// Reads the CAs and lists that `tls` names.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(tls: &ListenerTls) -> Result<Self, Problems> {
        let (Some(file), true) = (&tls.client_ca, tls.client_certificate != ClientCertificate::None) else {
            return Ok(Self::nobody_is_asked());
        };
        let authorities = Authorities::load(file, Vouching::Clients)?;
        let revocation = RevocationLists::load(&tls.crl, &authorities)?;
        let mut builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(authorities.roots.clone()), provider())
                .with_crls(revocation.der());
        if tls.client_certificate == ClientCertificate::Request {
            builder = builder.allow_unauthenticated();
        }
        let verifier = builder.build().map_err(|error| Problem::UnusableRevocationList {
            file: tls.crl.first().unwrap_or(file).clone(),
            position: 1,
            reason: error.to_string(),
        })?;
        let digest = digest(tls.client_certificate, &authorities, &revocation);
        Ok(Self { verifier, authorities: Some(authorities), revocation, digest })
    }

    fn nobody_is_asked() -> Self {
        Self {
            verifier: WebPkiClientVerifier::no_client_auth(),
            authorities: None,
            revocation: RevocationLists::default(),
            digest: PolicyDigest::default(),
        }
    }

    /// The CAs whose certificates are accepted; none when nobody is asked.
    pub fn authorities(&self) -> Option<&Authorities> {
        self.authorities.as_ref()
    }

    /// Their revocation lists.
    pub fn revocation(&self) -> &RevocationLists {
        &self.revocation
    }

    /// Verifies a chain again that was good under an earlier policy. Where nobody is asked any more, every chain is.
    ///
    /// # Errors
    /// It would be refused now.
    pub fn verify_again(&self, chain: &[CertificateDer<'_>]) -> Result<(), rustls::Error> {
        match (&self.authorities, chain.split_first()) {
            (Some(_), Some((leaf, rest))) => {
                self.verifier.verify_client_cert(leaf, rest, UnixTime::now()).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// Equal for equal policies.
    pub fn digest(&self) -> &PolicyDigest {
        &self.digest
    }

    /// What an operator should look at.
    pub fn cautions(&self) -> impl Iterator<Item = &String> {
        let authorities = self.authorities.iter().flat_map(|authorities| authorities.cautions());
        authorities.chain(self.revocation.cautions())
    }

    pub(super) fn verifier(&self) -> &Arc<dyn ClientCertVerifier> {
        &self.verifier
    }
}

fn digest(mode: ClientCertificate, authorities: &Authorities, revocation: &RevocationLists) -> PolicyDigest {
    let mut context = Context::new(&SHA256);
    context.update(match mode {
        ClientCertificate::None => b"none",
        ClientCertificate::Request => b"request",
        ClientCertificate::Require => b"require",
    });
    let lists = revocation.der();
    let parts = [
        authorities.der.iter().map(AsRef::as_ref).collect::<Vec<&[u8]>>(),
        lists.iter().map(AsRef::as_ref).collect(),
    ];
    for mut part in parts {
        part.sort_unstable(); // the order of a file means nothing
        context.update(&part.len().to_le_bytes());
        for der in part {
            context.update(&der.len().to_le_bytes());
            context.update(der);
        }
    }
    let mut bytes = PolicyDigest::default();
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}
