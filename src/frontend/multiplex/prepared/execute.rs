//! COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE.

use std::sync::Arc;

use crate::frontend::client::Incoming;
use crate::frontend::multiplex::prepared::Ready;
use crate::frontend::multiplex::task::Task;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::session::Session;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::definitions::Shown;
use crate::protocol::dialect::Translator;
use crate::protocol::observed::Observed;
use crate::protocol::reply::ServerError;
use crate::protocol::status::StatusFlags;
use crate::session::statements::Hold;

/// Errors of an execution that has not begun: of its parameters, …
const WRONG_ARGUMENTS: u16 = 1210;
/// … of its packet.
const MALFORMED_PACKET: u16 = 1835;

impl Session {
    /// COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE.
    pub(in crate::frontend::multiplex) async fn execute_prepared(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
    ) -> Result<(), Halt> {
        let named = self.resolved(own, incoming);
        let Some((id, statement)) = named.and_then(|id| Some((id, own.statements.statement(id)?))) else {
            return self.unknown_statement(own, incoming).await;
        };
        let asked = Arc::clone(&statement.statement);
        if asked.kill.is_some() {
            let text = statement.key.text.to_vec();
            if Box::pin(self.run_kill(own, incoming, &asked, &text)).await? {
                return Ok(());
            }
        }
        if let Some(failure) = own.statements.statement(id).and_then(|statement| statement.failure.clone()) {
            return self.say(own, incoming, &failure).await;
        }
        let mut task = Task::new(incoming, &asked);
        task.prepared = Some(id);
        let observed = self.carry(own, &task).await?;
        self.observe_columns(own, id, &observed);
        self.observe_execution(own, id, &observed).await?;
        self.release(own);
        Ok(())
    }

    /// What a statement has on the connection after its execution.
    async fn observe_execution(
        &mut self,
        own: &mut Multiplex,
        id: u32,
        observed: &Observed,
    ) -> Result<(), Halt> {
        let cursor = observed.status.is_some_and(|status| status.contains(StatusFlags::CURSOR_EXISTS));
        match &observed.error {
            Some(error) if is_of_long_data(error) => return Box::pin(self.fail(own, id, error)).await,
            // It was not executed: what it had is there still.
            Some(ServerError { code: WRONG_ARGUMENTS | MALFORMED_PACKET, .. }) => {}
            Some(_) => self.hold(own, id, Hold::default()),
            None => self.hold(own, id, Hold { cursor, long_data: false }),
        }
        Ok(())
    }

    /// A statement cannot be executed until it is reset; the connection's is not left to others like that.
    async fn fail(&mut self, own: &mut Multiplex, id: u32, error: &ServerError) -> Result<(), Halt> {
        self.hold(own, id, Hold::default());
        let Some(statement) = own.statements.statement_mut(id) else { return Ok(()) };
        statement.failure = Some(error.clone());
        let connection = self.connection()?;
        let here = connection.shared().and_then(|shared| shared.statements.remove(&statement.key));
        self.close_here(here).await.map(drop)
    }

    /// What the client knows of a statement's columns after its execution.
    fn observe_columns(&mut self, own: &mut Multiplex, id: u32, observed: &Observed) {
        let Some(statement) = own.statements.statement_mut(id).filter(|statement| statement.columns > 0)
        else {
            return;
        };
        if let Some(columns) = observed.columns.and_then(|columns| u16::try_from(columns).ok()) {
            statement.columns = columns;
        }
        let Some(definitions) = &observed.definitions else { return };
        let shown = Shown::new(definitions, own.state.spoken(&own.baseline));
        statement.shown = shown;
        if let Some(shared) = self.shared()
            && let Some(known) = shared.statements.find(&statement.key)
        {
            known.show(shown, Arc::clone(definitions));
        }
    }

    /// Whether the client keeps definitions of columns, and is sent them only when they change.
    pub(super) fn keeps_definitions(&self) -> bool {
        self.client.facts().capabilities.contains(Capabilities::CACHE_METADATA)
    }

    /// The translator, which is to follow the columns of a statement that is prepared or executed.
    pub(in crate::frontend::multiplex) fn following_columns(
        &self,
        translator: Translator,
        task: &Task<'_>,
        ready: Option<Ready>,
    ) -> Translator {
        let columns = ready.as_ref().map_or(0, |ready| ready.columns);
        let translator = if columns > 0 { translator.with_columns(columns) } else { translator };
        if !self.keeps_definitions() || (columns == 0 && task.statement_id.is_none()) {
            return translator;
        }
        match ready.and_then(|ready| ready.doubt) {
            Some(doubt) => translator.collecting().in_doubt(doubt),
            None => translator.collecting(),
        }
    }
}

/// Whether an execution failed for long data that came before it, which any further one does until a reset (10.11).
fn is_of_long_data(error: &ServerError) -> bool {
    error.code == WRONG_ARGUMENTS && error.message.ends_with("mysqld_stmt_send_long_data")
}
