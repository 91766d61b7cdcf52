//! What a reload may change, what it may not, and that what changed holds at once.

use std::fs;

use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::proxy::Proxy;
use crate::support::server::{PASSWORD, USER, root};

fn reloads(proxy: &Proxy, outcome: &str) -> f64 {
    proxy.metric("sealock_config_reloads_total", &[outcome])
}

fn reload(proxy: &Proxy) {
    let before = reloads(proxy, "applied");
    proxy.signal("HUP");
    eventually("the reload is applied", || reloads(proxy, "applied") > before);
}

#[test]
fn what_is_fixed_when_the_process_starts_refuses_the_reload_that_changes_it() {
    let proxy = Proxy::builder().start();
    let file = proxy.path("sealock.toml");
    let original = fs::read_to_string(&file).unwrap();
    let changes = [
        ("clients.sock", "elsewhere.sock", "listener.bind"),
        ("127.0.0.1:0", "127.0.0.2:0", "listener.bind"),
        ("[[listener]]\n", "[[listener]]\nunix_mode = \"0666\"\n", "listener.bind"),
        ("admin.sock", "other.sock", "admin.http"),
        ("level = \"debug\"", "level = \"trace\"", "log"),
        ("[admin]", "[runtime]\nworker_threads = 1\n[admin]", "runtime"),
    ];
    for (number, (old, new, named)) in changes.into_iter().enumerate() {
        // With a change that is allowed: all or nothing.
        let changed = original.replacen(old, new, 1).replacen(PASSWORD, "not in force", 1);
        assert_ne!(changed, original);
        fs::write(&file, changed).unwrap();
        proxy.signal("HUP");
        eventually("the refusal is counted", || reloads(&proxy, "refused") > number as f64);
        let log = proxy.log();
        let line = log.lines().rfind(|line| line.contains("reload refused")).expect("a line about it");
        assert!(line.contains(named) && line.contains("restart"), "{named} in: {line}");
        assert_eq!(proxy.metric("sealock_config_generation", &[]), 1.0);
        RawClient::connect(&proxy.login()).expect("the old password is in force");
        RawClient::connect(&Login::new(proxy.socket(), USER, PASSWORD)).expect("the old socket is there");
    }
    fs::write(&file, original).unwrap();
    reload(&proxy);
}

#[test]
fn a_changed_password_holds_for_connections_that_are_pooled() {
    root().run("CREATE OR REPLACE USER rotating IDENTIFIED BY 'first'; GRANT SELECT ON *.* TO rotating");
    for relay in [true, false] {
        root().run("ALTER USER rotating IDENTIFIED BY 'first'");
        let with = |password: &str| {
            let account = format!("user = \"rotating\"\npassword = \"{password}\"");
            Proxy::builder().account(&account).section(&format!("[auth]\nrelay = {relay}"))
        };
        let proxy = with("first").start();
        let login = |password: &str| RawClient::connect(&Login::new(proxy.endpoint(), "rotating", password));
        login("first").expect("the first password").send(b"\x01").unwrap();
        eventually("its connection is pooled", || {
            proxy.metric("sealock_backend_connections", &["idle"]) >= 1.0
        });
        root().run("ALTER USER rotating IDENTIFIED BY 'second'");
        proxy.configure(&with("second"));
        reload(&proxy);
        assert_eq!(login("first").err().expect("a refusal").error().code, 1045, "relay: {relay}");
        assert_eq!(login("second").expect("the second password").value("SELECT 'in'"), "in");
        assert_eq!(login("first").err().expect("a refusal").error().code, 1045, "relay: {relay}");
    }
}

#[test]
fn an_account_that_was_taken_out_does_not_get_a_pooled_connection() {
    root()
        .run("CREATE OR REPLACE USER removed IDENTIFIED BY 'at the server'; GRANT SELECT ON *.* TO removed");
    let account = "user = \"removed\"\npassword = \"here\"\nbackend_user = \"removed\"\nbackend_password = \"at the server\"";
    let proxy = Proxy::builder().account(account).start();
    let login = |password: &str| RawClient::connect(&Login::new(proxy.endpoint(), "removed", password));
    login("here").expect("as configured").send(b"\x01").unwrap();
    eventually("its connection is pooled", || proxy.metric("sealock_backend_connections", &["idle"]) >= 1.0);
    proxy.configure(&Proxy::builder());
    reload(&proxy);
    assert_eq!(login("here").err().expect("a refusal").error().code, 1045);
    login("at the server").expect("the server lets it in now, by relay");
}

#[test]
fn plaintext_is_refused_from_the_reload_on_that_requires_tls() {
    let proxy = Proxy::builder().start();
    let mut staying = RawClient::connect(&proxy.login()).unwrap();
    proxy.configure(&Proxy::builder().tls("mode = \"required\""));
    reload(&proxy);
    assert_eq!(RawClient::connect(&proxy.login()).err().expect("a refusal").error().code, 3159);
    RawClient::connect(&proxy.tls_login()).expect("TLS is let in");
    assert_eq!(staying.value("SELECT 'as it began'"), "as it began");
}
