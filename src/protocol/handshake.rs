//! The packets of the connection phase, from the server's greeting to the end of authentication.
//!
//! Used on both sides: towards clients the proxy is the server, towards backends it is the client. Everything here is
//! pure and total: a packet is a payload without its header, every parser answers any bytes with a value or an error and
//! never panics, and what is kept can be encoded again. What MariaDB 10.11 accepts is accepted, what it calls a bad
//! handshake is an error.
//!
//! MariaDB: "Connecting to the server" in the protocol documentation.

mod authentication;
mod change_user;
mod greeting;
mod response;

pub use authentication::{AuthMoreData, AuthPacket, AuthSwitch};
pub use change_user::ChangeUser;
pub use greeting::Greeting;
pub use response::{FirstPacket, HandshakeResponse, SslRequest};

use crate::protocol::reply::ServerError;

/// Bytes of the salt that a greeting carries.
pub const SALT_LEN: usize = 20;

/// Names of authentication plugins, as they stand in packets.
pub mod plugin {
    /// SHA-1 challenge and response.
    pub const NATIVE_PASSWORD: &[u8] = b"mysql_native_password";
    /// MariaDB's ed25519: the client signs the salt.
    pub const ED25519: &[u8] = b"client_ed25519";
    /// SHA-256 challenge and response, with the password itself where the server has no cached hash.
    pub const CACHING_SHA2: &[u8] = b"caching_sha2_password";
    /// The password itself, NUL-terminated.
    pub const CLEAR_PASSWORD: &[u8] = b"mysql_clear_password";
    /// MariaDB 11.6: PBKDF2 and ed25519.
    pub const PARSEC: &[u8] = b"parsec";
    /// Questions and answers, as PAM asks them.
    pub const DIALOG: &[u8] = b"dialog";
    /// The scheme from before 4.1. The proxy never answers it.
    pub const OLD_PASSWORD: &[u8] = b"mysql_old_password";
}

/// Why a packet of the connection phase cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The packet ends before or inside a field.
    #[error("the packet ends inside its {0}")]
    Truncated(&'static str),
    /// The first byte says that it is another packet.
    #[error("0x{found:02x} does not begin {expected}")]
    Unexpected {
        /// The packet that was expected.
        expected: &'static str,
        /// Its first byte.
        found: u8,
    },
    /// The greeting is of another protocol than version 10.
    #[error("protocol version {0} instead of 10")]
    ProtocolVersion(u8),
    /// The other side does not speak the protocol of 4.1 and later.
    #[error("the other side speaks a protocol from before 4.1")]
    Old,
    /// The server refused the connection in place of a greeting.
    #[error("the server refused the connection")]
    Refused(#[source] ServerError),
}

/// Gives a missing field its name.
fn field<T>(value: Option<T>, name: &'static str) -> Result<T, HandshakeError> {
    value.ok_or(HandshakeError::Truncated(name))
}

#[cfg(test)]
mod tests;
