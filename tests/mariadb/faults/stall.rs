//! A server that stops, with its connections open, and goes on later.

use std::time::{Duration, Instant};

use super::application::{CONNECTIONS, endures};
use super::estate::Estate;
use super::victim::Victim;
use super::{end_of_fault, pause, seed};
use crate::support::chance::Chance;
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::response::Kind;

#[test]
fn a_server_that_stops_and_goes_on_holds_everybody_up_and_loses_nothing() {
    let (victim, seed) = (Victim::start(), seed());
    let estate = Estate::new("faults_stall", victim.server(), CONNECTIONS, "", |proxy| proxy);
    let mut chance = Chance::new(seed, 100, 0);
    let tally = endures(&estate, seed, || {
        let end = end_of_fault();
        while Instant::now() < end {
            pause(&mut chance, 200);
            victim.stop();
            pause(&mut chance, 400);
            victim.resume();
        }
    });
    assert_eq!(tally.unknown, 0, "shorter than any deadline: {tally:?}");
}

/// Longer than what a proxy of [`strict`] may wait for altogether.
const BY_THEN: Duration = Duration::from_secs(12);

/// An estate whose proxy waits a second for whatever it waits for.
fn strict<'a>(name: &'static str, victim: &'a Victim) -> Estate<'a> {
    Estate::new(name, victim.server(), 3, "acquire_timeout = \"1s\"", |proxy| {
        proxy.backend_keys("connect_timeout = \"1s\"").section("[limits]\nkill_timeout = \"1s\"")
    })
}

/// What `asks` is answered with, which must not take for ever.
fn in_time<T>(what: &str, asks: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let answer = asks();
    assert!(begun.elapsed() < BY_THEN, "{what}: {:?}", begun.elapsed());
    answer
}

fn runs(root: &mut RawClient, text: &str) -> bool {
    let like = format!("info LIKE '%{text}%' AND info NOT LIKE '%processlist%'");
    root.value(&format!("SELECT COUNT(*) FROM information_schema.processlist WHERE {like}")) != "0"
}

#[test]
fn while_the_server_is_stopped_everybody_is_told_in_time_but_whose_statement_runs() {
    let victim = Victim::start();
    let estate = strict("faults_stopped", &victim);
    let (mut patient, mut other) = (estate.session(), estate.session());
    other.run("SET time_zone = '+05:00'");
    other.run("SELECT COUNT(*) FROM ledger");
    patient.send(b"\x03SELECT CONCAT('patient', SLEEP(0.3))").unwrap();
    let mut root = estate.root();
    eventually("it runs", || runs(&mut root, "patient"));
    victim.stop();
    // A login that an idle connection has to be asked about.
    let elsewhere = Login { schema: Some("mysql".to_owned()), ..estate.login() };
    let refusal = in_time("a login to another schema", || RawClient::connect(&elsewhere)).err();
    assert_eq!(refusal.expect("no server").error().code, 1047);
    for _ in 0..2 {
        assert_eq!(in_time("a statement", || other.error("SELECT COUNT(*) FROM ledger")).code, 1047);
    }
    let mut newcomer =
        in_time("a login", || RawClient::connect(&estate.login())).expect("nothing new to ask");
    assert_eq!(in_time("a statement", || newcomer.error("DO 1")).code, 1047);
    assert_eq!(in_time("a ping", || newcomer.ask("ping", b"\x0e", Kind::One))[0].payload[0], 0);
    let ready = |expected| estate.proxy.page("/readyz").is_ok_and(|(status, _)| status == expected);
    eventually("those who balance loads are told", || ready(503));
    victim.resume();
    let packets = patient.receive("patient", Kind::Results, &[]).unwrap();
    assert_eq!(packets[2].payload, b"\x08patient0");
    eventually("it is up again", || ready(200));
    assert_eq!(other.value("SELECT @@time_zone"), "+05:00");
    drop((patient, other, newcomer));
    estate.assert_deserted();
}

#[test]
fn a_transaction_outlives_a_stop_and_who_leaves_meanwhile_leaves_nothing() {
    let victim = Victim::start();
    let estate = strict("faults_left", &victim);
    let (mut patient, mut leaver) = (estate.session(), estate.session());
    patient.run("BEGIN");
    patient.run("INSERT INTO ledger (writer) VALUES (1)");
    leaver.run("BEGIN");
    leaver.run("INSERT INTO ledger (writer) VALUES (2)");
    // Unlike one that sleeps, it does not look whether anybody still listens.
    leaver.send(b"\x03SELECT 'left', COUNT(*) FROM mysql.seq_1_to_1000000000000").unwrap();
    let mut root = estate.root();
    eventually("it runs", || runs(&mut root, "left"));
    victim.stop();
    drop(leaver);
    eventually("it is noticed", || estate.proxy.metric("sealock_clients", &[]) < 2.0);
    patient.send(b"\x03COMMIT").unwrap();
    eventually("its place is free", || estate.leased() == 1);
    victim.resume();
    assert_eq!(patient.receive("commit", Kind::Results, &[]).unwrap()[0].payload[0], 0);
    eventually("what was left does not run on", || !runs(&mut root, "left"));
    assert_eq!(patient.value("SELECT GROUP_CONCAT(writer) FROM ledger"), "1");
    drop(patient);
    estate.assert_deserted();
}
