//! Prepared statements as the client knows them: its ids are the proxy's, valid over any change of connection.

use std::collections::HashMap;
use std::sync::Arc;

use crate::protocol::definitions::Shown;
use crate::protocol::reply::ServerError;
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
    /// How many columns the client knows it to have; 0 where it has no result of its own.
    pub columns: u16,
    /// The definitions of its columns that a client which keeps them was sent last.
    pub shown: Shown,
    /// Why it cannot be executed until it is reset: long data came for a parameter that there is not.
    pub failure: Option<ServerError>,
    hold: Hold,
}

/// What of a statement is on one connection only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// Rows to fetch.
    pub cursor: bool,
    /// Long data for its next execution.
    pub long_data: bool,
}

impl Hold {
    /// Whether there is nothing.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl ClientStatement {
    /// A statement that was just prepared.
    pub fn new(key: Arc<StatementKey>, statement: Arc<Statement>, parameters: u16, columns: u16) -> Self {
        Self {
            key,
            parameters,
            statement,
            types: None,
            columns,
            shown: Shown::default(),
            failure: None,
            hold: Hold::default(),
        }
    }

    /// What of it is on the session's connection only.
    pub fn hold(&self) -> Hold {
        self.hold
    }
}

/// All prepared statements of a client.
#[derive(Debug, Default)]
pub struct Statements {
    by_id: HashMap<u32, ClientStatement>,
    issued: u32,
    last: Option<u32>,
    /// Ids of those that hold something, of which there are few.
    held: Vec<u32>,
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
        self.refused();
        self.last = None;
    }

    /// Ids go on where these have come to: those that a client may still remember name nothing.
    pub fn count_on_from(&mut self, former: &Self) {
        self.issued = former.issued;
    }

    /// There are too many at the server: an attempt to prepare one more takes an id, but the last one is what it was (10.11).
    pub fn refused(&mut self) {
        self.issued = self.next_id();
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
        self.held.retain(|held| *held != id);
        self.by_id.remove(&id)
    }

    /// A statement has this on the connection from now on.
    pub fn set_hold(&mut self, id: u32, hold: Hold) {
        let Some(statement) = self.by_id.get_mut(&id) else { return };
        if statement.hold != hold {
            statement.hold = hold;
            self.held.retain(|held| *held != id);
            if !hold.is_empty() {
                self.held.push(id);
            }
        }
    }

    /// What all statements together have on the connection.
    pub fn holds(&self) -> Hold {
        let of = |id| self.by_id.get(id).map(ClientStatement::hold).unwrap_or_default();
        self.held.iter().map(of).fold(Hold::default(), |all, hold| Hold {
            cursor: all.cursor || hold.cursor,
            long_data: all.long_data || hold.long_data,
        })
    }

    /// After a reset there are none; ids go on.
    pub fn clear(&mut self) {
        self.by_id.clear();
        self.held.clear();
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> ClientStatement {
        let key = StatementKey { text: b"DO ?"[..].into(), context: Context::default(), instance: 0 };
        ClientStatement::new(Arc::new(key), Arc::default(), 1, 0)
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

    #[test]
    fn after_one_too_many_the_last_one_is_what_it_was() {
        let mut statements = Statements::default();
        statements.insert(statement());
        statements.refused();
        assert_eq!(statements.resolve(u32::MAX), Some(1));
        assert_eq!(statements.next_id(), 3);
    }

    #[test]
    fn what_statements_hold_is_told_together_until_each_is_free() {
        let mut statements = Statements::default();
        let (one, other) = (statements.insert(statement()), statements.insert(statement()));
        statements.set_hold(one, Hold { cursor: true, long_data: false });
        statements.set_hold(other, Hold { cursor: false, long_data: true });
        assert_eq!(statements.holds(), Hold { cursor: true, long_data: true });
        statements.set_hold(one, Hold::default());
        assert_eq!(statements.holds(), Hold { cursor: false, long_data: true });
        assert!(statements.remove(other).is_some());
        assert!(statements.holds().is_empty());
    }
}
