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
    file: PathBuf,
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
            Some(leaf) if problems.is_empty() => {
                let file = origin.certificate.clone();
                Ok(Self { certified: Arc::new(certified), chain, leaf, file })
            }
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

    /// Equal for identities that clients would tell apart by nothing but dates and keys: the same names from the same CA.
    pub fn lineage(&self) -> Vec<u8> {
        let mut names = self.leaf.names.clone();
        names.sort_unstable();
        let mut lineage = self.leaf.lineage();
        for name in names {
            lineage.push(0);
            lineage.extend_from_slice(name.as_bytes());
        }
        lineage
    }

    /// SHA-256 of the leaf.
    pub fn fingerprint(&self) -> Fingerprint {
        self.leaf.fingerprint
    }

    /// The file of the chain.
    pub fn file(&self) -> &Path {
        &self.file
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

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;
    use crate::tls::mint::{Authority, KeyType, PemPair};

    /// A directory with a good pair, for tests to spoil.
    struct Files(TempDir, PemPair);

    impl Files {
        fn new() -> Self {
            let ca = Authority::generate("test CA", KeyType::Ecdsa).unwrap();
            let names = ["db.example".to_owned(), "10.0.0.1".to_owned()];
            let files = Self(TempDir::new().unwrap(), ca.issue_server(&names, 30, KeyType::Ecdsa).unwrap());
            files.1.write(&files.path("pem"), &files.path("key")).unwrap();
            files
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn load(&self) -> Result<Identity, Problems> {
            Identity::load(Purpose::Server, &self.path("pem"), &self.path("key"))
        }

        /// The only problem that loading finds.
        fn problem(&self) -> Problem {
            let mut problems = self.load().unwrap_err().0;
            assert_eq!(problems.len(), 1, "{problems:?}");
            problems.remove(0)
        }
    }

    #[test]
    fn a_good_pair_tells_its_names_and_its_end() {
        let identity = Files::new().load().unwrap();
        assert_eq!(identity.names(), ["db.example", "10.0.0.1"]);
        assert_eq!((identity.not_after() - OffsetDateTime::now_utc()).whole_days(), 29);
        assert_eq!(identity.fingerprint(), Fingerprint::of(&identity.chain_der()[0]));
    }

    #[test]
    fn the_key_of_another_certificate_is_refused() {
        let (files, other) = (Files::new(), Files::new());
        fs::copy(other.path("key"), files.path("key")).unwrap();
        assert!(matches!(files.problem(), Problem::KeyMismatch { .. }));
    }

    #[test]
    fn several_keys_leave_open_which_is_meant() {
        let files = Files::new();
        fs::write(files.path("key"), files.1.key.repeat(2)).unwrap();
        assert!(matches!(files.problem(), Problem::SeveralKeys { count: 2, .. }));
    }

    #[test]
    fn chain_and_key_may_share_a_file() {
        let files = Files::new();
        fs::write(files.path("key"), files.1.certificate.clone() + &files.1.key).unwrap();
        assert!(files.load().is_ok());
    }

    #[test]
    fn files_in_each_others_place_are_told_apart() {
        let files = Files::new();
        let problems = Identity::load(Purpose::Server, &files.path("key"), &files.path("pem")).unwrap_err().0;
        assert!(matches!(problems.as_slice(), [Problem::NoCertificate { .. }, Problem::NoKey { .. }]));
    }

    #[test]
    fn both_missing_files_are_named_at_once() {
        let files = Files::new();
        fs::remove_file(files.path("pem")).unwrap();
        fs::remove_file(files.path("key")).unwrap();
        assert_eq!(files.load().unwrap_err().to_string().lines().count(), 2);
    }

    #[test]
    fn a_key_that_everybody_can_read_is_refused_by_name() {
        let files = Files::new();
        fs::set_permissions(files.path("key"), Permissions::from_mode(0o644)).unwrap();
        let problem = files.problem();
        assert!(problem.to_string().contains(&files.path("key").display().to_string()), "{problem}");
        assert!(matches!(problem, Problem::ExposedKey { .. }));
        fs::set_permissions(files.path("key"), Permissions::from_mode(0o640)).unwrap();
        assert!(files.load().is_ok());
    }

    #[test]
    fn an_encrypted_key_is_recognised() {
        let files = Files::new();
        let encrypted = files.1.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        fs::write(files.path("key"), encrypted).unwrap();
        assert!(matches!(files.problem(), Problem::EncryptedKey { .. }));
    }

    #[test]
    fn no_problem_repeats_a_piece_of_the_key() {
        let files = Files::new();
        let secret = files.1.key.lines().nth(2).unwrap().to_owned(); // the first line is the same for all keys
        for damaged in [
            files.1.key.replace("-----END", "----END"),
            files.1.key.replace(&secret[30..34], "!!!!"),
            files.1.key.replace(&secret[30..], ""),
            files.1.key.replace("-----BEGIN", "-----BEGIN-----BEGIN"),
        ] {
            fs::write(files.path("key"), damaged).unwrap();
            let problems = files.load().unwrap_err();
            let said = format!("{problems} {problems:?}");
            assert!(!said.contains(&secret[..16]), "{said}");
        }
    }

    #[test]
    fn a_truncated_certificate_is_refused() {
        let files = Files::new();
        let der = files.load().unwrap().chain_der()[0].to_vec();
        let half = CertificateDer::from(der[..der.len() / 2].to_vec());
        let problems = chain::parse(&[half], Path::new("x.pem")).unwrap_err().0;
        assert!(matches!(problems.as_slice(), [Problem::MalformedCertificate { position: 1, .. }]));
    }
}
