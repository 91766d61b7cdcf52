//! The report as Markdown.

use std::fmt::Write as _;

use crate::contestant::Contestant;
use crate::metric::Metric;
use crate::report::{Report, Section};

const LEGEND: &str = "Median (smallest–largest) over the rounds. Ratios are taken within a round; ≈ marks those where the noise \
                      is larger than the difference: the rounds differ by more than the median does from 1.";

impl Report {
    /// All tables, with the charts that are in the directory `charts`.
    pub fn markdown(&self, charts: &str) -> String {
        let mut text = String::new();
        for (name, value) in &self.about {
            let _ = writeln!(text, "- {name}: {value}");
        }
        let _ = writeln!(text, "\n{LEGEND}");
        for section in self.loads.iter().filter(|section| !section.turns.is_empty()) {
            let _ = write!(text, "\n{}", section.markdown(Some(charts)));
        }
        text
    }
}

impl Section {
    /// A load's tables, and its chart where that is in a directory.
    pub fn markdown(&self, charts: Option<&str>) -> String {
        let mut text = format!("### {}\n\n{}\n\n", self.name, self.about);
        if let Some(charts) = charts {
            let _ = writeln!(text, "![{0}]({charts}/{0}.svg)\n", self.name);
        }
        let metrics = self.metrics();
        append_head(&mut text, metrics.iter().map(|metric| metric.title(self.operation)));
        for contestant in self.contestants() {
            let cells = metrics.iter().map(|&metric| self.cell(contestant, metric));
            append_row(&mut text, contestant.to_string(), cells);
        }
        self.append_comparisons(&mut text);
        self.append_system_calls(&mut text);
        text
    }

    fn cell(&self, contestant: Contestant, metric: Metric) -> String {
        let spread = self.spread(contestant, metric);
        spread.map_or_else(String::new, |spread| spread.cell(metric.decimals()))
    }

    fn append_comparisons(&self, text: &mut String) {
        let mut metrics: Vec<_> =
            self.comparisons.iter().flat_map(|comparison| comparison.ratios.keys().copied()).collect();
        metrics.sort_unstable();
        metrics.dedup();
        if metrics.is_empty() {
            return;
        }
        text.push('\n');
        append_head(text, metrics.iter().map(|metric| metric.title(self.operation)));
        for comparison in &self.comparisons {
            let cell = |metric| {
                let Some(spread) = comparison.ratios.get(metric) else { return String::new() };
                spread.cell(2) + if spread.is_noise() { " ≈" } else { "" }
            };
            let name = format!("{} ÷ {}", comparison.contestant, comparison.reference);
            append_row(text, name, metrics.iter().map(cell));
        }
    }

    fn append_system_calls(&self, text: &mut String) {
        if self.system_calls.is_empty() {
            return;
        }
        let _ = writeln!(
            text,
            "\nSystem calls of a {}, under strace (which slows everything down and so spreads it out):\n",
            self.operation.one
        );
        for (contestant, calls) in &self.system_calls {
            let mut calls: Vec<_> = calls.iter().collect();
            calls.sort_by(|a, b| b.1.total_cmp(a.1));
            let list: Vec<String> = calls.iter().map(|(name, count)| format!("{name} {count:.3}")).collect();
            let sum: f64 = calls.iter().map(|(_, count)| **count).sum();
            let _ = writeln!(text, "- {contestant}: {sum:.2} = {}", list.join(", "));
        }
    }
}

fn append_head(text: &mut String, titles: impl ExactSizeIterator<Item = String>) {
    let rule = "---|".repeat(titles.len() + 1);
    append_row(text, String::new(), titles);
    let _ = writeln!(text, "|{rule}");
}

fn append_row(text: &mut String, name: String, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = std::iter::once(name).chain(cells).collect();
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}
