//! Why a session ended, whose fault it was, and what the client hears.
//!
//! The functions on [`SessionEnd`] are total, without wildcard arms: a new way to end must say all of it.

use std::io;

use tracing::Level;

use crate::protocol::reply::ServerError;
use crate::protocol::response::Malformed;

/// Why a logged-in client's session ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionEnd {
    /// COM_QUIT.
    #[error("the client said goodbye")]
    Quit,
    /// The client closed its connection, or it failed.
    #[error("the client went away")]
    ClientGone(#[source] Option<io::Error>),
    /// No command for longer than `limits.client_idle_timeout`.
    #[error("the client was idle for too long")]
    ClientIdle,
    /// The client took nothing for longer than `limits.write_timeout`.
    #[error("the client did not read what was sent to it")]
    ClientStalled,
    /// The client sent what no client sends.
    #[error("the client sent a malformed packet")]
    ClientMalformed,
    /// COM_CHANGE_USER did not succeed.
    #[error("the client failed to log in as another user")]
    ChangeUserFailed,
    /// The server closed the connection between two commands, as after `wait_timeout` or KILL.
    #[error("the backend closed the session's connection")]
    BackendClosed,
    /// The connection to the server failed before any of the command was sent.
    #[error("the backend was lost before the command was sent")]
    BackendLostBefore(#[source] io::Error),
    /// The connection to the server failed while a command was on its way or a response was outstanding.
    #[error("the backend was lost in the middle of a statement")]
    BackendLost(#[source] Option<io::Error>),
    /// The server sent what no server sends.
    #[error("the backend broke the protocol")]
    BackendMalformed(#[source] Malformed),
    /// The server asked for a file that the client's statement did not ask it to ask for.
    #[error("the backend asked for a local file that the client's statement does not name")]
    FileNotAsked,
    /// A replica read the binlog until one of the two closed.
    #[error("the binlog stream ended")]
    StreamEnded,
    /// Another client killed it while it had no connection.
    #[error("another client killed it")]
    Killed,
    /// The proxy is shutting down.
    #[error("the proxy is shutting down")]
    Draining,
    /// Its certificate was replaced longer ago than `tls.max_session_age_after_rotation`.
    #[error("the certificate that the client was shown has been replaced for long enough")]
    Rotated,
    /// The client's certificate is not accepted any more.
    #[error("the client's certificate is not accepted any more")]
    CertificateFailed,
}

/// Whose doing an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorOrigin {
    /// The client's.
    Client,
    /// The server's.
    Backend,
    /// Ours.
    Proxy,
}

crate::label!(ErrorOrigin { Client => "client", Backend => "backend", Proxy => "proxy" });

/// Why a session ended, as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectCause {
    /// COM_QUIT.
    Quit,
    /// The client closed without it.
    ClientGone,
    /// Idle for too long.
    ClientIdle,
    /// Did not read.
    ClientStalled,
    /// Broke the protocol.
    ClientMalformed,
    /// COM_CHANGE_USER failed.
    ChangeUserFailed,
    /// The server closed the connection.
    BackendClosed,
    /// The server was lost during a statement.
    BackendLost,
    /// The server broke the protocol.
    BackendMalformed,
    /// The server asked for a file it must not have.
    FileNotAsked,
    /// The end of a binlog stream.
    StreamEnded,
    /// KILL.
    Killed,
    /// The proxy ended.
    Draining,
    /// Its certificate was replaced.
    Rotated,
    /// Its certificate is not accepted any more.
    CertificateFailed,
}

crate::label!(DisconnectCause {
    Quit => "quit",
    ClientGone => "client_gone",
    ClientIdle => "client_idle",
    ClientStalled => "client_stalled",
    ClientMalformed => "client_malformed",
    ChangeUserFailed => "change_user_failed",
    BackendClosed => "backend_closed",
    BackendLost => "backend_lost",
    BackendMalformed => "backend_malformed",
    FileNotAsked => "file_not_asked",
    StreamEnded => "stream_ended",
    Killed => "killed",
    Draining => "draining",
    Rotated => "rotated",
    CertificateFailed => "certificate_failed",
});

impl SessionEnd {
    /// The metric label.
    pub fn cause(&self) -> DisconnectCause {
        match self {
            Self::Quit => DisconnectCause::Quit,
            Self::ClientGone(_) => DisconnectCause::ClientGone,
            Self::ClientIdle => DisconnectCause::ClientIdle,
            Self::ClientStalled => DisconnectCause::ClientStalled,
            Self::ClientMalformed => DisconnectCause::ClientMalformed,
            Self::ChangeUserFailed => DisconnectCause::ChangeUserFailed,
            Self::BackendClosed => DisconnectCause::BackendClosed,
            Self::BackendLostBefore(_) | Self::BackendLost(_) => DisconnectCause::BackendLost,
            Self::BackendMalformed(_) => DisconnectCause::BackendMalformed,
            Self::FileNotAsked => DisconnectCause::FileNotAsked,
            Self::StreamEnded => DisconnectCause::StreamEnded,
            Self::Killed => DisconnectCause::Killed,
            Self::Draining => DisconnectCause::Draining,
            Self::Rotated => DisconnectCause::Rotated,
            Self::CertificateFailed => DisconnectCause::CertificateFailed,
        }
    }

    /// Whose doing it is.
    pub fn origin(&self) -> ErrorOrigin {
        match self {
            Self::Quit
            | Self::ClientGone(_)
            | Self::ClientIdle
            | Self::ClientStalled
            | Self::ClientMalformed
            | Self::StreamEnded
            | Self::Killed
            | Self::ChangeUserFailed => ErrorOrigin::Client,
            Self::BackendClosed
            | Self::BackendLostBefore(_)
            | Self::BackendLost(_)
            | Self::BackendMalformed(_)
            | Self::FileNotAsked => ErrorOrigin::Backend,
            Self::Draining | Self::Rotated | Self::CertificateFailed => ErrorOrigin::Proxy,
        }
    }

    /// What the client is told where it waits for an answer; `None`: the connection just closes.
    ///
    /// A statement that never left is safe to repeat (1047, which clients take for a lost connection); one that may
    /// have been executed is not (1927, which clients take for a lost connection too).
    pub fn to_client(&self) -> Option<ServerError> {
        match self {
            Self::Quit
            | Self::ClientGone(_)
            | Self::ClientIdle
            | Self::ClientStalled
            | Self::StreamEnded
            | Self::ChangeUserFailed
            | Self::Killed
            | Self::BackendClosed => None,
            Self::ClientMalformed => Some(ServerError::packets_out_of_order()),
            Self::BackendLostBefore(_) => Some(ServerError::unavailable(
                "The database connection of this session was lost before the statement was sent; connect again",
            )),
            Self::BackendLost(_) | Self::BackendMalformed(_) => Some(ServerError::server_lost()),
            Self::FileNotAsked => Some(ServerError::local_file_refused()),
            Self::Draining => {
                Some(ServerError::unavailable("The database proxy is shutting down; connect again"))
            }
            Self::CertificateFailed => Some(ServerError::certificate_refused()),
            Self::Rotated => Some(ServerError::unavailable(
                "This connection began under a certificate that has been replaced; connect again",
            )),
        }
    }

    /// How loudly it is logged.
    pub fn level(&self) -> Level {
        match self {
            Self::Quit
            | Self::ClientGone(_)
            | Self::ClientIdle
            | Self::ChangeUserFailed
            | Self::BackendClosed
            | Self::StreamEnded
            | Self::Killed
            | Self::Draining
            | Self::Rotated => Level::DEBUG,
            Self::ClientStalled | Self::ClientMalformed | Self::CertificateFailed => Level::INFO,
            Self::BackendLostBefore(_) | Self::BackendLost(_) => Level::WARN,
            Self::BackendMalformed(_) | Self::FileNotAsked => Level::ERROR,
        }
    }
}
