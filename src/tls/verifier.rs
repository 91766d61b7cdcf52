//! What is verified of a backend's certificate, for each of the modes that an operator can ask for by name.
//!
//! In every mode the server has to prove that it holds the key of the certificate it shows.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::tls::certificate::Certificate;

/// A verifier for one backend.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) policy: Policy,
}

/// What has to be true of a certificate.
#[derive(Debug)]
pub(super) enum Policy {
    /// **Nothing.** Anybody who can get between proxy and server can pose as the server and read everything. Only
    /// `mode = "required"` builds this.
    Nothing,
    /// It is this very certificate.
    Exactly(CertificateDer<'static>),
    /// It was issued by a trusted CA, or is itself in the CA file.
    Issuer(Trust),
    /// As before, and it names the server.
    IssuerAndName(Trust),
}

/// Whom to trust.
#[derive(Debug)]
pub(super) struct Trust {
    /// Trust anchors.
    pub(super) roots: RootCertStore,
    /// The same certificates in DER form, when they come from a CA file.
    ///
    /// `openssl req -x509` and many set-up guides make a server certificate that is its own CA. A chain may not end in a CA
    /// (RFC 5280), but an operator who puts that certificate into the CA file has said that it is the one to trust.
    pub(super) pinned: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.policy {
            Policy::Nothing => {}
            Policy::Exactly(expected) if leaf == expected => {}
            Policy::Exactly(_) => return Err(CertificateError::ApplicationVerificationFailure.into()),
            Policy::Issuer(trust) => self.verify_issuer(trust, leaf, intermediates, now)?,
            Policy::IssuerAndName(trust) => {
                self.verify_issuer(trust, leaf, intermediates, now)?;
                verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl Verifier {
    fn verify_issuer(
        &self,
        trust: &Trust,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        if trust.pinned.iter().any(|pinned| pinned == leaf) {
            return verify_dates(leaf, now);
        }
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(leaf)?,
            &trust.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )
    }
}

/// A pinned certificate needs no issuer, but it has to be valid now.
fn verify_dates(leaf: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let certificate = Certificate::parse(leaf).ok_or(CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < certificate.not_before.unix_timestamp() {
        Err(CertificateError::NotValidYet.into())
    } else if now > certificate.not_after.unix_timestamp() {
        Err(CertificateError::Expired.into())
    } else {
        Ok(())
    }
}
