//! The SET by which variables get from one session's values to another's.

use crate::backend::shared::{Shared, TRACK_ALL, Tracking};
use crate::backend::sync::Target;
use crate::backend::sync::literal::literal;
use crate::session::baseline::{
    Baseline, CLIENT_COLLATION, Form, OF_SCHEMA, RESULTS_COLLATION, TRACKING, UNSHOWN,
};
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

/// The time zone by itself, where another value is understood in it: one SET reads all its values before it sets any.
pub(super) fn zone_first(shared: &Shared, target: &Target<'_>) -> Option<String> {
    let (from, to) = (&shared.state.variables, &target.state.variables);
    let differs = |name| from.value(name, &shared.baseline) != to.value(name, &shared.baseline);
    let zone = to.value("time_zone", &shared.baseline)?;
    (differs("time_zone") && differs("system_versioning_asof"))
        .then(|| format!("SET @@session.`time_zone`={}", literal(zone, Form::Text)))
}

/// The SET of everything else: whose reports the server sends, the variables, LAST_INSERT_ID().
pub(super) fn set_statement(shared: &Shared, target: &Target<'_>) -> Option<String> {
    let mut assignments = assignments(&shared.state, target.state, &shared.baseline);
    if let Some(insert_id) = target.insert_id {
        assignments.push(format!("last_insert_id={insert_id}"));
    }
    let reports = (&shared.tracking != target.tracking).then(|| set_tracking(target.tracking));
    match (assignments.is_empty(), reports) {
        (true, reports) => reports,
        (false, None) => Some(format!("SET {}", assignments.join(","))),
        (false, Some(reports)) => Some(format!("{reports},{}", assignments.join(","))),
    }
}

fn set_tracking(tracking: &Tracking) -> String {
    let Tracking::Clients(values) = tracking else { return TRACK_ALL.to_owned() };
    let assign = |(name, value): (&&str, &Vec<u8>)| format!("{name}={}", literal(value, Form::Text));
    format!("SET {}", TRACKING.iter().zip(values.iter()).map(assign).collect::<Vec<_>>().join(","))
}

/// What SET is to say so that all variables of `from` are as in `to`.
fn assignments(from: &SessionState, to: &SessionState, baseline: &Baseline) -> Vec<String> {
    if from.variables == to.variables {
        return Vec::new();
    }
    let mut names = names_to_set(from, to, baseline);
    let set_names = set_names(&names, to, baseline);
    if let Some((_, said)) = &set_names {
        names.retain(|name| !said.contains(name));
    }
    names.retain(|name| UNSHOWN.iter().all(|(unshown, _)| unshown != name));
    names.retain(|name| !OF_SCHEMA.contains(name) || to.variables.changed(name).is_some());
    let assign = |name: &&str| {
        let value = to.variables.value(name, baseline);
        let value = value.map_or_else(|| "DEFAULT".to_owned(), |value| rendered(name, value, baseline));
        format!("@@session.`{name}`={value}")
    };
    let plain = names.iter().filter(|name| is_plain(name)).map(assign);
    set_names.map(|(names, _)| names).into_iter().chain(plain).collect()
}

/// The variables that differ, and those that the server changes with them, in the order of their names.
fn names_to_set<'a>(from: &'a SessionState, to: &'a SessionState, baseline: &'a Baseline) -> Vec<&'a str> {
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
    names
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

fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
}
