//! Prepared statements as the client knows them: its ids are the proxy's, valid over any change of connection.

use std::collections::HashMap;
use std::sync::Arc;

use crate::session::state::Context;
use crate::sql::classify::Statement;

pub use crate::protocol::statement::MOST;

/// What makes two prepared statements the same.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct StatementKey {
    /// The text as the server got it.
    pub text: Box<[u8]>,
    /// What decided how it was understood.
    pub context: Context,
    /// 0, or more where one session has prepared the same statement several times.
    pub instance: u32,
}

/// One prepared statement.
#[derive(Debug)]
pub struct ClientStatement {
    /// By which a connection knows it.
    pub key: Arc<StatementKey>,
    /// Number of its parameters.
    pub parameters: u16,
    /// What its text asks for.
    pub statement: Arc<Statement>,
    /// The types that the client bound last, as in COM_STMT_EXECUTE: two bytes for each parameter.
    pub types: Option<Box<[u8]>>,
    /// Whether long data is pending, or a cursor open, on the connection.
    pub hold: Hold,
}

/// What of a statement is on one connection only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// Nothing.
    #[default]
    None,
    /// Long data for its next execution.
    LongData,
    /// Rows to fetch.
    Cursor,
}

/// All prepared statements of a client.
#[derive(Debug, Default)]
pub struct Statements {
    by_id: HashMap<u32, ClientStatement>,
    issued: u32,
    last: Option<u32>,
}

impl Statements {
    /// The id that the next statement will have; a server counts the same way.
    pub fn next_id(&self) -> u32 {
        self.issued.wrapping_add(1)
    }

    /// Whether there may be no more.
    pub fn is_full(&self) -> bool {
        self.by_id.len() >= MOST
    }

    /// A statement was prepared; its id is [`Self::next_id`].
    pub fn insert(&mut self, statement: ClientStatement) -> u32 {
        let id = self.next_id();
        self.issued = id;
        self.last = Some(id);
        self.by_id.insert(id, statement);
        id
    }

    /// An attempt to prepare one failed: it takes an id too, and nothing is the last one.
    pub fn failed(&mut self) {
        self.issued = self.next_id();
        self.last = None;
    }

    /// Ids go on where these have come to: those that a client may still remember name nothing.
    pub fn count_on_from(&mut self, former: &Self) {
        self.issued = former.issued;
    }

    /// The id meant by what a client sent: −1 is the statement prepared last (MariaDB's pipelining).
    pub fn resolve(&self, id: u32) -> Option<u32> {
        let id = if id == u32::MAX { self.last? } else { id };
        self.by_id.contains_key(&id).then_some(id)
    }

    /// Whether one of them is the same.
    pub fn knows(&self, key: &StatementKey) -> bool {
        self.by_id.values().any(|statement| *statement.key == *key)
    }

    /// The statement with this id.
    pub fn statement(&self, id: u32) -> Option<&ClientStatement> {
        self.by_id.get(&id)
    }

    /// The statement with this id, to change it.
    pub fn statement_mut(&mut self, id: u32) -> Option<&mut ClientStatement> {
        self.by_id.get_mut(&id)
    }

    /// The client closed it.
    pub fn remove(&mut self, id: u32) -> Option<ClientStatement> {
        self.by_id.remove(&id)
    }

    /// Whether any statement has this on the connection.
    pub fn any_holds(&self, hold: Hold) -> bool {
        self.by_id.values().any(|statement| statement.hold == hold)
    }

    /// After a reset there are none; ids go on.
    pub fn clear(&mut self) {
        self.by_id.clear();
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> ClientStatement {
        let key = StatementKey { text: b"DO ?"[..].into(), context: Context::default(), instance: 0 };
        ClientStatement {
            key: Arc::new(key),
            parameters: 1,
            statement: Arc::default(),
            types: None,
            hold: Hold::None,
        }
    }

    #[test]
    fn ids_count_up_and_minus_one_is_the_last() {
        let mut statements = Statements::default();
        assert_eq!(statements.resolve(u32::MAX), None);
        assert_eq!((statements.insert(statement()), statements.insert(statement())), (1, 2));
        assert_eq!(statements.resolve(u32::MAX), Some(2));
        assert!(statements.remove(2).is_some());
        assert_eq!((statements.resolve(2), statements.resolve(u32::MAX)), (None, None));
        assert_eq!(statements.resolve(1), Some(1));
    }

    #[test]
    fn after_a_failure_there_is_no_last_one() {
        let mut statements = Statements::default();
        statements.insert(statement());
        statements.failed();
        assert_eq!(statements.resolve(u32::MAX), None);
        assert_eq!(statements.next_id(), 3);
        let mut others = Statements::default();
        others.count_on_from(&statements);
        assert_eq!(others.next_id(), 3);
    }
}
