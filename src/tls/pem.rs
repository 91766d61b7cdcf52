//! PEM files: certificate chains and private keys (RFC 7468).
//!
//! Reads block. Buffers that held a key are wiped.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::tls::problem::Problem;

/// Permission bits of users who are neither the owner nor in the group.
const OTHERS: u32 = 0o007;

/// All certificates in `file`, in the order of the file; other sections are passed over.
///
/// # Errors
/// When it cannot be read, is not PEM, or has no certificate in it.
pub fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let text = fs::read(file).map_err(|source| Problem::Unreadable { file: file.to_owned(), source })?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| malformed(file, &error))?;
    if chain.is_empty() { Err(Problem::NoCertificate { file: file.to_owned() }) } else { Ok(chain) }
}

/// The one private key in `file` (PKCS #8, PKCS #1 or SEC 1).
///
/// # Errors
/// When it cannot be read, can be read by everybody, is not PEM, or has no key, an encrypted one or several in it.
pub fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, Problem> {
    let unreadable = |source| Problem::Unreadable { file: file.to_owned(), source };
    let text = Zeroizing::new(fs::read(file).map_err(unreadable)?);
    let mode = fs::metadata(file).map_err(unreadable)?.permissions().mode();
    let mut keys = PrivateKeyDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| malformed(file, &error))?;
    match (keys.len(), keys.pop()) {
        (1, Some(_)) if mode & OTHERS != 0 => Err(Problem::ExposedKey { file: file.to_owned() }),
        (1, Some(key)) => Ok(key),
        (count, Some(_)) => Err(Problem::SeveralKeys { file: file.to_owned(), count }),
        (_, None) if is_encrypted(&text) => Err(Problem::EncryptedKey { file: file.to_owned() }),
        (_, None) => Err(Problem::NoKey { file: file.to_owned() }),
    }
}

fn is_encrypted(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"-----BEGIN ENCRYPTED PRIVATE KEY-----").is_some()
}

/// In words of our own: the parser's message quotes what it stumbled over, which may be a piece of a key.
pub(super) fn malformed(file: &Path, error: &pem::Error) -> Problem {
    let reason = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "a section does not start as one should",
        pem::Error::Base64Decode(_) => "a section is not Base64",
        _ => "a section is damaged",
    };
    Problem::MalformedPem { file: file.to_owned(), reason }
}
