//! Whether a backend is up, and what its greeting said.
//!
//! Every attempt to connect is evidence: that of a client's login, and that of the probe that `app` makes every few
//! seconds. What is known of a server outlives a reload of the configuration. Nothing here waits, so cancellation has no
//! effect.

use std::sync::Mutex;

use crate::protocol::capabilities::Capabilities;
use crate::protocol::handshake::Greeting;

/// What a server says of itself before anybody logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its version, as announced.
    pub version: Vec<u8>,
    /// Its capabilities.
    pub capabilities: Capabilities,
    /// Its default collation's id.
    pub collation: u8,
    /// Status flags at the greeting.
    pub status: u16,
}

impl From<&Greeting> for ServerFacts {
    fn from(greeting: &Greeting) -> Self {
        Self {
            version: greeting.version.clone(),
            capabilities: greeting.capabilities,
            collation: greeting.collation,
            status: greeting.status,
        }
    }
}

impl ServerFacts {
    /// Whether a server that says `other` is set up as the one that said this. Status flags are of the moment.
    fn is_of_same_server(&self, other: &Self) -> bool {
        let Self { version, capabilities, collation, status: _ } = self;
        (version, *capabilities, *collation) == (&other.version, other.capabilities, other.collation)
    }
}

/// What is known about one backend.
#[derive(Debug, Default)]
pub struct Health {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    facts: Option<ServerFacts>,
    verdict: Verdict,
}

/// Whether a backend can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody has tried yet.
    #[default]
    Unknown,
    /// The last attempt went well.
    Up,
    /// The last attempt failed.
    Down {
        /// Why, in words for an operator.
        reason: String,
    },
}

/// Whether an observation changed the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was known before.
    Same,
    /// It came up.
    CameUp,
    /// It went down.
    WentDown,
}

impl Health {
    /// The greeting's facts, once there was one.
    pub fn facts(&self) -> Option<ServerFacts> {
        self.lock().facts.clone()
    }

    /// What is known.
    pub fn verdict(&self) -> Verdict {
        self.lock().verdict.clone()
    }

    /// Whether the last attempt failed.
    pub fn is_down(&self) -> bool {
        matches!(self.lock().verdict, Verdict::Down { .. })
    }

    /// The server answered.
    pub fn observe_greeting(&self, greeting: &Greeting) {
        let mut state = self.lock();
        let facts = ServerFacts::from(greeting);
        if state.facts.as_ref().is_none_or(|known| !known.is_of_same_server(&facts)) {
            state.facts = Some(facts);
        }
    }

    /// The server can be used.
    pub fn observe_up(&self) -> Change {
        let mut state = self.lock();
        let change = if state.verdict == Verdict::Up { Change::Same } else { Change::CameUp };
        state.verdict = Verdict::Up;
        change
    }

    /// The server cannot be used.
    pub fn observe_down(&self, reason: String) -> Change {
        let mut state = self.lock();
        let change =
            if matches!(state.verdict, Verdict::Down { .. }) { Change::Same } else { Change::WentDown };
        state.verdict = Verdict::Down { reason };
        change
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting() -> Greeting {
        Greeting {
            version: b"10.11.6-MariaDB".to_vec(),
            connection_id: 7,
            salt: [b'x'; 20],
            capabilities: Capabilities::PROTOCOL_41,
            collation: 45,
            status: 2,
            plugin: b"mysql_native_password".to_vec(),
        }
    }

    #[test]
    fn a_server_that_was_set_up_anew_is_noticed_whatever_changed() {
        let with_tls = Capabilities::PROTOCOL_41 | Capabilities::SSL;
        for changed in [
            Greeting { version: b"11.4.2-MariaDB".to_vec(), ..greeting() },
            Greeting { capabilities: with_tls, ..greeting() },
            Greeting { collation: 8, ..greeting() },
        ] {
            let health = Health::default();
            health.observe_greeting(&greeting());
            health.observe_greeting(&changed);
            assert_eq!(health.facts(), Some(ServerFacts::from(&changed)));
        }
    }

    #[test]
    fn status_flags_alone_change_nothing() {
        let health = Health::default();
        health.observe_greeting(&greeting());
        health.observe_greeting(&Greeting { status: 3, connection_id: 8, ..greeting() });
        assert_eq!(health.facts(), Some(ServerFacts::from(&greeting())));
    }
}
