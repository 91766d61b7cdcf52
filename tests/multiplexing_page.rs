//! docs/multiplexing.md explains every reason for which a session keeps its connection.

use sealock::session::PinReason;
use sealock::telemetry::Label;

#[test]
fn every_reason_of_a_pin_is_explained_and_no_other() {
    let page = include_str!("../docs/multiplexing.md");
    let (_, section) = page.split_once("\n## What pins\n").expect("the section with the reasons");
    let (table, _) = section.split_once("\n## ").expect("another section after it");
    let mut explained: Vec<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let mut reasons: Vec<&str> = PinReason::ALL.iter().map(|reason| reason.label()).collect();
    explained.sort_unstable();
    reasons.sort_unstable();
    assert_eq!(explained, reasons);
}

#[test]
fn every_reason_says_what_to_do() {
    let page = include_str!("../docs/multiplexing.md");
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{line}");
    }
}
