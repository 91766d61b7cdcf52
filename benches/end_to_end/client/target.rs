//! Where a client connects, and as whom.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Everything that a login needs.
#[derive(Clone)]
pub struct Target {
    /// Where to connect.
    pub address: SocketAddr,
    /// The account.
    pub user: &'static str,
    /// Its password.
    pub password: &'static str,
    /// The schema to begin in.
    pub schema: &'static str,
    /// How to verify the server; without it the client stays in plaintext.
    pub tls: Option<Tls>,
}

/// A client's side of TLS.
#[derive(Clone)]
pub struct Tls {
    /// Settings, and the sessions that can be resumed.
    pub connector: TlsConnector,
    /// The name in the server's certificate.
    pub name: ServerName<'static>,
}

/// How a handshake begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// Anew each time, as PyMySQL does.
    Full,
    /// With what a former connection was given, where there was one.
    Resumed,
}

impl Tls {
    /// Trusts the CAs of a PEM file.
    pub fn trusting(authority: &Path, name: &str, handshake: Handshake) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority)? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        if handshake == Handshake::Full {
            config.resumption = Resumption::disabled();
        }
        Ok(Self { connector: Arc::new(config).into(), name: ServerName::try_from(name.to_owned())? })
    }
}
