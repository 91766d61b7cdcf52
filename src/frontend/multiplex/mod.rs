//! Sessions that share backend connections: a command borrows one, and what it leaves behind decides for how long.
//!
//! One command goes through these steps, each in a file of its own: `answer` (does it need a server at all?), `obtain`
//! (a connection in the session's state), `run` (the command and its response, as in any session), `observe` (what the
//! response says of the session), `pinning` (what its text says), `release`. Prepared statements (`prepared`), resets (`reset`) and the
//! login (`begin`) have steps of their own.
//!
//! Invariants: a connection that is lent is in the session's state before any byte of the client's command is sent on it, and
//! is given back only in a state that is known, with nothing on it that belongs to the session.
//!
//! Cancellation: dropping the session drops its lease, which kills, resets or closes.

pub mod answer;
pub mod begin;
mod kill;
mod observe;
mod obtain;
mod pinning;
mod prepared;
mod release;
mod reset;
mod run;
mod touch;

use std::sync::Arc;
use std::time::Instant;

use crate::backend::Backend;
use crate::backend::connector::{Login, Terms};
use crate::backend::proxy_header::Origin;
use crate::backend::shared::{Tracking, Use};
use crate::frontend::client::Incoming;
use crate::frontend::error::{ErrorOrigin, SessionEnd};
use crate::frontend::rewrite;
use crate::frontend::session::Session;
use crate::pool::key::Key;
use crate::pool::shelf::Shelf;
use crate::protocol::command::{Command, Shape};
use crate::protocol::reply::ServerError;
use crate::protocol::session_track::{ClientTracking, PendingChanges};
use crate::protocol::status::StatusFlags;
use crate::session::statements::Statements;
use crate::session::{Baseline, PinReason, Pins, Residue, SessionState};
use crate::sql::SqlMode;
use crate::sql::classify::{Statement, classify, classify_prefix};
use crate::sql::multibyte::Multibyte;
use crate::telemetry::Held;

pub use answer::SessionAnswer;
use run::Task;

/// What a session has that shares connections.
pub struct Multiplex {
    /// Where its connections come from.
    pub(super) source: Source,
    /// Its state; that of its connection too while it has one.
    pub(super) state: SessionState,
    /// The state it had after its login; a reset leads back to it.
    initial: SessionState,
    /// What its state differs from.
    baseline: Arc<Baseline>,
    /// Its own wish for reports.
    wish: Arc<[Vec<u8>; 4]>,
    /// The same, as far as a client with CLIENT_SESSION_TRACK is told.
    told: Arc<ClientTracking>,
    /// How the server reads its texts.
    mode: SqlMode,
    /// What it has still to be told.
    pending: PendingChanges,
    /// Why it keeps its connection.
    pub(super) pins: Pins,
    residue: Residue,
    diagnostics: Diagnostics,
    statements: Statements,
    /// The connection that it used last.
    last: Option<Use>,
    /// Its status flags.
    status: StatusFlags,
    /// The backend has gone, and an open transaction with it.
    transaction_lost: bool,
    /// The last statement may have asked the server to end the session (`COMMIT RELEASE`), which it does after its answer.
    may_end: bool,
    /// What is counted as pinning it.
    counted: Vec<(PinReason, Held)>,
}

/// Where a session's connections come from.
pub struct Source {
    pub(super) backend: Arc<Backend>,
    shelf: Arc<Shelf>,
    login: Arc<Login>,
    terms: Terms,
    origin: Option<Origin>,
    generation: u64,
    key: Key,
}

/// What the diagnostics area of a session holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Diagnostics {
    /// Nothing.
    #[default]
    Clean,
    /// This error and nothing else; it can be made again anywhere.
    Error(ServerError),
    /// Something that only the session's connection has.
    Here,
}

/// Why a command did not come to its end.
enum Halt {
    /// The session ends.
    End(SessionEnd),
    /// The client is told so instead, and nothing of its command has been taken yet.
    Refuse(ServerError),
    /// The client is told so instead; its command has been taken.
    Reply(ServerError),
}

impl Halt {
    /// The same for a command that has been taken already.
    fn after_taking(self) -> Self {
        match self {
            Self::Refuse(error) => Self::Reply(error),
            other => other,
        }
    }
}

impl From<SessionEnd> for Halt {
    fn from(end: SessionEnd) -> Self {
        Self::End(end)
    }
}

impl Multiplex {
    /// How the server reads the texts of a session in this state.
    fn mode_now(&self) -> SqlMode {
        let has = |mode: &[u8]| {
            let modes = self.state.variables.value("sql_mode", &self.baseline).unwrap_or_default();
            modes.split(|byte| *byte == b',').any(|word| word == mode)
        };
        let charset = self.state.variables.value("character_set_client", &self.baseline);
        SqlMode {
            ansi_quotes: has(b"ANSI_QUOTES"),
            no_backslash_escapes: has(b"NO_BACKSLASH_ESCAPES"),
            multibyte: charset.map_or(Multibyte::None, Multibyte::of),
            ..SqlMode::default()
        }
    }

    fn tracking(&self) -> Tracking {
        Tracking::Clients(Arc::clone(&self.wish))
    }

    /// Its status flags while it has no connection.
    pub(super) fn status(&self) -> StatusFlags {
        self.status
    }
}

impl Session {
    /// Serves one command of a session that shares connections.
    pub(super) async fn multiplex(&mut self, incoming: Incoming) -> Result<(), SessionEnd> {
        let started = Instant::now();
        self.waits_for_answer = incoming.command.shape() != Shape::Nothing;
        self.asked = incoming.header.sequence;
        // The parts of a session of this kind are taken out for as long as the command runs.
        let Some(mut own) = self.multiplex.take() else { return Err(SessionEnd::BackendClosed) };
        let done = self.dispatch(&mut own, incoming).await;
        self.multiplex = Some(own);
        match done {
            Ok(()) => self.frontend.metrics.statement_seconds.record(started.elapsed()),
            Err(Halt::End(end)) => return Err(end),
            Err(Halt::Refuse(error)) => {
                self.discard(incoming.header).await?;
                self.reply_error(&error, ErrorOrigin::Proxy).await?;
            }
            Err(Halt::Reply(error)) => self.reply_error(&error, ErrorOrigin::Proxy).await?,
        }
        self.waits_for_answer = false;
        Ok(())
    }

    async fn dispatch(&mut self, own: &mut Multiplex, incoming: Incoming) -> Result<(), Halt> {
        match incoming.command {
            Command::Query => self.run_text(own, incoming).await,
            Command::StmtPrepare => self.prepare(own, incoming).await,
            Command::StmtExecute | Command::StmtBulkExecute => self.execute_prepared(own, incoming).await,
            Command::StmtFetch | Command::StmtReset => self.ask_prepared(own, incoming).await,
            Command::StmtSendLongData => self.send_long_data(own, incoming).await,
            Command::StmtClose => self.close_prepared(own, incoming).await,
            Command::ResetConnection => self.reset_session(own, incoming).await,
            Command::Ping if self.lease.is_none() => self.answer_ping(own, incoming).await,
            _ => self.run_command(own, incoming).await,
        }
    }

    /// COM_QUERY.
    async fn run_text(&mut self, own: &mut Multiplex, incoming: Incoming) -> Result<(), Halt> {
        let statement = self.classified(own, incoming);
        if self.lease.is_none() && self.answer_text(own, incoming, &statement).await? {
            return Ok(());
        }
        if statement.kill.is_some() {
            let text = self.client.head(&incoming).get(1..).unwrap_or_default().to_vec();
            if self.run_kill(own, incoming, &statement, &text).await? {
                return Ok(());
            }
        }
        let mut task = Task::new(incoming, &statement);
        if self.client.head(&incoming).len() == incoming.header.len {
            task.instead = self.rewritten(own, incoming, &statement);
            if task.instead.is_none() && task.is_to_be_kept() {
                task.kept = Some(self.client.head(&incoming).to_vec());
            }
        }
        self.run(own, &task).await.map(drop)
    }

    /// Any other command that goes to a server as it came.
    async fn run_command(&mut self, own: &mut Multiplex, incoming: Incoming) -> Result<(), Halt> {
        let statement = Statement::default();
        let mut task = Task::new(incoming, &statement);
        match incoming.command {
            Command::ProcessKill => {
                let payload = rewrite::process_kill(self.client.head(&incoming), self.clients_of(own));
                task.instead = payload.map(|payload| payload.to_vec());
            }
            Command::SetOption => own.pins.set(PinReason::Option),
            Command::RegisterReplica | Command::BinlogDump => own.pins.set(PinReason::Routine),
            _ => {}
        }
        self.run(own, &task).await.map(drop)
    }

    /// What the text of a command asks for.
    fn classified(&self, own: &Multiplex, incoming: Incoming) -> Statement {
        let head = self.client.head(&incoming);
        let text = head.get(1..).unwrap_or_default();
        let whole = head.len() == incoming.header.len;
        if whole { classify(text, own.mode) } else { classify_prefix(text, own.mode) }
    }

    /// The command with other ids in it; `None`: as it came.
    fn rewritten(&self, own: &Multiplex, incoming: Incoming, statement: &Statement) -> Option<Vec<u8>> {
        let head = self.client.head(&incoming);
        let (command, text) = head.split_first()?;
        let changed = rewrite::statement(text, statement, own.mode, self.id(), self.clients_of(own))?;
        Some([std::slice::from_ref(command), &changed].concat())
    }

    /// The clients that share this one's backend.
    fn clients_of<'a>(&'a self, own: &'a Multiplex) -> rewrite::Clients<'a> {
        rewrite::Clients { registry: &self.frontend.registry, backend: own.source.name() }
    }

    /// Answers a command with an error, where it has an answer.
    pub(super) async fn reply_error(
        &mut self,
        error: &ServerError,
        origin: ErrorOrigin,
    ) -> Result<(), SessionEnd> {
        if !self.waits_for_answer {
            return Ok(());
        }
        self.frontend.metrics.error_replies.increment(origin);
        let payload = error.encode(self.client.facts().capabilities);
        let sequence = self.asked.next();
        self.client.send_packet(sequence, &payload).await
    }
}
