//! Whether the proxy can serve clients: what `/readyz` answers, and why.

use serde::{Deserialize, Serialize};

/// What readiness depends on, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Every configured backend.
    pub backends: Vec<BackendHealth>,
    /// New clients are not taken any more.
    pub draining: bool,
}

/// A backend and whether it can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendHealth {
    /// Its name in the configuration.
    pub name: String,
    /// As of the latest attempt.
    #[serde(flatten)]
    pub state: BackendState,
}

/// Whether a backend can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum BackendState {
    /// It answered.
    Up,
    /// It did not, or nothing was tried yet.
    Down {
        /// What went wrong, for an operator's eyes.
        reason: String,
    },
}

/// The body of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether a client that connects now can be served.
    pub ready: bool,
    /// Why not; empty when ready.
    pub reasons: Vec<String>,
    /// Every configured backend.
    pub backends: Vec<BackendHealth>,
}

impl Readiness {
    /// Ready means: one backend up, not draining. That the listeners are bound is a matter of course: the endpoint is
    /// served from then on.
    pub fn report(self) -> Report {
        let mut reasons = Vec::new();
        if self.draining {
            reasons.push("draining: existing clients may finish, new ones are refused".to_owned());
        }
        if !self.backends.iter().any(|backend| backend.state == BackendState::Up) {
            reasons.push("no backend is reachable".to_owned());
        }
        Report { ready: reasons.is_empty(), reasons, backends: self.backends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(name: &str, state: BackendState) -> BackendHealth {
        BackendHealth { name: name.to_owned(), state }
    }

    fn down() -> BackendState {
        BackendState::Down { reason: "connection refused".to_owned() }
    }

    #[test]
    fn one_reachable_backend_is_enough() {
        let backends = vec![backend("db1", down()), backend("db2", BackendState::Up)];
        let report = Readiness { backends, draining: false }.report();
        assert!(report.ready && report.reasons.is_empty(), "{report:?}");
    }

    #[test]
    fn every_reason_against_is_given() {
        let backends = vec![backend("db1", down())];
        let report = Readiness { backends, draining: true }.report();
        assert!(!report.ready);
        assert_eq!(report.reasons.len(), 2, "{report:?}");
    }

    #[test]
    fn a_backend_that_is_down_says_why() {
        let json = serde_json::to_string(&backend("db1", down())).unwrap();
        assert_eq!(json, r#"{"name":"db1","state":"down","reason":"connection refused"}"#);
    }
}
