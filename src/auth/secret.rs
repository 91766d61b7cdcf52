//! What logs in at a backend.

use std::fmt;

use zeroize::Zeroizing;

use super::digest::{same, sha256};
use super::native_password::{TOKEN_LEN, token};
use crate::config::model::Secret;

/// What the proxy knows of the password that the backend wants. Wiped when dropped, never printed.
#[derive(Clone)]
pub enum BackendSecret {
    /// The password: every plugin works.
    Password(Secret),
    /// SHA1(password), recovered from a client's answer: `mysql_native_password` works.
    NativeToken(Zeroizing<[u8; TOKEN_LEN]>),
}

impl BackendSecret {
    /// The password, where it is known.
    pub(super) fn password(&self) -> Option<&[u8]> {
        match self {
            Self::Password(password) => Some(password.expose()),
            Self::NativeToken(_) => None,
        }
    }

    /// The token for `mysql_native_password`; none for an empty password, which is proven by saying nothing.
    pub(super) fn native_token(&self) -> Option<Zeroizing<[u8; TOKEN_LEN]>> {
        match self {
            Self::Password(password) if password.expose().is_empty() => None,
            Self::Password(password) => Some(Zeroizing::new(token(password.expose()))),
            Self::NativeToken(token) => Some(token.clone()),
        }
    }
}

/// Whether both log in as the same: the question of a pool whose accounts were reloaded. Compared in constant time; a
/// password equals its own token.
impl PartialEq for BackendSecret {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Password(left), Self::Password(right)) => {
                same(&sha256(&[left.expose()]), &sha256(&[right.expose()]))
            }
            _ => match (self.native_token(), other.native_token()) {
                (Some(left), Some(right)) => same(left.as_slice(), right.as_slice()),
                (left, right) => left.is_none() && right.is_none(),
            },
        }
    }
}

impl Eq for BackendSecret {}

impl fmt::Debug for BackendSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(***)",
            Self::NativeToken(_) => "NativeToken(***)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> BackendSecret {
        BackendSecret::Password(Secret::new(text.into()))
    }

    #[test]
    fn a_password_equals_its_own_token_and_no_other() {
        let recovered = BackendSecret::NativeToken(Zeroizing::new(token(b"secret")));
        assert_eq!(password("secret"), recovered);
        assert_ne!(password("other"), recovered);
        assert_ne!(password(""), recovered);
        assert_ne!(password("a"), password("b"));
        assert_eq!(password(""), password(""));
    }

    #[test]
    fn nothing_is_printed() {
        assert_eq!(format!("{:?}", password("secret")), "Password(***)");
    }
}
