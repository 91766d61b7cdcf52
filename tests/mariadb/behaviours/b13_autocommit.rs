//! autocommit=0: `@@autocommit` reads 0; a transaction that starts with a SELECT holds its snapshot; no statement of A is on
//! two connections between implicit start and COMMIT; AND CHAIN and RELEASE are honoured; DDL's implicit commit frees the
//! connection.

use super::play::Play;
use super::stage::Stage;
use crate::support::eventually;

fn tables(stage: &mut Stage<'_>) {
    stage.a.say("CREATE TABLE t (a INT PRIMARY KEY, w VARCHAR(20)) ENGINE = InnoDB");
    stage.a.say("INSERT INTO t VALUES (1, 'one')");
}

#[test]
fn b13_without_autocommit_a_select_opens_a_transaction_that_keeps_its_snapshot_and_its_connection() {
    Play::new("b13").compare(|stage| {
        tables(stage);
        for off in
            ["SET autocommit = 0", "SET SESSION autocommit = OFF", "SET @@autocommit = FALSE, NAMES utf8mb4"]
        {
            stage.a.say(off);
            stage.disturb();
            stage.a.say("SELECT @@autocommit, @@in_transaction");
            stage.others(|other| drop(other.say("SELECT @@autocommit")));
            stage.disturb();
            stage.a.say("SELECT COUNT(*), MAX(w) FROM t");
            let home = stage.a.server_connection();
            stage.disturb_around();
            stage.b.say("INSERT INTO t SELECT MAX(a) + 1, 'by B' FROM t");
            stage.a.say("SELECT COUNT(*), MAX(w) FROM t");
            stage.a.say("UPDATE t SET w = 'by A' WHERE a = 1");
            stage.disturb_around();
            stage.b.say("SELECT w FROM t WHERE a = 1");
            stage.a.say("SELECT @@in_transaction, @@autocommit");
            assert_eq!(stage.a.server_connection(), home, "a transaction stays on its connection");
            stage.a.say("COMMIT");
            stage.disturb();
            stage.a.say("SELECT COUNT(*), MAX(w) FROM t");
            stage.a.say("ROLLBACK");
            stage.disturb();
            stage.a.say("INSERT INTO t VALUES (100, 'rolled back')");
            stage.disturb_around();
            stage.a.say("ROLLBACK");
            stage.disturb();
            stage.a.say("INSERT INTO t VALUES (101, 'kept by switching on')");
            stage.a.say("SET autocommit = 1");
            stage.disturb();
            stage.a.say("SELECT a, w FROM t ORDER BY a");
            stage.a.say("DELETE FROM t WHERE a > 1");
        }
    });
}

#[test]
fn b13_a_transaction_starts_with_what_starts_it_directly() {
    Play::new("b13_starts").compare(|stage| {
        tables(stage);
        stage.a.say("CREATE FUNCTION counts() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM t)");
        stage.a.say("CREATE PROCEDURE looks() SELECT COUNT(*) FROM t");
        stage.a.say("CREATE TABLE grows (a INT) ENGINE = InnoDB");
        stage.a.say("SET autocommit = 0");
        for starts in [
            "SELECT 1",
            "SELECT counts()",
            "CALL looks()",
            "SELECT a FROM t WHERE a = 1 FOR UPDATE",
            "DO (SELECT COUNT(*) FROM t)",
            "SET @n = (SELECT COUNT(*) FROM t)",
            "INSERT INTO t SELECT a + 50, w FROM t WHERE a = 1",
            "DELETE FROM t WHERE a = 50",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT",
            "SHOW TABLES",
            "ANALYZE TABLE t",
        ] {
            stage.a.say(starts);
            stage.disturb_around();
            stage.a.say("SELECT @@in_transaction");
            stage.b.say("INSERT INTO grows VALUES (1)");
            stage.a.say("SELECT COUNT(*) FROM grows");
            stage.a.say("ROLLBACK");
            stage.disturb_around();
        }
    });
}

#[test]
fn b13_chain_and_completion_type_open_the_next_transaction_at_once() {
    Play::new("b13_chain").compare(|stage| {
        tables(stage);
        for (begin, end) in [
            ("START TRANSACTION READ ONLY", "COMMIT AND CHAIN"),
            ("BEGIN", "ROLLBACK WORK AND CHAIN NO RELEASE"),
            ("SET completion_type = 'CHAIN'", "COMMIT"),
        ] {
            stage.a.say(begin);
            stage.a.tell("UPDATE t SET w = CONCAT(w, '!')");
            stage.a.say(end);
            stage.disturb_around();
            stage.a.say("SELECT @@in_transaction, w FROM t");
            stage.a.tell("UPDATE t SET w = CONCAT(w, '?')");
            stage.disturb_around();
            stage.b.say("SELECT w FROM t");
            stage.a.say("ROLLBACK AND NO CHAIN");
            stage.disturb();
            stage.a.say("SELECT @@in_transaction, w FROM t");
        }
        stage.a.say("SET completion_type = DEFAULT");
    });
}

#[test]
fn b13_release_ends_the_session() {
    Play::new("b13_release").compare(|stage| {
        tables(stage);
        for (prepare, end) in [
            ("BEGIN", "COMMIT RELEASE"),
            ("BEGIN", "ROLLBACK RELEASE"),
            ("SET autocommit = 0", "COMMIT AND NO CHAIN RELEASE"),
            ("SET completion_type = 'RELEASE'", "COMMIT"),
        ] {
            let mut leaver = stage.session("leaver");
            leaver.say(prepare);
            leaver.say("UPDATE t SET w = CONCAT(w, '!')");
            leaver.query(end);
            eventually(end, || leaver.has_ended());
            drop(leaver);
            stage.a.say("SELECT w FROM t");
            stage.disturb();
        }
    });
}

#[test]
fn b13_the_implicit_commit_of_a_definition_frees_the_connection() {
    Play::new("b13_definitions").compare(|stage| {
        tables(stage);
        for (autocommit, definition) in [
            (1, "CREATE TABLE other (a INT)"),
            (0, "ALTER TABLE other ADD b INT"),
            (1, "TRUNCATE other"),
            (0, "DROP TABLE other"),
            (1, "CREATE OR REPLACE VIEW v AS SELECT 1"),
            (1, "GRANT SELECT ON b13_definitions.t TO b13_definitions"),
            (1, "BEGIN"),
            (1, "SET autocommit = 1"),
            (1, "LOCK TABLES t WRITE"),
        ] {
            stage.a.say(&format!("SET autocommit = {autocommit}"));
            stage.a.say("BEGIN");
            stage.a.say("INSERT INTO t SELECT MAX(a) + 1, 'committed' FROM t");
            stage.a.say(definition);
            stage.a.say("SELECT @@in_transaction");
            stage.a.tell("UNLOCK TABLES");
            if definition == "BEGIN" || definition.starts_with("SET") {
                stage.a.say("COMMIT");
            }
            stage.disturb();
            stage.a.say("SELECT COUNT(*) FROM t");
            stage.a.say("ROLLBACK");
        }
    });
}
