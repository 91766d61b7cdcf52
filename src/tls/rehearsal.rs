//! A handshake played in memory, so that a certificate that cannot complete one is found before any client meets it.
//!
//! It also verifies the signatures of the chain, which [`crate::tls::chain`] leaves out: an issuer that was renewed with
//! another key has the right name and signs nothing.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use crate::tls::identity::Identity;
use crate::tls::mint;
use crate::tls::problem::Problem;
use crate::tls::verifier::{Policy, Trust, Verifier};
use crate::tls::{TlsError, provider};

/// More rounds than any handshake takes.
const ROUNDS: usize = 16;

/// Plays a handshake between `config` and a client that trusts the last certificate of the chain of `identity`, or, where
/// the chain is the leaf alone and its issuer unknown, that very leaf. `file` is where the chain came from.
///
/// # Errors
/// What the client or the server objected to.
pub fn play(config: &Arc<ServerConfig>, identity: &Identity, file: &Path) -> Result<(), TlsError> {
    let broken =
        |error: rustls::Error| Problem::BrokenChain { file: file.to_owned(), reason: error.to_string() };
    let provider = provider();
    let policy = policy(identity.chain_der()).map_err(broken)?;
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { provider, policy }))
        .with_no_client_auth();
    let client = ClientConnection::new(Arc::new(client), name(identity)).map_err(broken)?;
    let server = ServerConnection::new(Arc::clone(config))?;
    Ok(shake_hands(client, server).map_err(broken)?)
}

/// The same for an identity that is shown to servers: with a server that trusts the last certificate of its chain. A leaf
/// alone, whose issuer is not known here, has shown all that it can: its key fits.
///
/// # Errors
/// What the client or the server objected to.
pub fn play_client(identity: &Identity, file: &Path) -> Result<(), TlsError> {
    let broken =
        |error: rustls::Error| Problem::BrokenChain { file: file.to_owned(), reason: error.to_string() };
    let [_, .., top] = identity.chain_der() else { return Ok(()) };
    let mut roots = RootCertStore::empty();
    roots.add(top.clone()).map_err(broken)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| broken(rustls::Error::General(error.to_string())))?;
    let stage = mint::self_signed(&["localhost".to_owned()])?;
    let server = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(stage.certified_key()))));
    let policy = policy(stage.chain_der()).map_err(broken)?;
    let client = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { provider: provider(), policy }))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(identity.certified_key()))));
    let client = ClientConnection::new(Arc::new(client), name(&stage)).map_err(broken)?;
    let server = ServerConnection::new(Arc::new(server))?;
    Ok(shake_hands(client, server).map_err(broken)?)
}

fn policy(chain: &[CertificateDer<'static>]) -> Result<Policy, rustls::Error> {
    match chain {
        [] => Err(rustls::Error::NoCertificatesPresented),
        [leaf] => Ok(Policy::Exactly(leaf.clone())),
        [.., top] => {
            let mut roots = RootCertStore::empty();
            roots.add(top.clone())?;
            Ok(Policy::IssuerAndName(Trust { roots, pinned: Vec::new() }))
        }
    }
}

/// A name that the leaf has; any host serves for a wildcard.
fn name(identity: &Identity) -> ServerName<'static> {
    let spelled = |name: &String| ServerName::try_from(name.replacen('*', "any", 1)).ok();
    let unspecified = || ServerName::IpAddress(std::net::IpAddr::from([0, 0, 0, 0]).into());
    identity.names().iter().find_map(spelled).unwrap_or_else(unspecified)
}

fn shake_hands(mut client: ClientConnection, mut server: ServerConnection) -> Result<(), rustls::Error> {
    let mut wire = Vec::new();
    for _ in 0..ROUNDS {
        wire.clear();
        client.write_tls(&mut wire).map_err(unexpected)?;
        let mut arrived = wire.as_slice();
        while !arrived.is_empty() {
            server.read_tls(&mut arrived).map_err(unexpected)?;
            server.process_new_packets()?;
        }
        wire.clear();
        server.write_tls(&mut wire).map_err(unexpected)?;
        let mut arrived = wire.as_slice();
        while !arrived.is_empty() {
            client.read_tls(&mut arrived).map_err(unexpected)?;
            client.process_new_packets()?;
        }
        if !client.is_handshaking() && !server.is_handshaking() {
            return Ok(());
        }
    }
    Err(rustls::Error::HandshakeNotComplete)
}

/// Writing to memory does not fail; rustls reports it as I/O all the same.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unexpected(error: std::io::Error) -> rustls::Error {
    rustls::Error::General(error.to_string())
}
