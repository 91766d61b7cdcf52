//! USE, COM_INIT_DB, handshake schema, a dropped current schema, back-ticks and comments: DATABASE() equals direct, B's schema is
//! unaffected, and A gets the error if it lost the privilege.

use super::play::Play;
use super::session::error_in;
use crate::support::capabilities::WITH_SCHEMA;
use crate::support::login::Login;
use crate::support::response::Kind;

const HERE: &str = "SELECT DATABASE(), SCHEMA(), @@character_set_database, @@collation_database";

#[test]
fn b21_the_schema_is_a_s_own_however_it_was_chosen() {
    Play::new("b21").compare(|stage| {
        stage.root().run("DROP DATABASE IF EXISTS b21_latin; DROP DATABASE IF EXISTS `b21 quoted ``x`");
        stage.a.say_all(&[
            "CREATE DATABASE b21_latin CHARACTER SET latin1",
            "CREATE DATABASE `b21 quoted ``x` COLLATE utf8mb4_bin",
            "CREATE TABLE t AS SELECT 'in b21' AS place",
            "CREATE TABLE b21_latin.t AS SELECT 'in b21_latin' AS place",
            "CREATE TABLE `b21 quoted ``x`.t AS SELECT 'in the quoted one' AS place",
        ]);
        for sql in [
            "USE b21_latin",
            "use /* comment */ `b21 quoted ``x` -- the end",
            "/*! USE b21_latin */",
            "USE b21",
            "-- first\nUSE`b21_latin`",
        ] {
            stage.a.say(sql);
            stage.disturb();
            stage.a.say(HERE);
            stage.a.say("SELECT place FROM t");
            stage.others(|other| {
                other.say(HERE);
                other.say("SELECT place FROM t");
            });
        }
        for schema in ["b21_latin", "no_such_schema", "b21 quoted `x", "", "b21"] {
            stage.a.ask("init db", &[b"\x02", schema.as_bytes()].concat(), Kind::One);
            stage.disturb();
            stage.a.say(HERE);
            stage.a.tell("SELECT place FROM t");
            stage.others(|other| drop(other.say(HERE)));
        }
        stage.a.fails("USE no_such_schema");
        stage.disturb();
        stage.a.say(HERE);
        stage.a.query("USE b21_latin; SELECT place FROM t; USE b21; SELECT place FROM t");
        stage.disturb();
        stage.a.say(HERE);
        stage.a.tell("EXECUTE IMMEDIATE 'USE b21_latin'");
        stage.disturb_around();
        stage.a.say(HERE);
        stage.others(|other| drop(other.say(HERE)));
    });
}

#[test]
fn b21_the_schema_of_the_handshake_and_none_at_all_are_kept_apart() {
    Play::new("b21_handshake").extremes().compare(|stage| {
        stage.a.say("CREATE TABLE t AS SELECT 'here' AS place");
        let none = Login {
            schema: None,
            capabilities: stage.login().capabilities & !WITH_SCHEMA,
            ..stage.login().clone()
        };
        let other = stage.login().clone().schema("mysql");
        let (mut nowhere, mut elsewhere) =
            (stage.session_as(&none, "nowhere"), stage.session_as(&other, "elsewhere"));
        for _ in 0..3 {
            stage.disturb();
            nowhere.say(HERE);
            nowhere.fails("SELECT * FROM t");
            elsewhere.say(HERE);
            elsewhere.fails("SELECT * FROM t");
            stage.a.say(HERE);
            stage.a.say("SELECT * FROM t");
            stage.others(|other| drop(other.say(HERE)));
        }
        nowhere.say("USE b21_handshake");
        stage.disturb();
        nowhere.say("SELECT * FROM t");
        nowhere.ask("reset connection", b"\x1f", Kind::One);
        stage.disturb();
        nowhere.say(HERE);
    });
}

#[test]
fn b21_a_schema_that_a_drops_itself_is_gone_for_it() {
    Play::new("b21_dropped").compare(|stage| {
        stage.root().run("DROP DATABASE IF EXISTS b21_gone");
        for definition in ["CREATE DATABASE b21_gone", "CREATE DATABASE b21_gone CHARACTER SET latin1"] {
            stage.a.say(definition);
            stage.a.say("USE b21_gone");
            stage.a.say("CREATE TABLE t AS SELECT 1 AS a");
            stage.disturb();
            stage.a.say("DROP SCHEMA b21_gone");
            stage.disturb();
            stage.a.say(HERE);
            stage.a.fails("SELECT * FROM t");
            stage.others(|other| drop(other.say(HERE)));
            stage.a.say("CREATE DATABASE b21_gone");
            stage.disturb();
            stage.a.say(HERE);
            stage.a.say("DROP DATABASE b21_gone");
        }
    });
}

/// Directly the name stays until a statement needs the schema; on another connection there is nothing to be let into.
#[test]
fn b21_a_schema_that_somebody_else_drops_is_told_and_leads_nowhere_else() {
    Play::new("b21_pulled").act_through_the_proxy(|stage| {
        let mut root = stage.root();
        root.run("CREATE OR REPLACE DATABASE b21_away CHARACTER SET latin1");
        stage.a.say("USE b21_away");
        stage.a.say("CREATE TABLE t AS SELECT 1 AS a");
        stage.disturb();
        root.run("DROP DATABASE b21_away");
        stage.disturb();
        if error_in(&stage.a.tell("SELECT DATABASE()")).is_none() {
            assert_eq!(stage.a.reads("SELECT DATABASE()"), "b21_away");
        }
        for sql in ["SELECT * FROM t", "CREATE TABLE t (a INT)", "DROP TABLE t"] {
            let error = stage.a.fails(sql);
            assert!([1049, 1146, 1051].contains(&error.code), "{sql}: {error:?}");
            stage.disturb();
        }
        // In text: preparing it needs the schema that is gone (ROADMAP.md).
        stage.a.run("USE b21_pulled");
        stage.disturb();
        assert_eq!(stage.a.reads("SELECT DATABASE()"), "b21_pulled");
        stage.others(|other| assert_eq!(other.reads("SELECT DATABASE()"), "b21_pulled"));
    });
}

/// Directly a session keeps what it was once let into; on another connection it has to be let in again.
#[test]
fn b21_who_lost_the_privilege_hears_so_and_is_nowhere_else() {
    let play = Play::new("b21_lost").granted(&["ALL ON b21_lost.*", "ALL ON b21_taken.*"]);
    play.act_through_the_proxy(|stage| {
        let mut root = stage.root();
        root.run("CREATE OR REPLACE DATABASE b21_taken; CREATE TABLE b21_taken.t (place VARCHAR(20)); INSERT INTO b21_taken.t VALUES ('taken')");
        root.run("GRANT ALL ON b21_taken.* TO b21_lost WITH GRANT OPTION");
        root.run("CREATE TABLE b21_lost.t AS SELECT 'lost' AS place");
        stage.a.say("USE b21_taken");
        root.run("REVOKE ALL ON b21_taken.* FROM b21_lost; REVOKE GRANT OPTION ON b21_taken.* FROM b21_lost");
        stage.disturb();
        for sql in ["SELECT place FROM t", "SELECT DATABASE()", "INSERT INTO t VALUES ('written')"] {
            let answer = stage.a.tell(sql);
            let Some(error) = error_in(&answer) else {
                assert!(!stage.shares_connections(), "{sql} is answered with {answer:?}");
                continue;
            };
            assert!([1044, 1142].contains(&error.code), "{sql}: {error:?}");
        }
        stage.a.run("USE b21_lost");
        assert_eq!(stage.a.reads("SELECT place FROM t"), "lost");
        if stage.shares_connections() {
            assert_eq!(root.value("SELECT COUNT(*) FROM b21_taken.t"), "1");
        }
        stage.others(|other| assert_eq!(other.reads("SELECT place FROM t"), "lost"));
    });
}
