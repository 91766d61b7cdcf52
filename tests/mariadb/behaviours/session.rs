//! One client of a play: says statements in the protocol of the run and hands in its transcript when it leaves.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::client::{Exchange, RawClient};
use crate::support::login::{Login, ServerError};
use crate::support::wire::Packet;

/// What every session of a run was sent, by its name.
pub type Book = Arc<Mutex<BTreeMap<String, Vec<Exchange>>>>;

/// How statements are sent that both protocols can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// COM_QUERY.
    Text,
    /// COM_STMT_PREPARE, COM_STMT_EXECUTE, COM_STMT_CLOSE.
    Binary,
}

/// The error of a statement that cannot be prepared.
const NOT_PREPARABLE: u16 = 1295;

/// A client that is compared with the client of the same name in the run without the proxy.
pub struct Session {
    client: RawClient,
    name: String,
    protocol: Protocol,
    book: Book,
    vanishes: bool,
}

impl Session {
    pub fn connect(login: &Login, name: &str, protocol: Protocol, book: &Book) -> Self {
        let client = RawClient::connect(login).unwrap_or_else(|error| panic!("{name} comes in: {error:?}"));
        Self { client, name: name.to_owned(), protocol, book: Arc::clone(book), vanishes: false }
    }

    /// A statement that has to succeed, in the protocol of the run.
    pub fn say(&mut self, sql: &str) -> Vec<Packet> {
        let packets = self.tell(sql);
        if let Some(error) = error_in(&packets) {
            panic!("{} is refused `{sql}`: {error:?}", self.name);
        }
        packets
    }

    /// Several statements that have to succeed.
    pub fn say_all(&mut self, statements: &[&str]) {
        for sql in statements {
            self.say(sql);
        }
    }

    /// A statement that has to fail, in the protocol of the run.
    pub fn fails(&mut self, sql: &str) -> ServerError {
        let packets = self.tell(sql);
        error_in(&packets).unwrap_or_else(|| panic!("{}: `{sql}` succeeds", self.name))
    }

    /// A statement whose outcome is only compared.
    pub fn tell(&mut self, sql: &str) -> Vec<Packet> {
        if self.protocol == Protocol::Text {
            return self.client.query(sql);
        }
        let statement = self.client.prepare(sql);
        if statement == 0 {
            let answer = self.client.transcript.last().map(|exchange| exchange.packets.clone()).unwrap();
            let refused = error_in(&answer).is_some_and(|error| error.code == NOT_PREPARABLE);
            return if refused { self.client.query(sql) } else { answer };
        }
        let packets = self.client.execute(statement, 0, &[]);
        self.client.transcript.last_mut().unwrap().command = format!("execute {sql}");
        self.client.close_statement(statement);
        packets
    }

    /// Sweeps away warnings and errors, which a session may keep its connection for: a table in a SELECT does.
    pub fn clear_diagnostics(&mut self) {
        self.tell("SELECT seq FROM mysql.seq_1_to_2");
    }

    /// The first column of the first row, always in text.
    pub fn reads(&mut self, sql: &str) -> String {
        self.client.value(sql)
    }

    /// The server's own id of the connection that serves this session at the moment; nobody compares it.
    pub fn server_connection(&mut self) -> u32 {
        let own = "SELECT id FROM information_schema.processlist WHERE info LIKE '%the connection that serves this%' \
                   AND user = SUBSTRING_INDEX(USER(), '@', 1)";
        let id = self.client.value(own).parse().unwrap();
        self.forget_last();
        id
    }

    /// Leaves nothing of its last exchange to be compared, because chance has a part in it.
    pub fn forget_last(&mut self) {
        self.client.transcript.pop();
    }

    /// Whether the session is over at the server: an error may still be told, an answer may not be given.
    pub fn has_ended(&mut self) -> bool {
        let Ok(packets) = self.client.try_query("SELECT 'nobody answers'") else { return true };
        self.forget_last();
        error_in(&packets).is_some() && self.client.try_query("SELECT 'nobody answers'").is_err()
    }

    /// Disappears without a word.
    pub fn vanish(mut self) {
        self.vanishes = true;
    }

    fn hand_in(&mut self) {
        let transcript = std::mem::take(&mut self.client.transcript);
        self.book.lock().unwrap().entry(self.name.clone()).or_default().extend(transcript);
    }
}

impl Deref for Session {
    type Target = RawClient;

    fn deref(&self) -> &RawClient {
        &self.client
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut RawClient {
        &mut self.client
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.hand_in();
        }
        if !self.vanishes {
            let _ = self.client.send(b"\x01");
        }
    }
}

/// The error that ends a response, if one does.
pub fn error_in(packets: &[Packet]) -> Option<ServerError> {
    packets.last().and_then(|packet| ServerError::parse(&packet.payload))
}
