//! Any settable session variable that A sets is seen by A on its next statement whichever connection serves it, and stands at its
//! default for B. Every name in `SHOW SESSION VARIABLES` that can be set is tried.
//!
//! Values come from the server: `information_schema.SYSTEM_VARIABLES` tells the type and what it may be, and a direct
//! connection tries which of the candidates it takes and then shows. A name that can be set and has no such value fails the test.

mod candidates;

use std::collections::BTreeSet;

use self::candidates::{Setting, settings};
use super::play::Play;
use super::stage::Stage;

/// So many at a time: few enough that their effects on one another stay out of the way.
const AT_ONCE: usize = 10;

/// What all sessions read of these variables, in one statement.
fn reading(group: &[Setting]) -> String {
    let columns: Vec<String> = group.iter().map(Setting::read).collect();
    format!("SELECT {}", columns.join(", "))
}

#[test]
fn b01_every_session_variable_is_a_s_own() {
    let settings = settings();
    assert!(settings.len() > 180, "only {} variables can be set", settings.len());
    let (steady, fleeting): (Vec<Setting>, Vec<Setting>) = settings.into_iter().partition(Setting::is_steady);
    Play::new("b01").extremes().compare(|stage| {
        for group in steady.chunks(AT_ONCE) {
            comes_along(stage, group, |stage| stage.disturb());
        }
        for group in fleeting.chunks(AT_ONCE) {
            comes_along(stage, group, |stage| stage.disturb_around());
        }
    });
}

fn comes_along(stage: &mut Stage<'_>, group: &[Setting], disturb: fn(&mut Stage<'_>)) {
    let reading = reading(group);
    stage.a.say(&reading);
    for setting in group {
        stage.a.say(&setting.set());
    }
    stage.a.clear_diagnostics();
    disturb(stage);
    stage.a.say(&reading);
    stage.others(|other| drop(other.say(&reading)));
    for setting in group {
        stage.a.say(&setting.reset());
    }
    stage.a.clear_diagnostics();
    disturb(stage);
    stage.a.say(&reading);
    stage.others(|other| drop(other.say(&reading)));
}

/// Setting one variable changes another at times, without a report of it.
#[test]
fn b01_what_a_variable_changes_beside_itself_comes_along() {
    Play::new("b01_beside").compare(|stage| {
        let reading = "SELECT @@sql_big_selects, @@max_join_size, @@log_slow_filter, @@log_queries_not_using_indexes, @@old_mode, \
             @@log_slow_disabled_statements, @@character_set_connection, @@collation_connection, @@character_set_server, @@collation_server, \
             @@character_set_database, @@collation_database, @@wsrep_sync_wait, @@default_storage_engine, @@alter_algorithm, @@tmp_table_size";
        for sql in [
            "SET max_join_size = 1000",
            "SET sql_big_selects = 1",
            "SET log_queries_not_using_indexes = 1",
            "SET old = 1",
            "SET old_mode = DEFAULT",
            "SET log_slow_admin_statements = 0",
            "SET character_set_connection = greek",
            "SET collation_connection = utf8mb4_bin",
            "SET collation_server = utf8mb4_unicode_ci",
            "SET character_set_database = cp1251",
            "SET storage_engine = 'MyISAM'",
            "SET tmp_memory_table_size = 1000000",
            "SET wsrep_causal_reads = 1",
        ] {
            stage.a.say(sql);
            stage.disturb_around();
            stage.a.say(reading);
            stage.others(|other| drop(other.say(reading)));
        }
    });
}

/// All at once, each set by one of three sessions, so that every connection carries others' values all the time.
#[test]
fn b01_many_variables_of_many_sessions_do_not_mix() {
    let settings: Vec<Setting> =
        settings().into_iter().filter(|setting| setting.is_steady() && setting.is_harmless()).collect();
    Play::new("b01_mixed").extremes().compare(|stage| {
        for group in settings.chunks(3 * AT_ONCE) {
            let reading = reading(group);
            for (at, setting) in group.iter().enumerate() {
                let session = if at % 2 == 0 { &mut stage.a } else { &mut stage.b };
                session.say(&setting.set());
            }
            stage.a.clear_diagnostics();
            stage.b.clear_diagnostics();
            for _ in 0..2 {
                stage.a.say(&reading);
                stage.b.say(&reading);
                stage.others_keeping_their_state(|other| drop(other.say(&reading)));
                stage.disturb();
            }
            for setting in group {
                stage.a.say(&setting.reset());
                stage.b.say(&setting.reset());
            }
        }
        shown_alike(stage);
    });
}

/// What a session is shown of all its variables at once, the proxy's own settings among them.
fn shown_alike(stage: &mut Stage<'_>) {
    const VOLATILE: &str = "'timestamp', 'pseudo_thread_id', 'rand_seed1', 'rand_seed2', 'uptime', 'last_gtid', \
         'gtid_binlog_pos', 'gtid_binlog_state', 'gtid_current_pos'";
    let shown = |what: &str, name: &str| format!("SHOW {what} VARIABLES WHERE {name} NOT IN ({VOLATILE})");
    stage.a.say("SET time_zone = '+04:00', session_track_schema = OFF");
    stage.disturb();
    stage.a.say(&shown("", "Variable_name"));
    stage.others(|other| {
        other.say(&shown("SESSION", "Variable_name"));
        other.say(&format!("SELECT * FROM information_schema.SESSION_VARIABLES WHERE variable_name NOT IN ({VOLATILE}) ORDER BY 1"));
        other.say("SHOW VARIABLES LIKE 'session_track%'");
    });
    stage.a.say(&shown("GLOBAL", "Variable_name"));
}

/// The seeds can be written only; what they lead to tells whether they came along.
#[test]
fn b01_variables_that_cannot_be_read_are_told_by_their_effect() {
    Play::new("b01_effect").compare(|stage| {
        stage.a.say("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY)");
        stage.a.say("SET rand_seed1 = 4711, rand_seed2 = 815");
        stage.disturb_around();
        stage.a.say("SELECT RAND(), RAND()");
        stage.disturb_around();
        stage.a.say("SELECT RAND()");
        stage.a.say("SET insert_id = 500");
        stage.disturb_around();
        stage.a.say("INSERT INTO t VALUES (NULL)");
        stage.disturb_around();
        stage.a.say("INSERT INTO t VALUES (NULL)");
        stage.a.say("SELECT id FROM t");
        stage.a.say("SET timestamp = 1000000000.5, time_zone = '+00:00'");
        stage.disturb_around();
        stage.a.say("SELECT NOW(6), @@timestamp");
        stage.others(|other| drop(other.say("SELECT NOW() > '2024-01-01', @@timestamp > 1000000001")));
        stage.a.say("SET timestamp = DEFAULT");
        stage.disturb_around();
        stage.a.say("SELECT NOW() > '2024-01-01'");
    });
}

/// The list of the test above is not shorter than what the server says can be set.
#[test]
fn b01_no_name_that_can_be_set_is_left_out() {
    let tried: BTreeSet<String> = settings().into_iter().map(|setting| setting.name).collect();
    let left: Vec<String> = candidates::shown().into_iter().filter(|name| !tried.contains(name)).collect();
    let settable: Vec<&String> = left.iter().filter(|name| candidates::can_be_set(name)).collect();
    assert!(settable.is_empty(), "these can be set and are not tried: {settable:?}");
}

/// What is said again on another connection is a number, and bytes that are no UTF-8 are not said again.
#[test]
fn b01_values_come_along_whatever_they_are() {
    Play::new("b01_values").compare(|stage| {
        stage.a.say("SET timestamp = 100");
        stage.disturb();
        stage.a.say("SELECT NOW() < '1970-01-03', @@timestamp");
        stage.a.say("SET timestamp = DEFAULT");
        stage.a.say("SET default_master_connection = _latin1 X'E9E8'");
        stage.disturb_around();
        stage.a.say("SELECT HEX(@@default_master_connection)");
    });
}
