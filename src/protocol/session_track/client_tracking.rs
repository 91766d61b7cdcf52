//! How far one client wants to hear of state changes: its own `session_track_*` settings, which are not those of the
//! backend connections.

use crate::protocol::session_track::{Report, reports};

/// A client's `session_track_*` settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTracking {
    /// `session_track_system_variables`.
    pub variables: Names,
    /// `session_track_schema`.
    pub schema: Told,
    /// `session_track_state_change`.
    pub state_change: Told,
    /// `session_track_transaction_info`.
    pub transaction: TransactionInfo,
}

/// Whether something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// ON.
    Yes,
    /// OFF.
    No,
}

/// The variables whose changes are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// `*`.
    All,
    /// These, in lower case.
    List(Vec<Box<[u8]>>),
}

/// How much of transactions is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionInfo {
    /// Nothing.
    Off,
    /// Their state.
    State,
    /// Their state, and the statements that would start one like them.
    Characteristics,
}

/// The variables that MariaDB tracks by default.
const DEFAULT_VARIABLES: &[u8] =
    b"autocommit,character_set_client,character_set_connection,character_set_results,time_zone";

impl Default for ClientTracking {
    /// What a MariaDB 10.11 with no setting of its own does.
    fn default() -> Self {
        Self {
            variables: Names::parse(DEFAULT_VARIABLES),
            schema: Told::Yes,
            state_change: Told::No,
            transaction: TransactionInfo::Off,
        }
    }
}

impl ClientTracking {
    /// The settings with these values, in the form in which a server shows them; `None` when one of them is unknown.
    pub fn parse(variables: &[u8], schema: &[u8], state_change: &[u8], transaction: &[u8]) -> Option<Self> {
        Some(Self {
            variables: Names::parse(variables),
            schema: Told::parse(schema)?,
            state_change: Told::parse(state_change)?,
            transaction: TransactionInfo::parse(transaction)?,
        })
    }

    /// The settings after the variable `name` got `value`, as a server reports it; `None` when it is none of the four or
    /// the value is unknown.
    #[must_use]
    pub fn with(&self, name: &[u8], value: &[u8]) -> Option<Self> {
        let mut changed = self.clone();
        match name {
            b"session_track_system_variables" => changed.variables = Names::parse(value),
            b"session_track_schema" => changed.schema = Told::parse(value)?,
            b"session_track_state_change" => changed.state_change = Told::parse(value)?,
            b"session_track_transaction_info" => changed.transaction = TransactionInfo::parse(value)?,
            _ => return None,
        }
        Some(changed)
    }

    /// Whether the client is told of this.
    pub fn tells(&self, report: &Report<'_>) -> bool {
        match *report {
            Report::Variable { name, .. } => self.variables.contains(name),
            Report::Schema(_) => self.schema == Told::Yes,
            Report::StateChanged => self.state_change == Told::Yes,
            Report::Characteristics(_) => self.transaction == TransactionInfo::Characteristics,
            Report::TransactionState(_) => self.transaction != TransactionInfo::Off,
            Report::Other(_) => false,
        }
    }

    /// Whether the client is told of all of `state_changes`.
    pub fn tells_all(&self, state_changes: &[u8]) -> bool {
        reports(state_changes).all(|report| report.is_ok_and(|report| self.tells(&report)))
    }

    /// Appends what the client is told of `state_changes`, in their order and in blocks as a server makes them. What
    /// cannot be read is left out.
    pub fn filter(&self, state_changes: &[u8], out: &mut Vec<u8>) {
        for report in reports(state_changes).flatten().filter(|report| self.tells(report)) {
            report.encode(out);
        }
    }
}

impl Names {
    /// Reads the value of `session_track_system_variables`.
    pub fn parse(value: &[u8]) -> Self {
        let names = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let list: Vec<Box<[u8]>> =
            names.filter(|name| !name.is_empty()).map(|name| name.to_ascii_lowercase().into()).collect();
        if list.iter().any(|name| **name == *b"*") { Self::All } else { Self::List(list) }
    }

    fn contains(&self, name: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::List(list) => list.iter().any(|listed| listed.eq_ignore_ascii_case(name)),
        }
    }
}

impl Told {
    fn parse(value: &[u8]) -> Option<Self> {
        match value.to_ascii_uppercase().as_slice() {
            b"ON" | b"1" => Some(Self::Yes),
            b"OFF" | b"0" => Some(Self::No),
            _ => None,
        }
    }
}

impl TransactionInfo {
    fn parse(value: &[u8]) -> Option<Self> {
        match value.to_ascii_uppercase().as_slice() {
            b"OFF" | b"0" => Some(Self::Off),
            b"STATE" | b"1" => Some(Self::State),
            b"CHARACTERISTICS" | b"2" => Some(Self::Characteristics),
            _ => None,
        }
    }
}
