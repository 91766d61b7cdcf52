//! What came out, for people (Markdown) and for programs (JSON).

mod charts;
mod machine;
mod markdown;
mod page;
mod spread;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::chart;
use crate::contestant::Contestant;
use crate::figures::Figures;
use crate::loads::{Load, Operation};
use crate::metric::Metric;
use crate::stage::Stage;

pub use self::spread::Spread;

/// Where charts are, beside the report.
const CHARTS: &str = "charts";

/// All loads, all rounds.
#[derive(Serialize)]
pub struct Report {
    about: Vec<(&'static str, String)>,
    loads: Vec<Section>,
}

/// One load.
#[derive(Serialize)]
struct Section {
    name: String,
    about: String,
    operation: Operation,
    turns: Vec<Entry>,
    compared: Vec<Metric>,
    comparisons: Vec<Comparison>,
    system_calls: BTreeMap<Contestant, BTreeMap<String, f64>>,
}

/// One contestant's turn.
#[derive(Serialize)]
struct Entry {
    round: u32,
    contestant: Contestant,
    figures: Figures,
}

/// Ratios of a contestant's figures to another's, each taken within a round.
#[derive(Serialize)]
struct Comparison {
    contestant: Contestant,
    reference: Contestant,
    ratios: BTreeMap<Metric, Spread>,
}

impl Report {
    /// An empty report on what is about to happen.
    pub fn new(stage: &Stage, rounds: u32, seconds: u32) -> Self {
        Self { about: machine::about(stage, rounds, seconds), loads: Vec::new() }
    }

    /// What follows is of this load.
    pub fn begin(&mut self, load: &dyn Load) {
        self.loads.push(Section {
            name: load.name(),
            about: load.about(),
            operation: load.operation(),
            turns: Vec::new(),
            compared: load.compared(),
            comparisons: Vec::new(),
            system_calls: BTreeMap::new(),
        });
    }

    /// What a contestant did in a round.
    pub fn add(&mut self, round: u32, contestant: Contestant, figures: Figures) {
        if let Some(section) = self.loads.last_mut() {
            section.turns.push(Entry { round, contestant, figures });
        }
    }

    /// How often a contestant calls the system for an operation.
    pub fn add_system_calls(&mut self, contestant: Contestant, calls: BTreeMap<String, f64>) {
        if let Some(section) = self.loads.last_mut() {
            section.system_calls.insert(contestant, calls);
        }
    }

    /// The load's rounds are over; compares, and gives its part of the report.
    pub fn end(&mut self, load: &dyn Load) -> String {
        let Some(section) = self.loads.last_mut() else { return String::new() };
        section.compare(load);
        section.markdown(None)
    }

    /// Operations that failed, of all contestants under all loads.
    pub fn errors(&self) -> f64 {
        let turns = self.loads.iter().flat_map(|section| &section.turns);
        turns.filter_map(|turn| turn.figures.value(Metric::Errors)).sum()
    }

    /// Writes `end_to_end.md`, `end_to_end.json` and the charts.
    pub fn write(&self, directory: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("end_to_end.md"), self.markdown(CHARTS))?;
        fs::write(directory.join("end_to_end.json"), serde_json::to_string_pretty(self)?)?;
        chart::write(&self.charts(), &directory.join(CHARTS))
    }
}

impl Section {
    fn compare(&mut self, load: &dyn Load) {
        for contestant in self.contestants() {
            for reference in load.references(contestant) {
                let ratio = |metric| Some((metric, self.ratio(contestant, reference, metric)?));
                let ratios: BTreeMap<_, _> = load.compared().into_iter().filter_map(ratio).collect();
                if contestant != reference && !ratios.is_empty() {
                    self.comparisons.push(Comparison { contestant, reference, ratios });
                }
            }
        }
    }

    /// Those who had a turn, in the order of their names.
    fn contestants(&self) -> Vec<Contestant> {
        let mut contestants: Vec<_> = self.turns.iter().map(|entry| entry.contestant).collect();
        contestants.sort_unstable();
        contestants.dedup();
        contestants
    }

    /// What was measured of anybody.
    fn metrics(&self) -> Vec<Metric> {
        let mut metrics: Vec<_> = self.turns.iter().flat_map(|entry| entry.figures.metrics()).collect();
        metrics.sort_unstable();
        metrics.dedup();
        metrics
    }

    fn spread(&self, contestant: Contestant, metric: Metric) -> Option<Spread> {
        Spread::of(self.values(contestant, metric).map(|(_, value)| value))
    }

    fn ratio(&self, contestant: Contestant, reference: Contestant, metric: Metric) -> Option<Spread> {
        let ratios = self.values(contestant, metric).filter_map(|(round, value)| {
            let (_, other) = self.values(reference, metric).find(|&(same, _)| same == round)?;
            (other != 0.0).then_some(value / other)
        });
        Spread::of(ratios)
    }

    fn values(&self, contestant: Contestant, metric: Metric) -> impl Iterator<Item = (u32, f64)> {
        let of_contestant = self.turns.iter().filter(move |entry| entry.contestant == contestant);
        of_contestant.filter_map(move |entry| Some((entry.round, entry.figures.value(metric)?)))
    }
}
