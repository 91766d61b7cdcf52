//! The loop of a session: a command in, its response out, until one side has had enough.

use std::time::Instant;

use tracing::Level;

use crate::frontend::activity::Doing;
use crate::frontend::client::Incoming;
use crate::frontend::error::SessionEnd;
use crate::frontend::session::Session;
use crate::protocol::command::{Command, Shape};
use crate::telemetry;

/// Serves a client until it leaves or cannot be served any longer.
pub async fn serve(mut session: Box<Session>) {
    let end = loop {
        let done = match session.next_command().await {
            // Most sessions wait most of the time; what a command needs is there while one runs.
            Ok(incoming) => Box::pin(session.execute(incoming)).await,
            Err(end) => Err(end),
        };
        if let Err(end) = done {
            break end;
        }
    };
    log(&session, &end);
    let sequence = session.sequence_for_error();
    Box::pin(session.end(&end, sequence)).await;
}

impl Session {
    async fn execute(&mut self, incoming: Incoming) -> Result<(), SessionEnd> {
        let began = Instant::now();
        self.frontend.metrics.commands.increment(incoming.command);
        self.begins(incoming, began);
        let done = self.dispatch_command(incoming).await;
        let ended = Instant::now();
        self.registered.activity().turn(Doing::Nothing, ended);
        if done.is_ok() && incoming.command.shape() != Shape::Nothing {
            self.frontend.metrics.statement_seconds.record(ended.duration_since(began));
        }
        done
    }

    async fn dispatch_command(&mut self, incoming: Incoming) -> Result<(), SessionEnd> {
        match incoming.command {
            Command::Quit => Err(SessionEnd::Quit),
            Command::ChangeUser => Box::pin(self.change_user(incoming)).await,
            _ if self.multiplex.is_some() => self.multiplex(incoming).await,
            Command::BinlogDump => Box::pin(self.stream_binlog(incoming)).await,
            _ => self.relay(incoming).await,
        }
    }
}

impl Session {
    /// Lets those who look on see what begins.
    fn begins(&self, incoming: Incoming, now: Instant) {
        let text = match incoming.command {
            Command::Query | Command::StmtPrepare => self.client.head(&incoming).get(1..),
            _ => None,
        };
        self.registered.activity().begin(text.unwrap_or_default(), now);
    }
}

fn log(session: &Session, end: &SessionEnd) {
    let (client, error) = (session.id(), telemetry::chain(end));
    let account = String::from_utf8_lossy(&session.user);
    match end.level() {
        Level::ERROR => tracing::error!(%client, ?account, error, "session ended"),
        Level::WARN => tracing::warn!(%client, ?account, error, "session ended"),
        Level::INFO => tracing::info!(%client, ?account, error, "session ended"),
        _ => tracing::debug!(%client, ?account, error, "session ended"),
    }
}
