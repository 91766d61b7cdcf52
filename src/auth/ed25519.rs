//! MariaDB's ed25519: the client signs the server's nonce with a key made from its password.
//!
//! The signature is that of RFC 8032, but the secret scalar and prefix come from SHA512(password) directly, where RFC 8032
//! hashes a 32-byte seed. The public key is what the account table keeps. MariaDB: "Authentication Plugin - ed25519".

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use curve25519_dalek::scalar::clamp_integer;
use curve25519_dalek::{EdwardsPoint, Scalar};
use mysql_common::scramble::create_response_for_ed25519;
use zeroize::Zeroizing;

use super::digest::sha512;

/// Bytes of the server's nonce.
pub(super) const NONCE_LEN: usize = 32;
/// Bytes of a signature.
pub(super) const SIGNATURE_LEN: usize = 64;

/// The public key of a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct PublicKey([u8; 32]);

impl PublicKey {
    /// Derives the key; some tens of microseconds.
    pub(super) fn of(password: &[u8]) -> Self {
        let expanded = Zeroizing::new(sha512(&[password]));
        let secret = expanded.first_chunk::<32>().copied().unwrap_or_default();
        let scalar = Scalar::from_bytes_mod_order(clamp_integer(secret));
        Self(EdwardsPoint::mul_base(&scalar).compress().to_bytes())
    }

    /// Whether the signature of `nonce` was made with this key's password.
    pub(super) fn verifies(&self, nonce: &[u8; NONCE_LEN], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(nonce, signature).is_ok()
    }
}

/// The answer to a nonce.
pub(super) fn sign(password: &[u8], nonce: &[u8; NONCE_LEN]) -> [u8; SIGNATURE_LEN] {
    create_response_for_ed25519(password, nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A login that MariaDB 10.11.19 accepted for `ed25519 USING PASSWORD('secret')`.
    const NONCE: [u8; 32] = [
        0xb1, 0x89, 0x0f, 0x10, 0xd3, 0xbe, 0xb5, 0xc0, 0x61, 0x6c, 0xff, 0xcc, 0x8f, 0xca, 0x8a, 0xb8, 0x60,
        0x16, 0x87, 0xda, 0xd9, 0xb3, 0xb6, 0xc5, 0x3e, 0x46, 0x8b, 0x8b, 0x2d, 0x01, 0x1b, 0x63,
    ];
    const SIGNATURE: [u8; 64] = [
        0x55, 0x99, 0xdb, 0x65, 0x42, 0x1b, 0xb5, 0xe4, 0x0c, 0x59, 0x54, 0xbd, 0xbd, 0x86, 0xe8, 0xd4, 0x1f,
        0x30, 0x1d, 0xb5, 0xfc, 0x97, 0xc0, 0xf0, 0xe2, 0x11, 0xfa, 0x12, 0xab, 0x74, 0xe7, 0xb9, 0xd7, 0xa5,
        0xdd, 0x74, 0x14, 0x3e, 0xdb, 0xa5, 0x5c, 0x0a, 0x31, 0xf1, 0x88, 0x84, 0x76, 0x2d, 0xee, 0xd6, 0xc4,
        0xc1, 0x4f, 0xe6, 0xce, 0x5b, 0x4e, 0xbe, 0x38, 0x01, 0x59, 0x8f, 0x22, 0x0b,
    ];
    /// `ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY`, as the account table holds it.
    const KEY: [u8; 32] = [
        0x64, 0x88, 0x14, 0x44, 0x45, 0x20, 0xe4, 0xf5, 0x60, 0x43, 0xa2, 0xec, 0x92, 0x15, 0xe6, 0x3b, 0xe7,
        0x99, 0x2d, 0x2d, 0x27, 0x0b, 0xc6, 0xde, 0xe8, 0x73, 0xe3, 0x61, 0x64, 0x78, 0x60, 0x96,
    ];

    #[test]
    fn the_public_key_is_the_one_in_the_account_table_of_mariadb_10_11() {
        assert_eq!(PublicKey::of(b"secret").0, KEY);
    }

    #[test]
    fn the_signature_that_mariadb_10_11_accepted_is_accepted_and_made() {
        assert!(PublicKey::of(b"secret").verifies(&NONCE, &SIGNATURE));
        assert_eq!(sign(b"secret", &NONCE), SIGNATURE);
    }

    #[test]
    fn another_password_nonce_or_length_is_not() {
        assert!(!PublicKey::of(b"Secret").verifies(&NONCE, &SIGNATURE));
        assert!(!PublicKey::of(b"secret").verifies(&[7; 32], &SIGNATURE));
        assert!(!PublicKey::of(b"secret").verifies(&NONCE, &SIGNATURE[..63]));
        assert!(!PublicKey::of(b"secret").verifies(&NONCE, b""));
    }
}
