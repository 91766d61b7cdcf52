//! Accounts that nobody configured share connections, and what changes in them holds soon.

use super::estate::{Channel, Estate, PASSWORD, accounts, ready, rung};
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::proxy::Proxy;

const QUICK: &str = "[auth]\nrefresh = \"100ms\"";

fn estate() -> Estate {
    Estate::new(&[
        format!("CREATE USER nova@'%' IDENTIFIED BY '{PASSWORD}'"),
        "CREATE DATABASE shop".to_owned(),
        "CREATE TABLE shop.t (a INT)".to_owned(),
        "GRANT SELECT ON shop.* TO nova@'%'".to_owned(),
    ])
}

fn login(proxy: &Proxy, password: &str) -> Login {
    Login::new(proxy.endpoint(), "nova", password)
}

#[test]
fn accounts_of_the_servers_table_share_connections_without_any_configuration() {
    let estate = estate();
    let proxy = ready(&estate.proxy().section("[pool]\nmax_connections = 2"));
    let mut clients: Vec<RawClient> =
        (0..12).map(|_| RawClient::connect(&login(&proxy, PASSWORD)).unwrap()).collect();
    for _ in 0..3 {
        for client in &mut clients {
            assert_eq!(client.value("SELECT COUNT(*) FROM shop.t"), "0");
        }
    }
    let there = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'nova'";
    assert!(estate.root().value(there).parse::<u8>().unwrap() <= 2);
    assert!(proxy.metric("sealock_client_logins_total", &["rung=\"recovered\""]) >= 12.0);
    assert!(proxy.metric("sealock_account_rungs", &["rung=\"recovered\""]) >= 1.0);
    let (_, pools) = proxy.page("/api/v1/pools").unwrap();
    assert!(pools.contains("\"mode\":\"multiplex\""), "{pools}");
    assert!(!proxy.log().contains(PASSWORD));
}

#[test]
fn a_new_password_works_at_once_and_the_old_one_no_longer_than_the_table_is_old() {
    let estate = estate();
    let proxy = ready(&estate.proxy().section(QUICK));
    let mut before = RawClient::connect(&login(&proxy, PASSWORD)).unwrap();
    assert_eq!(before.value("SELECT 1"), "1");
    estate.root().run("ALTER USER nova@'%' IDENTIFIED BY 'another'");
    assert!(RawClient::connect(&login(&proxy, "another")).is_ok(), "the server is asked");
    eventually("the old password is refused", || RawClient::connect(&login(&proxy, PASSWORD)).is_err());
    let recovered = || proxy.metric("sealock_client_logins_total", &["rung=\"recovered\""]);
    let until_now = recovered();
    let mut after = RawClient::connect(&login(&proxy, "another")).unwrap();
    assert_eq!(after.value("SELECT COUNT(*) FROM shop.t"), "0");
    assert!(recovered() > until_now);
    assert_eq!(before.value("SELECT 2"), "2", "who is there stays, as directly");
}

#[test]
fn locks_and_rights_hold_for_logins_that_come_after_the_next_reading() {
    let estate = estate();
    let proxy = ready(&estate.proxy().section(QUICK));
    let mut before = RawClient::connect(&login(&proxy, PASSWORD)).unwrap();
    assert_eq!(before.error("SELECT * FROM mysql.global_priv").code, 1142);
    estate.root().run("GRANT SELECT ON *.* TO nova@'%'");
    eventually("a new session may", || {
        let mut client = RawClient::connect(&login(&proxy, PASSWORD)).unwrap();
        let packets = client.query("SELECT COUNT(*) FROM mysql.global_priv");
        packets[0].payload[0] != 0xff
    });
    estate.root().run("ALTER USER nova@'%' ACCOUNT LOCK");
    eventually("nobody comes in", || {
        let verdict = estate.verdict(proxy.port(), 1, "nova", PASSWORD, Channel::Plain);
        verdict.is_err_and(|error| error.code == 4151)
    });
    assert_eq!(rung(&proxy, "nova", "%"), ("relay".to_owned(), "locked".to_owned()));
}

#[test]
fn an_account_that_was_made_a_moment_ago_comes_in_although_the_table_is_old() {
    let estate = estate();
    let proxy = ready(&estate.proxy().section("[auth]\nrefresh = \"1h\""));
    estate.root().run(&format!("CREATE USER fresh@'%' IDENTIFIED BY '{PASSWORD}'"));
    let through = |user| estate.verdict(proxy.port(), 1, user, PASSWORD, Channel::Plain);
    assert_eq!(through("fresh"), Ok("fresh@%".to_owned()), "relayed");
    estate.root().run(&format!("CREATE USER late@'127.0.0.9' IDENTIFIED BY '{PASSWORD}'"));
    assert_eq!(through("late").map_err(|error| error.code), Err(1045), "relayed, and refused by the server");
}

#[test]
fn a_service_login_that_may_not_read_the_table_is_told_what_to_grant() {
    let estate = estate();
    estate.root().run("REVOKE SELECT ON mysql.global_priv FROM sealock@'%'");
    let proxy = estate.proxy().start();
    eventually("it is told", || {
        accounts(&proxy)["unread"][0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("GRANT SELECT ON mysql.global_priv"))
    });
    let through = estate.verdict(proxy.port(), 1, "nova", PASSWORD, Channel::Plain);
    assert_eq!(through, Ok("nova@%".to_owned()), "relayed");
    assert_eq!(proxy.metric("sealock_client_logins_total", &["rung=\"recovered\""]), 0.0);
    assert!(proxy.log().contains("GRANT SELECT ON mysql.global_priv"));
}

#[test]
fn another_user_on_a_live_connection_is_recovered_too() {
    let estate = estate();
    estate.root().run(&format!("CREATE USER glance@'%' IDENTIFIED BY '{PASSWORD}'"));
    let proxy = ready(&estate.proxy());
    let mut client = RawClient::connect(&login(&proxy, PASSWORD)).unwrap();
    client.change_user("glance", PASSWORD, "").unwrap();
    assert_eq!(client.value("SELECT CURRENT_USER()"), "glance@%");
    assert_eq!(proxy.metric("sealock_client_logins_total", &["rung=\"recovered\""]), 2.0);
    assert!(client.change_user("glance", "wrong", "").unwrap().payload[0] == 0xff);
}
