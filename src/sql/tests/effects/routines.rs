//! What cannot be seen through.

use super::{have, lack};
use crate::sql::SqlMode;
use crate::sql::classify::{classify, classify_prefix};
use crate::sql::effects::Effects;
use crate::sql::kind::Kind;
use crate::sql::multibyte::Multibyte;
use crate::sql::subject::Subject;

#[test]
fn what_cannot_be_seen_through_is_a_routine() {
    have(
        Effects::ROUTINE,
        &[
            "CALL p()",
            "EXECUTE s",
            "EXECUTE IMMEDIATE 'SELECT 1'",
            "BEGIN NOT ATOMIC SELECT 1; END",
            "IF 1 THEN SELECT 1; END IF",
            "SELECT f(1)",
            "SELECT f (1)",
            "SELECT `f`(1)",
            "SELECT d.abs(1)",
            "SELECT `d`.`f`()",
            "SELECT d . f ()",
            "SELECT 1 + f(1)",
            "SELECT -f(1)",
            "SELECT ABS(f(1))",
            "SELECT CASE WHEN (a) THEN f(a) ELSE f(b) END FROM t",
            "SELECT 1 FROM t WHERE (a) AND f(b)",
            "SELECT 1 FROM t WHERE a IN (f(1))",
            "SELECT 1 WHERE 'a' SOUNDS LIKE f(1)",
            "SELECT COUNT (1)",
            "SELECT event(1), package (1)",
            "SELECT JSON_TABLE(1)",
            "DO json_table ('a', (SELECT 1)), columns('x')",
            "SELECT `count`(1)",
            "SELECT `now`()",
            "INSERT INTO t (a) VALUES (f(1))",
            "INSERT INTO t (a) SELECT f(1)",
            "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = f(1)",
            "INSERT INTO t VALUES (1) RETURNING f(a)",
            "UPDATE t SET a = f(1)",
            "DELETE FROM t WHERE f(a)",
            "SET a = f(1)",
            "SET STATEMENT a = f(1) FOR SELECT 1",
            "DO f(1)",
            "CREATE TABLE t AS SELECT f(1)",
            "EXPLAIN SELECT f(1)",
            "KILL f(1)",
            "PREPARE s FROM f()",
            "WITH c (a) AS (SELECT f(1)) SELECT * FROM c",
            "SELECT 'a",
            "SELECT `a",
            "SELECT 1 /* a",
            "/*! SELECT 1",
            "SELECT \\N",
            "SELECT 1 \0",
            "BINLOG 'x'",
            "SELEKT 1",
            "CREATE PROCEDURE p() SELECT begin FROM t; SELECT GET_LOCK('a', 1)",
        ],
    );
}

#[test]
fn parentheses_alone_are_no_call() {
    lack(
        Effects::ROUTINE,
        &[
            "INSERT INTO t (a) VALUES (1)",
            "INSERT INTO d.t (a) VALUE (1)",
            "INSERT t(a) SELECT 1",
            "INSERT INTO `d` . `t`(a) VALUES(1)",
            "INSERT LOW_PRIORITY IGNORE INTO t (a) VALUES (1)",
            "INSERT HIGH_PRIORITY t (a) VALUES (1)",
            "INSERT IGNORE t (a) VALUES (1)",
            "REPLACE DELAYED t (a) VALUES (1)",
            "INSERT INTO user (a) VALUES (1)",
            "INSERT INTO t PARTITION (p0, p1) (a) VALUES (1)",
            "SELECT INSERT('a', 1, 1, 'b'), REPLACE('a', 'b', 'c'), LEFT('a', 1), IF(1, 2, 3), CHAR(65), MOD(1, 2)",
            "SELECT 1 FROM t WHERE a IN (1) AND (b) OR NOT (c) AND EXISTS (SELECT 1)",
            "SELECT * FROM a JOIN b USING (c) JOIN d ON (e)",
            "SELECT * FROM (SELECT 1) x",
            "SELECT * FROM (SELECT 1) AS x (a), (SELECT 2) `y` (`b`)",
            "SELECT * FROM t USE INDEX (a) IGNORE KEY FOR JOIN (b)",
            "SELECT * FROM t FORCE INDEX FOR ORDER BY (`a`)",
            "WITH c (a, b) AS (SELECT 1, 2), `d`(`e`) AS (SELECT 3) SELECT * FROM c, d",
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT n FROM c",
            "SELECT COUNT(*) OVER (PARTITION BY a ORDER BY b), RANK() OVER w FROM t WINDOW w AS (ORDER BY a)",
            "SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY a) OVER (PARTITION BY b) FROM t",
            "SELECT MATCH (a, b) AGAINST ('x' IN BOOLEAN MODE) FROM t",
            "SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (a INT PATH '$')) AS j",
            "SELECT CAST(a AS CHAR(10)), CAST(a AS DECIMAL(10, 2)), CONVERT(a, UNSIGNED), a COLLATE utf8_bin FROM t",
            "SELECT DATE_ADD(a, INTERVAL (1) DAY), INTERVAL(1, 2), EXTRACT(DAY FROM a), TRIM(BOTH 'x' FROM a)",
            "SELECT SUM(DISTINCT (a)), GROUP_CONCAT(a ORDER BY b SEPARATOR ','), a DIV (2), a XOR (1), a BETWEEN (1) AND (2)",
            "SELECT a > ANY (SELECT 1), b = ALL (SELECT 2), c = SOME (SELECT 3), ROW (1, 2) = (1, 2)",
            "(SELECT 1) UNION ALL (SELECT 2) EXCEPT (SELECT 3) INTERSECT (SELECT 4)",
            "SELECT {d '2001-01-01'}, {fn ABS(1)}",
            "LOAD DATA INFILE 'x' INTO TABLE t (a, b)",
            "LOAD DATA INFILE 'x' INTO TABLE t CHARACTER SET utf8 (a, b)",
            "LOAD DATA INFILE 'x' INTO TABLE t FIELDS TERMINATED BY ',' LINES TERMINATED BY 'y' IGNORE 1 LINES (a) SET b = 1",
            "CREATE TABLE t (a INT(10) PRIMARY KEY, b VARCHAR(10) DEFAULT (f(1)), KEY k (b), c INT AS (a + 1), CONSTRAINT z FOREIGN KEY y (a) REFERENCES u (a))",
            "CREATE TABLE IF NOT EXISTS t (a INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (5))",
            "ALTER TABLE t ADD INDEX i (a), ADD UNIQUE u(b(10)), ADD PERIOD FOR p (c, d)",
            "CREATE UNIQUE INDEX i ON t (a)",
            "CREATE OR REPLACE VIEW v (a) AS SELECT f(1)",
            "CREATE PROCEDURE p(a INT) SELECT f(a)",
            "CREATE FUNCTION f() RETURNS INT RETURN g()",
            "CREATE DEFINER=a@b TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN CALL p(); SET NEW.a = f(1); END",
            "GRANT SELECT (a), UPDATE (b) ON d.t TO x@y",
            "CREATE USER a IDENTIFIED VIA ed25519 USING PASSWORD('x')",
            "ANALYZE TABLE t PERSISTENT FOR COLUMNS (a) INDEXES (b)",
            "SELECT f FROM t WHERE f = 1",
            "SELECT a FROM t PROCEDURE ANALYSE(1, 2)",
            "SHOW COUNT(*) WARNINGS",
            "SHOW FULL COLUMNS FROM t WHERE Field IN ('a')",
            "HANDLER t READ k = (1, 2)",
            "PREPARE s FROM CONCAT('a', 'b')",
            "SELECT UUID_v7()",
        ],
    );
}

#[test]
fn what_is_read_in_a_mode_that_the_text_itself_sets_is_a_routine() {
    have(
        Effects::ROUTINE,
        &[
            "SET sql_mode = 'ANSI_QUOTES'; SELECT 1",
            "SET a = 1, NAMES sjis; SELECT 1",
            "SET CHARACTER SET gbk; SELECT 1",
            "SET @@character_set_client = big5; SELECT 1",
            "SET STATEMENT a=1 FOR SET sql_mode = ''; SELECT 1",
        ],
    );
    lack(
        Effects::ROUTINE,
        &["SET sql_mode = 'ANSI_QUOTES';", "SET autocommit = 0; SELECT 1", "SET PASSWORD = ''; SELECT 1"],
    );
}

#[test]
fn a_newer_servers_function_is_a_routine_on_an_older_one() {
    let old = SqlMode { version: 101_119, ..SqlMode::default() };
    assert!(classify(b"SELECT FORMAT_BYTES(1)", old).effects.contains(Effects::ROUTINE));
}

#[test]
fn a_text_of_which_only_the_beginning_is_known_may_do_anything() {
    let statement = classify_prefix(b"SET autocommit = 0", SqlMode::default());
    assert_eq!((statement.kind, statement.effects), (Kind::Set, Effects::ROUTINE));
    assert_eq!(statement.subject, Subject::Unknown);
    let statement = classify_prefix(b"LOAD DATA LOCAL INFILE 'x", SqlMode::default());
    assert!(statement.asks_local_file);
    let statement = classify_prefix(b"KILL 1; SELECT CONNECTION_ID()", SqlMode::default());
    assert!(statement.kill.is_none() && statement.connection_id.is_empty());
}

#[test]
fn the_modes_of_the_session_decide_what_is_text() {
    let ansi = SqlMode { ansi_quotes: true, ..SqlMode::default() };
    assert!(
        !classify(b"SELECT \"f\"(1)", SqlMode::default())
            .effects
            .contains(Effects::REPEATABLE_READ | Effects::ROUTINE)
    );
    assert!(classify(b"SELECT \"f\"(1)", ansi).effects.contains(Effects::ROUTINE));
    let sjis = SqlMode { multibyte: Multibyte::Sjis, ..SqlMode::default() };
    let text = b"SELECT '\x95\x5c', @a, '\x95\x5c'";
    assert!(classify(text, sjis).effects.contains(Effects::USER_VARIABLE));
    let text = b"SELECT '\x81\x5c'' @a'";
    assert!(!classify(text, sjis).effects.contains(Effects::USER_VARIABLE));
}
