//! Pieces of scripts: each begins with nothing open and ends with nothing open, but for what a session carries with it –
//! variables, schema, prepared statements, at times user variables until it resets itself.

use super::chance::Chance;
use super::script::{Execution, SLOTS, Step, Value};

/// Makes a few steps for the session whose schema is named.
pub type Fragment = fn(&mut Chance, &str) -> Vec<Step>;

pub const FRAGMENTS: &[Fragment] = &[
    variables,
    variables,
    character_set,
    schema,
    writes,
    writes,
    counts,
    transaction,
    transaction,
    one_shot,
    without_autocommit,
    diagnostics,
    user_variables,
    temporary_table,
    user_lock,
    table_lock,
    handler,
    xa,
    sequence,
    sql_prepared,
    prepare,
    execute,
    execute,
    execute,
    long_data,
    cursor,
    several,
    commands,
    set_statement,
    load,
    errors,
    alteration,
    reset,
];

/// In either protocol.
fn say(chance: &mut Chance, sql: &str) -> Step {
    if chance.percent(40) { Step::Binary(sql.to_owned()) } else { Step::Text(sql.to_owned()) }
}

fn all(chance: &mut Chance, statements: &[&str]) -> Vec<Step> {
    statements.iter().map(|sql| say(chance, sql)).collect()
}

fn some(chance: &mut Chance, times: usize, choices: &[&str]) -> Vec<Step> {
    (0..=chance.below(times))
        .map(|_| {
            let sql = *chance.one_of(choices);
            say(chance, sql)
        })
        .collect()
}

const STATE: &str = "SELECT @@sql_mode, @@time_zone, @@group_concat_max_len, @@character_set_client, @@collation_connection, \
     @@tx_isolation, @@autocommit, @@sql_select_limit, @@div_precision_increment, DATABASE(), LAST_INSERT_ID(), @a, @b";

fn variables(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = some(
        chance,
        3,
        &[
            "SET time_zone = '+02:00'",
            "SET time_zone = DEFAULT, group_concat_max_len = 2048",
            "SET sql_mode = 'ANSI_QUOTES'",
            "SET sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')",
            "SET sql_mode = DEFAULT",
            "SET SESSION div_precision_increment = 9, @@session.lc_time_names = 'fr_FR'",
            "SET @@div_precision_increment = DEFAULT",
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET tx_isolation = 'SERIALIZABLE'",
            "SET sql_select_limit = 3",
            "SET sql_select_limit = DEFAULT",
            "SET max_error_count = 1, sql_safe_updates = 0",
            "CALL sets()",
        ],
    );
    steps.extend(all(chance, &[STATE, "SELECT 10 / 3, DAYNAME('2024-02-29'), 'a' || 'b'"]));
    steps
}

fn character_set(chance: &mut Chance, home: &str) -> Vec<Step> {
    let mut steps = some(
        chance,
        2,
        &[
            "SET NAMES latin1",
            "SET NAMES utf8mb4 COLLATE utf8mb4_uca1400_ai_ci",
            "SET NAMES utf8mb4",
            "SET CHARACTER SET greek",
            "SET character_set_results = NULL",
            "SET NAMES binary",
            "SET collation_connection = latin1_german2_ci",
        ],
    );
    let insert = format!("INSERT INTO {home}.t (w) VALUES ('é€')");
    steps.extend(all(chance, &[&insert, "SELECT HEX('é'), 'ü', COLLATION('x')"]));
    steps.extend(all(chance, &[&format!("SELECT w, HEX(w) FROM {home}.t ORDER BY id DESC LIMIT 2")]));
    steps
}

fn schema(chance: &mut Chance, home: &str) -> Vec<Step> {
    let two = format!("{home}_two");
    let mut steps = vec![match chance.below(3) {
        0 => say(chance, &format!("USE `{two}`")),
        1 => Step::Command("init db", [b"\x02", two.as_bytes()].concat()),
        _ => say(chance, "USE mysql"),
    }];
    steps.extend(all(chance, &["SELECT DATABASE(), @@collation_database", "SELECT COUNT(*) FROM t"]));
    steps.push(say(chance, &format!("USE {home}")));
    steps.extend(all(chance, &["SELECT DATABASE()", "SELECT COUNT(*) FROM u"]));
    steps
}

fn writes(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let ask = [
        "SELECT LAST_INSERT_ID(), ROW_COUNT()",
        "SELECT ROW_COUNT()",
        "SELECT @@identity",
        "INSERT INTO t (n) VALUES (LAST_INSERT_ID())",
    ];
    let mut steps = Vec::new();
    for _ in 0..=chance.below(3) {
        steps.extend(some(
            chance,
            1,
            &[
                "INSERT INTO t (w) VALUES ('one')",
                "INSERT INTO t (w, n) VALUES ('two', 1), ('three', 2)",
                "INSERT INTO t (w) VALUES ('returned') RETURNING id, w",
                "UPDATE t SET n = n + 1 WHERE id % 2 = 0",
                "UPDATE t SET n = LAST_INSERT_ID(n + 100) WHERE id = 2",
                "DELETE FROM t WHERE id % 7 = 3",
                "REPLACE INTO t (id, w) VALUES (1, 'replaced')",
                "SELECT LAST_INSERT_ID(4711)",
            ],
        ));
        let question = *chance.one_of(&ask);
        steps.push(say(chance, question));
    }
    steps.push(say(chance, "SELECT id, w, n FROM t ORDER BY id"));
    steps
}

fn counts(chance: &mut Chance, home: &str) -> Vec<Step> {
    let selects = [
        "SELECT SQL_CALC_FOUND_ROWS seq FROM mysql.seq_1_to_500 LIMIT 2",
        "SELECT id FROM u LIMIT 4",
        "SELECT id FROM u WHERE id > 99",
    ];
    let select = selects[chance.below(3)].replace("FROM u", &format!("FROM {home}.u"));
    all(
        chance,
        &[&select, "SELECT FOUND_ROWS()", "SELECT ROW_COUNT()", &select, "SELECT ROW_COUNT(), FOUND_ROWS()"],
    )
}

fn transaction(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let begins = [
        "BEGIN",
        "START TRANSACTION",
        "START TRANSACTION READ ONLY",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT",
    ];
    let ends = ["COMMIT", "ROLLBACK", "ROLLBACK", "CREATE OR REPLACE TABLE v AS SELECT 1 AS a", "BEGIN"];
    let begin = *chance.one_of(&begins);
    let mut steps = vec![say(chance, begin)];
    steps.extend(some(
        chance,
        6,
        &[
            "INSERT INTO t (w) VALUES ('in a transaction')",
            "SAVEPOINT p",
            "ROLLBACK TO p",
            "RELEASE SAVEPOINT p",
            "SELECT COUNT(*), @@in_transaction FROM t",
            "UPDATE u SET w = CONCAT(w, '!') WHERE id = 5",
            "SELECT * FROM nowhere",
            "SET time_zone = '-01:00'",
            "SELECT w FROM u WHERE id = 5 FOR UPDATE",
        ],
    ));
    if chance.percent(30) {
        steps.extend(all(chance, &["COMMIT AND CHAIN", "INSERT INTO t (w) VALUES ('chained')"]));
    }
    let end = *chance.one_of(&ends);
    steps.push(say(chance, end));
    steps.extend(all(
        chance,
        &["COMMIT", "SELECT COUNT(*), @@in_transaction FROM t", "SELECT w FROM u WHERE id = 5"],
    ));
    steps
}

fn one_shot(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = some(
        chance,
        1,
        &["SET TRANSACTION READ ONLY", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY"],
    );
    steps.extend(some(chance, 2, &["SELECT 1", "SET @@time_zone = '+00:00'", "DO 1"]));
    for _ in 0..2 {
        steps.extend(all(chance, &["INSERT INTO t (w) VALUES ('at once')", "COMMIT"]));
    }
    steps
}

fn without_autocommit(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = all(chance, &["SET autocommit = 0", "SELECT @@autocommit, @@in_transaction"]);
    steps.extend(some(
        chance,
        5,
        &[
            "SELECT COUNT(*) FROM t",
            "INSERT INTO t (w) VALUES ('implicit')",
            "COMMIT",
            "ROLLBACK",
            "SELECT @@in_transaction",
            "DELETE FROM t WHERE id % 5 = 0",
        ],
    ));
    steps.extend(some(chance, 1, &["COMMIT", "ROLLBACK"]));
    steps.extend(all(chance, &["SET autocommit = 1", "SELECT COUNT(*) FROM t"]));
    steps
}

fn diagnostics(chance: &mut Chance, _home: &str) -> Vec<Step> {
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

fn user_variables(chance: &mut Chance, home: &str) -> Vec<Step> {
    let mut steps = some(
        chance,
        4,
        &[
            "SET @a = 1, @b = 'text'",
            "SELECT @a := @a + 1",
            "SELECT id, w INTO @a, @b FROM u WHERE id = 3",
            "SELECT @a, @b",
            "SET @b = NULL",
            "SELECT w FROM u WHERE id = @a",
        ],
    );
    steps.push(say(chance, "SELECT @a, @b, COALESCE(@c, 'never set')"));
    steps.extend(if chance.percent(70) { wiped(home) } else { all(chance, &["SET @a = NULL, @b = NULL"]) });
    steps
}

/// A reset, and what a script relies on put back.
fn wiped(home: &str) -> Vec<Step> {
    vec![Step::Command("reset connection", vec![0x1f]), Step::Text(format!("USE {home}"))]
}

fn temporary_table(chance: &mut Chance, _home: &str) -> Vec<Step> {
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

fn user_lock(chance: &mut Chance, home: &str) -> Vec<Step> {
    let statements = [
        "SELECT GET_LOCK('NAME', 10)",
        "SELECT IS_FREE_LOCK('NAME')",
        "SELECT id FROM u LIMIT 1",
        "SELECT RELEASE_LOCK('NAME')",
        "SELECT IS_FREE_LOCK('NAME'), RELEASE_ALL_LOCKS()",
    ];
    statements.iter().map(|sql| say(chance, &sql.replace("NAME", home))).collect()
}

fn table_lock(chance: &mut Chance, _home: &str) -> Vec<Step> {
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

fn handler(chance: &mut Chance, _home: &str) -> Vec<Step> {
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

fn xa(chance: &mut Chance, home: &str) -> Vec<Step> {
    let end = if chance.percent(50) { "XA COMMIT 'NAME'" } else { "XA ROLLBACK 'NAME'" };
    let short =
        ["XA START 'NAME'", "INSERT INTO t (w) VALUES ('xa')", "XA END 'NAME'", "XA COMMIT 'NAME' ONE PHASE"];
    let long = [
        "XA START 'NAME'",
        "INSERT INTO t (w) VALUES ('xa')",
        "SELECT COUNT(*) FROM t",
        "XA END 'NAME'",
        "XA PREPARE 'NAME'",
        end,
        "SELECT COUNT(*) FROM t",
    ];
    let statements = if chance.percent(50) { &short[..] } else { &long[..] };
    statements.iter().map(|sql| say(chance, &sql.replace("NAME", home))).collect()
}

fn sequence(chance: &mut Chance, _home: &str) -> Vec<Step> {
    some(
        chance,
        4,
        &[
            "SELECT NEXTVAL(s)",
            "SELECT LASTVAL(s)",
            "SELECT PREVIOUS VALUE FOR s",
            "INSERT INTO t (n) VALUES (NEXT VALUE FOR s)",
            STATE,
        ],
    )
}

fn sql_prepared(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = vec![Step::Text("PREPARE p FROM 'SELECT id, w FROM u WHERE id < ?'".to_owned())];
    steps.extend(some(
        chance,
        3,
        &["EXECUTE p USING 3", "EXECUTE p USING 7", "SELECT 1", "EXECUTE IMMEDIATE 'SELECT 5'"],
    ));
    steps.extend(["DEALLOCATE PREPARE p", "EXECUTE p USING 1"].map(|sql| Step::Text(sql.to_owned())));
    steps
}

fn prepare(chance: &mut Chance, home: &str) -> Vec<Step> {
    let texts = [
        "SELECT id, w FROM HOME.u WHERE id > ? AND w <> ? ORDER BY id",
        "INSERT INTO HOME.t (w, n) VALUES (?, ?)",
        "SELECT ?, @@time_zone, ?",
        "UPDATE HOME.u SET w = ? WHERE id = ?",
        "SELECT w, LAST_INSERT_ID(), ?, ? FROM HOME.u WHERE id = 2",
        "SELECT FROM",
    ];
    let slot = chance.below(SLOTS);
    let mut steps = Vec::new();
    if chance.percent(70) {
        steps.push(Step::Close(slot));
    }
    steps.push(Step::Prepare(slot, chance.one_of(&texts).replace("HOME", home)));
    steps.push(Step::Execute(slot, values(chance), Execution::Typed));
    steps
}

fn values(chance: &mut Chance) -> Vec<Value> {
    let value = |chance: &mut Chance| match chance.below(4) {
        0 => Value::Null,
        1 => Value::Text("text".to_owned()),
        _ => Value::Int(chance.below(20) as i64),
    };
    vec![value(chance), value(chance)]
}

fn execute(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let slot = chance.below(SLOTS);
    let values = values(chance);
    let mut steps = vec![Step::Execute(slot, values.clone(), Execution::Typed)];
    steps.extend(some(
        chance,
        2,
        &[
            "SELECT 1",
            "SELECT LAST_INSERT_ID()",
            "SET time_zone = '+06:00'",
            "INSERT INTO t (w) VALUES ('between')",
        ],
    ));
    steps.push(Step::Execute(slot, values, Execution::Again));
    if chance.percent(20) {
        steps.push(Step::Close(slot));
    }
    steps
}

fn long_data(chance: &mut Chance, home: &str) -> Vec<Step> {
    let slot = chance.below(SLOTS);
    let mut steps = vec![Step::Prepare(slot, format!("SELECT LENGTH(?), MD5(?) FROM {home}.u WHERE id = 1"))];
    for _ in 0..=chance.below(3) {
        steps.push(Step::LongData(slot, 0, vec![b'x'; chance.below(20_000)]));
        if chance.percent(20) {
            steps.push(Step::Reset(slot));
        }
    }
    steps.push(Step::LongData(slot, 0, b"end".to_vec()));
    steps.push(Step::Execute(slot, vec![Value::Long, Value::Text("short".to_owned())], Execution::Typed));
    steps
}

fn cursor(chance: &mut Chance, home: &str) -> Vec<Step> {
    let slot = chance.below(SLOTS);
    let mut steps = vec![
        Step::Prepare(slot, format!("SELECT id, w FROM {home}.u ORDER BY id")),
        Step::Execute(slot, Vec::new(), Execution::Cursor),
    ];
    for _ in 0..=chance.below(3) {
        steps.push(Step::Fetch(slot, chance.below(9) as u32 + 1));
        if chance.percent(40) {
            steps.push(say(chance, "SELECT 'between'"));
        }
    }
    steps.push(if chance.percent(50) { Step::Reset(slot) } else { Step::Close(slot) });
    steps.push(Step::Fetch(slot, 1));
    steps
}

fn several(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let texts = [
        "SELECT 1; SELECT COUNT(*) FROM t; DO 1; SELECT 2",
        "SET time_zone = '+03:00'; SELECT @@time_zone; INSERT INTO t (w) VALUES ('several'); SELECT LAST_INSERT_ID()",
        "SELECT 1; SELECT * FROM nowhere; SELECT 2",
        "BEGIN; INSERT INTO t (w) VALUES ('x'); ROLLBACK; SELECT ROW_COUNT()",
        "CALL two()",
        "CALL two(); CALL two(); SELECT 'last'",
    ];
    let text = (*chance.one_of(&texts)).to_owned();
    vec![Step::Text(text), say(chance, STATE)]
}

fn commands(chance: &mut Chance, home: &str) -> Vec<Step> {
    let commands: [(&'static str, Vec<u8>); 5] = [
        ("ping", vec![0x0e]),
        ("init db", [b"\x02", home.as_bytes()].concat()),
        ("init db of an unknown schema", b"\x02no_such_schema".to_vec()),
        ("multi statements on", vec![0x1b, 0, 0]),
        ("an unknown command", vec![0x40]),
    ];
    let (name, payload) = chance.one_of(&commands).clone();
    let mut steps = vec![Step::Command(name, payload)];
    steps.extend(some(chance, 2, &["COMMIT", "ROLLBACK", STATE]));
    steps
}

fn set_statement(chance: &mut Chance, _home: &str) -> Vec<Step> {
    let mut steps = some(
        chance,
        2,
        &[
            "SET STATEMENT group_concat_max_len = 7 FOR SELECT GROUP_CONCAT(id) FROM u",
            "SET STATEMENT max_statement_time = 30 FOR INSERT INTO t (w) VALUES ('for one statement')",
            "SET STATEMENT time_zone = '+10:00' FOR SELECT @@time_zone",
        ],
    );
    steps.extend(all(chance, &["SELECT LAST_INSERT_ID(), ROW_COUNT()", STATE]));
    steps
}

fn load(chance: &mut Chance, home: &str) -> Vec<Step> {
    let text = format!("LOAD DATA LOCAL INFILE 'x' INTO TABLE {home}.t (w, n)");
    vec![
        Step::Load(text, b"loaded\t1\nloaded too\tx\n".to_vec()),
        Step::Text("SHOW WARNINGS".to_owned()),
        say(chance, "SELECT LAST_INSERT_ID()"),
    ]
}

fn errors(chance: &mut Chance, _home: &str) -> Vec<Step> {
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

fn alteration(chance: &mut Chance, _home: &str) -> Vec<Step> {
    some(
        chance,
        2,
        &[
            "ALTER TABLE u ADD COLUMN IF NOT EXISTS c INT DEFAULT 5",
            "ALTER TABLE u DROP COLUMN IF EXISTS c",
            "ALTER TABLE u MODIFY w VARCHAR(50) CHARACTER SET latin1",
            "ANALYZE TABLE v",
            "TRUNCATE t",
        ],
    )
}

fn reset(chance: &mut Chance, home: &str) -> Vec<Step> {
    let mut steps = match chance.below(3) {
        0 => wiped(home),
        1 => vec![Step::ChangeUser(home.to_owned())],
        _ => vec![Step::ChangeUser(String::new()), Step::Text(format!("USE {home}"))],
    };
    steps.push(say(chance, STATE));
    steps
}
