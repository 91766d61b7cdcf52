//! LASTVAL/PREVIOUS VALUE FOR after NEXTVAL by A equals direct and is NULL for B.

use super::play::Play;
use crate::support::client::Parameter;

#[test]
fn b11_the_previous_value_of_a_sequence_is_a_s_own() {
    Play::new("b11").compare(|stage| {
        stage.a.say_all(&[
            "CREATE SEQUENCE s START 100 INCREMENT 10",
            "CREATE SEQUENCE other START 1",
            "CREATE TABLE t (a INT DEFAULT NEXTVAL(other), b INT)",
            "CREATE FUNCTION steps() RETURNS INT RETURN NEXT VALUE FOR other",
        ]);
        const READ: &str =
            "SELECT LASTVAL(s), PREVIOUS VALUE FOR s, previous value for `b11`.`s`, LASTVAL(other)";
        let next = stage.a.prepare("SELECT NEXT VALUE FOR s + ?");
        for sql in [
            "SELECT NEXTVAL(s)",
            "SELECT NEXT VALUE FOR s, next value for other",
            "SELECT nextval /* a comment */ (other)",
            "INSERT INTO t (b) VALUES (1), (2)",
            "SELECT steps()",
            "SET @n = NEXTVAL(s)",
            "SELECT SETVAL(s, 500)",
            "DO NEXTVAL(b11.s)",
        ] {
            stage.a.say(sql);
            stage.disturb_around();
            stage.a.say(READ);
            stage.a.execute(next, 0, &[Parameter::Int(0)]);
            stage.disturb_around();
            stage.a.say("SELECT LASTVAL(s)");
            stage.others(|other| drop(other.say(READ)));
        }
        stage.b.say("SELECT NEXTVAL(s)");
        stage.a.say(READ);
        stage.b.say("SELECT LASTVAL(s)");
        stage.a.say("DROP SEQUENCE s");
        stage.a.fails("SELECT LASTVAL(s)");
    });
}
