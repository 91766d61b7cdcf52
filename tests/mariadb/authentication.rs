//! Every way of proving who one is, with every account, over every transport.

use std::process::Command;

use sealock::app::scratch::{Options, ScratchServer};

use crate::support::capabilities::{BASE, DEPRECATE_EOF, SESSION_TRACK};
use crate::support::client::RawClient;
use crate::support::login::Login;
use crate::support::proxy::Proxy;
use crate::support::server::{PASSWORD, USER, direct, root};
use crate::support::tls::{unverified, unverified_with};
use crate::support::wire::Endpoint;

const PLUGINS: [&str; 3] = ["mysql_native_password", "client_ed25519", "caching_sha2_password"];

fn transports(proxy: &Proxy, user: &str, password: &str) -> Vec<(&'static str, Login)> {
    vec![
        ("plaintext", Login::new(proxy.endpoint(), user, password)),
        (
            "TLS 1.2",
            Login::new(proxy.endpoint(), user, password)
                .tls(&unverified_with(&[&rustls::version::TLS12]), "localhost"),
        ),
        (
            "TLS 1.3",
            Login::new(proxy.endpoint(), user, password)
                .tls(&unverified_with(&[&rustls::version::TLS13]), "localhost"),
        ),
        ("unix socket", Login::new(proxy.socket(), user, password)),
    ]
}

/// Loops over transports, first plugins and dialects; each has to come in as `expected`, and with a wrong password not at all.
fn assert_login_everywhere(proxy: &Proxy, user: &str, plugins: &[&'static str], expected: &str) {
    for (transport, login) in transports(proxy, user, PASSWORD) {
        for plugin in plugins {
            for dialect in [0, DEPRECATE_EOF | SESSION_TRACK] {
                let login = login.clone().plugin(plugin).capabilities(BASE | dialect);
                let case = format!("{user} by {transport}, {plugin}, {dialect:#x}");
                let mut client =
                    RawClient::connect(&login).unwrap_or_else(|refusal| panic!("{case}: {refusal:?}"));
                assert_eq!(client.value("SELECT CURRENT_USER()"), expected, "{case}");
                let wrong = Login { password: "wrong".to_owned(), ..login };
                let error = RawClient::connect(&wrong)
                    .err()
                    .unwrap_or_else(|| panic!("{case}: any password will do"))
                    .error();
                assert_eq!((error.code, error.state.as_str()), (1045, "28000"), "{case}: {error:?}");
            }
        }
    }
}

#[test]
fn a_configured_password_serves_every_plugin() {
    for plugin in PLUGINS {
        let account = format!("user = \"other\"\npassword = \"{PASSWORD}\"\nplugin = \"{plugin}\"");
        let proxy = Proxy::builder().account(&account).start();
        assert_login_everywhere(&proxy, "other", &PLUGINS, "other@%");
    }
}

#[test]
fn each_default_plugin_greets_so() {
    for plugin in PLUGINS {
        let proxy = Proxy::builder().section(&format!("[auth]\ndefault_plugin = \"{plugin}\"")).start();
        let client = RawClient::connect(&proxy.login()).unwrap();
        // The others do not work with a greeting's salt, or must not be answered before TLS: they are asked for later.
        let greeted = if plugin == "caching_sha2_password" { plugin } else { "mysql_native_password" };
        assert_eq!(client.greeting.plugin, greeted);
        assert_login_everywhere(&proxy, USER, &PLUGINS, "app@%");
    }
}

#[test]
fn a_hash_is_enough_for_an_account_with_a_native_password() {
    let hash = root().value(&format!("SELECT PASSWORD('{PASSWORD}')"));
    let proxy = Proxy::builder().account(&format!("user = \"other\"\npassword_hash = \"{hash}\"")).start();
    assert_login_everywhere(&proxy, "other", &PLUGINS, "other@%");
}

#[test]
fn the_login_at_the_server_may_be_another() {
    let account = format!(
        "user = \"front\"\npassword = \"{PASSWORD}\"\nbackend_user = \"edward\"\nbackend_password = \"{PASSWORD}\""
    );
    let proxy = Proxy::builder().account(&account).start();
    assert_login_everywhere(&proxy, "front", &PLUGINS, "edward@%");
}

#[test]
fn logins_without_an_account_are_relayed() {
    let proxy = Proxy::builder().without_accounts().start();
    assert_login_everywhere(&proxy, USER, &PLUGINS, "app@%");
    assert_login_everywhere(&proxy, "edward", &PLUGINS, "edward@%");
    assert!(proxy.metric("sealock_client_logins_total", &["relay"]) > 0.0);
}

#[test]
fn an_empty_password_is_a_password() {
    let proxy = Proxy::builder().start();
    for (transport, login) in transports(&proxy, "nobody", "") {
        let mut client =
            RawClient::connect(&login).unwrap_or_else(|refusal| panic!("{transport}: {refusal:?}"));
        assert_eq!(client.value("SELECT CURRENT_USER()"), "nobody@%");
    }
    let configured = Proxy::builder().account("user = \"nobody\"\npassword = \"\"").start();
    let mut client = RawClient::connect(&Login::new(configured.endpoint(), "nobody", "")).unwrap();
    assert_eq!(client.value("SELECT CURRENT_USER()"), "nobody@%");
}

#[test]
fn a_unix_socket_account_cannot_be_relayed_and_is_refused_as_the_server_does() {
    root().run("CREATE OR REPLACE USER daemon@'%' IDENTIFIED VIA unix_socket");
    let proxy = Proxy::builder().without_accounts().start();
    let expected = RawClient::connect(&Login::new(direct(), "daemon", "x")).err().expect("a refusal").error();
    for login in [Login::new(proxy.endpoint(), "daemon", "x"), Login::new(proxy.socket(), "daemon", "x")] {
        let found = RawClient::connect(&login).err().expect("a refusal").error();
        assert_eq!((found.code, found.state), (expected.code, expected.state.clone()));
    }
}

#[test]
fn nobody_comes_in_as_the_proxys_own_user_of_the_operating_system() {
    let me = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let me = me.trim();
    let options = Options {
        statements: vec![
            format!("CREATE OR REPLACE USER {me}@localhost IDENTIFIED VIA unix_socket"),
            "CREATE USER both@localhost IDENTIFIED VIA mysql_native_password USING PASSWORD('x') OR unix_socket".to_owned(),
        ],
        ..Options::default()
    };
    let server = ScratchServer::start(&options, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
    let direct = Login::new(Endpoint::Unix(server.socket()), me, "");
    RawClient::connect(&direct).expect("directly, the operating system vouches for its user");
    let backend = format!("unix:{}", server.socket().display());
    let proxy = Proxy::builder().backend(&backend).without_accounts().start();
    for plugin in PLUGINS {
        for endpoint in [proxy.endpoint(), proxy.socket()] {
            for password in ["", "x"] {
                let login = Login::new(endpoint.clone(), me, password).plugin(plugin);
                assert!(RawClient::connect(&login).is_err(), "{plugin}: a client became {me}");
            }
        }
    }
}

#[test]
fn a_cleartext_password_is_taken_inside_tls_only() {
    let account = format!("user = \"other\"\npassword = \"{PASSWORD}\"\nplugin = \"mysql_clear_password\"");
    let proxy = Proxy::builder().account(&account).start();
    let login = Login::new(proxy.endpoint(), "other", PASSWORD).plugin("mysql_clear_password");
    let mut client = RawClient::connect(&login.clone().tls(&unverified(), "localhost")).expect("inside TLS");
    assert_eq!(client.value("SELECT CURRENT_USER()"), "other@%");
    let (_, _, packets) = login.perform().expect("in plaintext by another plugin");
    let switched = packets
        .iter()
        .any(|packet| packet.payload[0] == 0xfe && !packet.payload.starts_with(b"\xfemysql_clear"));
    let asked = packets.iter().any(|packet| packet.payload.starts_with(b"\xfemysql_clear_password"));
    assert!(switched && !asked, "{packets:?}");
}

#[test]
fn each_connection_has_a_salt_of_its_own() {
    let proxy = Proxy::builder().start();
    let mut salts: Vec<Vec<u8>> =
        (0..8).map(|_| RawClient::connect(&proxy.login()).unwrap().greeting.salt).collect();
    salts.sort();
    salts.dedup();
    assert_eq!(salts.len(), 8);
    assert!(salts.iter().flatten().all(|&byte| byte != 0 && byte < 128));
}

#[test]
fn the_greeting_is_that_of_the_server() {
    let proxy = Proxy::builder().start();
    let here = RawClient::connect(&Login::new(direct(), USER, PASSWORD)).unwrap().greeting;
    let there = RawClient::connect(&proxy.login()).unwrap().greeting;
    assert_eq!(here.version, there.version);
    let missing = here.capabilities & !there.capabilities;
    let not_offered = 0x1 << 32; // progress reports
    assert_eq!(missing & !not_offered, 0, "the server offers {missing:#x} besides");
}
