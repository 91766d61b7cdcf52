//! LAST_INSERT_ID() in every form (alone, in an expression, in an INSERT, with an argument, prepared, `@@last_insert_id`,
//! `@@identity`, after multi-row and INSERT … RETURNING) equals direct, also when B inserted on the same connection in between.

use super::play::Play;
use crate::support::client::Parameter;

#[test]
fn b09_last_insert_id_is_a_s_own_in_every_form() {
    Play::new("b09").extremes().compare(|stage| {
        stage.a.say_all(&[
            "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, w VARCHAR(20) UNIQUE, ref INT)",
            "CREATE TABLE s (id INT AUTO_INCREMENT PRIMARY KEY)",
            "INSERT INTO s VALUES (1000)",
            "CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW INSERT INTO s VALUES (NULL)",
            "CREATE PROCEDURE p() BEGIN INSERT INTO s VALUES (NULL), (NULL); END",
        ]);
        let read = stage.a.prepare("SELECT LAST_INSERT_ID(), LAST_INSERT_ID() + ?");
        for sql in [
            "INSERT INTO t (w) VALUES ('one')",
            "INSERT INTO t (w) VALUES ('two'), ('three'), ('four')",
            "INSERT INTO t (w, ref) VALUES ('five', LAST_INSERT_ID())",
            "INSERT INTO t (w, ref) SELECT CONCAT(w, '!'), LAST_INSERT_ID() FROM t WHERE id < 4",
            "INSERT INTO t (w) VALUES ('six'), ('seven') RETURNING id, w, LAST_INSERT_ID()",
            "INSERT INTO t (id, w) VALUES (500, 'given')",
            "INSERT IGNORE INTO t (w) VALUES ('one')",
            "REPLACE INTO t (w) VALUES ('one')",
            "INSERT INTO t (w) VALUES ('two') ON DUPLICATE KEY UPDATE ref = 7, id = LAST_INSERT_ID(id)",
            "UPDATE t SET ref = LAST_INSERT_ID(ref + 41) WHERE w = 'five'",
            "SELECT LAST_INSERT_ID(77), 'an argument'",
            "DO LAST_INSERT_ID(78)",
            "SET last_insert_id = 79",
            "SET @@identity = 80",
            "CALL p()",
            "DELETE FROM t WHERE id = LAST_INSERT_ID()",
            "SELECT LAST_INSERT_ID(9223372036854775807)",
            "SELECT LAST_INSERT_ID(-1)",
            "INSERT INTO s VALUES (LAST_INSERT_ID(4000))",
        ] {
            stage.a.say(sql);
            stage.disturb_around();
            stage.a.say("SELECT LAST_INSERT_ID()");
            stage.a.say("SELECT last_insert_id( ) / 2 AS half, @@last_insert_id, @@identity, @@session.last_insert_id");
            stage.disturb_around();
            stage.a.say("SELECT w, ref FROM t WHERE id = LAST_INSERT_ID()");
            stage.disturb_around();
            stage.a.execute(read, 0, &[Parameter::Int(5)]);
            stage.others(|other| {
                other.say("SELECT LAST_INSERT_ID(), @@identity");
            });
        }
        stage.a.fails("INSERT INTO t (w) VALUES ('new'), ('two')");
        stage.disturb_around();
        stage.a.say("SELECT LAST_INSERT_ID()");
        stage.a.say("SELECT id, w, ref FROM t ORDER BY id");
    });
}

/// Between A's insert and its question B inserts, on the same two connections, into the same table.
#[test]
fn b09_last_insert_id_is_each_session_s_own_when_all_insert() {
    Play::new("b09_all").compare(|stage| {
        stage.a.say("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, w VARCHAR(20), ref INT)");
        for round in 0..4 {
            stage.a.say("INSERT INTO t (w) VALUES ('by A')");
            stage.disturb();
            stage.others_keeping_their_state(|other| {
                other.say("INSERT INTO t (w) VALUES ('by another'), ('by another')");
            });
            stage.a.say("SELECT LAST_INSERT_ID()");
            stage.others_keeping_their_state(|other| {
                other.say("INSERT INTO t (w, ref) VALUES ('refers', LAST_INSERT_ID())");
            });
            stage.disturb();
            stage.a.say("INSERT INTO t (w, ref) VALUES ('by A, refers', LAST_INSERT_ID())");
            if round % 2 == 1 {
                stage.a.query(
                    "SELECT LAST_INSERT_ID(); INSERT INTO t (w) VALUES ('x'); SELECT LAST_INSERT_ID()",
                );
            }
        }
        stage.disturb();
        stage.a.say("SELECT id, w, ref, LAST_INSERT_ID() FROM t ORDER BY id");
    });
}

/// A predicate that stands for the last id, once in each session.
#[test]
fn b09_sql_auto_is_null_finds_the_row_inserted_last() {
    Play::new("b09_null").compare(|stage| {
        stage.a.say("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, w VARCHAR(20))");
        stage.a.say("SET sql_auto_is_null = 1");
        stage.a.say("INSERT INTO t (w) VALUES ('by A')");
        stage.disturb_around();
        stage.a.say("SELECT w FROM t WHERE id IS NULL");
        stage.disturb_around();
        stage.a.say("SELECT w FROM t WHERE id IS NULL");
    });
}
