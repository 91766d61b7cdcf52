//! The part of a session that can be carried from one backend connection to another.

use std::sync::Arc;

use crate::protocol::definitions::Spoken;
use crate::session::baseline::{Baseline, CLIENT_COLLATION, OF_SCHEMA};
use crate::session::variables::Variables;

/// What both a session and a connection have; equal states need no work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionState {
    /// The current schema.
    pub schema: Option<Arc<[u8]>>,
    /// The active role.
    pub role: Option<Arc<[u8]>>,
    /// Variables that differ from the baseline.
    pub variables: Variables,
    /// The statements that make the characteristics of the next transaction, as the server reported them:
    /// `SET TRANSACTION …;`, perhaps two of them.
    pub one_shot: Option<Arc<[u8]>>,
}

/// What decides how the text of a statement is understood; the same text under another context is another statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Context {
    /// The current schema.
    pub schema: Option<Arc<[u8]>>,
    variables: [Option<Box<[u8]>>; 7],
}

/// Variables that decide how text is understood.
const OF_CONTEXT: [&str; 7] = [
    CLIENT_COLLATION,
    "character_set_client",
    "character_set_connection",
    "collation_connection",
    "lc_time_names",
    "old_mode",
    "sql_mode",
];

impl SessionState {
    /// What decides how a text is understood in this state.
    pub fn context(&self) -> Context {
        let variables = OF_CONTEXT.map(|name| self.variables.changed(name).map(Box::from));
        Context { schema: self.schema.clone(), variables }
    }

    /// This state, but with another context.
    #[must_use]
    pub fn within(&self, context: &Context, baseline: &Baseline) -> Self {
        let mut state = self.clone();
        state.schema.clone_from(&context.schema);
        for (name, value) in OF_CONTEXT.iter().zip(&context.variables) {
            if let Some(value) = value.as_deref().or_else(|| baseline.value(name)) {
                state.variables.assign(name, value, baseline);
            }
        }
        state
    }

    /// How the client speaks to which the server sends definitions in this state.
    pub fn spoken(&self, baseline: &Baseline) -> Spoken {
        let value = |name| self.variables.value(name, baseline).unwrap_or_default();
        Spoken::new(value("character_set_client"), value(CLIENT_COLLATION))
    }

    /// The schema is that of another state, with what follows from it.
    pub fn stay_in_schema_of(&mut self, other: &Self, baseline: &Baseline) {
        self.schema.clone_from(&other.schema);
        for name in OF_SCHEMA {
            match other.variables.changed(name) {
                Some(value) => self.variables.assign(name, value, baseline),
                None => self.variables.forget(name),
            }
        }
    }

    /// The type 4 report of an OK packet: the SQL that would make the current characteristics.
    pub fn observe_characteristics(&mut self, sql: &[u8]) {
        let pending = sql.starts_with(b"SET TRANSACTION ") && !contains(sql, b"START TRANSACTION");
        self.one_shot = pending.then(|| Arc::from(sql));
    }

    /// The statements of [`Self::one_shot`], one by one.
    pub fn one_shot_statements(&self) -> impl Iterator<Item = &[u8]> {
        let sql = self.one_shot.as_deref().unwrap_or_default();
        sql.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|statement| !statement.is_empty())
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_characteristics_are_kept_and_those_of_an_open_transaction_are_not() {
        let mut state = SessionState::default();
        state.observe_characteristics(
            b"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SET TRANSACTION READ ONLY;",
        );
        let statements: Vec<_> = state.one_shot_statements().collect();
        assert_eq!(
            statements,
            [&b"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"[..], b"SET TRANSACTION READ ONLY"]
        );
        state.observe_characteristics(
            b"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; START TRANSACTION READ ONLY;",
        );
        assert_eq!(state.one_shot, None);
        state.observe_characteristics(b"SET TRANSACTION READ ONLY;");
        state.observe_characteristics(b"");
        assert_eq!(state.one_shot, None);
    }

    #[test]
    fn a_state_within_a_context_has_that_context_and_the_rest_as_it_was() {
        let baseline = Baseline::default();
        let mut then = SessionState { schema: Some(Arc::from(&b"db1"[..])), ..SessionState::default() };
        then.variables.assign("sql_mode", b"ANSI_QUOTES", &baseline);
        let mut now = SessionState::default();
        now.variables.assign("autocommit", b"OFF", &baseline);
        let within = now.within(&then.context(), &baseline);
        assert_eq!(within.context(), then.context());
        assert_eq!(within.variables.changed("autocommit"), Some(&b"OFF"[..]));
    }
}
