//! Refusals of clients because of the certificate that they show, or do not show.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sealock::migration::explain::Cause;
use time::{Duration, OffsetDateTime};

use super::refused_for;
use crate::support::client::RawClient;
use crate::support::proxy::Proxy;
use crate::support::tls::unverified;
use crate::transport::generate_certificates;

pub struct Ca {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    pub fn new(name: &str) -> Self {
        let (params, key) = (Self::params(name), KeyPair::generate().unwrap());
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    fn intermediate(&self, name: &str) -> Self {
        let (params, key) = (Self::params(name), KeyPair::generate().unwrap());
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    pub fn revoking(&self, serial: u64) -> String {
        let hour_ago = OffsetDateTime::now_utc() - Duration::HOUR;
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: hour_ago,
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: hour_ago,
            next_update: hour_ago + Duration::DAY,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// A client's certificate: valid from and until days from now, and what it is for.
pub struct Wanted {
    pub serial: u64,
    pub days: (i64, i64),
    pub purpose: ExtendedKeyUsagePurpose,
}

impl Wanted {
    pub fn good() -> Self {
        Self { serial: 1, days: (-1, 1), purpose: ExtendedKeyUsagePurpose::ClientAuth }
    }

    pub fn issued_by(self, ca: &Ca, more: &[&Ca]) -> Arc<ClientConfig> {
        let mut params = CertificateParams::default();
        let now = OffsetDateTime::now_utc();
        params.serial_number = Some(SerialNumber::from(self.serial));
        params.not_before = now + Duration::days(self.days.0);
        params.not_after = now + Duration::days(self.days.1);
        params.extended_key_usages = vec![self.purpose];
        let key = KeyPair::generate().unwrap();
        let mut chain = vec![params.signed_by(&key, &ca.issuer).unwrap().der().clone()];
        chain.extend(more.iter().map(|ca| CertificateDer::from_pem_slice(ca.pem.as_bytes()).unwrap()));
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        showing(Some((chain, key)))
    }
}

fn showing(identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>) -> Arc<ClientConfig> {
    let mut config = Arc::unwrap_or_clone(unverified());
    if let Some((chain, key)) = identity {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let certified = rustls::sign::CertifiedKey::from_der(chain, key, &provider).unwrap();
        config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    }
    Arc::new(config)
}

/// A proxy that requires a certificate of this CA, with these revocation lists.
fn requiring(directory: &Path, ca: &Ca, lists: &[String]) -> Proxy {
    generate_certificates(directory);
    let path = directory.display();
    fs::write(directory.join("clients.pem"), &ca.pem).unwrap();
    for (at, list) in lists.iter().enumerate() {
        fs::write(directory.join(format!("{at}.crl")), list).unwrap();
    }
    let crl: Vec<String> = (0..lists.len()).map(|at| format!("\"{path}/{at}.crl\"")).collect();
    Proxy::builder()
        .tls(&format!(
            "certificate = \"{path}/server.pem\"\nkey = \"{path}/server.key\"\nclient_certificate = \"require\"\n\
             client_ca = \"{path}/clients.pem\"\ncrl = [{}]",
            crl.join(", ")
        ))
        .start()
}

fn come(proxy: &Proxy, config: &Arc<ClientConfig>) -> bool {
    RawClient::connect(&proxy.login().tls(config, "localhost")).is_ok()
}

#[test]
fn certificates_that_are_missing_or_not_good() {
    let (directory, ca, stranger) = (tempfile::tempdir().unwrap(), Ca::new("clients"), Ca::new("strangers"));
    let proxy = requiring(directory.path(), &ca, &[]);
    assert!(come(&proxy, &Wanted::good().issued_by(&ca, &[])), "a good one");
    let refused = |config: Arc<ClientConfig>| move |proxy: &Proxy| assert!(!come(proxy, &config));
    refused_for(&proxy, Cause::CertificateMissing, refused(showing(None)));
    let expired = Wanted { days: (-3, -1), ..Wanted::good() };
    refused_for(&proxy, Cause::CertificateExpired, refused(expired.issued_by(&ca, &[])));
    let early = Wanted { days: (1, 3), ..Wanted::good() };
    refused_for(&proxy, Cause::CertificateNotYetValid, refused(early.issued_by(&ca, &[])));
    refused_for(&proxy, Cause::CertificateUnknownIssuer, refused(Wanted::good().issued_by(&stranger, &[])));
    let server = Wanted { purpose: ExtendedKeyUsagePurpose::ServerAuth, ..Wanted::good() };
    refused_for(&proxy, Cause::CertificateWrongPurpose, refused(server.issued_by(&ca, &[])));
    let namesake = Ca::new("clients");
    refused_for(&proxy, Cause::BadCertificate, refused(Wanted::good().issued_by(&namesake, &[])));
}

#[test]
fn certificates_and_revocation_lists() {
    let (directory, ca) = (tempfile::tempdir().unwrap(), Ca::new("clients"));
    let proxy = requiring(directory.path(), &ca, &[ca.revoking(2)]);
    assert!(come(&proxy, &Wanted::good().issued_by(&ca, &[])), "a good one");
    let refused = |config: Arc<ClientConfig>| move |proxy: &Proxy| assert!(!come(proxy, &config));
    let revoked = Wanted { serial: 2, ..Wanted::good() };
    refused_for(&proxy, Cause::CertificateRevoked, refused(revoked.issued_by(&ca, &[])));
    let unlisted = ca.intermediate("unlisted");
    let below = Wanted::good().issued_by(&unlisted, &[&unlisted]);
    refused_for(&proxy, Cause::RevocationUnknown, refused(below));
}
