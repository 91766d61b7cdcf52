//! A command on its way, and what it asks of a connection.

use crate::frontend::client::Incoming;
use crate::frontend::multiplex::Multiplex;
use crate::frontend::multiplex::obtain::Needs;
use crate::frontend::multiplex::touch::Touch;
use crate::protocol::command::Command;
use crate::protocol::dialect::FileAccess;
use crate::sql::classify::Statement;
use crate::sql::effects::Effects;
use crate::sql::kind::Kind;

/// A command on its way.
pub struct Task<'a> {
    /// As it came.
    pub incoming: Incoming,
    /// What it asks for.
    pub statement: &'a Statement,
    /// The payload to send instead of the one that came.
    pub instead: Option<Vec<u8>>,
    /// Its payload, kept to send it again, or to learn its answer.
    pub kept: Option<Vec<u8>>,
    /// The id by which the client will know the statement that it prepares.
    pub statement_id: Option<u32>,
    /// It sets variables back when it is done, which the server reports late; preparing does so too.
    pub sets_back: bool,
    /// It prepares a statement that shows the client's own wish for reports.
    pub shows_tracking: bool,
    /// The client's id of the prepared statement that it is about.
    pub prepared: Option<u32>,
}

impl<'a> Task<'a> {
    /// A command that goes out as it came.
    pub fn new(incoming: Incoming, statement: &'a Statement) -> Self {
        Self {
            incoming,
            statement,
            instead: None,
            kept: None,
            statement_id: None,
            sets_back: statement.effects.contains(Effects::SETS_BACK),
            shows_tracking: false,
            prepared: None,
        }
    }

    /// Whether its payload is worth a copy.
    pub fn is_to_be_kept(&self) -> bool {
        self.statement.effects.intersects(Effects::REPEATABLE_READ | Effects::LITERAL_SET)
            || matches!(self.statement.kind, Kind::Commit | Kind::Rollback)
    }

    pub(super) fn has(&self, effects: Effects) -> bool {
        self.statement.effects.intersects(effects)
    }

    /// Whether it runs a statement, whose text says what it does.
    pub(super) fn runs_a_statement(&self) -> bool {
        matches!(self.incoming.command, Command::Query | Command::StmtExecute | Command::StmtBulkExecute)
    }

    pub(super) fn needs(&self) -> Needs {
        let everything = self.has(Effects::ROUTINE) || self.statement.kind == Kind::Several;
        Needs {
            insert_id: everything
                || self.has(Effects::READS_INSERT_ID | Effects::WRITES_INSERT_ID | Effects::SHOWS_SETTINGS),
            counts: everything
                || self.has(Effects::READS_ROW_COUNT | Effects::READS_FOUND_ROWS)
                || self.found_rows() == Touch::Unclear,
            reads_insert_id: self.has(Effects::READS_INSERT_ID),
            reads_found_rows: self.has(Effects::READS_FOUND_ROWS),
            diagnostics: everything
                || self.has(Effects::READS_DIAGNOSTICS)
                || self.diagnostics() == Touch::Unclear,
            own_tracking: self.follows_own_tracking(),
            state: None,
            any_schema: self.chooses_schema(),
        }
    }

    /// Whether the server is to report as the client's own settings ask while it runs.
    pub(super) fn follows_own_tracking(&self) -> bool {
        self.shows_tracking || self.has(Effects::SHOWS_SETTINGS | Effects::SETS_TRACKING)
    }

    /// Whether it chooses the schema, so that the one before does not matter.
    pub(super) fn chooses_schema(&self) -> bool {
        self.incoming.command == Command::InitDb
            || (self.incoming.command == Command::Query && self.statement.kind == Kind::Use)
    }

    /// Whether the server may end the session after this statement.
    pub(super) fn may_end(&self, own: &Multiplex) -> bool {
        let undecided = Effects::MAY_END_SESSION | Effects::ROUTINE;
        self.has(Effects::ENDS_SESSION) || (self.has(undecided) && own.ends_by_completion())
    }

    pub(super) fn files(&self) -> FileAccess {
        if self.statement.asks_local_file { FileAccess::Asked } else { FileAccess::Refused }
    }

    /// Whether executing it twice does no harm, and its payload is there to be sent again.
    pub(super) fn may_be_repeated(&self) -> bool {
        self.has(Effects::REPEATABLE_READ) && self.kept.is_some()
    }

    /// Whether a transaction in which it was lost has certainly not been committed.
    pub(super) fn cannot_commit(&self) -> bool {
        matches!(
            self.statement.kind,
            Kind::Select | Kind::Insert | Kind::Update | Kind::Delete | Kind::Rollback | Kind::Savepoint
        ) && !self.has(Effects::ROUTINE)
    }
}
