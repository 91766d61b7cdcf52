//! An identity: a certificate chain and the private key of its leaf, checked before anybody relies on it.
//!
//! [`crate::tls::server`] shows one to clients, [`crate::tls::client`] to backends. An [`Identity`] that exists can be
//! used: it parses, its key fits, its chain is in order, it is valid now, and its leaf is meant for the purpose. That is
//! what keeps a bad file from ever replacing a good certificate. Loading reads files and blocks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

use crate::tls::certificate::Certificate;
use crate::tls::chain;
use crate::tls::fingerprint::Fingerprint;
use crate::tls::pem;
use crate::tls::problem::{Problem, Problems};
use crate::tls::provider;

/// A certificate chain, leaf first, and the leaf's private key.
#[derive(Clone, Debug)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    chain: Vec<Certificate>,
    leaf: Certificate,
}

/// What an identity is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be shown to clients: names are needed.
    Server,
    /// To be shown to servers.
    Client,
}

impl Identity {
    /// Reads and checks the PEM files `certificate` (the chain, leaf first) and `key`.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(purpose: Purpose, certificate: &Path, key: &Path) -> Result<Self, Problems> {
        let (chain, key_der) = both(pem::read_chain(certificate), pem::read_key(key))?;
        Self::new(purpose, chain, key_der, &Origin { certificate: certificate.into(), key: key.into() })
    }

    /// Checks a chain and a key that came from `origin`.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn new(
        purpose: Purpose,
        chain_der: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        origin: &Origin,
    ) -> Result<Self, Problems> {
        let chain = chain::parse(&chain_der, &origin.certificate)?;
        let mut problems = chain::check(&chain, purpose, &origin.certificate, OffsetDateTime::now_utc());
        let certified = match certify(chain_der, key, origin) {
            Ok(certified) => certified,
            Err(problem) => {
                problems.insert(0, problem);
                return Err(Problems(problems));
            }
        };
        match chain.first().cloned() {
            Some(leaf) if problems.is_empty() => Ok(Self { certified: Arc::new(certified), chain, leaf }),
            _ => Err(Problems(problems)),
        }
    }

    /// When the first certificate of the chain expires; from then on clients refuse it.
    pub fn not_after(&self) -> OffsetDateTime {
        self.chain.iter().map(|certificate| certificate.not_after).min().unwrap_or(self.leaf.not_after)
    }

    /// DNS names and IP addresses of the leaf.
    pub fn names(&self) -> &[String] {
        &self.leaf.names
    }

    /// SHA-256 of the leaf.
    pub fn fingerprint(&self) -> Fingerprint {
        self.leaf.fingerprint
    }

    /// The chain, leaf first.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The chain in DER form, leaf first.
    pub fn chain_der(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    /// The form in which rustls wants it.
    pub fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }
}

/// Where an identity came from, for messages.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The file of the chain.
    pub certificate: PathBuf,
    /// The file of the key.
    pub key: PathBuf,
}

/// Both values, or the problems of both.
fn both<A, B>(a: Result<A, Problem>, b: Result<B, Problem>) -> Result<(A, B), Problems> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(Problems(vec![a, b])),
        (Err(problem), Ok(_)) | (Ok(_), Err(problem)) => Err(problem.into()),
    }
}

fn certify(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    origin: &Origin,
) -> Result<CertifiedKey, Problem> {
    let unusable =
        |error: rustls::Error| Problem::UnusableKey { file: origin.key.clone(), reason: error.to_string() };
    let key = provider().key_provider.load_private_key(key).map_err(unusable)?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(Problem::KeyMismatch { certificate: origin.certificate.clone(), key: origin.key.clone() })
        }
        Err(error) => {
            Err(Problem::BrokenChain { file: origin.certificate.clone(), reason: error.to_string() })
        }
    }
}
