//! How full the pools are: `/api/v1/pools`.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::admin::sessions::{DEFAULT_LIMIT, Mode};

/// The connections of one account to one backend, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolRow {
    /// The backend's name.
    pub backend: String,
    /// The account that they are for.
    pub account: String,
    /// How they are shared.
    pub mode: Mode,
    /// Connections that sessions hold, those being opened or reset included.
    pub leased: u32,
    /// Of these, the ones that a pin keeps from others.
    pub pinned: u32,
    /// Connections that nobody holds.
    pub idle: u32,
    /// Sessions that wait for one.
    pub waiters: u32,
    /// `pool.max_connections`: leased and idle ones together are never more.
    pub limit: u32,
    /// How long the first of those that wait has waited; 0 when nobody waits.
    pub oldest_wait_seconds: f64,
}

/// What is asked for; the query parameters of `/api/v1/pools`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolFilter {
    /// Only pools of this account.
    pub account: Option<String>,
    /// Only pools on this backend.
    pub backend: Option<String>,
    /// At most so many rows.
    pub limit: usize,
}

/// The pools that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pools {
    /// How many match, also those beyond the limit.
    pub total: usize,
    /// Whether rows are missing because of the limit.
    pub truncated: bool,
    /// One row each: those with most waiters first, then those with most leased connections.
    pub pools: Vec<PoolRow>,
}

impl Default for PoolFilter {
    fn default() -> Self {
        Self { account: None, backend: None, limit: DEFAULT_LIMIT }
    }
}

impl PoolFilter {
    /// Whether a pool is asked for.
    pub fn admits(&self, row: &PoolRow) -> bool {
        self.account.as_ref().is_none_or(|account| *account == row.account)
            && self.backend.as_ref().is_none_or(|backend| *backend == row.backend)
    }
}

impl Pools {
    /// Those of `rows` that `filter` asks for, counted, ordered and cut to its limit.
    pub fn select(rows: impl IntoIterator<Item = PoolRow>, filter: &PoolFilter) -> Self {
        let mut pools: Vec<PoolRow> = rows.into_iter().filter(|row| filter.admits(row)).collect();
        let total = pools.len();
        pools.sort_unstable_by(PoolRow::precedence);
        pools.truncate(filter.limit);
        Self { total, truncated: pools.len() < total, pools }
    }
}

impl PoolRow {
    fn precedence(&self, other: &Self) -> Ordering {
        let pressure = (other.waiters, other.leased).cmp(&(self.waiters, self.leased));
        pressure.then_with(|| (&self.backend, &self.account).cmp(&(&other.backend, &other.account)))
    }
}
