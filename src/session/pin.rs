//! Why a session keeps its backend connection between two statements.

use std::time::Instant;

use crate::session::names::Names;

/// Something of a session that only its connection has; also a metric label. docs/multiplexing.md explains each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinReason {
    /// A transaction is open; a prepared XA transaction counts as one.
    Transaction,
    /// A savepoint was set without autocommit and outside of a transaction.
    Savepoint,
    /// An XA transaction was started and neither committed nor rolled back here.
    Xa,
    /// A temporary table or sequence exists.
    TemporaryTable,
    /// User variables may have been set.
    UserVariables,
    /// A user lock is held, or may be.
    UserLock,
    /// LOCK TABLES.
    LockTables,
    /// FLUSH TABLES … WITH READ LOCK or FOR EXPORT.
    GlobalReadLock,
    /// BACKUP STAGE or BACKUP LOCK.
    Backup,
    /// A HANDLER is open.
    Handler,
    /// A statement was prepared with SQL's PREPARE.
    TextPrepare,
    /// A cursor of a prepared statement has rows left.
    Cursor,
    /// Long data was sent for a statement that has not been executed since.
    LongData,
    /// A sequence was advanced, so LASTVAL() has a value.
    Sequence,
    /// A procedure, a function or a compound statement ran whose effects cannot be seen.
    Routine,
    /// The last statement left warnings or an error that the next may ask for.
    Diagnostics,
    /// The last statement changed so many rows that ROW_COUNT() cannot be made again elsewhere.
    RowCount,
    /// A variable was set that changes by itself, warns when it is set, has an effect that hangs on its connection, or needs a
    /// privilege of the role.
    Variable,
    /// The client's own wish for session state reports was changed where the proxy could not follow.
    Tracking,
    /// The client switched an option of the protocol.
    Option,
    /// The server reported a change of state of unknown kind.
    UnknownState,
}

crate::label!(PinReason {
    Transaction => "transaction",
    Savepoint => "savepoint",
    Xa => "xa",
    TemporaryTable => "temporary_table",
    UserVariables => "user_variables",
    UserLock => "user_lock",
    LockTables => "lock_tables",
    GlobalReadLock => "global_read_lock",
    Backup => "backup",
    Handler => "handler",
    TextPrepare => "text_prepare",
    Cursor => "cursor",
    LongData => "long_data",
    Sequence => "sequence",
    Routine => "routine",
    Diagnostics => "diagnostics",
    RowCount => "row_count",
    Variable => "variable",
    Tracking => "tracking",
    Option => "option",
    UnknownState => "unknown_state",
});

const COUNT: usize = PinReason::UnknownState as usize + 1;

/// What pins a session, and since when.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    since: [Option<Instant>; COUNT],
    number: u8,
    /// Temporary tables and sequences.
    pub temporary: Names,
    /// Open handlers.
    pub handlers: Names,
    /// Statements of SQL's PREPARE.
    pub prepared: Names,
    /// User locks.
    pub locks: Names,
}

impl Pins {
    /// Whether nothing speaks against giving the connection to somebody else.
    pub fn may_release(&self) -> bool {
        self.number == 0
    }

    /// Whether this is one of the reasons.
    pub fn has(&self, reason: PinReason) -> bool {
        self.since.get(reason as usize).is_some_and(Option::is_some)
    }

    /// There is this reason from now on, or there was before.
    pub fn set(&mut self, reason: PinReason) {
        if let Some(since @ None) = self.since.get_mut(reason as usize) {
            *since = Some(Instant::now());
            self.number += 1;
        }
    }

    /// This reason has ended.
    pub fn end(&mut self, reason: PinReason) {
        if let Some(Some(_)) = self.since.get_mut(reason as usize).map(Option::take) {
            self.number -= 1;
        }
    }

    /// This reason holds as long as `cause` is there.
    pub fn follow(&mut self, reason: PinReason, cause: Cause) {
        match cause {
            Cause::There => self.set(reason),
            Cause::Gone => self.end(reason),
        }
    }

    /// The reasons that follow from names, after those have changed.
    pub fn follow_names(&mut self) {
        let causes = [
            (PinReason::TemporaryTable, self.temporary.is_empty()),
            (PinReason::Handler, self.handlers.is_empty()),
            (PinReason::TextPrepare, self.prepared.is_empty()),
            (PinReason::UserLock, self.locks.is_empty()),
        ];
        for (reason, empty) in causes {
            self.follow(reason, if empty { Cause::Gone } else { Cause::There });
        }
    }

    /// Everything has ended, as after a reset.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// All reasons with their beginnings.
    pub fn iter(&self) -> impl Iterator<Item = (PinReason, Instant)> {
        use crate::telemetry::Label as _;
        let since = |reason: &PinReason| self.since.get(*reason as usize).copied().flatten();
        PinReason::ALL.iter().filter_map(move |reason| Some((*reason, since(reason)?)))
    }
}

/// Whether what pins is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It is.
    There,
    /// It is not, or not any more.
    Gone,
}

impl From<bool> for Cause {
    fn from(there: bool) -> Self {
        if there { Self::There } else { Self::Gone }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_may_give_up_its_connection_when_the_last_cause_has_ended() {
        let mut pins = Pins::default();
        pins.set(PinReason::Transaction);
        pins.set(PinReason::Transaction);
        pins.locks.insert(b"x");
        pins.follow_names();
        assert_eq!(
            pins.iter().map(|(reason, _)| reason).collect::<Vec<_>>(),
            [PinReason::Transaction, PinReason::UserLock]
        );
        pins.end(PinReason::Transaction);
        assert!(!pins.may_release());
        pins.locks.remove(b"x");
        pins.follow_names();
        assert!(pins.may_release() && pins.iter().next().is_none());
    }
}
