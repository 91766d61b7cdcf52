//! What keeps a session on its connection for a while.

use super::super::script::Step;
use super::{STATE, all, say, some};
use crate::support::chance::Chance;

pub fn diagnostics(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let speaks = [
        "SELECT CAST('abc' AS SIGNED), 1 / 0",
        "INSERT IGNORE INTO u VALUES (1, 'there')",
        "SELECT * FROM nowhere",
        "DROP TABLE IF EXISTS nowhere",
        "INSERT INTO u VALUES (1, 'there')",
    ];
    let asks = [
        "SHOW WARNINGS",
        "SHOW ERRORS",
        "SHOW COUNT(*) WARNINGS",
        "SELECT @@warning_count, @@error_count",
        "/* ask */ SHOW WARNINGS LIMIT 1",
    ];
    let (speak, ask) = (*chance.one_of(&speaks), *chance.one_of(&asks));
    let mut steps = vec![say(chance, speak), Step::Text(ask.to_owned())];
    steps.push(Step::Text("SHOW WARNINGS".to_owned()));
    steps.push(say(chance, "SELECT @@warning_count"));
    steps
}

pub fn temporary_table(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = some(
        chance,
        1,
        &[
            "CREATE TEMPORARY TABLE m (a INT)",
            "CREATE OR REPLACE /* x */ TEMPORARY TABLE m AS SELECT 5 AS a",
            "CREATE TEMPORARY TABLE m AS SELECT id AS a FROM u",
        ],
    );
    steps.extend(some(
        chance,
        4,
        &[
            "INSERT INTO m (a) VALUES (1), (2)",
            "SELECT a FROM m",
            "SELECT COUNT(*) FROM m",
            "ALTER TABLE m ADD b INT",
            STATE,
        ],
    ));
    steps.extend(some(chance, 1, &["DROP TABLE m", "DROP TEMPORARY TABLE m"]));
    steps.push(say(chance, "SELECT * FROM m"));
    steps.push(say(chance, "DROP TEMPORARY TABLE IF EXISTS m"));
    steps
}

pub fn user_lock(chance: &mut Chance, home: &str) -> Vec<Step> {
    let statements = [
        "SELECT GET_LOCK('NAME', 10)",
        "SELECT IS_FREE_LOCK('NAME')",
        "SELECT id FROM u LIMIT 1",
        "SELECT RELEASE_LOCK('NAME')",
        "SELECT IS_FREE_LOCK('NAME'), RELEASE_ALL_LOCKS()",
    ];
    statements.iter().map(|sql| say(chance, &sql.replace("NAME", home))).collect()
}

pub fn table_lock(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = some(
        chance,
        1,
        &["LOCK TABLES t WRITE, u READ", "LOCK TABLES t READ, u READ", "FLUSH TABLES t WITH READ LOCK"],
    );
    steps.extend(some(
        chance,
        3,
        &[
            "SELECT COUNT(*) FROM t",
            "INSERT INTO t (w) VALUES ('locked')",
            "SELECT COUNT(*) FROM s",
            "UPDATE u SET w = 'x' WHERE id = 9",
        ],
    ));
    steps.extend(all(chance, &["UNLOCK TABLES", "SELECT COUNT(*) FROM t"]));
    steps
}

pub fn handler(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = all(chance, &["HANDLER u OPEN AS h"]);
    steps.extend(some(
        chance,
        4,
        &[
            "HANDLER h READ FIRST",
            "HANDLER h READ NEXT",
            "HANDLER h READ `PRIMARY` >= (7) LIMIT 2",
            "SELECT 1",
        ],
    ));
    steps.extend(all(chance, &["HANDLER h CLOSE", "HANDLER h READ NEXT"]));
    steps
}

pub fn sql_prepared(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = vec![Step::Text("PREPARE p FROM 'SELECT id, w FROM u WHERE id < ?'".to_owned())];
    steps.extend(some(
        chance,
        3,
        &["EXECUTE p USING 3", "EXECUTE p USING 7", "SELECT 1", "EXECUTE IMMEDIATE 'SELECT 5'"],
    ));
    steps.extend(["DEALLOCATE PREPARE p", "EXECUTE p USING 1"].map(|sql| Step::Text(sql.to_owned())));
    steps
}

pub fn errors(chance: &mut Chance, _home: &str) -> Vec<Step> {
    some(
        chance,
        3,
        &[
            "SELEC 1",
            "SELECT * FROM nowhere",
            "INSERT INTO u VALUES (1, 'there')",
            "SET time_zone = '+99:00'",
            "SET NAMES no_such",
            "USE no_such_schema",
            "SIGNAL SQLSTATE '45000'",
            STATE,
        ],
    )
}
