//! Why a backend gave no connection.

use std::time::Duration;

use crate::auth::AuthError;
use crate::protocol::handshake;
use crate::protocol::reply::ServerError;
use crate::tls::packets::PacketError;
use crate::tls::socket;
use crate::tls::stream::HandshakeError;

/// Why a backend gave no connection. The text goes to the log: it may name addresses and certificates.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It does not answer.
    #[error("the backend cannot be reached")]
    Unreachable(#[source] socket::ConnectError),
    /// Connecting and logging in took too long.
    #[error("the backend did not complete a login within {0:?}")]
    TimedOut(Duration),
    /// TLS is wanted and the server does not offer it.
    #[error("the backend offers no TLS; give it a certificate, or set tls.mode = \"disabled\" to go without")]
    TlsNotOffered,
    /// The TLS handshake failed.
    #[error("TLS towards the backend failed")]
    Tls(#[source] HandshakeError),
    /// It cannot speak what every backend connection speaks.
    #[error("the backend lacks {0}; MariaDB 10.2 or later is needed")]
    TooOld(&'static str),
    /// Its greeting makes no sense.
    #[error("the backend's greeting cannot be understood")]
    Greeting(#[source] handshake::HandshakeError),
    /// It sent an error in place of a greeting: too many connections, this host is blocked, …
    #[error("the backend refuses the proxy: {0}")]
    Turned(ServerError),
    /// It refused the login, or the schema.
    #[error("the backend refuses the login: {0}")]
    Login(ServerError),
    /// It takes the proxy's login for another account than the client's would be.
    #[error("the server takes the proxy's login for {found}, and the client would be {expected}")]
    OtherAccount {
        /// The row of its account table that the client would be, as `user@host`.
        expected: String,
        /// The row that it uses.
        found: String,
    },
    /// It asks for something that the proxy cannot or will not do.
    #[error("the login at the backend cannot be completed")]
    Auth(#[source] AuthError),
    /// The connection ended during the login.
    #[error("the connection to the backend broke during the login")]
    Broken(#[source] PacketError),
    /// It ended the login with an OK packet that makes no sense.
    #[error("the backend ends the login with an answer that cannot be understood")]
    Unexpected,
}

/// The outcome of an attempt to connect, as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectOutcome {
    /// Logged in.
    Connected,
    /// Not reached.
    Unreachable,
    /// Too slow.
    TimedOut,
    /// TLS failed or is not offered.
    Tls,
    /// Something that no usable MariaDB says.
    Protocol,
    /// Refused before the login.
    Turned,
    /// The login was refused.
    Login,
}

crate::label!(ConnectOutcome {
    Connected => "connected",
    Unreachable => "unreachable",
    TimedOut => "timed_out",
    Tls => "tls",
    Protocol => "protocol",
    Turned => "turned_away",
    Login => "login",
});

impl ConnectError {
    /// The metric label.
    pub fn outcome(&self) -> ConnectOutcome {
        match self {
            Self::Unreachable(_) => ConnectOutcome::Unreachable,
            Self::TimedOut(_) => ConnectOutcome::TimedOut,
            Self::TlsNotOffered | Self::Tls(_) => ConnectOutcome::Tls,
            Self::TooOld(_) | Self::Greeting(_) | Self::Broken(_) | Self::Unexpected => {
                ConnectOutcome::Protocol
            }
            Self::Turned(_) => ConnectOutcome::Turned,
            Self::Login(_) | Self::Auth(_) | Self::OtherAccount { .. } => ConnectOutcome::Login,
        }
    }

    /// Whether it is this process that cannot connect to anything: it has no file descriptors left.
    pub fn is_own_shortage(&self) -> bool {
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        let Self::Unreachable(socket::ConnectError::Failed { source, .. }) = self else { return false };
        matches!(source.raw_os_error(), Some(ENFILE | EMFILE))
    }

    /// Whether it says that the server is down, rather than something about one account.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::TimedOut(_)
            | Self::TlsNotOffered
            | Self::Tls(_)
            | Self::TooOld(_)
            | Self::Greeting(_)
            | Self::Turned(_)
            | Self::Broken(_)
            | Self::Unexpected => true,
            Self::Login(_) | Self::Auth(_) | Self::OtherAccount { .. } => false,
        }
    }
}
