//! MariaDB bulk execute, pipelined prepare and execute (id −1), metadata skipping, cursors with fetch equal direct – or the
//! capability is not announced.

use super::play::Play;
use super::stage::Stage;
use crate::support::capabilities::{BULK, CACHE_METADATA, EXTENDED_METADATA};
use crate::support::client::{LAST_PREPARED, Parameter, execution, execution_again};
use crate::support::response::Kind;

fn tables(stage: &mut Stage<'_>) {
    stage.a.run("CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(40))");
    stage.a.run("CREATE TABLE serial (id INT AUTO_INCREMENT PRIMARY KEY, word TEXT)");
    stage.a.run("INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')");
}

/// A bulk execution of one text parameter; without types where they were sent before.
fn bulk(statement: u32, flags: u16, words: &[Option<&str>]) -> Vec<u8> {
    let mut payload = [&[0xfa][..], &statement.to_le_bytes(), &flags.to_le_bytes()].concat();
    if flags & 128 != 0 {
        payload.extend_from_slice(&[0xfd, 0]);
    }
    for word in words {
        match word {
            Some(word) => payload.extend_from_slice(&[&[0, word.len() as u8], word.as_bytes()].concat()),
            None => payload.push(1),
        }
    }
    payload
}

#[test]
fn b19_bulk_execution_works_over_changes_of_connection() {
    Play::new("b19").capabilities(BULK).in_one_protocol().compare(|stage| {
        if stage.login().capabilities & BULK == 0 {
            return;
        }
        tables(stage);
        let insert = stage.a.prepare("INSERT INTO serial (word) VALUES (?)");
        let words = [Some("a"), None, Some("c")];
        stage.disturb();
        stage.a.ask("bulk", &bulk(insert, 128, &words), Kind::Results);
        stage.disturb();
        stage.a.query("SELECT ROW_COUNT(), LAST_INSERT_ID()");
        stage.a.ask("bulk without types", &bulk(insert, 0, &words), Kind::Results);
        stage.disturb();
        stage.a.ask("bulk without types", &bulk(insert, 0, &[Some("single")]), Kind::Results);
        let update = stage.a.prepare("UPDATE serial SET word = CONCAT(word, '!') WHERE word = ?");
        stage.disturb();
        stage.a.ask("bulk", &bulk(update, 128, &words), Kind::Results);
        let select = stage.a.prepare("SELECT ?");
        stage.a.ask("bulk select", &bulk(select, 128, &words), Kind::Results);
        stage.disturb();
        stage.a.execute(insert, 0, &[Parameter::Text("alone")]);
        stage.a.ask("bulk of a closed statement", &bulk(999_999, 128, &words), Kind::Results);
        stage.a.query("SELECT id, word FROM serial ORDER BY id");
    });
}

#[test]
fn b19_a_statement_can_be_executed_before_its_id_is_known() {
    Play::new("b19_pipelined").capabilities(BULK).in_one_protocol().compare(|stage| {
        tables(stage);
        for sql in [
            "SELECT a, b FROM t",
            "INSERT INTO serial (word) VALUES ('x')",
            "SELECT FROM",
            "SELECT LAST_INSERT_ID()",
        ] {
            stage.disturb_around();
            let a = &mut stage.a;
            a.send(&[b"\x16", sql.as_bytes()].concat()).unwrap();
            a.send(&execution(LAST_PREPARED, 0, &[])).unwrap();
            a.wire.sequence = 1;
            a.receive(&format!("prepare {sql}"), Kind::Prepared, &[]).unwrap();
            a.wire.sequence = 1;
            a.receive("execute the last", Kind::Results, &[]).unwrap();
            stage.disturb_around();
            stage.a.execute(LAST_PREPARED, 0, &[]);
        }
        // Two statements in one go, of two sessions, on whichever connections.
        for session in [&mut stage.a, &mut stage.b] {
            session.send(b"\x16SELECT 'of this session', CURRENT_USER()").unwrap();
            session.send(&execution(LAST_PREPARED, 0, &[])).unwrap();
        }
        for session in [&mut stage.b, &mut stage.a] {
            session.wire.sequence = 1;
            session.receive("prepare both", Kind::Prepared, &[]).unwrap();
            session.wire.sequence = 1;
            session.receive("execute the last", Kind::Results, &[]).unwrap();
        }
        stage.disturb();
        stage.a.query("SELECT 'still in step'");
    });
}

#[test]
fn b19_metadata_is_skipped_when_it_would_be_directly() {
    Play::new("b19_metadata").capabilities(CACHE_METADATA | EXTENDED_METADATA).in_one_protocol().compare(
        |stage| {
            tables(stage);
            stage.a.query("CREATE TABLE typed (j JSON, u UUID, p POINT)");
            stage.a.query("SELECT j, u, p FROM typed");
            let select = stage.a.prepare("SELECT a, b FROM t WHERE a > ?");
            for _ in 0..2 {
                stage.a.execute(select, 0, &[Parameter::Int(0)]);
                stage.disturb();
                stage.a.ask("again", &execution_again(select, 0, &[Parameter::Int(1)]), Kind::Results);
                stage.disturb();
                stage.a.execute(select, 1, &[Parameter::Int(0)]);
                stage.a.fetch(select, 10);
                stage.disturb_around();
                stage.a.query("ALTER TABLE t MODIFY b VARCHAR(50)");
                stage.disturb_around();
                stage.a.execute(select, 0, &[Parameter::Int(0)]);
                stage.disturb_around();
                stage.a.execute(select, 0, &[Parameter::Int(99)]);
                stage.a.query("ALTER TABLE t MODIFY b VARCHAR(60)");
            }
        },
    );
}

/// Definitions that depend on parameters, variables, cursors and character sets, and others who execute the same statement.
#[test]
fn b19_metadata_of_statements_that_change_by_themselves_is_skipped_when_it_would_be_directly() {
    Play::new("b19_mutable").capabilities(CACHE_METADATA).in_one_protocol().compare(|stage| {
        tables(stage);
        stage.a.query("CREATE PROCEDURE p() BEGIN SELECT a FROM t; SELECT 1, 2; END");
        let text = "SELECT ?, a, b FROM t";
        let (own, others) = (stage.a.prepare(text), stage.b.prepare(text));
        let call = stage.a.prepare("CALL p()");
        for value in [
            Parameter::Int(1),
            Parameter::Int(1),
            Parameter::Text("ab"),
            Parameter::Text("cd"),
            Parameter::Text("abc"),
            Parameter::Null,
            Parameter::Int(1),
        ] {
            stage.a.execute(own, 0, &[value]);
            stage.disturb();
            stage.b.execute(others, 0, &[Parameter::Text("of B")]);
            stage.a.execute(own, 0, &[value]);
            stage.disturb();
            stage.a.execute(own, 0, &[value]);
        }
        let plain = stage.a.prepare("SELECT a, b FROM t WHERE a > ?");
        for sql in ["SET NAMES latin1", "SET NAMES utf8mb4", "SET NAMES utf8mb4 COLLATE utf8mb4_bin"] {
            stage.a.query(sql);
            for flags in [0, 0, 1, 1, 0] {
                stage.disturb();
                stage.a.execute(plain, flags, &[Parameter::Int(0)]);
                if flags == 1 {
                    stage.disturb_around();
                    stage.a.fetch(plain, 9);
                    stage.a.clear_diagnostics();
                }
            }
        }
        stage.a.execute(call, 0, &[]);
        stage.a.ask("reset connection", b"\x1f", Kind::One);
    });
}

/// More columns than there are sequence ids, and more bytes than arrive at once.
#[test]
fn b19_metadata_of_many_columns_is_skipped_when_it_would_be_directly() {
    Play::new("b19_wide").capabilities(CACHE_METADATA).in_one_protocol().compare(|stage| {
        let columns: Vec<String> = (0..900).map(|at| format!("column_{at} INT")).collect();
        stage.a.query(&format!("CREATE TABLE wide ({})", columns.join(",")));
        stage.a.query("INSERT INTO wide () VALUES (), ()");
        let all = stage.a.prepare("SELECT * FROM wide");
        for change in ["MODIFY column_7 BIGINT", "DROP column_8"] {
            stage.disturb();
            stage.a.execute(all, 0, &[]);
            stage.a.query(&format!("ALTER TABLE wide {change}"));
            stage.disturb();
            stage.a.execute(all, 0, &[]);
            stage.disturb();
            stage.a.execute(all, 0, &[]);
            stage.a.execute(all, 0, &[]);
        }
    });
}

#[test]
fn b19_cursors_keep_their_rows_until_they_are_closed() {
    Play::new("b19_cursors").in_one_protocol().compare(|stage| {
        tables(stage);
        let all = stage.a.prepare("SELECT a, b FROM t ORDER BY a");
        let other = stage.a.prepare("SELECT b FROM t WHERE a > ? ORDER BY a DESC");
        stage.disturb();
        stage.a.execute(all, 1, &[]);
        stage.disturb_around();
        stage.a.fetch(all, 1);
        stage.a.execute(other, 1, &[Parameter::Int(1)]);
        stage.disturb_around();
        stage.b.query("INSERT INTO t VALUES (4, 'by B')");
        stage.a.fetch(other, 1);
        stage.a.query("SELECT 'between'");
        stage.a.fetch(all, 5);
        stage.disturb_around();
        stage.a.fetch(all, 1);
        stage.a.fetch(other, 5);
        stage.a.clear_diagnostics();
        stage.disturb();
        // Executed again, reset, closed: each ends a cursor, and with it the claim to the connection.
        stage.a.execute(all, 1, &[]);
        stage.a.execute(all, 0, &[]);
        stage.a.fetch(all, 1);
        stage.a.clear_diagnostics();
        stage.disturb();
        stage.a.execute(all, 1, &[]);
        stage.a.reset_statement(all);
        stage.disturb();
        stage.a.fetch(all, 1);
        stage.a.clear_diagnostics();
        stage.a.execute(all, 1, &[]);
        stage.a.close_statement(all);
        stage.disturb();
        stage.a.fetch(all, 1);
        stage.a.clear_diagnostics();
        let show = stage.a.prepare("SHOW WARNINGS");
        stage.a.execute(show, 1, &[]);
        stage.disturb();
        let none = stage.a.prepare("SELECT a FROM t WHERE a < 0");
        stage.a.execute(none, 1, &[]);
        stage.disturb_around();
        stage.a.fetch(none, 1);
        stage.disturb();
        stage.b.fetch(other, 1);
    });
}
