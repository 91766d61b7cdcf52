//! What the generation in force shows and trusts: `/api/v1/certificates`.

use serde::{Deserialize, Serialize};

use crate::tls::inspect::Entry;

/// All certificates of one generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificates {
    /// The generation that uses them.
    pub generation: u64,
    /// Each use of a file.
    pub identities: Vec<IdentityRow>,
}

/// The certificates of one file, in one use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityRow {
    /// Where the configuration names it: `listener[0]`, `backend.db1`.
    pub identity: String,
    /// What for.
    pub usage: Usage,
    /// The file; none where the certificate was made at start.
    pub file: Option<String>,
    /// In the order of the file.
    pub certificates: Vec<Entry>,
    /// Revocation lists of these CAs.
    pub revocation_lists: Vec<RevocationRow>,
}

/// What certificates are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// A chain that clients are shown.
    Server,
    /// A chain that a backend is shown.
    Client,
    /// CAs that clients' certificates come from.
    ClientCa,
    /// CAs that a backend's certificate comes from.
    ServerCa,
}

/// One revocation list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationRow {
    /// The file.
    pub file: String,
    /// The CA that signed it.
    pub issuer: String,
    /// When it was made (RFC 3339).
    pub this_update: String,
    /// When there should be another (RFC 3339).
    pub next_update: Option<String>,
    /// Certificates on it.
    pub revoked: usize,
}
