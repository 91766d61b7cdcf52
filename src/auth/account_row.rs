//! One row of a server's account table, `mysql.global_priv` (<https://mariadb.com/kb/en/mysqlglobal_priv-table/>).

use std::sync::Arc;

use serde_json::Value;

use super::account::Account;
use super::demand::Demand;
use super::digest::sha256;
use super::host_pattern::HostPattern;
use super::native_password::TOKEN_LEN;
use crate::config::model::Credential;

/// Seconds of a day, the unit of password lifetimes.
const DAY: i64 = 24 * 60 * 60;

/// An account as a server knows it.
#[derive(Clone, Debug)]
pub struct AccountRow {
    /// User name; empty for the anonymous account.
    pub user: String,
    /// Which clients it is for.
    pub host: HostPattern,
    /// Its plugins, in the order in which they are tried.
    pub plugins: Vec<String>,
    /// What it demands of its client's connection.
    pub demand: Demand,
    /// Whether nobody may log in.
    pub locked: bool,
    /// Whether it has limits that the server counts for each connection or statement.
    pub limited: bool,
    expiry: Expiry,
    account: Option<Arc<Account>>,
    id: RowId,
}

/// Which row, as it was at one moment: another digest means that something about the account has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowId {
    /// As `CURRENT_USER()` shows it: `user@host`.
    pub name: Arc<str>,
    /// Of everything in the row.
    pub digest: u64,
}

/// When a password ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expiry {
    /// It has been ended by hand.
    Now,
    /// So many days after it was set, in seconds of the epoch.
    After { set: i64, days: i64 },
    /// As `default_password_lifetime` says, counted from then.
    Default { set: i64 },
}

impl AccountRow {
    /// Reads a row; `None`: it is a role, or not in a form that is known.
    pub fn parse(user: &str, host: &str, privileges: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(privileges).ok()?;
        let flag = |name: &str| json.get(name).and_then(Value::as_bool).unwrap_or(false);
        if flag("is_role") || !json.is_object() {
            return None;
        }
        let methods = methods(&json);
        let number = |name: &str| json.get(name).and_then(Value::as_i64);
        let limits = ["max_questions", "max_updates", "max_connections", "max_user_connections"];
        // The server asks for the first one that takes an answer, and only a password could answer for another.
        let asked_first = methods.iter().find(|(plugin, _)| *plugin != UNIX_SOCKET);
        let native = asked_first.and_then(native);
        let host = HostPattern::new(host);
        Some(Self {
            plugins: methods.iter().map(|(plugin, _)| (*plugin).to_owned()).collect(),
            demand: demand(&json)?,
            locked: flag("account_locked"),
            limited: limits.iter().any(|name| number(name).is_some_and(|most| most != 0)),
            expiry: Expiry::of(number("password_last_changed"), number("password_lifetime")),
            account: native.map(|credential| Arc::new(Account::recovered(user, &credential))),
            id: RowId::of(user, host.as_str(), privileges),
            user: user.to_owned(),
            host,
        })
    }

    /// Which row this is.
    pub fn id(&self) -> &RowId {
        &self.id
    }

    /// What verifies its clients, where `mysql_native_password` is the first of its plugins that takes an answer.
    pub fn account(&self) -> Option<&Arc<Account>> {
        self.account.as_ref()
    }

    /// Whether a client may also prove itself by another plugin that takes an answer.
    pub fn has_alternatives(&self) -> bool {
        self.plugins.iter().any(|plugin| ![NATIVE, UNIX_SOCKET].contains(&plugin.as_str()))
    }

    /// Whether its password has ended at `now`, in seconds of the server's epoch; `default_days` is
    /// `default_password_lifetime`, where 0 is for ever.
    pub fn is_expired(&self, now: i64, default_days: i64) -> bool {
        let ended = |set: i64, days: i64| days > 0 && now > set.saturating_add(days.saturating_mul(DAY));
        match self.expiry {
            Expiry::Now => true,
            Expiry::After { set, days } => ended(set, days),
            Expiry::Default { set } => ended(set, default_days),
        }
    }
}

const NATIVE: &str = "mysql_native_password";
const UNIX_SOCKET: &str = "unix_socket";

impl RowId {
    fn of(user: &str, host: &str, privileges: &[u8]) -> Self {
        let name: Arc<str> = format!("{user}@{host}").into();
        let [a, b, c, d, e, f, g, h, ..] = sha256(&[name.as_bytes(), &[0], privileges]);
        Self { name, digest: u64::from_le_bytes([a, b, c, d, e, f, g, h]) }
    }
}

impl Expiry {
    fn of(set: Option<i64>, lifetime: Option<i64>) -> Self {
        match (set, lifetime) {
            (Some(0), _) => Self::Now,
            (set, None | Some(-1)) => Self::Default { set: set.unwrap_or(i64::MAX) },
            (set, Some(days)) => Self::After { set: set.unwrap_or(i64::MAX), days },
        }
    }
}

/// Plugins with what they keep. In `auth_or` an empty object stands for the pair that is outside of it.
fn methods(json: &Value) -> Vec<(&str, &str)> {
    match json.get("auth_or").and_then(Value::as_array) {
        Some(several) if !several.is_empty() => {
            several
                .iter()
                .map(|one| {
                    if one.as_object().is_some_and(|one| one.is_empty()) { method(json) } else { method(one) }
                })
                .collect()
        }
        _ => vec![method(json)],
    }
}

fn method(json: &Value) -> (&str, &str) {
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let plugin = text("plugin").filter(|plugin| !plugin.is_empty()).unwrap_or(NATIVE);
    (plugin, text("authentication_string").unwrap_or_default())
}

/// What `mysql_native_password` keeps: nothing for no password. Anything that is no hash lets nobody in.
fn native((plugin, kept): &(&str, &str)) -> Option<Credential> {
    if *plugin != NATIVE {
        return None;
    }
    if kept.is_empty() {
        return Some(Credential::Password(crate::config::model::Secret::new(Vec::new())));
    }
    parse_hash(kept).map(Credential::NativeHash)
}

fn parse_hash(text: &str) -> Option<[u8; TOKEN_LEN]> {
    let digits = text.strip_prefix('*').filter(|digits| digits.len() == 2 * TOKEN_LEN)?.as_bytes();
    let mut hash = [0; TOKEN_LEN];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

fn demand(json: &Value) -> Option<Demand> {
    let text = |name: &str| {
        let text = json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    Some(match json.get("ssl_type").and_then(Value::as_i64).unwrap_or(0) {
        0 => Demand::None,
        1 => Demand::Tls,
        2 => Demand::Certificate,
        3 => Demand::Properties {
            cipher: text("ssl_cipher"),
            issuer: text("x509_issuer"),
            subject: text("x509_subject"),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of MariaDB 10.11.19, shortened where they say nothing.
    const HASH: &str = "*B69027D44F6E5EDC07F1AEAD1477967B16F28227";

    fn row(privileges: &str) -> AccountRow {
        AccountRow::parse("nova", "%", privileges.replace("HASH", HASH).as_bytes()).unwrap()
    }

    #[test]
    fn rows_of_mariadb_10_11_are_understood() {
        let plain = row(
            r#"{"access":0,"version_id":101119,"plugin":"mysql_native_password","authentication_string":"HASH","password_last_changed":1795398679}"#,
        );
        assert!(plain.account().is_some() && !plain.locked && !plain.limited && !plain.has_alternatives());
        assert_eq!((plain.demand, &*plain.id.name), (Demand::None, "nova@%"));
        let several = row(
            r#"{"plugin":"mysql_native_password","authentication_string":"HASH","auth_or":[{"plugin":"ed25519","authentication_string":"Gv2J"},{},{"plugin":"unix_socket"}]}"#,
        );
        assert_eq!(several.plugins, ["ed25519", "mysql_native_password", "unix_socket"]);
        assert!(several.account().is_none() && several.has_alternatives());
        let native_first = row(
            r#"{"authentication_string":"HASH","auth_or":[{"plugin":"unix_socket"},{},{"plugin":"ed25519"}]}"#,
        );
        assert!(native_first.account().is_some() && native_first.has_alternatives());
        let limited = row(r#"{"authentication_string":"HASH","max_questions":5,"max_statement_time":3.0}"#);
        assert!(limited.limited);
        assert!(!row(r#"{"authentication_string":"HASH","max_statement_time":3.000000}"#).limited);
        let demanding = row(
            r#"{"ssl_type":3,"ssl_cipher":"TLS_AES_256_GCM_SHA384","x509_issuer":"/CN=ca","x509_subject":""}"#,
        );
        assert_eq!(demanding.demand.to_string(), "ISSUER '/CN=ca' AND CIPHER 'TLS_AES_256_GCM_SHA384'");
    }

    #[test]
    fn roles_and_what_cannot_be_read_are_no_accounts() {
        for privileges in [r#"{"is_role":true}"#, "", "[]", r#"{"ssl_type":9}"#] {
            assert!(AccountRow::parse("r", "", privileges.as_bytes()).is_none(), "{privileges}");
        }
    }

    #[test]
    fn without_a_native_password_nothing_is_recovered() {
        assert!(row(r#"{"plugin":"ed25519","authentication_string":"Gv2J"}"#).account().is_none());
        assert!(
            row(r#"{"plugin":"mysql_native_password","authentication_string":"invalid"}"#)
                .account()
                .is_none()
        );
        assert!(row(r#"{"access":18446744073709551615}"#).account().is_some(), "no plugin is no password");
    }

    #[test]
    fn a_password_ends_by_hand_or_after_its_days_or_the_servers() {
        let by_hand = row(r#"{"password_last_changed":0,"password_lifetime":-1}"#);
        assert!(by_hand.is_expired(0, 0));
        let three = row(r#"{"password_last_changed":1000,"password_lifetime":3}"#);
        assert!(!three.is_expired(1000 + 3 * DAY, 1) && three.is_expired(1001 + 3 * DAY, 0));
        let never = row(r#"{"password_last_changed":1000,"password_lifetime":0}"#);
        assert!(!never.is_expired(i64::MAX, 1));
        let default = row(r#"{"password_last_changed":1000}"#);
        assert!(!default.is_expired(i64::MAX, 0) && default.is_expired(1001 + DAY, 1));
        assert!(!row("{}").is_expired(i64::MAX, 1), "it is not known since when");
    }

    #[test]
    fn whatever_changes_in_a_row_changes_its_digest() {
        assert_ne!(row(r#"{"access":0}"#).id, row(r#"{"access":1}"#).id);
        assert_eq!(row(r#"{"access":0}"#).id, row(r#"{"access":0}"#).id);
    }
}
