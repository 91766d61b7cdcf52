//! What a text does, flag by flag.

use super::told;
use crate::sql::SqlMode;
use crate::sql::classify::{classify, classify_prefix};
use crate::sql::effects::Effects;
use crate::sql::kind::Kind;
use crate::sql::multibyte::Multibyte;
use crate::sql::subject::Subject;

fn have(flag: Effects, texts: &[&str]) {
    for text in texts {
        let effects = told(text).effects;
        assert!(effects.contains(flag), "{text}: {effects:?}");
    }
}

fn lack(flag: Effects, texts: &[&str]) {
    for text in texts {
        let effects = told(text).effects;
        assert!(!effects.intersects(flag), "{text}: {effects:?}");
    }
}

#[test]
fn set_statement_sets_back_what_it_sets() {
    have(
        Effects::SETS_BACK,
        &["SET STATEMENT a = 1 FOR SELECT 1", "SELECT 1; SET STATEMENT a = (SELECT 1 FOR UPDATE) FOR DO 1"],
    );
    lack(Effects::SETS_BACK, &["SET a = 1", "SELECT 1 FOR UPDATE", "SET STATEMENT a = 1"]);
}

#[test]
fn user_variables_are_seen_wherever_they_are_evaluated() {
    have(
        Effects::USER_VARIABLE,
        &[
            "SELECT @a",
            "SELECT@a",
            "SELECT 1 FROM t WHERE a=@a",
            "SELECT @`a b`, 1",
            "SELECT @'a'",
            "SET @a = 1",
            "SET@a=1",
            "SET autocommit = 0, @a := 5",
            "DO@a:=1",
            "SELECT 1 INTO @a",
            "SELECT a INTO@a FROM t",
            "INSERT INTO t VALUES (@a:=1)",
            "CALL p(@a)",
            "EXECUTE s USING @a",
            "PREPARE s FROM @a",
            "PREPARE s FROM 'SELECT 1 INTO @a'",
            "PREPARE s FROM CONCAT('SELECT ', '@a := 1')",
            "LOAD DATA INFILE 'x' INTO TABLE t (@a, b) SET c = @a",
            "GET DIAGNOSTICS CONDITION 1 @a = MESSAGE_TEXT",
            "KILL @a",
            "KILL QUERY@a",
            "SHOW VARIABLES WHERE Value = @a",
            "SELECT 1; SELECT @a",
            "/*! SELECT @a */",
            "SET STATEMENT a=@a FOR SELECT 1",
            "CREATE TABLE t SELECT@a:=1",
            "SELECT 'root'@a",
        ],
    );
}

#[test]
fn the_host_of_an_account_is_no_user_variable() {
    lack(
        Effects::USER_VARIABLE,
        &[
            "SELECT @@a, '@b', `@c`, \"@d\" /* @e */ -- @f",
            "CREATE USER 'a'@'b'",
            "CREATE USER a@b IDENTIFIED BY 'x'",
            "GRANT SELECT ON *.* TO `a`@`b`, c@'%'",
            "DROP USER a@localhost",
            "SET PASSWORD FOR 'a'@'b' = PASSWORD('x')",
            "SET PASSWORD FOR a@b = ''",
            "SET DEFAULT ROLE r FOR a@b",
            "SHOW GRANTS FOR 'a'@'b'",
            "SHOW CREATE USER a@b",
            "KILL USER a@b",
            "KILL QUERY USER 'a'@'b'",
            "ALTER DEFINER=a@b EVENT e ENABLE",
            "CREATE DEFINER=`a`@`b` VIEW v AS SELECT 1",
            "CREATE DEFINER=a@b PROCEDURE p() SET @x = 1",
        ],
    );
}

#[test]
fn user_locks_are_seen_taken_and_released() {
    have(
        Effects::TAKES_USER_LOCK,
        &[
            "SELECT GET_LOCK('a', 1)",
            "select get_lock ('a', 1)",
            "DO GET_LOCK('a', 1)",
            "SELECT `get_lock`('a', 1)",
            "SELECT GET_LOCK/**/('a', 1)",
            "SELECT /*! GET_LOCK */ ('a', 1)",
            "SET @a = GET_LOCK('a', 1)",
            "SELECT 1 WHERE GET_LOCK('a', 1)",
            "INSERT INTO t VALUES (GET_LOCK('a', 1))",
            "SET STATEMENT a=1 FOR SELECT GET_LOCK('a', 1)",
            "CREATE TABLE t SELECT GET_LOCK('a', 1)",
            "EXPLAIN SELECT GET_LOCK('a', 1)",
        ],
    );
    lack(
        Effects::TAKES_USER_LOCK,
        &[
            "SELECT get_lock FROM t",
            "SELECT 'GET_LOCK(1)'",
            "SELECT IS_FREE_LOCK('a')",
            "CREATE VIEW v AS SELECT GET_LOCK('a', 1)",
        ],
    );
    have(Effects::RELEASES_USER_LOCK, &["SELECT RELEASE_LOCK('a')", "DO RELEASE_ALL_LOCKS()"]);
    lack(Effects::RELEASES_USER_LOCK, &["SELECT release_lock", "SELECT GET_LOCK('a', 1)"]);
}

#[test]
fn all_locks_are_released_for_sure_only_by_a_statement_of_nothing_else() {
    let all = Effects::RELEASES_ALL_USER_LOCKS;
    have(
        all,
        &["SELECT RELEASE_ALL_LOCKS()", "do `release_all_locks` ( ) ;", "SELECT RELEASE_ALL_LOCKS() AS x"],
    );
    lack(
        all,
        &[
            "SELECT RELEASE_ALL_LOCKS() FROM t",
            "SELECT RELEASE_ALL_LOCKS(), GET_LOCK('a', 1)",
            "SELECT 0 AND RELEASE_ALL_LOCKS()",
            "SELECT RELEASE_ALL_LOCKS(); SELECT 1",
            "SELECT RELEASE_LOCK('a')",
            "SELECT RELEASE_ALL_LOCKS() LIMIT 0",
        ],
    );
}

#[test]
fn temporary_tables_are_seen_created_and_tables_dropped() {
    have(
        Effects::CREATES_TEMPORARY,
        &[
            "CREATE TEMPORARY TABLE t (a INT)",
            "CREATE OR REPLACE TEMPORARY TABLE t LIKE u",
            "create/**/temporary/* x */table if not exists t select 1",
            "/*!50101 CREATE TEMPORARY */ TABLE t (a INT)",
            "CREATE TEMPORARY SEQUENCE s",
            "SET STATEMENT a=1 FOR CREATE TEMPORARY TABLE t (a INT)",
            "SELECT 1; CREATE TEMPORARY TABLE t (a INT)",
        ],
    );
    lack(
        Effects::CREATES_TEMPORARY,
        &[
            "CREATE TABLE temporary (a INT)",
            "DROP TEMPORARY TABLE t",
            "CREATE PROCEDURE p() CREATE TEMPORARY TABLE t (a INT)",
            "SELECT 'CREATE TEMPORARY TABLE t'",
        ],
    );
    have(
        Effects::DROPS_TABLE,
        &[
            "DROP TABLE t",
            "DROP TEMPORARY TABLE IF EXISTS t",
            "DROP TABLES a, b",
            "DROP SEQUENCE s",
            "DROP /* x */ TABLE t",
        ],
    );
    lack(
        Effects::DROPS_TABLE,
        &[
            "DROP VIEW v",
            "DROP DATABASE d",
            "ALTER TABLE t DROP COLUMN a",
            "TRUNCATE TABLE t",
            "DROP PREPARE s",
        ],
    );
}

#[test]
fn handlers_are_seen_opened_and_closed() {
    have(
        Effects::OPENS_HANDLER,
        &["HANDLER t OPEN", "HANDLER d.t OPEN AS x", "HANDLER `t` OPEN x", "HANDLER close OPEN"],
    );
    have(Effects::CLOSES_HANDLER, &["HANDLER t CLOSE", "handler open close"]);
    lack(
        Effects::OPENS_HANDLER.union(Effects::CLOSES_HANDLER),
        &["HANDLER t READ FIRST", "SELECT handler, open, close"],
    );
}

#[test]
fn locks_on_tables_are_seen_taken_and_released() {
    have(Effects::LOCKS_TABLES, &["LOCK TABLES t READ", "LOCK TABLE t WRITE, u READ LOCAL"]);
    have(Effects::UNLOCKS_TABLES, &["UNLOCK TABLES", "/* x */ unlock table"]);
    have(
        Effects::READ_LOCK,
        &[
            "FLUSH TABLES WITH READ LOCK",
            "FLUSH LOCAL TABLES t WITH READ LOCK",
            "FLUSH TABLES t FOR EXPORT",
            "FLUSH TABLES WITH READ LOCK AND DISABLE CHECKPOINT",
        ],
    );
    have(Effects::BACKUP, &["BACKUP STAGE START", "BACKUP STAGE BLOCK_COMMIT", "BACKUP LOCK t"]);
    have(Effects::ENDS_BACKUP, &["BACKUP STAGE END", "BACKUP UNLOCK"]);
    let any = Effects::LOCKS_TABLES | Effects::UNLOCKS_TABLES | Effects::READ_LOCK;
    lack(
        any,
        &[
            "FLUSH TABLES",
            "FLUSH PRIVILEGES",
            "SELECT 1 LOCK IN SHARE MODE",
            "SELECT `lock`, `unlock` FROM t",
        ],
    );
    lack(Effects::BACKUP, &["BACKUP STAGE END", "BACKUP UNLOCK"]);
    lack(Effects::ENDS_BACKUP, &["BACKUP STAGE START", "BACKUP LOCK t"]);
}

#[test]
fn prepared_statements_of_sql_and_xa_are_seen() {
    have(Effects::PREPARES, &["PREPARE s FROM 'SELECT 1'", "SELECT 1; PREPARE s FROM @a"]);
    lack(Effects::PREPARES, &["DROP PREPARE s", "XA PREPARE 'a'", "SELECT `prepare`"]);
    have(Effects::DEALLOCATES, &["DEALLOCATE PREPARE s", "DROP PREPARE s"]);
    lack(Effects::DEALLOCATES, &["DROP TABLE s", "PREPARE s FROM 'x'"]);
    have(Effects::XA, &["XA START 'a'", "xa end 'a'", "XA RECOVER"]);
    lack(Effects::XA, &["SELECT xa FROM t", "START TRANSACTION"]);
}

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
fn tables_are_seen_renamed() {
    have(
        Effects::RENAMES_TABLE,
        &["RENAME TABLE a TO b", "ALTER TABLE a RENAME b", "ALTER TABLE a ADD c INT, RENAME TO b"],
    );
    lack(
        Effects::RENAMES_TABLE,
        &["ALTER TABLE a ADD `rename` INT", "DROP TABLE a", "CREATE TABLE a SELECT 1"],
    );
}

#[test]
fn a_newer_servers_function_is_a_routine_on_an_older_one() {
    let old = SqlMode { version: 101_119, ..SqlMode::default() };
    assert!(classify(b"SELECT FORMAT_BYTES(1)", old).effects.contains(Effects::ROUTINE));
}

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
fn views_of_the_settings_that_are_the_proxys_are_seen() {
    have(
        Effects::SHOWS_SETTINGS,
        &[
            "SHOW VARIABLES",
            "SHOW SESSION VARIABLES LIKE 'x'",
            "show global variables",
            "SELECT @@session_track_schema",
            "SELECT @@session.session_track_state_change",
            "SELECT @@global.session_track_schema",
            "SELECT * FROM information_schema.SYSTEM_VARIABLES",
            "SELECT * FROM `information_schema`.`session_variables`",
            "SELECT * FROM performance_schema . variables_by_thread",
            "USE performance_schema; SELECT * FROM global_variables",
        ],
    );
    lack(
        Effects::SHOWS_SETTINGS,
        &["SHOW STATUS", "SELECT @@version", "SELECT session_id, variables FROM environment_variables"],
    );
    have(
        Effects::SETS_TRACKING,
        &[
            "SET session_track_schema = ON",
            "SET a = 1, @@session.SESSION_TRACK_system_variables = '*'",
            "SET GLOBAL session_track_schema = OFF",
            "SET STATEMENT session_track_schema = OFF FOR SELECT 1",
        ],
    );
    lack(
        Effects::SETS_TRACKING,
        &["SELECT @@session_track_schema", "SET a = 'session_track_schema'", "SET @session_track_a = 1"],
    );
}

#[test]
fn what_set_sets_beside_session_variables_is_seen() {
    have(Effects::SETS_ROLE, &["SET ROLE r", "SET ROLE NONE"]);
    lack(Effects::SETS_ROLE, &["SET DEFAULT ROLE r", "SET a = role"]);
    have(
        Effects::SETS_TRANSACTION,
        &[
            "SET TRANSACTION READ ONLY",
            "SET SESSION TRANSACTION READ ONLY",
            "SET LOCAL TRANSACTION READ WRITE",
        ],
    );
    lack(Effects::SETS_TRANSACTION, &["START TRANSACTION", "SET tx_isolation = 'SERIALIZABLE'"]);
    have(
        Effects::SETS_GLOBAL,
        &[
            "SET GLOBAL a = 1",
            "SET @@global.a = 1",
            "SET b = 1, GLOBAL a = 1",
            "SET GLOBAL TRANSACTION READ ONLY",
            "SET @@GLOBAL . a = 1",
        ],
    );
    lack(Effects::SETS_GLOBAL, &["SET a = @@global.a", "SET SESSION a = 1", "SET @global = 1"]);
}

#[test]
fn a_set_of_session_variables_from_literals_is_told() {
    have(
        Effects::LITERAL_SET,
        &[
            "SET autocommit=0",
            "SET AUTOCOMMIT = 0;",
            "set session sql_mode = 'TRADITIONAL'",
            "SET NAMES utf8mb4",
            "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'",
            "SET NAMES binary, autocommit = 1",
            "SET autocommit = ON, NAMES utf8",
            "SET CHARACTER SET utf8",
            "SET CHARSET 'utf8'",
            "SET CHAR SET utf8",
            "SET a := -1, b = +1.5, c = 0x41, @@d = 'x', @@session.e = y, @@LOCAL . `f` = 1, `g` = TRUE",
            "SET time_zone = '+00:00', character_set_results = NULL",
            "/* x */ SET /*!40101 autocommit = 0 */",
            "/*!40101 SET NAMES utf8 */",
            "SET LOCAL a = 1, SESSION b = 2",
            "SET SESSION tx_isolation = 'READ-COMMITTED'",
        ],
    );
    lack(
        Effects::LITERAL_SET,
        &[
            "SET a = DEFAULT",
            "SET NAMES DEFAULT",
            "SET CHARSET DEFAULT",
            "SET NAMES utf8 COLLATE DEFAULT",
            "SET a = 1 + 1",
            "SET a = - -1",
            "SET a = -'1'",
            "SET a = (1)",
            "SET a = CONCAT('x')",
            "SET a = @@b",
            "SET a = @b",
            "SET @a = 1",
            "SET autocommit = 0, @a = 1",
            "SET a = ?",
            "SET a = (SELECT 1)",
            "SET a = 'x' 'y'",
            "SET a = _utf8'x'",
            "SET a = `x`",
            "SET a = b.c",
            "SET a = 1 COLLATE x",
            "SET GLOBAL a = 1",
            "SET GLOBAL a = 1, b = 2",
            "SET @@global.a = 1",
            "SET d.key_buffer_size = 1",
            "SET PASSWORD = 'x'",
            "SET ROLE r",
            "SET TRANSACTION READ ONLY",
            "SET STATEMENT a = 1 FOR SET b = 1",
            "SET a = 1; SET b = 1",
            "SET a",
            "SET",
            "SET a = ",
            "SET a = 1,",
            "SET a = 'x",
            "SELECT 1",
            "SET timestamp = 1",
            "SET insert_id = 1",
            "SET LAST_INSERT_ID = 1",
            "SET identity = 1",
            "SET rand_seed1 = 1",
            "SET pseudo_thread_id = 1",
            "SET @@session.sql_log_bin = 0",
            "SET gtid_domain_id = 1",
            "SET server_id = 1",
            "SET skip_replication = 1",
            "SET binlog_format = ROW",
            "SET debug_dbug = 'x'",
            "SET session_track_schema = ON",
            "SET profiling = 1",
            "SET wsrep_on = 0",
        ],
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
