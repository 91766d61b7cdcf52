//! What kind of statement a text is.

use super::told;
use crate::sql::kind::Kind;

fn are(kind: Kind, texts: &[&str]) {
    for text in texts {
        assert_eq!(told(text).kind, kind, "{text}");
    }
}

#[test]
fn a_text_without_a_statement_is_empty() {
    are(Kind::Empty, &["", " \n", ";;", "-- x", "/* x */ ;", "/*!999999 SELECT 1 */"]);
}

#[test]
fn comments_and_case_hide_no_kind() {
    are(
        Kind::Select,
        &[
            "/* a */ select 1",
            "# a\n-- b\nSELECT 1",
            "/*! SELECT */ 1",
            "/*!50101 SELECT 1 */;",
            ";;SELECT 1",
        ],
    );
}

#[test]
fn whatever_gives_rows_of_tables_is_a_select() {
    are(
        Kind::Select,
        &[
            "SELECT 1",
            "(SELECT 1)",
            "((SELECT 1) UNION (SELECT 2)) LIMIT 1",
            "WITH c AS (SELECT 1) SELECT * FROM c",
            "VALUES (1), (2)",
            "SELECT 1;",
            "SELECT 1 INTO @a",
            "SELECT a FROM t FOR UPDATE",
        ],
    );
}

#[test]
fn statements_that_change_rows_are_told_apart() {
    are(
        Kind::Insert,
        &[
            "INSERT INTO t VALUES (1)",
            "REPLACE t SET a = 1",
            "INSERT INTO t SELECT 1",
            "insert t() values() returning a",
        ],
    );
    are(Kind::Update, &["UPDATE t SET a = 1"]);
    are(Kind::Delete, &["DELETE FROM t"]);
    are(Kind::Load, &["LOAD DATA INFILE 'x' INTO TABLE t", "LOAD XML LOCAL INFILE 'x' INTO TABLE t"]);
    are(Kind::Definition, &["LOAD INDEX INTO CACHE t"]);
}

#[test]
fn set_is_told_by_what_it_sets() {
    are(
        Kind::Set,
        &[
            "SET a = 1",
            "SET @a = 1",
            "SET NAMES utf8",
            "SET PASSWORD = ''",
            "SET DEFAULT ROLE r",
            "SET GLOBAL a = 1",
        ],
    );
    are(
        Kind::SetTransaction,
        &[
            "SET TRANSACTION READ ONLY",
            "SET SESSION TRANSACTION READ WRITE",
            "SET /**/ GLOBAL TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        ],
    );
    are(Kind::SetRole, &["SET ROLE r", "SET ROLE NONE", "set role 'r'"]);
}

#[test]
fn set_statement_is_what_it_is_for() {
    are(
        Kind::Select,
        &[
            "SET STATEMENT a=1 FOR SELECT 1",
            "SET STATEMENT a=1, b=(SELECT 2) FOR SET STATEMENT c=1 FOR SELECT 1",
        ],
    );
    are(Kind::Insert, &["SET STATEMENT a=(SELECT 1 FOR UPDATE) FOR INSERT INTO t VALUES (1)"]);
    are(
        Kind::Several,
        &["SELECT 1; SET STATEMENT a=1 FOR SELECT 2", "SET STATEMENT a=1 FOR SELECT 1; SELECT 2"],
    );
}

#[test]
fn the_ends_of_transactions_are_exact_or_other() {
    are(Kind::Commit, &["COMMIT", "commit work;", "/* x */ COMMIT /* y */ WORK -- z"]);
    are(Kind::Rollback, &["ROLLBACK", "ROLLBACK WORK", "rollback;"]);
    are(
        Kind::CommitOther,
        &[
            "COMMIT AND CHAIN",
            "COMMIT WORK RELEASE",
            "COMMIT AND NO CHAIN NO RELEASE",
            "COMMIT /*! AND CHAIN */",
        ],
    );
    are(Kind::RollbackOther, &["ROLLBACK TO a", "ROLLBACK WORK TO SAVEPOINT a", "ROLLBACK RELEASE"]);
    are(Kind::Savepoint, &["SAVEPOINT a", "RELEASE SAVEPOINT a"]);
    are(
        Kind::Begin,
        &[
            "BEGIN",
            "BEGIN WORK",
            "START TRANSACTION",
            "START TRANSACTION READ ONLY",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT;",
        ],
    );
}

#[test]
fn a_compound_statement_is_one_whatever_it_holds() {
    are(
        Kind::Compound,
        &[
            "BEGIN NOT ATOMIC SELECT 1; END",
            "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END; SELECT 3",
            "IF 1 THEN SELECT 1; END IF",
            "CASE 1 WHEN 1 THEN SELECT 1; END CASE",
            "LOOP SELECT 1; END LOOP",
            "WHILE 0 DO SELECT 1; END WHILE",
            "REPEAT SELECT 1; UNTIL 1 END REPEAT",
            "FOR i IN 1..2 DO SELECT i; END FOR",
            "DECLARE x INT; BEGIN x := 5; END",
            "BEGIN NULL; END",
        ],
    );
}

#[test]
fn a_stored_program_is_one_statement_with_its_body() {
    are(
        Kind::Definition,
        &[
            "CREATE PROCEDURE p() SELECT 1",
            "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END",
            "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END;",
            "CREATE DEFINER=`a`@`b` TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN IF 1 THEN SET @a = 1; END IF; SET @b = 2; END",
            "CREATE FUNCTION f() RETURNS INT BEGIN BEGIN DO 1; END; RETURN CASE 1 WHEN 1 THEN 2 END; END",
            "CREATE PROCEDURE p() BEGIN CASE 1 WHEN 1 THEN DO 1; ELSE DO 2; END CASE; DO 3; END",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN DO 1; DO 2; END",
            "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`%`*/ /*!50003 TRIGGER x AFTER UPDATE ON t FOR EACH ROW BEGIN DO 1; DO 2; END */;",
        ],
    );
    are(
        Kind::Several,
        &["CREATE PROCEDURE p() SELECT 1; SELECT 2", "CREATE PROCEDURE p() BEGIN DO 1; END; SELECT 2"],
    );
}

#[test]
fn definitions_are_all_that_commit_first() {
    are(
        Kind::Definition,
        &[
            "CREATE TABLE t (a INT)",
            "CREATE TEMPORARY TABLE t (a INT)",
            "CREATE TABLE t SELECT 1",
            "ALTER TABLE t ADD b INT",
            "DROP TABLE t",
            "RENAME TABLE a TO b",
            "TRUNCATE t",
            "GRANT SELECT ON *.* TO a@b",
            "REVOKE r FROM a",
            "ANALYZE TABLE t",
            "ANALYZE NO_WRITE_TO_BINLOG TABLE t",
            "OPTIMIZE TABLE t",
            "CHECK TABLE t",
            "REPAIR TABLE t",
            "CACHE INDEX t IN c",
            "INSTALL SONAME 'x'",
            "UNINSTALL PLUGIN x",
        ],
    );
}

#[test]
fn the_rest_has_kinds_of_its_own() {
    for (kind, texts) in [
        (Kind::Show, &["SHOW TABLES", "SHOW GRANTS FOR a@b", "SHOW CREATE TABLE t"][..]),
        (Kind::Diagnostics, &["SHOW WARNINGS", "SHOW ERRORS LIMIT 1", "GET DIAGNOSTICS @a = NUMBER"]),
        (Kind::ConditionCount, &["SHOW COUNT(*) WARNINGS", "SHOW COUNT(*) ERRORS"]),
        (Kind::Use, &["USE a", "/* x */ use `a`"]),
        (Kind::Call, &["CALL p()", "call a.p"]),
        (Kind::Execute, &["EXECUTE s USING @a", "EXECUTE IMMEDIATE 'SELECT 1'"]),
        (Kind::Xa, &["XA START 'a'", "XA RECOVER"]),
        (Kind::Kill, &["KILL 1", "KILL QUERY 1", "KILL USER a"]),
        (Kind::Prepare, &["PREPARE s FROM 'SELECT 1'"]),
        (Kind::Deallocate, &["DEALLOCATE PREPARE s", "DROP PREPARE s"]),
        (Kind::Handler, &["HANDLER t OPEN", "HANDLER t READ FIRST", "HANDLER t CLOSE"]),
        (Kind::LockTables, &["LOCK TABLES t READ", "LOCK TABLE t WRITE"]),
        (Kind::UnlockTables, &["UNLOCK TABLES"]),
        (Kind::Flush, &["FLUSH TABLES", "FLUSH PRIVILEGES"]),
        (Kind::Backup, &["BACKUP STAGE START", "BACKUP LOCK t", "BACKUP UNLOCK"]),
        (
            Kind::Explain,
            &[
                "EXPLAIN SELECT 1",
                "DESCRIBE t",
                "DESC t a",
                "ANALYZE SELECT 1",
                "ANALYZE FORMAT=JSON UPDATE t SET a=1",
            ],
        ),
        (Kind::Do, &["DO 1"]),
        (
            Kind::Other,
            &["HELP 'x'", "CHECKSUM TABLE t", "START SLAVE", "SHUTDOWN", "SELEKT 1", "?", "5", "'x'", "`x`"],
        ),
        (Kind::Several, &["SELECT 1; SELECT 2", "COMMIT; BEGIN", "SET a=1;SET b=1;"]),
    ] {
        are(kind, texts);
    }
}
