//! What Sealock tells of itself: histograms of its metrics (docs/metrics.md).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, ensure};

/// A histogram as it stood at some moment: upper bounds in seconds, and how many values were not above each.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets(Vec<(f64, f64)>);

impl Buckets {
    /// Reads `metric`, which has no labels.
    pub fn read(admin: SocketAddr, metric: &str) -> anyhow::Result<Self> {
        let buckets = Self::parse(&page(admin)?, metric);
        ensure!(!buckets.0.is_empty(), "no histogram {metric}");
        Ok(buckets)
    }

    /// What was added since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        let new = self.0.iter().zip(&earlier.0).map(|(now, then)| (now.0, now.1 - then.1));
        Self(new.collect())
    }

    /// A quantile, with equal distances between the values of a bucket, as Prometheus has it; 0 without any value.
    pub fn quantile(&self, quantile: f64) -> f64 {
        let rank = quantile * self.0.last().map_or(0.0, |bucket| bucket.1);
        let mut below = (0.0, 0.0);
        for &(bound, count) in &self.0 {
            if count >= rank && count > below.1 {
                let share = (rank - below.1) / (count - below.1);
                return if bound.is_finite() { below.0 + (bound - below.0) * share } else { below.0 };
            }
            below = (bound, count);
        }
        0.0
    }

    fn parse(page: &str, metric: &str) -> Self {
        let prefix = format!("{metric}_bucket{{le=\"");
        let bucket = |line: &str| {
            let (bound, count) = line.strip_prefix(&prefix)?.split_once("\"} ")?;
            Some((bound.parse().ok()?, count.parse().ok()?))
        };
        Self(page.lines().filter_map(bucket).collect())
    }
}

/// A counter or a gauge without labels.
pub fn value(admin: SocketAddr, metric: &str) -> anyhow::Result<f64> {
    let page = page(admin)?;
    let value = page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    Ok(value.with_context(|| format!("no metric {metric}"))?.parse()?)
}

fn page(admin: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(admin)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "no metrics: {answer}");
    Ok(answer.split_once("\r\n\r\n").context("no body")?.1.to_owned())
}
