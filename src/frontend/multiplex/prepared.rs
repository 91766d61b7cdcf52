//! Prepared statements over any change of connection.
//!
//! The client's ids are the proxy's own. Each connection has its own ids for what it has prepared; a command is sent with the
//! connection's, and a statement that is not known there is prepared again first, as it was understood at first. What a
//! statement has on one connection only (long data, a cursor) pins the session to it.

mod ask;
mod execute;
mod head;
mod here;
mod prepare;
mod ready;

use crate::backend::sync::signal;
use crate::frontend::client::Incoming;
use crate::frontend::multiplex::task::Task;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::session::Session;
use crate::protocol::reply::ServerError;
use crate::protocol::statement;
use crate::session::statements::Hold;
use crate::sql::classify::Statement;

pub(super) use ready::Ready;

impl Session {
    /// The client's id that a command names, if there is such a statement.
    fn resolved(&self, own: &Multiplex, incoming: Incoming) -> Option<u32> {
        own.statements.resolve(statement::id(self.client.head(&incoming))?)
    }

    /// What a statement has on the connection from now on.
    fn hold(&mut self, own: &mut Multiplex, id: u32, hold: Hold) {
        let Some(statement) = own.statements.statement(id).filter(|statement| statement.hold() != hold)
        else {
            return;
        };
        if let Some(shared) = self.shared()
            && let Some(known) = shared.statements.find(&statement.key)
        {
            known.held = !hold.is_empty();
        }
        own.statements.set_hold(id, hold);
        own.follow_holds();
    }

    /// The error for a statement that there is not, said and remembered by the server.
    async fn unknown_statement(&mut self, own: &mut Multiplex, incoming: Incoming) -> Result<(), Halt> {
        let id = statement::id(self.client.head(&incoming)).unwrap_or_default();
        self.say(own, incoming, &ServerError::unknown_statement(id, incoming.command)).await
    }

    /// Lets the server say an error in answer to a command that it does not see.
    async fn say(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
        error: &ServerError,
    ) -> Result<(), Halt> {
        let nothing = Statement::default();
        let mut task = Task::new(incoming, &nothing);
        task.instead = Some(signal(error));
        self.run(own, &task).await.map(drop)
    }
}
