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
use crate::tls::trust::{Authorities, Vouching};
use crate::tls::verifier::{Policy, Trust, Verifier};
use crate::tls::{TlsError, both, provider, rehearsal, versions_since};

/// How to speak TLS to one backend. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    identity: Option<Arc<Identity>>,
    authorities: Option<Arc<Authorities>>,
}

impl ClientTls {
    /// Reads what `tls` names and prepares connections to `address`; `None` when TLS is disabled for it.
    ///
    /// # Errors
    /// A certificate, key or CA file that cannot be used, or no name to verify.
    pub fn build(tls: &BackendTls, address: &Address) -> Result<Option<Self>, TlsError> {
        let name = || server_name(tls, address);
        let trusted = || trust(tls.ca.as_deref());
        let verification = match tls.mode {
            BackendTlsMode::Disabled => return Ok(None),
            BackendTlsMode::Required => Ok(((Policy::Nothing, None), name().ok())),
            BackendTlsMode::VerifyCa => {
                trusted().map(|(trust, named)| ((Policy::Issuer(trust), named), name().ok()))
            }
            BackendTlsMode::VerifyFull => both(trusted(), name())
                .map(|((trust, named), name)| ((Policy::IssuerAndName(trust), named), Some(name))),
        };
        let (((policy, authorities), server_name), identity) = both(verification, identity(tls))?;
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions_since(tls.min_version))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier { provider, policy }));
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
            authorities,
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

    /// The CAs of the CA file; none where the system's store is trusted, or nothing verified.
    pub fn authorities(&self) -> Option<&Authorities> {
        self.authorities.as_deref()
    }

    /// Whether both trust the same and show the same, so that connections made with one are as good as with the other.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let shown = |tls: &Self| tls.identity().map(|identity| identity.fingerprint());
        let trusted = |tls: &Self| {
            tls.authorities().map(|authorities| {
                authorities.certificates().iter().map(|ca| ca.fingerprint).collect::<Vec<_>>()
            })
        };
        shown(self) == shown(other) && trusted(self) == trusted(other)
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
    let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) else { return Ok(None) };
    let identity = Identity::load(Purpose::Client, certificate, key)?;
    rehearsal::play_client(&identity, certificate)?;
    Ok(Some(Arc::new(identity)))
}

/// Whom to trust, and the CA file where one says so.
type Trusted = (Trust, Option<Arc<Authorities>>);

fn trust(ca: Option<&Path>) -> Result<Trusted, TlsError> {
    let Some(file) = ca else { return Ok((trust_system()?, None)) };
    let authorities = Authorities::load(file, Vouching::Servers)?;
    let trust = Trust { roots: authorities.roots.clone(), pinned: authorities.der.clone() };
    Ok((trust, Some(Arc::new(authorities))))
}

/// The system's store; certificates in it that webpki cannot use are passed over, as every TLS library does.
fn trust_system() -> Result<Trust, TlsError> {
    let found: Vec<CertificateDer<'static>> = rustls_native_certs::load_native_certs().certs;
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found);
    if usable == 0 { Err(TlsError::NoSystemTrust) } else { Ok(Trust { roots, pinned: Vec::new() }) }
}
