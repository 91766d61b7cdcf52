//! The reference pages say what the code does.

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
