//! SHA-256 fingerprints of certificates, as people compare them and as MariaDB's zero-configuration TLS signs them.

use std::fmt;

use aws_lc_rs::digest;

/// SHA-256 over the DER form of one certificate.
///
/// Displayed like `openssl x509 -fingerprint -sha256` does: upper-case hex with colons.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of the certificate with this DER form.
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(digest::digest(&digest::SHA256, der).as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }

    /// The 32 bytes of the digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ":" };
            write!(f, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_reads_as_openssl_prints_it() {
        let text = Fingerprint::of(b"abc").to_string();
        assert!(text.starts_with("BA:78:16:BF:"), "{text}");
        assert!(text.ends_with(":00:15:AD"), "{text}");
        assert_eq!(text.len(), 32 * 3 - 1);
    }
}
