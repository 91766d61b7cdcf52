//! Prepared statements: ids that A holds stay valid over any change of connection; close frees; reset, long data in chunks, zero
//! parameters, NULL bitmap, re-execute without new types, after ALTER TABLE equal direct; the backend's
//! `Prepared_stmt_count` stays bounded.

use super::play::Play;
use super::stage::Stage;
use crate::support::client::{Parameter, execution_again};
use crate::support::eventually;
use crate::support::response::Kind;
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
            stage.b.execute(insert, 0, &[Parameter::Int(1000), Parameter::Null, Parameter::Null]);
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
#[ignore = "the flag METADATA_CHANGED is missing after a statement was prepared again elsewhere; see ROADMAP.md"]
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
