//! How far each account has come, from the ledger: what `/api/v1/adoption` and `sealock adoption` show.
//!
//! An account is ready for TLS to be enforced when it has been seen, and seen with nothing but TLS for `migration.quiet_period`.
//! Unix sockets count for neither side: nothing crosses a network there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::migration::ledger::Entry;

/// All accounts, and everything that is known of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adoption {
    /// By name.
    pub accounts: Vec<AccountRow>,
    /// By account, network, program and listener.
    pub entries: Vec<Entry>,
}

/// One account. Times are Unix timestamps in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountRow {
    /// Its name.
    pub account: String,
    /// First connection.
    pub first_seen: u64,
    /// Last connection.
    pub last_seen: u64,
    /// Connections inside TLS.
    pub tls: u64,
    /// Connections in plaintext over a network.
    pub plaintext: u64,
    /// Connections over unix sockets.
    pub unix: u64,
    /// TLS among those over a network, from 0 to 1; none when there was none.
    pub share: Option<f64>,
    /// The last connection in plaintext.
    pub last_plaintext: Option<u64>,
    /// Whether TLS can be enforced.
    pub ready: bool,
    /// Why, or why not.
    pub reason: String,
}

impl Adoption {
    /// At `now`, a Unix timestamp.
    pub fn of(entries: Vec<Entry>, quiet: Duration, now: u64) -> Self {
        let mut accounts: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in &entries {
            accounts.entry(&entry.client.account).or_default().push(entry);
        }
        let accounts = accounts.into_iter().map(|(name, entries)| row(name, &entries, quiet, now)).collect();
        Self { accounts, entries }
    }
}

fn row(name: &str, entries: &[&Entry], quiet: Duration, now: u64) -> AccountRow {
    let sum = |count: fn(&Entry) -> u64| entries.iter().map(|entry| count(entry)).sum::<u64>();
    let (tls, plaintext) = (sum(Entry::tls_connections), sum(|entry| entry.plaintext));
    let first_seen = entries.iter().map(|entry| entry.first_seen).min().unwrap_or(now);
    let last_plaintext = entries.iter().filter_map(|entry| entry.last_plaintext).max();
    let (ready, reason) = verdict(tls, first_seen, last_plaintext, quiet, now);
    AccountRow {
        account: name.to_owned(),
        first_seen,
        last_seen: entries.iter().map(|entry| entry.last_seen).max().unwrap_or(now),
        tls,
        plaintext,
        unix: sum(|entry| entry.unix),
        share: share(tls, plaintext),
        last_plaintext,
        ready,
        reason,
    }
}

fn verdict(
    tls: u64,
    first_seen: u64,
    last_plaintext: Option<u64>,
    quiet: Duration,
    now: u64,
) -> (bool, String) {
    let since = |moment: u64| Duration::from_secs(now.saturating_sub(moment));
    match last_plaintext {
        _ if tls == 0 => (false, "it has never used TLS".to_owned()),
        Some(last) if since(last) < quiet => {
            (false, format!("in plaintext {} ago, less than {}", span(since(last)), span(quiet)))
        }
        _ if since(first_seen) < quiet => {
            (false, format!("known for {} only, less than {}", span(since(first_seen)), span(quiet)))
        }
        _ => (true, format!("nothing but TLS for {}", span(since(last_plaintext.unwrap_or(first_seen))))),
    }
}

/// Counts stay below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn share(tls: u64, plaintext: u64) -> Option<f64> {
    let all = tls + plaintext;
    (all > 0).then(|| tls as f64 / all as f64)
}

/// `3d 4h`, `5h 6m`, `7m 8s`: the two largest units.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m {seconds}s"),
        (0, hours, minutes, _) => format!("{hours}h {minutes}m"),
        (days, hours, ..) => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::ledger::tests::{at, sighting, tls};
    use crate::migration::ledger::{Ledger, Transport};

    const DAY: u64 = 86_400;
    const QUIET: Duration = Duration::from_secs(7 * DAY);

    fn only(record: impl Fn(&Ledger), now: u64) -> AccountRow {
        let ledger = Ledger::new(10, Vec::new());
        record(&ledger);
        let [row] = Adoption::of(ledger.entries(), QUIET, now).accounts.try_into().unwrap();
        row
    }

    #[test]
    fn an_account_is_ready_after_a_quiet_period_of_nothing_but_tls() {
        let record = |ledger: &Ledger| {
            ledger.record(sighting("nova", "api", Transport::Plaintext), at(DAY));
            ledger.record(sighting("nova", "compute", tls()), at(2 * DAY));
            ledger.record(sighting("nova", "compute", tls()), at(3 * DAY));
        };
        let early = only(record, 8 * DAY - 1);
        assert!(!early.ready && early.reason == "in plaintext 6d 23h ago, less than 7d 0h", "{early:?}");
        let late = only(record, 8 * DAY);
        assert!(late.ready && late.reason == "nothing but TLS for 7d 0h", "{late:?}");
        assert_eq!((late.tls, late.plaintext, late.last_plaintext), (2, 1, Some(DAY)));
        assert!((late.share.unwrap() - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn who_was_never_seen_with_tls_or_only_just_came_is_not_ready() {
        let plain =
            only(|ledger| ledger.record(sighting("nova", "api", Transport::Plaintext), at(0)), 99 * DAY);
        assert!(!plain.ready && plain.reason == "it has never used TLS", "{plain:?}");
        let new = only(|ledger| ledger.record(sighting("nova", "api", tls()), at(DAY)), 2 * DAY);
        assert!(!new.ready && new.reason == "known for 1d 0h only, less than 7d 0h", "{new:?}");
    }

    #[test]
    fn unix_sockets_count_for_neither_side() {
        let record = |ledger: &Ledger| {
            ledger.record(sighting("nova", "api", tls()), at(0));
            ledger.record(sighting("nova", "api", Transport::Unix), at(8 * DAY));
        };
        let row = only(record, 8 * DAY);
        assert!(row.ready && row.share == Some(1.0) && row.unix == 1, "{row:?}");
    }
}
