//! Refusals by clients that do not like what they are shown, and TLS that breaks off.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, OtherError,
    SignatureScheme,
};
use sealock::migration::explain::Cause;

use super::certificates::Ca;
use super::{asking_for_tls, refused_for, say_for_tls};
use crate::support::client::RawClient;
use crate::support::proxy::Proxy;
use crate::support::tls::{trusting, unverified};
use crate::transport::generate_certificates;

#[test]
fn clients_that_refuse_the_certificate() {
    let (certificates, others) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    generate_certificates(certificates.path());
    generate_certificates(others.path());
    let path = certificates.path().display();
    let proxy = Proxy::builder()
        .tls(&format!("certificate = \"{path}/server.pem\"\nkey = \"{path}/server.key\""))
        .start();
    let connect = |config: &Arc<ClientConfig>, name: &str| {
        assert!(RawClient::connect(&proxy.login().tls(config, name)).is_err());
    };
    let (right, wrong) =
        (trusting(&certificates.path().join("ca.pem")), trusting(&others.path().join("ca.pem")));
    let stranger = others.path().join("stranger.pem");
    std::fs::write(&stranger, Ca::new("another name").pem).unwrap();
    refused_for(&proxy, Cause::AlertUnknownCa, |_| connect(&trusting(&stranger), "localhost"));
    refused_for(&proxy, Cause::AlertDecryptError, |_| connect(&wrong, "localhost"));
    refused_for(&proxy, Cause::AlertBadCertificate, |_| connect(&right, "elsewhere.example"));
    let says = |error: CertificateError| move |_: &Proxy| connect(&disliking(error), "localhost");
    refused_for(&proxy, Cause::AlertCertificateExpired, says(CertificateError::Expired));
    let other = CertificateError::Other(OtherError(Arc::new(std::io::Error::other("no"))));
    refused_for(&proxy, Cause::AlertCertificateUnknown, says(other));
    refused_for(&proxy, Cause::PeerRefused, says(CertificateError::Revoked));
    RawClient::connect(&proxy.login().tls(&right, "localhost")).expect("a good client");
}

#[test]
fn alerts_in_place_of_a_client_hello() {
    let proxy = Proxy::builder().start();
    let fatal =
        |description: u8| move |proxy: &Proxy| say_for_tls(proxy, &[0x15, 3, 3, 0, 2, 2, description]);
    refused_for(&proxy, Cause::AlertHandshakeFailure, fatal(40));
    refused_for(&proxy, Cause::AlertProtocolVersion, fatal(70));
}

#[test]
fn handshakes_that_break_off() {
    let proxy = Proxy::builder().start();
    refused_for(&proxy, Cause::ClosedDuringTls, |proxy| drop(asking_for_tls(proxy)));
    refused_for(&proxy, Cause::NotTls, |proxy| say_for_tls(proxy, b"GET / HTTP/1.0\r\n\r\n"));
    refused_for(&proxy, Cause::Io, |proxy| {
        let stream = socket2::Socket::from(asking_for_tls(proxy));
        std::thread::sleep(std::time::Duration::from_millis(100)); // the request is taken before the reset
        stream.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    });
    refused_for(&proxy, Cause::ClosedAfterTls, |proxy| {
        let mut stream = asking_for_tls(proxy);
        let name = ServerName::try_from("localhost").unwrap();
        let mut session = ClientConnection::new(unverified(), name).unwrap();
        while session.is_handshaking() {
            session.complete_io(&mut stream).unwrap();
        }
        session.send_close_notify();
        session.complete_io(&mut stream).unwrap();
    });
    let proxy = Proxy::builder().section("[limits]\nhandshake_timeout = \"300ms\"").start();
    refused_for(&proxy, Cause::TimedOutInTls, |proxy| {
        let mut stream = asking_for_tls(proxy);
        stream.write_all(&[0x16]).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
}

/// A client that finds this wrong with every certificate.
fn disliking(error: CertificateError) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Dislike(error)))
        .with_no_client_auth();
    Arc::new(config)
}

#[derive(Debug)]
struct Dislike(CertificateError);

impl ServerCertVerifier for Dislike {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Err(Error::InvalidCertificate(self.0.clone()))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
