//! The current load's table, for people who wait.

use crate::contestant::Contestant;
use crate::metric::Metric;
use crate::report::{Report, Section};

/// Width of the names' column.
const NAME: usize = 34;

impl Report {
    /// Medians so far of what the current load compares, and errors.
    pub fn table(&self) -> Vec<String> {
        self.loads.last().map(Section::table).unwrap_or_default()
    }
}

impl Section {
    fn table(&self) -> Vec<String> {
        let measured = self.metrics();
        let mut shown = self.compared.clone();
        shown.push(Metric::Errors);
        shown.retain(|metric| measured.contains(metric));
        let titles = shown.iter().map(|metric| column(*metric, &metric.title(self.operation), self));
        let head = format!("  {:NAME$}{}", self.name, titles.collect::<String>());
        std::iter::once(head).chain(self.contestants().into_iter().map(|one| self.row(one, &shown))).collect()
    }

    fn row(&self, contestant: Contestant, shown: &[Metric]) -> String {
        let cell = |&metric: &Metric| {
            let median = self.spread(contestant, metric).map(|spread| spread.median);
            let text = median.map_or_else(String::new, |value| format!("{value:.*}", metric.decimals()));
            column(metric, &text, self)
        };
        let cells: String = shown.iter().map(cell).collect();
        format!("  {:NAME$}{cells}", contestant.to_string())
    }
}

/// A text in a column as wide as its title.
fn column(metric: Metric, text: &str, section: &Section) -> String {
    let width = metric.title(section.operation).chars().count().max(8) + 2;
    format!("{text:>width$}")
}
