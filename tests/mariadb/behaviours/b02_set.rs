//! One `SET` with several assignments, expressions, `DEFAULT`, every spelling of the scope, `NAMES x COLLATE y` has the effect
//! it has directly; an invalid value gives the server's error at that statement, not at a later one.

use super::stage::Play;

/// What the statements below touch.
const STATE: &str = "SELECT @@sql_mode, @@time_zone, @@character_set_client, @@character_set_connection, \
     @@character_set_results, @@collation_connection, @@collation_database, @@sort_buffer_size, @@group_concat_max_len, \
     @@autocommit, @@tx_isolation, @@lc_time_names, @@max_statement_time, @@sql_big_selects, @@div_precision_increment";

#[test]
fn b02_set_has_the_effect_it_has_directly() {
    Play::new("b02").compare(|stage| {
        for sql in [
            "SET time_zone = '+02:00', sql_mode = 'ANSI_QUOTES', group_concat_max_len = 2048",
            "SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')",
            "SET @@session.sort_buffer_size = 4 * 65536, LOCAL div_precision_increment = 7, SESSION lc_time_names = 'de_DE'",
            "SET @@LOCAL.max_statement_time = 12.5, @@group_concat_max_len = @@group_concat_max_len + 1",
            "SET sql_mode := DEFAULT, SESSION time_zone := DEFAULT",
            "SET NAMES latin1 COLLATE latin1_german2_ci, autocommit = ON",
            "SET CHARACTER SET greek",
            "SET CHARSET DEFAULT, @@sql_big_selects = FALSE",
            "SET NAMES DEFAULT",
            "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci', @@div_precision_increment = (SELECT 3)",
            "set /* comment */ `time_zone` = '-05:00' -- the end",
            "/*!50003 SET */ SESSION /*M!100100 sql_mode */ = 'TRADITIONAL'",
            "SET sql_mode = (SELECT CONCAT('ANSI', ',', 'NO_ZERO_DATE')), SESSION max_statement_time = 1.5 * 10",
            "SET tx_isolation = 'REPEATABLE-READ', collation_connection = utf8mb4_bin, character_set_results = NULL",
            "SET @old = @@sql_mode, sql_mode = '', @@group_concat_max_len = DEFAULT",
            "SET sql_mode = @old, @old = NULL",
            "SET SESSION sort_buffer_size = DEFAULT, GLOBAL div_precision_increment = 4, SESSION lc_time_names = 7",
            "SET @@session.time_zone = @@global.time_zone, @@max_statement_time = DEFAULT",
        ] {
            stage.a.say(sql);
            stage.disturb_around();
            stage.a.say(STATE);
            stage.others(|other| drop(other.say(STATE)));
        }
        stage.a.say("SET NAMES utf8mb4, sql_mode = DEFAULT");
        stage.disturb_around();
        stage.a.say(STATE);
    });
}

#[test]
fn b02_an_invalid_value_is_told_at_its_own_statement() {
    Play::new("b02_invalid").compare(|stage| {
        stage.a.say("SET sql_mode = 'ANSI_QUOTES', time_zone = '+01:00'");
        for sql in [
            "SET sql_mode = 'NO_SUCH_MODE'",
            "SET time_zone = '+99:00'",
            "SET NAMES no_such_charset",
            "SET NAMES utf8mb4 COLLATE latin1_bin",
            "SET character_set_client = ucs2",
            "SET autocommit = 2",
            "SET no_such_variable = 1",
            "SET tx_isolation = 'NONE'",
            "SET sort_buffer_size = 'text'",
            "SET version = '1'",
            "SET GLOBAL timestamp = 1",
            "SET time_zone = '+03:00', sql_mode = 'NO_SUCH_MODE'",
            "SET sql_mode = '', group_concat_max_len = (SELECT 1 UNION SELECT 2)",
            "SET time_zone = NULL",
            "SET @a = 1, = 2",
        ] {
            stage.disturb_around();
            stage.a.fails(sql);
            stage.a.tell("SHOW WARNINGS");
            stage.disturb_around();
            stage.a.say(STATE);
        }
        stage.a.say("SET sort_buffer_size = 1");
        stage.a.say("SHOW WARNINGS");
        stage.disturb_around();
        stage.a.say(STATE);
        stage.others(|other| drop(other.say(STATE)));
    });
}
