//! A candidate is tried on real handshakes, served by what is in use.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, SupportedProtocolVersion};

use crate::causes::certificates::{Ca, Wanted};
use crate::stages::{login, said, sealock};
use crate::support::client::RawClient;
use crate::support::proxy::{Proxy, ProxyBuilder};
use crate::support::server::USER;
use crate::support::tls::{trusting, unverified, unverified_with};
use crate::transport::generate_certificates;

/// A proxy with a candidate; the certificates are in the directory.
fn trying(directory: &Path, tls: &str, shadow: &str) -> ProxyBuilder {
    let path = directory.display();
    let tls = format!("certificate = \"{path}/server.pem\"\nkey = \"{path}/server.key\"\n{tls}");
    Proxy::builder().tls(&format!("{tls}\n[listener.shadow]\n{shadow}"))
}

fn come(proxy: &Proxy, program: &str, config: &Arc<ClientConfig>) {
    let mut client =
        RawClient::connect(&login(proxy, USER, program).tls(config, "localhost")).expect(program);
    assert_eq!(client.value("SELECT 1"), "1");
}

/// Logins, those that would fail, and each cause with its count and last program.
fn report(proxy: &Proxy, account: &str) -> (u64, u64, Vec<(String, u64, String)>) {
    let report: serde_json::Value = serde_json::from_str(&said(proxy, &["shadow", "--json"])).unwrap();
    let rows = report["accounts"].as_array().unwrap();
    let row = rows.iter().find(|row| row["account"] == account).unwrap_or_else(|| panic!("{report}"));
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let causes = row["causes"].as_array().unwrap().iter();
    let causes = causes
        .map(|cause| (text(&cause["cause"]), cause["logins"].as_u64().unwrap(), text(&cause["program"])));
    (row["logins"].as_u64().unwrap(), row["broken"].as_u64().unwrap(), causes.collect())
}

fn cause(code: &str, logins: u64, program: &str) -> (String, u64, String) {
    (code.to_owned(), logins, program.to_owned())
}

const TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

#[test]
fn a_version_and_ciphers_are_tried_and_nobody_notices() {
    let directory = tempfile::tempdir().unwrap();
    generate_certificates(directory.path());
    let tried = "min_version = \"1.3\"\nciphers = [\"TLS_AES_128_GCM_SHA256\", \"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\"]";
    let proxy = trying(directory.path(), "", tried).start();
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| format!("{:?}", suite.suite()).contains("AES_256"));
    let narrow = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(crate::support::tls::Anything::new()))
        .with_no_client_auth();
    come(&proxy, "new", &unverified());
    come(&proxy, "old", &unverified_with(TLS12));
    come(&proxy, "old-too", &unverified_with(TLS12));
    come(&proxy, "narrow", &Arc::new(narrow));
    RawClient::connect(&login(&proxy, USER, "plaintext")).expect("plaintext, which nothing is tried on");
    let expected = vec![cause("no_common_version", 2, "old-too"), cause("no_common_cipher", 1, "narrow")];
    assert_eq!(report(&proxy, USER), (4, 3, expected));
    let verdict = |verdict: &str| proxy.metric("sealock_shadow_logins_total", &[&format!("\"{verdict}\"")]);
    assert_eq!((verdict("kept"), verdict("broken")), (1.0, 3.0));
    let text = said(&proxy, &["shadow"]);
    assert!(
        text.contains("app           4           3") && text.contains("old-too  Update the client's TLS"),
        "{text}"
    );
    assert_eq!(proxy.metric("sealock_client_refusals_total", &[]), 0.0);
}

#[test]
fn a_certificate_is_tried_for_the_names_that_clients_ask_for() {
    let (directory, next) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    generate_certificates(directory.path());
    let generated = std::process::Command::new(env!("CARGO_BIN_EXE_sealock"))
        .args(["certs", "generate", "--name", "db.example", "--directory"])
        .arg(next.path())
        .output()
        .unwrap();
    assert!(generated.status.success());
    let path = next.path().display();
    let other_name = format!("certificate = \"{path}/server.pem\"\nkey = \"{path}/server.key\"");
    let proxy = trying(directory.path(), "", &other_name).start();
    let verifying = trusting(&directory.path().join("ca.pem"));
    come(&proxy, "api", &verifying);
    assert_eq!(report(&proxy, USER), (1, 1, vec![cause("alert_bad_certificate", 1, "api")]));
    let same = directory.path().display();
    let own = format!("certificate = \"{same}/server.pem\"\nkey = \"{same}/server.key\"");
    proxy.configure(&trying(directory.path(), "", &own));
    said(&proxy, &["reload"]);
    come(&proxy, "api", &verifying);
    assert_eq!(report(&proxy, USER), (1, 0, vec![]), "another candidate, and the counts begin anew");
}

#[test]
fn a_rule_for_clients_certificates_is_tried_on_what_they_show() {
    let (directory, old, new) = (tempfile::tempdir().unwrap(), Ca::new("old"), Ca::new("new"));
    generate_certificates(directory.path());
    let file = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    file("both.pem", &format!("{}{}", old.pem, new.pem));
    file("new.pem", &new.pem);
    file("new.crl", &new.revoking(2));
    let path = directory.path().display();
    let asking = format!("client_certificate = \"request\"\nclient_ca = \"{path}/both.pem\"");
    let tried = format!(
        "client_certificate = \"require\"\nclient_ca = \"{path}/new.pem\"\ncrl = [\"{path}/new.crl\"]"
    );
    let proxy = trying(directory.path(), &asking, &tried).start();
    come(&proxy, "good", &Wanted::good().issued_by(&new, &[]));
    come(&proxy, "of-the-old-ca", &Wanted::good().issued_by(&old, &[]));
    come(&proxy, "without", &unverified());
    come(&proxy, "revoked", &Wanted { serial: 2, ..Wanted::good() }.issued_by(&new, &[]));
    let expected = vec![
        cause("certificate_unknown_issuer", 1, "of-the-old-ca"),
        cause("certificate_missing", 1, "without"),
        cause("certificate_revoked", 1, "revoked"),
    ];
    assert_eq!(report(&proxy, USER), (4, 3, expected));
    proxy.configure(&Proxy::builder().tls(&asking));
    said(&proxy, &["reload"]);
    assert_eq!(said(&proxy, &["shadow"]), "nothing is tried: no listener has a [listener.shadow]\n");
}

#[test]
fn a_candidate_that_cannot_be_used_is_refused_as_one_in_use_would_be() {
    let directory = tempfile::tempdir().unwrap();
    generate_certificates(directory.path());
    let proxy = trying(directory.path(), "", "min_version = \"1.3\"").start();
    let path = directory.path().display();
    let mismatched = format!("certificate = \"{path}/server.pem\"\nkey = \"{path}/client.key\"");
    for (shadow, told) in [
        (mismatched.as_str(), "listener[0].shadow"),
        ("client_certificate = \"require\"", "a rule for clients' certificates is tried"),
        ("ciphers = [\"TLS_AES_128_GCM_SHA265\"]", "did you mean \"TLS_AES_128_GCM_SHA256\"?"),
    ] {
        proxy.configure(&trying(directory.path(), "", shadow));
        let refused = sealock(&proxy, &["reload"]);
        let error = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && error.contains(told), "{error}");
    }
}
