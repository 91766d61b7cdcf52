//! What came out, for people (Markdown) and for programs (JSON).

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;

use serde::Serialize;

use crate::contestant::Contestant;
use crate::load::Outcome;
use crate::stage::{Stage, haproxy_version, version};
use crate::usage::Usage;

/// One contestant in one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    queries_per_second: f64,
    p95_ms: f64,
    /// User and system time of the proxy's process, in microseconds. Connecting is in it: 16 handshakes a run.
    cpu_us_per_query: f64,
    switches_per_query: f64,
}

/// All rounds.
#[derive(Serialize)]
pub struct Report {
    about: BTreeMap<&'static str, String>,
    rounds: Vec<Entry>,
    system_calls_per_query: BTreeMap<Contestant, BTreeMap<String, f64>>,
}

#[derive(Serialize)]
struct Entry {
    round: u32,
    contestant: Contestant,
    #[serde(flatten)]
    sample: Sample,
}

/// Median, smallest and largest of some values.
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Sample {
    /// From what the load reports and the proxy used meanwhile.
    #[expect(clippy::cast_precision_loss, reason = "quotients for people")]
    pub fn new(outcome: &Outcome, usage: Usage) -> Self {
        let queries = outcome.queries as f64;
        Self {
            queries_per_second: outcome.queries_per_second,
            p95_ms: outcome.p95_ms,
            cpu_us_per_query: usage.cpu.as_secs_f64() * 1e6 / queries,
            switches_per_query: usage.switches as f64 / queries,
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:8.0} queries/s   p95 {:5.2} ms   {:5.1} µs CPU and {:4.2} switches a query",
            self.queries_per_second, self.p95_ms, self.cpu_us_per_query, self.switches_per_query
        )
    }
}

impl Report {
    /// An empty report on what is about to happen.
    pub fn new(stage: &Stage, rounds: NonZeroU32, seconds: NonZeroU32, clients: NonZeroU32) -> Self {
        let unknown = || "unknown".to_owned();
        let about = [
            ("cpu", cpu_model().unwrap_or_else(unknown)),
            ("cores", std::thread::available_parallelism().map_or_else(|_| unknown(), |n| n.to_string())),
            ("kernel", first_line("/proc/sys/kernel/osrelease").unwrap_or_else(unknown)),
            ("load average before", first_line("/proc/loadavg").unwrap_or_else(unknown)),
            ("mariadb", stage.server_version().to_owned()),
            ("sysbench", version(Path::new("sysbench"), "--version").unwrap_or_else(unknown)),
            ("haproxy", haproxy_version().unwrap_or_else(|| "not installed".to_owned())),
            ("sealock", env!("CARGO_PKG_VERSION").to_owned()),
            ("worker threads", stage.threads().to_string()),
            ("load", format!("oltp_point_select, text protocol, {clients} clients")),
            ("rounds", format!("{rounds} of {seconds} s")),
        ];
        Self { about: BTreeMap::from(about), rounds: Vec::new(), system_calls_per_query: BTreeMap::new() }
    }

    /// Adds what a contestant did in a round.
    pub fn add(&mut self, round: u32, contestant: Contestant, sample: Sample) {
        self.rounds.push(Entry { round, contestant, sample });
    }

    /// Adds how often a contestant calls the system for a query.
    pub fn add_system_calls(&mut self, contestant: Contestant, calls: BTreeMap<String, f64>) {
        self.system_calls_per_query.insert(contestant, calls);
    }

    /// Writes `end_to_end.md` and `end_to_end.json`.
    pub fn write(&self, directory: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("end_to_end.md"), self.markdown())?;
        fs::write(directory.join("end_to_end.json"), serde_json::to_string_pretty(self)?)?;
        Ok(())
    }

    /// The tables.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.about {
            let _ = writeln!(text, "- {name}: {value}");
        }
        text.push_str(
            "\nMedian (smallest–largest) over the rounds; ratios are of CPU a query, taken within a round. \
             ≈ marks a ratio that was on both sides of 1.\n\n\
             | | queries/s | p95 ms | CPU µs/query | ÷ floor | ÷ HAProxy | switches/query |\n\
             |---|---|---|---|---|---|---|\n",
        );
        for contestant in self.contestants() {
            self.append_row(contestant, &mut text);
        }
        self.append_system_calls(&mut text);
        text
    }

    fn append_row(&self, contestant: Contestant, text: &mut String) {
        let cell = |value: fn(&Sample) -> f64, decimals| {
            Spread::of(self.samples(contestant).map(|(_, sample)| value(sample)))
                .map_or_else(String::new, |spread| spread.cell(decimals))
        };
        let _ = writeln!(
            text,
            "| {contestant} | {} | {} | {} | {} | {} | {} |",
            cell(|sample| sample.queries_per_second, 0),
            cell(|sample| sample.p95_ms, 2),
            cell(|sample| sample.cpu_us_per_query, 1),
            self.ratio(contestant, contestant.floor()),
            self.ratio(contestant, Contestant::HaproxyPlaintext),
            cell(|sample| sample.switches_per_query, 2),
        );
    }

    /// CPU a query of one contestant by that of another, round by round.
    fn ratio(&self, contestant: Contestant, other: Contestant) -> String {
        if contestant == other {
            return String::new();
        }
        let ratios = self.samples(contestant).filter_map(|(round, sample)| {
            let (_, other) = self.samples(other).find(|&(same, _)| same == round)?;
            Some(sample.cpu_us_per_query / other.cpu_us_per_query)
        });
        Spread::of(ratios).map_or_else(String::new, |spread| {
            let noise = if spread.min < 1.0 && spread.max > 1.0 { " ≈" } else { "" };
            spread.cell(2) + noise
        })
    }

    fn append_system_calls(&self, text: &mut String) {
        if self.system_calls_per_query.is_empty() {
            return;
        }
        text.push_str(
            "\nSystem calls a query, under strace (which slows everything down and so spreads it out):\n\n",
        );
        for (contestant, calls) in &self.system_calls_per_query {
            let mut calls: Vec<_> = calls.iter().collect();
            calls.sort_by(|a, b| b.1.total_cmp(a.1));
            let list: Vec<String> = calls.iter().map(|(name, count)| format!("{name} {count:.3}")).collect();
            let sum: f64 = calls.iter().map(|(_, count)| **count).sum();
            let _ = writeln!(text, "- {contestant}: {sum:.2} = {}", list.join(", "));
        }
    }

    fn contestants(&self) -> impl Iterator<Item = Contestant> {
        Contestant::ALL.into_iter().filter(|&contestant| self.samples(contestant).next().is_some())
    }

    fn samples(&self, contestant: Contestant) -> impl Iterator<Item = (u32, &Sample)> {
        let of_contestant = self.rounds.iter().filter(move |entry| entry.contestant == contestant);
        of_contestant.map(|entry| (entry.round, &entry.sample))
    }
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let lower = if values.len().is_multiple_of(2) { *values.get(middle - 1)? } else { upper };
        Some(Self { median: f64::midpoint(lower, upper), min: *values.first()?, max: *values.last()? })
    }

    fn cell(&self, decimals: usize) -> String {
        format!("{:.*} ({:.*}–{:.*})", decimals, self.median, decimals, self.min, decimals, self.max)
    }
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(": ").map(|(_, model)| model.to_owned())
}

fn first_line(file: &str) -> Option<String> {
    fs::read_to_string(file).ok().and_then(|text| text.lines().next().map(str::to_owned))
}
