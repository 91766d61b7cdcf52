//! A command for a prepared statement, made ready for the connection that it goes to.

use std::sync::Arc;

use crate::frontend::client::Incoming;
use crate::frontend::multiplex::prepared::head::Here;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::session::Session;
use crate::protocol::definitions::Doubt;
use crate::protocol::packet::MAX_PAYLOAD;
use crate::protocol::reply::ServerError;
use crate::session::statements::StatementKey;

/// A command for a prepared statement, ready to be sent.
pub(in crate::frontend::multiplex) struct Ready {
    /// What goes out in place of its first bytes.
    pub head: Vec<u8>,
    /// How many bytes those are.
    pub replaced: usize,
    /// How many columns the client knows the statement to have.
    pub(super) columns: u16,
    /// The client may lack definitions that the server takes it to have.
    pub(super) doubt: Option<Doubt>,
}

impl Session {
    /// Makes sure that the connection knows the statement, and makes the head of the command as it is to be sent there:
    /// with the connection's id, and with the types where they were bound on another connection.
    pub(in crate::frontend::multiplex) async fn ready_statement(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
        id: u32,
    ) -> Result<Ready, Halt> {
        let Some(statement) = own.statements.statement(id) else {
            return Err(Halt::Refuse(ServerError::unknown_statement(id, incoming.command)));
        };
        let key = Arc::clone(&statement.key);
        let (types, parameters) = (statement.types.clone(), statement.parameters);
        let (columns, shown) = (statement.columns, statement.shown);
        let known = self.known(own, &key, types.as_deref(), shown).await?;
        let here = Here { known: &known, parameters, types: types.as_deref() };
        let head = here.head(self.client.head(&incoming), incoming.command);
        if head.growth > 0 && incoming.header.len + head.growth >= MAX_PAYLOAD {
            return Err(Halt::Refuse(ServerError::need_reprepare()));
        }
        if let Some(bound) = head.bound {
            self.bind(own, id, &key, bound);
        }
        let doubt = known.definitions.filter(|_| columns > 0 && known.shown != shown).map(|here| Doubt {
            client: shown,
            spoken: own.state.spoken(&own.baseline),
            here,
        });
        Ok(Ready { head: head.bytes, replaced: head.replaced, columns, doubt })
    }

    /// From now on these types are bound, for the client and on its connection.
    fn bind(&mut self, own: &mut Multiplex, id: u32, key: &StatementKey, bound: Box<[u8]>) {
        if let Some(known) = self.shared().and_then(|shared| shared.statements.find(key)) {
            known.types = Some(bound.clone());
        }
        if let Some(statement) = own.statements.statement_mut(id) {
            statement.types = Some(bound);
        }
    }
}
