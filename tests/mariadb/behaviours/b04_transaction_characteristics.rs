//! One-shot `SET TRANSACTION …` affects exactly A's next transaction and nothing after it, also when the connection changes
//! in between.

use std::cell::RefCell;

use super::play::Play;
use super::session::Session;
use super::stage::Stage;
use crate::support::client::RawClient;

const WRITE: &str = "INSERT INTO t VALUES (NULL)";

/// A table to write, one in which a row is not committed as long as the connection returned lives, and one that grows.
fn tables(stage: &mut Stage<'_>) -> RawClient {
    let schema = stage.login().user.clone();
    stage.a.say("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE = InnoDB");
    stage.a.say("CREATE TABLE plain (id INT) ENGINE = MyISAM");
    stage.a.say("CREATE TABLE open LIKE t");
    stage.a.say("CREATE TABLE grows LIKE t");
    let mut holder = stage.root();
    holder.run(&format!("USE {schema}; BEGIN; INSERT INTO open VALUES (NULL)"));
    holder
}

/// A transaction whose answers tell its isolation and whether it may write: READ UNCOMMITTED counts a row that nobody
/// committed, SERIALIZABLE waits for it, READ COMMITTED sees a table grow.
fn transaction(session: &mut Session, grower: &RefCell<RawClient>) {
    session.say("START TRANSACTION");
    session.tell("SET STATEMENT innodb_lock_wait_timeout = 0 FOR SELECT COUNT(*) FROM open");
    session.say("SELECT COUNT(*) FROM grows");
    grower.borrow_mut().query("INSERT INTO grows VALUES (NULL)");
    session.say("SELECT COUNT(*) FROM grows");
    session.tell(WRITE);
    session.say("COMMIT");
}

#[test]
fn b04_one_shot_characteristics_reach_the_next_transaction_and_no_other() {
    Play::new("b04").compare(|stage| {
        let _uncommitted = tables(stage);
        let grower = RefCell::new(stage.root());
        grower.borrow_mut().run("USE b04; SET innodb_lock_wait_timeout = 0");
        for sql in [
            "SET TRANSACTION READ ONLY",
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ ONLY",
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET TRANSACTION READ WRITE",
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
            "SET LOCAL TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        ] {
            stage.a.say(sql);
            stage.disturb();
            stage.others(|other| transaction(other, &grower));
            stage.a.say("SELECT 'no table, no transaction', @@tx_isolation, @@tx_read_only");
            stage.disturb();
            transaction(&mut stage.a, &grower);
            stage.disturb();
            transaction(&mut stage.a, &grower);
            stage.others(|other| transaction(other, &grower));
        }
    });
}

#[test]
fn b04_one_shot_characteristics_are_used_up_by_what_uses_them_up_directly() {
    Play::new("b04_used").compare(|stage| {
        let _uncommitted = tables(stage);
        let uses: [&[&str]; 9] = [
            &["SELECT * FROM t"],
            &["SELECT * FROM plain"],
            &["COMMIT"],
            &["ROLLBACK"],
            &["BEGIN", "COMMIT"],
            &["START TRANSACTION READ WRITE", "COMMIT"],
            &["DO 1", "USE b04_used", "SET @@time_zone = '+01:00'"],
            &["CREATE TABLE IF NOT EXISTS other (a INT)"],
            &["SET TRANSACTION ISOLATION LEVEL READ COMMITTED"],
        ];
        for statements in uses {
            stage.a.say("SET TRANSACTION READ ONLY");
            stage.disturb_around();
            for sql in statements {
                stage.a.tell(sql);
                stage.disturb_around();
            }
            stage.a.tell(WRITE);
            stage.disturb_around();
            stage.a.tell(WRITE);
            stage.a.say("COMMIT");
        }
        stage.a.say("SET autocommit = 0");
        stage.a.say("SET TRANSACTION READ ONLY");
        stage.disturb_around();
        stage.a.fails(WRITE);
        stage.a.tell("SET TRANSACTION READ WRITE");
        stage.a.say("COMMIT");
        stage.disturb();
        stage.a.say(WRITE);
        stage.a.say("ROLLBACK");
    });
}
