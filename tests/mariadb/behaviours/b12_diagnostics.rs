//! SHOW WARNINGS/ERRORS, SHOW COUNT(*) WARNINGS, `@@warning_count`, GET DIAGNOSTICS after a statement with warnings equal
//! direct, with leading comments too.

use super::play::Play;
use crate::support::client::Parameter;
use crate::support::response::Kind;

const SPEAKS: [&str; 12] = [
    "SELECT CAST('abc' AS SIGNED), 1 / 0",
    "SELECT CAST('abc' AS SIGNED) FROM mysql.seq_1_to_100",
    "INSERT IGNORE INTO t VALUES (1), (1), ('x')",
    "CREATE TABLE IF NOT EXISTS t (a INT)",
    "DROP TABLE IF EXISTS nowhere, nowhere_else",
    "SELECT * FROM nowhere",
    "INSERT INTO t VALUES (1)",
    "SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'as told', MYSQL_ERRNO = 1234",
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'as told'",
    "CALL warns()",
    "CALL fails()",
    "SELEC",
];

const ASKS: [&str; 12] = [
    "SHOW WARNINGS",
    "SHOW ERRORS",
    "SHOW COUNT(*) WARNINGS",
    "SHOW COUNT(*) ERRORS",
    "SELECT @@warning_count, @@error_count",
    "SELECT @@session.warning_count + 1",
    "/* a comment */ SHOW WARNINGS LIMIT 1",
    "-- a comment\n# another\nSHOW /* all */ WARNINGS LIMIT 1, 5",
    "/*! SHOW */ /*M!50101 ERRORS */",
    "GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT",
    "GET CURRENT DIAGNOSTICS CONDITION 1 @s = RETURNED_SQLSTATE, @e = MYSQL_ERRNO, @m = MESSAGE_TEXT",
    "/* first */ GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT",
];

#[test]
fn b12_diagnostics_are_those_of_a_s_last_statement() {
    Play::new("b12").extremes().compare(|stage| {
        stage.a.say_all(&[
            "CREATE TABLE t (a INT PRIMARY KEY)",
            "INSERT INTO t VALUES (1)",
            "CREATE PROCEDURE warns() BEGIN SELECT CAST('abc' AS SIGNED); INSERT IGNORE INTO t VALUES (1); END",
            "CREATE PROCEDURE fails() BEGIN SELECT CAST('abc' AS SIGNED); INSERT INTO t VALUES (1); END",
        ]);
        for (number, speaks) in SPEAKS.into_iter().enumerate() {
            // Every statement meets four questions; every question meets statements of every kind.
            for asks in ASKS.iter().skip(number % 3).step_by(3) {
                stage.a.tell(speaks);
                stage.disturb_around();
                stage.a.tell(asks);
                stage.a.say("SHOW WARNINGS");
            }
            stage.a.say("SELECT @n, @r, @s, @e, @m");
            stage.others(|other| {
                other.say("SHOW WARNINGS");
                other.say("SELECT @@warning_count, @@error_count");
            });
        }
        stage.a.say("SET max_error_count = 2");
        stage.a.say("SELECT CAST('abc' AS SIGNED) FROM mysql.seq_1_to_100");
        stage.disturb_around();
        stage.a.say("SHOW COUNT(*) WARNINGS");
        stage.a.say("SHOW WARNINGS");
    });
}

/// What clears the diagnostics and what leaves them standing is the server's business, also where nobody asks it anything else.
#[test]
fn b12_diagnostics_stand_until_a_statement_that_clears_them() {
    Play::new("b12_stand").in_one_protocol().compare(|stage| {
        stage.a.say("CREATE TABLE t (a INT PRIMARY KEY)");
        let select = stage.a.prepare("SELECT CAST(? AS SIGNED)");
        for between in [
            "SELECT 1",
            "SELECT * FROM t",
            "SET @x = 1",
            "SET time_zone = '+01:00'",
            "DO 1",
            "BEGIN",
            "COMMIT",
            "ROLLBACK",
            "USE b12_stand",
            "SET NAMES utf8mb4",
        ] {
            stage.a.execute(select, 0, &[Parameter::Text("abc")]);
            stage.disturb_around();
            stage.a.say("SELECT @@warning_count");
            stage.a.execute(select, 0, &[Parameter::Text("abc")]);
            stage.disturb_around();
            stage.a.say(between);
            stage.disturb_around();
            stage.a.say("SHOW WARNINGS");
        }
        for command in [&b"\x0e"[..], b"\x02b12_stand", b"\x1b\x00\x00", b"\x1f"] {
            stage.a.say("SELECT CAST('abc' AS SIGNED)");
            stage.a.ask("a command", command, Kind::One);
            stage.disturb_around();
            stage.a.say("SHOW WARNINGS");
        }
    });
}

#[test]
fn b12_the_names_that_a_signal_gives_are_kept() {
    Play::new("b12_names").compare(|stage| {
        stage
            .a
            .fails("SIGNAL SQLSTATE '45000' SET CONSTRAINT_NAME = 'c', TABLE_NAME = 't', MESSAGE_TEXT = 'm'");
        stage.disturb_around();
        stage.a.say("GET DIAGNOSTICS CONDITION 1 @c = CONSTRAINT_NAME, @t = TABLE_NAME, @m = MESSAGE_TEXT");
        stage.a.say("SELECT @c, @t, @m");
    });
}
