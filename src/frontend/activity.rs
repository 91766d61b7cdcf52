//! What each client is doing, for those who look on.
//!
//! A client's task writes here when a command begins and when it ends; `admin`'s views read, now and then. Each client has a
//! lock of its own.

use std::time::Instant;

use crate::frontend::login::Rung;
use crate::session::PinReason;

/// As much of a statement as is kept to be shown, in bytes.
const KEPT: usize = 1024;

/// What is known of a client from its login on.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its user name.
    pub account: Vec<u8>,
    /// Its address and port; none on a unix socket.
    pub address: Option<std::net::SocketAddr>,
    /// The TLS version.
    pub tls: Option<&'static str>,
    /// How it was authenticated.
    pub rung: Rung,
    /// Whether it shares connections with others.
    pub sharing: Sharing,
    /// When it logged in.
    pub since: Instant,
}

/// Whether a client shares connections, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Statement by statement.
    Multiplex,
    /// The server judged its login, so nobody else may use its connection.
    RelayedLogin,
    /// The configuration says so.
    Configured,
}

/// What a client is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doing {
    /// Nothing.
    #[default]
    Nothing,
    /// It waits for a connection.
    Waiting,
    /// A command is under way.
    Running,
}

/// What a client is doing, since when, and what pins it.
#[derive(Clone, Debug)]
pub struct Activity {
    /// What.
    pub doing: Doing,
    /// Since when.
    pub since: Instant,
    /// The beginning of its latest statement; empty before the first.
    pub statement: Vec<u8>,
    /// Why it keeps its connection.
    pub pins: Vec<(PinReason, Instant)>,
}

impl Default for Activity {
    fn default() -> Self {
        Self { doing: Doing::Nothing, since: Instant::now(), statement: Vec::new(), pins: Vec::new() }
    }
}

impl Activity {
    /// A command begins; `text` is empty for one without a text.
    pub fn begin(&mut self, text: &[u8], now: Instant) {
        self.doing = Doing::Running;
        self.since = now;
        if !text.is_empty() {
            self.statement.clear();
            self.statement.extend_from_slice(text.get(..KEPT).unwrap_or(text));
        }
    }

    /// It goes on to something else.
    pub fn turn(&mut self, doing: Doing, now: Instant) {
        self.doing = doing;
        self.since = now;
    }

    /// What pins the client now.
    pub fn pin(&mut self, pins: impl Iterator<Item = (PinReason, Instant)>) {
        self.pins.clear();
        self.pins.extend(pins);
    }
}

#[cfg(test)]
impl Profile {
    /// For tests that do not care.
    pub fn of_nobody() -> Self {
        Self {
            account: b"nova".to_vec(),
            address: None,
            tls: None,
            rung: Rung::Configured,
            sharing: Sharing::Multiplex,
            since: Instant::now(),
        }
    }
}

impl Sharing {
    /// The reason in words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Multiplex => "the account's connections are shared",
            Self::RelayedLogin => "the server judged the login, so nobody else may use the connection",
            Self::Configured => "pool.mode or account.mode says so",
        }
    }
}
