//! What a statement leaves behind, asks of the one before, or may do twice.

use super::{have, lack};
use crate::sql::effects::Effects;

#[test]
fn sequences_are_seen_advanced() {
    have(
        Effects::SEQUENCE,
        &[
            "SELECT NEXTVAL(s)",
            "SELECT nextval (d.s)",
            "SELECT NEXT VALUE FOR s",
            "select next/**/value/**/for d.s",
            "SELECT s.NEXTVAL",
            "SELECT SETVAL(s, 5)",
            "INSERT INTO t VALUES (NEXT VALUE FOR s)",
            "DO NEXTVAL(s)",
        ],
    );
    lack(
        Effects::SEQUENCE,
        &[
            "SELECT LASTVAL(s), PREVIOUS VALUE FOR s",
            "SELECT next, value FROM t",
            "SELECT nextval FROM t",
            "CREATE SEQUENCE s",
            "SELECT next value FROM t",
        ],
    );
}

#[test]
fn the_last_insert_id_is_seen_read_and_written() {
    have(
        Effects::READS_INSERT_ID,
        &[
            "SELECT LAST_INSERT_ID()",
            "SELECT last_insert_id ( ) + 1",
            "SELECT `last_insert_id`()",
            "INSERT INTO t VALUES (LAST_INSERT_ID(), 1)",
            "SELECT @@last_insert_id",
            "SELECT @@identity, 1",
            "SELECT @@session.last_insert_id",
            "SELECT @@local . `identity`",
            "SELECT @@session /* x */ . /*! identity */",
            "SET @a = @@identity",
            "SELECT LAST_INSERT_ID(5)",
        ],
    );
    lack(
        Effects::READS_INSERT_ID,
        &[
            "SELECT last_insert_id FROM t",
            "SELECT @@insert_id",
            "SET @@last_insert_id = 5",
            "INSERT INTO t VALUES (1)",
        ],
    );
    have(
        Effects::WRITES_INSERT_ID,
        &[
            "INSERT INTO t VALUES (1)",
            "REPLACE t SET a = 1",
            "LOAD DATA INFILE 'x' INTO TABLE t",
            "CREATE TABLE t SELECT 1",
            "UPDATE t SET a = LAST_INSERT_ID(a + 1)",
            "SELECT LAST_INSERT_ID(5)",
            "SET last_insert_id = 5",
            "SET @@session.identity = 5",
            "ANALYZE INSERT INTO t VALUES (1)",
            "SET STATEMENT a=1 FOR INSERT INTO t VALUES (1)",
        ],
    );
    lack(
        Effects::WRITES_INSERT_ID,
        &[
            "SELECT LAST_INSERT_ID()",
            "SELECT LAST_INSERT_ID( /* none */ )",
            "UPDATE t SET a = 1",
            "SELECT 1",
            "SELECT INSERT('a', 1, 1, 'b')",
            "CREATE TABLE t (a INT)",
        ],
    );
}

#[test]
fn questions_about_the_statement_before_are_seen() {
    have(Effects::READS_ROW_COUNT, &["SELECT ROW_COUNT()", "SELECT row_count ()", "DO ROW_COUNT()"]);
    lack(Effects::READS_ROW_COUNT, &["SELECT row_count FROM t", "SELECT FOUND_ROWS()"]);
    have(Effects::READS_FOUND_ROWS, &["SELECT FOUND_ROWS()", "SELECT /* wp */ found_rows() AS n"]);
    lack(Effects::READS_FOUND_ROWS, &["SELECT found_rows FROM t"]);
    have(
        Effects::CALCULATES_FOUND_ROWS,
        &["SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1", "select distinct sql_calc_found_rows 1"],
    );
    lack(Effects::CALCULATES_FOUND_ROWS, &["SELECT 'SQL_CALC_FOUND_ROWS'", "SELECT 1"]);
    have(
        Effects::READS_DIAGNOSTICS,
        &[
            "SHOW WARNINGS",
            "/* x */ SHOW /* y */ ERRORS",
            "SHOW COUNT(*) WARNINGS",
            "SELECT @@warning_count",
            "SELECT @@session.error_count",
            "SELECT @@`error_count`",
            "GET DIAGNOSTICS @a = NUMBER",
            "GET CURRENT DIAGNOSTICS CONDITION 1 @a = MESSAGE_TEXT",
        ],
    );
    lack(
        Effects::READS_DIAGNOSTICS,
        &["SHOW TABLES", "SELECT @@max_error_count", "SELECT warning_count FROM t"],
    );
}

#[test]
fn reads_that_may_be_executed_twice_are_told() {
    have(
        Effects::REPEATABLE_READ,
        &[
            "SELECT 1",
            "SELECT a FROM t WHERE b = 'x';",
            "(SELECT 1) UNION (SELECT 2)",
            "WITH c AS (SELECT 1) SELECT * FROM c",
            "SHOW TABLES",
            "SELECT LAST_INSERT_ID()",
            "SELECT SQL_CALC_FOUND_ROWS * FROM t LIMIT 1",
            "SELECT NOW(), RAND(), UUID()",
        ],
    );
    lack(
        Effects::REPEATABLE_READ,
        &[
            "SELECT 1 INTO @a",
            "SELECT 1 INTO OUTFILE 'x'",
            "SELECT a FROM t FOR UPDATE",
            "SELECT a FROM t LOCK IN SHARE MODE",
            "SELECT @a",
            "SELECT f(1)",
            "SELECT GET_LOCK('a', 1)",
            "SELECT RELEASE_LOCK('a')",
            "SELECT NEXTVAL(s)",
            "SELECT SLEEP(1)",
            "SELECT BENCHMARK(1, 1)",
            "SELECT MASTER_POS_WAIT('a', 1)",
            "SELECT LAST_INSERT_ID(1)",
            "SELECT ROW_COUNT()",
            "SELECT FOUND_ROWS()",
            "SHOW WARNINGS",
            "SELECT @@warning_count",
            "SELECT 1; SELECT 2",
            "SET STATEMENT a=1 FOR SELECT 1",
            "INSERT INTO t VALUES (1)",
            "DO 1",
            "EXPLAIN SELECT 1",
            "",
        ],
    );
}
