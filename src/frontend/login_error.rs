//! Why a login failed, what the client hears of it, and how loudly it is logged.
//!
//! The text of an error is for the log and holds the server's own words. The reply is for the client and never names an
//! address other than the client's own. The functions are total, without wildcard arms.

use tracing::Level;

use crate::auth::AuthError;
use crate::auth::certificate_rule::RuleFailure;
use crate::auth::standing::Refused;
use crate::backend::error::ConnectError;
use crate::config::model::Stage;
use crate::frontend::refusal::cause_of_packet;
use crate::migration::explain::Cause;
use crate::pool::AcquireError;
use crate::protocol::reply::{ACCESS_DENIED, ServerError};
use crate::telemetry::Label as _;
use crate::tls::packets::PacketError;

/// Why a login failed. A [`ServerError`] named `reply` is what the client hears.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The client closed, or broke the protocol.
    #[error("the client did not complete the login")]
    Client(#[source] PacketError),
    /// The proxy says no: the proof does not match a configured account, or nobody has that name and nothing is relayed.
    #[error("access denied: {0}")]
    Denied(ServerError),
    /// The server says no to a login that was relayed, or to the schema.
    #[error("access denied by the server: {said}")]
    DeniedByServer {
        /// In its words, which name the proxy's host as the client's.
        said: ServerError,
        /// In the words that the client would hear directly.
        reply: ServerError,
    },
    /// By its account table the server would say no, whatever the password: to the client's host, or to how it is connected.
    #[error("{refused}")]
    NotAdmitted {
        /// Why.
        refused: Refused,
        /// In the words that the client would hear directly.
        reply: ServerError,
    },
    /// The client's certificate does not meet the account's rules.
    #[error("{failure}")]
    Certificate {
        /// What it lacks.
        failure: RuleFailure,
        /// What the client hears.
        reply: ServerError,
    },
    /// The account has as many clients as it may have.
    #[error("the account has too many clients")]
    TooManyClients(ServerError),
    /// The server asks for a password in the clear, and the client would send it in plaintext.
    #[error("the client's connection is not encrypted, which this account's plugin needs")]
    CleartextFromClient(#[source] AuthError),
    /// The server asks for a password in the clear, and the proxy would send it on in plaintext.
    #[error(
        "the connection to the backend is not encrypted, which this account's plugin needs: give the backend TLS, or a unix socket"
    )]
    CleartextToBackend {
        /// What the server asked for.
        source: AuthError,
        /// What the client hears: it names the side that is not encrypted only as far as the client can do something about it.
        reply: ServerError,
    },
    /// The server would let the proxy's own operating-system user in without any proof by the client.
    #[error("the server would accept the proxy itself, by its unix socket, in place of the client")]
    SocketIdentity(ServerError),
    /// The server refuses a login that the proxy made for a client that it verified.
    #[error("the backend refuses the configured account")]
    BackendDenied(#[source] ConnectError, ServerError),
    /// The account's stage refuses plaintext.
    #[error("the client is in plaintext, which its account's stage, {}, refuses", .0.label())]
    PlaintextRefused(Stage),
    /// There is no backend.
    #[error("no backend can be used")]
    Unavailable(#[source] AcquireError),
    /// The system is out of random numbers.
    #[error("no salt could be made")]
    NoRandomness,
}

impl LoginError {
    /// The metric label.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Client(error) => cause_of_packet(error),
            Self::Denied(_) | Self::DeniedByServer { .. } => Cause::Denied,
            Self::NotAdmitted { refused, .. } => match refused {
                Refused::Host(_) | Refused::NotFromHere(_) => Cause::HostNotAllowed,
                Refused::Demand { .. } => Cause::DemandUnmet,
            },
            Self::Certificate { .. } => Cause::CertificateRule,
            Self::TooManyClients(_) => Cause::TooManyAccountClients,
            Self::CleartextFromClient(_) => Cause::Cleartext,
            Self::CleartextToBackend { .. } => Cause::CleartextToBackend,
            Self::SocketIdentity(_) => Cause::SocketIdentity,
            Self::BackendDenied(..) => Cause::BackendDenied,
            Self::PlaintextRefused(Stage::Brownout) => Cause::Brownout,
            Self::PlaintextRefused(_) => Cause::Enforced,
            Self::Unavailable(_) => Cause::Unavailable,
            Self::NoRandomness => Cause::Internal,
        }
    }

    /// What the client hears; `None`: nothing can be said.
    pub fn to_client(&self) -> Option<ServerError> {
        match self {
            Self::Client(PacketError::TooLarge { .. } | PacketError::OutOfOrder { .. }) => {
                Some(ServerError::bad_handshake())
            }
            Self::Client(PacketError::Closed | PacketError::Io(_) | PacketError::TimedOut) => None,
            Self::Denied(reply)
            | Self::DeniedByServer { reply, .. }
            | Self::NotAdmitted { reply, .. }
            | Self::Certificate { reply, .. }
            | Self::TooManyClients(reply)
            | Self::CleartextToBackend { reply, .. }
            | Self::SocketIdentity(reply)
            | Self::BackendDenied(_, reply) => Some(reply.clone()),
            Self::CleartextFromClient(_) | Self::PlaintextRefused(_) => {
                Some(ServerError::plaintext_refused())
            }
            Self::Unavailable(AcquireError::TimedOut(_)) => Some(ServerError::unavailable(
                "All database connections of this account are in use; none became free in time",
            )),
            Self::Unavailable(AcquireError::Connect(_)) => {
                Some(ServerError::unavailable("No database server can be reached at the moment"))
            }
            Self::NoRandomness => {
                Some(ServerError::unavailable("The database proxy cannot authenticate anybody"))
            }
        }
    }

    /// How loudly it is logged: WARN where something is wrong with the set-up rather than with the client.
    pub fn level(&self) -> Level {
        match self {
            Self::Client(_)
            | Self::Denied(_)
            | Self::DeniedByServer { .. }
            | Self::TooManyClients(_)
            | Self::CleartextFromClient(_)
            | Self::PlaintextRefused(_) => Level::DEBUG,
            Self::NotAdmitted { .. } | Self::Certificate { .. } => Level::INFO,
            Self::CleartextToBackend { .. }
            | Self::SocketIdentity(_)
            | Self::BackendDenied(..)
            | Self::Unavailable(_)
            | Self::NoRandomness => Level::WARN,
        }
    }
}

/// 1045 for a client that may well be encrypted: it cannot help, so it is not told to be, nor to try again.
pub(super) fn cleartext_refused(user: &[u8], host: &str) -> ServerError {
    let user = String::from_utf8_lossy(user);
    let message = format!(
        "Access denied for user '{user}'@'{host}': the password may only travel encrypted, and the database proxy's \
         connection to the server is not; an administrator has to enable TLS there"
    );
    ServerError::new(ACCESS_DENIED, *b"28000", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::reply::SECURE_TRANSPORT_REQUIRED;
    use crate::telemetry::chain;

    fn asked() -> AuthError {
        AuthError::CleartextRefused { plugin: "dialog".to_owned() }
    }

    #[test]
    fn only_a_client_in_plaintext_is_told_that_insecure_transport_is_prohibited() {
        let client = LoginError::CleartextFromClient(asked());
        assert_eq!(client.to_client().map(|reply| reply.code), Some(SECURE_TRANSPORT_REQUIRED));
        assert_eq!(client.level(), Level::DEBUG);
        let reply = cleartext_refused(b"pam", "10.0.0.7");
        let backend = LoginError::CleartextToBackend { source: asked(), reply };
        let told = backend.to_client().unwrap();
        assert_eq!((told.code, &told.state), (ACCESS_DENIED, b"28000"));
        assert!(told.message.contains("enable TLS") && !told.message.contains("insecure"), "{told}");
        assert_eq!(backend.level(), Level::WARN, "the operator has to act");
        assert!(chain(&backend).contains("dialog"), "the log names the plugin");
    }

    #[test]
    fn the_servers_words_go_to_the_log_and_ours_to_the_client() {
        let error = LoginError::DeniedByServer {
            said: ServerError::new(1045, *b"28000", "Access denied for user 'nat'@'10.9.9.9'"),
            reply: ServerError::new(1045, *b"28000", "Access denied for user 'nat'@'10.0.0.7'"),
        };
        assert!(error.to_string().contains("10.9.9.9"));
        assert!(error.to_client().unwrap().message.contains("10.0.0.7"));
    }
}
