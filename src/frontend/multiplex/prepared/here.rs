//! What the session's present connection knows of its statements.

use std::sync::Arc;

use crate::backend::connection::ControlError;
use crate::backend::control::PreparedHere;
use crate::backend::statements::Known;
use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::obtain::Needs;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::protocol::definitions::Shown;
use crate::protocol::reply::TOO_MANY_STATEMENTS;
use crate::session::statements::StatementKey;

impl Session {
    /// The statement as the connection knows it; prepared there now if need be, in the state in which it was prepared first.
    pub(super) async fn known(
        &mut self,
        own: &mut Multiplex,
        key: &Arc<StatementKey>,
        types: Option<&[u8]>,
        shown: Shown,
    ) -> Result<Known, Halt> {
        let connection = self.connection()?;
        let known = connection.shared().and_then(|shared| shared.statements.find(key).cloned());
        // Somebody else's types must not stand in for those that were never sent.
        let known = known.filter(|known| types.is_some() || known.types.is_none());
        // Definitions that the client may lack have to be at hand.
        let known = known.filter(|known| known.shown == shown || known.definitions.is_some());
        match known {
            Some(known) => Ok(known),
            None => Box::pin(self.prepare_again(own, key)).await,
        }
    }

    /// Prepares a statement on this connection, in the state in which it was prepared first.
    async fn prepare_again(&mut self, own: &mut Multiplex, key: &Arc<StatementKey>) -> Result<Known, Halt> {
        let state = own.state.within(&key.context, &own.baseline);
        let spoken = state.spoken(&own.baseline);
        let elsewhere = own.state.context() != key.context;
        if elsewhere {
            self.obtain(own, Needs { state: Some(state), ..Needs::default() }).await?;
        }
        let prepared = self.prepare_here(own, &key.text).await;
        if elsewhere && !matches!(prepared, Err(Halt::End(_))) {
            self.obtain(own, Needs::default()).await?;
        }
        let PreparedHere { id, definitions } = prepared?;
        let mut known = Known::new(id);
        if !self.keeps_definitions() {
            self.known_here(Arc::clone(key), known.clone()).await?;
            return Ok(known);
        }
        let definitions = Arc::new(definitions);
        known.show(Shown::new(&definitions, spoken), Arc::clone(&definitions));
        self.known_here(Arc::clone(key), known.clone()).await?;
        // For this execution they are there, however long they are.
        known.definitions = Some(definitions);
        Ok(known)
    }

    /// Prepares a text in the state that the connection is in. Others give way where the server has too many.
    async fn prepare_here(&mut self, own: &Multiplex, text: &[u8]) -> Result<PreparedHere, Halt> {
        let limit = own.source.backend.connect_timeout();
        loop {
            let connection = self.connection()?;
            let prepared = tokio::time::timeout(limit, connection.prepare(text)).await;
            if let Some(shared) = connection.shared() {
                shared.valid.diagnostics = false;
            }
            match prepared {
                Ok(Ok(prepared)) => return Ok(prepared),
                Ok(Err(ControlError::Refused(error))) => {
                    if error.code != TOO_MANY_STATEMENTS || !self.make_room().await? {
                        return Err(Halt::Refuse(error));
                    }
                }
                _ => {
                    self.give_up(CloseReason::Broken);
                    return Err(SessionEnd::BackendLost(None).into());
                }
            }
        }
    }

    /// The connection knows a statement from now on; what gives way to it is closed.
    pub(super) async fn known_here(&mut self, key: Arc<StatementKey>, known: Known) -> Result<(), Halt> {
        let connection = self.connection()?;
        let former = connection.shared().and_then(|shared| shared.statements.insert(key, known));
        self.close_here(former).await.map(drop)
    }

    /// Closes the statement that was not used here for longest. Tells whether there was one.
    pub(super) async fn make_room(&mut self) -> Result<bool, Halt> {
        let connection = self.connection()?;
        let oldest = connection.shared().and_then(|shared| shared.statements.remove_oldest());
        self.close_here(oldest).await
    }

    /// Closes a statement of the connection's, if there is one to close.
    pub(super) async fn close_here(&mut self, id: Option<u32>) -> Result<bool, Halt> {
        let Some(id) = id else { return Ok(false) };
        let closed = self.connection()?.close_statement(id).await;
        closed.map_err(|error| Halt::End(SessionEnd::BackendLost(Some(error))))?;
        Ok(true)
    }
}
