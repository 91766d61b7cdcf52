//! TLS towards clients: which certificate a listener shows and what it accepts.
//!
//! `app` builds one [`ServerTls`] for each listener, at start and at each reload, and publishes it only when all of them
//! could be built. Building reads files and blocks. A connection keeps the settings it was accepted with.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;

use crate::config::model::{ListenerTls, ListenerTlsMode};
use crate::telemetry::Registry;
use crate::tls::client_policy::ClientPolicy;
use crate::tls::identity::{Identity, Purpose};
use crate::tls::offers::{CountingResolver, Offers};
use crate::tls::tickets::{TicketKeys, Tickets};
use crate::tls::{TlsError, both, provider, rehearsal, versions_since};

/// What the listeners of a process have in common, over all generations.
pub struct Common {
    /// Certificate of listeners that name none; a client that pinned its fingerprint finds it again after a reload.
    pub minted: Arc<Identity>,
    /// Keys of tickets where no file names some.
    pub tickets: Arc<TicketKeys>,
    /// Counts of what clients offer.
    pub offers: Arc<Offers>,
}

/// How a listener speaks TLS. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    identity: Arc<Identity>,
    policy: Arc<ClientPolicy>,
}

impl Common {
    /// With keys of this process alone.
    ///
    /// # Errors
    /// No randomness.
    pub fn new(minted: Arc<Identity>, registry: &Registry) -> Result<Self, TlsError> {
        let (tickets, offers) = (TicketKeys::own()?, Offers::new(registry));
        Ok(Self { minted, tickets: Arc::new(tickets), offers: Arc::new(offers) })
    }
}

impl ServerTls {
    /// Reads the files that `tls` names, or takes the minted certificate when it names none; `None` when TLS is disabled.
    ///
    /// A handshake is played with the result before it is returned, so that it is known to work.
    ///
    /// # Errors
    /// Everything that is wrong with the certificate, the key, the client CAs and their revocation lists.
    pub fn build(
        tls: &ListenerTls,
        common: &Common,
        tickets: &Arc<TicketKeys>,
    ) -> Result<Option<Self>, TlsError> {
        if tls.mode == ListenerTlsMode::Disabled {
            return Ok(None);
        }
        let identity = rehearsed(tls, common);
        let policy = ClientPolicy::load(tls).map_err(TlsError::from);
        let (identity, policy) = both(identity, policy)?;
        let certificate = SingleCertAndKey::from(Arc::clone(identity.certified_key()));
        let resolver = CountingResolver { certificate, offers: Arc::clone(&common.offers) };
        let mut config = settings(tls, policy.verifier(), Arc::new(resolver))?;
        config.ticketer = Arc::new(Tickets::new(tickets, policy.digest(), &identity.lineage()));
        Ok(Some(Self { config: Arc::new(config), identity, policy: Arc::new(policy) }))
    }

    /// What rustls is given for each connection.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// The certificate that is shown.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// What is asked of clients' certificates.
    pub fn policy(&self) -> &ClientPolicy {
        &self.policy
    }
}

/// The listener's identity, after a handshake with a client that shows nothing and counts for nothing.
fn rehearsed(tls: &ListenerTls, common: &Common) -> Result<Arc<Identity>, TlsError> {
    let (identity, name) = match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => {
            (Arc::new(Identity::load(Purpose::Server, certificate, key)?), certificate.as_path())
        }
        _ => (Arc::clone(&common.minted), "minted certificate".as_ref()),
    };
    let certificate = SingleCertAndKey::from(Arc::clone(identity.certified_key()));
    let config = settings(tls, &WebPkiClientVerifier::no_client_auth(), Arc::new(certificate))?;
    rehearsal::play(&Arc::new(config), &identity, name)?;
    Ok(identity)
}

/// Sessions are resumed through tickets only, so that no lock is shared by the connections. One ticket a handshake, since
/// drivers hardly ever resume.
fn settings(
    tls: &ListenerTls,
    verifier: &Arc<dyn ClientCertVerifier>,
    certificate: Arc<dyn ResolvesServerCert>,
) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions_since(tls.min_version))?
        .with_client_cert_verifier(Arc::clone(verifier))
        .with_cert_resolver(certificate);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 1;
    Ok(config)
}
