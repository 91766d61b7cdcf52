//! TLS towards clients: which certificate a listener shows and what it accepts.
//!
//! `app` builds one [`ServerTls`] for each listener, at start and at each reload, and publishes it only when all of them
//! could be built. Building reads files and blocks. A connection keeps the settings it was accepted with.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;

use crate::config::model::{ListenerTls, ListenerTlsMode};
use crate::tls::identity::{Identity, Purpose};
use crate::tls::{TlsError, provider, rehearsal, versions_since};

/// How a listener speaks TLS. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    identity: Arc<Identity>,
}

impl ServerTls {
    /// Reads the certificate that `tls` names, or takes `minted` when it names none; `None` when TLS is disabled.
    ///
    /// A handshake is played with the result before it is returned, so that it is known to work. `minted` should live as
    /// long as the process: a client that pinned its fingerprint finds it again after a reload.
    ///
    /// # Errors
    /// Everything that is wrong with the certificate and the key.
    pub fn build(tls: &ListenerTls, minted: &Arc<Identity>) -> Result<Option<Self>, TlsError> {
        if tls.mode == ListenerTlsMode::Disabled {
            return Ok(None);
        }
        let (identity, name) = match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => {
                (Arc::new(Identity::load(Purpose::Server, certificate, key)?), certificate.as_path())
            }
            _ => (Arc::clone(minted), "minted certificate".as_ref()),
        };
        let config = Arc::new(settings(tls, &identity)?);
        rehearsal::play(&config, &identity, name)?;
        Ok(Some(Self { config, identity }))
    }

    /// What rustls is given for each connection.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// The certificate that is shown.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }
}

/// Sessions are resumed through tickets only, whose keys rotate every six hours and belong to this configuration: a reload
/// ends all resumption, and no lock is shared by the connections. One ticket a handshake, since drivers hardly ever resume.
fn settings(tls: &ListenerTls, identity: &Identity) -> Result<ServerConfig, TlsError> {
    let certificate = SingleCertAndKey::from(Arc::clone(identity.certified_key()));
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions_since(tls.min_version))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificate));
    config.ticketer = Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 1;
    Ok(config)
}
