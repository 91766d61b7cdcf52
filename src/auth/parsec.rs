//! `parsec` (MariaDB 11.6): the client signs both sides' nonces with an ed25519 key that PBKDF2 makes from its password.
//!
//! Only the client's part is here, for logins at a backend. MariaDB: "Authentication Plugin - PARSEC".

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA512, derive};
use aws_lc_rs::signature::Ed25519KeyPair;
use zeroize::Zeroizing;

use super::salt::random_bytes;
use crate::protocol::wire::Reader;

/// Bytes of each side's nonce.
pub(super) const NONCE_LEN: usize = 32;
/// The only key derivation there is.
const PBKDF2: u8 = b'P';
const SALT_LEN: usize = 18;
/// Iterations are 1024 · 2^factor. The reference client refuses larger factors, since the server chooses the work.
const LARGEST_FACTOR: u8 = 3;

/// How the server wants the key to be derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Derivation {
    iterations: NonZeroU32,
    salt: [u8; SALT_LEN],
}

impl Derivation {
    /// Reads the server's packet; `None` where it is another than this plugin sends.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(data);
        let [PBKDF2, factor] = reader.array::<2>()? else { return None };
        let iterations = (factor <= LARGEST_FACTOR).then(|| NonZeroU32::new(1024 << factor))??;
        let salt = reader.array::<SALT_LEN>()?;
        reader.is_empty().then_some(Self { iterations, salt })
    }

    /// The answer: a fresh nonce of the client and the signature. `None` only without randomness.
    pub(super) fn answer(&self, password: &[u8], server_nonce: &[u8; NONCE_LEN]) -> Option<Vec<u8>> {
        let mut seed = Zeroizing::new([0_u8; 32]);
        derive(PBKDF2_HMAC_SHA512, self.iterations, &self.salt, password, seed.as_mut_slice());
        let key = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).ok()?;
        let nonce = random_bytes::<NONCE_LEN>().ok()?;
        let signature = key.sign(&[*server_nonce, nonce].concat());
        Some([nonce.as_slice(), signature.as_ref()].concat())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    /// Of `P0:Rzr0SeSoiJkNh0ATTdQzgPqr:K5/2DcSxsHqRFGkMsO/KMnibNUv6AH67CcjECzgaLq0`, the account of `parsec USING
    /// PASSWORD('secret')` in MariaDB 11.8.6.
    const SALT: [u8; SALT_LEN] = [
        0x47, 0x3a, 0xf4, 0x49, 0xe4, 0xa8, 0x88, 0x99, 0x0d, 0x87, 0x40, 0x13, 0x4d, 0xd4, 0x33, 0x80, 0xfa,
        0xab,
    ];
    const KEY: [u8; 32] = [
        0x2b, 0x9f, 0xf6, 0x0d, 0xc4, 0xb1, 0xb0, 0x7a, 0x91, 0x14, 0x69, 0x0c, 0xb0, 0xef, 0xca, 0x32, 0x78,
        0x9b, 0x35, 0x4b, 0xfa, 0x00, 0x7e, 0xbb, 0x09, 0xc8, 0xc4, 0x0b, 0x38, 0x1a, 0x2e, 0xad,
    ];

    #[test]
    fn an_answer_verifies_under_the_key_in_the_account_table_of_mariadb_11_8() {
        let asked = Derivation::parse(&[&b"P\0"[..], &SALT].concat()).unwrap();
        let verifies = |password| {
            let answer = asked.answer(password, &[1; NONCE_LEN]).unwrap();
            let (nonce, signature) = answer.split_at(NONCE_LEN);
            let message = [&[1; NONCE_LEN], nonce].concat();
            UnparsedPublicKey::new(&ED25519, &KEY).verify(&message, signature).is_ok()
        };
        assert!(verifies(b"secret"));
        assert!(!verifies(b"Secret"));
    }

    #[test]
    fn work_beyond_the_reference_clients_limit_is_refused() {
        let packet = |factor| [&[b'P', factor][..], &[7; SALT_LEN]].concat();
        assert_eq!(Derivation::parse(&packet(0)).map(|asked| asked.iterations.get()), Some(1024));
        assert_eq!(Derivation::parse(&packet(3)).map(|asked| asked.iterations.get()), Some(8192));
        assert_eq!(Derivation::parse(&packet(4)), None);
        assert_eq!(Derivation::parse(&packet(255)), None);
    }

    #[test]
    fn a_packet_of_another_length_or_kind_is_refused() {
        assert_eq!(Derivation::parse(b""), None);
        assert_eq!(Derivation::parse(&[&b"P\0"[..], &[7; 17]].concat()), None);
        assert_eq!(Derivation::parse(&[&b"P\0"[..], &[7; 19]].concat()), None);
        assert_eq!(Derivation::parse(&[&b"Q\0"[..], &[7; 18]].concat()), None);
    }

    #[test]
    fn no_two_answers_are_the_same() {
        let asked = Derivation::parse(&[&b"P\0"[..], &[7; SALT_LEN]].concat()).unwrap();
        let [one, two] = [(); 2].map(|()| asked.answer(b"secret", &[1; NONCE_LEN]).unwrap());
        assert_eq!(one.len(), 96);
        assert_ne!(one, two);
    }
}
