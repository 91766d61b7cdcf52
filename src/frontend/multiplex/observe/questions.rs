//! What is asked of the server after a statement, because its answer does not say it.

use std::sync::Arc;

use crate::backend::control::{Answer, query};
use crate::backend::shared::SETTLE;
use crate::backend::sync::{COUPLED, hexadecimal};
use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::task::Task;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::session::PinReason;
use crate::session::baseline::{OF_SCHEMA, TRACKING, UNSHOWN};
use crate::sql::kind::Kind;

/// What is to be asked of the server after a statement, because its answer does not say it.
#[derive(Default)]
pub(super) struct Questions {
    pub(super) variables: Vec<String>,
    pub(super) timestamp: bool,
    pub(super) role: bool,
    pub(super) locks: bool,
    pub(super) diagnostics: bool,
    pub(super) tracking: bool,
}

impl Questions {
    pub(super) fn is_empty(&self) -> bool {
        let Self { variables, timestamp, role, locks, diagnostics, tracking } = self;
        variables.is_empty() && !(*timestamp || *role || *locks || *diagnostics || *tracking)
    }
}

impl Session {
    /// Asks the server for what an answer did not say.
    pub(super) async fn ask(
        &mut self,
        own: &mut Multiplex,
        task: &Task<'_>,
        questions: &Questions,
    ) -> Result<(), Halt> {
        let names = own.names_to_ask(task, questions);
        let locks: Vec<Vec<u8>> =
            own.pins.locks.all().map(|names| names.map(<[u8]>::to_vec).collect()).unwrap_or_default();
        let mut commands = Vec::new();
        if questions.diagnostics {
            // This leaves FOUND_ROWS() and the area itself as they are.
            commands.push(query("SHOW WARNINGS"));
        }
        if !names.is_empty() {
            let list: Vec<String> = names.iter().map(|name| format!("@@session.`{name}`")).collect();
            commands.push(query(&format!("SELECT {}", list.join(","))));
        }
        if questions.role {
            commands.push(query("SELECT CURRENT_ROLE()"));
        }
        if questions.locks {
            let held = |name: &Vec<u8>| format!("IS_USED_LOCK({}) <=> CONNECTION_ID()", hexadecimal(name));
            commands.push(query(&format!("SELECT {}", locks.iter().map(held).collect::<Vec<_>>().join(","))));
        }
        if questions.timestamp {
            commands.extend([query("SELECT @@timestamp"), query("SELECT @@timestamp")]);
        }
        let mut answers = self.question(own, commands).await?.into_iter();
        if questions.diagnostics {
            let answer = answers.next();
            own.observe_conditions(answer.as_ref().map(|answer| answer.rows.as_slice()));
        }
        let mut row = || answers.next().and_then(|mut answer| answer.rows.pop());
        if !names.is_empty() {
            own.observe_values(&names, row());
        }
        if questions.role {
            own.state.role = row().and_then(|mut row| row.pop()?).map(Arc::from);
        }
        if questions.locks {
            own.observe_locks(&locks, row());
        }
        if questions.timestamp {
            own.observe_timestamps(row(), row());
        }
        Ok(())
    }

    /// Sends queries of the proxy's own on the session's connection; what the connection owes is paid first.
    pub(super) async fn question(
        &mut self,
        own: &mut Multiplex,
        mut commands: Vec<Vec<u8>>,
    ) -> Result<Vec<Answer>, Halt> {
        let limit = own.source.backend.connect_timeout();
        let connection = self.connection()?;
        let counts = commands.iter().any(|command| !command.ends_with(b"SHOW WARNINGS"));
        let owes = counts && connection.shared().is_some_and(|shared| shared.owes());
        if owes {
            commands.insert(0, query(SETTLE));
        }
        let asked = tokio::time::timeout(limit, connection.exchange(&commands)).await;
        let Ok(Ok(mut answers)) = asked else {
            self.give_up(CloseReason::Broken);
            // The client has its answer. What the statement made of the session nobody can say any more.
            return Err(SessionEnd::BackendClosed.into());
        };
        if let Some(shared) = connection.shared() {
            if owes {
                shared.settle_with(&answers.remove(0));
            }
            shared.valid.row_count = false;
            shared.valid.found_rows &= !counts;
        }
        if answers.iter().any(|answer| answer.refusal.is_some()) {
            own.pins.set(PinReason::UnknownState);
        }
        Ok(answers)
    }
}

impl Multiplex {
    /// Variables that a SET has changed without a report.
    pub(super) fn ask_for_assigned(&self, task: &Task<'_>, questions: &mut Questions) {
        match task.statement.subject.names() {
            Some(names) if task.statement.kind == Kind::Set => {
                questions.variables.extend(names.iter().cloned());
                questions.timestamp |= names.iter().any(|name| name == "timestamp");
            }
            _ => {
                questions.variables.extend(self.baseline.settings().map(|(name, _)| name.to_owned()));
                questions.timestamp = true;
            }
        }
    }

    fn names_to_ask(&self, task: &Task<'_>, questions: &Questions) -> Vec<String> {
        let mut names = questions.variables.clone();
        if questions.tracking {
            names.extend(TRACKING.iter().map(|name| (*name).to_owned()));
            let assigned = task.statement.subject.names().unwrap_or_default();
            names.extend(assigned.iter().filter(|name| self.baseline.value(name).is_some()).cloned());
            if assigned.iter().any(|name| name == "names" || name == "character set") {
                names.extend(COUPLED.iter().flat_map(|group| group.iter()).map(|name| (*name).to_owned()));
            }
        }
        names.sort_unstable();
        names.dedup();
        let apart = |name: &str| TRACKING.contains(&name) || OF_SCHEMA.contains(&name);
        names.retain(|name| apart(name) || self.baseline.value(name).is_some());
        names.retain(|name| UNSHOWN.iter().all(|(unshown, _)| unshown != name));
        names
    }
}
