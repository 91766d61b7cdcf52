//! What statements do to FOUND_ROWS() and to the diagnostics area, as measured (10.11).

use crate::frontend::multiplex::task::Task;
use crate::sql::effects::Effects;
use crate::sql::kind::Kind;

/// What a command may do to something of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    /// It is as before.
    Leaves,
    /// It is replaced.
    Replaces,
    /// One or the other.
    Unclear,
}

impl Task<'_> {
    /// What it does to FOUND_ROWS().
    pub(super) fn found_rows(&self) -> Touch {
        if !self.runs_a_statement() || leaves_both(self) {
            return Touch::Leaves;
        }
        match self.statement.kind {
            Kind::Select | Kind::ConditionCount => Touch::Replaces,
            Kind::Diagnostics | Kind::LockTables | Kind::UnlockTables => Touch::Leaves,
            Kind::Insert | Kind::Update | Kind::Delete if !self.has(Effects::SELECTS) => Touch::Leaves,
            _ => Touch::Unclear,
        }
    }

    /// What it does to the diagnostics area, if it succeeds without a warning.
    pub(super) fn diagnostics(&self) -> Touch {
        if !self.runs_a_statement() || leaves_both(self) {
            return Touch::Leaves;
        }
        match self.statement.kind {
            Kind::Insert | Kind::Update | Kind::Delete | Kind::Load | Kind::LockTables => Touch::Replaces,
            Kind::Diagnostics | Kind::ConditionCount => Touch::Leaves,
            _ => Touch::Unclear,
        }
    }
}

/// Whether a statement does nothing to either.
fn leaves_both(task: &Task<'_>) -> bool {
    match task.statement.kind {
        Kind::Set => task.has(Effects::LITERAL_SET),
        Kind::Empty
        | Kind::SetTransaction
        | Kind::Begin
        | Kind::Commit
        | Kind::Rollback
        | Kind::CommitOther
        | Kind::RollbackOther
        | Kind::Savepoint
        | Kind::Use
        | Kind::Prepare
        | Kind::Deallocate => true,
        _ => false,
    }
}
