//! What a server's account table says of a client: recovered, relayed and why, or refused as the server would.
//!
//! The server sees the proxy, unless it is told the client's address by the PROXY protocol. So two rows count: the one that
//! the client would be directly, which decides what is demanded of it, and the one that the proxy's own login would be. Only
//! where both are the same does the proxy log in for the client: else it would lend it another account's rights. Whatever is
//! out of the ordinary is left to the server, by a relayed login, so that its verdict is the server's own.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::account_row::AccountRow;
use super::account_table::{AccountTable, Found};
use super::demand::Offered;
use super::host_pattern::Peer;
use crate::config::model::HostCheck;

/// What a server has shown of its accounts, and whom it takes the proxy for.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Its accounts.
    pub table: AccountTable,
    /// The proxy, as the server sees it.
    pub proxy: Peer,
}

/// A client, as far as it decides which account it is.
#[derive(Clone, Copy, Debug)]
pub struct Applicant<'a> {
    /// The name that it gives.
    pub user: &'a [u8],
    /// Its address; none on a unix socket.
    pub ip: Option<IpAddr>,
    /// Its TLS connection; none in plaintext.
    pub offered: Option<&'a Offered>,
    /// Whether the server is told its address.
    pub announced: Announced,
}

/// Whether a server is told the client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// It is.
    Yes,
    /// It sees the proxy's.
    No,
}

/// What becomes of a login.
#[derive(Clone, Debug)]
pub enum Standing {
    /// The proxy verifies the client and logs in for it.
    Recovered(Arc<AccountRow>),
    /// The server judges the client.
    Relayed(Reason),
    /// The server would refuse it.
    Refused(Refused),
}

/// Why a login is left to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no table: the words say why.
    Unread(String),
    /// The table has no such user.
    Unlisted,
    /// There is such a user, but not for the client's host, and the server knows that host.
    NotFromHere,
    /// It would be the anonymous account.
    Anonymous,
    /// Its plugins, the first of which is not `mysql_native_password`, or has no hash.
    Plugin(String),
    /// It is locked.
    Locked,
    /// Its password has ended.
    Expired,
    /// It has limits for each hour or for simultaneous connections.
    Limited,
    /// The proxy's own login would be another account: this one, or none.
    OtherRow(Option<Arc<str>>),
    /// Only the server can look up the name that a host pattern asks for.
    HostName,
    /// The servers do not agree about the account.
    ServersDiffer,
    /// Each session has a connection of its own anyway.
    SessionMode,
}

/// Why a server would refuse a client whatever its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No account is for clients from there; the server's name for the client.
    Host(String),
    /// No account of that name is; the server's name for the client.
    NotFromHere(String),
    /// The account demands another connection than the client's.
    Demand {
        /// The account, as `user@host`.
        account: Arc<str>,
        /// What it demands, as in CREATE USER.
        demand: String,
        /// The server's name for the client.
        host: String,
    },
}

impl Sight {
    /// What becomes of a login at `now`, in seconds of this machine's epoch.
    pub fn judge(&self, applicant: &Applicant<'_>, hosts: HostCheck, now: i64) -> Standing {
        let client = self.client(applicant, hosts);
        let row = match self.table.find(applicant.user, &client) {
            Found::Row(row) => row,
            Found::Nobody => return Standing::Relayed(Reason::Unlisted),
            Found::Unknown => return Standing::Relayed(Reason::HostName),
            // A server that is told the client's address says so itself, in words that depend on its other accounts.
            Found::NotFromHere if applicant.announced == Announced::Yes => {
                return Standing::Relayed(Reason::NotFromHere);
            }
            Found::NotFromHere => return Standing::Refused(Refused::NotFromHere(client.called())),
            Found::HostRefused => return Standing::Refused(Refused::Host(client.called())),
        };
        if row.user.is_empty() {
            return Standing::Relayed(Reason::Anonymous);
        }
        if !row.demand.is_met_by(applicant.offered) {
            let (account, demand) = (Arc::clone(&row.id().name), row.demand.to_string());
            return Standing::Refused(Refused::Demand { account, demand, host: client.called() });
        }
        let proxied = (applicant.announced == Announced::No).then(|| self.another(row));
        let reason = proxied.flatten().or_else(|| self.out_of_the_ordinary(row, now));
        reason.map_or_else(|| Standing::Recovered(Arc::clone(row)), Standing::Relayed)
    }

    /// Why clients that are this row are left to the server, if they are.
    pub fn reason_for(&self, row: &Arc<AccountRow>, announced: Announced, now: i64) -> Option<Reason> {
        if row.user.is_empty() {
            return Some(Reason::Anonymous);
        }
        let proxied = (announced == Announced::No).then(|| self.another(row)).flatten();
        proxied.or_else(|| self.out_of_the_ordinary(row, now))
    }

    fn client(&self, applicant: &Applicant<'_>, hosts: HostCheck) -> Peer {
        match (hosts, applicant.announced, applicant.ip) {
            (HostCheck::Server, Announced::No, _) => self.proxy.clone(),
            (_, _, None) => Peer::local(),
            (_, _, Some(ip)) => Peer::at(ip, self.table.settings().names),
        }
    }

    /// The row that the proxy's login would be, where it is not this one.
    fn another(&self, row: &Arc<AccountRow>) -> Option<Reason> {
        match self.table.find(row.user.as_bytes(), &self.proxy) {
            Found::Row(own) if Arc::ptr_eq(own, row) => None,
            Found::Row(own) => Some(Reason::OtherRow(Some(Arc::clone(&own.id().name)))),
            Found::Unknown => Some(Reason::HostName),
            Found::Nobody | Found::NotFromHere | Found::HostRefused => Some(Reason::OtherRow(None)),
        }
    }

    fn out_of_the_ordinary(&self, row: &AccountRow, now: i64) -> Option<Reason> {
        let settings = self.table.settings();
        if row.locked {
            Some(Reason::Locked)
        } else if row.is_expired(now.saturating_add(settings.clock_ahead), settings.password_days) {
            Some(Reason::Expired)
        } else if row.limited {
            Some(Reason::Limited)
        } else if row.account().is_none() {
            Some(Reason::Plugin(row.plugins.join(", ")))
        } else {
            None
        }
    }
}

impl Standing {
    /// What holds where several servers may serve the client: the same everywhere, or the server's own word.
    pub fn agreed(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(|one, other| {
            if one.is_same_as(&other) { one } else { Self::Relayed(Reason::ServersDiffer) }
        })
    }

    fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Recovered(one), Self::Recovered(other)) => {
                let alike = one.account().zip(other.account());
                one.id().name == other.id().name && alike.is_some_and(|(one, other)| one.proves_like(other))
            }
            (Self::Relayed(one), Self::Relayed(other)) => one == other,
            (Self::Refused(one), Self::Refused(other)) => one == other,
            _ => false,
        }
    }
}

impl Reason {
    /// The reason in one word.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unread(_) => "unread",
            Self::Unlisted => "unlisted",
            Self::NotFromHere => "not_from_here",
            Self::Anonymous => "anonymous",
            Self::Plugin(_) => "plugin",
            Self::Locked => "locked",
            Self::Expired => "expired",
            Self::Limited => "limited",
            Self::OtherRow(_) => "other_row",
            Self::HostName => "host_name",
            Self::ServersDiffer => "servers_differ",
            Self::SessionMode => "session_mode",
        }
    }
}

/// For an operator, with what to do.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => write!(f, "no account of the server is for clients from {host}"),
            Self::NotFromHere(host) => write!(
                f,
                "no account of that name is for clients from {host}: widen its host, or set auth.hosts = \"server\" if only the proxy's own address is to count"
            ),
            Self::Demand { account, demand, .. } => {
                write!(f, "the account {account} demands of its clients: REQUIRE {demand}")
            }
        }
    }
}

/// For an operator.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(why) => f.write_str(why),
            Self::Unlisted => f.write_str("the server's account table has no such user"),
            Self::NotFromHere => f.write_str("no account of that name is for the client's host"),
            Self::Anonymous => f.write_str("it would be the anonymous account"),
            Self::Plugin(plugins) => {
                write!(f, "only mysql_native_password with a hash, asked for first, can be recovered; its plugin is {plugins}")
            }
            Self::Locked => f.write_str("it is locked"),
            Self::Expired => f.write_str("its password has expired"),
            Self::Limited => f.write_str("the server counts its connections or statements (WITH MAX_…)"),
            Self::OtherRow(Some(row)) => write!(
                f,
                "from the proxy's address the server would take it for {row}: set backend.proxy_protocol, or give both the same host"
            ),
            Self::OtherRow(None) => f.write_str(
                "the server has no account of that name for the proxy's address: set backend.proxy_protocol, or widen its host",
            ),
            Self::HostName => {
                f.write_str("a host pattern is a name, which only the server can look up: use addresses")
            }
            Self::ServersDiffer => f.write_str("the servers do not agree about this account"),
            Self::SessionMode => f.write_str("pool.mode is session"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::account_table::ServerSettings;
    use super::super::host_pattern::NameLookup;
    use super::*;

    const HASH: &str = "*B69027D44F6E5EDC07F1AEAD1477967B16F28227";

    fn sight(rows: &[(&str, &str, &str)], proxy: &str) -> Sight {
        let row = |(user, host, more): &(&str, &str, &str)| {
            let json = format!(r#"{{"authentication_string":"{HASH}","password_last_changed":1{more}}}"#);
            AccountRow::parse(user, host, json.as_bytes()).unwrap()
        };
        let settings = ServerSettings { names: NameLookup::Off, password_days: 0, clock_ahead: 0 };
        let table = AccountTable::new(rows.iter().map(row).collect(), settings);
        Sight { table, proxy: Peer::shown_as(proxy, None) }
    }

    fn applicant<'a>(user: &'a str, ip: &str) -> Applicant<'a> {
        Applicant { user: user.as_bytes(), ip: ip.parse().ok(), offered: None, announced: Announced::No }
    }

    fn judged(sight: &Sight, applicant: &Applicant<'_>) -> Standing {
        sight.judge(applicant, HostCheck::Client, 2)
    }

    #[test]
    fn the_proxy_logs_in_only_where_it_would_be_the_same_account_as_the_client() {
        let rows =
            [("nova", "10.0.%", ""), ("nova", "10.9.%", ""), ("glance", "%", ""), ("own", "10.9.9.9", "")];
        let sight = sight(&rows, "10.9.9.9");
        assert!(matches!(judged(&sight, &applicant("glance", "10.0.0.1")), Standing::Recovered(_)));
        let Standing::Relayed(Reason::OtherRow(Some(row))) = judged(&sight, &applicant("nova", "10.0.0.1"))
        else {
            panic!("another account's rights")
        };
        assert_eq!(&*row, "nova@10.9.%");
        let announced = Applicant { announced: Announced::Yes, ..applicant("nova", "10.0.0.1") };
        assert!(matches!(judged(&sight, &announced), Standing::Recovered(_)));
        assert!(matches!(
            judged(&sight, &applicant("own", "10.0.0.1")),
            Standing::Refused(Refused::NotFromHere(_))
        ));
        let trusting = sight.judge(&applicant("own", "10.0.0.1"), HostCheck::Server, 2);
        assert!(matches!(trusting, Standing::Recovered(_)), "only the server's view counts");
    }

    #[test]
    fn whatever_is_out_of_the_ordinary_is_left_to_the_server() {
        let cases = [
            (r#","account_locked":true"#, "locked"),
            (r#","password_last_changed":0"#, "expired"),
            (r#","max_questions":1"#, "limited"),
            (r#","plugin":"ed25519""#, "plugin"),
        ];
        for (more, expected) in cases {
            let sight = sight(&[("nova", "%", more)], "10.9.9.9");
            match judged(&sight, &applicant("nova", "10.0.0.1")) {
                Standing::Relayed(reason) => assert_eq!(reason.label(), expected),
                other => panic!("{more}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_an_account_demands_is_demanded_of_the_client_before_anything_else() {
        let sight = sight(&[("nova", "%", r#","ssl_type":1,"account_locked":true"#)], "10.9.9.9");
        let plain = applicant("nova", "10.0.0.1");
        assert!(matches!(judged(&sight, &plain), Standing::Refused(Refused::Demand { .. })));
        let offered = Offered { cipher: "TLS_AES_256_GCM_SHA384", certificate: None };
        let encrypted = Applicant { offered: Some(&offered), ..plain };
        assert!(matches!(judged(&sight, &encrypted), Standing::Relayed(Reason::Locked)));
    }

    #[test]
    fn servers_that_differ_are_left_to_decide() {
        let one = judged(&sight(&[("nova", "%", "")], "10.9.9.9"), &applicant("nova", "10.0.0.1"));
        let other = judged(&sight(&[], "10.9.9.9"), &applicant("nova", "10.0.0.1"));
        let same = Standing::agreed([one.clone(), one.clone()]);
        assert!(matches!(same, Some(Standing::Recovered(_))));
        let agreed = Standing::agreed([one, other]);
        assert!(matches!(agreed, Some(Standing::Relayed(Reason::ServersDiffer))));
        assert!(Standing::agreed([]).is_none());
    }
}
