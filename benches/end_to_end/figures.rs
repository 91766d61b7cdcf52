//! What is measured, and one contestant's figures of one turn.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::tally::Tally;
use crate::usage::Spent;

/// A quantity, in the order of the report's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Operations in a second.
    Throughput,
    /// Percentiles of an operation's latency, from the moment at which it was due.
    P50,
    /// See [`P50`](Self::P50); the only one that sysbench tells.
    P95,
    /// See [`P50`](Self::P50).
    P99,
    /// See [`P50`](Self::P50).
    P999,
    /// The median from the moment at which it was really sent: without what the generator was late.
    ServiceP50,
    /// The 99th percentile of the same.
    ServiceP99,
    /// User and system time of the proxy's process, for each operation.
    Cpu,
    /// Context switches of the proxy's threads, for each operation.
    Switches,
    /// 99th percentile of the time that Sealock's clients waited for a connection to the server, as its metrics tell.
    AcquireP99,
    /// Commands that the server counted for each that a client sent.
    BackendCommands,
    /// Connections that the server counted for each that a client opened.
    BackendConnections,
    /// Resident memory that each client adds.
    RssPerClient,
    /// The most resident memory, above what the process had when it was new.
    RssPeak,
    /// Resident memory a moment after, above the same.
    RssSettled,
    /// Operations that failed.
    Errors,
}

/// One contestant's figures of one turn.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Figures(BTreeMap<Metric, f64>);

impl Metric {
    /// A column's title, for a load whose operation is `operation`.
    pub fn title(self, operation: &str) -> String {
        match self {
            Self::Throughput => format!("{operation}s/s"),
            Self::P50 => "p50 ms".to_owned(),
            Self::P95 => "p95 ms".to_owned(),
            Self::P99 => "p99 ms".to_owned(),
            Self::P999 => "p99.9 ms".to_owned(),
            Self::ServiceP50 => "p50 since sent ms".to_owned(),
            Self::ServiceP99 => "p99 since sent ms".to_owned(),
            Self::Cpu => format!("CPU µs/{operation}"),
            Self::Switches => format!("switches/{operation}"),
            Self::AcquireP99 => "p99 acquire ms".to_owned(),
            Self::BackendCommands => "server commands/command".to_owned(),
            Self::BackendConnections => "server connections/connection".to_owned(),
            Self::RssPerClient => "RSS KiB/client".to_owned(),
            Self::RssPeak => "peak RSS +KiB".to_owned(),
            Self::RssSettled => "RSS after +KiB".to_owned(),
            Self::Errors => "errors".to_owned(),
        }
    }

    /// Decimals that mean something.
    pub fn decimals(self) -> usize {
        match self {
            Self::Throughput | Self::RssPeak | Self::RssSettled | Self::Errors => 0,
            Self::Cpu | Self::RssPerClient => 1,
            Self::P50
            | Self::P95
            | Self::P99
            | Self::P999
            | Self::ServiceP50
            | Self::ServiceP99
            | Self::Switches
            | Self::AcquireP99 => 2,
            Self::BackendCommands | Self::BackendConnections => 3,
        }
    }
}

impl Figures {
    /// What any load can tell: rate, latency, costs, errors.
    pub fn of(tally: &Tally, spent: &Spent) -> Self {
        let mut figures = Self::default();
        figures.set(Metric::Throughput, tally.done() as f64 / spent.elapsed.as_secs_f64());
        for (metric, quantile) in [(Metric::P50, 0.5), (Metric::P99, 0.99), (Metric::P999, 0.999)] {
            figures.set(metric, tally.latency_ms(quantile));
        }
        figures.cost(spent, tally.done());
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
    pub fn cost(&mut self, spent: &Spent, operations: u64) {
        let Some(usage) = spent.usage else { return };
        let operations = operations.max(1) as f64;
        self.set(Metric::Cpu, usage.cpu.as_secs_f64() * 1e6 / operations);
        self.set(Metric::Switches, usage.switches as f64 / operations);
    }

    /// Adds a figure.
    pub fn set(&mut self, metric: Metric, value: f64) {
        self.0.insert(metric, value);
    }

    /// A figure, where it was measured.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        self.0.get(&metric).copied()
    }

    /// What was measured.
    pub fn metrics(&self) -> impl Iterator<Item = Metric> {
        self.0.keys().copied()
    }

    /// The figures in a line.
    pub fn line(&self, operation: &str) -> impl fmt::Display {
        let cell = |(metric, value): (&Metric, &f64)| {
            format!("{} {:.*}", metric.title(operation), metric.decimals(), value)
        };
        self.0.iter().map(cell).collect::<Vec<_>>().join("  ")
    }
}
