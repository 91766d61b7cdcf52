//! The end of the process: what it cuts, it also ends at the server.

use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::{Login, ServerError};
use crate::support::proxy::{Proxy, ProxyBuilder};
use crate::support::response::Kind;
use crate::support::server::{PASSWORD, root};

fn running(tag: &str) -> bool {
    let count =
        "SELECT COUNT(*) FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND info LIKE";
    root().value(&format!("{count} '%{tag}%'")) != "0"
}

fn with_deadline(deadline: &str) -> ProxyBuilder {
    Proxy::builder()
        .section(&format!("[shutdown]\ndrain_timeout = \"{deadline}\""))
        .section(&format!("[service]\nuser = \"other\"\npassword = \"{PASSWORD}\""))
}

/// A statement that runs under a configured account and one under a relayed account.
fn busy_clients(proxy: &Proxy, tag: &str) -> [RawClient; 2] {
    let relayed = Login::new(proxy.endpoint(), "edward", PASSWORD).plugin("client_ed25519");
    [proxy.login(), relayed].map(|login| {
        let mut client = RawClient::connect(&login).unwrap();
        let tag = format!("{tag} of {}", login.user);
        client.send(format!("\x03SELECT SLEEP(120), '{tag}'").as_bytes()).unwrap();
        eventually("it runs", || running(&tag));
        client
    })
}

/// Nothing, or an error; never the result.
fn assert_cut(client: &mut RawClient) {
    let seen = client.wire.rest();
    assert!(seen.is_empty() || ServerError::parse(&seen[4..]).is_some(), "{seen:02x?}");
}

#[test]
fn a_statement_that_the_deadline_cuts_is_killed_at_the_server() {
    let mut proxy = with_deadline("300ms").start();
    let mut clients = busy_clients(&proxy, "cut by the deadline");
    proxy.signal("TERM");
    assert_eq!(proxy.wait().code(), Some(0));
    clients.iter_mut().for_each(assert_cut);
    eventually("no statement is left running", || !running("cut by the deadline"));
}

#[test]
fn a_statement_that_a_second_signal_cuts_is_killed_at_the_server() {
    let mut proxy = with_deadline("10m").start();
    let mut clients = busy_clients(&proxy, "cut by a signal");
    proxy.signal("TERM");
    eventually("it drains", || proxy.page("/readyz").is_ok_and(|(status, _)| status == 503));
    proxy.signal("TERM");
    assert_eq!(proxy.wait().code(), Some(0));
    clients.iter_mut().for_each(assert_cut);
    eventually("no statement is left running", || !running("cut by a signal"));
}

#[test]
fn a_statement_that_ends_before_the_deadline_is_answered_in_full() {
    let mut proxy = with_deadline("60s").start();
    let mut client = RawClient::connect(&proxy.login()).unwrap();
    client.run("DO GET_LOCK('drain', 60)");
    let mut waiting = RawClient::connect(&proxy.login()).unwrap();
    waiting.run("BEGIN");
    waiting.send(b"\x03SELECT SLEEP(1), 'answered in full'").unwrap();
    eventually("it runs", || running("answered in full"));
    proxy.signal("TERM");
    assert!(waiting.receive("the end", Kind::Results, &[]).is_ok());
    waiting.run("COMMIT");
    assert_eq!(proxy.wait().code(), Some(0));
    assert_eq!(root().value("SELECT IS_FREE_LOCK('drain')"), "1", "what was held is let go");
}
