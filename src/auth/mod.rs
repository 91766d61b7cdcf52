//! Who a client is, and how the proxy proves itself to a server.
//!
//! Pure state machines over payloads: the frontend drives a [`Verifier`] for a client of a configured account, the
//! backend drives a [`Prover`] for a connection of its own, and a [`Relay`] looks on where the server judges. None of them
//! touches a socket or waits, so dropping one at any point leaves nothing behind but wiped memory.
//!
//! Invariants: a salt is used for one login; secrets are compared in constant time; a cleartext password is asked for
//! and sent only on a [`Channel::Secure`] one, whatever the other side suggests.

mod account;
pub mod account_row;
pub mod account_table;
mod caching_sha2;
pub mod certificate_rule;
pub mod demand;
mod digest;
mod ed25519;
pub mod host_pattern;
mod native_password;
mod parsec;
mod prover;
mod relay;
mod salt;
mod secret;
pub mod standing;
mod verifier;

pub use account::{Account, Accounts};
pub use prover::{Answer, Initial, Prover};
pub use relay::{NextToSpeak, Relay, Relayed};
pub use salt::Salt;
pub use secret::BackendSecret;
pub use verifier::{Step, Verifier};

use crate::config::model::AuthPlugin;
use crate::protocol::handshake::{HandshakeError, plugin};

/// Whether others can read along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// TLS, or a unix socket.
    Secure,
    /// Plaintext over TCP, loopback included: whoever may capture packets on the machine reads along.
    Insecure,
}

/// Why a login cannot go on. A wrong password is none of these: the other side says so in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The operating system gave no random bytes.
    #[error("no random bytes to be had")]
    NoRandomness,
    /// The server sent a packet that is not of its form.
    #[error("malformed packet during authentication")]
    Malformed(#[source] HandshakeError),
    /// The server's data is not what its plugin sends.
    #[error("the server sent unexpected data for the plugin {plugin}")]
    UnexpectedData {
        /// The plugin's name.
        plugin: String,
    },
    /// The server wants a plugin that is not spoken here.
    #[error("the server asks for the authentication plugin {plugin}, which is not supported")]
    UnsupportedPlugin {
        /// The plugin's name, as the server gave it.
        plugin: String,
    },
    /// The server wants the password itself where others can read along.
    #[error("the server asks for a cleartext password ({plugin}) without TLS")]
    CleartextRefused {
        /// The plugin's name.
        plugin: String,
    },
    /// Only a `mysql_native_password` token is known, and the server wants a plugin that needs the password.
    #[error("the server asks for {plugin}, which needs the password, but only its native hash is known")]
    PasswordUnknown {
        /// The plugin's name.
        plugin: String,
    },
    /// The server asks without end.
    #[error("the server did not come to a decision")]
    Endless,
}

/// The plugin's name in packets.
#[must_use]
pub fn wire_name(plugin: AuthPlugin) -> &'static [u8] {
    match plugin {
        AuthPlugin::NativePassword => plugin::NATIVE_PASSWORD,
        AuthPlugin::Ed25519 => plugin::ED25519,
        AuthPlugin::CachingSha2 => plugin::CACHING_SHA2,
        AuthPlugin::ClearPassword => plugin::CLEAR_PASSWORD,
    }
}

/// The plugin to announce in a greeting, given `auth.default_plugin`.
///
/// Only plugins that work with a greeting's 20-byte salt and give nothing away before TLS are announced; the others are
/// asked for by AuthSwitchRequest, as MariaDB does.
#[must_use]
pub fn greeting_plugin(default: AuthPlugin) -> &'static [u8] {
    match default {
        AuthPlugin::CachingSha2 => plugin::CACHING_SHA2,
        AuthPlugin::NativePassword | AuthPlugin::Ed25519 | AuthPlugin::ClearPassword => {
            plugin::NATIVE_PASSWORD
        }
    }
}

#[cfg(test)]
mod tests;
