//! COM_RESET_CONNECTION and COM_CHANGE_USER (other user, plugin, schema) wipe behaviours 1 to 18 for A and for whoever gets the
//! connection next.

use super::play::Play;
use super::session::Session;
use super::stage::Stage;
use crate::support::client::Parameter;
use crate::support::response::Kind;
use crate::support::server::PASSWORD;

/// Everything that a session can have about it.
fn litter(session: &mut Session, home: &str) -> u32 {
    for sql in [
        "CREATE TABLE IF NOT EXISTS b22.t (id INT AUTO_INCREMENT PRIMARY KEY, a INT)",
        "CREATE SEQUENCE IF NOT EXISTS b22.s",
        "SET sql_mode = 'ANSI_QUOTES', time_zone = '+05:00', group_concat_max_len = 4711, NAMES latin1, timestamp = 4711",
        "SET @a = 'litter', @b = 2",
        "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "CREATE TEMPORARY TABLE b22.temporary AS SELECT 'litter' AS a",
        "PREPARE p FROM 'SELECT ''litter'''",
        "HANDLER b22.t OPEN AS h",
        "SELECT GET_LOCK('b22_x', 0), NEXTVAL(b22.s)",
        "USE mysql",
        "INSERT INTO b22.t (a) VALUES (1), (2)",
    ] {
        session.say(&sql.replace("b22", home));
    }
    let statement = session.prepare("SELECT 'litter', ?");
    session.execute(statement, 0, &[Parameter::Int(1)]);
    session.long_data(statement, 0, b"litter");
    session.say("SET autocommit = 0");
    session.say(&format!("INSERT INTO {home}.t (a) VALUES (3)"));
    session.say("SAVEPOINT point");
    session.say("SELECT CAST('litter' AS SIGNED)");
    statement
}

/// Looks everywhere where some of it could be.
fn looks(session: &mut Session, home: &str) {
    for sql in [
        "SHOW WARNINGS",
        "SELECT ROW_COUNT()",
        "SELECT LAST_INSERT_ID(), @@identity, @a, @b, @@autocommit, @@in_transaction, @@warning_count",
        "SELECT @@sql_mode, @@time_zone, @@group_concat_max_len, @@tx_isolation, @@tx_read_only, @@timestamp > 4711",
        "SELECT @@character_set_client, @@collation_connection, @@character_set_results",
        "SELECT DATABASE(), CURRENT_USER(), CURRENT_ROLE()",
        "SELECT IS_FREE_LOCK('b22_x'), LASTVAL(b22.s)",
        "SELECT a FROM b22.temporary",
        "EXECUTE p",
        "HANDLER h READ FIRST",
        "ROLLBACK TO point",
        "SELECT a FROM b22.t",
        "COMMIT",
        "SET TRANSACTION READ ONLY",
    ] {
        session.tell(&sql.replace("b22", home));
    }
}

fn wiped_by(stage: &mut Stage<'_>, home: &str, wipe: impl Fn(&mut Session)) {
    let statement = litter(&mut stage.a, home);
    stage.disturb_around();
    stage.others(|other| looks(other, home));
    wipe(&mut stage.a);
    stage.disturb();
    looks(&mut stage.a, home);
    stage.a.execute(statement, 0, &[Parameter::Int(1)]);
    // What was set for one transaction goes as well.
    wipe(&mut stage.a);
    stage.disturb();
    stage.a.tell(&format!("INSERT INTO {home}.t (a) VALUES (9)"));
    stage.others(|other| looks(other, home));
    stage.a.tell(&format!("DROP TABLE {home}.t"));
}

#[test]
fn b22_a_reset_wipes_everything() {
    Play::new("b22").compare(|stage| {
        wiped_by(stage, "b22", |session| drop(session.ask("reset connection", b"\x1f", Kind::One)));
        stage.disturb();
    });
}

#[test]
fn b22_a_reset_leaves_the_schema_and_what_goes_with_it_as_it_does_directly() {
    Play::new("b22_schema").compare(|stage| {
        let here = "SELECT DATABASE(), @@character_set_database, @@collation_database";
        for sql in
            ["USE mysql", "SET character_set_database = greek", "USE b22_schema", "USE information_schema"]
        {
            stage.a.say(sql);
            stage.a.ask("reset connection", b"\x1f", Kind::One);
            stage.disturb();
            stage.a.say(here);
        }
    });
}

#[test]
fn b22_a_change_of_user_wipes_everything() {
    let play =
        Play::new("b22_change").account("b22_other").account_with("b22_edward", "VIA ed25519 USING PASSWORD");
    play.compare(|stage| {
        for (user, schema) in [
            ("b22_change", "b22_change"),
            ("b22_other", "mysql"),
            ("b22_edward", ""),
            ("b22_change", "mysql"),
        ] {
            wiped_by(stage, "b22_change", |session| {
                let answer = session.change_user(user, PASSWORD, schema).unwrap();
                assert_eq!(answer.payload[0], 0, "{user}: {answer:?}");
            });
            stage.a.change_user("b22_change", PASSWORD, "b22_change").unwrap();
            stage.disturb();
        }
    });
}

/// Whether a refusal wipes what a session has is told by `change_user`; here, that whoever tried is still himself, and that
/// nothing of it reaches anybody else.
#[test]
fn b22_a_change_of_user_that_fails_changes_nobody() {
    let play = Play::new("b22_fails").extremes().account("b22_fails_other");
    play.compare(|stage| {
        for (user, password, schema) in
            [("b22_fails_other", "wrong", "mysql"), ("b22_fails_other", PASSWORD, "no_such_schema")]
        {
            litter(&mut stage.a, "b22_fails");
            stage.disturb_around();
            stage.a.change_user(user, password, schema).unwrap();
            stage.disturb_around();
            stage.a.query("ROLLBACK");
            stage.a.forget_last();
            stage.a.reads("SELECT CURRENT_USER()");
            stage.a.forget_last();
            stage.others(|other| {
                other.say("SELECT CURRENT_USER(), DATABASE(), @a");
                other.say("SELECT a FROM b22_fails.t");
            });
            wiped(stage);
            stage.a.say("DROP TABLE b22_fails.t");
        }
    });
}

fn wiped(stage: &mut Stage<'_>) {
    stage.a.change_user("b22_fails", PASSWORD, "b22_fails").unwrap();
    stage.disturb();
    stage.a.say("SELECT CURRENT_USER(), DATABASE(), @a");
}
