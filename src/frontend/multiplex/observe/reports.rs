//! What a server reports of the session's state with its answers, and what it reports late.
//!
//! A variable that SET STATEMENT sets back, and whatever a statement changed before it failed, is reported with the next OK
//! packet that has a change of its own (10.11). The proxy makes the server report it at once: it is the session's, and the
//! next session on the connection is not to hear of it.

use std::sync::Arc;

use super::Questions;
use crate::backend::control::{Answer, query};
use crate::backend::shared::Tracking;
use crate::backend::sync::COUPLED;
use crate::frontend::multiplex::task::Task;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::session::Session;
use crate::protocol::command::Command;
use crate::protocol::dialect::StateChanges;
use crate::protocol::observed::Observed;
use crate::protocol::response::Last;
use crate::protocol::session_track::{Report, reports};
use crate::session::PinReason;
use crate::session::baseline::{OF_SCHEMA, TRACKING, UNSHOWN, is_apart};
use crate::session::residue::Held;
use crate::sql::effects::Effects;
use crate::sql::kind::Kind;

/// Variables that cannot be carried from one connection to another: they change by themselves, setting them warns, or their
/// effect hangs on what the connection did before (`sql_auto_is_null` finds the last row once).
const UNSTEADY: [&str; 16] = [
    "big_tables",
    "gtid_seq_no",
    "insert_id",
    "max_tmp_tables",
    "old",
    "old_alter_table",
    "profiling",
    "pseudo_slave_mode",
    "pseudo_thread_id",
    "rand_seed1",
    "rand_seed2",
    "sql_auto_is_null",
    "storage_engine",
    "wsrep_causal_reads",
    "wsrep_on",
    "wsrep_sync_wait",
];

/// Variables that only a session with the privilege for it can set.
const PRIVILEGED: [&str; 11] = [
    "binlog_annotate_row_events",
    "binlog_direct_non_transactional_updates",
    "binlog_format",
    "binlog_row_image",
    "gtid_domain_id",
    "log_disabled_statements",
    "server_id",
    "skip_replication",
    "sql_log_bin",
    "sql_log_off",
    "wsrep_on",
];

/// A change that is none, for the server to report it and all that it has to report still.
const MAKE_REPORT: &str = "SET SESSION net_retry_count=@@session.net_retry_count";

/// The variable of [`MAKE_REPORT`].
const MADE_TO_REPORT: &[u8] = b"net_retry_count";

impl Session {
    /// Hears what the server would report late, and keeps it for the client, who is to hear it as late as directly.
    pub(super) async fn hear_late_reports(
        &mut self,
        own: &mut Multiplex,
        questions: &mut Questions,
    ) -> Result<(), Halt> {
        let connection = self.connection()?;
        if connection.shared().is_none_or(|shared| shared.tracking != Tracking::Everything) {
            return Ok(());
        }
        let answers = self.question(own, vec![query(MAKE_REPORT)]).await?;
        let late = answers.first().map(without_our_own).unwrap_or_default();
        own.hear(&late, Certainty::Certain, questions);
        if self.dialect().state == StateChanges::Reported {
            let mut told = Vec::new();
            own.told.filter(&late, &mut told);
            let _ = own.pending.add(&told);
        }
        Ok(())
    }
}

/// Whether the value that a report gives a variable is the one that it has after the statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    Certain,
    Doubtful,
}

/// What was heard.
#[derive(Clone, Copy, Default)]
struct Heard {
    /// Something has changed.
    change: bool,
    /// What it was.
    explained: bool,
}

impl Multiplex {
    pub(super) fn observe_reports(
        &mut self,
        task: &Task<'_>,
        observed: &Observed,
        questions: &mut Questions,
    ) {
        let certain = task.statement.kind == Kind::Set && task.incoming.command != Command::StmtBulkExecute;
        let certainty = if certain { Certainty::Certain } else { Certainty::Doubtful };
        let heard = self.hear(&observed.state_changes, certainty, questions);
        let known = Effects::USER_VARIABLE
            | Effects::PREPARES
            | Effects::DEALLOCATES
            | Effects::CREATES_TEMPORARY
            | Effects::DROPS_TABLE
            | Effects::SETS_ROLE
            | Effects::SETS_TRANSACTION
            | Effects::SETS_TRACKING;
        if observed.overflow || (heard.change && !heard.explained && !task.has(known)) {
            self.pins.set(PinReason::UnknownState);
        }
    }

    /// What is told late is told with the value that it has then.
    pub(in crate::frontend::multiplex) fn refresh_pending(&mut self) {
        let (state, baseline) = (&self.state.variables, &self.baseline);
        self.pending.refresh(|name| state.value(std::str::from_utf8(name).ok()?, baseline));
    }

    fn hear(&mut self, state_changes: &[u8], certainty: Certainty, questions: &mut Questions) -> Heard {
        let mut heard = Heard::default();
        for report in reports(state_changes) {
            match report {
                Ok(Report::Variable { name, value }) => {
                    heard.explained = true;
                    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                    self.observe_variable(&name, value, certainty, questions);
                }
                Ok(Report::Schema(schema)) => {
                    heard.explained = true;
                    self.state.schema = (!schema.is_empty()).then(|| Arc::from(schema));
                    OF_SCHEMA.iter().for_each(|name| self.state.variables.forget(name));
                }
                Ok(Report::Characteristics(sql)) => self.state.observe_characteristics(sql),
                Ok(Report::TransactionState(state)) => {
                    let locked = state.last() == Some(&b'L');
                    self.pins.follow(PinReason::LockTables, locked.into());
                }
                Ok(Report::StateChanged) => heard.change = true,
                Ok(Report::Other(_)) | Err(_) => self.pins.set(PinReason::UnknownState),
            }
        }
        heard
    }

    fn observe_variable(
        &mut self,
        name: &str,
        value: &[u8],
        certainty: Certainty,
        questions: &mut Questions,
    ) {
        if UNSTEADY.contains(&name) {
            if self.baseline.value(name) != Some(value) {
                self.pins.set(PinReason::Variable);
            }
            return;
        }
        match name {
            "timestamp" => questions.timestamp = true,
            "last_insert_id" | "identity" => {
                let number = std::str::from_utf8(value).ok().and_then(|number| number.parse().ok());
                self.residue.insert_id = Held::Known(number.unwrap_or(0));
            }
            _ if TRACKING.contains(&name) => self.pins.set(PinReason::Tracking),
            _ if is_apart(name) && !OF_SCHEMA.contains(&name) => {}
            _ => {
                if let Some(group) = COUPLED.iter().find(|group| group.contains(&name)) {
                    let others = group.iter().filter(|other| **other != name);
                    let known = others.filter(|name| self.baseline.value(name).is_some());
                    questions.variables.extend(known.map(|name| (*name).to_owned()));
                }
                if certainty == Certainty::Certain {
                    self.assign(name, value);
                } else {
                    questions.variables.push(name.to_owned());
                }
            }
        }
    }

    pub(super) fn assign(&mut self, name: &str, value: &[u8]) {
        if std::str::from_utf8(value).is_err() {
            // Bytes of a character set that the report does not tell cannot be said again.
            self.pins.set(PinReason::Variable);
        }
        let before = self.state.variables.clone();
        self.state.variables.assign(name, value, &self.baseline);
        if before != self.state.variables {
            self.mode = self.mode_now();
        }
    }

    /// SET NAMES gives results, and what the client sends, the connection's collation; other ways of setting their character
    /// sets give them their own.
    pub(super) fn follow_collations(&mut self, task: &Task<'_>, observed: &Observed) {
        for (unshown, variable) in UNSHOWN {
            let reported = reports(&observed.state_changes)
                .flatten()
                .any(|report| matches!(report, Report::Variable { name, .. } if name == variable.as_bytes()));
            if reported {
                let collation = match sets_by_names(task, variable) {
                    true => {
                        self.state.variables.value("collation_connection", &self.baseline).map(<[u8]>::to_vec)
                    }
                    false => None,
                };
                self.assign(unshown, &collation.unwrap_or_default());
            }
        }
    }
}

/// Whether it is SET NAMES that gave this variable its value, and the connection its collation.
fn sets_by_names(task: &Task<'_>, variable: &str) -> bool {
    let names = task.statement.subject.names().unwrap_or_default();
    let others = ["character set", "character_set_connection", "collation_connection", variable];
    names.last().is_some_and(|name| name == "names")
        || (names.iter().any(|name| name == "names")
            && !names.iter().any(|name| others.contains(&name.as_str())))
}

/// Whether a session can set this variable only with the privilege for it.
pub(super) fn needs_privilege(name: &str) -> bool {
    PRIVILEGED.contains(&name)
}

/// Whether the server may have to report something still that this statement has changed.
pub(super) fn is_reported_late(task: &Task<'_>, observed: &Observed) -> bool {
    let changes = Effects::ROUTINE.union(Effects::SETS_UNREPORTED);
    let several = matches!(task.statement.kind, Kind::Set | Kind::Several);
    let failed = observed.last == Last::Error && (several || task.has(changes));
    task.sets_back || (task.runs_a_statement() && failed)
}

/// The reports of an answer, but for that of [`MAKE_REPORT`] itself.
fn without_our_own(answer: &Answer) -> Vec<u8> {
    let others = |report: &Report<'_>| match report {
        Report::Variable { name, .. } => *name != MADE_TO_REPORT,
        _ => true,
    };
    let late = || reports(&answer.state_changes).flatten().filter(others);
    let mut encoded = Vec::new();
    if late().any(|report| report != Report::StateChanged) {
        late().for_each(|report| report.encode(&mut encoded));
    }
    encoded
}
