//! Which steps a command goes through.

use crate::frontend::client::Incoming;
use crate::frontend::multiplex::task::Task;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::rewrite;
use crate::frontend::session::Session;
use crate::protocol::command::Command;
use crate::session::PinReason;
use crate::sql::classify::{Statement, classify, classify_prefix};

impl Session {
    /// Serves one command, or says why not.
    pub(super) async fn dispatch(&mut self, own: &mut Multiplex, incoming: Incoming) -> Result<(), Halt> {
        match incoming.command {
            Command::Query => self.run_text(own, incoming).await,
            Command::StmtPrepare => Box::pin(self.prepare(own, incoming)).await,
            Command::StmtExecute | Command::StmtBulkExecute => self.execute_prepared(own, incoming).await,
            Command::StmtFetch | Command::StmtReset => Box::pin(self.ask_prepared(own, incoming)).await,
            Command::StmtSendLongData => Box::pin(self.send_long_data(own, incoming)).await,
            Command::StmtClose => self.close_prepared(own, incoming).await,
            Command::ResetConnection => Box::pin(self.reset_session(own, incoming)).await,
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
            if Box::pin(self.run_kill(own, incoming, &statement, &text)).await? {
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
    pub(super) fn classified(&self, own: &Multiplex, incoming: Incoming) -> Statement {
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
    pub(super) fn clients_of<'a>(&'a self, own: &'a Multiplex) -> rewrite::Clients<'a> {
        rewrite::Clients { registry: &self.frontend.registry, backend: own.source.name() }
    }
}
