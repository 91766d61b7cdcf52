//! What a client with CLIENT_SESSION_TRACK but without CLIENT_DEPRECATE_EOF has still to be told.
//!
//! An EOF packet has no room for state changes, so a server keeps them until an OK packet that has a change of its own; an
//! OK packet without one does not carry them. Of two changes of the same thing the later one is told, and a transaction
//! that is back in the state last told is not mentioned (MariaDB 10.11).

use crate::protocol::session_track::{Report, reports};

/// Changes that wait for an OK packet. Belongs to the session, and lives with each of its translations in turn; to be
/// replaced by a new one when the session is reset (COM_RESET_CONNECTION, COM_CHANGE_USER).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingChanges {
    /// In the order in which a server writes them.
    kept: Vec<Kept>,
    /// The transaction state that the client was told last.
    told: TransactionState,
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
}

/// A transaction state, as far as it has the eight characters of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TransactionState([u8; 8]);

impl Default for TransactionState {
    /// There is no transaction.
    fn default() -> Self {
        Self(*b"________")
    }
}

/// Most bytes that are kept; further changes are forgotten.
const LIMIT: usize = 64 * 1024;

impl PendingChanges {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether a transaction is in another state than the one told last. Any result set then has the flag in its EOFs.
    pub fn has_transaction(&self) -> bool {
        self.kept.iter().any(|kept| kept.rank == Rank::TransactionState)
    }

    /// Whether tables were read or written in a transaction between the state told last and this one. A server knows that
    /// when it has opened them, before a result set's definitions go out.
    pub fn used_tables(&self, state: &[u8]) -> bool {
        let uses = self.told.0.iter().zip(state).skip(1).take(5);
        uses.into_iter().any(|(told, now)| told != now)
    }

    /// Adds changes that the client is to be told of. Says whether there was one.
    #[must_use]
    pub fn add(&mut self, state_changes: &[u8]) -> Change {
        let mut change = Change::None;
        for report in reports(state_changes).flatten() {
            change = change.or(self.add_one(&report));
        }
        change
    }

    /// The client is told of these at once, while nothing waits.
    pub fn note_told(&mut self, state_changes: &[u8]) {
        for report in reports(state_changes).flatten() {
            self.note_one(&report);
        }
    }

    /// Gives the variables that wait the values that they have now, as far as those are known.
    pub fn refresh<'a>(&mut self, value: impl Fn(&[u8]) -> Option<&'a [u8]>) {
        for kept in self.kept.iter_mut().filter(|kept| kept.rank == Rank::Variable) {
            if let Some(value) = value(&kept.name) {
                let mut block = Vec::new();
                Report::Variable { name: &kept.name, value }.encode(&mut block);
                kept.block = block.into();
            }
        }
    }

    /// Appends all that there is to tell, and forgets it.
    pub fn drain_into(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        self.kept.drain(..).for_each(|kept| out.extend_from_slice(&kept.block));
        self.note_told(out.get(start..).unwrap_or_default());
    }

    fn note_one(&mut self, report: &Report<'_>) {
        if let Report::TransactionState(text) = report
            && let Ok(state) = <[u8; 8]>::try_from(*text)
        {
            self.told = TransactionState(state);
        }
    }

    fn add_one(&mut self, report: &Report<'_>) -> Change {
        let Some((rank, name)) = key(report) else { return Change::None };
        let same = self.kept.iter().position(|kept| kept.rank == rank && *kept.name == *name);
        if let (Some(at), Report::TransactionState(state)) = (same, report)
            && *state == self.told.0.as_slice()
        {
            self.kept.remove(at);
            let waits = self.kept.iter().any(|kept| kept.rank == Rank::Characteristics);
            return if waits { Change::Some } else { Change::None };
        }
        self.keep(same, rank, name, report);
        Change::Some
    }

    fn keep(&mut self, same: Option<usize>, rank: Rank, name: &[u8], report: &Report<'_>) {
        let mut block = Vec::new();
        report.encode(&mut block);
        let kept = Kept { rank, name: name.into(), block: block.into() };
        if let Some(at) = same {
            self.kept.remove(at);
        }
        if self.bytes() + kept.block.len() <= LIMIT {
            let end = self.kept.partition_point(|other| other.rank <= rank);
            self.kept.insert(same.unwrap_or(end), kept);
        }
    }

    fn bytes(&self) -> usize {
        self.kept.iter().map(|kept| kept.block.len()).sum()
    }
}

/// Whether something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something did.
    Some,
    /// Nothing did.
    None,
}

impl Change {
    fn or(self, other: Self) -> Self {
        if self == Self::None { other } else { self }
    }
}

/// What a report is about; `None` when it cannot be told again.
fn key<'a>(report: &Report<'a>) -> Option<(Rank, &'a [u8])> {
    Some(match *report {
        Report::Variable { name, .. } => (Rank::Variable, name),
        Report::Schema(_) => (Rank::Schema, &[]),
        Report::StateChanged => (Rank::StateChange, &[]),
        Report::TransactionState(_) => (Rank::TransactionState, &[]),
        Report::Characteristics(_) => (Rank::Characteristics, &[]),
        Report::Other(_) => return None,
    })
}
