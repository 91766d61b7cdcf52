//! Several measurements of the same thing.

use serde::Serialize;

/// Median, smallest and largest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Of some values; none of none.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let lower = if values.len().is_multiple_of(2) { *values.get(middle - 1)? } else { upper };
        Some(Self { median: f64::midpoint(lower, upper), min: *values.first()?, max: *values.last()? })
    }

    /// Whether the rounds differ by more than the median of a ratio differs from 1: the noise is larger than the difference.
    pub fn is_noise(&self) -> bool {
        self.max - self.min >= (self.median - 1.0).abs()
    }

    /// The text of a table's cell.
    pub fn cell(&self, decimals: usize) -> String {
        let Self { median, min, max } = self;
        let range = format!(" ({min:.decimals$}–{max:.decimals$})");
        format!("{median:.decimals$}{}", if min < max { range } else { String::new() })
    }
}
