//! Rows, transactions, and what is remembered of them.

use super::super::script::Step;
use super::{STATE, all, say, some};
use crate::support::chance::Chance;

pub fn writes(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let ask = [
        "SELECT LAST_INSERT_ID(), ROW_COUNT()",
        "SELECT ROW_COUNT()",
        "SELECT @@identity",
        "INSERT INTO t (n) VALUES (LAST_INSERT_ID())",
    ];
    let mut steps = Vec::new();
    for _ in 0..=chance.below(3) {
        steps.extend(some(
            chance,
            1,
            &[
                "INSERT INTO t (w) VALUES ('one')",
                "INSERT INTO t (w, n) VALUES ('two', 1), ('three', 2)",
                "INSERT INTO t (w) VALUES ('returned') RETURNING id, w",
                "UPDATE t SET n = n + 1 WHERE id % 2 = 0",
                "UPDATE t SET n = LAST_INSERT_ID(n + 100) WHERE id = 2",
                "DELETE FROM t WHERE id % 7 = 3",
                "REPLACE INTO t (id, w) VALUES (1, 'replaced')",
                "SELECT LAST_INSERT_ID(4711)",
            ],
        ));
        let question = *chance.one_of(&ask);
        steps.push(say(chance, question));
    }
    steps.push(say(chance, "SELECT id, w, n FROM t ORDER BY id"));
    steps
}

pub fn counts(chance: &mut Chance, home: &str) -> Vec<Step> {
    let selects = [
        "SELECT SQL_CALC_FOUND_ROWS seq FROM mysql.seq_1_to_500 LIMIT 2",
        "SELECT id FROM u LIMIT 4",
        "SELECT id FROM u WHERE id > 99",
    ];
    let select = selects[chance.below(3)].replace("FROM u", &format!("FROM {home}.u"));
    all(
        chance,
        &[&select, "SELECT FOUND_ROWS()", "SELECT ROW_COUNT()", &select, "SELECT ROW_COUNT(), FOUND_ROWS()"],
    )
}

pub fn transaction(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let begins = [
        "BEGIN",
        "START TRANSACTION",
        "START TRANSACTION READ ONLY",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT",
    ];
    let ends = ["COMMIT", "ROLLBACK", "ROLLBACK", "CREATE OR REPLACE TABLE v AS SELECT 1 AS a", "BEGIN"];
    let begin = *chance.one_of(&begins);
    let mut steps = vec![say(chance, begin)];
    steps.extend(some(
        chance,
        6,
        &[
            "INSERT INTO t (w) VALUES ('in a transaction')",
            "SAVEPOINT p",
            "ROLLBACK TO p",
            "RELEASE SAVEPOINT p",
            "SELECT COUNT(*), @@in_transaction FROM t",
            "UPDATE u SET w = CONCAT(w, '!') WHERE id = 5",
            "SELECT * FROM nowhere",
            "SET time_zone = '-01:00'",
            "SELECT w FROM u WHERE id = 5 FOR UPDATE",
        ],
    ));
    if chance.percent(30) {
        steps.extend(all(chance, &["COMMIT AND CHAIN", "INSERT INTO t (w) VALUES ('chained')"]));
    }
    let end = *chance.one_of(&ends);
    steps.push(say(chance, end));
    steps.extend(all(
        chance,
        &["COMMIT", "SELECT COUNT(*), @@in_transaction FROM t", "SELECT w FROM u WHERE id = 5"],
    ));
    steps
}

pub fn one_shot(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = some(
        chance,
        1,
        &["SET TRANSACTION READ ONLY", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY"],
    );
    steps.extend(some(chance, 2, &["SELECT 1", "SET @@time_zone = '+00:00'", "DO 1"]));
    for _ in 0..2 {
        steps.extend(all(chance, &["INSERT INTO t (w) VALUES ('at once')", "COMMIT"]));
    }
    steps
}

pub fn without_autocommit(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = all(chance, &["SET autocommit = 0", "SELECT @@autocommit, @@in_transaction"]);
    steps.extend(some(
        chance,
        5,
        &[
            "SELECT COUNT(*) FROM t",
            "INSERT INTO t (w) VALUES ('implicit')",
            "COMMIT",
            "ROLLBACK",
            "SELECT @@in_transaction",
            "DELETE FROM t WHERE id % 5 = 0",
        ],
    ));
    steps.extend(some(chance, 1, &["COMMIT", "ROLLBACK"]));
    steps.extend(all(chance, &["SET autocommit = 1", "SELECT COUNT(*) FROM t"]));
    steps
}

pub fn xa(chance: &mut Chance, home: &str) -> Vec<Step> {
    let end = if chance.percent(50) { "XA COMMIT 'NAME'" } else { "XA ROLLBACK 'NAME'" };
    let short =
        ["XA START 'NAME'", "INSERT INTO t (w) VALUES ('xa')", "XA END 'NAME'", "XA COMMIT 'NAME' ONE PHASE"];
    let long = [
        "XA START 'NAME'",
        "INSERT INTO t (w) VALUES ('xa')",
        "SELECT COUNT(*) FROM t",
        "XA END 'NAME'",
        "XA PREPARE 'NAME'",
        end,
        "SELECT COUNT(*) FROM t",
    ];
    let statements = if chance.percent(50) { &short[..] } else { &long[..] };
    statements.iter().map(|sql| say(chance, &sql.replace("NAME", home))).collect()
}

pub fn sequence(chance: &mut Chance, _home: &str) -> Vec<Step> {
    some(
        chance,
        4,
        &[
            "SELECT NEXTVAL(s)",
            "SELECT LASTVAL(s)",
            "SELECT PREVIOUS VALUE FOR s",
            "INSERT INTO t (n) VALUES (NEXT VALUE FOR s)",
            STATE,
        ],
    )
}

pub fn several(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let texts = [
        "SELECT 1; SELECT COUNT(*) FROM t; DO 1; SELECT 2",
        "SET time_zone = '+03:00'; SELECT @@time_zone; INSERT INTO t (w) VALUES ('several'); SELECT LAST_INSERT_ID()",
        "SELECT 1; SELECT * FROM nowhere; SELECT 2",
        "BEGIN; INSERT INTO t (w) VALUES ('x'); ROLLBACK; SELECT ROW_COUNT()",
        "CALL two()",
        "CALL two(); CALL two(); SELECT 'last'",
    ];
    let text = (*chance.one_of(&texts)).to_owned();
    vec![Step::Text(text), say(chance, STATE)]
}

pub fn load(chance: &mut Chance, home: &str) -> Vec<Step> {
    let text = format!("LOAD DATA LOCAL INFILE 'x' INTO TABLE {home}.t (w, n)");
    vec![
        Step::Load(text, b"loaded\t1\nloaded too\tx\n".to_vec()),
        Step::Text("SHOW WARNINGS".to_owned()),
        say(chance, "SELECT LAST_INSERT_ID()"),
    ]
}

pub fn alteration(chance: &mut Chance, _home: &str) -> Vec<Step> {
    some(
        chance,
        2,
        &[
            "ALTER TABLE u ADD COLUMN IF NOT EXISTS c INT DEFAULT 5",
            "ALTER TABLE u DROP COLUMN IF EXISTS c",
            "ALTER TABLE u MODIFY w VARCHAR(50) CHARACTER SET latin1",
            "ANALYZE TABLE v",
            "TRUNCATE t",
        ],
    )
}
