//! `SET STATEMENT max_statement_time=1 FOR …` works, times out, leaves nothing behind, and is routed as its inner statement.

use super::play::Play;

const STATE: &str =
    "SELECT @@max_statement_time, @@sql_mode, @@sort_buffer_size, @@group_concat_max_len, @@time_zone";

#[test]
fn b05_set_statement_works_times_out_and_leaves_nothing_behind() {
    Play::new("b05").compare(|stage| {
        stage.a.say("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, w VARCHAR(20))");
        for sql in [
            "SET STATEMENT max_statement_time = 1 FOR SELECT @@max_statement_time",
            "SET STATEMENT sql_mode = 'PIPES_AS_CONCAT', time_zone = '+09:00' FOR SELECT @@sql_mode, 'a' || 'b'",
            "SET STATEMENT sort_buffer_size = 100000, group_concat_max_len = 4 FOR SELECT GROUP_CONCAT(seq), @@sort_buffer_size FROM mysql.seq_1_to_9",
            "SET STATEMENT sql_mode = '' FOR INSERT INTO t (w) VALUES ('longer than twenty characters')",
            "/* first */ SET /*!50000 STATEMENT */ max_statement_time = 30 FOR UPDATE t SET w = 'x'",
            "SET STATEMENT max_statement_time = 30 FOR SET STATEMENT group_concat_max_len = 5 FOR SELECT @@group_concat_max_len",
        ] {
            stage.a.tell(sql);
            stage.disturb_around();
            stage.a.say(STATE);
            stage.others(|other| drop(other.say(STATE)));
        }
        stage.a.say("SELECT LAST_INSERT_ID(), COUNT(*) FROM t");
        let error = stage.a.fails("SET STATEMENT max_statement_time = 0.1 FOR SELECT COUNT(*) FROM mysql.seq_1_to_1000000 a, mysql.seq_1_to_1000000 b");
        assert_eq!(error.code, 1969, "{error:?}");
        stage.disturb_around();
        stage.a.say(STATE);
        stage.a.say("SELECT SLEEP(0.2)");
        stage.others(|other| drop(other.say("SELECT SLEEP(0.15)")));
        stage.a.fails("SET STATEMENT max_statement_time = 1 FOR SELECT * FROM nowhere");
        stage.disturb_around();
        stage.a.say(STATE);
        stage.others(|other| drop(other.say(STATE)));
        stage.disturb();
        stage.a.say(STATE);
    });
}

/// What the inner statement pins, remembers or changes is what it would be alone.
#[test]
fn b05_set_statement_is_routed_as_its_inner_statement() {
    Play::new("b05_inner").compare(|stage| {
        stage.a.say("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY)");
        let inside = |sql: &str| format!("SET STATEMENT max_statement_time = 30 FOR {sql}");
        stage.a.say(&inside("CREATE TEMPORARY TABLE mine AS SELECT 1 AS a"));
        stage.disturb_around();
        stage.a.say("SELECT * FROM mine");
        stage.others(|other| drop(other.fails("SELECT * FROM mine")));
        stage.a.say("DROP TEMPORARY TABLE mine");
        stage.a.say(&inside("SELECT GET_LOCK('b05_inner_lock', 0)"));
        stage.disturb_around();
        stage.others(|other| drop(other.say("SELECT GET_LOCK('b05_inner_lock', 0)")));
        stage.a.say(&inside("SELECT RELEASE_LOCK('b05_inner_lock')"));
        stage.a.say(&inside("INSERT INTO t VALUES (NULL), (NULL)"));
        stage.a.say("SELECT ROW_COUNT(), LAST_INSERT_ID()");
        stage.a.say(&inside("SELECT SQL_CALC_FOUND_ROWS * FROM mysql.seq_1_to_50 LIMIT 3"));
        stage.disturb_around();
        stage.a.say("SELECT FOUND_ROWS()");
        stage.a.say(&inside("SELECT @a := 7"));
        stage.disturb_around();
        stage.a.say("SELECT @a");
        stage.a.say("SET @a = NULL");
        stage.a.say("BEGIN");
        stage.a.say(&inside("INSERT INTO t VALUES (NULL)"));
        stage.disturb_around();
        stage.a.say(&inside("ROLLBACK"));
        stage.a.say("SELECT COUNT(*) FROM t");
    });
}

/// A server reports what was set back, or changed before an error, with the next OK packet that has a change of its own; it is
/// nobody else's business.
#[test]
fn b05_what_is_reported_late_is_told_late_and_to_a_alone() {
    Play::new("b05_late").compare(|stage| {
        stage.a.say("CREATE PROCEDURE half() BEGIN SET time_zone = '+03:00'; SELECT * FROM nowhere; END");
        for sql in [
            "SET STATEMENT time_zone = '+09:00' FOR SELECT @@time_zone",
            "SET STATEMENT time_zone = '+09:00' FOR SELECT * FROM nowhere",
            "CALL half()",
        ] {
            stage.a.tell(sql);
            stage.others(|other| drop(other.query("USE b05_late")));
            stage.disturb_around();
            stage.a.query("SET @@time_zone = '-05:00'");
            stage.disturb_around();
            stage.a.query("DO 1");
            stage.a.query("USE b05_late");
            stage.a.query("DO 1");
        }
        stage.a.prepare("SET STATEMENT time_zone = '+09:00' FOR SELECT @@time_zone");
        stage.others(|other| drop(other.query("USE b05_late")));
        stage.disturb_around();
        stage.a.query("DO 1");
        stage.a.query("USE b05_late");
    });
}
