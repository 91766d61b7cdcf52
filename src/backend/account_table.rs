//! Reading a server's account table with the proxy's own login, and what was read last.
//!
//! `app` reads it now and then; logins look at what is there. What was read outlives a reload of the configuration and an
//! outage of the server; it is given up when the server refuses to show it again.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;

use crate::auth::account_row::AccountRow;
use crate::auth::account_table::{AccountTable, ServerSettings};
use crate::auth::host_pattern::{NameLookup, Peer};
use crate::auth::standing::Sight;
use crate::backend::Backend;
use crate::backend::connection::ControlError;
use crate::backend::connector::{Login, Terms};
use crate::backend::control::{Answer, Row, query};
use crate::backend::error::ConnectError;
use crate::protocol::reply::ServerError;

/// Most that an account table may take, in bytes: some 200,000 accounts.
const TABLE_LIMIT: usize = 64 << 20;

/// Who the server takes the proxy for, and what of its settings decides about logins.
const SETTINGS: &str = "SELECT @@global.skip_name_resolve, @@global.default_password_lifetime, UNIX_TIMESTAMP(), \
     SUBSTRING_INDEX(USER(), '@', -1)";

/// The table itself; MariaDB has it since 10.4.
const ACCOUNTS: &str = "SELECT User, Host, Priv FROM mysql.global_priv";

/// What is known of a server's accounts.
#[derive(Debug, Default)]
pub struct KnownAccounts(ArcSwap<Reading>);

/// What became of reading them.
#[derive(Clone, Debug, Default)]
pub enum Reading {
    /// Nobody has tried yet.
    #[default]
    NotYet,
    /// They were read.
    Read(Arc<Sight>),
    /// They cannot be read: why, for an operator.
    Failed(String),
}

/// Why an account table was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The server gave no connection.
    #[error("the service login gets no connection")]
    Connect(#[source] ConnectError),
    /// The connection broke.
    #[error("the connection of the service login broke")]
    Broken(#[source] ControlError),
    /// The server does not show the table.
    #[error("the service login may not read the account table ({0}): GRANT SELECT ON mysql.global_priv")]
    Refused(ServerError),
    /// The server's answer makes no sense.
    #[error("the server's settings cannot be understood")]
    Settings,
}

impl KnownAccounts {
    /// What there is now.
    pub fn reading(&self) -> Arc<Reading> {
        self.0.load_full()
    }

    /// They were read, or could not be. What was read before stays known while a server is merely away.
    pub fn observe(&self, read: Result<Sight, ReadError>) {
        let keeps = matches!(&read, Err(ReadError::Connect(error)) if error.is_outage())
            || matches!(&read, Err(ReadError::Broken(_)));
        if keeps && matches!(**self.0.load(), Reading::Read(_)) {
            return;
        }
        self.0.store(Arc::new(match read {
            Ok(sight) => Reading::Read(Arc::new(sight)),
            Err(error) => Reading::Failed(crate::telemetry::chain(&error)),
        }));
    }
}

impl Backend {
    /// Reads the server's account table, within `connect_timeout` for the login and as long again for the table.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read_accounts(&self, login: &Login) -> Result<Sight, ReadError> {
        let mut connection =
            self.connect(login, &Terms::default(), None).await.map_err(ReadError::Connect)?;
        let own = connection.local_ip();
        let commands = [query(SETTINGS), query(ACCOUNTS)];
        let exchange = connection.exchange_up_to(&commands, TABLE_LIMIT);
        let answers = tokio::time::timeout(self.connect_timeout(), exchange).await;
        let answers = match answers {
            Ok(answers) => answers.map_err(ReadError::Broken)?,
            Err(_) => return Err(ReadError::Connect(ConnectError::TimedOut(self.connect_timeout()))),
        };
        connection.quit().await;
        sight(answers, own, SystemTime::now())
    }
}

fn sight(answers: Vec<Answer>, own: Option<IpAddr>, now: SystemTime) -> Result<Sight, ReadError> {
    let mut tables = Vec::with_capacity(answers.len());
    for answer in answers {
        match answer.refusal {
            Some(refusal) => return Err(ReadError::Refused(refusal)),
            None => tables.push(answer.rows),
        }
    }
    let [settings, accounts] = tables.as_slice() else { return Err(ReadError::Settings) };
    let (settings, shown) =
        settings.first().and_then(|row| read_settings(row, now)).ok_or(ReadError::Settings)?;
    let rows = accounts.iter().filter_map(account).collect();
    Ok(Sight { table: AccountTable::new(rows, settings), proxy: Peer::shown_as(&shown, own) })
}

fn account(row: &Row) -> Option<AccountRow> {
    let [Some(user), Some(host), Some(privileges)] = row.as_slice() else { return None };
    AccountRow::parse(std::str::from_utf8(user).ok()?, std::str::from_utf8(host).ok()?, privileges)
}

fn read_settings(row: &Row, now: SystemTime) -> Option<(ServerSettings, String)> {
    let text = |at: usize| std::str::from_utf8(row.get(at)?.as_deref()?).ok();
    let here = i64::try_from(now.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    let settings = ServerSettings {
        names: if matches!(text(0)?, "1" | "ON") { NameLookup::Off } else { NameLookup::On },
        password_days: text(1)?.parse().ok()?,
        clock_ahead: text(2)?.parse::<i64>().ok()? - here,
    };
    Some((settings, text(3)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(texts: &[&str]) -> Row {
        texts.iter().map(|text| Some(text.as_bytes().to_vec())).collect()
    }

    fn read(settings: Row, accounts: Vec<Row>) -> Result<Sight, ReadError> {
        let answers =
            [vec![settings], accounts].map(|rows| Answer { rows, ..Answer::default() }).into_iter().collect();
        sight(answers, None, UNIX_EPOCH)
    }

    #[test]
    fn a_table_is_read_with_the_settings_that_go_with_it() {
        let accounts = vec![row(&["nova", "%", "{}"]), row(&["r", "", r#"{"is_role":true}"#])];
        let sight = read(row(&["1", "7", "5", "10.0.0.9"]), accounts).unwrap();
        let expected = ServerSettings { names: NameLookup::Off, password_days: 7, clock_ahead: 5 };
        assert_eq!(*sight.table.settings(), expected);
        assert_eq!((sight.table.rows().len(), sight.proxy.called()), (1, "10.0.0.9".to_owned()));
    }

    #[test]
    fn an_outage_leaves_what_was_known_and_a_refusal_does_not() {
        let known = KnownAccounts::default();
        known.observe(read(row(&["1", "0", "0", "localhost"]), Vec::new()));
        known.observe(Err(ReadError::Connect(ConnectError::Unexpected)));
        assert!(matches!(*known.reading(), Reading::Read(_)));
        let refused = ServerError::new(1142, *b"42000", "SELECT command denied to user");
        known.observe(Err(ReadError::Refused(refused)));
        let reading = known.reading();
        let Reading::Failed(why) = &*reading else { panic!("still known") };
        assert!(why.contains("1142") && why.contains("GRANT SELECT ON mysql.global_priv"), "{why}");
    }
}
