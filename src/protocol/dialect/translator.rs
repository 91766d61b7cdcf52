//! The translator: one response while it streams through.

mod advance;
mod bytes;
mod ends;
mod packets;

use std::sync::Arc;

use crate::protocol::command::Shape;
use crate::protocol::definitions::Doubt;
use crate::protocol::dialect::metadata::Metadata;
use crate::protocol::dialect::{Dialect, FileAccess};
use crate::protocol::observed::Observed;
use crate::protocol::packet::SequenceId;
use crate::protocol::response::ResponseScanner;
use crate::protocol::session_track::telling::Telling;
use crate::protocol::session_track::{ClientTracking, PendingChanges};
use crate::protocol::status::StatusFlags;

/// Translates one response while it streams through, and observes it.
#[derive(Debug)]
pub struct Translator {
    scanner: ResponseScanner,
    dialect: Dialect,
    /// How far the client's sequence ids are ahead of the backend's, modulo 256.
    shift: u8,
    /// Sequence id of the last packet written to the client.
    last: SequenceId,
    /// Status to show in the EOF after definitions when the end of the rows cannot be seen yet.
    expected: StatusFlags,
    /// Definitions have ended, and the next packet decides whether an EOF goes in.
    definitions_ended: bool,
    /// Where the output has the status of the EOF after definitions, while the end of the rows can still correct it.
    provisional: Option<usize>,
    /// The output is written in this call; else the input is to be sent.
    writing: bool,
    files: FileAccess,
    telling: Telling,
    statement_id: Option<u32>,
    metadata: Metadata,
    observed: Observed,
}

impl Translator {
    /// A translator for the response to a command of this shape, whose last packet had the sequence id `asked`; `status`
    /// is what the session's last response said.
    pub fn new(
        shape: Shape,
        dialect: Dialect,
        status: StatusFlags,
        asked: SequenceId,
        files: FileAccess,
    ) -> Self {
        Self {
            scanner: ResponseScanner::new(shape, dialect.reports),
            dialect,
            shift: 0,
            last: asked,
            expected: status & StatusFlags::OF_SESSION,
            definitions_ended: false,
            provisional: None,
            writing: false,
            files,
            telling: Telling::default(),
            statement_id: None,
            metadata: Metadata::default(),
            observed: Observed::default(),
        }
    }

    /// The client is told only of what it asked to hear. Means nothing for a client without CLIENT_SESSION_TRACK.
    #[must_use]
    pub fn tracking(mut self, tracking: Arc<ClientTracking>) -> Self {
        self.telling.tracking = Some(tracking);
        self
    }

    /// What the client has still to be told; [`Self::take_pending`] gives it back.
    #[must_use]
    pub fn with_pending(mut self, pending: PendingChanges) -> Self {
        self.telling.pending = pending;
        self
    }

    /// The answer to COM_STMT_PREPARE gets this id; [`Observed::prepared`] keeps the one that came.
    #[must_use]
    pub fn with_statement_id(mut self, id: u32) -> Self {
        self.statement_id = Some(id);
        self
    }

    /// The client knows the statement that is executed to have so many columns: where they are others, its status says so.
    #[must_use]
    pub fn with_columns(mut self, columns: u16) -> Self {
        self.metadata.known_columns = Some(columns.into());
        self
    }

    /// The client keeps definitions of columns, so [`Observed::definitions`] is to have what comes of them.
    #[must_use]
    pub fn collecting(mut self) -> Self {
        self.metadata.collects = true;
        self
    }

    /// The client may not have the definitions that the server takes it to have: it gets them if they are others.
    #[must_use]
    pub fn in_doubt(mut self, doubt: Doubt) -> Self {
        self.metadata.doubt = Some(doubt);
        self
    }

    /// The command went out in other packets than it came in: its last one had the sequence id `sent` on the backend's side,
    /// and the response goes on from there.
    #[must_use]
    pub fn sent_as(mut self, sent: SequenceId) -> Self {
        self.shift = self.last.0.wrapping_sub(sent.0);
        self
    }

    /// The scanner that follows the response.
    pub fn scanner(&self) -> &ResponseScanner {
        &self.scanner
    }

    /// What the response has said so far.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// What the response has said; for its end.
    #[must_use]
    pub fn take_observed(&mut self) -> Observed {
        let definitions = self.metadata.take();
        Observed { definitions, ..std::mem::take(&mut self.observed) }
    }

    /// What the client has still to be told, for the session's next translator.
    #[must_use]
    pub fn take_pending(&mut self) -> PendingChanges {
        std::mem::take(&mut self.telling.pending)
    }

    /// Whether the whole response has been passed on.
    pub fn is_done(&self) -> bool {
        self.scanner.is_done() && !self.definitions_ended
    }

    /// How far the client's sequence ids are ahead of the backend's.
    pub fn shift(&self) -> u8 {
        self.shift
    }

    /// Sequence id of the last packet that the client got, or sent.
    pub fn last_sequence(&self) -> SequenceId {
        self.last
    }

    /// The client has sent its file; its last packet had this id on the client's side.
    pub fn file_sent(&mut self, last: SequenceId) {
        self.last = last;
        self.scanner.file_sent();
    }
}

#[cfg(test)]
mod tests;
