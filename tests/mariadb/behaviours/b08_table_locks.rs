//! LOCK TABLES, FLUSH TABLES WITH READ LOCK, BACKUP STAGE, BACKUP LOCK stay with A; A's abrupt disconnect frees them at once.

use super::disturbance::Writes;
use super::stage::{Play, Stage};
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::server::own_server;

fn tables(stage: &mut Stage<'_>) {
    stage.a.say_all(&[
        "CREATE TABLE t (a INT) ENGINE = InnoDB",
        "CREATE TABLE u (a INT) ENGINE = InnoDB",
        "INSERT INTO t VALUES (1)",
    ]);
}

/// Whether somebody else can write to the table now.
fn is_writable(root: &mut RawClient, table: &str) -> bool {
    let insert = format!("SET STATEMENT lock_wait_timeout = 0 FOR INSERT INTO {table} VALUES (2)");
    super::session::error_in(&root.query(&insert)).is_none()
}

#[test]
fn b08_locked_tables_stay_with_a_until_it_gives_them_back() {
    Play::new("b08").compare(|stage| {
        tables(stage);
        let mut root = stage.root();
        let locks = [
            ("LOCK TABLES t WRITE, u READ", "UNLOCK TABLES"),
            ("LOCK TABLE t READ LOCAL", "UNLOCK /* all */ TABLES"),
            ("/*! LOCK */ TABLES t AS x WRITE", "START TRANSACTION"),
            ("LOCK TABLES t WRITE WAIT 5", "LOCK TABLES u READ"),
            ("FLUSH TABLES t WITH READ LOCK", "UNLOCK TABLES"),
            ("FLUSH TABLES t FOR EXPORT", "UNLOCK TABLES"),
        ];
        for (lock, end) in locks {
            stage.a.say(lock);
            stage.disturb_around();
            assert!(!is_writable(&mut root, "b08.t"), "{lock}");
            stage.a.tell("SELECT * FROM t");
            stage.a.tell("INSERT INTO u VALUES (1)");
            stage.a.fails("SELECT * FROM mysql.user");
            stage.others(|other| {
                drop(other.fails("SET STATEMENT lock_wait_timeout = 0 FOR INSERT INTO b08.t VALUES (3)"))
            });
            stage.a.say(end);
            assert!(is_writable(&mut root, "b08.t"), "{lock} until {end}");
            stage.a.say("COMMIT");
            stage.a.say("UNLOCK TABLES");
            stage.disturb();
            stage.a.say("SELECT * FROM t, u");
        }
    });
}

#[test]
fn b08_locks_on_everything_stay_with_a_until_it_gives_them_back() {
    let server = own_server();
    Play::on(&server, "b08_global").extremes().compare(|stage| {
        tables(stage);
        stage.disturb();
        let mut root = stage.root();
        stage.others_write(Writes::Forbidden);
        let locks: [(&[&str], &[&str]); 6] = [
            (&["FLUSH TABLES WITH READ LOCK"], &["UNLOCK TABLES"]),
            (&["FLUSH /* all */ LOCAL TABLES WITH READ LOCK"], &["UNLOCK TABLES"]),
            (
                &[
                    "BACKUP STAGE START",
                    "BACKUP STAGE FLUSH",
                    "BACKUP STAGE BLOCK_DDL",
                    "BACKUP STAGE BLOCK_COMMIT",
                ],
                &["BACKUP STAGE END"],
            ),
            (&["BACKUP LOCK b08_global.t"], &["BACKUP UNLOCK"]),
            (&["BACKUP LOCK b08_global.t"], &["BACKUP LOCK b08_global.u", "BACKUP UNLOCK"]),
            (&["BEGIN", "FLUSH TABLES WITH READ LOCK"], &["COMMIT", "UNLOCK TABLES"]),
        ];
        for (takes, ends) in locks {
            for take in takes {
                stage.a.say(take);
                stage.disturb_around();
            }
            let alter = "SET STATEMENT lock_wait_timeout = 0 FOR ALTER TABLE b08_global.t COMMENT 'x'";
            assert!(super::session::error_in(&root.query(alter)).is_some(), "{takes:?}");
            stage.others(|other| drop(other.fails(alter)));
            stage.a.say("SELECT * FROM t");
            for end in ends {
                stage.a.say(end);
            }
            root.run(alter);
            stage.disturb();
        }
    });
}

#[test]
fn b08_an_abrupt_disconnect_frees_the_locks_at_once() {
    let server = own_server();
    Play::on(&server, "b08_cut").extremes().compare(|stage| {
        tables(stage);
        let mut root = stage.root();
        for locks in [
            &["LOCK TABLES t WRITE"][..],
            &["FLUSH TABLES WITH READ LOCK"],
            &["BACKUP STAGE START", "BACKUP STAGE BLOCK_COMMIT"],
            &["BACKUP LOCK b08_cut.t"],
            &["BEGIN", "INSERT INTO t VALUES (5)", "SAVEPOINT s"],
        ] {
            let mut holder = stage.session("holder");
            holder.say_all(locks);
            let alter = "SET STATEMENT lock_wait_timeout = 0 FOR ALTER TABLE b08_cut.t COMMENT 'x'";
            assert!(super::session::error_in(&root.query(alter)).is_some(), "{locks:?}");
            holder.vanish();
            eventually("the locks are gone", || super::session::error_in(&root.query(alter)).is_none());
            stage.a.say("INSERT INTO t VALUES (6)");
        }
        stage.a.say("SELECT a FROM t ORDER BY a");
        stage.disturb();
    });
}
