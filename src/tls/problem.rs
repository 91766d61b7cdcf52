//! Everything that can be wrong with a certificate chain and its key, each with the file and what to do about it.
//!
//! Nothing here ever holds key material: problems go to logs and terminals.

use std::fmt;
use std::io;
use std::path::PathBuf;

use time::{OffsetDateTime, UtcOffset};

/// One thing that is wrong with an identity. Positions count from 1, as people do.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("{file}: cannot be read: {source}", file = file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Everybody on the machine can read the key.
    #[error(
        "{file}: a private key that every user can read; run `chmod o= {file}` (in Kubernetes: `defaultMode: 0440`)",
        file = file.display()
    )]
    ExposedKey {
        /// The key file.
        file: PathBuf,
    },
    /// The file is not proper PEM.
    #[error("{file}: not valid PEM: {reason}", file = file.display())]
    MalformedPem {
        /// The file.
        file: PathBuf,
        /// What the parser found.
        reason: &'static str,
    },
    /// There is no certificate in the file.
    #[error("{file}: no certificate in it; a PEM file with the chain is expected, leaf first", file = file.display())]
    NoCertificate {
        /// The certificate file.
        file: PathBuf,
    },
    /// There is no private key in the file.
    #[error("{file}: no private key in it; a PEM file with the leaf's key is expected", file = file.display())]
    NoKey {
        /// The key file.
        file: PathBuf,
    },
    /// The key is encrypted with a passphrase.
    #[error(
        "{file}: the private key is encrypted, and nobody is there to type the passphrase; `openssl pkey -in {file}` decrypts it",
        file = file.display()
    )]
    EncryptedKey {
        /// The key file.
        file: PathBuf,
    },
    /// There is more than one private key in the file.
    #[error("{file}: {count} private keys in it; keep the one of the leaf certificate", file = file.display())]
    SeveralKeys {
        /// The key file.
        file: PathBuf,
        /// How many there are.
        count: usize,
    },
    /// The private key is of a kind that TLS does not use, or damaged.
    #[error("{file}: the private key cannot be used: {reason}", file = file.display())]
    UnusableKey {
        /// The key file.
        file: PathBuf,
        /// What the library said; never key material.
        reason: String,
    },
    /// A certificate cannot be parsed.
    #[error("{file}: certificate {position} is damaged or not X.509", file = file.display())]
    MalformedCertificate {
        /// The certificate file.
        file: PathBuf,
        /// Which certificate.
        position: usize,
    },
    /// A certificate has no extensions at all, and thus neither names nor usages; TLS libraries refuse it.
    #[error(
        "{file}: certificate {position} ({subject}) is X.509 version 1; issue it again with names (`openssl x509 -req` needs `-extfile`)",
        file = file.display()
    )]
    OldVersion {
        /// The certificate file.
        file: PathBuf,
        /// Which certificate.
        position: usize,
        /// Its subject.
        subject: String,
    },
    /// The key belongs to another certificate.
    #[error(
        "{key}: the key does not belong to the first certificate in {certificate}; were both files renewed?",
        key = key.display(), certificate = certificate.display()
    )]
    KeyMismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The certificates are there, in the wrong order.
    #[error(
        "{file}: the chain is out of order at certificate {position} ({subject}); the leaf comes first, then each one's issuer",
        file = file.display()
    )]
    OutOfOrder {
        /// The certificate file.
        file: PathBuf,
        /// The first certificate in a wrong place.
        position: usize,
        /// Its subject.
        subject: String,
    },
    /// A certificate between two others is missing.
    #[error(
        "{file}: the chain is incomplete: certificate {position} is issued by {issuer}, which is not in the file; add it behind, or remove what does not belong",
        file = file.display()
    )]
    MissingIssuer {
        /// The certificate file.
        file: PathBuf,
        /// The certificate whose issuer is missing.
        position: usize,
        /// The issuer's name.
        issuer: String,
    },
    /// A certificate above the leaf may not sign certificates.
    #[error("{file}: certificate {position} ({subject}) issues another one but is no CA", file = file.display())]
    IssuerIsNoCa {
        /// The certificate file.
        file: PathBuf,
        /// Which certificate.
        position: usize,
        /// Its subject.
        subject: String,
    },
    /// The names fit, a signature does not: an issuer was renewed with another key.
    #[error("{file}: the chain does not verify: {reason}", file = file.display())]
    BrokenChain {
        /// The certificate file.
        file: PathBuf,
        /// What verification said.
        reason: String,
    },
    /// A certificate is past its end.
    #[error(
        "{file}: certificate {position} ({subject}) expired on {date}; renew it",
        file = file.display(), date = date(*since)
    )]
    Expired {
        /// The certificate file.
        file: PathBuf,
        /// Which certificate.
        position: usize,
        /// Its subject.
        subject: String,
        /// Its last moment.
        since: OffsetDateTime,
    },
    /// A certificate's time has not come.
    #[error(
        "{file}: certificate {position} ({subject}) is not valid before {date}; check this machine's clock",
        file = file.display(), date = date(*until)
    )]
    NotYetValid {
        /// The certificate file.
        file: PathBuf,
        /// Which certificate.
        position: usize,
        /// Its subject.
        subject: String,
        /// Its first moment.
        until: OffsetDateTime,
    },
    /// No client could verify a name: TLS libraries do not look at the common name any more (RFC 9525).
    #[error(
        "{file}: the leaf ({subject}) has no subject alternative name; issue it with the DNS names and addresses that clients use",
        file = file.display()
    )]
    NoNames {
        /// The certificate file.
        file: PathBuf,
        /// The leaf's subject.
        subject: String,
    },
    /// The leaf is a CA certificate, which many clients refuse from a server.
    #[error(
        "{file}: the leaf ({subject}) is a CA certificate; use one that this CA issued (`openssl req -x509` needs `-addext basicConstraints=CA:FALSE`)",
        file = file.display()
    )]
    LeafIsCa {
        /// The certificate file.
        file: PathBuf,
        /// The leaf's subject.
        subject: String,
    },
    /// A certificate of a CA file cannot be used as one.
    #[error("{file}: certificate {position} cannot be trusted: {reason}", file = file.display())]
    Untrustable {
        /// The CA file.
        file: PathBuf,
        /// Which certificate.
        position: usize,
        /// What the library said.
        reason: String,
    },
    /// Client certificates are issued by CAs, and this is none.
    #[error(
        "{file}: certificate {position} ({subject}) is no CA certificate; name the CA that issued it",
        file = file.display()
    )]
    NoAuthority {
        /// The CA file.
        file: PathBuf,
        /// Which certificate.
        position: usize,
        /// Its subject.
        subject: String,
    },
    /// There is no revocation list in the file.
    #[error("{file}: no revocation list in it; PEM sections \"X509 CRL\" are expected", file = file.display())]
    NoRevocationList {
        /// The file.
        file: PathBuf,
    },
    /// A revocation list cannot be used.
    #[error("{file}: revocation list {position} cannot be used: {reason}", file = file.display())]
    UnusableRevocationList {
        /// The file.
        file: PathBuf,
        /// Which list.
        position: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The keys of tickets are not there, or not in their form.
    #[error(
        "{file}: one to eight lines of 64 hexadecimal digits are expected, the key in use first; `openssl rand -hex 32` makes one",
        file = file.display()
    )]
    TicketKeys {
        /// The file.
        file: PathBuf,
    },
    /// The leaf's usages forbid what it is wanted for.
    #[error("{file}: the usages of the leaf ({subject}) do not allow {wanted}", file = file.display())]
    WrongUsage {
        /// The certificate file.
        file: PathBuf,
        /// The leaf's subject.
        subject: String,
        /// What it is wanted for.
        wanted: &'static str,
    },
}

/// Everything that is wrong with one identity; at least one problem. Displayed one a line.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// `2027-03-01T12:00:00Z` (RFC 3339).
pub fn date(moment: OffsetDateTime) -> String {
    let utc = moment.to_offset(UtcOffset::UTC);
    let (year, month, day) = utc.to_calendar_date();
    let (hour, minute, second) = utc.to_hms();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
}
