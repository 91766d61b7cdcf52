//! TLS: sockets, streams that may be encrypted, and the certificates on both sides.
//!
//! `frontend` accepts through [`stream::accept`], `backend` connects through [`stream::connect`]; `app` builds the
//! settings of both ([`server::ServerTls`], [`client::ClientTls`]) at start and at each reload. Nothing here retries, falls
//! back to plaintext, or skips a verification that was asked for.

use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;

use crate::config::model::TlsVersion;

pub mod cause;
pub mod certificate;
pub mod chain;
pub mod client;
pub mod client_policy;
pub mod fingerprint;
pub mod identity;
pub mod inspect;
pub mod listen;
pub mod metrics;
pub mod mint;
pub mod offers;
pub mod packets;
pub mod peer_certificate;
pub mod pem;
pub mod problem;
pub mod read_buffer;
pub mod rehearsal;
pub mod revocation;
pub mod server;
pub mod shadow;
pub mod socket;
pub mod stream;
#[cfg(test)]
mod tests;
pub mod tickets;
pub mod trust;
mod verifier;

/// Why TLS cannot be set up as configured. Displayed completely, one problem a line.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate or the key is not fit for use.
    #[error(transparent)]
    Identity(#[from] problem::Problems),
    /// Several of these at once.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<TlsError>),
    /// This machine has no certificate store.
    #[error(
        "no CA certificates found on this machine; install ca-certificates, or name a CA file for the backend"
    )]
    NoSystemTrust,
    /// Neither the address nor the settings give a name to verify.
    #[error("{host:?} is no name that a certificate could have; set tls.server_name of the backend")]
    ServerName {
        /// What was given instead.
        host: String,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Mint(#[from] mint::MintError),
    /// The cryptography library refused to work.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// The cryptography of every connection: aws-lc-rs, with X25519MLKEM768 before the classical groups.
///
/// Always handed over explicitly; no process-wide default is installed or looked up.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The protocol versions from `oldest` on, newest first.
fn versions_since(oldest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static BOTH: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
    match oldest {
        TlsVersion::V1_2 => &BOTH,
        TlsVersion::V1_3 => &BOTH[..1],
    }
}

/// Both values, or every error of both.
fn both<A, B>(a: Result<A, TlsError>, b: Result<B, TlsError>) -> Result<(A, B), TlsError> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(TlsError::Several(vec![a, b])),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

impl From<problem::Problem> for TlsError {
    fn from(problem: problem::Problem) -> Self {
        Self::Identity(problem.into())
    }
}
