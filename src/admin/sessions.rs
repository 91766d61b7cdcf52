//! Who is connected, in which state, and what keeps a backend connection from everybody else: `/api/v1/sessions`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// How many of them each reason pins; a session may have several.
    pub pins: BTreeMap<String, usize>,
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
        let (states, pins) = (StateCounts::of(&sessions), reasons(&sessions));
        sessions.sort_unstable_by(SessionRow::precedence);
        sessions.truncate(filter.limit);
        Self { total, states, pins, truncated: sessions.len() < total, sessions }
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

fn reasons(rows: &[SessionRow]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for pin in rows.iter().flat_map(|row| &row.pins) {
        *counts.entry(pin.reason.clone()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A session of `account` that does nothing.
    pub(crate) fn row(id: u32, account: &str) -> SessionRow {
        SessionRow {
            id,
            account: account.to_owned(),
            client: "10.0.0.7:51000".to_owned(),
            tls: Some("TLSv1.3".to_owned()),
            rung: "configured".to_owned(),
            mode: Mode::Multiplex,
            mode_reason: "pool.mode".to_owned(),
            state: SessionState::Idle,
            pins: Vec::new(),
            backend: None,
            backend_connection: None,
            statement: None,
            seconds: 1.0,
            connected_seconds: 2.0,
        }
    }

    /// A session of `account` that a reason has pinned for so many seconds.
    pub(crate) fn pinned(id: u32, account: &str, reason: &str, seconds: f64) -> SessionRow {
        SessionRow {
            state: SessionState::Pinned,
            pins: vec![PinRow { reason: reason.to_owned(), seconds }],
            backend: Some("db1".to_owned()),
            backend_connection: Some(417),
            statement: Some("CREATE TEMPORARY TABLE t ( a INT )".to_owned()),
            seconds,
            ..row(id, account)
        }
    }

    fn waiting(id: u32, seconds: f64) -> SessionRow {
        SessionRow { state: SessionState::Waiting, seconds, ..row(id, "nova") }
    }

    fn selected(rows: &[SessionRow], filter: &SessionFilter) -> Sessions {
        Sessions::select(rows.iter().cloned(), filter)
    }

    fn ids(sessions: &Sessions) -> Vec<u32> {
        sessions.sessions.iter().map(|row| row.id).collect()
    }

    #[test]
    fn who_holds_a_connection_for_nothing_comes_first_and_the_longest_of_them() {
        let running = SessionRow { state: SessionState::Running, seconds: 100.0, ..row(2, "nova") };
        let rows = [
            row(1, "nova"),
            running,
            pinned(3, "nova", "user_lock", 5.0),
            waiting(4, 900.0),
            pinned(5, "nova", "transaction", 50.0),
        ];
        assert_eq!(ids(&selected(&rows, &SessionFilter::default())), [5, 3, 2, 4, 1]);
    }

    #[test]
    fn the_limit_cuts_rows_and_says_so_but_counts_all() {
        let rows = [waiting(1, 1.0), waiting(2, 2.0), pinned(3, "nova", "xa", 1.0)];
        let cut = selected(&rows, &SessionFilter { limit: 2, ..SessionFilter::default() });
        assert_eq!((ids(&cut), cut.total, cut.truncated), (vec![3, 2], 3, true));
        assert_eq!(cut.states, StateCounts { pinned: 1, waiting: 2, ..StateCounts::default() });
        let all = selected(&rows, &SessionFilter { limit: 3, ..SessionFilter::default() });
        assert_eq!((all.total, all.truncated), (3, false));
    }

    #[test]
    fn each_part_of_the_filter_counts() {
        let rows = [
            row(1, "nova"),
            pinned(2, "nova", "xa", 1.0),
            pinned(3, "glance", "user_lock", 1.0),
            waiting(4, 1.0),
        ];
        let any = SessionFilter::default;
        let account = Some("nova".to_owned());
        assert_eq!(ids(&selected(&rows, &SessionFilter { account, ..any() })), [2, 4, 1]);
        let state = Some(SessionState::Pinned);
        assert_eq!(ids(&selected(&rows, &SessionFilter { state, ..any() })), [2, 3]);
        let pin = Some("user_lock".to_owned());
        let by_pin = selected(&rows, &SessionFilter { pin, ..any() });
        assert_eq!((ids(&by_pin), by_pin.total), (vec![3], 1));
    }

    #[test]
    fn a_session_counts_once_for_each_of_its_reasons() {
        let mut several = pinned(1, "nova", "temporary_table", 1.0);
        several.pins.push(PinRow { reason: "user_lock".to_owned(), seconds: 1.0 });
        let rows = [several, pinned(2, "nova", "user_lock", 1.0)];
        let pins = selected(&rows, &SessionFilter { limit: 0, ..SessionFilter::default() }).pins;
        assert_eq!(pins, BTreeMap::from([("temporary_table".to_owned(), 1), ("user_lock".to_owned(), 2)]));
    }

    #[test]
    fn the_names_of_the_fields_stay_what_they_are() {
        let json = serde_json::to_value(selected(&[pinned(7, "nova", "xa", 1.5)], &SessionFilter::default()));
        let expected = serde_json::json!({
            "total": 1,
            "states": {"pinned": 1, "running": 0, "waiting": 0, "idle": 0},
            "pins": {"xa": 1},
            "truncated": false,
            "sessions": [{
                "id": 7, "account": "nova", "client": "10.0.0.7:51000", "tls": "TLSv1.3", "rung": "configured",
                "mode": "multiplex", "mode_reason": "pool.mode", "state": "pinned",
                "pins": [{"reason": "xa", "seconds": 1.5}], "backend": "db1", "backend_connection": 417,
                "statement": "CREATE TEMPORARY TABLE t ( a INT )", "seconds": 1.5, "connected_seconds": 2.0,
            }],
        });
        assert_eq!(json.unwrap(), expected);
    }
}
