//! Prepared statements over any change of connection.

use std::sync::Arc;

use crate::backend::connection::ControlError;
use crate::backend::statements::Known;
use crate::frontend::client::Incoming;
use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::answer::SessionAnswer;
use crate::frontend::multiplex::observe::signalled;
use crate::frontend::multiplex::obtain::Needs;
use crate::frontend::multiplex::run::Task;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::protocol::command::Command;
use crate::protocol::observed::Observed;
use crate::protocol::packet::{HEADER_LEN, MAX_PAYLOAD};
use crate::protocol::reply::ServerError;
use crate::protocol::response::Last;
use crate::protocol::statement::{self, BulkExecute, Execute};
use crate::protocol::status::StatusFlags;
use crate::session::PinReason;
use crate::session::statements::{ClientStatement, Hold, StatementKey};
use crate::sql::classify::{Statement, classify};
use crate::sql::effects::Effects;

/// Longest text of a statement that is kept to prepare it again elsewhere, in bytes; a longer one pins.
const KEPT_TEXT: usize = 1 << 20;

/// Bytes of a statement's command up to the end of its id.
const UP_TO_ID: usize = 5;

impl Session {
    /// COM_STMT_PREPARE.
    pub(super) async fn prepare(&mut self, own: &mut Multiplex, incoming: Incoming) -> Result<(), Halt> {
        if own.statements.is_full() {
            return Err(Halt::Refuse(ServerError::too_many_statements()));
        }
        let whole = incoming.header.len <= KEPT_TEXT;
        while whole && self.client.buffer.len() < incoming.packet_len() {
            self.more_from_client().await?;
        }
        let payload = if whole { self.payload(incoming).to_vec() } else { Vec::new() };
        let text = payload.get(1..).unwrap_or_default();
        let asked = if whole { classify(text, own.mode) } else { self.classified(own, incoming) };
        let nothing = Statement::default();
        let mut task = Task::new(incoming, &nothing);
        task.statement_id = Some(own.statements.next_id());
        task.shows_tracking = asked.effects.contains(Effects::SHOWS_SETTINGS);
        if whole && asked.kill.is_none() {
            let changed =
                crate::frontend::rewrite::statement(text, &asked, own.mode, self.id(), self.clients_of(own));
            task.instead = changed.map(|text| [&[Command::StmtPrepare.byte()], text.as_slice()].concat());
        }
        let observed = self.carry(own, &task).await;
        let observed = match observed {
            Ok(observed) => observed,
            Err(halt) => {
                own.statements.failed();
                return Err(halt);
            }
        };
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
        let Some(prepared) = observed.prepared.filter(|_| observed.error.is_none()) else {
            own.statements.failed();
            return Ok(());
        };
        if text.is_empty() {
            own.pins.prepared.insert_nameless();
            own.pins.follow_names();
        }
        let context = own.state.context();
        let mut key = StatementKey { text, context, instance: 0 };
        while own.statements.knows(&key) {
            key.instance += 1;
        }
        let key = Arc::new(key);
        self.known_here(Arc::clone(&key), prepared.id).await?;
        own.statements.insert(ClientStatement {
            key,
            parameters: prepared.parameters,
            statement: Arc::new(statement),
            types: None,
            hold: Hold::None,
        });
        Ok(())
    }

    /// The connection knows a statement by this id from now on; what gives way to it is closed.
    async fn known_here(&mut self, key: Arc<StatementKey>, id: u32) -> Result<(), Halt> {
        let connection = self.connection().map_err(Halt::End)?;
        let former = connection.shared().and_then(|shared| shared.statements.insert(key, id));
        if let Some(former) = former {
            let closed = connection.close_statement(former).await;
            closed.map_err(|error| Halt::End(SessionEnd::BackendLost(Some(error))))?;
        }
        Ok(())
    }

    /// COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE.
    pub(super) async fn execute_prepared(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
    ) -> Result<(), Halt> {
        let Some(id) = self.resolved(own, incoming) else {
            return self.unknown_statement(own, incoming).await;
        };
        let Some(asked) = own.statements.statement(id).map(|statement| Arc::clone(&statement.statement))
        else {
            return self.unknown_statement(own, incoming).await;
        };
        if asked.kill.is_some() {
            let text = own.statements.statement(id).map(|statement| statement.key.text.to_vec());
            if self.run_kill(own, incoming, &asked, &text.unwrap_or_default()).await? {
                return Ok(());
            }
        }
        let mut task = Task::new(incoming, &asked);
        task.prepared = Some(id);
        let observed = self.carry(own, &task).await?;
        if let Some(statement) = own.statements.statement_mut(id) {
            let cursor = observed.status.is_some_and(|status| status.contains(StatusFlags::CURSOR_EXISTS));
            let open = cursor && observed.last != Last::Error;
            statement.hold = if open { Hold::Cursor } else { Hold::None };
        }
        own.follow_holds();
        self.release(own);
        Ok(())
    }

    /// COM_STMT_FETCH and COM_STMT_RESET.
    pub(super) async fn ask_prepared(&mut self, own: &mut Multiplex, incoming: Incoming) -> Result<(), Halt> {
        let Some(id) = self.resolved(own, incoming) else {
            return self.unknown_statement(own, incoming).await;
        };
        let hold = own.statements.statement(id).map(|statement| statement.hold).unwrap_or_default();
        let fetches = incoming.command == Command::StmtFetch;
        match (fetches, hold) {
            (true, Hold::None | Hold::LongData) => {
                return self.say(own, incoming, &ServerError::no_cursor(id)).await;
            }
            (false, Hold::None) => {
                return self.answer(own, incoming, &own.plain_ok(), SessionAnswer::StatementReset).await;
            }
            _ => {}
        }
        let nothing = Statement::default();
        let mut task = Task::new(incoming, &nothing);
        task.prepared = Some(id);
        let observed = self.carry(own, &task).await?;
        let over = observed.status.is_none_or(|status| status.contains(StatusFlags::LAST_ROW_SENT));
        if (!fetches || over)
            && let Some(statement) = own.statements.statement_mut(id)
        {
            statement.hold = Hold::None;
        }
        own.follow_holds();
        self.release(own);
        Ok(())
    }

    /// COM_STMT_SEND_LONG_DATA, which has no answer: from now on the session needs this connection.
    pub(super) async fn send_long_data(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
    ) -> Result<(), Halt> {
        let Some(id) = self.resolved(own, incoming) else {
            return self.discard(incoming.header).await.map_err(Halt::End);
        };
        let ready = async {
            self.obtain(own, Needs::default()).await?;
            self.ready_statement(own, incoming, id).await
        };
        let head = match ready.await {
            Ok(head) => head,
            // The client waits for no answer, so it could not be told that the data is lost.
            Err(Halt::Refuse(_) | Halt::Reply(_)) => return Err(SessionEnd::BackendClosed.into()),
            Err(end) => return Err(end),
        };
        if let Some(statement) = own.statements.statement_mut(id) {
            statement.hold = Hold::LongData;
        }
        own.follow_holds();
        self.record_pins(own);
        self.forward_with_head(incoming, &head.0, head.1).await?;
        self.connection()?.end(Last::Other, None);
        Ok(())
    }

    /// COM_STMT_CLOSE, which has no answer. The connections go on knowing the statement, for whoever prepares it next.
    pub(super) async fn close_prepared(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
    ) -> Result<(), Halt> {
        let id = self.resolved(own, incoming);
        self.discard(incoming.header).await?;
        let Some(statement) = id.and_then(|id| own.statements.remove(id)) else { return Ok(()) };
        if statement.hold != Hold::None
            && let Ok(connection) = self.connection()
        {
            let here = connection.shared().and_then(|shared| shared.statements.remove(&statement.key));
            if let Some(here) = here {
                let closed = connection.close_statement(here).await;
                closed.map_err(|error| Halt::End(SessionEnd::BackendLost(Some(error))))?;
            }
        }
        own.follow_holds();
        self.release(own);
        Ok(())
    }

    /// Makes sure that the connection knows the statement, and makes the head of the command as it is to be sent there:
    /// with the connection's id, and with the types where they were bound on another connection.
    pub(super) async fn ready_statement(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
        id: u32,
    ) -> Result<(Vec<u8>, usize), Halt> {
        let Some(statement) = own.statements.statement(id) else {
            return Err(Halt::Refuse(ServerError::unknown_statement(id, incoming.command)));
        };
        let key = Arc::clone(&statement.key);
        let (types, parameters) = (statement.types.clone(), statement.parameters);
        let known = self.known(own, &key, types.as_deref()).await?;
        let payload = self.client.head(&incoming);
        let made = made_head(payload, incoming.command, parameters, &known, types.as_deref());
        if incoming.header.len + made.growth >= MAX_PAYLOAD && made.growth > 0 {
            return Err(Halt::Refuse(ServerError::need_reprepare()));
        }
        if let Some(bound) = made.bound {
            if let Some(statement) = own.statements.statement_mut(id) {
                statement.types = Some(bound.clone());
            }
            let connection = self.connection().map_err(Halt::End)?;
            if let Some(known) = connection.shared().and_then(|shared| shared.statements.find(&key)) {
                known.types = Some(bound);
            }
        }
        Ok((made.head, made.replaced))
    }

    /// The statement as the connection knows it; prepared there now if need be, in the state in which it was prepared first.
    async fn known(
        &mut self,
        own: &mut Multiplex,
        key: &Arc<StatementKey>,
        types: Option<&[u8]>,
    ) -> Result<Known, Halt> {
        let connection = self.connection().map_err(Halt::End)?;
        let known = connection.shared().and_then(|shared| shared.statements.find(key).cloned());
        // Somebody else's types must not stand in for those that were never sent.
        let known = known.filter(|known| types.is_some() || known.types.is_none());
        if let Some(known) = known {
            return Ok(known);
        }
        let now = own.state.context();
        if now != key.context {
            let state = Some(own.state.within(&key.context, &own.baseline));
            self.obtain(own, Needs { state, ..Needs::default() }).await?;
        }
        let limit = own.source.backend.connect_timeout();
        let connection = self.connection().map_err(Halt::End)?;
        let prepared = tokio::time::timeout(limit, connection.prepare(&key.text)).await;
        if let Some(shared) = connection.shared() {
            shared.valid.diagnostics = false;
        }
        let prepared = match prepared {
            Ok(Ok(prepared)) => Ok(prepared),
            Ok(Err(ControlError::Refused(error))) => Err(Halt::Refuse(error)),
            _ => {
                self.give_up(CloseReason::Broken);
                return Err(SessionEnd::BackendLost(None).into());
            }
        };
        if now != key.context {
            self.obtain(own, Needs::default()).await?;
        }
        let id = prepared?.id;
        self.known_here(Arc::clone(key), id).await?;
        Ok(Known::new(id))
    }

    /// The client's id that a command names, if there is such a statement.
    fn resolved(&self, own: &Multiplex, incoming: Incoming) -> Option<u32> {
        own.statements.resolve(statement::id(self.client.head(&incoming))?)
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
        task.instead = Some(signalled(error));
        self.run(own, &task).await.map(drop)
    }

    fn payload(&self, incoming: Incoming) -> &[u8] {
        self.client.buffer.bytes().get(HEADER_LEN..incoming.packet_len()).unwrap_or_default()
    }
}

/// What goes out in place of the first bytes of a command.
struct Made {
    head: Vec<u8>,
    replaced: usize,
    growth: usize,
    /// The types that are bound from now on.
    bound: Option<Box<[u8]>>,
}

fn made_head(payload: &[u8], command: Command, parameters: u16, known: &Known, types: Option<&[u8]>) -> Made {
    let missing = |sent: Option<&[u8]>| {
        types.filter(|types| sent.is_none() && parameters > 0 && known.types.as_deref() != Some(*types))
    };
    let mut head = Vec::new();
    match command {
        Command::StmtExecute => {
            if let Some(execute) = Execute::parse(payload, parameters) {
                let bound = execute.types.map(Box::from);
                if let Some(types) = missing(execute.types) {
                    execute.encode_with(known.id, types, &mut head);
                    let growth = execute.growth(types);
                    return Made { head, replaced: execute.values, growth, bound: Some(types.into()) };
                }
                return Made { bound, ..with_id(payload, known.id) };
            }
        }
        Command::StmtBulkExecute => {
            if let Some(bulk) = BulkExecute::parse(payload, parameters) {
                let bound = bulk.types.map(Box::from);
                if let Some(types) = missing(bulk.types) {
                    bulk.encode_with(known.id, types, &mut head);
                    let growth = bulk.growth(types);
                    return Made { head, replaced: bulk.rows, growth, bound: Some(types.into()) };
                }
                return Made { bound, ..with_id(payload, known.id) };
            }
        }
        _ => {}
    }
    with_id(payload, known.id)
}

fn with_id(payload: &[u8], id: u32) -> Made {
    let mut head = payload.get(..UP_TO_ID).unwrap_or(payload).to_vec();
    let _ = statement::set_id(&mut head, id);
    Made { replaced: head.len(), head, growth: 0, bound: None }
}
