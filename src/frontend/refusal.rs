//! Why a connection ended before its login was complete.
//!
//! The functions on [`Refusal`] are total, without wildcard arms: a new reason must say what it counts as, what the client
//! hears and how loudly it is logged.

use tracing::Level;

use crate::frontend::login_error::LoginError;
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
    Packet(#[source] PacketError),
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
    Plaintext,
    /// It took too long.
    #[error("the client did not log in in time")]
    TimedOut,
    /// The login failed.
    #[error("the login failed")]
    Login(#[source] LoginError),
    /// The proxy is shutting down.
    #[error("the proxy is shutting down")]
    Draining,
}

/// The same as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalCause {
    /// Too many clients.
    TooManyClients,
    /// Too many clients of the account.
    TooManyAccountClients,
    /// PROXY header missing or malformed.
    ProxyHeader,
    /// No backend, or no connection to one in time.
    Unavailable,
    /// The client closed.
    Closed,
    /// A packet over `limits.max_handshake_packet`.
    Oversized,
    /// A wrong sequence id.
    OutOfOrder,
    /// A packet that makes no sense.
    Malformed,
    /// A protocol from before 4.1.
    OldClient,
    /// TLS asked for and not offered.
    TlsNotOffered,
    /// TLS failed.
    Tls,
    /// Plaintext where TLS is required.
    Plaintext,
    /// Too slow.
    TimedOut,
    /// Wrong password, unknown user, unknown schema, …
    Denied,
    /// The account is not for clients from there.
    HostNotAllowed,
    /// The account demands TLS, a certificate or one with other properties (`REQUIRE …`).
    DemandUnmet,
    /// The client's certificate meets no `[[certificate_rule]]` of the account.
    CertificateRule,
    /// The backend refuses an account of the configuration.
    BackendDenied,
    /// A password in the clear would have been asked for.
    Cleartext,
    /// The server would have accepted the proxy's own identity.
    SocketIdentity,
    /// Something of the proxy's own.
    Internal,
    /// Shutting down.
    Draining,
}

crate::label!(RefusalCause {
    TooManyClients => "too_many_clients",
    TooManyAccountClients => "too_many_account_clients",
    ProxyHeader => "proxy_header",
    Unavailable => "unavailable",
    Closed => "closed",
    Oversized => "oversized",
    OutOfOrder => "out_of_order",
    Malformed => "malformed",
    OldClient => "old_client",
    TlsNotOffered => "tls_not_offered",
    Tls => "tls",
    Plaintext => "plaintext",
    TimedOut => "timed_out",
    Denied => "denied",
    HostNotAllowed => "host_not_allowed",
    DemandUnmet => "demand_unmet",
    CertificateRule => "certificate_rule",
    BackendDenied => "backend_denied",
    Cleartext => "cleartext",
    SocketIdentity => "socket_identity",
    Internal => "internal",
    Draining => "draining",
});

impl Refusal {
    /// The metric label.
    pub fn cause(&self) -> RefusalCause {
        match self {
            Self::TooManyClients => RefusalCause::TooManyClients,
            Self::ProxyHeader => RefusalCause::ProxyHeader,
            Self::NoBackend => RefusalCause::Unavailable,
            Self::Packet(error) => RefusalCause::of_packet(error),
            Self::Malformed(_) => RefusalCause::Malformed,
            Self::OldClient => RefusalCause::OldClient,
            Self::TlsNotOffered => RefusalCause::TlsNotOffered,
            Self::Tls(_) => RefusalCause::Tls,
            Self::Plaintext => RefusalCause::Plaintext,
            Self::TimedOut => RefusalCause::TimedOut,
            Self::Login(error) => error.cause(),
            Self::Draining => RefusalCause::Draining,
        }
    }

    /// What the client hears; `None`: the connection just closes.
    pub fn to_client(&self) -> Option<ServerError> {
        match self {
            Self::TooManyClients => Some(ServerError::too_many_connections()),
            Self::NoBackend => {
                Some(ServerError::unavailable("No database server can be reached at the moment"))
            }
            Self::Packet(PacketError::TooLarge { .. } | PacketError::OutOfOrder { .. })
            | Self::Malformed(_)
            | Self::TlsNotOffered => Some(ServerError::bad_handshake()),
            Self::OldClient => Some(ServerError::old_client()),
            Self::Plaintext => Some(ServerError::plaintext_refused()),
            Self::Login(error) => error.to_client(),
            Self::Draining => {
                Some(ServerError::unavailable("The database proxy is shutting down; connect again"))
            }
            Self::ProxyHeader
            | Self::TimedOut
            | Self::Tls(_)
            | Self::Packet(PacketError::Closed | PacketError::Io(_) | PacketError::TimedOut) => None,
        }
    }

    /// How loudly it is logged: WARN where something is wrong with the set-up rather than with the client.
    pub fn level(&self) -> Level {
        match self {
            Self::TooManyClients | Self::NoBackend => Level::WARN,
            Self::Login(error) => error.level(),
            Self::ProxyHeader
            | Self::Packet(_)
            | Self::Malformed(_)
            | Self::OldClient
            | Self::TlsNotOffered
            | Self::Tls(_)
            | Self::Plaintext
            | Self::TimedOut
            | Self::Draining => Level::DEBUG,
        }
    }
}

impl RefusalCause {
    /// Of a client whose packet could not be read.
    pub(super) fn of_packet(error: &PacketError) -> Self {
        match error {
            PacketError::Closed | PacketError::Io(_) => Self::Closed,
            PacketError::TimedOut => Self::TimedOut,
            PacketError::TooLarge { .. } => Self::Oversized,
            PacketError::OutOfOrder { .. } => Self::OutOfOrder,
        }
    }
}
