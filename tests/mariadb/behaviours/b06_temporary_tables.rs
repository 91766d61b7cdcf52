//! `CREATE TEMPORARY TABLE` in all spellings (OR REPLACE, comments between the words, executable comments, made inside a
//! procedure) stays visible to A and never to B.

use super::stage::Play;
use crate::support::client::Parameter;

#[test]
fn b06_temporary_tables_are_visible_to_a_and_never_to_b() {
    Play::new("b06").compare(|stage| {
        stage.a.say_all(&[
            "CREATE PROCEDURE makes() BEGIN CREATE TEMPORARY TABLE tt AS SELECT 'made by a procedure' AS a; END",
            "CREATE PROCEDURE prepares() BEGIN PREPARE p FROM 'CREATE TEMPORARY TABLE tt AS SELECT 1 AS a'; EXECUTE p; DEALLOCATE PREPARE p; END",
            "CREATE TABLE model (a VARCHAR(30))",
        ]);
        for sql in [
            "CREATE TEMPORARY TABLE tt (a INT)",
            "CREATE OR REPLACE TEMPORARY TABLE tt AS SELECT 2 AS a",
            "create/**/temporary /* a comment */ table tt as select 3 as a",
            "CREATE -- to the end\n TEMPORARY # too\n TABLE IF NOT EXISTS tt LIKE model",
            "/*! CREATE */ /*!50001 TEMPORARY */ TABLE tt (a INT) ENGINE = MyISAM",
            "CREATE /*M!100001 OR REPLACE */ /*M! TEMPORARY TABLE tt AS SELECT 4 AS a */",
            "CREATE TEMPORARY TABLE `b06`.`tt` SELECT 5 AS a",
            "CALL makes()",
            "CALL prepares()",
            "EXECUTE IMMEDIATE 'CREATE TEMPORARY TABLE tt AS SELECT 6 AS a'",
            "BEGIN NOT ATOMIC CREATE TEMPORARY TABLE tt AS SELECT 7 AS a; END",
            "CREATE TEMPORARY SEQUENCE tt",
        ] {
            stage.a.say(sql);
            stage.disturb_around();
            stage.a.say("SELECT COUNT(*) FROM tt");
            stage.a.say("SHOW CREATE TABLE tt");
            stage.others(|other| drop(other.fails("SELECT COUNT(*) FROM tt")));
            stage.a.tell("DROP TEMPORARY TABLE tt");
            stage.a.fails("SELECT COUNT(*) FROM tt");
            stage.disturb();
        }
    });
}

#[test]
fn b06_a_temporary_table_hides_another_for_a_alone_until_it_is_gone() {
    Play::new("b06_hides").compare(|stage| {
        stage.a.say("CREATE TABLE t AS SELECT 'everybody''s' AS a");
        stage.a.say("CREATE TEMPORARY TABLE t AS SELECT 'mine' AS a");
        stage.a.say("CREATE TEMPORARY TABLE second AS SELECT 'mine too' AS a");
        stage.disturb_around();
        stage.a.say("SELECT a FROM t");
        stage.others(|other| drop(other.say("SELECT a FROM t")));
        let read = stage.a.prepare("SELECT a FROM t WHERE a <> ?");
        stage.a.execute(read, 0, &[Parameter::Text("")]);
        stage.a.say("ALTER TABLE t RENAME TO renamed");
        stage.disturb_around();
        stage.a.say("SELECT * FROM renamed, t");
        stage.a.say("DROP TABLE renamed");
        stage.a.execute(read, 0, &[Parameter::Text("")]);
        stage.disturb_around();
        stage.a.say("SELECT a FROM second");
        stage.a.say("DROP TABLE second, t");
        stage.disturb_around();
        stage.others(|other| drop(other.fails("SELECT a FROM t")));
        stage.a.fails("SELECT a FROM second");
    });
}
