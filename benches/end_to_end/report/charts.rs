//! The report as charts.

use crate::chart::{Chart, Panel};
use crate::metric::Metric;
use crate::report::{Report, Section};

/// What bars are.
const WHISKERS: &str = "Bars: medians of the rounds; whiskers: smallest and largest.";

/// What is said of the machine below a chart.
const FOOTER: [&str; 4] = ["CPU", "cores", "MariaDB", "rounds"];

impl Report {
    /// One for each load: what contestants are compared in.
    pub fn charts(&self) -> Vec<Chart> {
        let of_machine = self.about.iter().filter(|(name, _)| FOOTER.contains(name));
        let of_machine = of_machine.map(|(name, value)| format!("{name}: {value}"));
        let footer: Vec<_> = [WHISKERS.to_owned()].into_iter().chain(of_machine).collect();
        let footer = footer.join("   ");
        self.loads.iter().map(|section| section.chart(footer.clone())).collect()
    }
}

impl Section {
    fn chart(&self, footer: String) -> Chart {
        let measured = self.metrics();
        let shown = self.compared.iter().copied().filter(|metric| measured.contains(metric));
        Chart {
            title: self.name.clone(),
            footer,
            contestants: self.contestants(),
            panels: shown.map(|metric| self.panel(metric)).collect(),
        }
    }

    fn panel(&self, metric: Metric) -> Panel {
        Panel {
            title: metric.title(self.operation),
            hint: metric.hint(),
            decimals: metric.decimals(),
            values: self
                .contestants()
                .into_iter()
                .map(|contestant| self.spread(contestant, metric))
                .collect(),
        }
    }
}
