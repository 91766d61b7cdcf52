//! Sessions that share backend connections: a command borrows one, and what it leaves behind decides for how long.
//!
//! One command (`dispatch`) goes through these steps, each in a file of its own: `answer` (does it need a server at all?),
//! `obtain` (a connection in the session's state) and `restore` (with what the last statements left behind), `run` (the
//! command and its response, as in any session; `task` is the command on its way), `observe` (what the response says of the
//! session; `touch` is what statements replace in silence), `pinning` (what its text says), `release`; `loss` where the
//! connection breaks. Prepared statements (`prepared`), KILL (`kill`), resets (`reset`) and the login (`begin`, `source`) have
//! steps of their own. `halt` is every way in which a command does not come to its end.
//!
//! Invariants: a connection that is lent is in the session's state before any byte of the client's command is sent on it, and
//! is given back only in a state that is known, with nothing on it that belongs to the session.
//!
//! Cancellation: dropping the session drops its lease, which kills, resets or closes.

pub mod answer;
pub mod begin;
mod dispatch;
mod halt;
mod kill;
mod loss;
mod observe;
mod obtain;
mod pinning;
mod prepared;
mod release;
mod reset;
mod restore;
mod run;
mod source;
mod task;
mod touch;

use std::sync::Arc;

use crate::backend::shared::{Tracking, Use};
use crate::frontend::client::Incoming;
use crate::frontend::error::{ErrorOrigin, SessionEnd};
use crate::frontend::session::Session;
use crate::protocol::command::Shape;
use crate::protocol::reply::ServerError;
use crate::protocol::session_track::{ClientTracking, PendingChanges};
use crate::protocol::status::StatusFlags;
use crate::session::statements::Statements;
use crate::session::{Baseline, PinReason, Pins, Residue, SessionState};
use crate::sql::SqlMode;
use crate::sql::multibyte::Multibyte;
use crate::telemetry::Held;

pub use answer::SessionAnswer;
use halt::Halt;
pub use source::Source;

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
        self.waits_for_answer = incoming.command.shape() != Shape::Nothing;
        self.asked = incoming.header.sequence;
        // The parts of a session of this kind are taken out for as long as the command runs.
        let Some(mut own) = self.multiplex.take() else { return Err(SessionEnd::BackendClosed) };
        let done = self.dispatch(&mut own, incoming).await;
        self.multiplex = Some(own);
        match done {
            Ok(()) => {}
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
