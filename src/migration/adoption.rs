//! How far each account has come, from the ledger: what `/api/v1/adoption` and `sealock adoption` show.
//!
//! An account is ready for TLS to be enforced when it has been seen, and seen with nothing but TLS for `migration.quiet_period`.
//! Unix sockets count for neither side: nothing crosses a network there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::model::Stage;
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
    /// The stage in force.
    pub stage: Stage,
    /// First login; none: it was never seen.
    pub first_seen: Option<u64>,
    /// Last login.
    pub last_seen: Option<u64>,
    /// Connections inside TLS.
    pub tls: u64,
    /// Connections in plaintext over a network.
    pub plaintext: u64,
    /// Logins in plaintext that were refused.
    pub refused: u64,
    /// Connections over unix sockets.
    pub unix: u64,
    /// TLS among the logins over a network, from 0 to 1; none when there was none.
    pub share: Option<f64>,
    /// The first login in plaintext, refused or not.
    pub first_plaintext: Option<u64>,
    /// The last one.
    pub last_plaintext: Option<u64>,
    /// Whether TLS can be enforced without anybody being refused who came within the quiet period.
    pub ready: bool,
    /// Why, or why not.
    pub reason: String,
}

/// What an account is asked for, and since when it has to have been quiet.
pub struct Measure<'a> {
    /// The stage in force of an account.
    pub stage: &'a dyn Fn(&str) -> Stage,
    /// `migration.quiet_period`.
    pub quiet: Duration,
    /// A Unix timestamp.
    pub now: u64,
}

impl Adoption {
    /// Of all that was counted, and of `expected` accounts that may never have come.
    pub fn of(
        entries: Vec<Entry>,
        expected: impl IntoIterator<Item = String>,
        measure: &Measure<'_>,
    ) -> Self {
        let mut accounts: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
        for account in expected {
            accounts.entry(account).or_default();
        }
        for entry in &entries {
            accounts.entry(entry.client.account.clone()).or_default().push(entry);
        }
        let accounts = accounts.into_iter().map(|(name, entries)| row(name, &entries, measure)).collect();
        Self { accounts, entries }
    }
}

fn row(account: String, entries: &[&Entry], measure: &Measure<'_>) -> AccountRow {
    let sum = |count: fn(&Entry) -> u64| entries.iter().map(|entry| count(entry)).sum::<u64>();
    let (tls, plaintext, refused) =
        (sum(Entry::tls_connections), sum(|entry| entry.plaintext), sum(|entry| entry.refused));
    let row = AccountRow {
        stage: (measure.stage)(&account),
        account,
        first_seen: entries.iter().map(|entry| entry.first_seen).min(),
        last_seen: entries.iter().map(|entry| entry.last_seen).max(),
        tls,
        plaintext,
        refused,
        unix: sum(|entry| entry.unix),
        share: share(tls, plaintext + refused),
        first_plaintext: entries.iter().filter_map(|entry| entry.first_plaintext).min(),
        last_plaintext: entries.iter().filter_map(|entry| entry.last_in_plaintext()).max(),
        ready: false,
        reason: String::new(),
    };
    let (ready, reason) = verdict(&row, measure);
    AccountRow { ready, reason, ..row }
}

fn verdict(row: &AccountRow, measure: &Measure<'_>) -> (bool, String) {
    let (quiet, since) =
        (measure.quiet, |moment: u64| Duration::from_secs(measure.now.saturating_sub(moment)));
    let Some(first_seen) = row.first_seen else { return (false, "it was never seen".to_owned()) };
    let only = if row.tls > 0 { "TLS" } else { "unix sockets" };
    match row.last_plaintext {
        Some(_) if row.tls == 0 => (false, "it has never used TLS".to_owned()),
        Some(last) if since(last) < quiet => {
            (false, format!("in plaintext {} ago, less than {}", span(since(last)), span(quiet)))
        }
        _ if since(first_seen) < quiet => {
            (false, format!("known for {} only, less than {}", span(since(first_seen)), span(quiet)))
        }
        last => (true, format!("nothing but {only} for {}", span(since(last.unwrap_or(first_seen))))),
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

    fn only<T>(record: impl Fn(&Ledger) -> T, now: u64) -> AccountRow {
        let ledger = Ledger::new(10, Vec::new());
        record(&ledger);
        let [row] = Adoption::of(ledger.entries(), [], &measure(now)).accounts.try_into().unwrap();
        row
    }

    fn measure(now: u64) -> Measure<'static> {
        Measure { stage: &|_| Stage::Warn, quiet: QUIET, now }
    }

    #[test]
    fn who_is_refused_is_left_in_plaintext_and_who_never_came_is_not_ready() {
        let ledger = Ledger::new(10, Vec::new());
        ledger.record(sighting("nova", "api", tls()), at(0));
        ledger.refuse(sighting("nova", "api", Transport::Plaintext), at(8 * DAY));
        let expected = ["glance".to_owned(), "nova".to_owned()];
        let [glance, nova] =
            Adoption::of(ledger.entries(), expected, &measure(9 * DAY)).accounts.try_into().unwrap();
        assert_eq!((nova.refused, nova.plaintext, nova.share, nova.ready), (1, 0, Some(0.5), false));
        assert_eq!((nova.first_plaintext, nova.last_plaintext), (Some(8 * DAY), Some(8 * DAY)));
        assert_eq!((glance.ready, glance.reason.as_str(), glance.share), (false, "it was never seen", None));
    }

    #[test]
    fn an_account_of_unix_sockets_alone_is_ready() {
        let row = only(|ledger| ledger.record(sighting("root", "", Transport::Unix), at(0)), 8 * DAY);
        assert!(row.ready && row.reason == "nothing but unix sockets for 8d 0h", "{row:?}");
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
