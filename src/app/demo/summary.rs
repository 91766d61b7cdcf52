//! The live summary: who is connected and how, how much they ask, how long the certificate lasts.
//!
//! It is read from the proxy's own metrics, so that it shows what `/metrics` shows.

use std::fmt;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::app::demo::screen::{Kind, Screen};
use crate::app::signal::Signals;
use crate::telemetry::label::Transport;
use crate::telemetry::names::{CERTIFICATE_NOT_AFTER, CLIENTS, COMMANDS, Spec};
use crate::telemetry::{Label as _, Registry};

/// Commands that are queries to whoever sends them.
const QUERIES: [&str; 3] = ["query", "stmt_execute", "stmt_bulk_execute"];

/// Shows the summary until a signal comes.
pub(super) async fn show(screen: &mut Screen, registry: &Registry, signals: &mut Signals) {
    let mut ticks = tokio::time::interval(pace(screen.kind()));
    let (mut before, mut shown) = (Reading::of(&registry.render()), String::new());
    loop {
        tokio::select! {
            _ = signals.next() => return,
            _ = ticks.tick() => {}
        }
        let reading = Reading::of(&registry.render());
        let line = Summary::between(&before, &reading).to_string();
        before = reading;
        if screen.kind() == Kind::Terminal || line != shown {
            screen.replace(&line);
        }
        shown = line;
    }
}

/// How often something may be said.
fn pace(kind: Kind) -> Duration {
    Duration::from_secs(match kind {
        Kind::Terminal => 1,
        Kind::Plain => 10,
    })
}

/// What the metrics say at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reading {
    at: Instant,
    tls: f64,
    plaintext: f64,
    queries: f64,
    not_after: f64,
}

impl Reading {
    fn of(metrics: &str) -> Self {
        Self {
            at: Instant::now(),
            tls: value(metrics, &CLIENTS.spec, &[Transport::Tls.label()]),
            plaintext: value(metrics, &CLIENTS.spec, &[Transport::Plaintext.label()]),
            queries: QUERIES.iter().map(|command| value(metrics, &COMMANDS.spec, &[command])).sum(),
            not_after: value(metrics, &CERTIFICATE_NOT_AFTER.spec, &["listener[0]", "leaf"]),
        }
    }
}

/// The value of a metric with these labels, in Prometheus' text format; 0 where it has not been seen yet.
fn value(metrics: &str, spec: &Spec, values: &[&str]) -> f64 {
    let labels = spec.labels.iter().zip(values).map(|(name, value)| format!("{name}=\"{value}\""));
    let prefix = format!("{}{{{}}} ", spec.name, labels.collect::<Vec<_>>().join(","));
    metrics.lines().find_map(|line| line.strip_prefix(&prefix)?.parse().ok()).unwrap_or(0.0)
}

/// What is shown.
#[derive(Debug, PartialEq)]
struct Summary {
    tls: f64,
    plaintext: f64,
    per_second: f64,
    days: f64,
}

impl Summary {
    fn between(before: &Reading, now: &Reading) -> Self {
        const DAY: f64 = 86_400.0;
        let seconds = now.at.duration_since(before.at).as_secs_f64();
        let queries = (now.queries - before.queries).max(0.0);
        let left = now.not_after - OffsetDateTime::now_utc().unix_timestamp() as f64;
        Self {
            tls: now.tls,
            plaintext: now.plaintext,
            per_second: if seconds > 0.0 { queries / seconds } else { 0.0 },
            days: (left / DAY).floor(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tls, plaintext, per_second, days } = self;
        // One that was asked in ten seconds is not none.
        let digits = usize::from(*per_second > 0.0 && *per_second < 9.95);
        write!(
            f,
            "clients: {tls} TLS, {plaintext} plaintext | {per_second:.digits$} queries/s | certificate: {days} days left"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "# TYPE sealock_clients gauge
sealock_clients{transport=\"plaintext\"} 1
sealock_clients{transport=\"tls\"} 2
sealock_clients{transport=\"unix\"} 7

sealock_commands_total{command=\"ping\"} 1000
sealock_commands_total{command=\"query\"} 30
sealock_commands_total{command=\"stmt_execute\"} 12
";

    #[test]
    fn a_reading_tells_transports_apart_and_counts_queries_only() {
        let reading = Reading::of(METRICS);
        assert_eq!((reading.tls, reading.plaintext, reading.queries), (2.0, 1.0, 42.0));
    }

    #[test]
    fn the_names_are_those_under_which_the_proxy_counts() {
        let registry = Registry::new();
        let held = registry.gauges::<Transport>(&CLIENTS, &[]).hold(Transport::Tls);
        registry.counter(&COMMANDS, &["stmt_bulk_execute"]).increment(5);
        registry.gauge(&CERTIFICATE_NOT_AFTER, &["listener[0]", "leaf"]).set(1_800_000_000.0);
        let reading = Reading::of(&registry.render());
        assert_eq!((reading.tls, reading.queries, reading.not_after), (1.0, 5.0, 1_800_000_000.0));
        drop(held);
    }

    #[test]
    fn queries_are_counted_per_second_of_the_time_between_two_readings() {
        let before = Reading { queries: 10.0, ..Reading::of("") };
        let now = Reading { at: before.at + Duration::from_secs(10), queries: 13.0, ..before };
        assert_eq!(Summary::between(&before, &now).per_second, 0.3);
        assert_eq!(Summary::between(&now, &now).per_second, 0.0);
    }

    #[test]
    fn the_line_fits_a_narrow_terminal_and_shows_slow_clients() {
        let summary = Summary { tls: 12.0, plaintext: 10.0, per_second: 123_456.7, days: 29.0 };
        assert_eq!(
            summary.to_string(),
            "clients: 12 TLS, 10 plaintext | 123457 queries/s | certificate: 29 days left"
        );
        assert!(summary.to_string().len() < 80);
        let slow = Summary { per_second: 0.3, ..summary };
        assert!(slow.to_string().contains("| 0.3 queries/s |"), "{slow}");
    }
}
