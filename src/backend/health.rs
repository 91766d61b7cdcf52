//! Whether a backend is up, and what its greeting said.
//!
//! Every attempt to connect is evidence; `app` probes only where there is none. What is known outlives a reload of the
//! configuration.

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

    /// The server answered.
    pub fn observe_greeting(&self, greeting: &Greeting) {
        let mut state = self.lock();
        if state.facts.as_ref().is_none_or(|facts| facts.version != greeting.version) {
            state.facts = Some(ServerFacts::from(greeting));
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
