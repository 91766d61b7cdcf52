//! `caching_sha2_password`: like the native plugin with SHA-256, and with the password itself where a server has no cached hash.
//!
//! The answer is `SHA256(password) XOR SHA256(SHA256(SHA256(password)), salt)`. MySQL: "Caching SHA-2 Pluggable Authentication";
//! MariaDB's client speaks it too.

use super::digest::{same, sha256, xor};
use crate::protocol::handshake::SALT_LEN;

/// Server: the answer is right, an OK follows.
pub(super) const FAST_OK: u8 = 0x03;
/// Server: send the password itself.
pub(super) const FULL: u8 = 0x04;

/// The answer to a salt.
pub(super) fn answer(salt: &[u8; SALT_LEN], password: &[u8]) -> [u8; 32] {
    let once = sha256(&[password]);
    let twice = sha256(&[&once]);
    xor(once, sha256(&[&twice, salt]))
}

/// Whether the answer was made with the password.
pub(super) fn verifies(salt: &[u8; SALT_LEN], password: &[u8], given: &[u8]) -> bool {
    same(&answer(salt, password), given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_agree_with_another_implementation() {
        let salt = b"}4&c?PWB$*Inn\\eeM2P}";
        for password in [&b"secret"[..], b"p", &[0xe4; 300]] {
            let theirs = mysql_common::scramble::scramble_sha256(salt, password).unwrap();
            assert_eq!(answer(salt, password), theirs);
            assert!(verifies(salt, password, &theirs));
            assert!(!verifies(salt, b"other", &theirs));
            assert!(!verifies(salt, password, &theirs[..31]));
        }
    }
}
