//! ROW_COUNT(), FOUND_ROWS(), SQL_CALC_FOUND_ROWS right after the statement equal direct.

use super::play::Play;
use crate::support::capabilities::FOUND_ROWS;
use crate::support::client::Parameter;

/// One of each kind, and what each of them makes of the two numbers.
const STATEMENTS: [&str; 25] = [
    "INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')",
    "UPDATE t SET w = 'x' WHERE a > 1",
    "UPDATE t SET w = 'x'",
    "REPLACE INTO t VALUES (1, 'again')",
    "INSERT INTO t VALUES (1, 'dup') ON DUPLICATE KEY UPDATE w = 'dup'",
    "INSERT IGNORE INTO t VALUES (1, 'x'), (4, 'four')",
    "SELECT a FROM t",
    "SELECT a FROM t WHERE a > 99",
    "SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 2",
    "SELECT SQL_CALC_FOUND_ROWS seq FROM mysql.seq_1_to_1000 LIMIT 0",
    "SELECT a FROM t LIMIT 1",
    "(SELECT SQL_CALC_FOUND_ROWS a FROM t) UNION ALL (SELECT a FROM t) LIMIT 3",
    "SELECT /*! SQL_CALC_FOUND_ROWS */ a FROM t LIMIT 1",
    "SELECT a INTO @found FROM t LIMIT 1",
    "SHOW TABLES",
    "SHOW WARNINGS",
    "DO 1",
    "SET @x = 1",
    "CREATE TABLE IF NOT EXISTS other (a INT)",
    "CALL p()",
    "CALL q()",
    "DELETE FROM t WHERE a = 4 RETURNING a, w",
    "BEGIN",
    "UPDATE t SET w = CONCAT(w, '!') WHERE a < 3",
    "ROLLBACK",
];

#[test]
fn b10_row_count_and_found_rows_are_those_of_the_last_statement() {
    for (name, capabilities) in [("b10", 0), ("b10_found", FOUND_ROWS)] {
        Play::new(name).extremes().capabilities(capabilities).compare(|stage| {
            stage.a.say_all(&[
                "CREATE TABLE t (a INT PRIMARY KEY, w VARCHAR(20))",
                "CREATE PROCEDURE p() BEGIN DELETE FROM t WHERE a = 2; SELECT a FROM t; END",
                "CREATE PROCEDURE q() INSERT INTO t VALUES (20, 'x'), (21, 'y')",
            ]);
            for sql in STATEMENTS {
                stage.a.say(sql);
                stage.disturb_around();
                stage.a.say("SELECT ROW_COUNT()");
                stage.disturb_around();
                stage.a.say("SELECT ROW_COUNT(), FOUND_ROWS() >= 0");
            }
            stage.a.say("SELECT 1");
            for sql in STATEMENTS {
                stage.a.tell(sql);
                stage.disturb_around();
                stage.a.say("SELECT FOUND_ROWS()");
                stage.disturb_around();
                stage.a.say("SELECT FOUND_ROWS(), ROW_COUNT()");
            }
            for sql in
                ["SELECT * FROM nowhere", "INSERT INTO t VALUES (1, 'duplicate')", "UPDATE t SET a = 1"]
            {
                stage.a.say("SELECT SQL_CALC_FOUND_ROWS seq FROM mysql.seq_1_to_1000 LIMIT 5");
                stage.a.fails(sql);
                stage.disturb_around();
                stage.a.say("SELECT ROW_COUNT(), FOUND_ROWS()");
            }
        });
    }
}

#[test]
fn b10_the_counts_of_prepared_statements_and_of_statements_that_use_them_are_kept() {
    Play::new("b10_prepared").in_one_protocol().compare(|stage| {
        stage.a.say("CREATE TABLE t (a INT PRIMARY KEY, n INT)");
        let insert = stage.a.prepare("INSERT INTO t VALUES (?, 0), (? + 100, 0)");
        let counts = stage.a.prepare("SELECT ROW_COUNT(), FOUND_ROWS() >= 0");
        let select = stage.a.prepare("SELECT SQL_CALC_FOUND_ROWS a FROM t WHERE a > ? LIMIT 1");
        let found = stage.a.prepare("SELECT FOUND_ROWS(), ROW_COUNT()");
        for round in 1..4 {
            stage.a.execute(insert, 0, &[Parameter::Int(round), Parameter::Int(round)]);
            stage.disturb_around();
            stage.a.execute(counts, 0, &[]);
            stage.a.execute(select, 0, &[Parameter::Int(0)]);
            stage.disturb_around();
            stage.a.execute(found, 0, &[]);
            stage.a.execute(select, 0, &[Parameter::Int(1)]);
            stage.disturb_around();
            stage.a.say("INSERT INTO t VALUES (FOUND_ROWS() + 1000, ROW_COUNT())");
            stage.disturb_around();
            stage.a.say("UPDATE t SET n = ROW_COUNT() + 5");
            stage.a.say("SELECT a, n FROM t ORDER BY a");
            stage.disturb_around();
            stage.a.say("SET @n = FOUND_ROWS()");
            stage.a.say("SELECT @n");
            stage.a.say("DELETE FROM t WHERE a >= 1000");
        }
    });
}

#[test]
fn b10_a_login_that_asks_the_server_on_another_sessions_connection_leaves_its_counts() {
    Play::new("b10_login").in_one_protocol().compare(|stage| {
        stage.a.say("CREATE TABLE t (a INT)");
        for rows in 1..4 {
            // What accounts may do can have changed, so the next login asks.
            stage.others(|other| other.say_all(&["CREATE OR REPLACE TABLE defined (a INT)"]));
            stage.a.tell(&format!("SELECT SQL_CALC_FOUND_ROWS seq FROM mysql.seq_1_to_{rows}00 LIMIT 2"));
            stage.session("late").say("SELECT 1");
            stage.a.say("SELECT FOUND_ROWS(), ROW_COUNT()");
        }
    });
}
