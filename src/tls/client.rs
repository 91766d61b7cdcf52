//! TLS towards a backend: whom to trust, what to verify, which certificate to show.
//!
//! `app` builds one [`ClientTls`] for each backend that wants TLS, at start and at each reload; `backend` uses it for every
//! connection. Building reads files and blocks.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use crate::config::model::{Address, BackendTls, BackendTlsMode};
use crate::tls::identity::{Identity, Purpose};
use crate::tls::verifier::{Policy, Trust, Verifier};
use crate::tls::{TlsError, pem, provider, versions_since};

/// How to speak TLS to one backend. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    identity: Option<Arc<Identity>>,
}

impl ClientTls {
    /// Reads what `tls` names and prepares connections to `address`; `None` when TLS is disabled for it.
    ///
    /// # Errors
    /// A certificate, key or CA file that cannot be used, or no name to verify.
    pub fn build(tls: &BackendTls, address: &Address) -> Result<Option<Self>, TlsError> {
        let name = || server_name(tls, address);
        let (policy, server_name) = match tls.mode {
            BackendTlsMode::Disabled => return Ok(None),
            BackendTlsMode::Required => (Policy::Nothing, name().ok()),
            BackendTlsMode::VerifyCa => (Policy::Issuer(trust(tls.ca.as_deref())?), name().ok()),
            BackendTlsMode::VerifyFull => (Policy::IssuerAndName(trust(tls.ca.as_deref())?), Some(name()?)),
        };
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions_since(tls.min_version))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier { provider, policy }));
        let identity = identity(tls)?;
        let mut config = match &identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::new(
                rustls::sign::SingleCertAndKey::from(Arc::clone(identity.certified_key())),
            )),
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = server_name.is_some();
        Ok(Some(Self {
            config: Arc::new(config),
            server_name: server_name.unwrap_or_else(nameless),
            identity,
        }))
    }

    /// What rustls is given for each connection.
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// The name that is verified, and sent as SNI unless it is an IP address.
    pub fn server_name(&self) -> &ServerName<'static> {
        &self.server_name
    }

    /// The client certificate; none when none is configured.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.as_ref()
    }
}

fn server_name(tls: &BackendTls, address: &Address) -> Result<ServerName<'static>, TlsError> {
    let host = match (&tls.server_name, address) {
        (Some(name), _) => name.clone(),
        (None, Address::Tcp { host, .. }) => host.clone(),
        (None, Address::Unix(_)) => address.to_string(),
    };
    ServerName::try_from(host.clone()).map_err(|_| TlsError::ServerName { host })
}

/// rustls keeps sessions by name and wants one even where none is sent or verified.
fn nameless() -> ServerName<'static> {
    ServerName::IpAddress(std::net::IpAddr::from(std::net::Ipv4Addr::UNSPECIFIED).into())
}

fn identity(tls: &BackendTls) -> Result<Option<Arc<Identity>>, TlsError> {
    match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => {
            Ok(Some(Arc::new(Identity::load(Purpose::Client, certificate, key)?)))
        }
        _ => Ok(None),
    }
}

fn trust(ca: Option<&Path>) -> Result<Trust, TlsError> {
    match ca {
        Some(file) => trust_file(file),
        None => trust_system(),
    }
}

/// Every certificate in `file` becomes trusted; one that cannot be used fails the whole file.
fn trust_file(file: &Path) -> Result<Trust, TlsError> {
    let pinned = pem::read_chain(file)?;
    let mut roots = RootCertStore::empty();
    for (index, certificate) in pinned.iter().enumerate() {
        roots.add(certificate.clone()).map_err(|error| TlsError::Trust {
            file: file.to_owned(),
            reason: format!("certificate {} cannot be trusted: {error}", index + 1),
        })?;
    }
    Ok(Trust { roots, pinned })
}

/// The system's store; certificates in it that webpki cannot use are passed over, as every TLS library does.
fn trust_system() -> Result<Trust, TlsError> {
    let found: Vec<CertificateDer<'static>> = rustls_native_certs::load_native_certs().certs;
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found);
    if usable == 0 { Err(TlsError::NoSystemTrust) } else { Ok(Trust { roots, pinned: Vec::new() }) }
}
