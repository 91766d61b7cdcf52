//! The random bytes that a client's answer is made for.

use aws_lc_rs::rand;

use super::AuthError;
use crate::protocol::handshake::SALT_LEN;

/// A fresh salt for one login: 20 bytes, about 139 bits of randomness.
///
/// Like the server's, its bytes are 7-bit and none is NUL or `$`: clients treat the salt as a C string.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt([u8; SALT_LEN]);

impl Salt {
    /// Draws a salt from the operating system's generator.
    ///
    /// # Errors
    /// [`AuthError::NoRandomness`]; there is no weaker source to fall back to.
    pub fn random() -> Result<Self, AuthError> {
        let mut salt = [0; SALT_LEN];
        let mut missing = salt.iter_mut();
        while missing.len() > 0 {
            let drawn = random_bytes::<{ 2 * SALT_LEN }>()?;
            let usable = drawn.into_iter().map(|byte| byte & 0x7f).filter(|byte| !matches!(byte, 0 | b'$'));
            for (to, from) in missing.by_ref().zip(usable) {
                *to = from;
            }
        }
        Ok(Self(salt))
    }

    /// The bytes, for the greeting.
    #[must_use]
    pub fn bytes(&self) -> &[u8; SALT_LEN] {
        &self.0
    }

    /// The bytes and a NUL, as plugins of 20-byte salts send them in an AuthSwitchRequest.
    pub(super) fn terminated(&self) -> Vec<u8> {
        let mut data = self.0.to_vec();
        data.push(0);
        data
    }
}

/// A known salt, for logins that were recorded.
#[cfg(test)]
impl From<[u8; SALT_LEN]> for Salt {
    fn from(bytes: [u8; SALT_LEN]) -> Self {
        Self(bytes)
    }
}

/// `N` bytes of the operating system's generator.
pub(super) fn random_bytes<const N: usize>() -> Result<[u8; N], AuthError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| AuthError::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_salt_has_a_byte_that_clients_stumble_over() {
        for _ in 0..500 {
            let salt = Salt::random().unwrap();
            assert!(salt.bytes().iter().all(|byte| (1..=127).contains(byte) && *byte != b'$'));
        }
    }

    #[test]
    fn no_two_salts_are_the_same() {
        assert!(Salt::random().unwrap() != Salt::random().unwrap());
    }
}
