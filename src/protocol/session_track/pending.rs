//! What a client with CLIENT_SESSION_TRACK but without CLIENT_DEPRECATE_EOF has still to be told.
//!
//! An EOF packet has no room for state changes, so a server keeps them until the next OK packet and sets the flag in
//! every EOF until then. Of two changes of the same thing the later one is told.

use crate::protocol::session_track::{Report, reports};

/// Changes that wait for an OK packet. Belongs to the session, and lives with each of its translations in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingChanges {
    /// In the order in which a server writes them.
    kept: Vec<Kept>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    rank: Rank,
    /// Of the variable, else empty.
    name: Box<[u8]>,
    block: Box<[u8]>,
}

/// The order of MariaDB's trackers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Variable,
    Schema,
    StateChange,
    TransactionState,
    Characteristics,
    Other,
}

/// Most bytes that are kept; further changes are forgotten.
const LIMIT: usize = 64 * 1024;

impl PendingChanges {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Adds changes that the client is to be told of.
    pub fn add(&mut self, state_changes: &[u8]) {
        for report in reports(state_changes).flatten() {
            self.add_one(&report);
        }
    }

    fn add_one(&mut self, report: &Report<'_>) {
        let (rank, name) = key(report);
        let mut block = Vec::new();
        report.encode(&mut block);
        let kept = Kept { rank, name: name.into(), block: block.into() };
        if let Some(same) = self.kept.iter_mut().find(|other| other.rank == rank && *other.name == *name) {
            *same = kept;
        } else if self.bytes() + kept.block.len() <= LIMIT {
            let at = self.kept.partition_point(|other| other.rank <= rank);
            self.kept.insert(at, kept);
        }
    }

    /// Appends all that there is to tell, and forgets it.
    pub fn drain_into(&mut self, out: &mut Vec<u8>) {
        self.kept.drain(..).for_each(|kept| out.extend_from_slice(&kept.block));
    }

    fn bytes(&self) -> usize {
        self.kept.iter().map(|kept| kept.block.len()).sum()
    }
}

fn key<'a>(report: &Report<'a>) -> (Rank, &'a [u8]) {
    match *report {
        Report::Variable { name, .. } => (Rank::Variable, name),
        Report::Schema(_) => (Rank::Schema, &[]),
        Report::StateChanged => (Rank::StateChange, &[]),
        Report::TransactionState(_) => (Rank::TransactionState, &[]),
        Report::Characteristics(_) => (Rank::Characteristics, &[]),
        Report::Other(_) => (Rank::Other, &[]),
    }
}
