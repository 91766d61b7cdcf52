//! What the text of a statement leaves on its connection that the server does not report.

use crate::frontend::multiplex::Multiplex;
use crate::frontend::multiplex::task::Task;
use crate::protocol::observed::Observed;
use crate::protocol::response::Last;
use crate::protocol::status::StatusFlags;
use crate::session::names::Names;
use crate::session::statements::Hold;
use crate::session::{PinReason, Pins};
use crate::sql::effects::Effects;
use crate::sql::kind::Kind;
use crate::sql::subject::Subject;

/// `ER_PARSE_ERROR`: nothing was executed.
const PARSE_ERROR: u16 = 1064;

/// `ER_UNKNOWN_STMT_HANDLER`: EXECUTE of a statement that there is not.
const UNKNOWN_STATEMENT: u16 = 1243;

/// Errors that a statement meets before it is executed: no such table, column or schema, no privilege.
const BEFORE_EXECUTION: [u16; 8] = [1044, 1046, 1049, 1054, 1109, 1142, 1143, 1146];

/// Effects that pin for as long as the session lives.
const LASTING: [(Effects, PinReason); 3] = [
    (Effects::USER_VARIABLE, PinReason::UserVariables),
    (Effects::SEQUENCE, PinReason::Sequence),
    (Effects::ROUTINE, PinReason::Routine),
];

impl Multiplex {
    /// Before a statement is sent: whatever becomes of it, it may leave this behind.
    pub(super) fn pin_before(&mut self, task: &Task<'_>) {
        let effects = task.statement.effects;
        if effects.is_empty() || !task.runs_a_statement() {
            return;
        }
        if task.has(Effects::XA) {
            self.pins.set(PinReason::Xa);
        }
        if task.has(Effects::READ_LOCK) {
            self.pins.set(PinReason::GlobalReadLock);
        }
        if task.has(Effects::BACKUP) {
            self.pins.set(PinReason::Backup);
        }
    }

    /// After its response.
    pub(super) fn pin_after(&mut self, task: &Task<'_>, observed: &Observed) {
        let failed = observed.last == Last::Error;
        let executed = observed.error.as_ref().is_none_or(|error| may_have_run(task, error.code));
        if task.runs_a_statement() && !task.statement.effects.is_empty() && executed {
            for (_, reason) in LASTING.iter().filter(|(effects, _)| task.has(*effects)) {
                self.pins.set(*reason);
            }
            self.follow_subject(task, failed);
        }
        if task.runs_a_statement() && (!failed || task.statement.kind == Kind::Several) {
            self.follow_savepoint(task, failed);
        }
        if let Some(status) = observed.status {
            let open = status.contains(StatusFlags::IN_TRANSACTION);
            self.pins.follow(PinReason::Transaction, open.into());
            if !open && !failed {
                self.pins.end(PinReason::Xa);
            }
        }
        self.follow_holds();
    }

    /// Without autocommit a savepoint stays although no transaction is open yet (10.11).
    fn follow_savepoint(&mut self, task: &Task<'_>, failed: bool) {
        let without_autocommit = failed || !self.status.contains(StatusFlags::AUTOCOMMIT);
        match task.statement.kind {
            Kind::Savepoint | Kind::Several if task.has(Effects::SAVES) && without_autocommit => {
                self.pins.set(PinReason::Savepoint);
            }
            Kind::Commit
            | Kind::CommitOther
            | Kind::Rollback
            | Kind::Begin
            | Kind::Definition
            | Kind::LockTables => self.pins.end(PinReason::Savepoint),
            _ => {}
        }
    }

    /// Long data and cursors of prepared statements.
    pub(super) fn follow_holds(&mut self) {
        let Hold { cursor, long_data } = self.statements.holds();
        self.pins.follow(PinReason::LongData, long_data.into());
        self.pins.follow(PinReason::Cursor, cursor.into());
    }

    fn follow_subject(&mut self, task: &Task<'_>, failed: bool) {
        let schema = self.state.schema.clone();
        let subject = &task.statement.subject;
        // Of several statements those in front of the one that failed have been executed.
        let created = !failed || task.statement.kind == Kind::Several;
        let pins = &mut self.pins;
        if task.has(Effects::TAKES_USER_LOCK) {
            insert(&mut pins.locks, subject, None);
        }
        if task.has(Effects::PREPARES) {
            insert(&mut pins.prepared, subject, None);
        }
        if task.has(Effects::CREATES_TEMPORARY) && created {
            insert(&mut pins.temporary, subject, Some(schema.as_deref()));
        }
        if task.has(Effects::OPENS_HANDLER) && created {
            insert(&mut pins.handlers, subject, None);
        }
        if !failed {
            Self::end_causes(pins, task, subject, schema.as_deref());
        }
        pins.follow_names();
    }

    fn end_causes(pins: &mut Pins, task: &Task<'_>, subject: &Subject, schema: Option<&[u8]>) {
        if task.has(Effects::RELEASES_ALL_USER_LOCKS) {
            pins.locks.clear();
        }
        if task.has(Effects::DEALLOCATES) {
            remove(&mut pins.prepared, subject, None);
        }
        if task.has(Effects::RENAMES_TABLE) && !pins.temporary.is_empty() {
            pins.temporary.insert_nameless();
        }
        if task.has(Effects::DROPS_TABLE) {
            remove(&mut pins.temporary, subject, Some(schema));
        }
        if task.has(Effects::CLOSES_HANDLER) {
            remove(&mut pins.handlers, subject, None);
        }
        if task.has(Effects::UNLOCKS_TABLES) {
            pins.end(PinReason::LockTables);
            pins.end(PinReason::GlobalReadLock);
        } else if task.has(Effects::LOCKS_TABLES) {
            pins.set(PinReason::LockTables);
        }
        if task.has(Effects::ENDS_BACKUP) && !task.has(Effects::BACKUP) {
            pins.end(PinReason::Backup);
        }
    }
}

/// Whether a statement that failed so may have been executed in part.
fn may_have_run(task: &Task<'_>, code: u16) -> bool {
    let before = code == PARSE_ERROR
        || (task.statement.kind == Kind::Execute && code == UNKNOWN_STATEMENT)
        || (!task.has(Effects::ROUTINE)
            && task.statement.kind != Kind::Several
            && BEFORE_EXECUTION.contains(&code));
    !before
}

/// A table's name with its schema, so that both spellings are the same.
fn qualified(name: &str, schema: Option<Option<&[u8]>>) -> Vec<u8> {
    match schema {
        Some(schema) if !name.contains('.') => [schema.unwrap_or_default(), b".", name.as_bytes()].concat(),
        _ => name.as_bytes().to_vec(),
    }
}

fn insert(names: &mut Names, subject: &Subject, schema: Option<Option<&[u8]>>) {
    match subject.names() {
        Some(known) if !known.is_empty() => {
            known.iter().for_each(|name| names.insert(&qualified(name, schema)));
        }
        _ => names.insert_nameless(),
    }
}

fn remove(names: &mut Names, subject: &Subject, schema: Option<Option<&[u8]>>) {
    subject.names().unwrap_or_default().iter().for_each(|name| names.remove(&qualified(name, schema)));
}
