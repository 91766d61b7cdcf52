//! What a certificate file contains and whether it would be accepted, for people and for scripts.
//!
//! `cli::certs` prints it. The checks are those of [`crate::tls::identity`], so that what passes here also starts.

use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::tls::certificate::{Certificate, Usage};
use crate::tls::identity::{Identity, Purpose};
use crate::tls::problem::{Problems, date};
use crate::tls::{chain, pem};

/// What a file of certificates contains.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it was judged as.
    pub role: Role,
    /// The certificates, in the order of the file.
    pub certificates: Vec<Entry>,
    /// Why it would be refused; empty when it would not.
    pub problems: Vec<String>,
}

/// What a file of certificates is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A chain that a listener shows.
    Server,
    /// A chain that is shown to a backend.
    Client,
    /// CA certificates to trust.
    Ca,
}

/// One certificate of a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Owner.
    pub subject: String,
    /// Signer.
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// DNS names and IP addresses.
    pub names: Vec<String>,
    /// First moment of validity (RFC 3339).
    pub not_before: String,
    /// Last moment of validity (RFC 3339).
    pub not_after: String,
    /// Whole days until then; negative afterwards.
    pub days_left: i64,
    /// Kind and size of the key.
    pub key_type: String,
    /// Whether it may sign certificates.
    pub is_ca: bool,
    /// What the key may be used for; empty: not limited.
    pub usages: Vec<Usage>,
    /// Upper-case hexadecimal with colons.
    pub sha256: String,
}

/// Reads `file`, with its private key when that is given, and judges it as `role`, or as what it looks like.
///
/// A file that cannot be read at all gives a report without certificates.
pub fn inspect(file: &Path, key: Option<&Path>, role: Option<Role>) -> Report {
    let now = OffsetDateTime::now_utc();
    let chain_of =
        |file: &Path| -> Result<Vec<Certificate>, Problems> { chain::parse(&pem::read_chain(file)?, file) };
    let (certificates, unreadable) = match chain_of(file) {
        Ok(certificates) => (certificates, None),
        Err(problems) => (Vec::new(), Some(problems)),
    };
    let role = role.unwrap_or_else(|| looks_like(&certificates, key));
    let problems = match (unreadable, role, key) {
        (Some(problems), ..) => problems,
        (None, Role::Ca, _) => Problems(chain::validity(&certificates, file, now)),
        (None, Role::Server, key) => judge(Purpose::Server, &certificates, file, key, now),
        (None, Role::Client, key) => judge(Purpose::Client, &certificates, file, key, now),
    };
    Report {
        role,
        certificates: certificates.iter().map(|certificate| Entry::of(certificate, now)).collect(),
        problems: problems.0.iter().map(ToString::to_string).collect(),
    }
}

/// A CA when its first certificate is one and nobody speaks of a key; a client when its usages say so.
fn looks_like(certificates: &[Certificate], key: Option<&Path>) -> Role {
    match certificates.first() {
        Some(leaf) if leaf.is_ca && key.is_none() => Role::Ca,
        Some(leaf) if leaf.permits_client() && !leaf.permits_server() => Role::Client,
        _ => Role::Server,
    }
}

fn judge(
    purpose: Purpose,
    certificates: &[Certificate],
    file: &Path,
    key: Option<&Path>,
    now: OffsetDateTime,
) -> Problems {
    match key {
        Some(key) => Identity::load(purpose, file, key).err().unwrap_or(Problems(Vec::new())),
        None => Problems(chain::check(certificates, purpose, file, now)),
    }
}

impl Entry {
    /// What `certificate` says, as seen at `now`.
    pub fn of(certificate: &Certificate, now: OffsetDateTime) -> Self {
        Self {
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            serial: certificate.serial.clone(),
            names: certificate.names.clone(),
            not_before: date(certificate.not_before),
            not_after: date(certificate.not_after),
            days_left: (certificate.not_after - now).whole_days(),
            key_type: certificate.key_type.clone(),
            is_ca: certificate.is_ca,
            usages: certificate.usages.clone(),
            sha256: certificate.fingerprint.to_string(),
        }
    }
}
