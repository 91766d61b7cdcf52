//! What a candidate (`[listener.shadow]`) would have broken, by account.
//!
//! Only logins inside TLS that went well are tried, and counted when the client has proved who it is. The counts begin anew
//! when the candidate changes. As many accounts as the ledger has entries, and as many causes as there are: bounded.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::migration::explain::Cause;
use crate::migration::ledger::Key;
use crate::telemetry::Label as _;

/// Accounts that are told apart.
const MOST_ACCOUNTS: usize = 10_000;

/// What a candidate would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The generation of the configuration that brought the candidate; none: nothing is tried.
    pub since_generation: Option<u64>,
    /// By name.
    pub accounts: Vec<ShadowRow>,
}

/// What it would have done to one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowRow {
    /// Its name.
    pub account: String,
    /// Logins that it was tried on.
    pub logins: u64,
    /// Those that would have failed.
    pub broken: u64,
    /// Why.
    pub causes: Vec<CauseRow>,
}

/// Logins that would have failed for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseRow {
    /// The code of the cause, see [`Cause`].
    pub cause: String,
    /// What to do.
    pub remedy: String,
    /// How many.
    pub logins: u64,
    /// The network of the last.
    pub network: String,
    /// Its program.
    pub program: String,
}

/// The counts.
#[derive(Default)]
pub struct Shadows(Mutex<State>);

#[derive(Default)]
struct State {
    since: Option<u64>,
    rows: BTreeMap<String, ShadowRow>,
}

impl Shadows {
    /// Counts a login that the candidate of generation `since` was tried on.
    pub fn record(&self, since: u64, client: &Key, objections: &[Cause]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.since != Some(since) {
            *state = State { since: Some(since), rows: BTreeMap::new() };
        }
        if state.rows.len() >= MOST_ACCOUNTS && !state.rows.contains_key(&client.account) {
            return;
        }
        let row = state.rows.entry(client.account.clone()).or_default();
        row.account.clone_from(&client.account);
        row.logins += 1;
        row.broken += u64::from(!objections.is_empty());
        objections.iter().for_each(|cause| row.count(*cause, client));
    }

    /// What was counted for the candidate of generation `since`, which is the one in force.
    pub fn report(&self, since: Option<u64>) -> Report {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let current = since.is_some() && state.since == since;
        let accounts = if current { state.rows.values().cloned().collect() } else { Vec::new() };
        Report { since_generation: since, accounts }
    }
}

impl ShadowRow {
    fn count(&mut self, cause: Cause, client: &Key) {
        let code = cause.label();
        let at = self.causes.iter().position(|row| row.cause == code).unwrap_or_else(|| {
            let (cause, remedy) = (code.to_owned(), cause.remedy().to_owned());
            let (network, program) = (String::new(), String::new());
            self.causes.push(CauseRow { cause, remedy, logins: 0, network, program });
            self.causes.len() - 1
        });
        if let Some(row) = self.causes.get_mut(at) {
            row.logins += 1;
            row.network.clone_from(&client.network);
            row.program.clone_from(&client.program);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::ledger::tests::{sighting, tls};

    #[test]
    fn what_would_break_is_counted_by_account_and_cause_until_the_candidate_changes() {
        let shadows = Shadows::default();
        let client = |account: &str| sighting(account, "api", tls()).client;
        shadows.record(3, &client("nova"), &[Cause::NoCommonVersion, Cause::CertificateMissing]);
        shadows.record(3, &client("nova"), &[Cause::NoCommonVersion]);
        shadows.record(3, &client("nova"), &[]);
        shadows.record(3, &client("glance"), &[]);
        let [glance, nova] = shadows.report(Some(3)).accounts.try_into().unwrap();
        assert_eq!((glance.logins, glance.broken, glance.causes.len()), (1, 0, 0));
        assert_eq!((nova.logins, nova.broken), (3, 2));
        let causes: Vec<(&str, u64)> =
            nova.causes.iter().map(|row| (row.cause.as_str(), row.logins)).collect();
        assert_eq!(causes, [("no_common_version", 2), ("certificate_missing", 1)]);
        assert_eq!(shadows.report(Some(4)).accounts, [], "of another candidate nothing is known");
        shadows.record(4, &client("nova"), &[]);
        assert_eq!(shadows.report(Some(4)).accounts[0].logins, 1);
    }
}
