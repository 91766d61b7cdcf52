//! What a new session starts with: the server's own defaults for an account, as it listed them itself.
//!
//! Read once on each connection, right after its login and before anything is set. Two connections with equal baselines
//! start the same; after `SET GLOBAL` or a restart with another configuration the next connection has another one.

use std::collections::HashMap;

/// The query that reads a baseline: name, value and type of every variable that a session has.
pub const QUERY: &str = "SELECT VARIABLE_NAME, SESSION_VALUE, VARIABLE_TYPE FROM information_schema.SYSTEM_VARIABLES \
     WHERE SESSION_VALUE IS NOT NULL";

/// Variables that change by themselves, follow from something else, or are the proxy's own business; neither compared
/// nor set on other connections.
const APART: [&str; 18] = [
    "character_set_database",
    "collation_database",
    "error_count",
    "gtid_seq_no",
    "identity",
    "in_transaction",
    "insert_id",
    "last_gtid",
    "last_insert_id",
    "pseudo_thread_id",
    "rand_seed1",
    "rand_seed2",
    "session_track_schema",
    "session_track_state_change",
    "session_track_system_variables",
    "session_track_transaction_info",
    "timestamp",
    "warning_count",
];

/// Variables of the current schema: the next USE replaces them, whoever set them.
pub const OF_SCHEMA: [&str; 2] = ["character_set_database", "collation_database"];

/// Stands among the variables for what no variable shows: the collation of results, set by a login and by SET NAMES. Empty:
/// that of the character set, as SET character_set_results leaves it.
pub const RESULTS_COLLATION: &str = "(results)";

/// The same for what the client sends: the collation of text that is bound to parameters, as far as its character set need not
/// be converted.
pub const CLIENT_COLLATION: &str = "(client)";

/// The two that no variable shows, each with the variable whose collation it is.
pub const UNSHOWN: [(&str, &str); 2] =
    [(RESULTS_COLLATION, "character_set_results"), (CLIENT_COLLATION, "character_set_client")];

/// How a value is written in SET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Number,
    /// In quotes.
    Text,
}

/// The defaults of an account's sessions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    settings: HashMap<Box<str>, (Box<[u8]>, Form)>,
    tracking: [Vec<u8>; 4],
}

/// The four variables by which a client asks for reports, in the order in which the baseline has them.
pub const TRACKING: [&str; 4] = [
    "session_track_schema",
    "session_track_system_variables",
    "session_track_state_change",
    "session_track_transaction_info",
];

impl Baseline {
    /// From the rows of [`QUERY`].
    pub fn new(rows: &[Vec<Option<Vec<u8>>>]) -> Self {
        let mut baseline = Self::default();
        for row in rows {
            let [Some(name), Some(value), Some(kind)] = row.as_slice() else { continue };
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            if let Some(at) = TRACKING.iter().position(|tracking| *tracking == name) {
                if let Some(place) = baseline.tracking.get_mut(at) {
                    place.clone_from(value);
                }
            } else if !is_apart(&name) {
                let setting = (value.as_slice().into(), Form::of(kind));
                baseline.settings.insert(name.into(), setting);
            }
        }
        let collation: Option<Box<[u8]>> = baseline.value("collation_connection").map(Box::from);
        if let Some(collation) = collation {
            baseline.settings.insert(RESULTS_COLLATION.into(), (collation.clone(), Form::Text));
            baseline.settings.insert(CLIENT_COLLATION.into(), (collation, Form::Text));
        }
        baseline
    }

    /// A variable's default; `None` for one that is set apart or not known.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.settings.get(name).map(|(value, _)| &**value)
    }

    /// How a variable's value is written. `timestamp` has no default, and takes no text.
    pub fn form(&self, name: &str) -> Form {
        if name == "timestamp" {
            return Form::Number;
        }
        self.settings.get(name).map_or(Form::Text, |(_, form)| *form)
    }

    /// All variables with their defaults.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.settings.iter().map(|(name, (value, _))| (&**name, &**value))
    }

    /// The defaults of [`TRACKING`].
    pub fn tracking(&self) -> &[Vec<u8>; 4] {
        &self.tracking
    }
}

impl Form {
    fn of(kind: &[u8]) -> Self {
        let number = [&b"INT"[..], b"BIGINT", b"DOUBLE", b"SMALLINT", b"TINYINT", b"MEDIUMINT"];
        let kind = kind.strip_suffix(b" UNSIGNED").unwrap_or(kind);
        if number.contains(&kind) { Self::Number } else { Self::Text }
    }
}

/// Whether a variable is no part of the state that is carried from one connection to another.
pub fn is_apart(name: &str) -> bool {
    APART.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: &str, kind: &str) -> Vec<Option<Vec<u8>>> {
        [name, value, kind].map(|text| Some(text.as_bytes().to_vec())).to_vec()
    }

    #[test]
    fn numbers_are_told_from_text_by_the_servers_own_types() {
        let rows = [row("MAX_JOIN_SIZE", "7", "BIGINT UNSIGNED"), row("TIME_ZONE", "SYSTEM", "VARCHAR")];
        let baseline = Baseline::new(&rows);
        assert_eq!(baseline.form("max_join_size"), Form::Number);
        assert_eq!(baseline.form("time_zone"), Form::Text);
        assert_eq!(baseline.value("time_zone"), Some(&b"SYSTEM"[..]));
    }

    #[test]
    fn what_changes_by_itself_makes_no_two_baselines_different() {
        assert!(APART.is_sorted());
        let one = Baseline::new(&[row("TIMESTAMP", "1.5", "DOUBLE"), row("SQL_MODE", "", "SET")]);
        let other = Baseline::new(&[row("TIMESTAMP", "2.5", "DOUBLE"), row("SQL_MODE", "", "SET")]);
        assert_eq!(one, other);
    }

    #[test]
    fn the_clients_own_tracking_is_kept_apart() {
        let baseline = Baseline::new(&[row("SESSION_TRACK_SCHEMA", "ON", "BOOLEAN")]);
        assert_eq!(baseline.tracking()[0], b"ON");
        assert_eq!(baseline.value("session_track_schema"), None);
    }
}
