//! What a client with CLIENT_SESSION_TRACK is told of a response's state changes, and in which packet.

use std::borrow::Cow;
use std::sync::Arc;

use crate::protocol::ok;
use crate::protocol::session_track::pending::Change;
use crate::protocol::session_track::{ClientTracking, PendingChanges, Report, reports};
use crate::protocol::status::StatusFlags;

/// Decides what one client is told.
#[derive(Debug, Default)]
pub struct Telling {
    /// What the client asked to hear; `None`: all that the server reports.
    pub tracking: Option<Arc<ClientTracking>>,
    /// What it has still to be told.
    pub pending: PendingChanges,
}

/// What an OK packet tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InOk {
    /// What it told when it came.
    AsItCame,
    /// These changes, maybe none; the flag is set.
    Told(Vec<u8>),
    /// Nothing, and the flag is clear.
    Nothing,
}

/// Which of the two EOFs of a result set have the flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EofFlags {
    /// The one after the definitions, as far as can be told.
    pub definitions: StatusFlags,
    /// The one after the rows.
    pub rows: StatusFlags,
}

impl Telling {
    /// Whether this OK packet tells the client exactly what it is to hear.
    pub fn leaves(&self, ok: &ok::Ok<'_>) -> bool {
        !is_flagged(ok) || self.pending.is_empty() && self.tells_all(ok.state_changes)
    }

    /// What the client hears with this OK packet.
    pub fn in_ok(&mut self, ok: &ok::Ok<'_>) -> InOk {
        if self.leaves(ok) {
            self.pending.note_told(ok.state_changes);
            return InOk::AsItCame;
        }
        if self.pending.is_empty() { self.at_once(ok) } else { self.with_pending(ok) }
    }

    fn at_once(&mut self, ok: &ok::Ok<'_>) -> InOk {
        let told = filtered(self.tracking.as_deref(), ok.state_changes).into_owned();
        if told.is_empty() && !self.marks_transaction(ok.state_changes) {
            return InOk::Nothing;
        }
        self.pending.note_told(&told);
        InOk::Told(told)
    }

    fn with_pending(&mut self, ok: &ok::Ok<'_>) -> InOk {
        if self.take_in(ok) == Change::None {
            return InOk::Nothing;
        }
        let mut told = Vec::new();
        self.pending.drain_into(&mut told);
        InOk::Told(told)
    }

    /// The rows end with this OK packet, and the client gets an EOF packet, which tells nothing.
    pub fn in_eof(&mut self, ok: &ok::Ok<'_>) -> EofFlags {
        let early = self.pending.has_transaction() || self.used_tables(ok.state_changes);
        let changed = self.take_in(ok) == Change::Some || self.pending.has_transaction();
        EofFlags { definitions: flag(early), rows: flag(changed) }
    }

    /// The flag in an EOF after definitions, while the end of the rows is not in sight.
    pub fn expected(&self) -> StatusFlags {
        flag(self.pending.has_transaction())
    }

    fn take_in(&mut self, ok: &ok::Ok<'_>) -> Change {
        if !is_flagged(ok) {
            return Change::None;
        }
        let change = self.pending.add(&filtered(self.tracking.as_deref(), ok.state_changes));
        if self.marks_transaction(ok.state_changes) { Change::Some } else { change }
    }

    /// Whether a server that tracks transactions sets the flag, even if there is nothing to tell: characteristics that only
    /// the state is told of, or a transaction that came and went within one statement, which leaves an empty block.
    fn marks_transaction(&self, state_changes: &[u8]) -> bool {
        let marks = |report: Report<'_>| matches!(report, Report::Characteristics(_));
        self.tells_transactions() && (state_changes.is_empty() || reports(state_changes).flatten().any(marks))
    }

    fn tells_all(&self, state_changes: &[u8]) -> bool {
        match &self.tracking {
            Some(_) if state_changes.is_empty() => self.tells_transactions(),
            Some(tracking) => tracking.tells_all(state_changes),
            None => true,
        }
    }

    fn tells_transactions(&self) -> bool {
        self.tracking.as_ref().is_none_or(|tracking| tracking.tells(&Report::TransactionState(&[])))
    }

    /// Whether a transaction has changed in a way that came before the definitions went out: with the opening of tables.
    fn used_tables(&self, state_changes: &[u8]) -> bool {
        let told = |report: &Report<'_>| self.tracking.as_ref().is_none_or(|tracking| tracking.tells(report));
        reports(state_changes).flatten().filter(told).any(|report| match report {
            Report::Characteristics(_) => true,
            Report::TransactionState(state) => self.pending.used_tables(state),
            _ => false,
        })
    }
}

fn filtered<'a>(tracking: Option<&ClientTracking>, state_changes: &'a [u8]) -> Cow<'a, [u8]> {
    let Some(tracking) = tracking else { return Cow::Borrowed(state_changes) };
    let mut told = Vec::new();
    tracking.filter(state_changes, &mut told);
    Cow::Owned(told)
}

fn is_flagged(ok: &ok::Ok<'_>) -> bool {
    ok.status.contains(StatusFlags::SESSION_STATE_CHANGED)
}

fn flag(set: bool) -> StatusFlags {
    if set { StatusFlags::SESSION_STATE_CHANGED } else { StatusFlags::default() }
}
