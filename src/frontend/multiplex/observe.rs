//! What a response says of the session.

use std::sync::Arc;

use crate::backend::control::{Answer, Row, query};
use crate::backend::shared::{SETTLE, Shared};
use crate::backend::sync::COUPLED;
use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::run::{Task, Touch};
use crate::frontend::multiplex::{Diagnostics, Halt, Multiplex};
use crate::frontend::session::Session;
use crate::protocol::command::Command;
use crate::protocol::observed::Observed;
use crate::protocol::reply::ServerError;
use crate::protocol::response::Last;
use crate::protocol::session_track::{Report, reports};
use crate::protocol::status::StatusFlags;
use crate::session::baseline::{TRACKING, UNSHOWN, is_apart};
use crate::session::residue::{Held, MOST_ROWS};
use crate::session::{PinReason, SessionState};
use crate::sql::effects::Effects;
use crate::sql::kind::Kind;
use crate::sql::subject::Subject;

/// Longest message that SIGNAL can make again, in bytes.
const LONGEST_MESSAGE: usize = 500;

/// Variables that cannot be carried from one connection to another: they change by themselves, or setting them warns.
const UNSTEADY: [&str; 15] = [
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
    "storage_engine",
    "wsrep_causal_reads",
    "wsrep_on",
    "wsrep_sync_wait",
];

/// Variables of the current schema: the next USE replaces them, whoever set them.
const OF_SCHEMA: [&str; 2] = ["character_set_database", "collation_database"];

/// What is to be asked of the server after a statement, because its answer does not say it.
#[derive(Default)]
struct Questions {
    variables: Vec<String>,
    timestamp: bool,
    role: bool,
    locks: bool,
    diagnostics: bool,
    tracking: bool,
}

impl Questions {
    fn is_empty(&self) -> bool {
        let Self { variables, timestamp, role, locks, diagnostics, tracking } = self;
        variables.is_empty() && !(*timestamp || *role || *locks || *diagnostics || *tracking)
    }
}

impl Session {
    /// Draws the conclusions from a response.
    pub(super) async fn observe(
        &mut self,
        own: &mut Multiplex,
        task: &Task<'_>,
        before: &SessionState,
        observed: &Observed,
    ) -> Result<(), Halt> {
        let mut questions = Questions::default();
        if let Some(status) = observed.status {
            own.status = status & StatusFlags::OF_SESSION;
        }
        own.observe_reports(task, observed, &mut questions);
        {
            let connection = self.connection().map_err(Halt::End)?;
            if let Some(shared) = connection.shared() {
                own.observe_residue(task, observed, shared);
                own.observe_diagnostics(task, observed, shared, &mut questions);
            }
        }
        own.pin_after(task, observed);
        questions.role |= task.has(Effects::SETS_ROLE) && observed.error.is_none();
        questions.locks |= task.has(Effects::TAKES_USER_LOCK | Effects::RELEASES_USER_LOCK)
            && own.pins.locks.all().is_some_and(|mut names| names.next().is_some());
        questions.tracking |= task.has(Effects::SETS_TRACKING);
        if task.has(Effects::SETS_UNREPORTED) {
            own.ask_for_assigned(task, &mut questions);
        }
        if !questions.is_empty() {
            self.ask(own, task, &questions).await?;
        }
        own.follow_collations(task, observed);
        if let Some(shared) = self.connection().ok().and_then(|connection| connection.shared())
            && shared.state != own.state
        {
            let schema = shared.state.schema.take();
            shared.state.clone_from(&own.state);
            if task.chooses_schema() && observed.error.is_some() {
                shared.state.schema = schema;
            }
        }
        own.learn(task, before, observed);
        if changes_accounts(task) {
            // Roles that a login activates may be others now.
            self.frontend.pool.shelves().iter().for_each(|shelf| shelf.knowledge().forget_role());
        }
        Ok(())
    }

    /// Asks the server for what an answer did not say.
    async fn ask(&mut self, own: &mut Multiplex, task: &Task<'_>, questions: &Questions) -> Result<(), Halt> {
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
    async fn question(
        &mut self,
        own: &mut Multiplex,
        mut commands: Vec<Vec<u8>>,
    ) -> Result<Vec<Answer>, Halt> {
        let limit = own.source.backend.connect_timeout();
        let connection = self.connection().map_err(Halt::End)?;
        let counts = commands.iter().any(|command| !command.ends_with(b"SHOW WARNINGS"));
        let owes = counts && connection.shared().is_some_and(|shared| shared.owes());
        if owes {
            commands.insert(0, query(SETTLE));
        }
        let asked = tokio::time::timeout(limit, connection.exchange(&commands)).await;
        let Ok(Ok(mut answers)) = asked else {
            self.give_up(crate::pool::close_reason::CloseReason::Broken);
            // The client has its answer; what it left on the connection has gone.
            return if own.pins.may_release() {
                Ok(Vec::new())
            } else {
                Err(SessionEnd::BackendClosed.into())
            };
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
    fn observe_reports(&mut self, task: &Task<'_>, observed: &Observed, questions: &mut Questions) {
        let certain = task.statement.kind == Kind::Set && task.incoming.command != Command::StmtBulkExecute;
        let (mut changed, mut explained) = (false, false);
        for report in reports(&observed.state_changes) {
            match report {
                Ok(Report::Variable { name, value }) => {
                    explained = true;
                    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                    self.observe_variable(&name, value, certain, questions);
                }
                Ok(Report::Schema(schema)) => {
                    explained = true;
                    self.state.schema = (!schema.is_empty()).then(|| Arc::from(schema));
                    OF_SCHEMA.iter().for_each(|name| self.state.variables.forget(name));
                }
                Ok(Report::Characteristics(sql)) => self.state.observe_characteristics(sql),
                Ok(Report::TransactionState(state)) => {
                    let locked = state.last() == Some(&b'L');
                    self.pins.follow(PinReason::LockTables, locked.into());
                }
                Ok(Report::StateChanged) => changed = true,
                Ok(Report::Other(_)) | Err(_) => self.pins.set(PinReason::UnknownState),
            }
        }
        let known = Effects::USER_VARIABLE
            | Effects::PREPARES
            | Effects::DEALLOCATES
            | Effects::CREATES_TEMPORARY
            | Effects::DROPS_TABLE
            | Effects::SETS_ROLE
            | Effects::SETS_TRANSACTION
            | Effects::SETS_TRACKING;
        if observed.overflow || (changed && !explained && !task.has(known)) {
            self.pins.set(PinReason::UnknownState);
        }
    }

    fn observe_variable(&mut self, name: &str, value: &[u8], certain: bool, questions: &mut Questions) {
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
                if certain {
                    self.assign(name, value);
                } else {
                    questions.variables.push(name.to_owned());
                }
            }
        }
    }

    fn assign(&mut self, name: &str, value: &[u8]) {
        let before = self.state.variables.clone();
        self.state.variables.assign(name, value, &self.baseline);
        if before != self.state.variables {
            self.mode = self.mode_now();
        }
    }

    fn observe_residue(&mut self, task: &Task<'_>, observed: &Observed, shared: &mut Shared) {
        self.observe_row_count(task, observed, shared);
        let replaced = match task.found_rows() {
            Touch::Leaves => None,
            Touch::Replaces if self.counts_rows_sent(task, observed) => Some(Held::Known(observed.rows)),
            Touch::Replaces | Touch::Unclear => {
                let (held, debt) = Held::owed();
                shared.owes_found_rows = Some(debt);
                Some(held)
            }
        };
        if let Some(found_rows) = replaced {
            if let Held::Known(_) = found_rows {
                shared.owes_found_rows = None;
            }
            self.residue.found_rows = found_rows;
            shared.valid.found_rows = true;
        }
        self.observe_insert_id(task, observed, shared);
    }

    fn counts_rows_sent(&self, task: &Task<'_>, observed: &Observed) -> bool {
        let cursor = observed.status.is_some_and(|status| status.contains(StatusFlags::CURSOR_EXISTS));
        observed.last == Last::ResultSet && !cursor && !task.has(Effects::COUNTS_OTHERWISE | Effects::ROUTINE)
    }

    fn observe_row_count(&mut self, task: &Task<'_>, observed: &Observed, shared: &mut Shared) {
        let keeps = match task.incoming.command {
            Command::StmtPrepare => observed.error.is_none(),
            Command::Statistics => true,
            _ => task.statement.kind == Kind::Diagnostics && observed.last == Last::Ok,
        };
        if keeps {
            return;
        }
        self.residue.row_count = match observed.last {
            Last::Ok => i64::try_from(observed.affected_rows).unwrap_or(i64::MAX),
            Last::ResultSet | Last::Error | Last::Other => -1,
        };
        shared.valid.row_count = true;
        self.pins.follow(PinReason::RowCount, (self.residue.row_count > MOST_ROWS).into());
    }

    fn observe_insert_id(&mut self, task: &Task<'_>, observed: &Observed, shared: &mut Shared) {
        let reported = reports(&observed.state_changes)
            .flatten()
            .any(|report| matches!(report, Report::Variable { name: b"last_insert_id" | b"identity", .. }));
        let several = task.statement.kind == Kind::Several;
        let may_write =
            task.runs_a_statement() && (several || task.has(Effects::WRITES_INSERT_ID | Effects::ROUTINE));
        if reported && !several {
            shared.owes_insert_id = None;
            shared.valid.insert_id = true;
        } else if may_write || reported {
            let plain = task.statement.kind == Kind::Insert && !task.has(Effects::ROUTINE);
            if plain && observed.last == Last::Ok && !observed.generated_ids {
                return;
            }
            let (held, debt) = Held::owed();
            self.residue.insert_id = held;
            shared.owes_insert_id = Some(debt);
            shared.valid.insert_id = true;
        }
    }

    fn observe_diagnostics(
        &mut self,
        task: &Task<'_>,
        observed: &Observed,
        shared: &mut Shared,
        questions: &mut Questions,
    ) {
        if let Some(error) = &observed.error {
            self.diagnostics = Diagnostics::Here;
            if error.message.len() <= LONGEST_MESSAGE && error.message.is_ascii() {
                self.diagnostics = Diagnostics::Error(error.clone());
                questions.diagnostics = true;
            }
            shared.valid.diagnostics = true;
        } else if observed.warnings > 0 {
            self.diagnostics = Diagnostics::Here;
            shared.valid.diagnostics = true;
        } else if self.diagnostics != Diagnostics::Clean {
            match task.diagnostics() {
                Touch::Leaves => {}
                Touch::Replaces => self.diagnostics = Diagnostics::Clean,
                Touch::Unclear => questions.diagnostics = true,
            }
        }
        self.pins.follow(PinReason::Diagnostics, (self.diagnostics == Diagnostics::Here).into());
    }

    /// The rows of SHOW WARNINGS: level, number and text of each condition.
    fn observe_conditions(&mut self, rows: Option<&[Row]>) {
        let error = match &self.diagnostics {
            Diagnostics::Error(error) => Some(error.clone()),
            _ => None,
        };
        self.diagnostics = match (rows, error) {
            (Some([]), _) => Diagnostics::Clean,
            (Some([only]), Some(error)) if is_condition(only, &error) => Diagnostics::Error(error),
            _ => Diagnostics::Here,
        };
        self.pins.follow(PinReason::Diagnostics, (self.diagnostics == Diagnostics::Here).into());
    }

    /// Variables that a SET has changed without a report.
    fn ask_for_assigned(&self, task: &Task<'_>, questions: &mut Questions) {
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

    /// Values that were asked for; the server says 1 and 0 here where it reports ON and OFF.
    fn observe_values(&mut self, names: &[String], row: Option<Row>) {
        let Some(row) = row else { return self.pins.set(PinReason::UnknownState) };
        let mut wish = (*self.wish).clone();
        for (name, value) in names.iter().zip(row) {
            let value = value.unwrap_or_default();
            let switch = matches!(self.baseline.value(name), Some(b"ON" | b"OFF"));
            let tracked = TRACKING.iter().position(|tracking| tracking == name);
            let value = match (value.as_slice(), switch || tracked.is_some_and(|at| at == 0 || at == 2)) {
                (b"1", true) => b"ON".to_vec(),
                (b"0", true) => b"OFF".to_vec(),
                _ => value,
            };
            match tracked.and_then(|at| wish.get_mut(at)) {
                Some(place) => *place = value,
                None => self.assign(name, &value),
            }
        }
        self.follow_wish(wish);
    }

    /// What the client wants to be told of from now on.
    pub(super) fn follow_wish(&mut self, wish: [Vec<u8>; 4]) {
        use crate::protocol::session_track::ClientTracking;
        if *self.wish == wish {
            return;
        }
        let [schema, variables, state_change, transaction] = &wish;
        match ClientTracking::parse(variables, schema, state_change, transaction) {
            Some(told) => self.told = Arc::new(told),
            None => self.pins.set(PinReason::Tracking),
        }
        self.wish = Arc::new(wish);
    }

    fn observe_locks(&mut self, names: &[Vec<u8>], row: Option<Row>) {
        let Some(row) = row else { return };
        for (name, held) in names.iter().zip(row) {
            if held.as_deref() == Some(b"0") {
                self.pins.locks.remove(name);
            }
        }
        self.pins.follow_names();
    }

    /// @@timestamp stands still when it was set, and runs when not.
    fn observe_timestamps(&mut self, first: Option<Row>, second: Option<Row>) {
        let value = |row: Option<Row>| row.and_then(|mut row| row.pop()?);
        match (value(first), value(second)) {
            (Some(first), Some(second)) if first == second => {
                self.state.variables.assign("timestamp", &first, &self.baseline);
            }
            _ => self.state.variables.forget("timestamp"),
        }
    }

    /// Remembers the answer to a statement that has the same one each time.
    fn learn(&self, task: &Task<'_>, before: &SessionState, observed: &Observed) {
        let Some(command) = task.kept.as_ref().filter(|_| task.incoming.command == Command::Query) else {
            return;
        };
        let ends = matches!(task.statement.kind, Kind::Commit | Kind::Rollback);
        let teaches = task.has(Effects::LITERAL_SET) || (ends && self.commits_plainly());
        let quiet = observed.last == Last::Ok
            && observed.error.is_none()
            && (observed.affected_rows, observed.last_insert_id, observed.warnings) == (0, 0, 0);
        let only_variables = reports(&observed.state_changes)
            .all(|report| matches!(report, Ok(Report::Variable { .. } | Report::StateChanged)));
        let status = observed.status.unwrap_or_default();
        if !teaches || !quiet || !only_variables || observed.overflow || !self.pins.may_release() {
            return;
        }
        let mut ok = Vec::new();
        let packet = crate::protocol::ok::Ok {
            affected_rows: 0,
            last_insert_id: 0,
            status,
            warnings: 0,
            info: &[],
            state_changes: &[],
        };
        let told = (!observed.state_changes.is_empty()).then_some(observed.state_changes.as_slice());
        packet.encode(crate::protocol::reply::OK_HEADER, told, &mut ok);
        self.source.learn(&self.baseline, before, command, &self.state, &ok);
    }

    /// SET NAMES gives results, and what the client sends, the connection's collation; other ways of setting their character
    /// sets give them their own.
    fn follow_collations(&mut self, task: &Task<'_>, observed: &Observed) {
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

    /// Whether COMMIT and ROLLBACK end the session.
    pub(super) fn ends_by_completion(&self) -> bool {
        matches!(self.state.variables.value("completion_type", &self.baseline), Some(b"RELEASE" | b"2"))
    }

    /// Whether `WHERE id IS NULL` finds the row inserted last.
    pub(super) fn finds_insert_ids(&self) -> bool {
        self.state.variables.changed("sql_auto_is_null") == Some(b"ON")
    }

    /// Whether COMMIT and ROLLBACK do nothing but that.
    pub(super) fn commits_plainly(&self) -> bool {
        matches!(
            self.state.variables.value("completion_type", &self.baseline),
            Some(b"NO_CHAIN" | b"0") | None
        )
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

/// Whether a statement may have changed what accounts are allowed, or which roles they have.
fn changes_accounts(task: &Task<'_>) -> bool {
    match task.statement.kind {
        Kind::Definition | Kind::Several => true,
        Kind::Set => task.statement.subject == Subject::Unknown,
        _ => task.has(Effects::ROUTINE),
    }
}

fn is_condition(row: &Row, error: &ServerError) -> bool {
    let code = error.code.to_string();
    matches!(row.as_slice(), [Some(level), Some(number), _] if level == b"Error" && number == code.as_bytes())
}

fn hexadecimal(text: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut hex = String::from("_utf8mb4 X'");
    for byte in text {
        let _ = write!(hex, "{byte:02X}");
    }
    hex.push('\'');
    hex
}

/// An error as the proxy says it itself leaves no trace in the diagnostics area; one that the server is to remember is made
/// by the server.
pub(super) fn signalled(error: &ServerError) -> Vec<u8> {
    crate::backend::sync::signal(error)
}
