//! Operations as they end: how many, how long each took, how many failed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Latencies are kept in nanoseconds with three digits, up to this many.
const LONGEST: u64 = 600_000_000_000;
const DIGITS: u8 = 3;

/// What the clients of a load have done.
pub struct Tally {
    latency: Histogram<u64>,
    service: Histogram<u64>,
    errors: u64,
    first_error: Option<String>,
}

/// A tally that clients share.
#[derive(Clone)]
pub struct SharedTally(Arc<Mutex<Tally>>);

impl Tally {
    fn new() -> anyhow::Result<Self> {
        let empty = Histogram::new_with_bounds(1, LONGEST, DIGITS)?;
        Ok(Self { latency: empty.clone(), service: empty, errors: 0, first_error: None })
    }

    /// Operations that were answered.
    pub fn done(&self) -> u64 {
        self.latency.len()
    }

    /// Those that failed.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// What the first of those heard.
    pub fn first_error(&self) -> Option<&str> {
        self.first_error.as_deref()
    }

    /// A quantile of the time from when an operation was due to its end.
    pub fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1e6
    }

    /// A quantile of the time from when it was sent to its end.
    pub fn service_ms(&self, quantile: f64) -> f64 {
        self.service.value_at_quantile(quantile) as f64 / 1e6
    }
}

impl SharedTally {
    /// Nothing done.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(Tally::new()?))))
    }

    /// An operation that began when it was due.
    pub fn add(&self, latency: Duration) {
        self.add_late(latency, latency);
    }

    /// An operation that began late: times since it was due and since it began.
    pub fn add_late(&self, latency: Duration, service: Duration) {
        self.change(|tally| {
            tally.latency.saturating_record(nanoseconds(latency));
            tally.service.saturating_record(nanoseconds(service));
        });
    }

    /// An operation that failed.
    pub fn add_error(&self, error: &anyhow::Error) {
        self.change(|tally| {
            tally.errors += 1;
            tally.first_error.get_or_insert_with(|| format!("{error:#}"));
        });
    }

    /// The tally so far; it begins anew.
    pub fn take(&self) -> anyhow::Result<Tally> {
        let mut taken = Tally::new()?;
        self.change(|tally| std::mem::swap(tally, &mut taken));
        if let Some(error) = taken.first_error() {
            eprintln!("    {} errors, the first: {error}", taken.errors());
        }
        Ok(taken)
    }

    fn change(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
