//! A row is never older than the statement that asks for it, and never somebody else's.
//!
//! Nothing is cached so far. What holds without a cache is written down here, so that it holds with one: repeated statements see
//! every commit, the session's own writes, character set, time zone, sql_mode, role, account and schema; locking reads,
//! functions that are not deterministic and user variables are executed each time.

use super::play::Play;
use crate::support::login::Login;

const READ: &str = "SELECT w, when_, id FROM t WHERE id = 1";

#[test]
fn b30_the_same_text_is_answered_anew_each_time() {
    Play::new("b30").account("b30_other").compare(|stage| {
        stage.a.say("CREATE TABLE t (id INT PRIMARY KEY, w VARCHAR(20) CHARACTER SET utf8mb4, when_ TIMESTAMP DEFAULT '2024-01-01 12:00:00') ENGINE = InnoDB");
        stage.a.say("INSERT INTO t (id, w) VALUES (1, 'é')");
        let mut other = stage.session_as(&Login { user: "b30_other".to_owned(), ..stage.login().clone() }, "other");
        for change in [
            "SET NAMES latin1",
            "SET time_zone = '+09:00'",
            "SET sql_mode = 'PAD_CHAR_TO_FULL_LENGTH,ANSI'",
            "SET lc_time_names = 'de_DE'",
            "SET sql_select_limit = 0",
            "SET sql_select_limit = DEFAULT, NAMES utf8mb4, time_zone = DEFAULT, sql_mode = DEFAULT",
        ] {
            stage.a.say(change);
            stage.disturb();
            for _ in 0..2 {
                stage.a.say(READ);
                stage.a.tell("SELECT DAYNAME(when_), \"text\", 'a' || 'b', CURRENT_USER() FROM t");
                stage.others(|other| drop(other.say(READ)));
                other.say(READ);
                other.say("SELECT DAYNAME(when_), 'a' || 'b', CURRENT_USER() FROM t");
            }
            stage.a.clear_diagnostics();
        }
        stage.a.say("UPDATE t SET w = 'own write'");
        stage.disturb();
        stage.a.say(READ);
        other.say(READ);
        stage.b.say("UPDATE t SET w = 'of another'");
        stage.a.say(READ);
        stage.a.say("BEGIN");
        stage.a.say(READ);
        stage.b.say("UPDATE t SET w = 'committed meanwhile'");
        stage.a.say(READ);
        stage.a.say("SELECT w FROM t WHERE id = 1 FOR UPDATE");
        stage.a.say("UPDATE t SET w = 'not committed'");
        stage.b.say(READ);
        stage.a.say(READ);
        stage.a.say("ROLLBACK");
        stage.a.say(READ);
    });
}

#[test]
fn b30_what_differs_from_time_to_time_is_executed_each_time() {
    Play::new("b30_each").compare(|stage| {
        stage.a.say_all(&[
            "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, w INT)",
            "CREATE SEQUENCE s",
            "INSERT INTO t (w) VALUES (1)",
        ]);
        stage.a.say("SET @a = 0");
        for _ in 0..3 {
            stage.disturb_around();
            for sql in [
                "SELECT NEXTVAL(s)",
                "SELECT @a := @a + 1",
                "SELECT LAST_INSERT_ID(@a)",
                "SELECT LAST_INSERT_ID()",
                "SELECT UUID() = UUID(), RAND() = RAND(), NOW(6) < SYSDATE(6) + INTERVAL 1 DAY",
                "SELECT w FROM t LOCK IN SHARE MODE",
                "INSERT INTO t (w) SELECT COUNT(*) FROM t",
                "SELECT COUNT(*), MAX(w) FROM t",
                "SELECT ROW_COUNT(), FOUND_ROWS()",
            ] {
                stage.a.say(sql);
            }
        }
        stage.a.say("SET @a = NULL");
    });
}
