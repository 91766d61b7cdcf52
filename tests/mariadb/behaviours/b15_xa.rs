//! XA START … PREPARE is on one connection; after PREPARE another session may XA COMMIT; a session in ACTIVE or IDLE is never
//! released.

use super::session::{Session, error_in};
use super::stage::Play;
use crate::support::eventually;

/// The server lets go of a prepared transaction a moment after the session that prepared it has left.
fn finish(session: &mut Session, sql: &str) {
    eventually("the prepared transaction can be ended", || {
        let ended = error_in(&session.query(sql)).is_none();
        if !ended {
            session.forget_last();
        }
        ended
    });
}

#[test]
fn b15_an_xa_transaction_stays_on_its_connection() {
    Play::new("b15").compare(|stage| {
        stage.a.say("CREATE TABLE t (a INT PRIMARY KEY) ENGINE = InnoDB");
        for (begin, end) in [("XA START", "XA COMMIT"), ("XA BEGIN", "XA ROLLBACK")] {
            stage.a.say(&format!("{begin} 'b15'"));
            let home = stage.a.server_connection();
            stage.disturb_around();
            for sql in [
                "INSERT INTO t VALUES (1)",
                "SELECT a FROM t",
                "BEGIN",
                "COMMIT",
                "XA END 'b15'",
                "SELECT a FROM t",
                "XA PREPARE 'b15'",
            ] {
                stage.a.tell(sql);
                stage.disturb_around();
            }
            stage.a.fails("SELECT a FROM t");
            stage.others(|other| drop(other.say("SELECT a FROM t")));
            stage.b.tell("XA RECOVER");
            stage.a.say(&format!("{end} 'b15'"));
            stage.a.say("SELECT a FROM t");
            assert!(home > 0);
            stage.disturb();
            stage.a.say("DELETE FROM t");
        }
        stage.a.say("XA START 'b15', 'branch', 7");
        stage.a.say("INSERT INTO t VALUES (2)");
        stage.a.say("XA END 'b15', 'branch', 7");
        stage.disturb_around();
        stage.a.say("XA COMMIT 'b15', 'branch', 7 ONE PHASE");
        stage.disturb();
        stage.a.fails("XA ROLLBACK 'b15-unknown'");
        stage.others(|other| drop(other.say("SELECT a FROM t")));
    });
}

#[test]
fn b15_a_session_in_active_or_idle_keeps_its_connection() {
    Play::new("b15_state").compare(|stage| {
        stage.a.say("CREATE TABLE t (a INT PRIMARY KEY) ENGINE = InnoDB");
        stage.a.say("XA START 'b15_state'");
        let home = stage.a.server_connection();
        for sql in ["SELECT 1", "SET @@time_zone = '+01:00'", "INSERT INTO t VALUES (1)"] {
            stage.a.say(sql);
            stage.disturb_around();
            assert_eq!(stage.a.server_connection(), home, "ACTIVE");
        }
        stage.a.say("XA END 'b15_state'");
        stage.disturb_around();
        stage.a.fails("INSERT INTO t VALUES (2)");
        stage.disturb_around();
        stage.a.say("XA ROLLBACK 'b15_state'");
        stage.disturb();
        stage.a.say("SELECT a FROM t");
    });
}

#[test]
fn b15_a_prepared_transaction_can_be_ended_by_another_session() {
    Play::new("b15_other").compare(|stage| {
        stage.a.say("CREATE TABLE t (a INT PRIMARY KEY) ENGINE = InnoDB");
        for (number, vanishes) in [(1, false), (2, true), (3, false)] {
            let mut preparer = stage.session("preparer");
            preparer.say("XA START 'b15_other'");
            preparer.say(&format!("INSERT INTO t VALUES ({number})"));
            let home = preparer.server_connection();
            preparer.say("XA END 'b15_other'");
            preparer.say("XA PREPARE 'b15_other'");
            stage.disturb_around();
            stage.b.tell("XA COMMIT 'b15_other'");
            if vanishes {
                preparer.vanish();
            } else {
                drop(preparer);
            }
            stage.disturb_around();
            let gone = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {home}");
            eventually("its connection is closed, not kept", || stage.root().value(&gone) == "0");
            finish(
                &mut stage.a,
                if number == 3 { "XA ROLLBACK 'b15_other'" } else { "XA COMMIT 'b15_other'" },
            );
            let rows = stage.a.reads("SELECT COUNT(*) FROM t");
            assert_eq!(rows, ["1", "2", "2"][number - 1], "committed twice, rolled back once");
            stage.disturb();
        }
    });
}
