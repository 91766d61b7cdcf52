//! Transitions that the server itself has shown: from this state that statement led to that state, with this answer.
//!
//! A statement that only sets variables to literal values, and COMMIT and ROLLBACK with nothing open, give the same answer
//! from the same state every time. Such an answer is kept, and the same statement from the same state needs no server.

use std::collections::HashMap;
use std::sync::Arc;

use crate::session::state::SessionState;
use crate::session::variables::Variables;

/// Most transitions kept for an account on a server; then they are learned anew.
const MOST: usize = 1024;

/// Longest statement that is learned, in bytes.
pub const LONGEST: usize = 512;

/// From where, and what was said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Occasion {
    variables: Variables,
    command: Box<[u8]>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The state afterwards.
    pub state: SessionState,
    /// The payload of the OK packet, as a backend connection had it.
    pub ok: Box<[u8]>,
}

/// All transitions that are known for one account, from one baseline.
#[derive(Debug, Default)]
pub struct Learned {
    outcomes: HashMap<Occasion, Arc<Outcome>>,
}

impl Learned {
    /// What the server would say to `command`, the payload of a COM_QUERY or the like, in this state.
    pub fn outcome(&self, state: &SessionState, command: &[u8]) -> Option<Arc<Outcome>> {
        if self.outcomes.is_empty() || state.one_shot.is_some() || command.len() > LONGEST {
            return None;
        }
        self.outcomes.get(&Occasion::new(state, command)).cloned()
    }

    /// The server said `ok` to `command`, and only variables have changed.
    pub fn learn(&mut self, before: &SessionState, command: &[u8], after: &SessionState, ok: &[u8]) {
        let unchanged = |state: &SessionState| (state.schema.clone(), state.role.clone());
        let one_shot = before.one_shot.is_some() || after.one_shot.is_some();
        if one_shot || unchanged(before) != unchanged(after) || command.len() > LONGEST {
            return;
        }
        if self.outcomes.len() >= MOST {
            self.outcomes.clear();
        }
        let outcome = Outcome { state: after.clone(), ok: ok.into() };
        self.outcomes.insert(Occasion::new(before, command), Arc::new(outcome));
    }
}

impl Occasion {
    fn new(state: &SessionState, command: &[u8]) -> Self {
        Self { variables: state.variables.clone(), command: command.into() }
    }
}

impl Outcome {
    /// `state` after this: its variables are the learned ones, the rest is as it was.
    pub fn apply(&self, state: &mut SessionState) {
        state.variables.clone_from(&self.state.variables);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::baseline::Baseline;

    fn with(name: &str, value: &[u8]) -> SessionState {
        let mut state = SessionState::default();
        state.variables.assign(name, value, &Baseline::default());
        state
    }

    #[test]
    fn a_transition_is_known_from_the_state_it_was_seen_in_and_from_no_other() {
        let mut learned = Learned::default();
        let (before, after) = (SessionState::default(), with("autocommit", b"OFF"));
        learned.learn(&before, b"\x03SET autocommit=0", &after, b"ok");
        let outcome = learned.outcome(&before, b"\x03SET autocommit=0").unwrap();
        let mut state = before.clone();
        outcome.apply(&mut state);
        assert_eq!(state, after);
        assert!(learned.outcome(&after, b"\x03SET autocommit=0").is_none());
        assert!(learned.outcome(&before, b"\x03SET autocommit=1").is_none());
    }

    #[test]
    fn a_pending_one_shot_characteristic_is_no_occasion_to_learn_or_to_answer() {
        let mut learned = Learned::default();
        let mut pending = SessionState::default();
        pending.observe_characteristics(b"SET TRANSACTION READ ONLY;");
        learned.learn(&pending, b"\x03COMMIT", &SessionState::default(), b"ok");
        assert!(learned.outcomes.is_empty());
        learned.learn(&SessionState::default(), b"\x03COMMIT", &SessionState::default(), b"ok");
        assert!(learned.outcome(&pending, b"\x03COMMIT").is_none());
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let mut learned = Learned::default();
        let state = SessionState::default();
        for number in 0..=MOST {
            learned.learn(&state, format!("\x03SET a={number}").as_bytes(), &state, b"ok");
        }
        assert_eq!(learned.outcomes.len(), 1);
    }
}
