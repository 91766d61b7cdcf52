//! What clients hear when something is wrong: one test for each line of the table in docs.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::capabilities::{BASE, DEPRECATE_EOF};
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::{Login, Refusal, ServerError};
use crate::support::proxy::{Proxy, deserted};
use crate::support::response::Kind;
use crate::support::server::{PASSWORD, USER, direct, root};
use crate::support::wire::Wire;

fn refusal(login: &Login) -> ServerError {
    RawClient::connect(login).err().expect("a refusal").error()
}

#[track_caller]
fn assert_unavailable(error: &ServerError) {
    assert_eq!((error.code, error.state.as_str()), (1047, "08S01"), "{error:?}");
    let told = error.message.to_lowercase();
    assert!(told.len() > 20 && !told.contains("127.0.0.1") && !told.contains("certificate"), "{error:?}");
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_told_the_same_in_the_servers_words() {
    for proxy in [Proxy::builder().start(), Proxy::builder().section("[auth]\nrelay = false").start()] {
        for user in [USER, "nobody-knows-me"] {
            let expected = refusal(&Login::new(direct(), user, "wrong"));
            let found = refusal(&Login::new(proxy.endpoint(), user, "wrong"));
            assert_eq!(expected.code, 1045);
            assert_eq!(expected, found, "the client's host and the server's words");
        }
        let without = refusal(&Login::new(proxy.endpoint(), USER, ""));
        assert!(without.message.ends_with("(using password: NO)"), "{without:?}");
    }
}

#[test]
fn without_relay_an_unknown_user_goes_through_as_many_packets_as_a_wrong_password() {
    let proxy = Proxy::builder().section("[auth]\nrelay = false").start();
    for plugin in ["mysql_native_password", "caching_sha2_password", "client_ed25519"] {
        let packets = |user: &str| {
            let mut wire = Wire::connect(&proxy.endpoint()).unwrap();
            let _ = wire.read().unwrap();
            let login = Login::new(proxy.endpoint(), user, "wrong").plugin(plugin);
            let fixed = login.fixed_part(0);
            let rest = [user.as_bytes(), b"\0\x14", &[7; 20], plugin.as_bytes(), b"\0"].concat();
            wire.write(&[fixed, rest].concat()).unwrap();
            let mut kinds = Vec::new();
            loop {
                let payload = wire.read().unwrap().payload;
                kinds.push(payload[0]);
                if payload[0] == 0xff {
                    return kinds;
                }
                wire.write(&[7; 20]).unwrap();
            }
        };
        assert_eq!(packets(USER), packets("nobody-knows-me"), "{plugin}");
    }
}

#[test]
fn an_unknown_schema_is_refused_as_the_server_does() {
    let proxy = Proxy::builder().start();
    let expected = refusal(&Login::new(direct(), USER, PASSWORD).schema("no_such_schema"));
    assert_eq!(expected.code, 1049);
    assert_eq!(expected, refusal(&proxy.login().schema("no_such_schema")));
    assert_eq!(expected, refusal(&proxy.tls_login().schema("no_such_schema")));
}

#[test]
fn a_schema_without_privilege_is_refused_as_the_server_does() {
    root().run(
        "CREATE OR REPLACE USER poor IDENTIFIED BY 'x'; CREATE DATABASE IF NOT EXISTS closed_to_the_poor",
    );
    for builder in [Proxy::builder(), Proxy::builder().account("user = \"poor\"\npassword = \"x\"")] {
        let proxy = builder.start();
        let expected = refusal(&Login::new(direct(), "poor", "x").schema("closed_to_the_poor"));
        assert_eq!(expected.code, 1044);
        assert_eq!(
            expected,
            refusal(&Login::new(proxy.endpoint(), "poor", "x").schema("closed_to_the_poor"))
        );
    }
}

#[test]
fn plaintext_is_refused_where_tls_is_required_before_a_password_is_asked_for() {
    let proxy = Proxy::builder().tls("mode = \"required\"").start();
    for plugin in ["mysql_native_password", "client_ed25519", "caching_sha2_password"] {
        for user in [USER, "nobody-knows-me", "edward"] {
            let error = refusal(&Login::new(proxy.endpoint(), user, PASSWORD).plugin(plugin));
            assert_eq!((error.code, error.state.as_str()), (3159, "HY000"), "{plugin} {error:?}");
        }
    }
    RawClient::connect(&proxy.tls_login()).expect("TLS is let in");
    RawClient::connect(&Login::new(proxy.socket(), USER, PASSWORD)).expect("a unix socket needs no TLS");
    assert!(proxy.metric("sealock_client_refusals_total", &[]) >= 9.0);
}

/// What arrives instead of a first packet, and whether the client goes on waiting or hangs up by itself.
fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    let hello = Login::new(direct(), USER, PASSWORD).fixed_part(0);
    let frame = |sequence: u8, payload: &[u8]| {
        [&(payload.len() as u32).to_le_bytes()[..3], &[sequence], payload].concat()
    };
    vec![
        ("an HTTP request", b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".to_vec()),
        ("zeros", vec![0; 64]),
        ("a TLS ClientHello without SSLRequest", [&[0x16, 3, 1, 2, 0][..], &[0; 512]].concat()),
        ("an announced 16 MiB", [&[0xff, 0xff, 0xff, 1][..], &[b'x'; 200_000]].concat()),
        ("a wrong sequence id", frame(7, &[hello.clone(), b"app\0\0".to_vec()].concat())),
        ("an empty packet", frame(1, b"")),
        ("one byte", frame(1, b"\x85")),
        ("a user without an end", frame(1, &[hello.clone(), vec![b'u'; 500]].concat())),
        ("an answer longer than its packet", frame(1, &[hello.clone(), b"app\0\xfa12".to_vec()].concat())),
        ("the old protocol", frame(1, &[0x05, 0xa4, 0, 0, 0, b'a', b'p', b'p', 0])),
        (
            "an SSLRequest and then noise",
            [frame(1, &Login::new(direct(), "", "").fixed_part(0x800)), vec![0x42; 600]].concat(),
        ),
    ]
}

#[test]
fn garbage_before_authentication_is_refused_and_counted_and_never_grows_memory() {
    let mut proxy = Proxy::builder().section("[limits]\nhandshake_timeout = \"1s\"").start();
    let memory = proxy.memory();
    for (what, bytes) in garbage() {
        let before = proxy.metric("sealock_client_refusals_total", &[]);
        for _ in 0..5 {
            let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut greeting = [0; 4];
            stream.read_exact(&mut greeting).unwrap();
            let mut rest = vec![0; usize::from(greeting[0])];
            stream.read_exact(&mut rest).unwrap();
            let _ = stream.write_all(&bytes);
            let mut answer = Vec::new();
            if let Err(error) = stream.read_to_end(&mut answer) {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{what}: neither an error nor a close");
            }
            if let Some(error) = answer.get(4..).and_then(ServerError::parse) {
                assert!([1043, 1251].contains(&error.code), "{what}: {error:?}"); // 1251: of a client before 4.1
            }
        }
        eventually(what, || proxy.metric("sealock_client_refusals_total", &[]) >= before + 5.0);
        assert!(proxy.is_running(), "{what}");
    }
    assert!(proxy.memory() < memory + (32 << 20), "{} after {memory}", proxy.memory());
    RawClient::connect(&proxy.login()).expect("it still serves");
}

#[test]
fn a_client_that_says_nothing_is_cut_by_the_deadline() {
    let proxy = Proxy::builder().section("[limits]\nhandshake_timeout = \"200ms\"").start();
    let mut streams: Vec<TcpStream> =
        (0..3).map(|_| TcpStream::connect(("127.0.0.1", proxy.port())).unwrap()).collect();
    for stream in &mut streams {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut everything = Vec::new();
        stream.read_to_end(&mut everything).expect("an end, not a time-out of ours");
    }
}

#[test]
fn the_client_beyond_the_limit_hears_1040() {
    let proxy = Proxy::builder().section("[limits]\nmax_clients = 2").start();
    let first = RawClient::connect(&proxy.login()).expect("the first");
    let second = RawClient::connect(&proxy.tls_login()).expect("the second");
    let error = refusal(&proxy.login());
    assert_eq!(error.code, 1040, "{error:?}");
    assert_eq!(error.state, "08004", "{error:?}");
    drop(first);
    eventually("a place is free again", || RawClient::connect(&proxy.login()).is_ok());
    drop(second);
}

#[test]
fn the_limit_of_an_account_is_its_own() {
    let proxy = Proxy::builder()
        .account(&format!("user = \"other\"\npassword = \"{PASSWORD}\"\nmax_clients = 1"))
        .start();
    let other = Login::new(proxy.endpoint(), "other", PASSWORD);
    let first = RawClient::connect(&other).expect("the first");
    let error = refusal(&other);
    assert_eq!((error.code, error.state.as_str()), (1203, "42000"), "{error:?}");
    RawClient::connect(&proxy.login()).expect("another account is not concerned");
    drop(first);
    eventually("a place is free again", || RawClient::connect(&other).is_ok());
}

#[test]
fn a_server_that_is_down_is_told_as_a_lost_connection() {
    let (_nobody, address) = deserted();
    let proxy =
        Proxy::in_front_of(&address).section("[pool]\nacquire_timeout = \"1s\"").start_without_backend();
    assert_unavailable(&refusal(&proxy.login()));
    assert_unavailable(&refusal(&proxy.tls_login()));
    assert_unavailable(&refusal(&Login::new(proxy.endpoint(), "relayed", "x")));
    assert_eq!(proxy.page("/readyz").unwrap().0, 503);
    assert!(proxy.log().contains("refused"), "the cause is in the log");
}

#[test]
fn tls_that_fails_towards_the_server_never_falls_back_to_plaintext() {
    for mode in ["required", "verify-ca", "verify-full"] {
        let builder = Proxy::builder().backend_tls(&format!("mode = \"{mode}\""));
        let proxy = builder.section("[pool]\nacquire_timeout = \"1s\"").start_without_backend();
        assert_unavailable(&refusal(&proxy.login()));
        assert!(proxy.log().to_lowercase().contains("tls"), "{mode}: the cause is in the log");
    }
}

#[test]
fn a_client_that_gets_no_server_connection_by_the_deadline_hears_1047() {
    let proxy = Proxy::builder()
        .own_connections()
        .section("[pool]\nmax_connections = 1\nacquire_timeout = \"300ms\"")
        .start();
    let _first = RawClient::connect(&proxy.login()).expect("the first");
    assert_unavailable(&refusal(&proxy.login()));
    assert!(proxy.metric("sealock_pool_timeouts_total", &[]) >= 1.0);
}

#[test]
fn a_statement_whose_server_connection_is_killed_never_looks_complete() {
    for dialect in [0, DEPRECATE_EOF] {
        let proxy = Proxy::builder().start();
        let mut client = RawClient::connect(&proxy.login().capabilities(BASE | dialect)).unwrap();
        client.send(b"\x03SELECT seq, REPEAT('cut short', 1000) FROM mysql.seq_1_to_200000").unwrap();
        client.wire.sequence = 1;
        let _first = client.wire.read().unwrap();
        kill_statements_like("%cut short%");
        let mut last = Vec::new();
        while let Ok(packet) = client.wire.read() {
            last = packet.payload;
        }
        assert!(last[0] != 0xfe, "the end of a whole result");
    }
}

#[test]
fn a_waiting_statement_whose_server_connection_is_killed_ends_in_an_error() {
    let proxy = Proxy::builder().start();
    let mut client = RawClient::connect(&proxy.login()).unwrap();
    client.send(b"\x03SELECT SLEEP(60), 'waits to be cut'").unwrap();
    kill_statements_like("%waits to be cut%");
    let packets = client.receive("the end", Kind::Results, &[]).expect("an answer before the close");
    let error = ServerError::parse(&packets.last().unwrap().payload).expect("an error");
    assert_eq!((error.code, error.state.as_str()), (1927, "08S01"), "{error:?}");
}

/// Kills the connection at the server, as an administrator would, once the statement runs.
fn kill_statements_like(pattern: &str) {
    let mut admin = root();
    let find = format!(
        "SELECT COALESCE(MAX(id), 0) FROM information_schema.processlist WHERE info LIKE '{pattern}' AND id <> CONNECTION_ID()"
    );
    eventually("the statement runs", || admin.value(&find) != "0");
    let id = admin.value(&find);
    admin.query(&format!("KILL {id}"));
}

#[test]
fn a_refused_login_says_why_even_when_the_client_did_not_wait() {
    let proxy = Proxy::builder().start();
    let refused = RawClient::connect(&proxy.login().schema("no_such_schema"));
    assert!(matches!(refused, Err(Refusal::Error(_))));
}
