//! What one response said of the session and of its statement, besides what it said to the client.

use std::sync::Arc;

use crate::protocol::definitions::Definitions;
use crate::protocol::ok;
use crate::protocol::packet::HEADER_LEN;
use crate::protocol::reply::ServerError;
use crate::protocol::response::Last;
use crate::protocol::status::StatusFlags;

/// What a response said so far. Nothing is allocated unless state changes were reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Status flags of the last OK or EOF packet. An error has none, but may come after one.
    pub status: Option<StatusFlags>,
    /// How the last part of the response ended.
    pub last: Last,
    /// Rows changed, as the last OK packet has it.
    pub affected_rows: u64,
    /// Insert id, as the last OK packet has it.
    pub last_insert_id: u64,
    /// Warnings, as the last OK or EOF packet counts them; 0 after an error, which has no count.
    pub warnings: u16,
    /// Rows of the last result set, or of this fetch.
    pub rows: u64,
    /// The error that ended the response.
    pub error: Option<ServerError>,
    /// Session state changes of all OK packets, in their order; see [`crate::protocol::session_track::reports`].
    pub state_changes: Vec<u8>,
    /// There were more state changes than are kept: what the session is like is not known any more.
    pub overflow: bool,
    /// The statement that was prepared.
    pub prepared: Option<Prepared>,
    /// Columns of the first result set.
    pub columns: Option<u64>,
    /// Definitions of columns that the client has been sent now or before, where they are kept ([`crate::protocol::definitions`]).
    pub definitions: Option<Arc<Definitions>>,
    /// An OK packet had an insert id.
    pub generated_ids: bool,
    /// Part of the response was passed on, so the command cannot be repeated behind the client's back.
    pub something_sent: bool,
}

/// What the answer to COM_STMT_PREPARE says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The backend connection's id of the statement.
    pub id: u32,
    /// Columns of its result set.
    pub columns: u16,
    /// Its parameters.
    pub parameters: u16,
}

/// Most bytes of state changes that are kept of one response.
const LIMIT: usize = 256 * 1024;

impl Observed {
    /// An OK packet, or the end of rows.
    pub(super) fn ok(&mut self, ok: &ok::Ok<'_>, last: Last) {
        self.status = Some(ok.status);
        self.last = last;
        self.affected_rows = ok.affected_rows;
        self.last_insert_id = ok.last_insert_id;
        self.warnings = ok.warnings;
        self.generated_ids |= ok.last_insert_id != 0;
        self.overflow |= self.state_changes.len() + ok.state_changes.len() > LIMIT;
        if !self.overflow {
            self.state_changes.extend_from_slice(ok.state_changes);
        }
    }

    /// An error packet, header included.
    pub(super) fn error(&mut self, packet: &[u8]) {
        self.last = Last::Error;
        self.warnings = 0;
        self.error = packet.get(HEADER_LEN..).and_then(ServerError::parse);
    }
}

impl Prepared {
    /// Reads the payload of COM_STMT_PREPARE_OK: 0x00, id, columns, parameters, filler, warnings.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let &[0, i0, i1, i2, i3, c0, c1, p0, p1, ..] = payload else { return None };
        Some(Self {
            id: u32::from_le_bytes([i0, i1, i2, i3]),
            columns: u16::from_le_bytes([c0, c1]),
            parameters: u16::from_le_bytes([p0, p1]),
        })
    }
}
