//! Who connects how is counted exactly, over restarts too.

use std::process::{Command, Output};

use crate::support::capabilities::{BASE, DEPRECATE_EOF, SESSION_TRACK};
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::Login;
use crate::support::proxy::Proxy;
use crate::support::server::{PASSWORD, USER};
use crate::support::tls::{unverified, unverified_with};

fn login(proxy: &Proxy, user: &str, program: &str) -> Login {
    let mut login =
        Login::new(proxy.endpoint(), user, PASSWORD).capabilities(BASE | DEPRECATE_EOF | SESSION_TRACK);
    let attributes = [("_client_name", "pymysql"), ("_client_version", "1.1.0"), ("program_name", program)];
    login.attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    login
}

fn come(login: &Login, times: usize) {
    for _ in 0..times {
        RawClient::connect(login).unwrap().send(b"\x01").unwrap();
    }
}

fn adoption(proxy: &Proxy) -> serde_json::Value {
    serde_json::from_str(&proxy.page("/api/v1/adoption").unwrap().1).unwrap()
}

fn sealock_adoption(proxy: &Proxy, format: &str) -> Output {
    let admin = format!("unix:{}", proxy.path("admin.sock").display());
    let words = ["adoption", "--format", format, "--admin", &admin];
    Command::new(env!("CARGO_BIN_EXE_sealock")).args(words).output().unwrap()
}

#[test]
fn every_completed_login_is_counted_where_it_belongs_and_no_other() {
    let proxy = Proxy::builder().start();
    let tls = |user: &str, program: &str| login(&proxy, user, program).tls(&unverified(), "localhost");
    come(&login(&proxy, USER, "api"), 3);
    come(&tls(USER, "api"), 2);
    come(&login(&proxy, USER, "api").tls(&unverified_with(&[&rustls::version::TLS12]), "localhost"), 1);
    come(&tls(USER, "worker"), 4);
    come(&tls("other", "worker"), 1); // relayed
    come(&Login::new(proxy.socket(), USER, PASSWORD), 2);
    let wrong = Login { password: "wrong".to_owned(), ..login(&proxy, USER, "intruder") };
    assert!(RawClient::connect(&wrong).is_err());

    let report = adoption(&proxy);
    let entry = |account: &str, program: &str| {
        let entries = report["entries"].as_array().unwrap().iter();
        let mut found = entries.filter(|entry| entry["account"] == account && entry["program"] == program);
        let one = found.next().unwrap_or_else(|| panic!("{account} {program} in {report}")).clone();
        assert!(found.next().is_none(), "{report}");
        one
    };
    let api = entry(USER, "api");
    assert_eq!(
        (&api["plaintext"], &api["unix"], &api["network"]),
        (&3.into(), &0.into(), &"127.0.0.0/24".into())
    );
    assert_eq!((&api["library"], &api["listener"]), (&"pymysql 1.1.0".into(), &"listener[0]".into()));
    let agreed: Vec<(&str, u64)> = api["tls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|used| (used["version"].as_str().unwrap(), used["connections"].as_u64().unwrap()))
        .collect();
    assert_eq!(agreed, [("TLSv1.3", 2), ("TLSv1.2", 1)]);
    assert_eq!(entry(USER, "worker")["tls"][0]["group"], "X25519MLKEM768");
    assert_eq!((&entry(USER, "")["unix"], &entry(USER, "")["network"]), (&2.into(), &"unix".into()));
    assert_eq!(entry("other", "worker")["tls"][0]["connections"], 1);
    assert_eq!(report["entries"].as_array().unwrap().len(), 4, "{report}");
    let account = &report["accounts"][0];
    assert_eq!(
        (&account["account"], &account["tls"], &account["plaintext"], &account["ready"]),
        (&USER.into(), &7.into(), &3.into(), &false.into())
    );
}

#[test]
fn counts_go_on_after_a_stop_and_after_a_crash() {
    let state = tempfile::tempdir().unwrap();
    let section =
        format!("[migration]\nstate_directory = \"{}\"\nquiet_period = \"1s\"", state.path().display());
    let builder = Proxy::builder().section(&section);
    let plaintext = |proxy: &Proxy| adoption(proxy)["accounts"][0]["plaintext"].as_u64();

    let mut stopped = builder.start();
    come(&login(&stopped, USER, "api"), 2);
    stopped.signal("TERM");
    assert!(stopped.wait().success());

    let crashed = builder.start();
    assert_eq!(plaintext(&crashed), Some(2));
    come(&login(&crashed, USER, "api"), 3);
    let file = state.path().join("ledger.json");
    eventually("it is kept", || std::fs::read_to_string(&file).unwrap().contains("\"plaintext\":5"));
    drop(crashed); // killed

    let last = builder.start();
    assert_eq!(plaintext(&last), Some(5));
    come(&login(&last, USER, "api").tls(&unverified(), "localhost"), 1);
    eventually("a quiet period passes", || adoption(&last)["accounts"][0]["ready"] == true);
    let shown = |format: &str| {
        let output = sealock_adoption(&last, format);
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let table = shown("table");
    assert!(
        table.contains("16.6%  yes    nothing but TLS for ")
            && table.contains("app      observe    1          5"),
        "{table}"
    );
    assert!(shown("markdown").starts_with("# TLS adoption\n\n| account | stage | tls |"));
    assert!(shown("csv").contains("app,127.0.0.0/24,api,listener[0],pymysql 1.1.0,"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&shown("json")).unwrap()["accounts"][0]["tls"], 1);
}

#[test]
fn a_ledger_that_cannot_be_understood_is_set_aside_and_nobody_is_turned_away() {
    let state = tempfile::tempdir().unwrap();
    std::fs::write(state.path().join("ledger.json"), "{\"version\":99,\"entries\":[]}").unwrap();
    let section = format!("[migration]\nstate_directory = \"{}\"\nmax_entries = 1", state.path().display());
    let proxy = Proxy::builder().section(&section).start();
    assert!(proxy.log().contains("version 99 is not known here"), "{}", proxy.log());
    assert!(state.path().join("ledger.json.unreadable").exists());
    for program in ["one", "two", "three"] {
        come(&login(&proxy, USER, program), 1);
    }
    let report = adoption(&proxy);
    assert_eq!(report["entries"].as_array().unwrap().len(), 2, "{report}");
    assert_eq!(
        (&report["entries"][0]["network"], &report["entries"][0]["plaintext"]),
        (&"*".into(), &2.into())
    );
    assert_eq!(report["accounts"][0]["plaintext"], 3);
}
