//! Retry: the backend dies (a) before the command is written, (b) after, (c) after the first byte of the result, (d) inside a
//! transaction. A write is executed at most once; only (a) may be retried for writes; in (d) A gets an error that says the
//! transaction is lost, and is never carried on silently with autocommit elsewhere.

use super::faults::{kill_all, kill_running};
use super::play::Play;
use super::session::{Session, error_in};
use super::stage::Stage;
use crate::support::client::{Parameter, RawClient};
use crate::support::response::Kind;

/// What a client is told when its transaction is lost and nothing of it was applied, and when nobody knows.
const LOST: [u16; 5] = [1213, 2013, 2006, 1927, 1047];

/// How a statement ended: applied, refused, or with a connection that is gone.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Refused(u16),
    Cut,
}

fn outcome(session: &mut Session, sql: &str) -> Outcome {
    match session.try_query(sql) {
        Ok(packets) => error_in(&packets).map_or(Outcome::Done, |error| Outcome::Refused(error.code)),
        Err(_) => Outcome::Cut,
    }
}

fn rows(root: &mut RawClient, of: &str) -> usize {
    root.value(&format!("SELECT COUNT(*) FROM {of}")).parse().unwrap()
}

/// On connections that die; `shared` says that the proxy may have another at hand.
fn play(name: &'static str, script: impl Fn(&mut Stage<'_>, &mut RawClient)) {
    Play::new(name).in_one_protocol().extremes().act_through_the_proxy(|stage| {
        let mut root = stage.root();
        root.run(&format!(
            "CREATE TABLE {name}.t (id INT AUTO_INCREMENT PRIMARY KEY, w VARCHAR(30)) ENGINE = InnoDB"
        ));
        script(stage, &mut root);
    });
}

#[test]
fn b24_a_connection_that_died_idle_costs_nobody_a_statement() {
    play("b24_idle", |stage, root| {
        for round in 1..=10 {
            let mut session = stage.session("idler");
            session.say("SET time_zone = '+06:00', NAMES latin1");
            session.say("USE mysql");
            let statement = session.prepare("SELECT @@time_zone, ?");
            kill_all(root, "b24_idle");
            let (insert, read) = ("INSERT INTO b24_idle.t (w) VALUES ('once')", "SELECT @@time_zone");
            if !stage.shares_connections() {
                assert_ne!(outcome(&mut session, insert), Outcome::Done, "its own connection is gone");
                continue;
            }
            // Written at once and a moment later: the proxy may have seen the end, or not yet.
            assert_eq!(outcome(&mut session, insert), Outcome::Done, "round {round}");
            assert_eq!(rows(root, "b24_idle.t"), round, "executed once");
            kill_all(root, "b24_idle");
            assert_eq!(session.reads(read), "+06:00");
            kill_all(root, "b24_idle");
            let packets = session.execute(statement, 0, &[Parameter::Int(1)]);
            assert!(error_in(&packets).is_none(), "{packets:?}");
            assert_eq!(session.reads("SELECT CONCAT(DATABASE(), @@character_set_client)"), "mysqllatin1");
        }
    });
}

#[test]
fn b24_a_write_whose_connection_dies_while_it_runs_is_never_executed_twice() {
    play("b24_write", |stage, root| {
        for (number, sql) in [
            "INSERT INTO b24_write.t (w) SELECT IF(SLEEP(60), 'x', 'y')",
            "UPDATE b24_write.t SET w = SLEEP(60)",
            "SELECT SLEEP(60) FROM b24_write.t FOR UPDATE",
            "INSERT INTO b24_write.t (w) VALUES (SLEEP(60)) RETURNING w",
            "DO SLEEP(60)",
            "SELECT @a := SLEEP(60)",
        ]
        .into_iter()
        .enumerate()
        {
            root.run("INSERT INTO b24_write.t (w) VALUES ('there')");
            let mut victim = stage.session("victim");
            victim.send(&[b"\x03", sql.as_bytes()].concat()).unwrap();
            kill_running(root, "b24_write", "SLEEP(60)");
            let answer = victim.receive(sql, Kind::Results, &[]);
            assert!(answer.is_err() || error_in(&answer.unwrap()).is_some(), "{sql}: looks done");
            assert!(super::faults::running(root, "b24_write", "SLEEP(60)").is_none(), "{sql}: runs again");
            assert_eq!(rows(root, "b24_write.t"), number + 1, "{sql}");
        }
        stage.disturb();
    });
}

/// A read outside a transaction may be carried out again, but only as long as nothing of its answer has gone out.
#[test]
fn b24_an_answer_that_has_begun_is_never_made_whole_by_another() {
    play("b24_begun", |stage, root| {
        let mut victim = stage.session("victim");
        victim
            .send(b"\x03SELECT seq, IF(seq = 150000, SLEEP(60), REPEAT('x', 100)) FROM mysql.seq_1_to_150001")
            .unwrap();
        victim.wire.sequence = 1;
        for _ in 0..10 {
            victim.wire.read().unwrap();
        }
        kill_running(root, "b24_begun", "SLEEP(60)");
        let (mut last, mut packets) = (Vec::new(), 0);
        while let Ok(packet) = victim.wire.read() {
            last = packet.payload;
            packets += 1;
        }
        assert!(packets < 150_001 && last.first() != Some(&0xfe), "{packets} packets, as if all were well");
        stage.disturb();
    });
}

#[test]
fn b24_a_transaction_whose_connection_died_is_told_and_not_carried_on() {
    play("b24_lost", |stage, root| {
        let lines: [(&[&str], &str); 6] = [
            (
                &["BEGIN", "INSERT INTO b24_lost.t (w) VALUES ('lost')"],
                "INSERT INTO b24_lost.t (w) VALUES ('after')",
            ),
            (&["BEGIN", "INSERT INTO b24_lost.t (w) VALUES ('lost')"], "SELECT COUNT(*) FROM b24_lost.t"),
            (&["BEGIN", "INSERT INTO b24_lost.t (w) VALUES ('lost')"], "COMMIT"),
            (
                &["SET autocommit = 0", "INSERT INTO b24_lost.t (w) VALUES ('lost')"],
                "INSERT INTO b24_lost.t (w) VALUES ('after')",
            ),
            (&["START TRANSACTION READ ONLY", "SELECT * FROM b24_lost.t"], "SELECT COUNT(*) FROM b24_lost.t"),
            (&["XA START 'b24_lost'", "INSERT INTO b24_lost.t (w) VALUES ('lost')"], "XA END 'b24_lost'"),
        ];
        for (begins, next) in lines {
            let mut victim = stage.session("victim");
            victim.say_all(begins);
            kill_all(root, "b24_lost");
            match outcome(&mut victim, next) {
                Outcome::Done => panic!("{begins:?}, {next}: as if nothing had happened"),
                Outcome::Refused(code) => assert!(LOST.contains(&code), "{next}: {code}"),
                Outcome::Cut => {}
            }
            assert_eq!(rows(root, "b24_lost.t"), 0, "{begins:?}, {next}");
            if begins[0] == "SET autocommit = 0" && victim.try_query("SELECT 1").is_ok() {
                // Who lives on does so in the state he had.
                assert_eq!(victim.reads("SELECT @@autocommit"), "0");
            }
        }
        stage.disturb();
    });
}

/// What only that connection had is not made up for by another that has not.
#[test]
fn b24_what_died_with_the_connection_is_told() {
    play("b24_gone", |stage, root| {
        for (make, look, there) in [
            ("CREATE TEMPORARY TABLE b24_gone.t AS SELECT 'mine' AS w", "SELECT w FROM b24_gone.t", "mine"),
            ("SELECT GET_LOCK('b24_gone', 0)", "SELECT IS_FREE_LOCK('b24_gone')", "0"),
            ("SET @a = 'set'", "SELECT COALESCE(@a, 'silently gone')", "set"),
            ("PREPARE p FROM 'SELECT 1'", "EXECUTE p", "1"),
            ("LOCK TABLES b24_gone.t WRITE", "SELECT COUNT(*) FROM b24_gone.t", "never"),
            ("HANDLER b24_gone.t OPEN", "HANDLER t READ FIRST", "never"),
        ] {
            let mut victim = stage.session("victim");
            victim.say(make);
            kill_all(root, "b24_gone");
            match victim.try_query(look) {
                Ok(packets) if error_in(&packets).is_none() => {
                    assert_eq!(victim.reads(look), there, "after {make}");
                }
                _ => {}
            }
        }
        stage.disturb();
    });
}
