//! Bringing a shared connection to a session's state: the smallest set of commands, sent in one write.
//!
//! [`plan`] is pure; [`Connection::bring_to`] carries it out. A connection that refused part of it is in a state that nobody
//! knows and is to be closed; the refusal is the answer to the statement that the session wanted to run.

use std::time::Duration;

use crate::backend::connection::{Connection, ControlError};
use crate::backend::control::{Answer, query};
use crate::backend::shared::{SETTLE, Shared, TRACK_ALL, Tracking, Valid};
use crate::protocol::command::Command;
use crate::protocol::reply::ServerError;
use crate::session::baseline::{Baseline, CLIENT_COLLATION, Form, RESULTS_COLLATION, TRACKING, UNSHOWN};
use crate::session::state::SessionState;

/// Variables of which the server changes one when another is set, without saying so (10.11). When one of a group is to be
/// set, all of it is; in the order of their names the one that changes the others comes first.
pub const COUPLED: [&[&str]; 8] = [
    &["character_set_database", "collation_database"],
    &["character_set_client", "character_set_connection", "character_set_results", "collation_connection"],
    &["character_set_server", "collation_server"],
    &["log_queries_not_using_indexes", "log_slow_filter"],
    &["log_slow_admin_statements", "log_slow_disabled_statements", "log_slow_slave_statements"],
    &["max_join_size", "sql_big_selects"],
    // Two names of one variable each since 11.1.
    &["transaction_isolation", "tx_isolation"],
    &["transaction_read_only", "tx_read_only"],
];

/// Variables whose NULL is reported as an empty text.
const NULLABLE: [&str; 5] = [
    "character_set_results",
    "default_tmp_storage_engine",
    "enforce_storage_engine",
    "innodb_ft_user_stopword_table",
    "innodb_tmpdir",
];

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
    let replaced = |state: &SessionState| state.variables.changed(OF_SCHEMA).is_some();
    from.schema != to.schema || (replaced(from) && !replaced(to))
}

/// Stands for the variables that follow the schema.
const OF_SCHEMA: &str = "collation_database";

/// The command that makes the server say `error`, and remember it: one that the proxy says itself leaves no trace in the
/// diagnostics area.
pub fn signal(error: &ServerError) -> Vec<u8> {
    let state = String::from_utf8_lossy(&error.state);
    let text = literal(error.message.as_bytes(), Form::Text);
    query(&format!("SIGNAL SQLSTATE '{state}' SET MYSQL_ERRNO={}, MESSAGE_TEXT={text}", error.code))
}

/// The time zone by itself, where another value is understood in it: one SET reads all its values before it sets any.
fn zone_first(shared: &Shared, target: &Target<'_>) -> Option<String> {
    let (from, to) = (&shared.state.variables, &target.state.variables);
    let differs = |name| from.value(name, &shared.baseline) != to.value(name, &shared.baseline);
    let zone = to.value("time_zone", &shared.baseline)?;
    (differs("time_zone") && differs("system_versioning_asof"))
        .then(|| format!("SET @@session.`time_zone`={}", literal(zone, Form::Text)))
}

fn set_statement(shared: &Shared, target: &Target<'_>) -> Option<String> {
    let mut assignments = assignments(&shared.state, target.state, &shared.baseline);
    if let Some(insert_id) = target.insert_id {
        assignments.push(format!("last_insert_id={insert_id}"));
    }
    let ours = if &shared.tracking == target.tracking {
        None
    } else {
        Some(match target.tracking {
            Tracking::Everything => TRACK_ALL.to_owned(),
            Tracking::Clients(values) => {
                let assign =
                    |(name, value): (&&str, &Vec<u8>)| format!("{name}={}", literal(value, Form::Text));
                format!(
                    "SET {}",
                    TRACKING.iter().zip(values.iter()).map(assign).collect::<Vec<_>>().join(",")
                )
            }
        })
    };
    match (assignments.is_empty(), ours) {
        (true, tracking) => tracking,
        (false, None) => Some(format!("SET {}", assignments.join(","))),
        (false, Some(tracking)) => Some(format!("{tracking},{}", assignments.join(","))),
    }
}

fn assignments(from: &SessionState, to: &SessionState, baseline: &Baseline) -> Vec<String> {
    if from.variables == to.variables {
        return Vec::new();
    }
    let mut names: Vec<&str> =
        from.variables.changes(&to.variables, baseline).map(|(name, _)| name).collect();
    for (unshown, variable) in UNSHOWN {
        if names.contains(&unshown) {
            names.push(variable);
        }
    }
    let coupled: Vec<&str> = COUPLED
        .iter()
        .filter(|group| group.iter().any(|name| names.contains(name)))
        .flat_map(|group| group.iter().copied())
        .filter(|name| to.variables.value(name, baseline).is_some())
        .collect();
    names.extend(coupled);
    names.sort_unstable();
    names.dedup();
    let set_names = set_names(&names, to, baseline);
    if let Some((_, said)) = &set_names {
        names.retain(|name| !said.contains(name));
    }
    names.retain(|name| UNSHOWN.iter().all(|(unshown, _)| unshown != name));
    let of_schema = |name: &&str| matches!(*name, "character_set_database" | "collation_database");
    names.retain(|name| !of_schema(name) || to.variables.changed(name).is_some());
    let assign = |name: &&str| {
        let value = to.variables.value(name, baseline);
        let value = value.map_or_else(|| "DEFAULT".to_owned(), |value| rendered(name, value, baseline));
        format!("@@session.`{name}`={value}")
    };
    set_names
        .map(|(names, _)| names)
        .into_iter()
        .chain(names.iter().filter(|name| is_plain(name)).map(assign))
        .collect()
}

/// SET NAMES, where character set *and* collation of results, of what the client sends, or of both are to be what it or a login
/// made them: no variable shows these collations, but the definitions of columns and comparisons with parameters do. With the
/// variables for which it says everything.
fn set_names(names: &[&str], to: &SessionState, baseline: &Baseline) -> Option<(String, Vec<&'static str>)> {
    let value = |name: &str| to.variables.value(name, baseline).filter(|value| !value.is_empty());
    let concerned = |(unshown, variable): &(&str, &str)| names.contains(variable) && value(unshown).is_some();
    let (unshown, variable) = UNSHOWN.into_iter().find(concerned)?;
    let (character_set, collation) = (value(variable)?, value(unshown)?);
    let alike = value(RESULTS_COLLATION) == value(CLIENT_COLLATION);
    let said = UNSHOWN.iter().map(|(_, said)| *said).filter(|said| *said == variable || alike).collect();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    Some((format!("NAMES '{}' COLLATE '{}'", text(character_set), text(collation)), said))
}

fn rendered(name: &str, value: &[u8], baseline: &Baseline) -> String {
    match (name, value) {
        ("system_versioning_asof", b"DEFAULT") => "DEFAULT".to_owned(),
        (_, b"") if NULLABLE.contains(&name) => "NULL".to_owned(),
        _ => literal(value, baseline.form(name)),
    }
}

/// A value as SQL, whatever the modes and character sets of the connection.
fn literal(value: &[u8], form: Form) -> String {
    let number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'e' | b'+');
    let harmless = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\');
    if form == Form::Number && !value.is_empty() && value.iter().all(number) {
        return String::from_utf8_lossy(value).into_owned();
    }
    if value.iter().all(harmless) {
        return format!("'{}'", String::from_utf8_lossy(value));
    }
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(2 * value.len() + 16);
    hex.push_str("_utf8mb4 X'");
    for byte in value {
        let _ = write!(hex, "{byte:02X}");
    }
    hex.push('\'');
    hex
}

fn set_role(role: Option<&[u8]>) -> String {
    match role {
        None => "SET ROLE NONE".to_owned(),
        Some(role) => format!("SET ROLE `{}`", String::from_utf8_lossy(role).replace('`', "``")),
    }
}

fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
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
}

impl Connection {
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
mod tests {
    use std::sync::Arc;

    use super::*;

    fn shared() -> Shared {
        let row = |(name, value, kind): (&str, &str, &str)| {
            [name, value, kind].map(|text| Some(text.as_bytes().to_vec())).to_vec()
        };
        let rows = [
            ("autocommit", "ON", "BOOLEAN"),
            ("max_join_size", "9", "BIGINT UNSIGNED"),
            ("sql_big_selects", "ON", "BOOLEAN"),
            ("character_set_results", "utf8mb4", "ENUM"),
        ];
        Shared::new(Arc::new(Baseline::new(&rows.map(row))), SessionState::default(), 10)
    }

    fn target<'a>(state: &'a SessionState) -> Target<'a> {
        let tracking = &Tracking::Everything;
        Target { state, tracking, insert_id: None, counts: &[], error: None }
    }

    fn texts(plan: &Plan) -> Vec<String> {
        plan.commands.iter().map(|command| String::from_utf8_lossy(&command[1..]).into_owned()).collect()
    }

    fn with(values: &[(&str, &str)], baseline: &Baseline) -> SessionState {
        let mut state = SessionState::default();
        values.iter().for_each(|(name, value)| state.variables.assign(name, value.as_bytes(), baseline));
        state
    }

    #[test]
    fn equal_states_need_nothing() {
        let shared = shared();
        assert!(plan(&shared, &target(&SessionState::default())).is_empty());
    }

    #[test]
    fn variables_are_set_in_one_statement_and_set_back_by_value() {
        let mut shared = shared();
        let state = with(&[("autocommit", "OFF"), ("character_set_results", "")], &shared.baseline);
        assert_eq!(
            texts(&plan(&shared, &target(&state))),
            ["SET @@session.`autocommit`='OFF',@@session.`character_set_results`=NULL"]
        );
        shared.state = with(&[("autocommit", "OFF")], &shared.baseline);
        let back = texts(&plan(&shared, &target(&SessionState::default())));
        assert_eq!(back, ["SET @@session.`autocommit`='ON'"]);
    }

    #[test]
    fn the_next_transactions_characteristics_are_said_again_after_the_sessions_own() {
        let mut shared = shared();
        let mut state = SessionState::default();
        state.observe_characteristics(b"SET TRANSACTION READ ONLY;");
        shared.state = with(&[("tx_isolation", "SERIALIZABLE")], &shared.baseline);
        shared.state.one_shot.clone_from(&state.one_shot);
        let texts = texts(&plan(&shared, &target(&state)));
        assert_eq!(texts[1..], ["COMMIT AND NO CHAIN NO RELEASE", "SET TRANSACTION READ ONLY"]);
    }

    #[test]
    fn collations_that_no_variable_shows_are_made_as_set_names_made_them() {
        let row = |(name, value): (&str, &str)| {
            [name, value, "ENUM"].map(|text| Some(text.as_bytes().to_vec())).to_vec()
        };
        let rows = [
            ("character_set_client", "gbk"),
            ("character_set_results", "gbk"),
            ("collation_connection", "gbk_bin"),
        ];
        let mut shared = Shared::new(Arc::new(Baseline::new(&rows.map(row))), SessionState::default(), 10);
        let names = "SET NAMES 'gbk' COLLATE 'gbk_bin',";
        let collation = "@@session.`collation_connection`='gbk_bin'";
        let results = with(&[("(client)", "")], &shared.baseline);
        assert_eq!(
            texts(&plan(&shared, &target(&results))),
            [format!("{names}@@session.`character_set_client`='gbk',{collation}")]
        );
        let client = with(&[("(results)", "")], &shared.baseline);
        assert_eq!(
            texts(&plan(&shared, &target(&client))),
            [format!("{names}@@session.`character_set_results`='gbk',{collation}")]
        );
        shared.state = client;
        assert_eq!(texts(&plan(&shared, &target(&SessionState::default()))), [format!("{names}{collation}")]);
    }

    #[test]
    fn variables_that_the_server_changes_together_are_set_together() {
        let shared = shared();
        let state = with(&[("max_join_size", "5")], &shared.baseline);
        assert_eq!(
            texts(&plan(&shared, &target(&state))),
            ["SET @@session.`max_join_size`=5,@@session.`sql_big_selects`='ON'"]
        );
    }

    #[test]
    fn a_pending_characteristic_of_somebody_else_is_cleared_and_ones_own_restored() {
        let mut shared = shared();
        shared.state.observe_characteristics(b"SET TRANSACTION READ ONLY;");
        let mut state = SessionState::default();
        assert_eq!(texts(&plan(&shared, &target(&state))), ["COMMIT AND NO CHAIN NO RELEASE"]);
        state.observe_characteristics(
            b"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SET TRANSACTION READ ONLY;",
        );
        assert_eq!(
            texts(&plan(&shared, &target(&state))),
            [
                "COMMIT AND NO CHAIN NO RELEASE",
                "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
                "SET TRANSACTION READ ONLY"
            ]
        );
    }

    #[test]
    fn values_are_written_so_that_no_mode_or_character_set_matters() {
        assert_eq!(literal(b"SYSTEM", Form::Text), "'SYSTEM'");
        assert_eq!(literal(b"1.500000", Form::Number), "1.500000");
        assert_eq!(literal(b"1;DROP", Form::Number), "'1;DROP'");
        assert_eq!(literal(b"a'\\", Form::Text), "_utf8mb4 X'61275C'");
    }

    #[test]
    fn there_is_no_way_from_a_schema_to_none() {
        let somewhere = SessionState { schema: Some(Arc::from(&b"db1"[..])), ..SessionState::default() };
        assert!(is_reachable(&SessionState::default(), &somewhere));
        assert!(!is_reachable(&somewhere, &SessionState::default()));
    }
}
