//! The commands around executions: COM_STMT_FETCH, COM_STMT_RESET, COM_STMT_SEND_LONG_DATA, COM_STMT_CLOSE.

use crate::frontend::client::Incoming;
use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::answer::SessionAnswer;
use crate::frontend::multiplex::obtain::Needs;
use crate::frontend::multiplex::task::Task;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::session::Session;
use crate::protocol::command::Command;
use crate::protocol::reply::ServerError;
use crate::protocol::response::Last;
use crate::protocol::status::StatusFlags;
use crate::session::statements::{ClientStatement, Hold};
use crate::sql::classify::Statement;

impl Session {
    /// COM_STMT_FETCH and COM_STMT_RESET.
    pub(in crate::frontend::multiplex) async fn ask_prepared(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
    ) -> Result<(), Halt> {
        let Some(id) = self.resolved(own, incoming) else {
            return self.unknown_statement(own, incoming).await;
        };
        let hold = own.statements.statement(id).map(ClientStatement::hold).unwrap_or_default();
        let fetches = incoming.command == Command::StmtFetch;
        if fetches && !hold.cursor {
            return self.say(own, incoming, &ServerError::no_cursor(id)).await;
        }
        if let Some(statement) = own.statements.statement_mut(id).filter(|_| !fetches) {
            statement.failure = None;
        }
        if hold.is_empty() {
            return self.answer(own, incoming, &own.plain_ok(), SessionAnswer::StatementReset).await;
        }
        let nothing = Statement::default();
        let mut task = Task::new(incoming, &nothing);
        task.prepared = Some(id);
        let observed = self.carry(own, &task).await?;
        let over = observed.status.is_none_or(|status| status.contains(StatusFlags::LAST_ROW_SENT));
        if !fetches || over {
            // The end of a cursor takes long data with it, like a reset (10.11).
            self.hold(own, id, Hold::default());
        }
        self.release(own);
        Ok(())
    }

    /// COM_STMT_SEND_LONG_DATA, which has no answer: from now on the session needs this connection.
    pub(in crate::frontend::multiplex) async fn send_long_data(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
    ) -> Result<(), Halt> {
        let Some(id) = self.resolved(own, incoming) else {
            return self.discard(incoming.header).await.map_err(Halt::End);
        };
        if own.statements.statement(id).is_some_and(|statement| statement.failure.is_some()) {
            return self.discard(incoming.header).await.map_err(Halt::End);
        }
        let ready = async {
            self.obtain(own, Needs::default()).await?;
            self.ready_statement(own, incoming, id).await
        };
        let ready = match ready.await {
            Ok(ready) => ready,
            // The client waits for no answer, so it could not be told that the data is lost.
            Err(Halt::Refuse(_) | Halt::Reply(_)) => return Err(SessionEnd::BackendClosed.into()),
            Err(end) => return Err(end),
        };
        let hold = own.statements.statement(id).map(ClientStatement::hold).unwrap_or_default();
        self.hold(own, id, Hold { long_data: true, ..hold });
        self.record_pins(own);
        self.forward_with_head(incoming, &ready.head, ready.replaced).await?;
        self.connection()?.end(Last::Other, None);
        Ok(())
    }

    /// COM_STMT_CLOSE, which has no answer. The connections go on knowing the statement, for whoever prepares it next.
    pub(in crate::frontend::multiplex) async fn close_prepared(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
    ) -> Result<(), Halt> {
        let id = self.resolved(own, incoming);
        self.discard(incoming.header).await?;
        let Some(statement) = id.and_then(|id| own.statements.remove(id)) else { return Ok(()) };
        if !statement.hold().is_empty()
            && let Ok(connection) = self.connection()
        {
            let here = connection.shared().and_then(|shared| shared.statements.remove(&statement.key));
            self.close_here(here).await?;
        }
        own.follow_holds();
        self.release(own);
        Ok(())
    }
}
