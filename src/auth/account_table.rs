//! A server's account table: which of its rows a client is.
//!
//! As MariaDB 10.11.19 does it: the first row in the order of host patterns that means the client and has its name, or no
//! name. So an anonymous account for a host wins over the client's own for all hosts.

use std::collections::HashMap;
use std::sync::Arc;

use super::account_row::AccountRow;
use super::host_pattern::{Match, NameLookup, Peer};

/// The accounts of a server.
#[derive(Clone, Debug)]
pub struct AccountTable {
    by_user: HashMap<String, Vec<Arc<AccountRow>>>,
    settings: ServerSettings,
}

/// What of a server's settings decides about logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Whether it looks names up.
    pub names: NameLookup,
    /// `default_password_lifetime`, in days; 0 is for ever.
    pub password_days: i64,
    /// What has to be added to this machine's clock to have the server's, in seconds.
    pub clock_ahead: i64,
}

/// Which row a client is.
#[derive(Clone, Debug)]
pub enum Found<'a> {
    /// This one; it may be the anonymous account.
    Row(&'a Arc<AccountRow>),
    /// There is nobody of that name.
    Nobody,
    /// There is, but not for clients from there.
    NotFromHere,
    /// No account at all is for clients from there: the server turns them away at once, with 1130.
    HostRefused,
    /// It depends on a name that only the server can look up.
    Unknown,
}

impl AccountTable {
    /// Of these rows.
    pub fn new(rows: Vec<AccountRow>, settings: ServerSettings) -> Self {
        let mut by_user: HashMap<String, Vec<Arc<AccountRow>>> = HashMap::new();
        for row in rows {
            by_user.entry(row.user.clone()).or_default().push(Arc::new(row));
        }
        for rows in by_user.values_mut() {
            rows.sort_by(|one, other| one.host.precedence(&other.host));
        }
        Self { by_user, settings }
    }

    /// The server's settings.
    pub fn settings(&self) -> &ServerSettings {
        &self.settings
    }

    /// Every row, by name and then as the server looks at them.
    pub fn rows(&self) -> Vec<&Arc<AccountRow>> {
        let mut all: Vec<&Arc<AccountRow>> = self.by_user.values().flatten().collect();
        all.sort_by(|one, other| one.user.cmp(&other.user).then(one.host.precedence(&other.host)));
        all
    }

    /// The row that a client of this name is.
    pub fn find(&self, user: &[u8], peer: &Peer) -> Found<'_> {
        let own = std::str::from_utf8(user).ok().and_then(|user| self.by_user.get(user));
        let anonymous = self.by_user.get("");
        let named = own.and_then(|rows| first(rows, peer));
        match earlier(named, anonymous.and_then(|rows| first(rows, peer))) {
            Some((row, Match::Yes)) => Found::Row(row),
            Some(_) => Found::Unknown,
            None if !self.admits(peer) => Found::HostRefused,
            None if own.is_some() => Found::NotFromHere,
            None => Found::Nobody,
        }
    }

    /// Whether any account is for clients from there.
    fn admits(&self, peer: &Peer) -> bool {
        self.by_user.values().flatten().any(|row| row.host.matches(peer) != Match::No)
    }
}

/// The first row that means `peer`, or may.
fn first<'a>(rows: &'a [Arc<AccountRow>], peer: &Peer) -> Option<(&'a Arc<AccountRow>, Match)> {
    rows.iter().map(|row| (row, row.host.matches(peer))).find(|(_, matches)| *matches != Match::No)
}

/// Which of the two the server meets first; the one with a name if they are for the same hosts.
fn earlier<'a>(
    named: Option<(&'a Arc<AccountRow>, Match)>,
    anonymous: Option<(&'a Arc<AccountRow>, Match)>,
) -> Option<(&'a Arc<AccountRow>, Match)> {
    match (named, anonymous) {
        (Some(named), Some(anonymous)) => {
            let before = anonymous.0.host.precedence(&named.0.host).is_lt();
            Some(if before { anonymous } else { named })
        }
        (named, anonymous) => named.or(anonymous),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(accounts: &[(&str, &str)], names: NameLookup) -> AccountTable {
        let rows = accounts.iter().map(|(user, host)| AccountRow::parse(user, host, b"{}").unwrap());
        let settings = ServerSettings { names, password_days: 0, clock_ahead: 0 };
        AccountTable::new(rows.collect(), settings)
    }

    fn found(table: &AccountTable, user: &str, ip: &str) -> String {
        let peer = Peer::at(ip.parse().unwrap(), table.settings().names);
        match table.find(user.as_bytes(), &peer) {
            Found::Row(row) => row.id().name.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_narrowest_host_wins_even_if_it_is_the_anonymous_account() {
        let rows =
            [("nova", "%"), ("nova", "10.0.%"), ("", "10.0.0.9"), ("", "10.0.%"), ("root", "localhost")];
        let table = table(&rows, NameLookup::Off);
        assert_eq!(found(&table, "nova", "10.0.0.1"), "nova@10.0.%");
        assert_eq!(found(&table, "nova", "10.1.0.1"), "nova@%");
        assert_eq!(found(&table, "nova", "10.0.0.9"), "@10.0.0.9");
        assert_eq!(found(&table, "who", "10.0.0.1"), "@10.0.%");
        assert_eq!(found(&table, "who", "10.1.0.1"), "Nobody");
        assert_eq!(found(&table, "root", "10.1.0.1"), "NotFromHere");
        assert!(matches!(table.find(b"root", &Peer::local()), Found::Row(_)));
    }

    #[test]
    fn where_no_account_is_for_a_client_the_host_itself_is_refused() {
        let table = table(&[("nova", "10.0.%"), ("root", "localhost")], NameLookup::Off);
        assert_eq!(found(&table, "nova", "10.1.0.1"), "HostRefused");
        assert_eq!(found(&table, "root", "10.0.0.1"), "NotFromHere");
    }

    #[test]
    fn a_name_that_could_come_first_leaves_it_open() {
        let rows = [("nova", "db1.example.org"), ("nova", "%"), ("glance", "10.0.0.1"), ("glance", "%.org")];
        let table = table(&rows, NameLookup::On);
        assert_eq!(found(&table, "nova", "10.0.0.1"), "Unknown");
        assert_eq!(found(&table, "glance", "10.0.0.1"), "glance@10.0.0.1");
        assert_eq!(found(&table, "nova", "127.0.0.1"), "nova@%", "loopback is localhost");
    }
}
