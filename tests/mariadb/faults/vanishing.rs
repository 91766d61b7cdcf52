//! Clients that vanish at every point while others work.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::application::{CONNECTIONS, endures};
use super::estate::Estate;
use super::{end_of_fault, pause, seed};
use crate::behaviours::b28_vanishing::{Vanishing, WAYS};
use crate::support::chance::Chance;
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::server::server;
use crate::support::tls::unverified;

/// How many vanish at the same time.
const LEAVERS: usize = 4;

/// Further points, between statements and in the middle of what decides about them.
const MORE: [(&str, Vanishing); 5] = [
    ("while it waits for a connection", |login| {
        came_in(login).send(b"\x03BEGIN").unwrap();
    }),
    ("while its transaction is committed", |login| {
        let mut client = came_in(login);
        client.run("BEGIN");
        client.run("INSERT INTO pairs VALUES (1), (1)");
        client.send(b"\x03COMMIT").unwrap();
    }),
    ("with a transaction half done", |login| {
        let mut client = came_in(login);
        client.run("START TRANSACTION");
        client.run("INSERT INTO pairs VALUES (2), (2)");
        client.send(b"\x03INSERT INTO pairs VALUES (2)").unwrap();
    }),
    ("with a temporary table in the place of another", |login| {
        let mut client = came_in(login);
        client.run("CREATE TEMPORARY TABLE shadow AS SELECT 'nobody' AS of");
        client.send(b"\x03SELECT * FROM shadow").unwrap();
    }),
    ("in another role and time, with much to say", |login| {
        let mut client = came_in(login);
        client.run("SET time_zone = '-07:00', sql_mode = 'TRADITIONAL', lock_wait_timeout = 7");
        client.send(b"\x03SELECT REPEAT('x', 1000) FROM mysql.seq_1_to_10000").unwrap();
        client.wire.sequence = 1;
        client.wire.read().unwrap();
    }),
];

fn came_in(login: &Login) -> RawClient {
    RawClient::connect(login).unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn clients_that_vanish_at_every_point_are_not_noticed_by_those_who_stay() {
    let seed = seed();
    let estate =
        Estate::new("faults_vanish", server(), CONNECTIONS, "acquire_timeout = \"60s\"", |proxy| proxy);
    let mut root = estate.root();
    root.run("CREATE TABLE faults_vanish.pairs (kind INT) ENGINE = InnoDB");
    root.run("CREATE TABLE faults_vanish.t (id INT AUTO_INCREMENT PRIMARY KEY, w LONGTEXT)");
    let login = estate.login();
    let logins = [login.clone(), login.tls(&unverified(), "localhost")];
    let descriptors = || estate.proxy.metric("process_open_fds", &[]);
    let (before, gone) = (descriptors(), AtomicUsize::new(0));
    endures(&estate, seed, || {
        let end = end_of_fault();
        thread::scope(|scope| {
            for leaver in 0..LEAVERS {
                let (logins, gone) = (&logins, &gone);
                scope.spawn(move || {
                    let mut chance = Chance::new(seed, 200, leaver as u64);
                    while Instant::now() < end {
                        let at = chance.below(WAYS.len() + MORE.len());
                        let (_, vanish) = WAYS.iter().chain(&MORE).nth(at).unwrap();
                        vanish(&logins[chance.below(2)]);
                        gone.fetch_add(1, Ordering::Relaxed);
                        pause(&mut chance, 3);
                    }
                });
            }
        });
    });
    println!("{} clients vanished", gone.load(Ordering::Relaxed));
    assert!(gone.load(Ordering::Relaxed) > 50);
    assert_eq!(root.value("SELECT COUNT(*) FROM faults_vanish.pairs WHERE kind = 2"), "0");
    assert_eq!(root.value("SELECT COUNT(*) % 2 FROM faults_vanish.pairs WHERE kind = 1"), "0");
    assert_eq!(root.value("SELECT COUNT(*) FROM faults_vanish.t"), "0");
    assert_eq!(root.value("SELECT IS_FREE_LOCK('faults_vanish')"), "1");
    // Those of the connections to the server, and of the page itself.
    let most = before + CONNECTIONS as f64 + 4.0;
    eventually("descriptors are given back", || descriptors() <= most);
}
