//! What is asked of clients in plaintext, stage by stage.

use std::process::{Command, Output};

use crate::support::capabilities::{BASE, DEPRECATE_EOF, SESSION_TRACK};
use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::{Login, ServerError};
use crate::support::proxy::Proxy;
use crate::support::server::{PASSWORD, USER};
use crate::support::tls::{unverified, unverified_with};

/// A login that says which program it is.
pub fn login(proxy: &Proxy, user: &str, program: &str) -> Login {
    let mut login =
        Login::new(proxy.endpoint(), user, PASSWORD).capabilities(BASE | DEPRECATE_EOF | SESSION_TRACK);
    let attributes = [("_client_name", "pymysql"), ("_client_version", "1.1.0"), ("program_name", program)];
    login.attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    login
}

/// The answers to so many logins: none is a success.
fn outcomes(login: &Login, times: usize) -> Vec<Option<ServerError>> {
    (0..times).map(|_| RawClient::connect(login).err().map(|refusal| refusal.error())).collect()
}

fn refused(login: &Login, times: usize) -> usize {
    outcomes(login, times).iter().flatten().inspect(|error| assert_insecure(error)).count()
}

#[track_caller]
fn assert_insecure(error: &ServerError) {
    assert_eq!((error.code, error.state.as_str()), (3159, "HY000"), "{error:?}");
}

/// What the program says to these words of an operator.
pub fn sealock(proxy: &Proxy, words: &[&str]) -> Output {
    let admin = format!("unix:{}", proxy.path("admin.sock").display());
    Command::new(env!("CARGO_BIN_EXE_sealock")).args(words).args(["--admin", &admin]).output().unwrap()
}

#[track_caller]
pub fn said(proxy: &Proxy, words: &[&str]) -> String {
    let output = sealock(proxy, words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn outcome(proxy: &Proxy, outcome: &str) -> f64 {
    proxy.metric("sealock_plaintext_logins_total", &[&format!("\"{outcome}\"")])
}

#[test]
fn warn_lets_everybody_in_and_says_once_who_it_is_and_how_to_mend_it() {
    let proxy = Proxy::builder().section("[migration]\nstage = \"warn\"").start();
    assert_eq!(refused(&login(&proxy, USER, "nova-api"), 5), 0);
    assert_eq!(refused(&login(&proxy, "other", "cinder"), 2), 0, "relayed");
    RawClient::connect(&login(&proxy, USER, "encrypted").tls(&unverified(), "localhost")).unwrap();
    RawClient::connect(&Login::new(proxy.socket(), USER, PASSWORD)).unwrap();
    let log = proxy.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("client in plaintext")).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for said in ["WARN", "account=\"app\"", "127.0.0.0/24", "nova-api", "pymysql 1.1.0", "ssl_ca="] {
        assert!(lines[0].contains(said), "{said} in {}", lines[0]);
    }
    assert_eq!((outcome(&proxy, "warned"), outcome(&proxy, "observed")), (7.0, 0.0));
}

#[test]
fn enforce_refuses_plaintext_of_that_account_and_nothing_else() {
    let account = format!(
        "user = \"edward\"\npassword = \"{PASSWORD}\"\nplugin = \"client_ed25519\"\ntls = \"enforce\""
    );
    let proxy = Proxy::builder().account(&account).start();
    let edward = login(&proxy, "edward", "job").plugin("client_ed25519");
    assert_eq!(refused(&edward, 3), 3);
    assert_eq!(refused(&edward.clone().tls(&unverified(), "localhost"), 1), 0);
    assert_eq!(
        refused(&Login::new(proxy.socket(), "edward", PASSWORD).plugin("client_ed25519"), 1),
        0,
        "a unix socket"
    );
    assert_eq!(refused(&login(&proxy, USER, "api"), 3), 0, "observed");
    let wrong = Login { password: "wrong".to_owned(), ..edward };
    let errors = outcomes(&wrong, 30);
    assert!(errors.iter().flatten().all(|error| error.code == 1045) && errors.iter().all(Option::is_some));
    let report = said(&proxy, &["adoption"]);
    assert!(
        report.contains("edward   enforce    1          0        3  25.0%  no     in plaintext"),
        "{report}"
    );
    assert!(
        report.contains("edward        127.0.0.0/24  job      pymysql 1.1.0  listener[0]      3"),
        "{report}"
    );
    let logins = |labels: &[&str]| proxy.metric("sealock_account_logins_total", labels);
    assert_eq!((logins(&["edward", "plaintext"]), logins(&["edward", "tls"])), (0.0, 1.0));
    assert_eq!((logins(&["edward", "unix"]), logins(&["\"app\"", "plaintext"])), (1.0, 3.0));
    eventually("accounts are counted", || proxy.metric("sealock_accounts", &["enforce"]) == 1.0);
    assert_eq!(outcome(&proxy, "enforced"), 3.0, "who cannot prove the name does not count under it");
    assert_eq!(proxy.metric("sealock_client_refusals_total", &["\"enforced\""]), 3.0);
    assert!(proxy.log().contains("client in plaintext refused"));
}

#[test]
fn enforce_steps_back_within_the_period_and_everything_says_so() {
    let section = "[migration]\nstage = \"enforce\"\nstep_back_refusals = 4\nevaluation_period = \"1h\"";
    let proxy = Proxy::builder().section(section).start();
    let (configured, relayed) = (login(&proxy, USER, "api"), login(&proxy, "other", "api"));
    assert_eq!(refused(&configured, 4), 4);
    assert_eq!(refused(&configured, 10), 0, "stepped back");
    assert_eq!(refused(&relayed, 2), 2, "the other account did not");
    assert_eq!(proxy.metric("sealock_stage_step_backs_total", &[]), 1.0);
    assert!(proxy.log().contains("too many refusals"));
    let told = "account app stepped back from enforce to warn after 4 refusals (sealock stage)";
    assert!(said(&proxy, &["status"]).contains(told));
    let stages: serde_json::Value = serde_json::from_str(&proxy.page("/api/v1/stages").unwrap().1).unwrap();
    let row = &stages["accounts"][0];
    assert_eq!((&row["stage"], &row["configured"]), (&"warn".into(), &"enforce".into()));
    assert_eq!(row["set_by"]["step_back"]["refusals"], 4);
    assert!(said(&proxy, &["stage", USER, "enforce"]).starts_with("app: enforce, set 0s ago"));
    assert_eq!(refused(&configured, 4), 4, "and it goes on when it is set again");
    assert_eq!(refused(&configured, 1), 0);
}

#[test]
fn a_brownout_refuses_its_share_of_each_hundred_while_a_window_is_open() {
    let section = |windows: &str| {
        format!(
            "[migration]\nstage = \"brownout\"\nbrownout_share = 15\nbrownout_windows = {windows}\nstep_back_refusals = 0"
        )
    };
    let open = Proxy::builder().section(&section("[\"00:00-12:00\", \"12:00-24:00\"]"));
    let pattern = |proxy: &Proxy| -> Vec<bool> {
        let refused = outcomes(&login(proxy, USER, "api"), 100);
        refused.iter().flatten().for_each(|error| assert_insecure(error));
        refused.iter().map(Option::is_some).collect()
    };
    let (first, second) = (pattern(&open.start()), pattern(&open.start()));
    assert_eq!(first.iter().filter(|refused| **refused).count(), 15);
    assert_eq!(first, second, "the same seed, the same logins");
    let closed = Proxy::builder().section(&section("[]")).start();
    assert_eq!(refused(&login(&closed, USER, "api"), 50), 0);
    assert_eq!(outcome(&closed, "spared"), 50.0);
}

#[test]
fn a_stage_is_changed_by_reload_and_by_command_and_the_last_word_counts() {
    let state = tempfile::tempdir().unwrap();
    let with = |stage: &str| {
        let directory = state.path().display();
        Proxy::builder()
            .section(&format!("[migration]\nstate_directory = \"{directory}\"\nstage = \"{stage}\""))
    };
    let proxy = with("observe").start();
    let client = login(&proxy, USER, "api");
    assert_eq!(refused(&client, 1), 0);
    proxy.configure(&with("enforce"));
    said(&proxy, &["reload"]);
    assert_eq!(refused(&client, 2), 2);
    assert_eq!(said(&proxy, &["stage", USER, "warn"]), "app: warn, set 0s ago; configured: enforce\n");
    assert_eq!(refused(&client, 2), 0);
    assert!(said(&proxy, &["stage"]).contains("(others)  enforce"), "{}", said(&proxy, &["stage"]));
    drop(proxy); // killed: the command was kept before it was answered
    let proxy = with("enforce").start();
    assert_eq!(refused(&login(&proxy, USER, "api"), 2), 0, "it outlives the process");
    proxy.configure(&with("brownout"));
    said(&proxy, &["reload"]);
    proxy.configure(&with("enforce"));
    said(&proxy, &["stage", USER, "configured"]);
    said(&proxy, &["reload"]);
    assert_eq!(refused(&login(&proxy, USER, "api"), 2), 2);
    let wrong = sealock(&proxy, &["stage", USER, "maybe"]);
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}

#[test]
fn change_user_is_counted_and_stands_under_the_stage_of_the_account_it_becomes() {
    let account = format!(
        "user = \"edward\"\npassword = \"{PASSWORD}\"\nplugin = \"client_ed25519\"\ntls = \"enforce\""
    );
    let proxy = Proxy::builder().account(&account).start();
    let mut plain = RawClient::connect(&proxy.login()).unwrap();
    let answer = plain.change_user("edward", PASSWORD, "").unwrap();
    assert_insecure(&ServerError::parse(&answer.payload).expect("a refusal"));
    assert_eq!(plain.value("SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"), USER, "it is who it was");
    assert_eq!(plain.change_user("other", PASSWORD, "").unwrap().payload[0], 0);
    let mut encrypted = RawClient::connect(&proxy.tls_login()).unwrap();
    assert_eq!(encrypted.change_user("edward", PASSWORD, "").unwrap().payload[0], 0);
    let ledger =
        || -> serde_json::Value { serde_json::from_str(&proxy.page("/api/v1/adoption").unwrap().1).unwrap() };
    let count = |account: &str, of: &str| {
        let ledger = ledger();
        let rows = ledger["accounts"].as_array().unwrap().clone();
        rows.iter().find(|row| row["account"] == account).map_or(0, |row| row[of].as_u64().unwrap())
    };
    eventually("they are counted", || count("edward", "tls") == 1);
    assert_eq!((count("edward", "plaintext"), count("other", "plaintext")), (0, 1));
    assert_eq!((count(USER, "plaintext"), count(USER, "tls")), (1, 1));
}

#[test]
fn a_listener_that_requires_tls_refuses_whatever_the_stage_is() {
    let proxy =
        Proxy::builder().tls("mode = \"required\"").section("[migration]\nstage = \"observe\"").start();
    assert_eq!(refused(&login(&proxy, USER, "api"), 2), 2);
    assert_eq!(proxy.metric("sealock_plaintext_logins_total", &[]), 0.0);
}

#[test]
fn a_client_that_falls_back_is_told_of_with_its_first_connection() {
    let proxy = Proxy::builder().start();
    let (plain, encrypted) =
        (login(&proxy, USER, "api"), login(&proxy, USER, "api").tls(&unverified(), "localhost"));
    let old = login(&proxy, USER, "api").tls(&unverified_with(&[&rustls::version::TLS12]), "localhost");
    let told = |kind: &str| {
        let line = format!(
            "account=\"app\" network=\"127.0.0.0/24\" program=\"api\" listener=\"listener[0]\" kind=\"{kind}\""
        );
        let lines =
            proxy.log().lines().filter(|log| log.contains("WARN") && log.contains(&line)).count() as f64;
        assert!((lines - proxy.metric("sealock_downgrades_total", &[&format!("\"{kind}\"")])).abs() < 0.1);
        lines
    };
    for (login, plaintext, version) in [
        (&plain, 0.0, 0.0),     // as it always was
        (&encrypted, 0.0, 0.0), // better
        (&plain, 1.0, 0.0),
        (&plain, 1.0, 0.0), // told once
        (&encrypted, 1.0, 0.0),
        (&old, 1.0, 1.0),
        (&plain, 2.0, 1.0),
    ] {
        assert_eq!(refused(login, 1), 0);
        assert_eq!((told("plaintext"), told("version")), (plaintext, version));
    }
}
