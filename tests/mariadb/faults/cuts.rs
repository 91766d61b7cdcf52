//! A network that stalls, and that breaks half-way through packets in both directions.

use std::io;
use std::time::Instant;

use super::application::{CONNECTIONS, endures};
use super::estate::Estate;
use super::network::Network;
use super::{end_of_fault, pause, seed};
use crate::support::chance::Chance;
use crate::support::client::RawClient;
use crate::support::login::ServerError;
use crate::support::response::Kind;
use crate::support::server::{own_server_with, server};
use crate::support::wire::Packet;

fn behind(name: &'static str, network: &Network) -> Estate<'static> {
    Estate::new(name, server(), CONNECTIONS, "", |proxy| proxy.backend(&network.address()))
}

#[test]
fn connections_cut_half_way_through_packets_cost_nobody_what_was_acknowledged() {
    let seed = seed();
    let network = Network::towards(server().port().unwrap(), seed);
    let estate = behind("faults_cuts", &network);
    let mut chance = Chance::new(seed, 100, 0);
    let tally = endures(&estate, seed, || {
        let end = end_of_fault();
        while Instant::now() < end {
            network.cut_at_random(1 + chance.below(40));
            pause(&mut chance, 200);
            network.clear();
            pause(&mut chance, 100);
        }
    });
    assert!(network.cuts() > 20 && tally.unknown > 0, "{} cuts, {tally:?}", network.cuts());
}

#[test]
fn a_network_that_stalls_holds_everybody_up_and_loses_nothing() {
    let seed = seed();
    let network = Network::towards(server().port().unwrap(), seed);
    let estate = behind("faults_network", &network);
    let mut chance = Chance::new(seed, 100, 0);
    let tally = endures(&estate, seed, || {
        let end = end_of_fault();
        while Instant::now() < end {
            pause(&mut chance, 200);
            network.stall();
            pause(&mut chance, 400);
            network.clear();
        }
    });
    assert_eq!(tally.unknown, 0, "shorter than any deadline: {tally:?}");
}

/// COM_STMT_EXECUTE with one text, as long as it may be.
fn execution_with(statement: u32, text: &str) -> Vec<u8> {
    let head = [&[0x17][..], &statement.to_le_bytes(), b"\0\x01\0\0\0\0\x01\xfd\0\xfe"].concat();
    [&head, &(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

/// Begins a transaction and prepares a statement that inserts into `t`.
fn in_a_transaction(estate: &Estate<'_>) -> (RawClient, u32) {
    let mut client = RawClient::connect(&estate.login()).unwrap();
    let insert = client.prepare("INSERT INTO t VALUES (?)");
    client.run("BEGIN");
    client.run("INSERT INTO t VALUES ('lost')");
    (client, insert)
}

/// The session has been told one thing about its statement, and is in step if it goes on.
fn assert_answered_once(client: &mut RawClient, answer: io::Result<Vec<Packet>>, what: &str) {
    let Ok(packets) = answer else { return };
    let error = ServerError::parse(&packets.last().unwrap().payload).expect("an error");
    assert!([1153, 1213, 1927].contains(&error.code), "{what}: {error:?}");
    for look in ["SELECT 'in step'", "SELECT 'still in step'"] {
        let Ok(packets) = client.try_query(look) else { return };
        let shown = packets.get(2).unwrap_or_else(|| panic!("{what}: {look}: {packets:?}"));
        assert_eq!(&shown.payload[1..], look[8..].trim_end_matches('\'').as_bytes(), "{what}: {packets:?}");
    }
}

/// Whatever of a statement was still to be sent when its connection was lost is not taken for another.
#[test]
fn a_long_statement_whose_connection_is_lost_half_way_is_answered_once() {
    let network = Network::towards(server().port().unwrap(), 1);
    let estate = behind("faults_half", &network);
    let mut root = estate.root();
    root.run("CREATE TABLE faults_half.t (w LONGTEXT) ENGINE = InnoDB");
    for length in [100, 20_000, 300_000, 12_000_000, 17_000_000, 40_000_000] {
        let text = "x".repeat(length);
        let (mut client, insert) = in_a_transaction(&estate);
        network.cut_after(length / 2);
        let answer = client.try_ask("execute", &execution_with(insert, &text), Kind::Results);
        assert_answered_once(&mut client, answer, &format!("executed with {length} bytes"));
        let (mut client, _) = in_a_transaction(&estate);
        network.cut_after(length / 2);
        let answer = client.try_query(&format!("INSERT INTO t VALUES ('{text}')"));
        assert_answered_once(&mut client, answer, &format!("a text of {length} bytes"));
        assert_eq!(root.value("SELECT COUNT(*) FROM faults_half.t"), "0", "{length}");
    }
    estate.assert_deserted();
}

/// A server that has had enough of a statement says so and closes; that is one answer.
#[test]
fn a_statement_that_the_server_finds_too_long_is_answered_once() {
    let strict = own_server_with(&["--max-allowed-packet=1M"]);
    let estate = Estate::new("faults_long", &strict, 2, "", |proxy| proxy);
    let mut root = estate.root();
    root.run("CREATE TABLE faults_long.t (w LONGTEXT) ENGINE = InnoDB");
    for length in [2_000_000, 17_000_000, 40_000_000] {
        let text = "x".repeat(length);
        let (mut client, insert) = in_a_transaction(&estate);
        let answer = client.try_ask("execute", &execution_with(insert, &text), Kind::Results);
        assert_answered_once(&mut client, answer, &format!("executed with {length} bytes"));
        let (mut client, _) = in_a_transaction(&estate);
        let answer = client.try_query(&format!("INSERT INTO t VALUES ('{text}')"));
        assert_answered_once(&mut client, answer, &format!("a text of {length} bytes"));
        assert_eq!(root.value("SELECT COUNT(*) FROM faults_long.t"), "0");
    }
    estate.assert_deserted();
}
