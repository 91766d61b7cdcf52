//! A candidate for a listener, tried on handshakes that went well without it: would they have gone well with it?
//!
//! What a client says in its ClientHello and shows is all that is known of it: whether it trusts a new CA is not, and whether
//! it has a certificate only where it is asked for one. `frontend` counts what comes out for each account.

use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ParsedCertificate};
use rustls::{CipherSuite, SignatureScheme};

use crate::config::model::{ClientCertificate, ListenerTls, Shadow, TlsVersion};
use crate::tls::TlsError;
use crate::tls::cause::HandshakeCause;
use crate::tls::client_policy::ClientPolicy;
use crate::tls::identity::{Identity, Purpose};
use crate::tls::stream::{HandshakeError, TlsInfo, cipher_name};

/// What a client said first.
#[derive(Clone, Debug)]
pub struct Hello {
    server_name: Option<String>,
    ciphers: Vec<CipherSuite>,
    signatures: Vec<SignatureScheme>,
}

impl Hello {
    /// What of it a candidate asks for.
    pub(super) fn of(hello: &ClientHello<'_>) -> Self {
        Self {
            server_name: hello.server_name().map(str::to_owned),
            ciphers: hello.cipher_suites().to_vec(),
            signatures: hello.signature_schemes().to_vec(),
        }
    }
}

/// What is tried. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Candidate(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    identity: Option<Identity>,
    min_version: Option<TlsVersion>,
    ciphers: Vec<&'static str>,
    policy: Option<ClientPolicy>,
    requires: bool,
    /// Whether the listener asks for certificates today, so that one that is not shown is not there.
    asked: bool,
}

impl Candidate {
    /// Reads what `shadow` names, for a listener with these settings.
    ///
    /// # Errors
    /// Everything that is wrong with it: what could not be used is not tried either.
    pub fn build(shadow: &Shadow, listener: &ListenerTls) -> Result<Self, TlsError> {
        let identity = match (&shadow.certificate, &shadow.key) {
            (Some(certificate), Some(key)) => Some(Identity::load(Purpose::Server, certificate, key)?),
            _ => None,
        };
        let rule = shadow.client_certificate.filter(|rule| *rule != ClientCertificate::None);
        let asking = |rule: ClientCertificate| ListenerTls {
            client_certificate: rule,
            client_ca: shadow.client_ca.clone().or_else(|| listener.client_ca.clone()),
            crl: shadow.crl.clone(),
            ..listener.clone()
        };
        let policy = rule.map(|rule| ClientPolicy::load(&asking(rule))).transpose()?;
        Ok(Self(Arc::new(Parts {
            identity,
            min_version: shadow.min_version,
            ciphers: shadow.ciphers.clone(),
            policy,
            requires: rule == Some(ClientCertificate::Require),
            asked: listener.client_certificate != ClientCertificate::None,
        })))
    }

    /// Why a handshake that came to `agreed` would have failed; nothing where it would not, as far as can be known.
    /// `shown` is the client's chain.
    pub fn objections(
        &self,
        hello: &Hello,
        agreed: &TlsInfo,
        shown: &[CertificateDer<'_>],
    ) -> Vec<HandshakeCause> {
        let parts = &self.0;
        let too_old = parts.min_version.is_some_and(|oldest| agreed.version < oldest);
        let mut found = Vec::new();
        found.extend(too_old.then_some(HandshakeCause::NoCommonVersion));
        found.extend(parts.lacks_cipher(hello).then_some(HandshakeCause::NoCommonCipher));
        found.extend(parts.identity.as_ref().into_iter().flat_map(|identity| of_identity(identity, hello)));
        found.extend(parts.of_client(shown));
        found
    }
}

impl Parts {
    fn lacks_cipher(&self, hello: &Hello) -> bool {
        let offered = |name: &&str| hello.ciphers.iter().any(|cipher| cipher_name(*cipher) == *name);
        !self.ciphers.is_empty() && !self.ciphers.iter().any(offered)
    }

    fn of_client(&self, shown: &[CertificateDer<'_>]) -> Option<HandshakeCause> {
        let policy = self.policy.as_ref()?;
        let Some((leaf, rest)) = shown.split_first() else {
            return (self.requires && self.asked).then_some(HandshakeCause::CertificateMissing);
        };
        let verified = policy.verifier().verify_client_cert(leaf, rest, UnixTime::now());
        verified.err().map(|error| HandshakeError::Refused(error).cause())
    }
}

/// A name that the client asked for and would not find, a key whose signatures it does not know.
fn of_identity(identity: &Identity, hello: &Hello) -> Vec<HandshakeCause> {
    let leaf = identity.chain_der().first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
    let asked = hello.server_name.as_ref().and_then(|name| ServerName::try_from(name.as_str()).ok());
    let wrong_name = match (leaf, asked) {
        (Some(leaf), Some(asked)) => verify_server_name(&leaf, &asked).is_err(),
        _ => false,
    };
    let unsigned = identity.certified_key().key.choose_scheme(&hello.signatures).is_none();
    let causes =
        [(wrong_name, HandshakeCause::AlertBadCertificate), (unsigned, HandshakeCause::NoCommonSignature)];
    causes.into_iter().filter(|(found, _)| *found).map(|(_, cause)| cause).collect()
}
