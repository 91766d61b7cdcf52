//! What a statement names.

use super::told;
use crate::sql::SqlMode;
use crate::sql::classify::classify;
use crate::sql::subject::Subject;

fn names(text: &str) -> Option<Vec<String>> {
    match told(text).subject {
        Subject::Names(names) => Some(names),
        Subject::None | Subject::Unknown => None,
    }
}

#[test]
fn statements_that_name_something_are_understood() {
    for (text, expected) in [
        ("CREATE TEMPORARY TABLE t (a INT)", &["t"][..]),
        ("CREATE OR REPLACE TEMPORARY TABLE `D`.`T x` SELECT 1", &["D.T x"]),
        ("create temporary table if not exists t like u", &["t"]),
        ("/*! CREATE */ TEMPORARY /* x */ SEQUENCE s", &["s"]),
        ("DROP TABLE a, d.b, `c``d`", &["a", "d.b", "c`d"]),
        ("DROP TEMPORARY TABLE IF EXISTS a CASCADE;", &["a"]),
        ("DROP SEQUENCE s", &["s"]),
        ("PREPARE S FROM 'SELECT 1'", &["s"]),
        ("DEALLOCATE PREPARE `S x`", &["s x"]),
        ("DROP PREPARE s", &["s"]),
        ("HANDLER T OPEN", &["t"]),
        ("HANDLER d.t OPEN AS X", &["x"]),
        ("HANDLER d.t OPEN `x`;", &["x"]),
        ("HANDLER d.t OPEN", &["t"]),
        ("HANDLER x CLOSE", &["x"]),
        ("SELECT GET_LOCK('A', 1)", &["A"]),
        ("SELECT GET_LOCK('it''s', -1) AS x, get_lock(\"b\", 0.5)", &["it's", "b"]),
        ("DO RELEASE_LOCK('a')", &["a"]),
        ("SELECT RELEASE_LOCK('a') `x`;", &["a"]),
        ("SET AutoCommit = 0", &["autocommit"]),
        (
            "SET a = 1, @@session.B = f(1, 2), @@`c` = (SELECT 1, 2), @D := 5, @`e f` = 1",
            &["a", "b", "c", "@d", "@e f"],
        ),
        ("SET NAMES utf8 COLLATE x, CHARACTER SET y", &["names", "character set"]),
        ("SET CHARSET x, NAMES DEFAULT", &["character set", "names"]),
        (
            "SET GLOBAL a = 1, b = 2, SESSION c = 3, @@global.d = 4",
            &["global.a", "global.b", "c", "global.d"],
        ),
        ("SET @@global.a = 1, b = 2", &["global.a", "b"]),
        ("SET ROLE R", &["R"]),
        ("SET STATEMENT x = 1 FOR SET y = 2", &["y"]),
        ("SET STATEMENT x = 1 FOR DROP TABLE t", &["t"]),
    ] {
        assert_eq!(
            names(text).as_deref(),
            Some(&expected.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()[..]),
            "{text}"
        );
    }
}

#[test]
fn a_name_that_is_not_sure_is_unknown() {
    for text in [
        "SELECT GET_LOCK(?, 1)",
        "SELECT GET_LOCK(@a, 1)",
        "SELECT GET_LOCK(CONCAT('a', 'b'), 1)",
        "SELECT GET_LOCK('a\\'b', 1)",
        "SELECT GET_LOCK('a' 'b', 1)",
        "SELECT GET_LOCK('a', 1) FROM t",
        "SELECT RELEASE_LOCK('a') WHERE 0",
        "SELECT RELEASE_LOCK('a') LIMIT 0",
        "SELECT RELEASE_LOCK('a'), UPPER('b')",
        "SELECT 0 AND RELEASE_LOCK('a')",
        "SELECT GET_LOCK('a', 1), RELEASE_LOCK('b')",
        "SET @a = GET_LOCK('a', 1)",
        "INSERT INTO t VALUES (GET_LOCK('a', 1))",
        "CREATE TEMPORARY TABLE t SELECT GET_LOCK('a', 1)",
        "DROP TABLE a; DROP TABLE b",
        "DROP TABLE",
        "SET a",
        "SET a.b = 1",
        "SET PASSWORD = ''",
        "BEGIN NOT ATOMIC SET a = 1; END",
    ] {
        assert_eq!(told(text).subject, Subject::Unknown, "{text}");
    }
    let text = b"DROP TABLE `\xE9`";
    assert_eq!(classify(text, SqlMode::default()).subject, Subject::Unknown);
}

#[test]
fn other_statements_have_no_subject() {
    for text in [
        "SELECT 1",
        "INSERT INTO t VALUES (1)",
        "CREATE TABLE t (a INT)",
        "SET TRANSACTION READ ONLY",
        "HANDLER t READ FIRST",
        "SELECT RELEASE_ALL_LOCKS()",
        "SET STATEMENT x = 1 FOR SELECT 1",
        "",
    ] {
        assert_eq!(told(text).subject, Subject::None, "{text}");
    }
}
