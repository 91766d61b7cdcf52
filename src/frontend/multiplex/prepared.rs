//! Prepared statements over any change of connection.

use std::sync::Arc;

use crate::backend::connection::ControlError;
use crate::backend::control::PreparedHere;
use crate::backend::statements::Known;
use crate::backend::sync::signal;
use crate::frontend::client::Incoming;
use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::answer::SessionAnswer;
use crate::frontend::multiplex::obtain::Needs;
use crate::frontend::multiplex::run::Task;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::rewrite;
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::command::Command;
use crate::protocol::definitions::{Doubt, Shown};
use crate::protocol::dialect::Translator;
use crate::protocol::observed::Observed;
use crate::protocol::packet::{HEADER_LEN, MAX_PAYLOAD};
use crate::protocol::reply::{ServerError, TOO_MANY_STATEMENTS};
use crate::protocol::response::Last;
use crate::protocol::statement::{self, BulkExecute, Execute};
use crate::protocol::status::StatusFlags;
use crate::session::PinReason;
use crate::session::statements::{ClientStatement, Hold, StatementKey};
use crate::sql::classify::{Statement, classify};
use crate::sql::effects::Effects;

/// Longest text of a statement that is kept to prepare it again elsewhere, in bytes; a longer one pins.
const KEPT_TEXT: usize = 1 << 20;

/// Errors of an execution that has not begun: of its parameters, …
const WRONG_ARGUMENTS: u16 = 1210;
/// … of its packet.
const MALFORMED_PACKET: u16 = 1835;

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
        task.sets_back = asked.effects.contains(Effects::SETS_BACK);
        if whole && asked.kill.is_none() {
            let changed = rewrite::statement(text, &asked, own.mode, self.id(), self.clients_of(own));
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
        let context = own.state.context();
        let mut key = StatementKey { text, context, instance: 0 };
        while own.statements.knows(&key) {
            key.instance += 1;
        }
        let key = Arc::new(key);
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

    /// The connection knows a statement from now on; what gives way to it is closed.
    async fn known_here(&mut self, key: Arc<StatementKey>, known: Known) -> Result<(), Halt> {
        let connection = self.connection()?;
        let former = connection.shared().and_then(|shared| shared.statements.insert(key, known));
        self.close_here(former).await.map(drop)
    }

    /// Closes the statement that was not used here for longest. Tells whether there was one.
    async fn make_room(&mut self) -> Result<bool, Halt> {
        let connection = self.connection()?;
        let oldest = connection.shared().and_then(|shared| shared.statements.remove_oldest());
        self.close_here(oldest).await
    }

    /// Closes a statement of the connection's, if there is one to close.
    async fn close_here(&mut self, id: Option<u32>) -> Result<bool, Halt> {
        let Some(id) = id else { return Ok(false) };
        let closed = self.connection()?.close_statement(id).await;
        closed.map_err(|error| Halt::End(SessionEnd::BackendLost(Some(error))))?;
        Ok(true)
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
        if let Some(failure) = own.statements.statement(id).and_then(|statement| statement.failure.clone()) {
            return self.say(own, incoming, &failure).await;
        }
        let mut task = Task::new(incoming, &asked);
        task.prepared = Some(id);
        let observed = self.carry(own, &task).await?;
        self.observe_columns(own, id, &observed);
        let cursor = observed.status.is_some_and(|status| status.contains(StatusFlags::CURSOR_EXISTS));
        match &observed.error {
            Some(error) if is_of_long_data(error) => self.fail(own, id, error).await?,
            // It was not executed: what it had is there still.
            Some(ServerError { code: WRONG_ARGUMENTS | MALFORMED_PACKET, .. }) => {}
            Some(_) => self.hold(own, id, Hold::default()),
            None => self.hold(own, id, Hold { cursor, long_data: false }),
        }
        self.release(own);
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
    fn keeps_definitions(&self) -> bool {
        self.client.facts().capabilities.contains(Capabilities::CACHE_METADATA)
    }

    /// The translator, which is to follow the columns of a statement that is prepared or executed.
    pub(super) fn following_columns(
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

    /// COM_STMT_FETCH and COM_STMT_RESET.
    pub(super) async fn ask_prepared(&mut self, own: &mut Multiplex, incoming: Incoming) -> Result<(), Halt> {
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
    pub(super) async fn send_long_data(
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
    pub(super) async fn close_prepared(
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

    /// Makes sure that the connection knows the statement, and makes the head of the command as it is to be sent there:
    /// with the connection's id, and with the types where they were bound on another connection.
    pub(super) async fn ready_statement(
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
        let payload = self.client.head(&incoming);
        let made = made_head(payload, incoming.command, parameters, &known, types.as_deref());
        if incoming.header.len + made.growth >= MAX_PAYLOAD && made.growth > 0 {
            return Err(Halt::Refuse(ServerError::need_reprepare()));
        }
        if let Some(bound) = made.bound {
            if let Some(statement) = own.statements.statement_mut(id) {
                statement.types = Some(bound.clone());
            }
            let connection = self.connection()?;
            if let Some(known) = connection.shared().and_then(|shared| shared.statements.find(&key)) {
                known.types = Some(bound);
            }
        }
        let doubt = known.definitions.filter(|_| columns > 0 && known.shown != shown).map(|here| Doubt {
            client: shown,
            spoken: own.state.spoken(&own.baseline),
            here,
        });
        Ok(Ready { head: made.head, replaced: made.replaced, columns, doubt })
    }

    /// The statement as the connection knows it; prepared there now if need be, in the state in which it was prepared first.
    async fn known(
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
            None => self.prepare_again(own, key).await,
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
        task.instead = Some(signal(error));
        self.run(own, &task).await.map(drop)
    }

    fn payload(&self, incoming: Incoming) -> &[u8] {
        self.client.buffer.bytes().get(HEADER_LEN..incoming.packet_len()).unwrap_or_default()
    }
}

/// Whether an execution failed for long data that came before it, which any further one does until a reset (10.11).
fn is_of_long_data(error: &ServerError) -> bool {
    error.code == WRONG_ARGUMENTS && error.message.ends_with("mysqld_stmt_send_long_data")
}

/// A command for a prepared statement, ready to be sent.
pub(super) struct Ready {
    /// What goes out in place of its first bytes.
    pub head: Vec<u8>,
    /// How many bytes those are.
    pub replaced: usize,
    /// How many columns the client knows the statement to have.
    columns: u16,
    /// The client may lack definitions that the server takes it to have.
    doubt: Option<Doubt>,
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
