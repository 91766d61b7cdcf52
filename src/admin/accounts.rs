//! Which accounts there are and how their clients are authenticated: `/api/v1/accounts`.

use serde::{Deserialize, Serialize};

/// Every account that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Those of the configuration, then those of each server's account table.
    pub accounts: Vec<AccountRow>,
    /// Servers whose account table is not known.
    pub unread: Vec<Unread>,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    /// User name; empty for the anonymous account.
    pub user: String,
    /// The hosts that it is for; none for one of the configuration, which is for all.
    pub host: Option<String>,
    /// The server whose table it is in; none for one of the configuration.
    pub backend: Option<String>,
    /// `configured`, `recovered` or `relay`.
    pub rung: String,
    /// Whether its sessions share connections statement by statement.
    pub multiplexes: bool,
    /// Why it is relayed, in one word.
    pub reason: Option<String>,
    /// Why it has that rung, in a sentence.
    pub explanation: String,
    /// Its plugins, as the server tries them; empty for one of the configuration.
    pub plugins: Vec<String>,
    /// What it demands of its clients, as in CREATE USER.
    pub demands: Option<String>,
}

/// A server whose account table is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Its name.
    pub backend: String,
    /// Why.
    pub reason: String,
}
