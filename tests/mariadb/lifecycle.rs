//! Connections that come, go, are killed and outlive their clients; reloads and the end.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::capabilities::{BASE, DEPRECATE_EOF};
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::{Login, Refusal, ServerError};
use crate::support::proxy::Proxy;
use crate::support::response::Kind;
use crate::support::server::{PASSWORD, USER, root};
use crate::support::tls::trusting;
use crate::support::wire::Wire;
use crate::transport::generate_certificates;

fn running(pattern: &str) -> bool {
    let count = format!(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%{pattern}%' AND id <> CONNECTION_ID()"
    );
    root().value(&count) != "0"
}

#[test]
fn the_id_of_the_greeting_is_the_one_that_sql_tells() {
    let proxy = Proxy::builder().start();
    for dialect in [0, DEPRECATE_EOF] {
        let mut client = RawClient::connect(&proxy.login().capabilities(BASE | dialect)).unwrap();
        let id = client.greeting.id.to_string();
        for sql in [
            "SELECT CONNECTION_ID()",
            "select  connection_id( ) as x",
            "SELECT /* a comment */ CONNECTION_ID() + 0",
            "SELECT @@pseudo_thread_id",
            "SELECT CONCAT('', CONNECTION_ID())",
        ] {
            assert_eq!(client.value(sql), id, "{sql}");
        }
        assert_eq!(client.value("SELECT 'CONNECTION_ID()'"), "CONNECTION_ID()");
    }
}

#[test]
fn rewriting_the_id_leaves_the_columns_name() {
    let proxy = Proxy::builder().start();
    let mut client = RawClient::connect(&proxy.login()).unwrap();
    for sql in ["SELECT CONNECTION_ID()", "SELECT connection_id( )", "SELECT 1, CONNECTION_ID(), 2"] {
        let packets = client.query(sql);
        let expected = sql.split(", ").find(|item| item.to_lowercase().contains("connection")).unwrap();
        let expected = expected.trim_start_matches("SELECT ");
        let named = packets.iter().any(|packet| String::from_utf8_lossy(&packet.payload).contains(expected));
        assert!(named, "{sql}: a column called {expected}");
    }
}

#[test]
fn kill_query_stops_the_statement_of_the_client_with_that_id() {
    let proxy = Proxy::builder().start();
    let mut victim = RawClient::connect(&proxy.login()).unwrap();
    let id = victim.greeting.id;
    victim.send(b"\x03SELECT SLEEP(60), 'to be interrupted'").unwrap();
    eventually("it runs", || running("to be interrupted"));
    RawClient::connect(&proxy.tls_login()).unwrap().run(&format!("KILL QUERY {id}"));
    let packets = victim.receive("the end", Kind::Results, &[]).unwrap();
    assert_eq!(ServerError::parse(&packets.last().unwrap().payload).expect("an error").code, 1317);
    assert_eq!(victim.value("SELECT 'lives on'"), "lives on");
    assert!(!running("to be interrupted"));
}

#[test]
fn the_binary_kill_ends_the_client_with_that_id() {
    let proxy = Proxy::builder().start();
    let mut victim = RawClient::connect(&proxy.login()).unwrap();
    let id = victim.greeting.id;
    victim.send(b"\x03SELECT SLEEP(60), 'to be ended'").unwrap();
    eventually("it runs", || running("to be ended"));
    let mut killer = RawClient::connect(&proxy.tls_login()).unwrap();
    let answer = killer.ask("process kill", &[&[0x0c][..], &id.to_le_bytes()].concat(), Kind::One);
    assert_eq!(answer[0].payload[0], 0x00, "{answer:?}");
    eventually("nothing is left running", || !running("to be ended"));
    let ends_in_an_error = victim
        .receive("the end", Kind::Results, &[])
        .map_or(true, |packets| ServerError::parse(&packets.last().unwrap().payload).is_some());
    assert!(ends_in_an_error && victim.try_query("SELECT 1").is_err());
}

#[test]
fn kill_closes_the_client_with_that_id_and_no_other() {
    let proxy = Proxy::builder().start();
    let mut victim = RawClient::connect(&proxy.login()).unwrap();
    let mut bystander = RawClient::connect(&proxy.login()).unwrap();
    let mut killer = RawClient::connect(&proxy.login()).unwrap();
    killer.run(&format!("KILL {}", victim.greeting.id));
    eventually("the victim is gone", || victim.try_query("SELECT 1").is_err());
    assert_eq!(bystander.value("SELECT 'untouched'"), "untouched");
    assert_eq!(killer.error(&format!("KILL {}", victim.greeting.id)).code, 1094);
    assert_eq!(killer.error("KILL 4000000000").code, 1094);
    let own = killer.greeting.id;
    let error = killer.try_query(&format!("KILL {own}"));
    assert!(
        error.is_err()
            || ServerError::parse(&error.unwrap()[0].payload).is_some_and(|error| error.code == 1927)
    );
}

#[test]
fn an_id_from_the_servers_process_list_means_the_servers_connection() {
    let proxy = Proxy::builder().start();
    let mut victim = root();
    let foreign: u32 = victim.value("SELECT CONNECTION_ID()").parse().unwrap();
    let mut killer = RawClient::connect(&proxy.login()).unwrap();
    assert!(
        killer.greeting.id > foreign.saturating_add(1 << 20),
        "ids of the proxy's are never ids of the server's"
    );
    killer.run(&format!("KILL {foreign}"));
    eventually("it is gone", || victim.try_query("SELECT 1").is_err());
}

#[test]
fn the_statement_of_a_client_that_vanished_is_killed() {
    for relayed in [false, true] {
        let builder = if relayed { Proxy::builder().without_accounts() } else { Proxy::builder() };
        let service = format!("[service]\nuser = \"other\"\npassword = \"{PASSWORD}\"");
        let proxy = builder.section(&service).start();
        for login in [proxy.login(), proxy.tls_login(), Login::new(proxy.socket(), USER, PASSWORD)] {
            let mut client = RawClient::connect(&login).unwrap();
            client.send(b"\x03SELECT SLEEP(60), 'nobody waits for this'").unwrap();
            eventually("it runs", || running("nobody waits for this"));
            drop(client);
            eventually("it is killed", || !running("nobody waits for this"));
        }
        eventually("it is counted", || proxy.metric("sealock_statements_killed_total", &[]) >= 3.0);
    }
}

#[test]
fn what_a_vanished_client_left_behind_is_not_seen_by_the_next() {
    let proxy = Proxy::builder().section("[pool]\nmax_connections = 1").start();
    root().run("CREATE DATABASE IF NOT EXISTS leftovers; CREATE OR REPLACE TABLE leftovers.t (a INT)");
    for _ in 0..5 {
        let mut client = RawClient::connect(&proxy.login().schema("leftovers")).unwrap();
        assert_eq!(client.value("SELECT COALESCE(@a, 'clean')"), "clean");
        assert_eq!(client.value("SELECT @@autocommit"), "1");
        assert_eq!(client.value("SELECT COUNT(*) FROM t"), "0");
        // The server itself takes a moment to give up what a connection held that was cut.
        eventually("the lock is free", || client.value("SELECT IS_FREE_LOCK('leftovers')") == "1");
        client.run("SET @a = 'dirty', autocommit = 0");
        client.run("CREATE TEMPORARY TABLE temporary (a INT)");
        client.run("INSERT INTO t VALUES (1)");
        client.run("DO GET_LOCK('leftovers', 10)");
        client.send(b"\x03SELECT 'cut").unwrap();
        drop(client);
    }
}

#[test]
fn server_connections_are_used_again() {
    let proxy = Proxy::builder().start();
    for _ in 0..20 {
        let mut client = RawClient::connect(&proxy.login()).unwrap();
        client.run("DO 1");
        client.send(b"\x01").unwrap();
        eventually("it is closed", || client.wire.is_closed());
    }
    let opened = proxy.metric("sealock_backend_connects_total", &[]);
    assert!(opened < 15.0, "{opened} connections opened for twenty clients, one after the other");
}

#[test]
fn a_client_vanishing_at_any_byte_leaves_no_descriptor_behind() {
    let proxy = Proxy::builder().start();
    RawClient::connect(&proxy.login()).unwrap().run("DO 1");
    eventually("all is quiet", || proxy.metric("sealock_clients", &[]) < 1.0);
    let before = proxy.metric("process_open_fds", &[]);
    for round in 0..200_usize {
        match round % 4 {
            0 => drop(std::net::TcpStream::connect(("127.0.0.1", proxy.port())).unwrap()),
            1 => {
                let mut wire = Wire::connect(&proxy.endpoint()).unwrap();
                wire.write_raw(&[0x20, 0, 0, 1, 5][..round % 5]).unwrap();
            }
            2 => {
                let mut client = RawClient::connect(&proxy.login()).unwrap();
                client.wire.write_raw(&[200, 0, 0, 0, 3, b'S', b'E'][..round % 8]).unwrap();
            }
            _ => {
                let mut client = RawClient::connect(&proxy.login()).unwrap();
                client.send(b"\x03SELECT REPEAT('x', 1000) FROM mysql.seq_1_to_100000").unwrap();
                client.wire.sequence = 1;
                let _ = client.wire.read().unwrap();
            }
        }
    }
    eventually("descriptors are given back", || proxy.metric("process_open_fds", &[]) <= before + 12.0);
    eventually("no client is counted", || proxy.metric("sealock_clients", &[]) < 1.0);
}

#[test]
fn a_slow_reader_costs_no_memory() {
    let proxy = Proxy::builder().start();
    for login in [proxy.login(), proxy.tls_login().capabilities(BASE)] {
        let mut client = RawClient::connect(&login).unwrap();
        client.send(b"\x03SELECT REPEAT('x', 1048576) FROM mysql.seq_1_to_512").unwrap();
        client.wire.sequence = 1;
        let _ = client.wire.read().unwrap();
        let mut most = 0;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(700) {
            most = most.max(proxy.memory());
            thread::sleep(Duration::from_millis(20));
        }
        assert!(most < 96 << 20, "{most} bytes resident while nobody reads");
        let mut rest = 0_u64;
        while let Ok(packet) = client.wire.read() {
            rest += packet.payload.len() as u64;
            if rest > 1 << 20 && packet.payload.len() < 9 {
                break;
            }
            most = most.max(proxy.memory());
        }
        assert!(rest > 512 << 20, "{rest} bytes came");
        assert!(most < 96 << 20, "{most} bytes resident while it passed");
    }
}

#[test]
fn a_reload_takes_new_certificates_and_keeps_every_client() {
    let certificates = tempfile::tempdir().unwrap();
    let lines = |directory: &str| {
        let path = certificates.path().join(directory);
        format!("certificate = \"{0}/server.pem\"\nkey = \"{0}/server.key\"", path.display())
    };
    for directory in ["old", "new"] {
        fs::create_dir(certificates.path().join(directory)).unwrap();
        generate_certificates(&certificates.path().join(directory));
    }
    let proxy = Proxy::builder().tls(&lines("old")).start();
    let old = trusting(&certificates.path().join("old/ca.pem"));
    let new = trusting(&certificates.path().join("new/ca.pem"));
    let mut before = RawClient::connect(&proxy.login().tls(&old, "localhost")).unwrap();
    before.run("BEGIN");
    proxy.configure(&Proxy::builder().tls(&lines("new")));
    proxy.signal("HUP");
    eventually("the new generation serves", || proxy.metric("sealock_config_generation", &[]) >= 2.0);
    let mut after = RawClient::connect(&proxy.login().tls(&new, "localhost")).expect("the new CA fits");
    assert!(RawClient::connect(&proxy.login().tls(&old, "localhost")).is_err(), "the old one does not");
    assert_eq!(after.value("SELECT 1"), "1");
    assert_eq!(before.value("SELECT @@in_transaction"), "1");
}

#[test]
fn a_reload_that_is_wrong_anywhere_changes_nothing() {
    let certificates = tempfile::tempdir().unwrap();
    for directory in ["good", "other"] {
        fs::create_dir(certificates.path().join(directory)).unwrap();
        generate_certificates(&certificates.path().join(directory));
    }
    let root = certificates.path().display();
    let good = format!("certificate = \"{root}/good/server.pem\"\nkey = \"{root}/good/server.key\"");
    let mixed = format!("certificate = \"{root}/good/server.pem\"\nkey = \"{root}/other/server.key\"");
    let proxy = Proxy::builder().tls(&good).start();
    let config = trusting(&certificates.path().join("good/ca.pem"));
    let wrong = [
        Proxy::builder().tls(&mixed).account("user = \"late\"\npassword = \"x\""),
        Proxy::builder().tls(&good).section("[limits]\nmax_clients = \"many\"\nno_such_key = 1"),
        Proxy::builder().tls(&good.replace("good", "missing")),
    ];
    for (number, builder) in wrong.iter().enumerate() {
        proxy.configure(builder);
        proxy.signal("HUP");
        eventually("the refusal is counted", || {
            proxy.metric("sealock_config_reloads_total", &["refused"]) >= (number + 1) as f64
        });
        assert_eq!(proxy.metric("sealock_config_generation", &[]), 1.0);
        RawClient::connect(&proxy.login().tls(&config, "localhost")).expect("the good certificate serves");
    }
    let log = proxy.log();
    assert!(log.contains("max_clients") && log.contains("no_such_key"), "one line for each problem:\n{log}");
}

#[test]
fn a_drain_lets_transactions_finish_and_refuses_newcomers() {
    root().run("CREATE DATABASE IF NOT EXISTS drained; CREATE OR REPLACE TABLE drained.t (a INT)");
    let mut proxy = Proxy::builder().section("[shutdown]\ndrain_timeout = \"20s\"").start();
    let mut busy = RawClient::connect(&proxy.login().schema("drained")).unwrap();
    let mut idle = RawClient::connect(&proxy.login()).unwrap();
    busy.run("BEGIN");
    busy.run("INSERT INTO t VALUES (1)");
    proxy.signal("TERM");
    eventually("it is not ready any more", || proxy.page("/readyz").is_ok_and(|(status, _)| status == 503));
    eventually("an idle client is let go", || idle.try_query("SELECT 1").is_err());
    match RawClient::connect(&proxy.login()) {
        Ok(_) => panic!("a newcomer was served"),
        Err(Refusal::Error(error)) => {
            assert_eq!((error.code, error.state.as_str()), (1047, "08S01"));
        }
        Err(Refusal::Lost(_)) => {}
    }
    busy.run("INSERT INTO t VALUES (2)");
    busy.run("COMMIT");
    assert!(proxy.wait().success());
    assert_eq!(root().value("SELECT COUNT(*) FROM drained.t"), "2");
}

#[test]
fn a_drain_ends_at_its_deadline() {
    let mut proxy = Proxy::builder().section("[shutdown]\ndrain_timeout = \"500ms\"").start();
    let mut client = RawClient::connect(&proxy.login()).unwrap();
    client.run("BEGIN");
    let begun = Instant::now();
    proxy.signal("TERM");
    proxy.wait();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(client.try_query("SELECT 1").is_err());
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut proxy = Proxy::builder().section("[shutdown]\ndrain_timeout = \"10m\"").start();
    let mut client = RawClient::connect(&proxy.login()).unwrap();
    client.run("BEGIN");
    proxy.signal("TERM");
    eventually("it drains", || proxy.page("/readyz").is_ok_and(|(status, _)| status == 503));
    proxy.signal("INT");
    assert_eq!(proxy.wait().code(), Some(0), "ending early on request is no failure");
    assert!(client.try_query("COMMIT").is_err());
}

#[test]
fn an_idle_client_is_cut_by_its_time_out() {
    let proxy = Proxy::builder().section("[limits]\nclient_idle_timeout = \"300ms\"").start();
    let mut client = RawClient::connect(&proxy.login()).unwrap();
    client.run("DO 1");
    let begun = Instant::now();
    assert!(client.wire.read().is_err() || client.wire.read().is_err());
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn check_reports_every_problem_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("wrong.toml");
    fs::write(&file, "[[listener]]\nbind = [\"nowhere\"]\n[[backend]]\nname = 1\naddress = \"127.0.0.1:3306\"\n[pool]\nmodes = \"session\"\n").unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_sealock")).args(["check", "-c"]).arg(&file).output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    for part in ["wrong.toml:2", "nowhere", "wrong.toml:4", "wrong.toml:7", "modes", "mode"] {
        assert!(told.contains(part), "{part} in:\n{told}");
    }
}
