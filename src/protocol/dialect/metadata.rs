//! What a client knows of a statement's columns, while the response to its execution streams through.

use std::sync::Arc;

use crate::protocol::definitions::{ColumnCount, Definitions, Doubt, Shown};
use crate::protocol::packet::SequenceId;
use crate::protocol::status::StatusFlags;

/// Follows the columns of one response.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// How many columns the client knows the statement to have.
    pub known_columns: Option<u64>,
    /// Definitions that come are kept.
    pub collects: bool,
    /// What the client knows may not be what the server takes it to know.
    pub doubt: Option<Doubt>,
    collected: Option<Definitions>,
    /// Definitions of the connection's that the server did not send.
    lacked: Option<Arc<Definitions>>,
    /// Whether the number of columns is another one than before.
    changed: Option<bool>,
    /// The column count, which goes out when all definitions are there.
    held: Option<(ColumnCount, SequenceId)>,
    in_definition: bool,
}

/// What becomes of a column count.
pub(super) enum Counted {
    /// It is passed on.
    Passes,
    /// It waits until the definitions are known.
    Waits,
    /// The server leaves definitions out that the client does not have.
    Lacks(Arc<Definitions>),
}

/// What becomes of definitions that were waited for.
pub(super) struct Released {
    /// The column count, with its sequence id on the backend's side.
    pub count: ColumnCount,
    pub sequence: SequenceId,
    /// The definitions, unless the client has them.
    pub definitions: Option<Definitions>,
}

impl Metadata {
    /// Whether packets are being held back.
    pub fn holds(&self) -> bool {
        self.held.is_some()
    }

    /// Whether packets that were held back are lost, because they were too long.
    pub fn lost(&self) -> bool {
        self.holds() && self.collected.as_ref().is_some_and(Definitions::overflowed)
    }

    /// A result set begins.
    pub fn count(&mut self, count: ColumnCount, sequence: SequenceId) -> Counted {
        if self.changed.is_none() {
            self.changed = self.known_columns.map(|known| known != count.columns);
        }
        match (&self.doubt, count.follow) {
            (None, _) | (_, None) => Counted::Passes,
            (Some(doubt), Some(false)) => {
                self.lacked = Some(Arc::clone(&doubt.here));
                Counted::Lacks(Arc::clone(&doubt.here))
            }
            (Some(_), Some(true)) => {
                self.held = Some((count, sequence));
                Counted::Waits
            }
        }
    }

    /// A column's definition begins. Tells whether it is passed on.
    pub fn start(&mut self, packet: &[u8]) -> bool {
        if self.collects || self.holds() {
            self.in_definition = true;
            self.collected.get_or_insert_default().start(packet);
        }
        !self.holds()
    }

    /// More of some packet. Tells whether it is passed on.
    pub fn rest(&mut self, bytes: &[u8]) -> bool {
        if self.in_definition {
            self.collected.get_or_insert_default().rest(bytes);
        }
        !self.holds()
    }

    /// All definitions are there.
    pub fn end(&mut self) -> Option<Released> {
        self.in_definition = false;
        let (count, sequence) = self.held.take()?;
        let (doubt, definitions) = (self.doubt.as_ref()?, self.collected.as_ref()?);
        let known = Shown::new(definitions, doubt.spoken) == doubt.client;
        let count = ColumnCount { follow: Some(!known), ..count };
        Some(Released { count, sequence, definitions: (!known).then(|| definitions.clone()) })
    }

    /// The definitions that the client has after this response.
    pub fn take(&mut self) -> Option<Arc<Definitions>> {
        let collected = self.collected.take().filter(|definitions| !definitions.overflowed());
        collected.map(Arc::new).or(self.lacked.take())
    }

    /// The status as it is for one who knows what this client knows.
    pub fn corrected(&self, status: StatusFlags) -> StatusFlags {
        match self.changed {
            None => status,
            Some(false) => status.without(StatusFlags::METADATA_CHANGED),
            Some(true) => status | StatusFlags::METADATA_CHANGED,
        }
    }
}
