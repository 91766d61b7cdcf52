//! SAVEPOINT, ROLLBACK TO, RELEASE under autocommit 0 and 1 equal direct.

use super::stage::Play;

#[test]
fn b14_savepoints_work_with_and_without_autocommit() {
    Play::new("b14").compare(|stage| {
        stage.a.say("CREATE TABLE t (a INT PRIMARY KEY) ENGINE = InnoDB");
        for (autocommit, begin) in [(1, "BEGIN"), (0, "DO 1"), (1, "DO 1"), (0, "START TRANSACTION")] {
            stage.a.say(&format!("SET autocommit = {autocommit}"));
            stage.a.say(begin);
            for sql in [
                "SAVEPOINT s",
                "INSERT INTO t VALUES (1)",
                "SAVEPOINT `second point`",
                "INSERT INTO t VALUES (2)",
                "SAVEPOINT s",
                "INSERT INTO t VALUES (3)",
                "ROLLBACK TO SAVEPOINT s",
                "ROLLBACK WORK TO `second point`",
                "RELEASE SAVEPOINT s",
                "RELEASE SAVEPOINT `second point`",
                "ROLLBACK TO never",
                "INSERT INTO t VALUES (1)",
                "INSERT INTO t VALUES (4)",
            ] {
                stage.a.tell(sql);
                stage.disturb_around();
                stage.a.say("SELECT a, @@in_transaction FROM t");
                stage.b.say("SELECT a FROM t");
            }
            stage.others(|other| drop(other.fails("ROLLBACK TO s")));
            stage.a.say("COMMIT");
            stage.disturb();
            stage.a.fails("ROLLBACK TO SAVEPOINT s");
            stage.a.say("SELECT a FROM t");
            stage.a.say("DELETE FROM t");
            stage.a.say("COMMIT");
        }
        stage.a.say("SET autocommit = 1");
        stage.disturb();
    });
}

/// With autocommit a savepoint outside a transaction is none.
#[test]
fn b14_a_savepoint_alone_keeps_no_connection() {
    Play::new("b14_alone").compare(|stage| {
        for autocommit in [1, 0] {
            stage.a.say(&format!("SET autocommit = {autocommit}"));
            stage.a.say("SAVEPOINT s");
            stage.disturb_around();
            stage.a.tell("ROLLBACK TO s");
            stage.a.tell("RELEASE SAVEPOINT s");
            stage.a.say("ROLLBACK");
            stage.disturb();
        }
    });
}
