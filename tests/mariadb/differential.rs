//! The same scripts directly and through the proxy give the same packets.

use crate::support::capabilities::{
    BULK, CACHE_METADATA, COMPRESS, DEPRECATE_EOF, EXTENDED_METADATA, FOUND_ROWS, LOCAL_FILES, SESSION_TRACK,
};
use crate::support::client::{LAST_PREPARED, Parameter, RawClient, execution};
use crate::support::compare::{Comparison, DIALECTS, WayIn};
use crate::support::login::Login;
use crate::support::proxy::Proxy;
use crate::support::response::Kind;
use crate::support::server::{PASSWORD, direct};
use crate::support::tls::unverified;
use crate::support::wire::{Endpoint, MAX_FRAME};

/// Directly, and by every way into a proxy, in every dialect.
fn same_as_direct(name: &str, capabilities: u64, script: &dyn Fn(&mut RawClient)) {
    same_as_direct_in(&DIALECTS, &|_| true, name, capabilities, script);
}

/// The same with the dialects and ways that are worth their time.
fn same_as_direct_in(
    dialects: &[u64],
    wanted: &dyn Fn(&str) -> bool,
    name: &str,
    capabilities: u64,
    script: &dyn Fn(&mut RawClient),
) {
    let proxy = Proxy::builder()
        .account(&format!("user = \"other\"\npassword = \"{PASSWORD}\""))
        .account(&format!("user = \"edward\"\npassword = \"{PASSWORD}\""))
        .start();
    let relaying = Proxy::builder().without_accounts().start();
    let elsewhere = |endpoint: Endpoint| move |login: Login| Login { endpoint: endpoint.clone(), ..login };
    let tls = |login: Login| elsewhere(proxy.endpoint())(login).tls(&unverified(), "localhost");
    let compressed = |login: Login| tls(Login { capabilities: login.capabilities | COMPRESS, ..login });
    let (tcp, socket, relay) =
        (elsewhere(proxy.endpoint()), elsewhere(proxy.socket()), elsewhere(relaying.endpoint()));
    let all: [WayIn<'_>; 5] = [
        ("in plaintext", &tcp),
        ("inside TLS", &tls),
        ("over the unix socket", &socket),
        ("compressed inside TLS", &compressed),
        ("with a relayed login", &relay),
    ];
    let ways: Vec<WayIn<'_>> = all.into_iter().filter(|(way, _)| wanted(way)).collect();
    Comparison { name, capabilities, script }.run(&direct(), dialects, &ways);
}

/// The proof that the comparison itself is sound: nothing here is left to chance.
#[test]
fn the_server_compared_with_itself_shows_no_difference() {
    let ways: [(&str, &dyn Fn(Login) -> Login); 2] = [
        ("again", &|login| login),
        ("compressed", &|login| Login { capabilities: login.capabilities | COMPRESS, ..login }),
    ];
    let script: &dyn Fn(&mut RawClient) = &|client| {
        tables(client);
        client.query("SELECT a, b FROM t; SELECT b FROM t WHERE b = 5; SHOW WARNINGS");
        client.query("SET NAMES latin1, @@autocommit = 0");
        let select = client.prepare("SELECT a FROM t WHERE a > ?");
        client.execute(select, 1, &[Parameter::Int(1)]);
        client.fetch(select, 5);
        client.query("SELECT REPEAT('x', 16777216)");
    };
    Comparison { name: "itself", capabilities: 0, script }.run(&direct(), &DIALECTS, &ways);
}

fn tables(client: &mut RawClient) {
    client.run("CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(40))");
    client.run("CREATE TABLE serial (id INT AUTO_INCREMENT PRIMARY KEY, word TEXT)");
    client.run("INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')");
}

#[test]
fn queries_are_answered_alike() {
    same_as_direct("queries", FOUND_ROWS, &|client| {
        tables(client);
        for sql in [
            "SELECT a, b FROM t ORDER BY a",
            "SELECT a FROM t WHERE a < 0",
            "SELECT NULL, '', 1.5, DATE '2024-02-29', x'00ff', 18446744073709551615",
            "SELECT REPEAT('x', 250), REPEAT('y', 251), REPEAT('z', 65535), REPEAT('w', 65536)",
            "SELECT b FROM t WHERE b = 'two'",
            "UPDATE t SET b = 'two' WHERE a = 2",
            "INSERT INTO serial (word) VALUES ('x'), ('y')",
            "INSERT INTO serial (word) VALUES ('z') RETURNING id, word",
            "SELECT LAST_INSERT_ID(), ROW_COUNT()",
            "REPLACE INTO t VALUES (3, 'three again')",
            "DELETE FROM t WHERE a = 3",
            "EXPLAIN SELECT * FROM t",
            "SHOW TABLES",
            "SET @a = 1, @b := 'text'",
            "SELECT @a, @b",
            "DO SLEEP(0)",
            "ANALYZE TABLE t",
        ] {
            client.query(sql);
        }
    });
}

#[test]
fn errors_and_warnings_are_told_alike() {
    same_as_direct("errors", 0, &|client| {
        tables(client);
        for sql in [
            "",
            "SELEC 1",
            "SELECT * FROM nowhere",
            "INSERT INTO t VALUES (1, 'again')",
            "SELECT a, IF(a = 3, (SELECT 1 UNION SELECT 2), 0) FROM t",
            "SHOW WARNINGS",
            "SELECT CAST('abc' AS SIGNED)",
            "SHOW WARNINGS",
            "SELECT b FROM t WHERE b = 5",
            "SHOW COUNT(*) WARNINGS",
            "SET @@sql_mode = 'NO_SUCH_MODE'",
            "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'as told'",
            "SELECT @@warning_count, @@error_count",
        ] {
            client.query(sql);
        }
    });
}

#[test]
fn several_results_come_in_order() {
    same_as_direct("several", 0, &|client| {
        tables(client);
        client.run("CREATE PROCEDURE two() BEGIN SELECT a FROM t; SELECT 'second', CAST('x' AS SIGNED); END");
        client.run("CREATE PROCEDURE silent() SET @done = 1");
        client.run("CREATE PROCEDURE failing() BEGIN SELECT 1; SELECT * FROM nowhere; END");
        for sql in [
            "SELECT 1; SELECT a FROM t WHERE a < 0; SET @a = 1; SELECT 2",
            "SET @a = 1; SET @b = 2; DO 1",
            "SELECT 1; SELECT * FROM nowhere; SELECT 2",
            "CALL two()",
            "CALL silent()",
            "CALL failing()",
            "CALL two(); CALL two(); SELECT 'last'",
            "INSERT INTO serial (word) VALUES ('a'); INSERT INTO serial (word) VALUES ('b') RETURNING id; SELECT LAST_INSERT_ID()",
        ] {
            client.query(sql);
        }
    });
}

#[test]
fn transactions_show_the_same_status() {
    same_as_direct("transactions", 0, &|client| {
        tables(client);
        for sql in [
            "BEGIN",
            "SELECT a FROM t",
            "SAVEPOINT s",
            "INSERT INTO t VALUES (4, 'four')",
            "ROLLBACK TO s",
            "COMMIT AND CHAIN",
            "ROLLBACK",
            "SET autocommit = 0",
            "SELECT 1",
            "SELECT a FROM t WHERE a = 1",
            "INSERT INTO t VALUES (5, 'five')",
            "COMMIT",
            "START TRANSACTION READ ONLY",
            "SELECT a FROM t",
            "INSERT INTO t VALUES (6, 'six')",
            "ROLLBACK",
            "SET autocommit = 1",
            "XA START 'transactions'",
            "INSERT INTO t VALUES (7, 'seven')",
            "XA END 'transactions'",
            "XA PREPARE 'transactions'",
            "SELECT 1",
            "XA COMMIT 'transactions'",
            "SELECT 1",
        ] {
            client.query(sql);
        }
    });
}

#[test]
fn session_state_is_reported_as_the_client_asked() {
    same_as_direct("state", 0, &|client| {
        let changes = |client: &mut RawClient| {
            for sql in [
                "SET NAMES latin1",
                "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
                "USE mysql",
                "USE state",
                "SET sql_mode = 'ANSI_QUOTES'",
                "SET sql_mode = ''",
                "SET @a = 1",
                "BEGIN",
                "COMMIT",
                "SET time_zone = '+02:00', autocommit = 0",
                "SET autocommit = 1",
                "SELECT 1",
            ] {
                client.query(sql);
            }
        };
        changes(client);
        client.run("SET session_track_schema = OFF, session_track_system_variables = 'sql_mode'");
        changes(client);
        client.run("SET session_track_state_change = ON, session_track_transaction_info = 'STATE'");
        changes(client);
        client.run(
            "SET session_track_transaction_info = 'CHARACTERISTICS', session_track_system_variables = '*'",
        );
        changes(client);
    });
}

#[test]
fn prepared_statements_work_alike() {
    same_as_direct("prepared", 0, &|client| {
        tables(client);
        let select = client.prepare("SELECT a, b FROM t WHERE a > ? AND b <> ?");
        client.execute(select, 0, &[Parameter::Int(0), Parameter::Text("two")]);
        client.execute(select, 0, &[Parameter::Int(99), Parameter::Null]);
        client.reset_statement(select);
        let insert = client.prepare("INSERT INTO serial (word) VALUES (?)");
        client.long_data(insert, 0, b"first half, ");
        client.long_data(insert, 0, &vec![b'x'; 100_000]);
        client.execute(insert, 0, &[Parameter::Long]);
        client.query("SELECT id, LENGTH(word) FROM serial");
        let nothing = client.prepare("DO 1");
        client.execute(nothing, 0, &[]);
        client.close_statement(nothing);
        client.execute(nothing, 0, &[]);
        client.prepare("SELECT FROM");
        client.run("CREATE PROCEDURE p(OUT x INT) BEGIN SELECT 'row'; SET x = 7; END");
        let call = client.prepare("CALL p(?)");
        client.execute(call, 0, &[Parameter::Null]);
        client.query("BEGIN");
        client.prepare("SELECT a FROM t WHERE a = ?");
        client.query("ROLLBACK");
        client.query("ALTER TABLE t ADD COLUMN c INT DEFAULT 5");
        client.execute(select, 0, &[Parameter::Int(0), Parameter::Text("two")]);
        client.query("PREPARE named FROM 'SELECT a FROM t WHERE a > ?'; SET @x = 1; EXECUTE named USING @x; DEALLOCATE PREPARE named");
        client.query("SELECT 1");
    });
}

#[test]
fn cursors_fetch_alike() {
    same_as_direct("cursors", 0, &|client| {
        tables(client);
        let all = client.prepare("SELECT a, b FROM t ORDER BY a");
        client.execute(all, 1, &[]);
        client.fetch(all, 2);
        client.query("SELECT 'between'");
        client.fetch(all, 2);
        client.fetch(all, 2);
        client.execute(all, 1, &[]);
        client.fetch(all, 3);
        client.fetch(all, 1);
        client.execute(all, 1, &[]);
        client.reset_statement(all);
        client.fetch(all, 1);
        let none = client.prepare("SELECT a FROM t WHERE a < 0");
        client.execute(none, 1, &[]);
        client.fetch(none, 1);
        let insert = client.prepare("INSERT INTO t VALUES (9, 'nine')");
        client.execute(insert, 1, &[]);
        let show = client.prepare("SHOW WARNINGS");
        client.execute(show, 1, &[]);
    });
}

#[test]
fn mariadb_extensions_work_alike() {
    same_as_direct("extensions", BULK | CACHE_METADATA | EXTENDED_METADATA, &|client| {
        tables(client);
        client.query("CREATE TABLE typed (j JSON, u UUID, p POINT)");
        client.query("SELECT j, u, p FROM typed");
        let insert = client.prepare("INSERT INTO serial (word) VALUES (?)");
        let rows =
            [&[0xfa][..], &insert.to_le_bytes(), &[128, 0, 0xfd, 0], b"\x00\x01a\x00\x01b\x01"].concat();
        client.ask("bulk execute", &rows, Kind::Results);
        let select = client.prepare("SELECT a, b FROM t");
        client.execute(select, 0, &[]);
        client.execute(select, 0, &[]);
        client.execute(select, 1, &[]);
        client.execute(select, 1, &[]);
        client.fetch(select, 10);
        client.query("ALTER TABLE t MODIFY b VARCHAR(50)");
        client.execute(select, 0, &[]);
        let none = client.prepare("SELECT a FROM t WHERE a < 0");
        client.execute(none, 0, &[]);
    });
}

#[test]
fn a_statement_can_be_executed_before_its_id_is_known() {
    same_as_direct("pipelined", BULK, &|client| {
        tables(client);
        for sql in ["SELECT a, b FROM t", "INSERT INTO t VALUES (8, 'eight')", "SELECT FROM"] {
            client.send(&[b"\x16", sql.as_bytes()].concat()).unwrap();
            client.send(&execution(LAST_PREPARED, 0, &[])).unwrap();
            client.wire.sequence = 1;
            client.receive(&format!("prepare {sql}"), Kind::Prepared, &[]).unwrap();
            client.wire.sequence = 1;
            client.receive("execute the last", Kind::Results, &[]).unwrap();
        }
        client.query("SELECT 'still in step'");
    });
}

#[test]
fn small_commands_are_answered_alike() {
    same_as_direct("small", 0, &|client| {
        tables(client);
        client.query("BEGIN");
        for (name, payload, kind) in [
            ("ping", &b"\x0e"[..], Kind::One),
            ("init db", b"\x02mysql", Kind::One),
            ("init db of an unknown schema", b"\x02nowhere", Kind::One),
            ("init db back", b"\x02small", Kind::One),
            ("field list", b"\x04t\0", Kind::FieldList),
            ("field list of an unknown table", b"\x04nowhere\0", Kind::FieldList),
            ("multi statements off", b"\x1b\x01\x00", Kind::One),
            ("two statements", b"\x03SELECT 1; SELECT 2", Kind::Results),
            ("multi statements on", b"\x1b\x00\x00", Kind::One),
            ("two statements", b"\x03SELECT 1; SELECT 2", Kind::Results),
            ("an unknown option", b"\x1b\x07\x00", Kind::One),
            ("refresh", b"\x07\x01", Kind::One),
            ("kill of an unknown id", b"\x0c\xff\xff\xff\x7f", Kind::One),
            ("sleep", b"\x00", Kind::One),
            ("an unknown command", b"\x40", Kind::One),
            ("an empty packet", b"", Kind::One),
            ("execute of an unknown id", &execution(99, 0, &[]), Kind::Results),
            ("reset connection", b"\x1f", Kind::One),
            ("schema after the reset", b"\x03SELECT DATABASE(), @@autocommit", Kind::Results),
        ] {
            client.ask(name, payload, kind);
        }
        let statistics = client.ask("statistics", b"\x09", Kind::One);
        assert!(statistics[0].payload.starts_with(b"Uptime: "));
        client.transcript.pop();
        let debug = client.ask("debug", b"\x0d", Kind::One);
        assert_eq!(debug[0].payload[0], 0xfe);
    });
}

#[test]
fn the_process_list_has_the_same_columns() {
    same_as_direct("processes", 0, &|client| {
        let packets = client.ask("process info", b"\x0a", Kind::Results);
        let definitions = 1 + usize::from(packets[0].payload[0]);
        client.transcript.last_mut().unwrap().packets.truncate(definitions);
    });
}

#[test]
fn changing_the_user_leads_to_the_same_session() {
    same_as_direct("changes", 0, &|client| {
        client.query("SET @a = 1, sql_mode = 'ANSI_QUOTES'");
        client.change_user("other", PASSWORD, "changes").unwrap();
        client.query("SELECT CURRENT_USER(), DATABASE(), @a, @@sql_mode");
        client.change_user("edward", PASSWORD, "").unwrap();
        client.query("SELECT CURRENT_USER(), DATABASE()");
        client.change_user("other", PASSWORD, "nowhere").unwrap();
        client.change_user("other", "wrong", "").unwrap();
        client.change_user("app", PASSWORD, "changes").unwrap();
        client.query("SELECT CURRENT_USER(), DATABASE()");
    });
}

#[test]
fn a_file_is_read_from_the_client_that_offered_it() {
    same_as_direct("files", LOCAL_FILES, &|client| {
        tables(client);
        let load = "LOAD DATA LOCAL INFILE '/no/such/file' INTO TABLE serial";
        client.load(load, &[b"1\tone\n2\ttwo\n".to_vec()]).unwrap();
        client
            .load(load, &[vec![b'7'; 20], b"\tsplit in the".to_vec(), b" middle\n8\teight\n".to_vec()])
            .unwrap();
        client.load(load, &[]).unwrap();
        client.query("SELECT id, word FROM serial ORDER BY id");
        client.load("LOAD DATA LOCAL INFILE 'x' INTO TABLE nowhere", &[]).unwrap();
        client
            .load("SELECT 1; LOAD DATA LOCAL INFILE 'x' INTO TABLE serial; SELECT 2", &[b"20\tx\n".to_vec()])
            .unwrap();
        let long = vec![b'x'; 1 << 20];
        client.load(load, &[[b"30\t", &long[..], b"\n31\t", &long[..]].concat(), b"\n".to_vec()]).unwrap();
        client.query("SELECT id, LENGTH(word) FROM serial ORDER BY id");
    });
}

#[test]
fn a_client_that_offers_no_files_is_asked_for_none() {
    same_as_direct("no_files", 0, &|client| {
        tables(client);
        client.query("LOAD DATA LOCAL INFILE '/no/such/file' INTO TABLE serial");
        client.query("SELECT 1");
    });
}

#[test]
fn payloads_around_sixteen_megabytes_pass_whole() {
    let ways = |way: &str| way == "in plaintext" || way == "inside TLS";
    same_as_direct_in(&[0, DEPRECATE_EOF | SESSION_TRACK], &ways, "big", 0, &|client| {
        client.run("CREATE TABLE blobs (id INT PRIMARY KEY, data LONGBLOB)");
        let empty = "INSERT INTO blobs VALUES (1, '')".len() + 1;
        for (id, length) in [MAX_FRAME - 1, MAX_FRAME, MAX_FRAME + 1, 2 * MAX_FRAME].into_iter().enumerate() {
            let text = "x".repeat(length - empty);
            let insert = format!("INSERT INTO blobs VALUES ({id}, '{text}')");
            client.ask(&format!("insert {id}"), &[b"\x03", insert.as_bytes()].concat(), Kind::Results);
            let exact = length - 4; // the row: four bytes of length, then the text
            client.query(&format!("SELECT REPEAT('y', {exact})"));
        }
        client.query("SELECT id, MD5(data), LENGTH(data) FROM blobs");
        client.query("SELECT data, id FROM blobs WHERE id = 2");
    });
}

#[test]
fn a_payload_beyond_sixteen_megabytes_passes_compressed() {
    let ways = |way: &str| way == "compressed inside TLS";
    same_as_direct_in(&[0], &ways, "big_compressed", 0, &|client| {
        let text = "x".repeat(MAX_FRAME);
        client.ask(
            "a long statement",
            &[b"\x03SELECT LENGTH('", text.as_bytes(), b"')"].concat(),
            Kind::Results,
        );
        client.query("SELECT REPEAT('y', 16777216), 'after'");
    });
}

#[test]
fn many_rows_wrap_the_sequence_ids() {
    same_as_direct("many", 0, &|client| {
        for rows in [1, 250, 251, 252, 253, 254, 255, 256, 257, 100_000] {
            client.query(&format!("SELECT seq, REPEAT('x', seq % 50) FROM seq_1_to_{rows}"));
        }
        client.query("SELECT REPEAT('x', 1000000) FROM seq_1_to_20");
    });
}
