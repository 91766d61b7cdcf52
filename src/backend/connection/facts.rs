//! What is known of a connection, beside the bytes on it.

use std::time::Instant;

use crate::backend::BackendThreadId;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::ok::Ok as OkPacket;
use crate::protocol::response::Last;
use crate::protocol::status::StatusFlags;

/// Whether the status flags are those that the session has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// The last response ended with them.
    Told,
    /// The last response ended with an error, which has none, and may have changed them before.
    Doubtful,
}

/// Whether a response is outstanding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// The server waits for a command.
    AtRest,
    /// A command was sent, or begun, and its response has not ended.
    Busy,
}

/// What is known of a connection, beside the bytes on it.
#[derive(Debug)]
pub(in crate::backend) struct Facts {
    pub(super) thread: BackendThreadId,
    pub(super) capabilities: Capabilities,
    pub(super) status: StatusFlags,
    pub(super) certainty: Certainty,
    pub(super) activity: Activity,
    pub(super) login_ok: Vec<u8>,
    pub(super) born: Instant,
}

impl Facts {
    /// See [`Connection::end`](super::Connection::end).
    pub(in crate::backend) fn observe_end(&mut self, last: Last, status: Option<StatusFlags>) {
        let certainty = match last {
            Last::Ok | Last::ResultSet => Certainty::Told,
            Last::Error => Certainty::Doubtful,
            Last::Other => self.certainty,
        };
        self.end(status.unwrap_or(self.status), certainty);
    }

    pub(super) fn end(&mut self, status: StatusFlags, certainty: Certainty) {
        self.status = status;
        self.certainty = certainty;
        self.activity = Activity::AtRest;
    }

    /// With the OK of a login. Of one that cannot be read the worst is assumed, as of a session in a transaction.
    pub(super) fn logged_in(mut self, ok: Vec<u8>) -> Self {
        self.end(OkPacket::parse(&ok).map_or(StatusFlags::IN_TRANSACTION, |ok| ok.status), Certainty::Told);
        self.login_ok = ok;
        self
    }
}
