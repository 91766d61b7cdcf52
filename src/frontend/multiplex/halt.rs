//! Why a command did not come to its end.

use crate::frontend::error::SessionEnd;
use crate::protocol::reply::ServerError;

/// Why a command did not come to its end.
pub(super) enum Halt {
    /// The session ends.
    End(SessionEnd),
    /// The client is told so instead, and nothing of its command has been taken yet.
    Refuse(ServerError),
    /// The client is told so instead; its command has been taken.
    Reply(ServerError),
}

impl Halt {
    /// The same for a command that has been taken already.
    pub(super) fn after_taking(self) -> Self {
        match self {
            Self::Refuse(error) => Self::Reply(error),
            other => other,
        }
    }
}

impl From<SessionEnd> for Halt {
    fn from(end: SessionEnd) -> Self {
        Self::End(end)
    }
}
