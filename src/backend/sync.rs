//! Bringing a shared connection to a session's state: the smallest set of commands, sent in one write.
//!
//! [`plan`] is pure; [`Connection::bring_to`] carries it out. A connection that refused part of it is in a state that nobody
//! knows and is to be closed; the refusal is the answer to the statement that the session wanted to run.

mod assignments;
mod literal;

use std::time::Duration;

use crate::backend::connection::{Connection, ControlError};
use crate::backend::control::{Answer, query};
use crate::backend::shared::{SETTLE, Shared, Tracking, Valid};
use crate::backend::sync::assignments::{set_statement, zone_first};
use crate::backend::sync::literal::literal;
use crate::protocol::command::Command;
use crate::protocol::reply::ServerError;
use crate::session::baseline::Form;
use crate::session::state::SessionState;

pub use assignments::COUPLED;
pub use literal::hexadecimal;

/// The session's own characteristics of transactions: to set them replaces those of the next transaction (10.11).
const SESSION_CHARACTERISTICS: [&str; 4] =
    ["transaction_isolation", "transaction_read_only", "tx_isolation", "tx_read_only"];

/// Time for a connection that is closed to tell what it owes.
const LAST_PAYMENT: Duration = Duration::from_secs(1);

/// What a connection is to be like.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// The session's state, as differences from the connection's baseline.
    pub state: &'a SessionState,
    /// Whose reports it is to send.
    pub tracking: &'a Tracking,
    /// LAST_INSERT_ID(), where the next statement asks for it.
    pub insert_id: Option<u64>,
    /// What leaves ROW_COUNT() and FOUND_ROWS() behind, where the next statement asks for them.
    pub counts: &'a [String],
    /// The error in the diagnostics area, where the next statement asks for it.
    pub error: Option<&'a ServerError>,
}

/// What there is to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    commands: Vec<Vec<u8>>,
    settles: bool,
    /// The last command makes an error.
    signals: bool,
}

/// Why a connection is not in the state it should be in.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The server refused it: a schema that is gone, a privilege that was lost.
    #[error("the backend refuses the session's state: {0}")]
    Refused(ServerError),
    /// It took too long.
    #[error("the backend did not answer in time")]
    TimedOut,
    /// The connection broke.
    #[error("the connection broke while it was brought to the session's state")]
    Broken(#[source] ControlError),
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// How many commands there are.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// How many bytes they take, headers not counted.
    pub fn bytes(&self) -> usize {
        self.commands.iter().map(Vec::len).sum()
    }

    /// Whether FOUND_ROWS() is afterwards what it was before: nothing that counts rows is among the commands.
    pub fn keeps_found_rows(&self) -> bool {
        let counts = |command: &Vec<u8>| command.windows(6).any(|word| word == b"SELECT");
        !self.commands.iter().any(counts)
    }

    fn push(&mut self, statement: &str) {
        self.commands.push(query(statement));
    }
}

/// Whether a connection in this state can be brought to that one at all: there is no way back from a schema to none.
pub fn is_reachable(from: &SessionState, to: &SessionState) -> bool {
    from.schema.is_none() || to.schema.is_some()
}

/// What has to be done with a connection so that it is as `target` says.
pub fn plan(shared: &Shared, target: &Target<'_>) -> Plan {
    let mut plan = Plan::default();
    if shared.owes_others() {
        plan.settles = true;
        plan.push(SETTLE);
    }
    if let Some(schema) = target.state.schema.as_ref().filter(|_| needs_schema(&shared.state, target.state)) {
        plan.commands.push([&[Command::InitDb.byte()], &**schema].concat());
    }
    if let Some(set) = zone_first(shared, target) {
        plan.push(&set);
    }
    if let Some(set) = set_statement(shared, target) {
        plan.push(&set);
    }
    if shared.state.role != target.state.role {
        plan.push(&set_role(target.state.role.as_deref()));
    }
    if shared.state.one_shot != target.state.one_shot || loses_one_shot(shared, target) {
        if shared.state.one_shot.is_some() {
            // Plainly, whatever completion_type says.
            plan.push("COMMIT AND NO CHAIN NO RELEASE");
        }
        let statements = target.state.one_shot_statements();
        plan.commands.extend(statements.map(|statement| [&[Command::Query.byte()], statement].concat()));
    }
    target.counts.iter().for_each(|statement| plan.push(statement));
    if let Some(error) = target.error {
        plan.signals = true;
        plan.commands.push(signal(error));
    }
    plan
}

/// Whether what is set takes a pending characteristic of the next transaction with it, although it is to stay.
fn loses_one_shot(shared: &Shared, target: &Target<'_>) -> bool {
    let (from, to) = (&shared.state.variables, &target.state.variables);
    let is_set = |(name, _): (&str, _)| SESSION_CHARACTERISTICS.contains(&name);
    shared.state.one_shot.is_some() && from.changes(to, &shared.baseline).any(is_set)
}

/// Whether the schema is to be chosen: also again, where its character set had been replaced and is to be its own.
fn needs_schema(from: &SessionState, to: &SessionState) -> bool {
    let replaced = |state: &SessionState| state.variables.changed("collation_database").is_some();
    from.schema != to.schema || (replaced(from) && !replaced(to))
}

/// The command that makes the server say `error`, and remember it: one that the proxy says itself leaves no trace in the
/// diagnostics area.
pub fn signal(error: &ServerError) -> Vec<u8> {
    let state = String::from_utf8_lossy(&error.state);
    let text = literal(error.message.as_bytes(), Form::Text);
    query(&format!("SIGNAL SQLSTATE '{state}' SET MYSQL_ERRNO={}, MESSAGE_TEXT={text}", error.code))
}

fn set_role(role: Option<&[u8]>) -> String {
    match role {
        None => "SET ROLE NONE".to_owned(),
        Some(role) => format!("SET ROLE `{}`", String::from_utf8_lossy(role).replace('`', "``")),
    }
}

impl Connection {
    /// Brings a shared connection to a session's state. Returns what it took.
    ///
    /// # Errors
    /// [`SyncError`]; the connection is to be closed then.
    pub async fn bring_to(&mut self, target: &Target<'_>) -> Result<Plan, SyncError> {
        let Some(shared) = self.shared() else { return Ok(Plan::default()) };
        let plan = plan(shared, target);
        if !plan.is_empty() {
            self.carry_out(&plan).await?;
        }
        if let Some(shared) = self.shared() {
            shared.reached(target, &plan);
        }
        Ok(plan)
    }

    async fn carry_out(&mut self, plan: &Plan) -> Result<(), SyncError> {
        let answers = self.exchange(&plan.commands).await.map_err(SyncError::Broken)?;
        if plan.settles
            && let (Some(answer), Some(shared)) = (answers.first(), self.shared())
        {
            shared.settle_with(answer);
        }
        let expected = answers.len() - usize::from(plan.signals);
        match answers.into_iter().take(expected).find_map(|answer| answer.refusal) {
            Some(refusal) => Err(SyncError::Refused(refusal)),
            None => Ok(()),
        }
    }

    /// Runs a command that reads what a connection owes, and pays it.
    ///
    /// # Errors
    /// [`ControlError`]; the connection cannot be used then.
    pub async fn settle(&mut self) -> Result<(), ControlError> {
        if self.shared().is_some_and(|shared| shared.owes()) {
            let answers = self.exchange(&[query(SETTLE)]).await?;
            if let (Some(answer), Some(shared)) = (answers.first(), self.shared()) {
                shared.settle_with(answer);
                shared.valid.row_count = false;
                shared.valid.found_rows = false;
            }
        }
        Ok(())
    }

    /// Tells sessions what it owes them, for at most a second, says goodbye and closes.
    pub async fn settle_and_quit(mut self) {
        let _ = tokio::time::timeout(LAST_PAYMENT, self.settle()).await;
        self.quit().await;
    }
}

impl Shared {
    /// The answer to [`SETTLE`].
    pub fn settle_with(&mut self, answer: &Answer) {
        let number = |at: usize| {
            let value = answer.rows.first()?.get(at)?.as_deref()?;
            std::str::from_utf8(value).ok()?.parse::<u64>().ok()
        };
        if let (Some(insert_id), Some(found_rows)) = (number(0), number(1)) {
            self.pay(insert_id, found_rows);
        }
    }

    fn reached(&mut self, target: &Target<'_>, plan: &Plan) {
        self.state.clone_from(target.state);
        self.tracking.clone_from(target.tracking);
        if !plan.is_empty() {
            let found_rows = self.valid.found_rows && plan.keeps_found_rows();
            let Valid { insert_id, diagnostics, .. } = self.valid;
            self.valid = Valid { row_count: false, found_rows, insert_id, diagnostics };
        }
        let restored = !target.counts.is_empty();
        self.valid.row_count |= restored;
        self.valid.found_rows |= restored;
        self.valid.insert_id |= target.insert_id.is_some();
        self.valid.diagnostics |= target.error.is_some();
    }
}

#[cfg(test)]
mod tests;
