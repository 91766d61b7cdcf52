//! One command to the borrowed connection and its response back.

use std::sync::Arc;

use crate::frontend::client::Incoming;
use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::obtain::Needs;
use crate::frontend::multiplex::prepared::Ready;
use crate::frontend::multiplex::touch::Touch;
use crate::frontend::multiplex::{Diagnostics, Halt, Multiplex};
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::protocol::command::Command;
use crate::protocol::dialect::{FileAccess, Translator};
use crate::protocol::observed::Observed;
use crate::protocol::reply::ServerError;
use crate::protocol::status::StatusFlags;
use crate::session::PinReason;
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

/// How a command was lost.
struct Loss {
    end: SessionEnd,
    /// Whether any byte of it may have reached the server.
    sent: Reach,
    /// Whether any byte of the answer has reached the client.
    answered: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Nothing,
    Something,
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

    fn needs(&self) -> Needs {
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
    fn follows_own_tracking(&self) -> bool {
        self.shows_tracking || self.has(Effects::SHOWS_SETTINGS | Effects::SETS_TRACKING)
    }

    /// Whether it chooses the schema, so that the one before does not matter.
    pub(super) fn chooses_schema(&self) -> bool {
        self.incoming.command == Command::InitDb
            || (self.incoming.command == Command::Query && self.statement.kind == Kind::Use)
    }

    /// Whether the server may end the session after this statement.
    fn may_end(&self, own: &Multiplex) -> bool {
        let undecided = Effects::MAY_END_SESSION | Effects::ROUTINE;
        self.has(Effects::ENDS_SESSION) || (self.has(undecided) && own.ends_by_completion())
    }

    fn files(&self) -> FileAccess {
        if self.statement.asks_local_file { FileAccess::Asked } else { FileAccess::Refused }
    }

    /// Whether a transaction in which it was lost has certainly not been committed.
    fn cannot_commit(&self) -> bool {
        matches!(
            self.statement.kind,
            Kind::Select | Kind::Insert | Kind::Update | Kind::Delete | Kind::Rollback | Kind::Savepoint
        ) && !self.has(Effects::ROUTINE)
    }
}

impl Session {
    /// Runs a command to the end of its response, and draws the conclusions.
    pub(super) async fn run(&mut self, own: &mut Multiplex, task: &Task<'_>) -> Result<Observed, Halt> {
        let observed = self.carry(own, task).await?;
        self.release(own);
        Ok(observed)
    }

    /// The same, but the connection is still the session's afterwards.
    pub(super) async fn carry(&mut self, own: &mut Multiplex, task: &Task<'_>) -> Result<Observed, Halt> {
        let mut again = false;
        loop {
            if std::mem::take(&mut own.transaction_lost) {
                return Err(Halt::Refuse(ServerError::deadlock()));
            }
            let ready = self.ready(own, task).await;
            let ready = ready.map_err(|halt| if again { halt.after_taking() } else { halt })?;
            let before = own.state.clone();
            match self.relay_task(own, task, ready, again).await {
                Ok(observed) => {
                    own.may_end = task.may_end(own) && observed.error.is_none();
                    self.observe(own, task, &before, &observed).await?;
                    return Ok(observed);
                }
                Err(loss) => self.survive(own, task, loss, &mut again).await?,
            }
        }
    }

    /// Gets a connection that the command can be sent on; what its head is to be there if that differs.
    async fn ready(&mut self, own: &mut Multiplex, task: &Task<'_>) -> Result<Option<Ready>, Halt> {
        self.obtain(own, task.needs()).await?;
        own.pin_before(task);
        match task.prepared {
            Some(id) => self.ready_statement(own, task.incoming, id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Sends the command and relays its response.
    async fn relay_task(
        &mut self,
        own: &mut Multiplex,
        task: &Task<'_>,
        ready: Option<Ready>,
        again: bool,
    ) -> Result<Observed, Loss> {
        let lost = |end, sent| Loss { end, sent, answered: Reach::Nothing };
        self.check_backend().await.map_err(|end| lost(end, Reach::Nothing))?;
        let sent = match (&task.instead, &ready, &task.kept) {
            (Some(payload), _, _) => self.send_changed(task.incoming, payload).await,
            (None, Some(ready), _) => {
                self.forward_with_head(task.incoming, &ready.head, ready.replaced).await
            }
            (None, None, Some(payload)) if again => self.send_payload(payload).await,
            _ => self.forward(task.incoming).await,
        };
        if let Err(end) = sent {
            // The server may have said why it wants no more, and the client has heard it.
            let answered = if self.waits_for_answer { Reach::Nothing } else { Reach::Something };
            return Err(Loss { end, sent: Reach::Something, answered });
        }
        let shape = task.incoming.command.shape();
        let dialect = self.dialect();
        own.refresh_pending();
        let mut translator = Translator::new(shape, dialect, own.status, self.asked, task.files())
            .with_pending(std::mem::take(&mut own.pending));
        if !task.follows_own_tracking() {
            translator = translator.tracking(Arc::clone(&own.told));
        }
        if let Some(id) = task.statement_id {
            translator = translator.with_statement_id(id);
        }
        translator = self.following_columns(translator, task, ready);
        let relayed = self.relay_with(&mut translator, shape).await;
        own.pending = translator.take_pending();
        let answered = if translator.observed().something_sent { Reach::Something } else { Reach::Nothing };
        relayed.map_err(|end| Loss { end, sent: Reach::Something, answered })?;
        Ok(translator.take_observed())
    }

    /// What becomes of a session whose connection was lost under a command: tries once more where nothing can have been
    /// executed or it does no harm, tells of a lost transaction where nothing of it can have been committed, or ends.
    async fn survive(
        &mut self,
        own: &mut Multiplex,
        task: &Task<'_>,
        loss: Loss,
        again: &mut bool,
    ) -> Result<(), Halt> {
        let Loss { end, sent, answered } = loss;
        if !matches!(end, SessionEnd::BackendLost(_) | SessionEnd::BackendLostBefore(_)) {
            return Err(Halt::End(end));
        }
        if answered == Reach::Something {
            return Err(Halt::End(end));
        }
        if self.registered.kill_under_way() {
            return Err(Halt::End(SessionEnd::Killed));
        }
        if own.may_end {
            return Err(Halt::End(SessionEnd::BackendClosed));
        }
        let unpinned = own.pins.may_release();
        self.give_up(CloseReason::Broken);
        let harmless = task.has(Effects::REPEATABLE_READ) && task.kept.is_some();
        if unpinned && !*again && (sent == Reach::Nothing || harmless) {
            self.frontend.metrics.retries.increment(1);
            *again = sent == Reach::Something;
            self.take_rest().await?;
            self.waits_for_answer = true;
            return Ok(());
        }
        if own.pins.has(PinReason::Transaction)
            && own.only_transaction()
            && (sent == Reach::Nothing || task.cannot_commit())
        {
            own.transaction_rolled_back();
            self.take_rest().await?;
            self.waits_for_answer = true;
            return Err(if sent == Reach::Nothing {
                Halt::Refuse(ServerError::deadlock())
            } else {
                Halt::Reply(ServerError::deadlock())
            });
        }
        Err(Halt::End(end))
    }
}

impl Multiplex {
    /// The connection of a session at rest has gone. Whether the session can go on: then its next command is answered with
    /// the news, if a transaction has gone too.
    pub(in crate::frontend) fn loses_only_its_transaction(&mut self) -> bool {
        let transaction = self.pins.has(PinReason::Transaction);
        if self.may_end || !self.only_transaction() {
            return false;
        }
        self.transaction_rolled_back();
        self.transaction_lost = transaction;
        true
    }

    /// Whether nothing but a transaction, or what a statement of it left in the diagnostics area, pins the session.
    fn only_transaction(&self) -> bool {
        let may_go =
            |reason| matches!(reason, PinReason::Transaction | PinReason::Diagnostics | PinReason::RowCount);
        self.pins.iter().all(|(reason, _)| may_go(reason))
    }

    /// The transaction has gone with its connection, and nothing of it was committed.
    pub(super) fn transaction_rolled_back(&mut self) {
        self.pins.end(PinReason::Transaction);
        self.pins.end(PinReason::Diagnostics);
        self.state.one_shot = None;
        self.status =
            self.status.without(StatusFlags::IN_TRANSACTION | StatusFlags::IN_READ_ONLY_TRANSACTION);
        self.diagnostics = Diagnostics::Error(ServerError::deadlock());
        self.residue.row_count = -1;
    }
}
