//! What a session has on its connection: variables, locks, tables, handlers, prepared statements.

use super::{have, lack};
use crate::sql::effects::Effects;

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
