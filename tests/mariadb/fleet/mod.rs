//! A hundred clients of six kinds go from plaintext to TLS, all but ten of them, through every stage; what the proxy says of
//! it is compared with a truth table that is kept beside.

mod client;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sealock::config::model::{Brownout, DailyWindow};
use sealock::migration::stage::is_drawn;

use self::client::{Client, KINDS, Kind, Way};
use crate::stages::said;
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::server::{PASSWORD, root};
use crate::transport::generate_certificates;

/// Twenty clients each; the first two and the fourth are in the configuration, the others are passed on to the server.
const ACCOUNTS: [&str; 5] = ["fleet_a", "fleet_b", "fleet_c", "fleet_d", "fleet_e"];
/// Five clients of each of these never use TLS.
const STUBBORN: [&str; 2] = ["fleet_d", "fleet_e"];
/// Refusals that are borne.
const BORNE: u64 = 7;
const SHARE: u32 = 50;
const INSECURE: u64 = 3159;

fn fleet() -> Vec<Client> {
    let client = |number: usize| Client {
        number,
        account: ACCOUNTS[number / 20],
        kind: KINDS[number % 6],
        upgrades: !(number >= 60 && number.is_multiple_of(4)),
    };
    (0..100).map(client).collect()
}

/// What has become of an account's clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Truth {
    tls: u64,
    plaintext: u64,
    refused: u64,
}

/// The fleet, the proxy, and the truth about both.
struct Estate<'a> {
    way: Way<'a>,
    clients: Vec<Client>,
    truth: BTreeMap<&'static str, Truth>,
}

impl Estate<'_> {
    /// Lets all that are chosen come once, in TLS if they have `upgraded` and can, and writes down what each met.
    fn come(&mut self, chosen: impl Fn(&Client) -> bool, upgraded: bool) -> Vec<(Client, Option<u64>)> {
        let mut met = Vec::new();
        for kind in KINDS {
            let here: Vec<(&Client, bool)> = self
                .clients
                .iter()
                .filter(|client| client.kind == kind && chosen(client))
                .map(|client| (client, upgraded && client.upgrades))
                .collect();
            if here.is_empty() {
                continue;
            }
            let outcomes = self.way.come(kind, &here);
            assert_eq!(outcomes.len(), here.len());
            for ((client, tls), outcome) in here.into_iter().zip(outcomes) {
                let truth = self.truth.entry(client.account).or_default();
                match (tls, outcome) {
                    (true, None) => truth.tls += 1,
                    (false, None) => truth.plaintext += 1,
                    (_, Some(INSECURE)) => truth.refused += 1,
                    other => panic!("{client:?} met {other:?}"),
                }
                met.push((client.clone(), outcome));
            }
        }
        met
    }

    fn set_all(&self, stage: &str) {
        for account in ACCOUNTS {
            assert!(
                said(self.way.proxy, &["stage", account, stage])
                    .starts_with(&format!("{account}: {stage}, set"))
            );
        }
    }

    fn rows(&self) -> BTreeMap<String, serde_json::Value> {
        let text = said(self.way.proxy, &["adoption", "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        let rows = report["accounts"].as_array().unwrap().iter();
        rows.map(|row| (row["account"].as_str().unwrap().to_owned(), row.clone())).collect()
    }

    /// The report says of each account what is true, and what is expected of whether it is ready.
    #[track_caller]
    fn assert_report(&self, ready: &[&str]) {
        let rows = self.rows();
        assert_eq!(rows.keys().collect::<Vec<_>>(), ACCOUNTS.iter().collect::<Vec<_>>());
        for (account, truth) in &self.truth {
            let row = &rows[*account];
            let count = |what: &str| row[what].as_u64().unwrap();
            let said = Truth { tls: count("tls"), plaintext: count("plaintext"), refused: count("refused") };
            assert_eq!(said, *truth, "{account}");
            assert_eq!(row["ready"], ready.contains(account), "{row}");
        }
        let total = |of: fn(&Truth) -> u64| self.truth.values().map(of).sum::<u64>() as f64;
        let metric = |labels: &[&str]| self.way.proxy.metric("sealock_account_logins_total", labels);
        assert_eq!(
            (metric(&["\"tls\""]), metric(&["\"plaintext\""])),
            (total(|t| t.tls), total(|t| t.plaintext))
        );
    }
}

fn refused(met: &[(Client, Option<u64>)], account: &str) -> Vec<bool> {
    met.iter().filter(|(client, _)| client.account == account).map(|(_, outcome)| outcome.is_some()).collect()
}

fn proxy(certificates: &std::path::Path) -> Proxy {
    let mut statements = String::new();
    for account in ACCOUNTS {
        let _ = write!(statements, "CREATE OR REPLACE USER {account} IDENTIFIED BY '{PASSWORD}';");
    }
    root().run(&statements);
    let path = certificates.display();
    let mut builder = Proxy::builder()
        .without_accounts()
        .tls(&format!("certificate = \"{path}/server.pem\"\nkey = \"{path}/server.key\""))
        .section(&format!(
            "[migration]\nquiet_period = \"10s\"\nbrownout_share = {SHARE}\nbrownout_windows = [\"00:00-24:00\"]\n\
             brownout_seed = 11\nstep_back_refusals = {BORNE}\nevaluation_period = \"1h\""
        ));
    for account in ["fleet_a", "fleet_b", "fleet_d"] {
        builder = builder.account(&format!("user = \"{account}\"\npassword = \"{PASSWORD}\""));
    }
    builder.start()
}

#[test]
fn a_fleet_of_a_hundred_goes_through_all_stages_and_the_report_tells_the_truth() {
    let certificates = tempfile::tempdir().unwrap();
    generate_certificates(certificates.path());
    let proxy = proxy(certificates.path());
    let ca = certificates.path().join("ca.pem");
    let mut estate = Estate { way: Way { proxy: &proxy, ca: &ca }, clients: fleet(), truth: BTreeMap::new() };
    assert_eq!(estate.clients.iter().filter(|client| !client.upgrades).count(), 10);
    let stubborn = |client: &Client| !client.upgrades;

    // observe: everybody comes as ever.
    assert_eq!(estate.come(|_| true, false).iter().filter(|(_, outcome)| outcome.is_some()).count(), 0);
    estate.assert_report(&[]);

    // warn: ninety have learned TLS; nothing fails, and each of the others is told of.
    estate.set_all("warn");
    assert_eq!(estate.come(|_| true, true).iter().filter(|(_, outcome)| outcome.is_some()).count(), 0);
    let log = proxy.log();
    for client in
        estate.clients.iter().filter(|client| stubborn(client) && client.kind != Kind::MariadbProgram)
    {
        let told = format!("program=\"fleet-{}\"", client.number);
        let known =
            [Kind::Raw, Kind::Pymysql11, Kind::NewestPymysql, Kind::Sqlalchemy].contains(&client.kind);
        let warned = |line: &str| line.contains("client in plaintext") && line.contains(&told);
        assert!(!known || log.lines().any(warned), "{client:?} in the log");
    }
    eventually("three accounts are quiet, and two are not", || {
        let met = estate.come(|client| stubborn(client) && client.number >= 60, true);
        assert!(met.iter().all(|(_, outcome)| outcome.is_none()));
        let rows = estate.rows();
        ACCOUNTS.iter().all(|account| rows[*account]["ready"] == !STUBBORN.contains(account))
    });
    estate.assert_report(&ACCOUNTS[..3]);

    // brownout: of the ten, those are refused that the seed draws.
    estate.set_all("brownout");
    let met = estate.come(|_| true, true);
    let brownout = Brownout { share: SHARE, windows: vec![DailyWindow { from: 0, until: 1440 }], seed: 11 };
    for account in STUBBORN {
        let (drawn, met): (Vec<bool>, Vec<_>) = (
            (0..5).map(|number| is_drawn(&brownout, account, number)).collect(),
            met.iter().filter(|(client, _)| stubborn(client)).cloned().collect(),
        );
        assert_eq!(refused(&met, account), drawn, "{account}");
    }
    assert_eq!(met.iter().filter(|(client, outcome)| client.upgrades && outcome.is_some()).count(), 0);
    estate.assert_report(&ACCOUNTS[..3]);

    // enforce: exactly the ten are refused.
    estate.set_all("enforce");
    let met = estate.come(|_| true, true);
    assert!(met.iter().all(|(client, outcome)| outcome.is_some() != client.upgrades));
    estate.assert_report(&ACCOUNTS[..3]);

    // One account's clients try again: what is borne is refused, the next comes in, and only that account steps back.
    let met = estate.come(|client| stubborn(client) && client.account == "fleet_e", true);
    assert_eq!(
        refused(&met, "fleet_e"),
        [true, true, false, false, false],
        "seven are borne, of which five were"
    );
    assert_eq!(proxy.metric("sealock_stage_step_backs_total", &[]), 1.0);
    let stages = said(&proxy, &["stage"]);
    assert!(stages.contains("fleet_e   warn     stepped back from enforce"), "{stages}");
    let rows = estate.rows();
    assert_eq!((&rows["fleet_e"]["stage"], &rows["fleet_d"]["stage"]), (&"warn".into(), &"enforce".into()));
    estate.assert_report(&ACCOUNTS[..3]);
}
