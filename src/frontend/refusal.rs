//! Why a connection ended before its login was complete.
//!
//! The functions on [`Refusal`] are total, without wildcard arms: a new reason must say what it counts as, what the client
//! hears and how loudly it is logged.

use tracing::Level;

use crate::frontend::login_error::LoginError;
use crate::migration::explain::{Cause, Who};
use crate::protocol::handshake;
use crate::protocol::reply::ServerError;
use crate::tls::packets::PacketError;
use crate::tls::stream::HandshakeError;

/// Why a client was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// `limits.max_clients` are there already.
    #[error("there are too many clients")]
    TooManyClients,
    /// The connection did not start with the PROXY header that it has to start with.
    #[error("no PROXY header, or a malformed one, from a network that has to send it")]
    ProxyHeader,
    /// No backend has ever been reached, so there is nothing to greet with.
    #[error("no backend has been reached yet")]
    NoBackend,
    /// The client closed, or broke the protocol.
    #[error("the client did not complete the handshake")]
    Packet {
        /// How.
        source: PacketError,
        /// How far it had come.
        at: Step,
        /// What its bytes are instead of a packet, where they can be told.
        instead: Option<Cause>,
    },
    /// The client's packet makes no sense.
    #[error("the client's handshake packet cannot be understood")]
    Malformed(#[source] handshake::HandshakeError),
    /// The client speaks a protocol from before MariaDB.
    #[error("the client speaks a protocol older than 4.1")]
    OldClient,
    /// TLS was asked for where it is not offered.
    #[error("the client asks for TLS, which this listener does not offer")]
    TlsNotOffered,
    /// The TLS handshake failed.
    #[error("the TLS handshake with the client failed")]
    Tls(#[source] HandshakeError),
    /// Plaintext where TLS is required.
    #[error("the client does not ask for TLS, which this listener requires")]
    Plaintext(Box<Who>),
    /// It took too long.
    #[error("the client did not log in in time")]
    TimedOut,
    /// TLS took too long.
    #[error("the client did not complete the TLS handshake in time")]
    TimedOutInTls,
    /// The login failed.
    #[error("the login failed")]
    Login {
        /// Why.
        source: LoginError,
        /// Who it was, as it said itself.
        who: Box<Who>,
    },
    /// The proxy is shutting down.
    #[error("the proxy is shutting down")]
    Draining,
}

/// How far a client had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was greeted.
    Greeted,
    /// It has completed TLS.
    Encrypted,
    /// It logs in.
    LoggingIn,
}

impl Refusal {
    /// A packet that could not be read from a client that has not named itself.
    pub fn packet(source: PacketError, at: Step, bytes: &[u8]) -> Self {
        Self::Packet { source, at, instead: Cause::of_bytes(bytes) }
    }

    /// Whom it is about, as far as that is known.
    pub fn who(&self) -> Option<&Who> {
        match self {
            Self::Plaintext(who) | Self::Login { who, .. } => Some(who),
            _ => None,
        }
    }

    /// The metric label.
    pub fn cause(&self) -> Cause {
        match self {
            Self::TooManyClients => Cause::TooManyClients,
            Self::ProxyHeader => Cause::ProxyHeader,
            Self::NoBackend => Cause::Unavailable,
            Self::Packet { source: PacketError::Closed | PacketError::Io(_), at: Step::Greeted, .. } => {
                Cause::Closed
            }
            Self::Packet {
                source: PacketError::Closed | PacketError::Io(_), at: Step::Encrypted, ..
            } => Cause::ClosedAfterTls,
            Self::Packet { instead: Some(instead), .. } => *instead,
            Self::Packet { source, .. } => cause_of_packet(source),
            Self::Malformed(_) => Cause::Malformed,
            Self::OldClient => Cause::OldClient,
            Self::TlsNotOffered => Cause::TlsNotOffered,
            Self::Tls(error) => error.cause().into(),
            Self::Plaintext(_) => Cause::Plaintext,
            Self::TimedOut => Cause::TimedOut,
            Self::TimedOutInTls => Cause::TimedOutInTls,
            Self::Login { source, .. } => source.cause(),
            Self::Draining => Cause::Draining,
        }
    }

    /// What the client hears; `None`: the connection just closes.
    pub fn to_client(&self) -> Option<ServerError> {
        match self {
            Self::TooManyClients => Some(ServerError::too_many_connections()),
            Self::NoBackend => {
                Some(ServerError::unavailable("No database server can be reached at the moment"))
            }
            Self::Packet {
                source: PacketError::TooLarge { .. } | PacketError::OutOfOrder { .. }, ..
            }
            | Self::Malformed(_)
            | Self::TlsNotOffered => Some(ServerError::bad_handshake()),
            Self::OldClient => Some(ServerError::old_client()),
            Self::Plaintext(_) => Some(ServerError::plaintext_refused()),
            Self::Login { source, .. } => source.to_client(),
            Self::Draining => {
                Some(ServerError::unavailable("The database proxy is shutting down; connect again"))
            }
            Self::ProxyHeader
            | Self::TimedOut
            | Self::TimedOutInTls
            | Self::Tls(_)
            | Self::Packet {
                source: PacketError::Closed | PacketError::Io(_) | PacketError::TimedOut, ..
            } => None,
        }
    }

    /// How loudly it is logged: WARN where something is wrong with the set-up rather than with the client.
    pub fn level(&self) -> Level {
        match self {
            Self::TooManyClients | Self::NoBackend => Level::WARN,
            Self::Login { source, .. } => source.level(),
            Self::ProxyHeader
            | Self::Packet { .. }
            | Self::Malformed(_)
            | Self::OldClient
            | Self::TlsNotOffered
            | Self::Tls(_)
            | Self::Plaintext(_)
            | Self::TimedOut
            | Self::TimedOutInTls
            | Self::Draining => Level::DEBUG,
        }
    }
}

/// Of a client whose packet could not be read while it logged in.
pub(super) fn cause_of_packet(error: &PacketError) -> Cause {
    match error {
        PacketError::Closed | PacketError::Io(_) => Cause::ClosedDuringLogin,
        PacketError::TimedOut => Cause::TimedOut,
        PacketError::TooLarge { .. } => Cause::Oversized,
        PacketError::OutOfOrder { .. } => Cause::OutOfOrder,
    }
}
