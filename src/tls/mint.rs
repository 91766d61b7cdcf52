//! Certificates made on the spot: for development and tests, and for a listener that has none configured.
//!
//! `cli::certs` and `app` call this. It is no CA for production: it keeps no record of what it issued and revokes nothing.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, RsaKeySize, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::tls::identity::{Identity, Origin, Purpose};
use crate::tls::problem::Problems;

pub use authority::Authority;

mod authority;

/// Days that a certificate is valid when nobody says otherwise; browsers and Apple's libraries accept no more than this.
pub const DEFAULT_DAYS: u32 = 825;

/// Certificates start a little in the past, for clocks that are behind.
const BACKDATED: Duration = Duration::hours(1);

/// Kind of the keys to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyType {
    /// ECDSA over P-256: small, and four times cheaper a handshake than RSA.
    #[default]
    Ecdsa,
    /// RSA with 2048 bits, for clients that know nothing else.
    Rsa,
}

/// A certificate chain and its private key, as PEM text.
#[derive(Clone)]
pub struct PemPair {
    /// The chain, leaf first, without the root.
    pub certificate: String,
    /// The private key, PKCS #8.
    pub key: Zeroizing<String>,
}

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// A name is neither a DNS name nor an IP address.
    #[error("{name:?} is neither a DNS name nor an IP address")]
    Name {
        /// The name.
        name: String,
    },
    /// The CA's own certificate or key cannot be used.
    #[error("the CA cannot be used: {reason}")]
    Authority {
        /// What is wrong with it.
        reason: String,
    },
    /// What was made does not pass the checks that everybody else's certificates have to pass.
    #[error("the new certificate is not fit for use: {0}")]
    Unfit(#[from] Problems),
    /// Key generation or signing failed.
    #[error("key generation or signing failed: {0}")]
    Library(#[from] rcgen::Error),
}

/// Makes a self-signed server certificate for `names`, valid for [`DEFAULT_DAYS`].
///
/// # Errors
/// A name that is none; a library that refuses to work.
pub fn self_signed(names: &[String]) -> Result<Identity, MintError> {
    let key = generate_key(KeyType::Ecdsa)?;
    let certificate = server_params(names, DEFAULT_DAYS)?.self_signed(&key)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(Identity::new(Purpose::Server, vec![certificate.der().clone()], key, &minted())?)
}

/// What clients on this machine and beyond may call it: `localhost`, the loopback addresses, the host name.
pub fn local_names() -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    if !host.is_empty() && subject_alternative_name(host).is_ok() && !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    names
}

impl PemPair {
    /// The same as an [`Identity`], after its checks.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn identity(&self, purpose: Purpose) -> Result<Identity, MintError> {
        let damaged =
            |error: rustls::pki_types::pem::Error| MintError::Authority { reason: error.to_string() };
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(damaged)?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(damaged)?;
        Ok(Identity::new(purpose, chain, key, &minted())?)
    }

    /// Writes both files, replacing what is there. The key is never readable for anybody but the owner.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn write(&self, certificate: &Path, key: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(key)?;
        file.set_permissions(Permissions::from_mode(0o600))?; // it may have existed
        file.write_all(self.key.as_bytes())?;
        File::create(certificate)?.write_all(self.certificate.as_bytes())
    }
}

fn minted() -> Origin {
    Origin { certificate: "minted certificate".into(), key: "minted key".into() }
}

fn generate_key(kind: KeyType) -> Result<KeyPair, rcgen::Error> {
    match kind {
        KeyType::Ecdsa => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
        KeyType::Rsa => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
    }
}

fn server_params(names: &[String], days: u32) -> Result<CertificateParams, MintError> {
    let common_name = names.first().map_or("sealock", String::as_str);
    let mut params = leaf_params(common_name, days);
    params.subject_alt_names =
        names.iter().map(|name| subject_alternative_name(name)).collect::<Result<_, _>>()?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn client_params(common_name: &str, days: u32) -> CertificateParams {
    let mut params = leaf_params(common_name, days);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn leaf_params(common_name: &str, days: u32) -> CertificateParams {
    let mut params = dated_params(common_name, days);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.use_authority_key_identifier_extension = true;
    params
}

fn authority_params(common_name: &str, days: u32) -> CertificateParams {
    let mut params = dated_params(common_name, days);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn dated_params(common_name: &str, days: u32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Sealock");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = OffsetDateTime::now_utc() - BACKDATED;
    params.not_after = params.not_before + Duration::days(days.into());
    params
}

fn subject_alternative_name(name: &str) -> Result<SanType, MintError> {
    let refused = || MintError::Name { name: name.to_owned() };
    if let Ok(address) = name.parse() {
        return Ok(SanType::IpAddress(address));
    }
    let host = name.strip_prefix("*.").unwrap_or(name);
    rustls::pki_types::DnsName::try_from(host).map_err(|_| refused())?;
    Ok(SanType::DnsName(name.try_into().map_err(|_| refused())?))
}
