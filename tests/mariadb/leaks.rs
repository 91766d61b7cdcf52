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
    let several = login(&proxy, "xa_user").schema("xa_user");
    let mut client = RawClient::connect(&several).unwrap();
    client.query(
        "XA START 'kept'; INSERT INTO t VALUES (1); XA END 'kept'; XA PREPARE 'kept'; SELECT nonsense",
    );
    client.send(b"\x01").unwrap();
    eventually("the connection is closed, not kept", || {
        proxy.metric("sealock_backend_closes_total", &["reason=\"in_transaction\""]) >= 1.0
    });
    let mut admin = root();
    eventually("the transaction can be committed elsewhere", || {
        admin.query("XA COMMIT 'kept'");
        admin.value("SELECT COUNT(*) FROM xa_user.t") == "1"
    });
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
    for _ in 0..3 {
        let spaced = login(&proxy, "spaced").capabilities(BASE | IGNORE_SPACE);
        let mut client = RawClient::connect(&spaced).unwrap();
        assert_eq!(client.value("SELECT COUNT (*) FROM DUAL"), "1");
        client.send(b"\x01").unwrap();
        let before = proxy.metric("sealock_backend_connections", &["state=\"idle\""]);
        assert!(before < 1.0, "such a connection is not kept");
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
