//! COM_STMT_PREPARE.

use std::sync::Arc;

use crate::backend::statements::Known;
use crate::frontend::client::Incoming;
use crate::frontend::multiplex::task::Task;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::rewrite;
use crate::frontend::session::Session;
use crate::protocol::command::Command;
use crate::protocol::definitions::Shown;
use crate::protocol::observed::Observed;
use crate::protocol::packet::HEADER_LEN;
use crate::protocol::reply::{ServerError, TOO_MANY_STATEMENTS};
use crate::session::PinReason;
use crate::session::statements::{ClientStatement, StatementKey};
use crate::sql::classify::{Statement, classify};
use crate::sql::effects::Effects;

/// Longest text of a statement that is kept to prepare it again elsewhere, in bytes; a longer one pins.
const KEPT_TEXT: usize = 1 << 20;

impl Session {
    /// COM_STMT_PREPARE.
    pub(in crate::frontend::multiplex) async fn prepare(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
    ) -> Result<(), Halt> {
        if own.statements.is_full() {
            return Err(Halt::Refuse(ServerError::too_many_statements()));
        }
        let kept = self.kept_payload(incoming).await?;
        let text = kept.as_deref().and_then(|payload| payload.get(1..)).unwrap_or_default();
        let asked = if kept.is_some() { classify(text, own.mode) } else { self.classified(own, incoming) };
        let nothing = Statement::default();
        let mut task = Task::new(incoming, &nothing);
        task.statement_id = Some(own.statements.next_id());
        task.shows_tracking = asked.effects.contains(Effects::SHOWS_SETTINGS);
        task.sets_back = asked.effects.contains(Effects::SETS_BACK);
        if kept.is_some() && asked.kill.is_none() {
            let changed = rewrite::statement(text, &asked, own.mode, self.id(), self.clients_of(own));
            task.instead = changed.map(|text| [&[Command::StmtPrepare.byte()], text.as_slice()].concat());
        }
        let carried = self.carry(own, &task).await;
        let observed = carried.inspect_err(|_| own.statements.failed())?;
        if asked.effects.contains(Effects::USER_VARIABLE) {
            // One that is assigned to is there from now on, as NULL of some type (10.11).
            own.pins.set(PinReason::UserVariables);
        }
        let text = task.instead.as_deref().map_or(text, |payload| payload.get(1..).unwrap_or_default());
        self.prepared(own, text.into(), asked, &observed).await?;
        self.release(own);
        Ok(())
    }

    /// Takes a statement down that the server has prepared for the client.
    async fn prepared(
        &mut self,
        own: &mut Multiplex,
        text: Box<[u8]>,
        statement: Statement,
        observed: &Observed,
    ) -> Result<(), Halt> {
        if let Some(ServerError { code: TOO_MANY_STATEMENTS, .. }) = &observed.error {
            own.statements.refused();
            // Those that are only kept for whoever prepares them next are in the way of this client.
            return self.make_room().await.map(drop);
        }
        let Some(prepared) = observed.prepared.filter(|_| observed.error.is_none()) else {
            own.statements.failed();
            return Ok(());
        };
        if text.is_empty() {
            own.pins.prepared.insert_nameless();
            own.pins.follow_names();
        }
        let key = Arc::new(own.statement_key(text));
        let mut known = Known::new(prepared.id);
        if let Some(definitions) = &observed.definitions {
            known.show(Shown::new(definitions, own.state.spoken(&own.baseline)), Arc::clone(definitions));
        }
        let shown = known.shown;
        self.known_here(Arc::clone(&key), known).await?;
        let mut statement =
            ClientStatement::new(key, Arc::new(statement), prepared.parameters, prepared.columns);
        statement.shown = shown;
        own.statements.insert(statement);
        Ok(())
    }

    /// The payload of a command whose text is kept; `None`: it is too long.
    async fn kept_payload(&mut self, incoming: Incoming) -> Result<Option<Vec<u8>>, Halt> {
        if incoming.header.len > KEPT_TEXT {
            return Ok(None);
        }
        while self.client.buffer.len() < incoming.packet_len() {
            self.more_from_client().await?;
        }
        let payload = self.client.buffer.bytes().get(HEADER_LEN..incoming.packet_len());
        Ok(Some(payload.unwrap_or_default().to_vec()))
    }
}

impl Multiplex {
    /// By what connections know a statement that is prepared now.
    fn statement_key(&self, text: Box<[u8]>) -> StatementKey {
        let mut key = StatementKey { text, context: self.state.context(), instance: 0 };
        while self.statements.knows(&key) {
            key.instance += 1;
        }
        key
    }
}
