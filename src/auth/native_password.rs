//! `mysql_native_password`: the client shows that it knows SHA1(password) without sending it.
//!
//! The server keeps `hash = SHA1(token)` with `token = SHA1(password)`; the answer is `token XOR SHA1(salt, hash)`. Whoever
//! knows the hash learns the token from a good answer, and the token is all that a login elsewhere needs.
//! MariaDB: "Authentication Plugin - mysql_native_password".

use super::digest::{same, sha1, xor};
use crate::protocol::handshake::SALT_LEN;

/// Bytes of a token, of a hash and of an answer.
pub(super) const TOKEN_LEN: usize = 20;

/// SHA1(password).
pub(super) fn token(password: &[u8]) -> [u8; TOKEN_LEN] {
    sha1(&[password])
}

/// What an account table keeps.
pub(super) fn hash(token: &[u8; TOKEN_LEN]) -> [u8; TOKEN_LEN] {
    sha1(&[token])
}

/// The answer to a salt.
pub(super) fn answer(salt: &[u8; SALT_LEN], token: &[u8; TOKEN_LEN]) -> [u8; TOKEN_LEN] {
    xor(sha1(&[salt, &hash(token)]), *token)
}

/// The token behind an answer, or `None` where the answer does not match the hash.
pub(super) fn recover(
    salt: &[u8; SALT_LEN],
    stored: &[u8; TOKEN_LEN],
    answer: &[u8],
) -> Option<[u8; TOKEN_LEN]> {
    let answer = <[u8; TOKEN_LEN]>::try_from(answer).ok()?;
    let token = xor(sha1(&[salt, stored]), answer);
    same(&hash(&token), stored).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Greeting and answer of a login that MariaDB 10.11.19 accepted, and what its account table held.
    const SALT: &[u8; 20] = b"}4&c?PWB$*Inn\\eeM2P}";
    const ANSWER: [u8; 20] = [
        0xd3, 0x3f, 0xd6, 0x82, 0x93, 0x86, 0x84, 0x48, 0xed, 0xee, 0x65, 0x6d, 0x79, 0x12, 0xd1, 0x70, 0xeb,
        0xe1, 0x58, 0x13,
    ];
    const STORED: [u8; 20] = [
        0x14, 0xe6, 0x55, 0x67, 0xab, 0xdb, 0x51, 0x35, 0xd0, 0xcf, 0xd9, 0xa7, 0x0b, 0x30, 0x32, 0xc1, 0x79,
        0xa4, 0x9e, 0xe7,
    ];

    #[test]
    fn the_hash_is_the_one_in_the_account_table_of_mariadb_10_11() {
        assert_eq!(hash(&token(b"secret")), STORED);
    }

    #[test]
    fn a_good_answer_gives_the_token_away() {
        assert_eq!(recover(SALT, &STORED, &ANSWER), Some(token(b"secret")));
        assert_eq!(answer(SALT, &token(b"secret")), ANSWER);
    }

    #[test]
    fn an_answer_to_another_salt_or_of_another_length_gives_nothing() {
        assert_eq!(recover(b"aaaaaaaaaaaaaaaaaaaa", &STORED, &ANSWER), None);
        assert_eq!(recover(SALT, &STORED, &ANSWER[..19]), None);
        assert_eq!(recover(SALT, &STORED, b""), None);
    }
}
