//! Who connects how: a count for each account × client network × program × listener.
//!
//! Bounded: past `migration.max_entries` whatever is new counts in a bucket of its account, which shows as `*`, so that an
//! account's totals are exact all the same. One lock, taken once a login.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::migration::downgrade::{Downgrade, always_encrypted};

/// In place of network, program and listener where there is no room for them.
pub const OVERFLOW: &str = "*";

/// Seconds for which the log does not tell of the same client again.
const SILENCE: u64 = 3600;

/// A completed login.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Who.
    pub client: Key,
    /// From where; none over a unix socket.
    pub address: Option<IpAddr>,
    /// Name and version of the library; empty where it does not say.
    pub library: String,
    /// How.
    pub transport: Transport,
}

/// Who connects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The account.
    pub account: String,
    /// The client's network, see [`network`].
    pub network: String,
    /// Its program, as it says itself; empty where it does not.
    pub program: String,
    /// The listener, as in the configuration.
    pub listener: String,
}

/// How somebody connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In plaintext over a network.
    Plaintext,
    /// Over a unix socket, where nothing can be read along.
    Unix,
    /// Inside TLS.
    Tls(Tls),
}

/// What was agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tls {
    /// Protocol version.
    pub version: String,
    /// Cipher suite.
    pub cipher: String,
    /// Key-exchange group; `none` for a resumed session of TLS 1.2.
    pub group: String,
}

/// What is known of one who connects. Times are Unix timestamps in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Who.
    #[serde(flatten)]
    pub client: Key,
    /// The library of the last connection.
    pub library: String,
    /// First connection.
    pub first_seen: u64,
    /// Last connection.
    pub last_seen: u64,
    /// Connections in plaintext over a network.
    pub plaintext: u64,
    /// The first attempt in plaintext, refused or not.
    #[serde(default)]
    pub first_plaintext: Option<u64>,
    /// The last connection in plaintext.
    pub last_plaintext: Option<u64>,
    /// Logins in plaintext that the account's stage refused.
    #[serde(default)]
    pub refused: u64,
    /// The last of them.
    #[serde(default)]
    pub last_refused: Option<u64>,
    /// Connections over a unix socket.
    pub unix: u64,
    /// Connections inside TLS, by what was agreed on.
    pub tls: Vec<TlsUse>,
    /// When the log last told of it, in this process.
    #[serde(skip)]
    told: Option<u64>,
}

/// Connections that agreed on the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsUse {
    /// On what.
    #[serde(flatten)]
    pub agreed: Tls,
    /// How many.
    pub connections: u64,
}

/// The counts.
pub struct Ledger {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: HashMap<Key, Entry>,
    /// Accounts and networks from which they came encrypted, and never in plaintext.
    encrypted: HashSet<(String, String)>,
    /// How each came last, address by address, with which library: in TLS or not.
    latest: HashMap<(Key, Option<IpAddr>), (String, Option<Tls>)>,
    changed: bool,
}

impl Ledger {
    /// With what is known already, and room for `most` entries.
    pub fn new(most: usize, known: Vec<Entry>) -> Self {
        let encrypted = always_encrypted(&known);
        let entries = known.into_iter().map(|entry| (entry.client.clone(), entry)).collect();
        Self { most, state: Mutex::new(State { entries, encrypted, latest: HashMap::new(), changed: false }) }
    }

    /// Counts a login that was completed at `now`. Tells when it is less safe than those before.
    pub fn record(&self, sighting: Sighting, now: SystemTime) -> Option<Downgrade> {
        let now = seconds(now);
        let mut state = self.lock();
        let downgrade = state.downgrade(&sighting, self.most, now);
        let Sighting { client, library, transport, .. } = sighting;
        state.entry(client, self.most, now).seen(library, now).count(transport, now);
        downgrade
    }

    /// Counts a login in plaintext that its account's stage refused. The same.
    pub fn refuse(&self, sighting: Sighting, now: SystemTime) -> Option<Downgrade> {
        let now = seconds(now);
        let mut state = self.lock();
        let downgrade = state.downgrade(&sighting, self.most, now);
        let entry = state.entry(sighting.client, self.most, now).seen(sighting.library, now);
        entry.refused += 1;
        entry.first_plaintext.get_or_insert(now);
        entry.last_refused = Some(now);
        downgrade
    }

    /// Whether the log has not told of this client for an hour; then it is taken to do so now.
    pub fn is_due(&self, client: &Key, now: SystemTime) -> bool {
        let now = seconds(now);
        let mut state = self.lock();
        let entry = state.entry(client.clone(), self.most, now);
        let due = entry.told.is_none_or(|told| now >= told + SILENCE);
        if due {
            entry.told = Some(now);
        }
        due
    }

    /// All entries, in the order of their keys.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self.lock().entries.values().cloned().collect();
        entries.sort_unstable_by(|a, b| a.client.cmp(&b.client));
        entries
    }

    /// All entries if anything was counted since the last time that this was asked.
    pub fn changed_entries(&self) -> Option<Vec<Entry>> {
        let changed = std::mem::take(&mut self.lock().changed);
        changed.then(|| self.entries())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a login is less safe than those before it: of the same program at the same address, or of anybody in its
    /// network. Not asked of what shares a bucket.
    fn downgrade(&mut self, sighting: &Sighting, most: usize, now: u64) -> Option<Downgrade> {
        let client = &sighting.client;
        let place = (client.account.clone(), client.network.clone());
        let entry = self.entry(client.clone(), most, now);
        if entry.client.network == OVERFLOW {
            return None;
        }
        let first_tls = entry.tls.is_empty();
        let downgrade = self.latest_shrunk(sighting, most);
        match &sighting.transport {
            Transport::Plaintext if self.encrypted.remove(&place) => Some(Downgrade::Plaintext),
            Transport::Tls(_) if first_tls && !self.was_in_plaintext(client) => {
                self.encrypted.insert(place);
                downgrade
            }
            _ => downgrade,
        }
    }

    /// What a client has lost since it last came from the same address; it is remembered how it came now.
    fn latest_shrunk(&mut self, sighting: &Sighting, most: usize) -> Option<Downgrade> {
        let agreed = match &sighting.transport {
            Transport::Unix => return None,
            Transport::Plaintext => None,
            Transport::Tls(agreed) => Some(agreed.clone()),
        };
        if self.latest.len() >= most {
            self.latest.clear(); // it is about what happens soon; nothing else is kept of addresses
        }
        let key = (sighting.client.clone(), sighting.address);
        let before = self.latest.insert(key, (sighting.library.clone(), agreed.clone()));
        let (library, latest) = before.and_then(|(library, latest)| Some((library, latest?)))?;
        match agreed {
            None => Some(Downgrade::Plaintext),
            Some(agreed) if library == sighting.library => latest.shrunk_to(&agreed),
            Some(_) => None,
        }
    }

    fn was_in_plaintext(&self, client: &Key) -> bool {
        self.entries.values().any(|entry| {
            let here = entry.client.account == client.account && entry.client.network == client.network;
            here && entry.last_in_plaintext().is_some()
        })
    }

    /// The entry of a client, or the bucket of its account where there is no room.
    fn entry(&mut self, client: Key, most: usize, now: u64) -> &mut Entry {
        self.changed = true;
        let known = self.entries.contains_key(&client) || self.entries.len() < most;
        let client = if known { client } else { client.overflow() };
        self.entries.entry(client).or_insert_with_key(|client| Entry::new(client.clone(), now))
    }
}

impl Key {
    fn overflow(self) -> Self {
        let other = || OVERFLOW.to_owned();
        Self { account: self.account, network: other(), program: other(), listener: other() }
    }
}

impl Entry {
    fn new(client: Key, now: u64) -> Self {
        Self {
            client,
            library: String::new(),
            first_seen: now,
            last_seen: now,
            plaintext: 0,
            first_plaintext: None,
            last_plaintext: None,
            refused: 0,
            last_refused: None,
            unix: 0,
            tls: Vec::new(),
            told: None,
        }
    }

    fn seen(&mut self, library: String, now: u64) -> &mut Self {
        self.library = library;
        self.last_seen = self.last_seen.max(now);
        self
    }

    /// The last attempt to log in in plaintext, refused or not.
    pub fn last_in_plaintext(&self) -> Option<u64> {
        self.last_plaintext.max(self.last_refused)
    }

    /// Connections inside TLS.
    pub fn tls_connections(&self) -> u64 {
        self.tls.iter().map(|used| used.connections).sum()
    }

    fn count(&mut self, transport: Transport, now: u64) {
        match transport {
            Transport::Plaintext => {
                self.plaintext += 1;
                self.first_plaintext.get_or_insert(now);
                self.last_plaintext = Some(now);
            }
            Transport::Unix => self.unix += 1,
            Transport::Tls(agreed) => match self.tls.iter_mut().find(|used| used.agreed == agreed) {
                Some(used) => used.connections += 1,
                None => self.tls.push(TlsUse { agreed, connections: 1 }),
            },
        }
    }
}

/// The network that a client's address stands for: /24 of IPv4, /64 of IPv6. Finer than most subnets, coarser than pods.
pub fn network(address: Option<IpAddr>) -> String {
    let net =
        |address: IpAddr, length: u8| ipnet::IpNet::new(address, length).map(|net| net.trunc().to_string());
    match address.map(|address| address.to_canonical()) {
        None => "unix".to_owned(),
        Some(address @ IpAddr::V4(_)) => net(address, 24).unwrap_or_default(),
        Some(address @ IpAddr::V6(_)) => net(address, 64).unwrap_or_default(),
    }
}

/// As a Unix timestamp.
pub fn seconds(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;

    pub(crate) fn sighting(account: &str, program: &str, transport: Transport) -> Sighting {
        let text = str::to_owned;
        let client = Key {
            account: text(account),
            network: text("10.0.0.0/24"),
            program: text(program),
            listener: text("listener[0]"),
        };
        Sighting { client, address: "10.0.0.7".parse().ok(), library: text("pymysql 1.1.0"), transport }
    }

    pub(crate) fn tls() -> Transport {
        let text = str::to_owned;
        Transport::Tls(Tls {
            version: text("TLSv1.3"),
            cipher: text("TLS_AES_256_GCM_SHA384"),
            group: text("X25519"),
        })
    }

    pub(crate) fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn each_way_to_connect_is_counted_with_its_first_and_last_time() {
        let ledger = Ledger::new(10, Vec::new());
        ledger.record(sighting("nova", "api", Transport::Plaintext), at(100));
        ledger.record(sighting("nova", "api", tls()), at(200));
        ledger.record(sighting("nova", "api", tls()), at(300));
        ledger.record(sighting("nova", "api", Transport::Unix), at(250));
        let [entry] = ledger.entries().try_into().unwrap();
        assert_eq!((entry.first_seen, entry.last_seen, entry.last_plaintext), (100, 300, Some(100)));
        assert_eq!((entry.plaintext, entry.unix, entry.tls_connections(), entry.tls.len()), (1, 1, 2, 1));
    }

    #[test]
    fn refusals_are_counted_apart_and_the_log_tells_of_a_client_once_an_hour() {
        let ledger = Ledger::new(10, Vec::new());
        ledger.refuse(sighting("nova", "api", Transport::Plaintext), at(100));
        let [entry] = ledger.entries().try_into().unwrap();
        assert_eq!((entry.plaintext, entry.refused, entry.last_in_plaintext()), (0, 1, Some(100)));
        let due = |program, second| {
            ledger.is_due(&sighting("nova", program, Transport::Plaintext).client, at(second))
        };
        assert!(due("api", 100) && !due("api", 3699) && due("compute", 101) && due("api", 3700));
    }

    #[test]
    fn past_the_bound_what_is_new_counts_with_its_account() {
        let ledger = Ledger::new(2, Vec::new());
        for program in ["a", "b", "c", "d"] {
            ledger.record(sighting("nova", program, tls()), at(1));
        }
        ledger.record(sighting("glance", "x", Transport::Plaintext), at(1));
        ledger.record(sighting("nova", "a", tls()), at(2));
        let shown: Vec<(String, String, u64, u64)> = ledger
            .entries()
            .into_iter()
            .map(|entry| {
                (
                    entry.client.account.clone(),
                    entry.client.program.clone(),
                    entry.plaintext,
                    entry.tls_connections(),
                )
            })
            .collect();
        let row = |account: &str, program: &str, plaintext, tls| {
            (account.to_owned(), program.to_owned(), plaintext, tls)
        };
        assert_eq!(
            shown,
            [
                row("glance", "*", 1, 0),
                row("nova", "*", 0, 2),
                row("nova", "a", 0, 2),
                row("nova", "b", 0, 1)
            ]
        );
    }

    #[test]
    fn entries_are_given_out_for_keeping_when_they_changed() {
        let ledger = Ledger::new(2, Vec::new());
        assert!(ledger.changed_entries().is_none());
        ledger.record(sighting("nova", "a", tls()), at(1));
        assert_eq!(ledger.changed_entries().unwrap().len(), 1);
        assert!(ledger.changed_entries().is_none());
    }

    #[test]
    fn a_network_is_what_an_address_is_part_of() {
        let of = |address: &str| network(Some(address.parse().unwrap()));
        assert_eq!(of("10.1.2.3"), "10.1.2.0/24");
        assert_eq!(of("::ffff:10.1.2.3"), "10.1.2.0/24");
        assert_eq!(of("fd00:1:2:3:4::5"), "fd00:1:2:3::/64");
        assert_eq!(network(None), "unix");
    }
}
