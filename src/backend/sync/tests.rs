//! Which commands bring one state to another.

use std::sync::Arc;

use super::*;
use crate::session::baseline::Baseline;

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
    state
        .observe_characteristics(b"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SET TRANSACTION READ ONLY;");
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
