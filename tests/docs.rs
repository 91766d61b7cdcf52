//! The reference pages say what the code does.

use sealock::migration::explain::Cause;
use sealock::telemetry::Label as _;
use sealock::telemetry::names::{self, Spec};

#[test]
fn docs_metrics_lists_every_metric_and_no_other() {
    let page = include_str!("../docs/metrics.md");
    let documented: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<String> = names::ALL.iter().map(row).collect();
    let missing: Vec<&String> = expected.iter().filter(|row| !documented.contains(&row.as_str())).collect();
    let outdated: Vec<&&str> =
        documented.iter().filter(|row| !expected.iter().any(|other| other == **row)).collect();
    assert!(
        missing.is_empty() && outdated.is_empty(),
        "docs/metrics.md lacks {missing:#?}\nand has {outdated:#?}"
    );
    assert_eq!(documented.len(), expected.len(), "docs/metrics.md has a metric twice");
}

/// The row of a metric in the page's tables.
fn row(spec: &Spec) -> String {
    let labels: Vec<String> = spec.labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{}` | {} | {} | {} |", spec.name, spec.kind.as_str(), labels.join(", "), spec.help)
}

#[test]
fn docs_troubleshooting_lists_every_cause_with_its_remedy_and_no_other() {
    let page = include_str!("../docs/troubleshooting.md");
    let (_, causes) = page.split_once("\n## Every cause and its remedy\n").expect("the section");
    let section = causes.split("\n## ").next().unwrap_or_default();
    let documented: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    let row = |cause: &Cause| format!("| `{}` | {} | {} |", cause.label(), cause.meaning(), cause.remedy());
    let expected: Vec<String> = Cause::ALL.iter().map(row).collect();
    assert_eq!(documented, expected, "docs/troubleshooting.md must have:\n{}", expected.join("\n"));
}

#[test]
fn docs_troubleshooting_speaks_of_no_cause_that_there_is_not() {
    let page = include_str!("../docs/troubleshooting.md");
    let (_, refused) = page.split_once("\n## A client is refused\n").expect("the section");
    let section = refused.split("\n## ").next().unwrap_or_default();
    let rows: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("| `")).collect();
    assert!(rows.len() > 15);
    for row in rows {
        let code = row.split('`').next().unwrap_or_default();
        assert!(Cause::ALL.iter().any(|cause| cause.label() == code), "{code}");
    }
}
