//! What a response says of the session.

mod questions;
mod replies;
mod reports;
mod residue;

use self::questions::Questions;
use crate::frontend::multiplex::task::Task;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::session::Session;
use crate::protocol::command::Command;
use crate::protocol::observed::Observed;
use crate::protocol::ok::Ok as OkPacket;
use crate::protocol::reply::OK_HEADER;
use crate::protocol::response::Last;
use crate::protocol::session_track::{Report, reports};
use crate::protocol::status::StatusFlags;
use crate::session::{PinReason, SessionState};
use crate::sql::effects::Effects;
use crate::sql::kind::Kind;
use crate::sql::subject::Subject;

impl Session {
    /// Draws the conclusions from a response.
    pub(super) async fn observe(
        &mut self,
        own: &mut Multiplex,
        task: &Task<'_>,
        before: &SessionState,
        observed: &Observed,
    ) -> Result<(), Halt> {
        let mut questions = Questions::default();
        if let Some(status) = observed.status {
            own.status = status & StatusFlags::OF_SESSION;
        }
        own.observe_reports(task, observed, &mut questions);
        {
            let connection = self.connection()?;
            if let Some(shared) = connection.shared() {
                own.observe_residue(task, observed, shared);
                own.observe_diagnostics(task, observed, shared, &mut questions);
            }
        }
        own.pin_after(task, observed);
        let several = task.statement.kind == Kind::Several;
        questions.role |= task.has(Effects::SETS_ROLE) && (several || observed.error.is_none());
        questions.locks |= task.has(Effects::TAKES_USER_LOCK | Effects::RELEASES_USER_LOCK)
            && own.pins.locks.all().is_some_and(|mut names| names.next().is_some());
        questions.tracking |= task.has(Effects::SETS_TRACKING);
        if task.has(Effects::SETS_UNREPORTED) {
            own.ask_for_assigned(task, &mut questions);
        }
        if reports::is_reported_late(task, observed) {
            Box::pin(self.hear_late_reports(own, &mut questions)).await?;
        }
        if !questions.is_empty() {
            Box::pin(self.ask(own, task, &questions)).await?;
        }
        let by_role = questions.role || own.state.role.is_some();
        if by_role && own.state.variables.iter().any(|(name, _)| reports::needs_privilege(name)) {
            // Elsewhere, or with another role, it may not be possible to set them again.
            own.pins.set(PinReason::Variable);
        }
        own.follow_collations(task, observed);
        if let Some(shared) = self.shared()
            && shared.state != own.state
        {
            let schema = shared.state.schema.take();
            shared.state.clone_from(&own.state);
            if task.chooses_schema() && !tells_schema(observed) {
                shared.state.schema = schema;
            }
        }
        own.learn(task, before, observed);
        if changes_accounts(task) {
            // Roles that a login activates may be others now.
            self.frontend.pool.shelves().iter().for_each(|shelf| shelf.knowledge().forget_role());
        }
        Ok(())
    }
}

impl Multiplex {
    /// Remembers the answer to a statement that has the same one each time.
    fn learn(&self, task: &Task<'_>, before: &SessionState, observed: &Observed) {
        let Some(command) = task.kept.as_ref().filter(|_| task.incoming.command == Command::Query) else {
            return;
        };
        let ends = matches!(task.statement.kind, Kind::Commit | Kind::Rollback);
        let teaches = task.has(Effects::LITERAL_SET) || (ends && self.commits_plainly());
        let quiet = observed.last == Last::Ok
            && observed.error.is_none()
            && (observed.affected_rows, observed.last_insert_id, observed.warnings) == (0, 0, 0);
        let only_variables = reports(&observed.state_changes)
            .all(|report| matches!(report, Ok(Report::Variable { .. } | Report::StateChanged)));
        let status = observed.status.unwrap_or_default();
        if !teaches || !quiet || !only_variables || observed.overflow || !self.pins.may_release() {
            return;
        }
        let mut ok = Vec::new();
        let told = (!observed.state_changes.is_empty()).then_some(observed.state_changes.as_slice());
        OkPacket::plain(status).encode(OK_HEADER, told, &mut ok);
        self.source.learn(&self.baseline, before, command, &self.state, &ok);
    }

    /// Whether COMMIT and ROLLBACK end the session.
    pub(super) fn ends_by_completion(&self) -> bool {
        matches!(self.state.variables.value("completion_type", &self.baseline), Some(b"RELEASE" | b"2"))
    }

    /// Whether COMMIT and ROLLBACK do nothing but that.
    pub(super) fn commits_plainly(&self) -> bool {
        matches!(
            self.state.variables.value("completion_type", &self.baseline),
            Some(b"NO_CHAIN" | b"0") | None
        )
    }
}

/// Whether the server has said which schema is the current one now.
fn tells_schema(observed: &Observed) -> bool {
    reports(&observed.state_changes).any(|report| matches!(report, Ok(Report::Schema(_))))
}

/// Whether a statement may have changed what accounts are allowed, or which roles they have.
fn changes_accounts(task: &Task<'_>) -> bool {
    match task.statement.kind {
        Kind::Definition | Kind::Several => true,
        Kind::Set => task.statement.subject == Subject::Unknown,
        _ => task.has(Effects::ROUTINE),
    }
}
