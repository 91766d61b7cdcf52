//! A client vanishes mid-result, mid-request, mid-handshake, mid-long-data: its statement is killed, the connection reset or
//! closed and never pooled dirty; no descriptor or task leaks.
//!
//! `SEALOCK_VANISHING_REPETITIONS` says how often (the contract's number is 100,000; a few hundred otherwise).

use std::env;

use super::play::Play;
use super::session::error_in;
use super::stage::Stage;
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::response::Kind;
use crate::support::server::{PASSWORD, root};
use crate::support::tls::unverified;
use crate::support::wire::Wire;

pub type Vanishing = fn(&Login);

fn came_in(login: &Login) -> RawClient {
    RawClient::connect(login).unwrap_or_else(|error| panic!("{error:?}"))
}

/// Ways to go without a word, each at another point.
pub const WAYS: [(&str, Vanishing); 14] = [
    ("after connecting", |login| drop(Wire::connect(&login.endpoint).unwrap())),
    ("after the greeting", |login| drop(Wire::connect(&login.endpoint).unwrap().read().unwrap())),
    ("in the handshake", |login| {
        let mut wire = Wire::connect(&login.endpoint).unwrap();
        wire.read().unwrap();
        wire.write_raw(&[0x60, 0, 0, 1, 0x85, 0xa6]).unwrap();
    }),
    ("after a change of plugin", |login| {
        let mut wire = Wire::connect(&login.endpoint).unwrap();
        wire.read().unwrap();
        let hello = [login.fixed_part(0), login.user.as_bytes().to_vec(), b"\0\0".to_vec()].concat();
        wire.write(&hello).unwrap();
    }),
    ("after the login", |login| drop(came_in(login))),
    ("in the middle of a request", |login| {
        came_in(login).wire.write_raw(&[200, 0, 0, 0, 3, b'S', b'E', b'L']).unwrap();
    }),
    ("in the middle of a long request", |login| {
        let mut client = came_in(login);
        client.wire.write_raw(&[0xff, 0xff, 0xff, 0]).unwrap();
        client
            .wire
            .write_raw(&[b"\x03INSERT INTO t (w) VALUES ('", &vec![b'x'; 100_000][..]].concat())
            .unwrap();
    }),
    ("while a statement runs", |login| {
        came_in(login).send(b"\x03SELECT SLEEP(60), 'nobody waits for this'").unwrap();
    }),
    ("in the middle of a result", |login| {
        let mut client = came_in(login);
        client.send(b"\x03SELECT REPEAT('x', 1000) FROM mysql.seq_1_to_100000").unwrap();
        client.wire.sequence = 1;
        client.wire.read().unwrap();
    }),
    ("in the middle of a transaction", |login| {
        let mut client = came_in(login);
        client.run("BEGIN");
        client.run("INSERT INTO t (w) VALUES ('never committed')");
    }),
    ("with everything a session can have", |login| {
        let mut client = came_in(login);
        client.run("SET @a = 'left', sql_mode = 'ANSI_QUOTES', NAMES latin1, autocommit = 0");
        client.run("CREATE TEMPORARY TABLE left_over (a INT)");
        client.run(&format!("DO GET_LOCK('{}', 0)", login.user));
        client.run("USE mysql");
    }),
    ("between pieces of long data", |login| {
        let mut client = came_in(login);
        let statement = client.prepare("INSERT INTO t (w) VALUES (?)");
        client.long_data(statement, 0, &[b'x'; 5000]);
        client.wire.write_raw(&[0xff, 0x10, 0, 0, 0x18, 1, 0, 0, 0]).unwrap();
    }),
    ("with a cursor half read", |login| {
        let mut client = came_in(login);
        let statement = client.prepare("SELECT seq FROM mysql.seq_1_to_1000");
        client.execute(statement, 1, &[]);
        client.fetch(statement, 3);
    }),
    ("in the middle of a change of user", |login| {
        let mut client = came_in(login);
        let user = login.user.as_bytes();
        client.send(&[b"\x11", user, b"\0\0", user, b"\0\x2d\0mysql_native_password\0"].concat()).unwrap();
        client.wire.sequence = 1;
        client.wire.read().unwrap();
    }),
];

fn repetitions() -> usize {
    env::var("SEALOCK_VANISHING_REPETITIONS").map_or(280, |number| number.parse().unwrap())
}

/// Nothing of anybody is to be seen.
fn clean(session: &mut RawClient, way: &str) {
    assert_eq!(session.value("SELECT CONCAT_WS('|', COALESCE(@a, 'none'), @@autocommit, @@in_transaction, DATABASE(), @@character_set_client)"), "none|ON|0|b28|utf8mb4", "{way}");
    assert_eq!(session.value("SELECT COUNT(*) FROM t"), "0", "{way}");
    assert!(error_in(&session.query("SELECT * FROM left_over")).is_some(), "{way}");
    // An error that stands, or a look at a variable, may keep the connection.
    session.ask("reset connection", b"\x1f", Kind::One);
}

#[test]
fn b28_who_vanishes_leaves_nothing_behind() {
    Play::new("b28").in_one_protocol().extremes().act_through_the_proxy(|stage: &mut Stage<'_>| {
        stage.a.run("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, w LONGTEXT)");
        let mut admin = root();
        for (way, vanish) in WAYS {
            vanish(stage.login());
            vanish(stage.login());
            eventually("its statement is killed", || {
                super::faults::running(&mut admin, "b28", "nobody waits").is_none()
            });
            eventually("its lock is free", || admin.value("SELECT IS_FREE_LOCK('b28')") == "1");
            stage.disturb();
            clean(&mut stage.a, way);
            clean(&mut stage.b, way);
            clean(&mut stage.session("guest"), way);
        }
    });
}

#[test]
fn b28_no_descriptor_and_no_memory_leaks_however_often() {
    let play = Play::new("b28_often");
    play.accounts();
    let mut admin = root();
    admin.run("CREATE OR REPLACE TABLE b28_often.t (id INT AUTO_INCREMENT PRIMARY KEY, w LONGTEXT)");
    let proxy = play.proxy().start();
    let plain = Login::new(proxy.endpoint(), "b28_often", PASSWORD).schema("b28_often");
    let secured = plain.clone().tls(&unverified(), "localhost");
    let round = |number: usize| {
        let (_, vanish) = WAYS[number % WAYS.len()];
        vanish(if (number / WAYS.len()).is_multiple_of(2) { &plain } else { &secured });
    };
    (0..2 * WAYS.len()).for_each(round);
    let quiet =
        || proxy.metric("sealock_clients", &[]) + proxy.metric("sealock_clients_handshaking", &[]) < 1.0;
    eventually("all is quiet", quiet);
    let (descriptors, memory) = (proxy.metric("process_open_fds", &[]), proxy.memory());
    for number in 0..repetitions() {
        round(number);
        if number % 20 == 19 {
            eventually("all is quiet", quiet);
        }
    }
    eventually("all is quiet", quiet);
    eventually("descriptors are given back", || proxy.metric("process_open_fds", &[]) <= descriptors + 6.0);
    println!(
        "{} clients vanished; descriptors {descriptors} before, {} after; resident bytes {memory} before, {} after",
        repetitions(),
        proxy.metric("process_open_fds", &[]),
        proxy.memory()
    );
    assert!(proxy.memory() < memory + (48 << 20), "{} bytes after {memory}", proxy.memory());
    let left = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'b28_often'";
    eventually("no connection is left beyond those of the pool", || {
        admin.value(left).parse::<usize>().unwrap() <= super::Sharing::chosen().connections()
    });
    let mut client = came_in(&plain);
    assert_eq!(client.value("SELECT COALESCE(@a, 'none')"), "none");
}
