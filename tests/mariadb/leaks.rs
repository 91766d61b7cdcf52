//! Ways in which something of one session, or of the server's own state, once got to where it must not be.

use crate::support::capabilities::{BASE, IGNORE_SPACE, LOCAL_FILES};
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::{Login, ServerError};
use crate::support::proxy::Proxy;
use crate::support::response::Kind;
use crate::support::server::{PASSWORD, root};

/// Makes an account that may do nothing but use one schema of its own, and the configuration lines for it.
fn account(user: &str) -> String {
    root().run(&format!(
        "CREATE OR REPLACE DATABASE {user}; CREATE OR REPLACE USER {user} IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON {user}.* TO {user}"
    ));
    format!("user = \"{user}\"\npassword = \"{PASSWORD}\"")
}

fn login(proxy: &Proxy, user: &str) -> Login {
    Login::new(proxy.endpoint(), user, PASSWORD)
}

/// COM_BINLOG_DUMP from the start of a file that does not exist.
const DUMP: &[u8] = b"\x12\x04\x00\x00\x00\x00\x00\x63\x00\x00\x00bin.000001";

#[test]
fn a_refused_binlog_dump_opens_no_way_around_the_proxy() {
    let proxy = Proxy::builder().account(&account("dumper")).start();
    let mut client = RawClient::connect(&login(&proxy, "dumper")).unwrap();
    let own = client.value("SELECT CONNECTION_ID()");
    let answer = client.ask("binlog dump", DUMP, Kind::One);
    assert_eq!(ServerError::parse(&answer[0].payload).expect("a refusal").code, 1227);
    // Commands are looked at as before: the id is the client's, and logging in again goes through the proxy.
    assert_eq!(client.value("SELECT CONNECTION_ID()"), own);
    assert_eq!(client.change_user("dumper", PASSWORD, "").unwrap().payload[0], 0x00);
    assert_eq!(client.value("SELECT CONNECTION_ID()"), own);
}

#[test]
fn a_prepared_xa_transaction_survives_a_session_whose_last_statement_failed() {
    let proxy = Proxy::builder().account(&account("xa_user")).start();
    root().run("CREATE TABLE xa_user.t (a INT)");
    // Commands whose answers have no status flags make nothing certain again.
    let afterwards: [fn(&mut RawClient); 3] = [
        |_| {},
        |client| client.close_statement(1),
        |client| drop(client.ask("statistics", b"\x09", Kind::One)),
    ];
    for (number, afterwards) in (1..).zip(afterwards) {
        let mut client = RawClient::connect(&login(&proxy, "xa_user").schema("xa_user")).unwrap();
        client.query(&format!(
            "XA START 'x{number}'; INSERT INTO t VALUES ({number}); XA END 'x{number}'; XA PREPARE 'x{number}'; SELECT nonsense"
        ));
        // Alone, so that the answer is an error and nothing else.
        client.query("SELECT nonsense");
        afterwards(&mut client);
        client.send(b"\x01").unwrap();
        eventually("the connection is closed, not kept", || {
            proxy.metric("sealock_backend_closes_total", &["reason=\"in_transaction\""]) >= f64::from(number)
        });
        let mut admin = root();
        eventually("the transaction can be committed elsewhere", || {
            admin.query(&format!("XA COMMIT 'x{number}'"));
            admin.value("SELECT COUNT(*) FROM xa_user.t") == number.to_string()
        });
    }
}

/// A procedure hides the start of a transaction and fails: the answer is one error, without any flags.
#[test]
fn a_transaction_that_a_failed_procedure_left_open_is_not_carried_into_the_pool() {
    let proxy = Proxy::builder().account(&account("hider")).start();
    root().run("CREATE TABLE hider.t (a INT) ENGINE = InnoDB");
    root().run("CREATE PROCEDURE hider.p() BEGIN START TRANSACTION; INSERT INTO hider.t VALUES (1); SELECT * FROM hider.nowhere; END");
    let mut client = RawClient::connect(&login(&proxy, "hider").schema("hider")).unwrap();
    client.error("CALL p()");
    client.close_statement(1);
    client.send(b"\x01").unwrap();
    eventually("the connection is closed, not kept", || {
        proxy.metric("sealock_backend_closes_total", &["reason=\"in_transaction\""]) >= 1.0
    });
    assert_eq!(root().value("SELECT COUNT(*) FROM hider.t"), "0");
}

#[test]
fn logging_in_again_needs_no_second_connection() {
    let proxy = Proxy::builder().account(&account("swapper")).section("[pool]\nmax_connections = 1").start();
    let mut client = RawClient::connect(&login(&proxy, "swapper")).unwrap();
    for _ in 0..5 {
        assert_eq!(client.change_user("swapper", PASSWORD, "swapper").unwrap().payload[0], 0x00);
        assert_eq!(client.value("SELECT DATABASE()"), "swapper");
    }
}

#[test]
fn what_only_a_handshake_sets_is_there_for_every_client() {
    let proxy = Proxy::builder().account(&account("spaced")).start();
    for client_number in 1..=3 {
        let spaced = login(&proxy, "spaced").capabilities(BASE | IGNORE_SPACE);
        let mut client = RawClient::connect(&spaced).unwrap();
        assert_eq!(client.value("SELECT COUNT (*) FROM DUAL"), "1");
        client.send(b"\x01").unwrap();
        eventually("its connection is not kept", || {
            let closed = proxy.metric("sealock_backend_closes_total", &["reason=\"handshake_only\""]);
            closed >= f64::from(client_number)
        });
    }
}

#[test]
fn a_piece_of_a_file_may_be_as_large_as_a_packet() {
    let proxy = Proxy::builder().account(&account("loader")).start();
    root().run("CREATE TABLE loader.t (a LONGTEXT)");
    let loader = login(&proxy, "loader").schema("loader").capabilities(BASE | LOCAL_FILES);
    let mut client = RawClient::connect(&loader).unwrap();
    let piece = vec![b'x'; (1 << 24) - 1];
    client.load("LOAD DATA LOCAL INFILE 'x' INTO TABLE t", &[piece]).unwrap();
    assert_eq!(client.value("SELECT LENGTH(a) FROM t"), "16777215");
}
