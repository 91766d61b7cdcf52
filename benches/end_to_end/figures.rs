//! One contestant's figures of one turn.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::loads::Operation;
use crate::metric::Metric;
use crate::tally::Tally;
use crate::turn::Turn;
use crate::usage::Spent;

/// What was measured, and nothing for what was not.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    #[serde(flatten)]
    values: BTreeMap<Metric, f64>,
    #[serde(skip)]
    operations: f64,
}

impl Figures {
    /// What any load with a tally can tell: rate, latency, costs, errors.
    pub fn of(tally: &Tally, spent: &Spent) -> Self {
        let mut figures = Self::default();
        figures.set(Metric::Throughput, tally.done() as f64 / spent.elapsed.as_secs_f64());
        for (metric, quantile) in [(Metric::P50, 0.5), (Metric::P99, 0.99), (Metric::P999, 0.999)] {
            figures.set(metric, tally.latency_ms(quantile));
        }
        figures.cost(spent, tally.done() as f64);
        figures.set(Metric::Errors, tally.errors() as f64);
        figures
    }

    /// The same for an open loop, where a statement may be sent later than it was due.
    pub fn of_open_loop(tally: &Tally, spent: &Spent) -> Self {
        let mut figures = Self::of(tally, spent);
        figures.set(Metric::ServiceP50, tally.service_ms(0.5));
        figures.set(Metric::ServiceP99, tally.service_ms(0.99));
        figures
    }

    /// What `operations` have cost the proxy.
    pub fn cost(&mut self, spent: &Spent, operations: f64) {
        self.operations = operations;
        let Some(usage) = spent.usage.filter(|_| operations > 0.0) else { return };
        self.set(Metric::Cpu, usage.cpu.as_secs_f64() * 1e6 / operations);
        self.set(Metric::Switches, usage.switches as f64 / operations);
    }

    /// How much memory the proxy had at most since a meter was started, and how much it has now.
    pub fn memory(&mut self, turn: &Turn<'_>) {
        for (metric, grown) in
            [(Metric::RssPeak, turn.grown_at_most_kib()), (Metric::RssSettled, turn.grown_kib())]
        {
            if let Some(grown) = grown {
                self.set(metric, grown);
            }
        }
    }

    /// Adds a figure.
    pub fn set(&mut self, metric: Metric, value: f64) {
        self.values.insert(metric, value);
    }

    /// Adds a figure unless there is a larger one.
    pub fn set_largest(&mut self, metric: Metric, value: f64) {
        self.set(metric, self.value(metric).map_or(value, |former| former.max(value)));
    }

    /// A figure, where it was measured.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        self.values.get(&metric).copied()
    }

    /// Operations whose costs are known.
    pub fn operations(&self) -> f64 {
        self.operations
    }

    /// What was measured.
    pub fn metrics(&self) -> impl Iterator<Item = Metric> {
        self.values.keys().copied()
    }

    /// The figures in a line.
    pub fn line(&self, operation: Operation) -> String {
        let cell = |(metric, value): (&Metric, &f64)| {
            format!("{} {:.*}", metric.title(operation), metric.decimals(), value)
        };
        self.values.iter().map(cell).collect::<Vec<_>>().join("  ")
    }
}
