//! The alert rules that are shipped: Prometheus takes them, they fire when they should, and they name metrics that exist.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets what it does not expect is to fail on the spot"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealock::telemetry::names;

fn rules(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/prometheus").join(name)
}

fn promtool(words: &[&str], files: &[&str]) {
    let files = files.iter().map(|name| rules(name));
    let output = Command::new("promtool").args(words).args(files).output();
    let output =
        output.unwrap_or_else(|error| panic!("promtool: {error}; `tools/require prometheus` installs it"));
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn prometheus_takes_the_rules() {
    promtool(&["check", "rules"], &["sealock.rules.yml"]);
}

#[test]
fn each_alert_fires_when_it_should_and_falls_silent_when_it_should() {
    promtool(&["test", "rules"], &["sealock.rules.test.yml", "sealock.certificates.test.yml"]);
}

#[test]
fn every_rule_has_a_test_and_every_metric_exists() {
    let text = fs::read_to_string(rules("sealock.rules.yml")).unwrap();
    let tests = ["sealock.rules.test.yml", "sealock.certificates.test.yml"]
        .map(|name| fs::read_to_string(rules(name)).unwrap())
        .concat();
    let alerts: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 5);
    for alert in alerts {
        // With alerts that are expected: those on one line expect none.
        assert!(tests.contains(&format!("alertname: {alert}\n")), "no test in which {alert} fires");
    }
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = text
        .lines()
        .filter(|line| line.trim().starts_with("expr:"))
        .flat_map(|line| line.split(|c| !is_part(c)));
    for metric in words.filter(|word| word.starts_with("sealock_")) {
        assert!(names::ALL.iter().any(|spec| spec.name == metric), "there is no {metric}");
    }
}
