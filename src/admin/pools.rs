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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A pool of ten, of which so many are leased.
    pub(crate) fn row(backend: &str, account: &str, leased: u32, waiters: u32) -> PoolRow {
        PoolRow {
            backend: backend.to_owned(),
            account: account.to_owned(),
            mode: Mode::Multiplex,
            leased,
            pinned: leased / 2,
            idle: 10 - leased,
            waiters,
            limit: 10,
            oldest_wait_seconds: f64::from(waiters),
        }
    }

    fn names(pools: &Pools) -> Vec<(&str, &str)> {
        pools.pools.iter().map(|row| (row.backend.as_str(), row.account.as_str())).collect()
    }

    #[test]
    fn where_clients_wait_comes_first_then_the_fullest_then_by_name() {
        let rows = [
            row("db2", "nova", 3, 0),
            row("db1", "nova", 3, 0),
            row("db1", "glance", 9, 0),
            row("db2", "neutron", 1, 4),
        ];
        let pools = Pools::select(rows, &PoolFilter::default());
        assert_eq!(names(&pools), [("db2", "neutron"), ("db1", "glance"), ("db1", "nova"), ("db2", "nova")]);
    }

    #[test]
    fn account_and_backend_filter_and_the_limit_cuts() {
        let rows = || [row("db1", "nova", 3, 0), row("db2", "nova", 2, 0), row("db1", "glance", 1, 0)];
        let account = Some("nova".to_owned());
        let nova = Pools::select(rows(), &PoolFilter { account, limit: 1, ..PoolFilter::default() });
        assert_eq!((names(&nova), nova.total, nova.truncated), (vec![("db1", "nova")], 2, true));
        let backend = Some("db1".to_owned());
        let db1 = Pools::select(rows(), &PoolFilter { backend, ..PoolFilter::default() });
        assert_eq!((names(&db1), db1.truncated), (vec![("db1", "nova"), ("db1", "glance")], false));
    }

    #[test]
    fn the_names_of_the_fields_stay_what_they_are() {
        let json = serde_json::to_value(Pools::select([row("db1", "nova", 4, 2)], &PoolFilter::default()));
        let expected = serde_json::json!({
            "total": 1,
            "truncated": false,
            "pools": [{
                "backend": "db1", "account": "nova", "mode": "multiplex", "leased": 4, "pinned": 2, "idle": 6,
                "waiters": 2, "limit": 10, "oldest_wait_seconds": 2.0,
            }],
        });
        assert_eq!(json.unwrap(), expected);
    }
}
