//! A connection opened for account X never serves Y without authenticating again; changed passwords, grants and TLS requirements
//! hold for pooled connections after a reload; limits per account count exactly.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Sharing;
use super::play::Play;
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::proxy::{Proxy, ProxyBuilder};
use crate::support::server::{PASSWORD, root};
use crate::support::tls::unverified;

#[test]
fn b29_accounts_never_meet_on_a_connection() {
    Play::new("b29").account("b29_y").account("b29_z").compare(|stage| {
        stage.a.run("CREATE TABLE t AS SELECT 'for all' AS w");
        let login = |user: &str| Login { user: user.to_owned(), ..stage.login().clone() };
        let (mut y, mut z) = (stage.session_as(&login("b29_y"), "y"), stage.session_as(&login("b29_z"), "z"));
        for round in 0..5 {
            for session in [&mut stage.a, &mut y, &mut z, &mut stage.b] {
                session
                    .say("SELECT CURRENT_USER(), SUBSTRING_INDEX(USER(), '@', 1), DATABASE(), @@time_zone");
                session.say(&format!("SET time_zone = '+0{round}:00'"));
                session.say("SHOW GRANTS");
            }
            stage.disturb();
        }
        y.say("SET @a = 'of y'");
        z.say("SELECT @a");
        stage.others(|other| drop(other.say("SELECT @a, CURRENT_USER()")));
    });
}

fn account(user: &str, password: &str, more: &str) -> String {
    format!("user = \"{user}\"\npassword = \"{password}\"\n{more}")
}

fn builder(account: &str) -> ProxyBuilder {
    Proxy::builder().account(account).section(&Sharing::chosen().pool()).section("[auth]\nrelay = false")
}

fn generation(proxy: &Proxy, number: f64) {
    proxy.signal("HUP");
    eventually("the reload is done", || proxy.metric("sealock_config_generation", &[]) >= number);
}

fn refused(login: &Login) -> u16 {
    RawClient::connect(login).err().expect("a refusal").error().code
}

#[test]
fn b29_a_changed_password_holds_for_pooled_connections() {
    let mut root = root();
    root.run(&format!("CREATE OR REPLACE USER b29_password IDENTIFIED BY '{PASSWORD}'"));
    let proxy = builder(&account("b29_password", PASSWORD, "")).start();
    let login = Login::new(proxy.endpoint(), "b29_password", PASSWORD);
    let mut stays = RawClient::connect(&login).unwrap();
    assert_eq!(stays.value("SELECT 'before'"), "before");
    root.run("ALTER USER b29_password IDENTIFIED BY 'another'");
    proxy.configure(&builder(&account("b29_password", "another", "")));
    generation(&proxy, 2.0);
    assert_eq!(refused(&login), 1045, "the old password");
    let mut fresh = RawClient::connect(&Login { password: "another".to_owned(), ..login }).unwrap();
    assert_eq!(fresh.value("SELECT 'after'"), "after");
    assert_eq!(stays.value("SELECT 'who is in stays in'"), "who is in stays in");
    // Now the proxy knows a password that the server does not take any more: new connections are refused, idle ones no loophole.
    root.run("ALTER USER b29_password IDENTIFIED BY 'a third'");
    generation(&proxy, 3.0);
    drop((fresh, stays));
    let stale = Login::new(proxy.endpoint(), "b29_password", "another");
    let served =
        RawClient::connect(&stale).ok().and_then(|mut client| client.try_query("SELECT 'served'").ok());
    let served = served.is_some_and(|packets| super::session::error_in(&packets).is_none());
    assert!(!served, "nobody is served by a connection that could not be opened any more");
}

#[test]
fn b29_changed_grants_hold_at_once() {
    let play = Play::new("b29_grants").granted(&["ALL ON b29_grants.*"]);
    play.act_through_the_proxy(|stage| {
        let mut root = stage.root();
        root.run("CREATE OR REPLACE DATABASE b29_table; CREATE TABLE b29_table.t AS SELECT 1 AS a");
        let read = "SELECT a FROM b29_table.t";
        for _ in 0..3 {
            assert_eq!(stage.a.fails(read).code, 1142);
            root.run("GRANT SELECT ON b29_table.t TO b29_grants");
            stage.disturb();
            stage.a.say(read);
            stage.others(|other| drop(other.say(read)));
            root.run("REVOKE SELECT ON b29_table.t FROM b29_grants");
            stage.disturb();
            assert_eq!(stage.a.fails(read).code, 1142);
            stage.others(|other| drop(other.fails(read)));
        }
    });
}

/// The requirement is on the way from client to proxy: who came in without TLS stays out after the reload.
#[test]
fn b29_a_tls_requirement_holds_for_who_comes_after_the_reload() {
    root().run(&format!("CREATE OR REPLACE USER b29_tls IDENTIFIED BY '{PASSWORD}'"));
    let proxy = builder(&account("b29_tls", PASSWORD, "")).start();
    let plain = Login::new(proxy.endpoint(), "b29_tls", PASSWORD);
    let secured = plain.clone().tls(&unverified(), "localhost");
    let mut client = RawClient::connect(&plain).unwrap();
    client.run("DO 1");
    drop(client);
    proxy.configure(&builder(&account("b29_tls", PASSWORD, "")).tls("mode = \"required\""));
    generation(&proxy, 2.0);
    assert!(RawClient::connect(&plain).is_err(), "plaintext after the reload");
    assert_eq!(RawClient::connect(&secured).unwrap().value("SELECT 'secured'"), "secured");
}

#[test]
fn b29_limits_of_accounts_count_exactly() {
    let mut root = root();
    for user in ["b29_limit", "b29_free"] {
        root.run(&format!("CREATE OR REPLACE USER {user} IDENTIFIED BY '{PASSWORD}'"));
    }
    let proxy = builder(&account("b29_limit", PASSWORD, "max_clients = 5"))
        .account(&account("b29_free", PASSWORD, ""))
        .start();
    let login = Login::new(proxy.endpoint(), "b29_limit", PASSWORD);
    for round in 0..10 {
        let (in_now, refusals) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let clients: Vec<_> = thread::scope(|scope| {
            let come = || {
                let client = RawClient::connect(&login);
                match &client {
                    Ok(_) => in_now.fetch_add(1, Ordering::SeqCst),
                    Err(_) => refusals.fetch_add(1, Ordering::SeqCst),
                };
                client.ok()
            };
            let threads: Vec<_> = (0..9).map(|_| scope.spawn(come)).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!((in_now.into_inner(), refusals.into_inner()), (5, 4), "round {round}");
        assert_eq!(refused(&login), 1203);
        let mut other = RawClient::connect(&Login { user: "b29_free".to_owned(), ..login.clone() }).unwrap();
        assert_eq!(other.value("SELECT 'not concerned'"), "not concerned");
        for mut client in clients {
            assert_eq!(client.value("SELECT 'served'"), "served");
            if round % 2 == 0 {
                client.send(b"\x01").unwrap();
            }
        }
        eventually("the places are free", || proxy.metric("sealock_clients", &[]) <= 1.0);
        drop(other);
        eventually("all have left", || proxy.metric("sealock_clients", &[]) < 1.0);
    }
    let connections = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'b29_limit'";
    assert!(root.value(connections).parse::<usize>().unwrap() <= Sharing::chosen().connections().min(5));
}
