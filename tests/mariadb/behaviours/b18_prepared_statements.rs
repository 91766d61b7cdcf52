//! Prepared statements: ids that A holds stay valid over any change of connection; close frees; reset, long data in chunks, zero
//! parameters, NULL bitmap, re-execute without new types, after ALTER TABLE equal direct; the backend's
//! `Prepared_stmt_count` stays bounded.

use super::play::Play;
use super::stage::Stage;
use crate::support::client::{LAST_PREPARED, Parameter, execution_again};
use crate::support::eventually;
use crate::support::response::Kind;
use crate::support::server::PASSWORD;
use crate::support::server::own_server;

fn table(stage: &mut Stage<'_>) {
    stage.a.run("CREATE TABLE t (a INT PRIMARY KEY, w VARCHAR(100), n BIGINT, b LONGBLOB)");
    stage.a.run("INSERT INTO t SELECT seq, CONCAT('row ', seq), seq * 10, NULL FROM mysql.seq_1_to_9");
}

#[test]
fn b18_ids_stay_valid_over_any_change_of_connection() {
    Play::new("b18").in_one_protocol().compare(|stage| {
        table(stage);
        let one = stage.a.prepare("SELECT a, w FROM t WHERE a = ? OR w = ?");
        stage.disturb();
        let insert = stage.a.prepare("INSERT INTO t (a, w, n) VALUES (?, ?, ?)");
        let nothing = stage.a.prepare("SELECT COUNT(*) FROM t");
        let others = stage.b.prepare("SELECT 'B''s', ?");
        // A server's thread goes on counting for the next connection, so both may directly have the same number.
        let foreign = if insert == others { 4_000_001 } else { insert };
        stage.disturb();
        for round in 0..5_i64 {
            stage.a.execute(one, 0, &[Parameter::Int(round), Parameter::Text("row 7")]);
            stage.disturb();
            stage.a.ask(
                "execute again",
                &execution_again(one, 0, &[Parameter::Int(round + 1), Parameter::Text("row 8")]),
                Kind::Results,
            );
            stage.disturb();
            stage.a.execute(one, 0, &[Parameter::Null, Parameter::Text("row 2")]);
            stage.disturb();
            stage.a.ask(
                "execute again",
                &execution_again(one, 0, &[Parameter::Null, Parameter::Text("row 3")]),
                Kind::Results,
            );
            stage.disturb();
            stage.a.execute(insert, 0, &[Parameter::Int(100 + round), Parameter::Null, Parameter::Int(-1)]);
            stage.disturb();
            stage.a.execute(nothing, 0, &[]);
            stage.b.execute(others, 0, &[Parameter::Int(round)]);
            // Ids of one session mean nothing in another.
            stage.b.execute(foreign, 0, &[Parameter::Int(1000), Parameter::Null, Parameter::Null]);
            stage.b.clear_diagnostics();
        }
        stage.a.execute(insert, 0, &[Parameter::Int(101), Parameter::Null, Parameter::Null]);
        stage.a.close_statement(one);
        stage.a.execute(one, 0, &[Parameter::Int(1), Parameter::Text("x")]);
        stage.a.clear_diagnostics();
        stage.disturb();
        stage.a.execute(one, 0, &[Parameter::Int(1), Parameter::Text("x")]);
        stage.a.reset_statement(one);
        stage.a.close_statement(one);
        stage.a.close_statement(4_000_000);
        stage.a.query("SELECT a, w, n FROM t ORDER BY a");
    });
}

#[test]
fn b18_reset_long_data_and_null_bitmaps_work_over_changes_of_connection() {
    Play::new("b18_long").in_one_protocol().compare(|stage| {
        table(stage);
        let insert = stage.a.prepare("INSERT INTO t (a, w, n, b) VALUES (?, ?, ?, ?)");
        stage.disturb();
        let values = |a: i64| [Parameter::Int(a), Parameter::Text("long"), Parameter::Null, Parameter::Long];
        stage.a.long_data(insert, 3, b"first, ");
        stage.disturb_around();
        stage.a.long_data(insert, 3, &vec![b'x'; 300_000]);
        stage.disturb_around();
        stage.a.long_data(insert, 3, b"");
        stage.a.execute(insert, 0, &values(20));
        stage.disturb();
        stage.a.long_data(insert, 3, b"never used");
        stage.a.reset_statement(insert);
        stage.disturb();
        stage.a.long_data(insert, 3, b"used");
        stage.a.ask("execute again", &execution_again(insert, 0, &values(21)), Kind::Results);
        stage.disturb();
        // Long data for a parameter that there is not is told by the next execution.
        stage.a.long_data(insert, 9, b"nowhere");
        stage.disturb_around();
        stage.a.execute(insert, 0, &values(22));
        stage.a.long_data(4_000_000, 0, b"for no statement");
        stage.a.query("SELECT a, w, n, LENGTH(b), MD5(b) FROM t WHERE a > 9 ORDER BY a");
        // Seventeen parameters take three bytes of bits.
        let many = format!("SELECT CONCAT_WS(','{})", ", IFNULL(?, '-')".repeat(17));
        let many = stage.a.prepare(&many);
        for holes in [0_u32, 0x1_ffff, 0x1_5555, 0x1_0000, 0x0_0101] {
            let values: Vec<_> = (0..17)
                .map(|at| if holes >> at & 1 == 1 { Parameter::Null } else { Parameter::Int(at) })
                .collect();
            stage.a.execute(many, 0, &values);
            stage.disturb();
            stage.a.ask("execute again", &execution_again(many, 0, &values), Kind::Results);
        }
        stage.a.long_data(insert, 3, b"left behind");
        stage.a.close_statement(insert);
        stage.disturb();
    });
}

#[test]
fn b18_statements_survive_changes_of_their_tables_and_of_the_session() {
    Play::new("b18_alter").in_one_protocol().compare(|stage| {
        table(stage);
        let all = stage.a.prepare("SELECT * FROM t WHERE a = ?");
        let quoted = stage.a.prepare("SELECT \"text\", 'a' || 'b', DATABASE(), CHARSET('x')");
        for change in [
            "ALTER TABLE t ADD c INT DEFAULT 5",
            "ALTER TABLE t MODIFY w VARCHAR(50) CHARACTER SET latin1",
            "ALTER TABLE t DROP n",
            "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
            "SET NAMES latin1",
            "USE mysql",
            "RENAME TABLE b18_alter.t TO b18_alter.u",
            "CREATE TABLE b18_alter.t AS SELECT 1 AS a, 'another table' AS other",
            "DROP TABLE b18_alter.t",
        ] {
            stage.a.query(change);
            stage.disturb();
            stage.a.execute(all, 0, &[Parameter::Int(1)]);
            stage.a.clear_diagnostics();
            stage.disturb();
            stage.a.execute(quoted, 0, &[]);
            stage.a.clear_diagnostics();
        }
        stage.a.prepare("SELECT * FROM nowhere");
        stage.a.prepare("SELECT ?, ? FROM");
        stage.a.prepare("");
        stage.a.clear_diagnostics();
        stage.disturb();
        stage.a.execute(all, 0, &[Parameter::Int(1)]);
    });
}

#[test]
fn b18_the_number_of_statements_at_the_server_stays_bounded() {
    let server = own_server();
    Play::on(&server, "b18_many").extremes().in_one_protocol().compare(|stage| {
        table(stage);
        let mut root = stage.root();
        let mut count = move || -> usize {
            let packets = root.value("SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'Prepared_stmt_count'");
            packets.parse().unwrap()
        };
        let mut statements = Vec::new();
        for number in 0..400_i64 {
            statements.push(stage.a.prepare(&format!("SELECT a, {number} FROM t WHERE a = ?")));
            if number % 100 == 0 {
                stage.disturb();
            }
        }
        for (number, &statement) in statements.iter().enumerate().step_by(7) {
            stage.a.execute(statement, 0, &[Parameter::Int((number % 9) as i64)]);
        }
        if stage.shares_connections() {
            assert!(count() <= 2 * super::MAX_STATEMENTS, "{} statements on two connections", count());
        }
        stage.disturb();
        for &statement in statements.iter().rev().step_by(5) {
            stage.a.execute(statement, 0, &[Parameter::Int(3)]);
        }
        for statement in statements {
            stage.a.close_statement(statement);
        }
        stage.a.query("SELECT 'still in step'");
        if stage.shares_connections() {
            assert!(count() <= 2 * super::MAX_STATEMENTS);
        } else {
            // Those that the proxy keeps for a run before this one are no business of this.
            eventually("closing frees", || count() <= 16 + 2 * super::MAX_STATEMENTS);
        }
    });
}

/// Of a statement only some things are on one connection; each of them stays until the server lets go of it, and no longer.
#[test]
fn b18_what_a_statement_holds_outlives_what_does_not_end_it() {
    Play::new("b18_holds").in_one_protocol().compare(|stage| {
        table(stage);
        let rows = stage.a.prepare("SELECT a, w FROM t WHERE a > ? ORDER BY a");
        // Long data beside an open cursor.
        stage.a.execute(rows, 1, &[Parameter::Int(0)]);
        stage.a.long_data(rows, 0, b"7");
        stage.disturb_around();
        stage.a.fetch(rows, 1);
        stage.a.fetch(rows, 20);
        stage.disturb_around();
        stage.a.execute(rows, 0, &[Parameter::Long]);
        stage.disturb();
        // An execution that was cut off is none.
        stage.a.execute(rows, 1, &[Parameter::Int(0)]);
        let cut = [&[0x17][..], &rows.to_le_bytes(), &[0], &1_u32.to_le_bytes(), &[0, 1]].concat();
        stage.a.ask("cut off", &cut, Kind::Results);
        stage.disturb_around();
        stage.a.fetch(rows, 1);
        // One that fails ends the cursor.
        stage.a.query("RENAME TABLE t TO u");
        stage.a.execute(rows, 1, &[Parameter::Int(0)]);
        stage.a.query("RENAME TABLE u TO t");
        stage.disturb();
        stage.a.fetch(rows, 1);
        stage.a.clear_diagnostics();
        // A statement that cannot be executed until it is reset, and that nobody else finds so.
        for _ in 0..2 {
            stage.a.long_data(rows, 9, b"for no parameter");
            stage.a.execute(rows, 0, &[Parameter::Int(5)]);
            stage.a.execute(rows, 0, &[Parameter::Int(5)]);
            stage.a.clear_diagnostics();
            stage.disturb();
            let same = stage.b.prepare("SELECT a, w FROM t WHERE a > ? ORDER BY a");
            stage.b.execute(same, 0, &[Parameter::Int(5)]);
            stage.a.execute(rows, 0, &[Parameter::Int(5)]);
            stage.a.reset_statement(rows);
            stage.disturb();
            stage.a.execute(rows, 0, &[Parameter::Int(5)]);
        }
    });
}

#[test]
fn b18_a_cursor_and_long_data_outlive_any_number_of_other_statements() {
    Play::new("b18_lru").extremes().in_one_protocol().compare(|stage| {
        table(stage);
        let rows = stage.a.prepare("SELECT a FROM t ORDER BY a");
        let insert = stage.a.prepare("INSERT INTO t (a, b) VALUES (?, ?)");
        stage.a.execute(rows, 1, &[]);
        stage.a.long_data(insert, 1, b"long");
        for number in 0..2 * super::MAX_STATEMENTS {
            let other = stage.a.prepare(&format!("SELECT {number}"));
            stage.a.execute(other, 0, &[]);
        }
        stage.disturb_around();
        stage.a.fetch(rows, 5);
        stage.a.execute(insert, 0, &[Parameter::Int(50), Parameter::Long]);
        stage.a.fetch(rows, 50);
        stage.disturb();
        stage.a.query("SELECT a, b FROM t WHERE a = 50");
    });
}

/// Those that the proxy keeps on connections for whoever prepares them next do not count against a client.
#[test]
fn b18_a_full_server_does_not_keep_a_from_its_own_statements() {
    let server = own_server();
    Play::on(&server, "b18_full").extremes().in_one_protocol().compare(|stage| {
        table(stage);
        let mut root = stage.root();
        let one = stage.a.prepare("SELECT w FROM t WHERE a = ?");
        let other = stage.a.prepare("SELECT 'other', ?");
        stage.disturb();
        stage.a.execute(one, 0, &[Parameter::Int(1)]);
        root.run("SET GLOBAL max_prepared_stmt_count = 1");
        stage.a.prepare("SELECT 'one too many'");
        // The last one is still the one before.
        stage.a.execute(LAST_PREPARED, 0, &[Parameter::Int(2)]);
        stage.a.execute(one, 0, &[Parameter::Int(2)]);
        stage.a.execute(other, 0, &[Parameter::Int(2)]);
        root.run("SET GLOBAL max_prepared_stmt_count = 16382");
    });
}

#[test]
fn b18_after_a_reset_or_a_change_of_user_there_are_no_statements() {
    Play::new("b18_resets").in_one_protocol().compare(|stage| {
        table(stage);
        let user = stage.login().user.clone();
        for round in 0..4 {
            let rows = stage.a.prepare("SELECT a, w FROM t WHERE a > ? ORDER BY a");
            if round < 2 {
                stage.disturb();
                stage.a.execute(rows, 1, &[Parameter::Int(0)]);
                stage.a.long_data(rows, 0, b"7");
            }
            if round % 2 == 0 {
                stage.a.ask("reset connection", b"\x1f", Kind::One);
            } else {
                stage.a.change_user(&user, PASSWORD, &user).unwrap();
            }
            stage.disturb();
            stage.a.fetch(rows, 1);
            stage.a.execute(rows, 0, &[Parameter::Int(0)]);
            stage.a.execute(LAST_PREPARED, 0, &[Parameter::Int(0)]);
            stage.a.reset_statement(rows);
            stage.a.long_data(rows, 0, b"for nothing");
            stage.a.close_statement(rows);
            stage.a.clear_diagnostics();
            stage.disturb();
        }
    });
}

#[test]
fn b18_the_number_of_columns_changes_once_for_each_client() {
    Play::new("b18_columns").in_one_protocol().compare(|stage| {
        table(stage);
        let own = stage.a.prepare("SELECT * FROM t WHERE a < ? ORDER BY a");
        let others = stage.b.prepare("SELECT * FROM t WHERE a < ? ORDER BY a");
        for change in ["ADD c INT", "ADD d INT, ADD e INT", "DROP d", "ADD INDEX (n)", "DROP c, DROP e"] {
            for _ in 0..3 {
                stage.a.execute(own, 0, &[Parameter::Int(3)]);
                stage.disturb();
            }
            stage.b.execute(others, 0, &[Parameter::Int(2)]);
            stage.a.query(&format!("ALTER TABLE t {change}"));
            stage.disturb();
            stage.b.execute(others, 0, &[Parameter::Int(2)]);
            stage.a.execute(own, 1, &[Parameter::Int(3)]);
            stage.disturb_around();
            stage.a.fetch(own, 9);
            stage.b.execute(others, 0, &[Parameter::Int(2)]);
            stage.disturb();
        }
    });
}
