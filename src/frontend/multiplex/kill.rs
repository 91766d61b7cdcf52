//! KILL of a client of the proxy, which may have a connection at the moment or none.

use crate::backend::control::{Answer, query};
use crate::backend::sync::signal;
use crate::frontend::client::Incoming;
use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::obtain::Needs;
use crate::frontend::multiplex::task::Task;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::registry::{AtRest, ClientId, Victim};
use crate::frontend::rewrite;
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::protocol::command::Command;
use crate::protocol::reply::ServerError;
use crate::sql::classify::Statement;

/// `ER_NO_SUCH_THREAD`: the connection has gone meanwhile.
const NO_SUCH_THREAD: u16 = 1094;

/// Attempts to reach a client that is given one connection after the other.
const ATTEMPTS: usize = 5;

/// Tells whether the account may kill those of others.
const MAY_KILL: &str = "SELECT 1 FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE IN ('SUPER','CONNECTION ADMIN') \
     AND GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''') LIMIT 1";

/// What a server answers as it answers a KILL that succeeded.
const NOTHING: &[u8] = b"\x03DO 0";

impl Session {
    /// Runs a KILL whose id is a client's: `text` is the statement. Tells whether it was one.
    pub(super) async fn run_kill(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
        statement: &Statement,
        text: &[u8],
    ) -> Result<bool, Halt> {
        let Some(kill) = &statement.kill else { return Ok(false) };
        let Some(victim) = ClientId::from_number(kill.id) else { return Ok(false) };
        // The session's own id means something only while it has a connection.
        self.obtain(own, Needs::default()).await?;
        let mut task = Task::new(incoming, statement);
        task.instead = if victim == self.id() {
            self.translated(own, statement, text)
        } else {
            self.killed(own, statement, victim, text).await?
        };
        if task.instead.is_none() {
            return Ok(false);
        }
        self.run(own, &task).await?;
        Ok(true)
    }

    /// Kills another client. What is to be sent instead gives the answer; `None`: there is no such client.
    async fn killed(
        &mut self,
        own: &mut Multiplex,
        statement: &Statement,
        victim: ClientId,
        text: &[u8],
    ) -> Result<Option<Vec<u8>>, Halt> {
        for _ in 0..ATTEMPTS {
            if let Some(kill) = self.translated(own, statement, text) {
                match self.refusal(own, kill).await? {
                    None => return Ok(Some(NOTHING.to_vec())),
                    Some(error) if error.code == NO_SUCH_THREAD => continue,
                    Some(error) => return Ok(Some(signal(&error))),
                }
            }
            let what = victim_of(statement, text);
            let account = own.source.shelf().slot().account.clone();
            match self.frontend.registry.kill_at_rest(victim, Some(&account), what) {
                AtRest::Done => return Ok(Some(NOTHING.to_vec())),
                AtRest::NoSuchClient => return Ok(None),
                AtRest::Busy => {}
                AtRest::NotOwner => {
                    let may = self.answer_to(own, query(MAY_KILL)).await?;
                    if may.rows.is_empty() {
                        return Ok(Some(signal(&ServerError::not_owner(victim.number()))));
                    }
                    self.frontend.registry.kill_at_rest(victim, None, what);
                    return Ok(Some(NOTHING.to_vec()));
                }
            }
        }
        Ok(Some(NOTHING.to_vec()))
    }

    /// The KILL with the id of the connection that the client has at the moment.
    fn translated(&self, own: &Multiplex, statement: &Statement, text: &[u8]) -> Option<Vec<u8>> {
        let clients = rewrite::Clients { registry: &self.frontend.registry, backend: own.source.name() };
        let text = rewrite::statement(text, statement, own.mode, self.id(), clients)?;
        Some([&[Command::Query.byte()], text.as_slice()].concat())
    }

    /// Whether the server refuses a command of the proxy's own.
    async fn refusal(&mut self, own: &mut Multiplex, command: Vec<u8>) -> Result<Option<ServerError>, Halt> {
        Ok(self.answer_to(own, command).await?.refusal)
    }

    async fn answer_to(&mut self, own: &mut Multiplex, command: Vec<u8>) -> Result<Answer, Halt> {
        let limit = own.source.backend.connect_timeout();
        let connection = self.connection()?;
        let _ = connection.settle().await;
        match tokio::time::timeout(limit, connection.exchange(&[command])).await {
            Ok(Ok(mut answers)) => {
                if let Some(shared) = connection.shared() {
                    shared.valid.row_count = false;
                    shared.valid.found_rows = false;
                    shared.valid.diagnostics = false;
                }
                Ok(answers.pop().unwrap_or_default())
            }
            _ => {
                self.give_up(CloseReason::Broken);
                Err(SessionEnd::BackendLost(None).into())
            }
        }
    }
}

fn victim_of(statement: &Statement, text: &[u8]) -> Victim {
    let end = statement.kill.as_ref().map_or(0, |kill| kill.id_range.start);
    let words = text.get(..end).unwrap_or_default().to_ascii_uppercase();
    let query = words.windows(5).any(|word| word == b"QUERY");
    if query { Victim::Statement } else { Victim::Client }
}
