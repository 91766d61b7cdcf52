//! What a session carries with it.

use super::super::script::Step;
use super::{STATE, all, say, some};
use crate::support::chance::Chance;

pub fn variables(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = some(
        chance,
        3,
        &[
            "SET time_zone = '+02:00'",
            "SET time_zone = DEFAULT, group_concat_max_len = 2048",
            "SET sql_mode = 'ANSI_QUOTES'",
            "SET sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')",
            "SET sql_mode = DEFAULT",
            "SET SESSION div_precision_increment = 9, @@session.lc_time_names = 'fr_FR'",
            "SET @@div_precision_increment = DEFAULT",
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET tx_isolation = 'SERIALIZABLE'",
            "SET sql_select_limit = 3",
            "SET sql_select_limit = DEFAULT",
            "SET max_error_count = 1, sql_safe_updates = 0",
            "CALL sets()",
        ],
    );
    steps.extend(all(chance, &[STATE, "SELECT 10 / 3, DAYNAME('2024-02-29'), 'a' || 'b'"]));
    steps
}

pub fn character_set(chance: &mut Chance, home: &str) -> Vec<Step> {
    let mut steps = some(
        chance,
        2,
        &[
            "SET NAMES latin1",
            "SET NAMES utf8mb4 COLLATE utf8mb4_uca1400_ai_ci",
            "SET NAMES utf8mb4",
            "SET CHARACTER SET greek",
            "SET character_set_results = NULL",
            "SET NAMES binary",
            "SET collation_connection = latin1_german2_ci",
        ],
    );
    let insert = format!("INSERT INTO {home}.t (w) VALUES ('é€')");
    steps.extend(all(chance, &[&insert, "SELECT HEX('é'), 'ü', COLLATION('x')"]));
    steps.extend(all(chance, &[&format!("SELECT w, HEX(w) FROM {home}.t ORDER BY id DESC LIMIT 2")]));
    steps
}

pub fn schema(chance: &mut Chance, home: &str) -> Vec<Step> {
    let two = format!("{home}_two");
    let mut steps = vec![match chance.below(3) {
        0 => say(chance, &format!("USE `{two}`")),
        1 => Step::Command("init db", [b"\x02", two.as_bytes()].concat()),
        _ => say(chance, "USE mysql"),
    }];
    steps.extend(all(chance, &["SELECT DATABASE(), @@collation_database", "SELECT COUNT(*) FROM t"]));
    steps.push(say(chance, &format!("USE {home}")));
    steps.extend(all(chance, &["SELECT DATABASE()", "SELECT COUNT(*) FROM u"]));
    steps
}

pub fn user_variables(chance: &mut Chance, home: &str) -> Vec<Step> {
    let mut steps = some(
        chance,
        4,
        &[
            "SET @a = 1, @b = 'text'",
            "SELECT @a := @a + 1",
            "SELECT id, w INTO @a, @b FROM u WHERE id = 3",
            "SELECT @a, @b",
            "SET @b = NULL",
            "SELECT w FROM u WHERE id = @a",
        ],
    );
    steps.push(say(chance, "SELECT @a, @b, COALESCE(@c, 'never set')"));
    steps.extend(if chance.percent(70) { wiped(home) } else { all(chance, &["SET @a = NULL, @b = NULL"]) });
    steps
}

/// A reset, and what a script relies on put back.
fn wiped(home: &str) -> Vec<Step> {
    vec![Step::Command("reset connection", vec![0x1f]), Step::Text(format!("USE {home}"))]
}

pub fn commands(chance: &mut Chance, home: &str) -> Vec<Step> {
    let commands: [(&'static str, Vec<u8>); 5] = [
        ("ping", vec![0x0e]),
        ("init db", [b"\x02", home.as_bytes()].concat()),
        ("init db of an unknown schema", b"\x02no_such_schema".to_vec()),
        ("multi statements on", vec![0x1b, 0, 0]),
        ("an unknown command", vec![0x40]),
    ];
    let (name, payload) = chance.one_of(&commands).clone();
    let mut steps = vec![Step::Command(name, payload)];
    steps.extend(some(chance, 2, &["COMMIT", "ROLLBACK", STATE]));
    steps
}

pub fn set_statement(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = some(
        chance,
        2,
        &[
            "SET STATEMENT group_concat_max_len = 7 FOR SELECT GROUP_CONCAT(id) FROM u",
            "SET STATEMENT max_statement_time = 30 FOR INSERT INTO t (w) VALUES ('for one statement')",
            "SET STATEMENT time_zone = '+10:00' FOR SELECT @@time_zone",
        ],
    );
    steps.extend(all(chance, &["SELECT LAST_INSERT_ID(), ROW_COUNT()", STATE]));
    steps
}

pub fn reset(chance: &mut Chance, home: &str) -> Vec<Step> {
    let mut steps = match chance.below(3) {
        0 => wiped(home),
        1 => vec![Step::ChangeUser(home.to_owned())],
        _ => vec![Step::ChangeUser(String::new()), Step::Text(format!("USE {home}"))],
    };
    steps.push(say(chance, STATE));
    steps
}
