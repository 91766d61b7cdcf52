//! User variables – also from `SELECT @a:=…`, `SELECT … INTO @a`, procedure OUT parameters – survive for A and are NULL for B.

use super::stage::Play;
use crate::support::client::Parameter;

const ALL: &str = "SELECT @a, @b, @c, @d, @e, @f, @g, @h, @i, @j, @x";

#[test]
fn b03_user_variables_survive_for_a_and_are_null_for_b() {
    Play::new("b03").compare(|stage| {
        stage.a.say_all(&[
            "CREATE TABLE t (a INT, b VARCHAR(20))",
            "INSERT INTO t VALUES (1, 'one'), (2, 'two')",
            "CREATE PROCEDURE p(OUT o DECIMAL(20, 5), INOUT io VARCHAR(20)) BEGIN SET o = 1.5; SET io = CONCAT(io, '!'); END",
            "CREATE FUNCTION f() RETURNS INT NO SQL BEGIN SET @h = 'from a function'; RETURN 1; END",
        ]);
        for sql in [
            "SET @a = 1, @b := 'text', @c = NULL",
            "SELECT @d := 2.5, @e := a FROM t ORDER BY a",
            "SELECT a, b INTO @f, @g FROM t WHERE a = 2",
            "SELECT f()",
            "SET @x = 'in and out'",
            "CALL p(@i, @x)",
            "SET @`quoted name` = DATE '2024-02-29', @'j' = x'00ff'",
            "SET @a = @a + 1",
        ] {
            stage.a.say(sql);
            stage.disturb_around();
            stage.a.say(ALL);
            stage.others(|other| drop(other.say(ALL)));
        }
        stage.a.say("SELECT @`quoted name`, HEX(@j), @\"j\"");
        stage.a.say("SELECT CHARSET(@b), COLLATION(@b), CHARSET(@j), COERCIBILITY(@b)");
    });
}

#[test]
fn b03_user_variables_keep_their_type_and_take_part_in_prepared_statements() {
    Play::new("b03_types").in_one_protocol().compare(|stage| {
        stage.a.say("SET @i = 18446744073709551615, @d = 1.10, @r = 1e10, @s = _latin1 0xe9, @t = TIME '10:11:12.5', @n = NULL");
        stage.disturb_around();
        stage.a.say("CREATE TABLE typed AS SELECT @i, @d, @r, @s, @t, @n");
        stage.disturb_around();
        stage.a.say("SHOW CREATE TABLE typed");
        stage.a.say("SELECT @i, @d, @r, HEX(@s), @t, @n");
        let set = stage.a.prepare("SELECT ? INTO @p");
        stage.disturb_around();
        stage.a.execute(set, 0, &[Parameter::Text("bound")]);
        stage.disturb_around();
        stage.a.say("SELECT @p");
        stage.a.say("PREPARE q FROM 'SELECT ?, @p'");
        stage.disturb_around();
        stage.a.say("EXECUTE q USING @i");
        stage.others(|other| drop(other.fails("EXECUTE q USING @i")));
        stage.a.say("DEALLOCATE PREPARE q");
    });
}
