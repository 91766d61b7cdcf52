//! Who is connected, in which state, and what keeps a backend connection from everybody else: `/api/v1/sessions`.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// Rows in an answer unless another limit is asked for.
pub const DEFAULT_LIMIT: usize = 1000;

/// One client session, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The client's id: that of its handshake, `CONNECTION_ID()` and KILL.
    pub id: u32,
    /// The user that it logged in as.
    pub account: String,
    /// Where it comes from: `ip:port`, or `unix`.
    pub client: String,
    /// The TLS version between client and proxy, such as `TLSv1.3`; none in plaintext.
    pub tls: Option<String>,
    /// How it was authenticated: the label of `sealock_client_logins_total`.
    pub rung: String,
    /// Whether it shares backend connections.
    pub mode: Mode,
    /// Why it has that mode, in words.
    pub mode_reason: String,
    /// What it does now.
    pub state: SessionState,
    /// What keeps its backend connection from others; empty when nothing does.
    pub pins: Vec<PinRow>,
    /// The backend that its connection is to; none while it holds no connection.
    pub backend: Option<String>,
    /// The server's id of that connection, as in the server's process list.
    pub backend_connection: Option<u32>,
    /// Its latest statement, literals replaced by `?`; none before the first.
    pub statement: Option<String>,
    /// Seconds in this state.
    pub seconds: f64,
    /// Seconds since its login.
    pub connected_seconds: f64,
}

/// A reason for which a session keeps its backend connection, and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PinRow {
    /// The label of `sealock_pins`; docs/multiplexing.md explains each.
    pub reason: String,
    /// Seconds since the cause came up.
    pub seconds: f64,
}

/// How backend connections are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A session holds a connection only while it needs one.
    Multiplex,
    /// A session holds one connection for as long as it lasts.
    Session,
}

/// What a session does. Declared in the order of an answer: those that hold connections and do nothing come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Nothing runs, and a pin keeps its backend connection.
    Pinned,
    /// A command is under way on a backend connection.
    Running,
    /// It has a command and waits for a backend connection.
    Waiting,
    /// Nothing runs and nothing is pinned. In `multiplex` mode it holds no connection, in `session` mode it holds its own.
    Idle,
}

/// What is asked for; the query parameters of `/api/v1/sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionFilter {
    /// Only sessions of this account.
    pub account: Option<String>,
    /// Only sessions in this state.
    pub state: Option<SessionState>,
    /// Only sessions that are pinned for this reason, whatever their state.
    pub pin: Option<String>,
    /// At most so many rows.
    pub limit: usize,
}

/// The sessions that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sessions {
    /// How many match, also those beyond the limit.
    pub total: usize,
    /// The same by state.
    pub states: StateCounts,
    /// Whether rows are missing because of the limit.
    pub truncated: bool,
    /// One row each: by state in the order of [`SessionState`], in each the longest first.
    pub sessions: Vec<SessionRow>,
}

/// How many sessions there are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCounts {
    /// See [`SessionState::Pinned`].
    pub pinned: usize,
    /// See [`SessionState::Running`].
    pub running: usize,
    /// See [`SessionState::Waiting`].
    pub waiting: usize,
    /// See [`SessionState::Idle`].
    pub idle: usize,
}

impl Default for SessionFilter {
    fn default() -> Self {
        Self { account: None, state: None, pin: None, limit: DEFAULT_LIMIT }
    }
}

impl SessionFilter {
    /// Whether a session is asked for.
    pub fn admits(&self, row: &SessionRow) -> bool {
        self.account.as_ref().is_none_or(|account| *account == row.account)
            && self.state.is_none_or(|state| state == row.state)
            && self.pin.as_ref().is_none_or(|pin| row.pins.iter().any(|held| held.reason == *pin))
    }
}

impl Sessions {
    /// Those of `rows` that `filter` asks for, counted, ordered and cut to its limit.
    pub fn select(rows: impl IntoIterator<Item = SessionRow>, filter: &SessionFilter) -> Self {
        let mut sessions: Vec<SessionRow> = rows.into_iter().filter(|row| filter.admits(row)).collect();
        let total = sessions.len();
        let states = StateCounts::of(&sessions);
        sessions.sort_unstable_by(SessionRow::precedence);
        sessions.truncate(filter.limit);
        Self { total, states, truncated: sessions.len() < total, sessions }
    }
}

impl SessionRow {
    fn precedence(&self, other: &Self) -> Ordering {
        let states = self.state.cmp(&other.state);
        states.then(other.seconds.total_cmp(&self.seconds)).then(self.id.cmp(&other.id))
    }
}

impl StateCounts {
    fn of(rows: &[SessionRow]) -> Self {
        let mut counts = Self::default();
        for row in rows {
            *counts.of_state(row.state) += 1;
        }
        counts
    }

    fn of_state(&mut self, state: SessionState) -> &mut usize {
        match state {
            SessionState::Pinned => &mut self.pinned,
            SessionState::Running => &mut self.running,
            SessionState::Waiting => &mut self.waiting,
            SessionState::Idle => &mut self.idle,
        }
    }
}
